// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/dhcp.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/fields.h"
#include "cli/syntax.h"

namespace xgre::cli {
namespace {

struct StartOptions {
    DhcpSpec spec;
    std::optional<AddressRange> range;
};

void add_start(CLI::App& noun, Context& context) {
    auto* start =
        noun.add_subcommand("start", "serve a network, from a namespace that routes for it");
    auto options = std::make_shared<StartOptions>();
    DhcpSpec& spec = options->spec;
    add_value(*start, "--network", spec.network, network_syntax(), "the network")->required();
    add_value(*start, "--subnet", spec.subnet, subnet_syntax(),
              "its addresses (needed the first time)");
    add_value(*start, "--range", options->range, range_syntax(),
              "addresses to lease (default: all but the gateway's)");
    add_value(*start, "--gateway", spec.gateway, ip4_syntax(),
              "the router's own address (default: the subnet's first)");
    add_values(*start, "--dns", spec.dns, ip4_syntax(), "a name server to announce");
    add_values(*start, "--host", spec.hosts, host_syntax(), "an address for one MAC");
    add_value(*start, "--router", spec.router, netns_syntax(),
              "share the router of this name with other networks: it routes between them "
              "(default: a router of its own)");
    add_value(*start, "--lease-time", spec.lease_time, lease_time_syntax(),
              "how long a lease lasts (default: 3600)");
    start->footer(
        "Examples:\n"
        "  xgre dhcp start --network lan --subnet 192.0.2.0/24\n"
        "  xgre dhcp start --network lan --subnet 192.0.2.0/24 --range 192.0.2.100-192.0.2.199 "
        "--host 02:00:00:00:00:01=192.0.2.7");
    start->callback([&context, options] {
        if (options->range) {
            options->spec.range_first = options->range->first;
            options->spec.range_last = options->range->last;
        }
        const DhcpStarted started = start_dhcp(context.session, options->spec);
        for (const std::string& repair : started.repairs)
            say("repaired: " + repair);
        report(context, started.change, "dhcp of network " + options->spec.network,
               "already running");
    });
}

void add_stop(CLI::App& noun, Context& context) {
    auto* stop = noun.add_subcommand("stop", "end the service: router, port and leases go");
    auto network = std::make_shared<std::string>();
    add_value(*stop, "--network", *network, network_syntax(), "the network")->required();
    stop->footer(
        "Example:\n"
        "  xgre dhcp stop --network lan");
    stop->callback([&context, network] {
        report(context, stop_dhcp(context.session, *network), "dhcp of network " + *network,
               "not there");
    });
}

struct NetworkLease {
    std::string network;
    DhcpLease lease;
};

const Fields<NetworkLease>& network_lease_fields() {
    static const Fields<NetworkLease> fields = [] {
        Fields<NetworkLease> list{
            {"network", "NETWORK", [](const NetworkLease& l) { return l.network; }},
        };
        append<NetworkLease, DhcpLease>(
            list, lease_fields(),
            [](const NetworkLease& l) -> const DhcpLease& { return l.lease; });
        return list;
    }();
    return fields;
}

void print_leases(const Printer& out, const std::vector<DhcpInfo>& services) {
    std::vector<NetworkLease> leases;
    for (const DhcpInfo& service : services) {
        for (const DhcpLease& lease : service.leases)
            leases.push_back({service.network, lease});
    }
    if (leases.empty()) return;
    out.line("");
    out.list(network_lease_fields(), leases);
}

void add_show(CLI::App& noun, Context& context) {
    auto* show = noun.add_subcommand("show", "list services and their leases");
    auto network = std::make_shared<std::optional<std::string>>();
    add_value(*show, "--network", *network, network_syntax(), "only of this network");
    show->footer(
        "Example:\n"
        "  xgre dhcp show --network lan");
    show->callback([&context, network] {
        const std::vector<DhcpInfo> services = show_dhcp(context.session, *network);
        for (const DhcpInfo& service : services) {
            for (const std::string& problem : service.problems) {
                say("dhcp of network " + service.network + ": " + problem);
            }
        }
        context.out.list(dhcp_fields(), services);
        if (!context.out.json()) print_leases(context.out, services);
    });
}

}  // namespace

void add_dhcp_commands(CLI::App& app, Context& context) {
    auto* dhcp = app.add_subcommand("dhcp", "addresses for VMs: start, stop, show");
    dhcp->require_subcommand(1);
    add_start(*dhcp, context);
    add_stop(*dhcp, context);
    add_show(*dhcp, context);
}

}  // namespace xgre::cli
