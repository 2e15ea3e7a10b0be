// SPDX-License-Identifier: GPL-2.0-only
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
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

// What is the same of many devices, in a line.
class Reasons {
public:
    void add(const Device& device, std::string_view what, const std::string& reason,
             const std::string& remedy) {
        std::string text = fmt::format("{}: {}", what, reason);
        if (!remedy.empty()) text += "; " + remedy;
        const auto line = std::ranges::find(lines_, text, &Line::text);
        if (line == lines_.end())
            lines_.push_back({device.name, std::move(text)});
        else
            line->devices += ", " + device.name;
    }

    void print(const Printer& out, std::string_view title) const {
        if (lines_.empty()) return;
        out.line(fmt::format("\n{}:", title));
        for (const Line& line : lines_)
            out.line(printable(fmt::format("  {}: {}", line.devices, line.text)));
    }

private:
    struct Line {
        std::string devices;
        std::string text;
    };
    std::vector<Line> lines_;
};

// Why a device does not have XDP, and what would change it.
void print_reasons(const Printer& out, const std::vector<Device>& devices) {
    constexpr const char* kReceived = "no XDP on what it receives";
    const bool any_xdp =
        std::ranges::any_of(devices, [](const Device& d) { return d.hook.xdp != "none"; });
    Reasons slower;
    Reasons as_fast;
    for (const Device& device : devices) {
        const HookInfo& hook = device.hook;
        if (!hook.reason.empty())
            (hook.xdp_pays ? slower : as_fast).add(device, kReceived, hook.reason, hook.remedy);
        // Where no XDP program runs, none could send.
        if (any_xdp && !hook.transmit_reason.empty())
            slower.add(device, "no XDP on what is sent into it", hook.transmit_reason,
                       hook.transmit_remedy);
    }
    slower.print(out, "Slower than it could be");
    as_fast.print(out, "By TC alone, which is faster here");
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
    print_reasons(out, devices);
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
