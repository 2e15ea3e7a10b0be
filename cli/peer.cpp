// SPDX-License-Identifier: GPL-2.0-only
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/fields.h"
#include "cli/syntax.h"

namespace xgre::cli {
namespace {

struct Which {
    std::optional<IpAddr> address;
    std::optional<std::string> network;
};

std::shared_ptr<PeerSpec> add_spec(CLI::App& command) {
    auto spec = std::make_shared<PeerSpec>();
    add_value(command, "ADDR", spec->address, address_syntax(), "the other host's local address")
        ->required();
    add_value(command, "--network", spec->network, network_syntax(), "the network")->required();
    return spec;
}

std::string name_of(const PeerSpec& spec) {
    return fmt::format("peer {} of network {}", spec.address, spec.network);
}

void add_add(CLI::App& noun, Context& context) {
    auto* add = noun.add_subcommand(
        "add", "let another host into a network, or change how it is spoken to");
    auto spec = add_spec(*add);
    add_value(*add, "--ikey", spec->ikey, key_or_none_syntax(),
              "the GRE key that it sends (default: the network's)");
    add_value(*add, "--okey", spec->okey, key_or_none_syntax(),
              "the GRE key that it is sent (default: the network's)");
    add_switch(*add, "--icsum", spec->icsum,
               "take nothing from it without a GRE checksum (default: off)");
    add_switch(*add, "--iseq", spec->iseq,
               "take nothing from it without a sequence number, nor out of order (default: off)");
    add_switch(*add, "--ocsum", spec->ocsum, "send it GRE checksums (default: off)");
    add_switch(*add, "--oseq", spec->oseq, "send it sequence numbers (default: off)");
    add_switch(*add, "--rp-filter", spec->rp_filter,
               "take nothing while the route to it leads over another device (default: off)");
    add_value(*add, "--mac-limit", spec->mac_limit, number_syntax(0, UINT32_MAX),
              "learn at most so many MACs behind it; 0 is no limit (default: half of the FDB)");
    add_value(
        *add, "--ttl", spec->ttl, byte_or_syntax("inherit"),
        "TTL or hop limit of its packets, or inherit: that of the packet inside (default: 64)");
    add_value(*add, "--tos", spec->tos, byte_or_syntax("inherit"),
              "TOS or traffic class, without the two bits of ECN, or inherit (default: 0)");
    add_value(*add, "--df", spec->df, df_syntax(),
              "the bit that forbids routers to cut its packets: set, unset or inherit; IPv4 only "
              "(default: set)");
    add_value(
        *add, "--encap-limit", spec->encap_limit, byte_or_syntax("none"),
        "how many tunnels more may be put around its packets; IPv6 only (default: none, which "
        "says nothing)");
    add_value(
        *add, "--flow-label", spec->flow_label, flow_label_syntax(),
        "flow label of its packets, or inherit: one for each flow inside; IPv6 only (default: "
        "inherit)");
    add->footer(
        "Examples:\n"
        "  xgre peer add 198.18.0.2 --network lan\n"
        "  xgre peer add 2001:db8:1::2 --network lan --ttl inherit");
    add->callback([&context, spec] {
        report(context, context.open().add_peer(*spec), name_of(*spec), "already there");
    });
}

void add_del(CLI::App& noun, Context& context) {
    auto* del = noun.add_subcommand("del", "take another host out of a network");
    auto spec = add_spec(*del);
    del->footer(
        "Example:\n"
        "  xgre peer del 198.18.0.2 --network lan");
    del->callback([&context, spec] {
        report(context, context.open().delete_peer(*spec), name_of(*spec), "not there");
    });
}

void add_show(CLI::App& noun, Context& context) {
    auto* show = noun.add_subcommand("show", "list peers");
    auto which = std::make_shared<Which>();
    add_value(*show, "ADDR", which->address, address_syntax(), "only this one");
    add_value(*show, "--network", which->network, network_syntax(), "only those of this network");
    show->footer(
        "Example:\n"
        "  xgre peer show --network lan");
    show->callback([&context, which] {
        const Instance instance = context.view();
        if (which->network) check_network(instance.networks(), *which->network);
        std::vector<PeerInfo> peers = instance.peers();
        std::erase_if(peers, [&](const PeerInfo& peer) {
            return (which->address && peer.address != *which->address) ||
                   (which->network && peer.network != *which->network);
        });
        if (which->address && peers.empty()) {
            throw Error{"peer " + which->address->format(), "no such peer",
                        "run `xgre peer show` for those there are"};
        }
        context.out.list(peer_fields(), peers);
    });
}

}  // namespace

void add_peer_commands(CLI::App& app, Context& context) {
    auto* peer = app.add_subcommand("peer", "other hosts in networks: add, del, show");
    peer->require_subcommand(1);
    add_add(*peer, context);
    add_del(*peer, context);
    add_show(*peer, context);
}

}  // namespace xgre::cli
