// SPDX-License-Identifier: GPL-2.0-only
#include <memory>
#include <string>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/fields.h"
#include "cli/syntax.h"

namespace xgre::cli {
namespace {

std::string name_of(const FdbSpec& spec) {
    std::string name = fmt::format("fdb entry {} of network {}", spec.mac, spec.network);
    if (spec.vlan != Vlan{}) name += fmt::format(", VLAN {}", spec.vlan);
    return name;
}

std::shared_ptr<FdbSpec> add_spec(CLI::App& command) {
    auto spec = std::make_shared<FdbSpec>();
    add_value(command, "MAC", spec->mac, mac_syntax(), "the entry's address")->required();
    add_value(command, "--network", spec->network, network_syntax(), "the network")->required();
    add_value(command, "--vlan", spec->vlan, vlan_syntax(), "the VLAN (default: 0, untagged)");
    return spec;
}

std::shared_ptr<FdbFilter> add_filter(CLI::App& command) {
    auto filter = std::make_shared<FdbFilter>();
    add_value(command, "--network", filter->network, network_syntax(), "only of this network");
    add_value(command, "--vlan", filter->vlan, vlan_syntax(), "only of this VLAN; 0: untagged");
    CLI::Option* port =
        offer(add_value(command, "--port", filter->port, device_syntax(), "only behind this port"),
              "<port>");
    add_value(command, "--peer", filter->peer, address_syntax(), "only behind this peer")
        ->excludes(port);
    return filter;
}

void add_show(CLI::App& noun, Context& context) {
    auto* show = noun.add_subcommand("show", "list who is where, and for how long");
    auto filter = add_filter(*show);
    add_value(*show, "--mac", filter->mac, mac_syntax(), "only this address");
    show->footer(
        "Examples:\n"
        "  xgre fdb show --network lan\n"
        "  xgre --json fdb show --mac 02:00:00:00:00:01");
    show->callback([&context, filter] {
        const Instance instance = context.view();
        List<FdbInfo> list = context.out.stream(fdb_fields());
        instance.fdb(*filter, [&list](const FdbInfo& entry) { list.add(entry); });
        list.finish();
    });
}

void add_add(CLI::App& noun, Context& context) {
    auto* add = noun.add_subcommand("add", "make a static entry, which neither ages nor moves");
    auto spec = add_spec(*add);
    CLI::Option* port = offer(
        add_value(*add, "--port", spec->port, device_syntax(), "it is behind this"), "<port>");
    add_value(*add, "--peer", spec->peer, address_syntax(), "it is behind this")->excludes(port);
    add->footer(
        "Example:\n"
        "  xgre fdb add 02:00:00:00:00:01 --network lan --port tap0");
    add->callback([&context, spec] {
        if (!spec->port && !spec->peer) {
            throw Misuse{"fdb add", "neither --port nor --peer says where the address is",
                         "give one of them"};
        }
        report(context, context.open().add_fdb(*spec), name_of(*spec), "already there");
    });
}

void add_del(CLI::App& noun, Context& context) {
    auto* del = noun.add_subcommand("del", "remove one entry, static or learned");
    auto spec = add_spec(*del);
    del->footer(
        "Example:\n"
        "  xgre fdb del 02:00:00:00:00:01 --network lan");
    del->callback([&context, spec] {
        report(context, context.open().delete_fdb(*spec), name_of(*spec), "not there");
    });
}

void add_flush(CLI::App& noun, Context& context) {
    auto* flush = noun.add_subcommand("flush", "forget what was learned, all or what matches");
    auto filter = add_filter(*flush);
    flush->footer(
        "Static entries stay.\n"
        "Example:\n"
        "  xgre fdb flush --port tap0");
    flush->callback([&context, filter] {
        const std::uint32_t flushed = context.open().flush_fdb(*filter);
        if (context.out.json()) {
            context.out.json_object({{"flushed", flushed}});
        } else {
            context.out.line(
                fmt::format("{} {} flushed", flushed, flushed == 1 ? "entry" : "entries"));
        }
    });
}

}  // namespace

void add_fdb_commands(CLI::App& app, Context& context) {
    auto* fdb = app.add_subcommand("fdb", "forwarding database: show, add, del, flush");
    fdb->require_subcommand(1);
    add_show(*fdb, context);
    add_add(*fdb, context);
    add_del(*fdb, context);
    add_flush(*fdb, context);
}

}  // namespace xgre::cli
