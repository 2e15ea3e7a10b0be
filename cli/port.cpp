// SPDX-License-Identifier: GPL-2.0-only
#include <algorithm>
#include <cstdint>
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
    std::optional<std::string> device;
    std::optional<std::string> network;
};

void add_add(CLI::App& noun, Context& context) {
    auto* add =
        noun.add_subcommand("add", "put an interface into a network, or change its settings");
    auto spec = std::make_shared<PortSpec>();
    auto addresses = std::make_shared<std::vector<std::optional<IpAddr>>>();
    add_value(*add, "DEV", spec->device, device_syntax(), "a VM's tap, or a veth")->required();
    add_value(*add, "--network", spec->network, network_syntax(),
              "the network; not needed for a port that vanished and is back");
    add_value(*add, "--mac-limit", spec->mac_limit, number_syntax(0, UINT32_MAX),
              "learn at most this many MACs behind it; 0: no limit (default: 0)");
    add_value(*add, "--broadcast-limit", spec->broadcast_limit, limit_syntax(),
              "broadcast and multicast frames a second that it may send (default: none)");
    add_value(*add, "--unknown-limit", spec->unknown_limit, limit_syntax(),
              "frames a second that it may send to unknown MACs (default: none)");
    add_values(*add, "--static", spec->static_macs, mac_syntax(),
               "a MAC that is behind it for good");
    add_switch(*add, "--isolated", spec->isolated,
               "it does not reach other isolated ports (default: off)");
    add_switch(*add, "--locked", spec->locked,
               "only MACs that the FDB has behind it may send (default: off)");
    add_switch(*add, "--direct", spec->direct,
               "of a veth: hand frames to its far end at once, past all that is set on DEV "
               "(default: off)");
    add_switch(*add, "--dhcp-guard", spec->dhcp_guard,
               "no messages of DHCP servers from it (default: off)");
    add_switch(*add, "--ra-guard", spec->ra_guard,
               "no IPv6 router advertisements and redirects from it (default: off)");
    add_switch(*add, "--lease-bound", spec->lease_bound,
               "only addresses that DHCP gave to the MAC that uses them (default: off)");
    add_values(*add, "--address", *addresses, vm_address_syntax(),
               "an address that it may use beside those; all that it had before are forgotten");
    CLI::Option* learning =
        add_switch(*add, "--learning", spec->learning, "learn MACs behind it (default: on)");
    CLI::Option* flood = add_switch(*add, "--flood", spec->flood,
                                    "send it what has an unknown destination (default: on)");
    add->add_flag_callback(
           "--no-learning", [spec] { spec->learning = false; }, "the same as --learning off")
        ->excludes(learning);
    add->add_flag_callback(
           "--no-flood", [spec] { spec->flood = false; }, "the same as --flood off")
        ->excludes(flood);
    add->footer(
        "Examples:\n"
        "  xgre port add tap0 --network lan\n"
        "  xgre port add tap0 --static 02:00:00:00:00:01 --locked on\n"
        "  xgre port add tap0 --lease-bound on --address 2001:db8:2::7");
    add->callback([&context, spec, addresses] {
        if (!addresses->empty()) spec->addresses.emplace();
        for (const auto& address : *addresses)
            if (address) spec->addresses->push_back(*address);
        report(context, context.open().add_port(*spec), "port " + spec->device, "already there");
    });
}

void add_del(CLI::App& noun, Context& context) {
    auto* del = noun.add_subcommand("del", "take an interface out of its network");
    auto which = std::make_shared<Which>();
    offer(add_value(*del, "DEV", which->device, device_syntax(), "the interface"), "<port>")
        ->required();
    add_value(*del, "--network", which->network, network_syntax(),
              "only when it is in this network");
    del->footer(
        "Example:\n"
        "  xgre port del tap0");
    del->callback([&context, which] {
        const std::string device = which->device.value_or("");
        Instance instance = context.open();
        if (which->network) {
            for (const PortInfo& port : instance.ports()) {
                if (port.device != device || port.network == *which->network) continue;
                throw Error{
                    "port " + device,
                    fmt::format("is in network {}, not in {}", port.network, *which->network),
                    "name that one, or leave --network out"};
            }
        }
        report(context, instance.delete_port(device), "port " + device, "not there");
    });
}

void add_show(CLI::App& noun, Context& context) {
    auto* show = noun.add_subcommand("show", "list ports");
    auto which = std::make_shared<Which>();
    offer(add_value(*show, "DEV", which->device, device_syntax(), "only this one"), "<port>");
    add_value(*show, "--network", which->network, network_syntax(), "only those of this network");
    show->footer(
        "Example:\n"
        "  xgre port show --network lan");
    show->callback([&context, which] {
        const Instance instance = context.view();
        if (which->network) check_network(instance.networks(), *which->network);
        std::vector<PortInfo> ports = instance.ports();
        std::erase_if(ports, [&](const PortInfo& port) {
            return (which->device && port.device != *which->device) ||
                   (which->network && port.network != *which->network);
        });
        if (which->device && ports.empty()) {
            throw Error{"port " + *which->device, "no such port",
                        "run `xgre port show` for those there are"};
        }
        context.out.list(port_fields(), ports);
    });
}

}  // namespace

void add_port_commands(CLI::App& app, Context& context) {
    auto* port = app.add_subcommand("port", "interfaces in networks: add, del, show");
    port->require_subcommand(1);
    add_add(*port, context);
    add_del(*port, context);
    add_show(*port, context);
}

}  // namespace xgre::cli
