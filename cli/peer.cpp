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
    std::optional<Ip4Addr> address;
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
    auto* add = noun.add_subcommand("add", "let another host into a network");
    auto spec = add_spec(*add);
    add->footer(
        "Example:\n"
        "  xgre peer add 198.18.0.2 --network lan");
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
        std::vector<PeerInfo> peers = context.view().peers();
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
