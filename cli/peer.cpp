// SPDX-License-Identifier: GPL-2.0-only
#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/fields.h"
#include "cli/interrupt.h"
#include "cli/syntax.h"
#include "xgre/probe.h"

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

// ---- probe ----------------------------------------------------------------------------------

Json time_of(const ProbeResult& result, std::chrono::nanoseconds time) {
    return result.answered == 0 ? Json{} : milliseconds_of(time);
}

std::string three_digits(const Json& value) {
    return value.is_null() ? "-" : fmt::format("{:.3f}", value.get<double>());
}

// Where its probe and the answer met XDP.
Json path_of(const ProbeResult& result) {
    if (result.answered == 0) return nullptr;
    if (result.xdp_there && result.xdp_back) return "both ways";
    if (result.xdp_there) return "there";
    return result.xdp_back ? "back" : "no";
}

Json host_of(const ProbeResult& result) {
    if (!result.refusal.empty()) return result.refusal;
    if (!result.host_answers) return nullptr;
    return *result.host_answers ? "the host answers pings" : "the host is silent, too";
}

const Fields<ProbeResult>& probe_fields() {
    static const Fields<ProbeResult> fields{
        {"address", "PEER", [](const ProbeResult& r) { return r.address.format(); }},
        {"network", "NETWORK", [](const ProbeResult& r) { return r.network; }},
        {"state", "STATE", [](const ProbeResult& r) { return name_of(r.state); }},
        {"sent", "SENT", [](const ProbeResult& r) { return r.sent; }},
        {"answered", "ANSWERED", [](const ProbeResult& r) { return r.answered; }},
        {"rtt_min_ms", "MIN-MS", [](const ProbeResult& r) { return time_of(r, r.least); },
         three_digits},
        {"rtt_mean_ms", "MEAN-MS", [](const ProbeResult& r) { return time_of(r, r.mean); },
         three_digits},
        {"rtt_max_ms", "MAX-MS", [](const ProbeResult& r) { return time_of(r, r.most); },
         three_digits},
        {"", "XDP", path_of},
        {"xdp_there", "",
         [](const ProbeResult& r) { return r.answered == 0 ? Json{} : Json(r.xdp_there); }},
        {"xdp_back", "",
         [](const ProbeResult& r) { return r.answered == 0 ? Json{} : Json(r.xdp_back); }},
        {"", "NOTE", host_of},
        {"host_answers", "", [](const ProbeResult& r) { return json_or_null(r.host_answers); }},
        {"refusal", "",
         [](const ProbeResult& r) { return r.refusal.empty() ? Json{} : Json(r.refusal); }},
    };
    return fields;
}

struct ProbeOptions {
    ProbeSpec spec;
    std::optional<std::uint32_t> count;
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<std::chrono::milliseconds> interval;
};

void run_probe(Context& context, const ProbeOptions& options) {
    ProbeSpec spec = options.spec;
    if (options.count) spec.count = *options.count;
    if (options.timeout) spec.timeout = *options.timeout;
    if (options.interval) spec.interval = *options.interval;
    const Interrupt interrupt;
    const std::vector<ProbeResult> results = probe(context.session, spec, [&interrupt] {
        return !interrupt.wait(std::chrono::milliseconds{0});
    });
    context.out.list(probe_fields(), results);
    const bool all_answer = std::ranges::all_of(results, [](const ProbeResult& result) {
        return result.answered != 0 && result.refusal.empty();
    });
    if (!all_answer) context.exit_done = 1;
}

void add_probe(CLI::App& noun, Context& context) {
    auto* command =
        noun.add_subcommand("probe", "ask peers through their tunnels whether they are there");
    auto options = std::make_shared<ProbeOptions>();
    add_value(*command, "ADDR", options->spec.address, address_syntax(),
              "only this one (default: all)");
    add_value(*command, "--network", options->spec.network, network_syntax(),
              "only those of this network");
    add_value(*command, "-c,--count", options->count, number_syntax(1, 1'000'000),
              "probes to each (default: 3)");
    add_value(*command, "--mtu", options->spec.mtu, number_syntax(46, 16000),
              "probes as large as an IP packet of so many bytes (default: 46, the least)");
    add_value(*command, "--timeout", options->timeout, duration_syntax(),
              "how long to wait for an answer (default: 1)");
    add_value(*command, "--interval", options->interval, duration_syntax(),
              "from one answer to the next probe (default: 0.2)");
    command->footer(
        "Where xgre runs, its data path answers. Exit code 1: one of them did not.\n"
        "Examples:\n"
        "  xgre peer probe\n"
        "  xgre peer probe 198.18.0.2 --mtu 1400");
    command->callback([&context, options] { run_probe(context, *options); });
}

}  // namespace

void add_peer_commands(CLI::App& app, Context& context) {
    auto* peer = app.add_subcommand("peer", "other hosts in networks: add, del, show, probe");
    peer->require_subcommand(1);
    add_add(*peer, context);
    add_del(*peer, context);
    add_show(*peer, context);
    add_probe(*peer, context);
}

}  // namespace xgre::cli
