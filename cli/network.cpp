// SPDX-License-Identifier: GPL-2.0-only
#include <algorithm>
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

void add_add(CLI::App& noun, Context& context) {
    auto* add = noun.add_subcommand("add", "make a network, or change its settings");
    auto spec = std::make_shared<NetworkSpec>();
    add_value(*add, "NAME", spec->name, network_syntax(), "its name on this host")->required();
    add_value(*add, "--key", spec->key, key_syntax(),
              "its GRE key, the same on every host, for good (default: no key)");
    add_value(*add, "--mode", spec->mode, mode_syntax(),
              "what the key is on the wire: gre, all of it; nvgre, a VSID of 24 bits and a number "
              "for the flow (default: gre)");
    add_value(*add, "--mtu", spec->mtu, mtu_syntax(),
              "bytes of the largest IP packet inside, or auto: what fits the uplink (default: "
              "auto)");
    add_value(*add, "--ageing", spec->ageing, ageing_syntax(),
              "forget a learned MAC that was silent this long (default: 300)");
    add->footer(
        "Examples:\n"
        "  xgre network add lan --key 7\n"
        "  xgre network add lan --key 5001 --mode nvgre");
    add->callback([&context, spec] {
        report(context, context.open().add_network(*spec), "network " + spec->name,
               "already there");
    });
}

void add_del(CLI::App& noun, Context& context) {
    auto* del = noun.add_subcommand("del", "remove a network that has no ports and peers");
    auto name = std::make_shared<std::string>();
    add_value(*del, "NAME", *name, network_syntax(), "the network")->required();
    del->footer(
        "Example:\n"
        "  xgre network del lan");
    del->callback([&context, name] {
        report(context, context.open().delete_network(*name), "network " + *name, "not there");
    });
}

void add_show(CLI::App& noun, Context& context) {
    auto* show = noun.add_subcommand("show", "list networks");
    auto name = std::make_shared<std::optional<std::string>>();
    add_value(*show, "NAME", *name, network_syntax(), "only this one");
    show->footer(
        "Example:\n"
        "  xgre network show");
    show->callback([&context, name] {
        std::vector<NetworkInfo> networks = context.view().networks();
        if (*name) check_network(networks, **name);
        std::erase_if(networks, [&](const NetworkInfo& n) { return *name && n.name != **name; });
        context.out.list(network_fields(), networks);
    });
}

}  // namespace

void add_network_commands(CLI::App& app, Context& context) {
    auto* network = app.add_subcommand("network", "Ethernet segments: add, del, show");
    network->require_subcommand(1);
    add_add(*network, context);
    add_del(*network, context);
    add_show(*network, context);
}

}  // namespace xgre::cli
