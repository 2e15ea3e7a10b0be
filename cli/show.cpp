// SPDX-License-Identifier: GPL-2.0-only
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/fields.h"

namespace xgre::cli {
namespace {

struct Device {
    std::string name;
    std::string role;
    std::string network;
    bool gone = false;
    HookInfo hook;
};

const Fields<Device>& device_fields() {
    static const Fields<Device> fields = [] {
        Fields<Device> list{
            {"device", "DEVICE", [](const Device& d) { return d.name; }},
            {"role", "ROLE", [](const Device& d) { return d.role; }},
            {"network", "NETWORK", [](const Device& d) { return d.network; }},
            {"gone", "STATE", [](const Device& d) { return d.gone ? "gone" : "live"; }, plain,
             kSetup, is_gone},
        };
        append<Device, HookInfo>(list, hook_fields(),
                                 [](const Device& d) -> const HookInfo& { return d.hook; });
        return list;
    }();
    return fields;
}

std::vector<Device> devices_of(const InstanceInfo& info) {
    std::vector<Device> devices{{info.uplink, "uplink", "", info.uplink_gone, info.hook}};
    for (const PortInfo& port : info.ports) {
        devices.push_back({port.device, "port", port.network, port.gone, port.hook});
    }
    return devices;
}

std::string reason_line(const Device& device, std::string_view what, const std::string& reason,
                        const std::string& remedy) {
    std::string text = fmt::format("  {}: {}: {}", device.name, what, reason);
    if (!remedy.empty()) text += "; " + remedy;
    return printable(text);
}

// Why a device does not have the fastest of all, and what would change it.
std::vector<std::string> slower(const std::vector<Device>& devices) {
    std::vector<std::string> lines;
    for (const Device& device : devices) {
        const HookInfo& hook = device.hook;
        if (!hook.reason.empty() && hook.xdp_pays) {
            lines.push_back(
                reason_line(device, "no XDP on what it receives", hook.reason, hook.remedy));
        }
        if (!hook.transmit_reason.empty()) {
            lines.push_back(reason_line(device, "no XDP on what is sent into it",
                                        hook.transmit_reason, hook.transmit_remedy));
        }
    }
    return lines;
}

template <typename T>
void section(const Printer& out, const Fields<T>& fields, const std::vector<T>& values) {
    if (values.empty()) return;
    out.line("");
    out.list(fields, values);
}

void print(const Printer& out, const InstanceInfo& info, bool maps) {
    out.object(instance_fields(), info);
    const std::vector<Device> devices = devices_of(info);
    section(out, device_fields(), devices);
    const std::vector<std::string> lines = slower(devices);
    if (!lines.empty()) out.line("\nSlower than it could be:");
    for (const std::string& line : lines)
        out.line(line);
    section(out, network_fields(), info.networks);
    section(out, peer_fields(), info.peers);
    if (maps) section(out, map_fields(), info.maps);
}

}  // namespace

void add_show_command(CLI::App& app, Context& context) {
    auto* show = app.add_subcommand("show", "the instance: devices and their hooks, networks");
    auto maps = std::make_shared<bool>(false);
    show->add_flag("--maps", *maps, "also the memory of each map; JSON always has it");
    show->footer(
        "Example:\n"
        "  xgre show --maps");
    show->callback([&context, maps] {
        const InstanceInfo info = context.view().show();
        if (context.out.json()) return context.out.object(instance_fields(), info);
        print(context.out, info, *maps);
    });
}

}  // namespace xgre::cli
