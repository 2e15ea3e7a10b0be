// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/monitor.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/syntax.h"
#include "cli/time_of_day.h"

namespace xgre::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kOften{100};

struct MonitorOptions {
    std::vector<std::string> only;  // kinds
    std::optional<std::uint32_t> count;
    std::optional<milliseconds> time;
};

// What events are about, as --only names it.
const char* kind_of(EventType type) {
    switch (type) {
        case EventType::learned:
        case EventType::moved:
        case EventType::aged:
            return "fdb";
        case EventType::dropped:
            return "drops";
        case EventType::network_added:
        case EventType::network_removed:
            return "networks";
        case EventType::port_added:
        case EventType::port_removed:
        case EventType::port_gone:
        case EventType::port_back:
            return "ports";
        case EventType::peer_added:
        case EventType::peer_removed:
        case EventType::peer_state:
            return "peers";
    }
    return "";
}

Syntax<std::string> kind_syntax() {
    return {"KIND", "a kind of events", "one of fdb, drops, networks, ports, peers",
            [](std::string_view text) -> std::optional<std::string> {
                constexpr std::array<std::string_view, 5> kKinds{"fdb", "drops", "networks",
                                                                 "ports", "peers"};
                if (std::ranges::find(kKinds, text) == kKinds.end()) return std::nullopt;
                return std::string{text};
            },
            "fdb|drops|networks|ports|peers"};
}

std::string text_of(const EventOwner& owner) {
    if (owner.peer) return "peer " + owner.peer->format();
    return owner.port.empty() ? "nobody" : "port " + owner.port;
}

// What the type leaves open.
std::string details_of(const Event& event) {
    if (event.type == EventType::dropped) {
        const std::string from = event.owner.peer ? ", " + text_of(event.owner) : "";
        return fmt::format("{}: {}; {} bytes by {}{}, {}", event.verdict, event.help, event.length,
                           event.device, from, event.program);
    }
    if (event.mac) {
        const std::string vlan = event.vlan == 0 ? "" : fmt::format(" vlan {}", event.vlan);
        const std::string old =
            event.type == EventType::moved ? fmt::format(" from {} to", text_of(event.old)) : " at";
        return fmt::format("{}{}{} {}", event.mac->format(), vlan, old, text_of(event.owner));
    }
    if (event.type == EventType::peer_state)
        return fmt::format("{} is {}, was {}", text_of(event.owner), name_of(event.state),
                           name_of(event.old_state));
    return event.owner.peer || !event.owner.port.empty() ? text_of(event.owner) : event.network;
}

Json to_json(const EventOwner& owner) {
    if (owner.peer) return {{"peer", owner.peer->format()}};
    if (owner.port.empty()) return nullptr;
    return {{"port", owner.port}};
}

Json to_json(const Event& event) {
    Json json{{"time_ns", event.time.count()}, {"event", name_of(event.type)}};
    json["network"] = event.network.empty() ? Json{} : Json(event.network);
    if (event.type == EventType::dropped) {
        json["device"] = event.device;
        json["peer"] = event.owner.peer ? Json(event.owner.peer->format()) : Json{};
        json["program"] = event.program;
        json["reason"] = event.verdict;
        json["length"] = event.length;
        return json;
    }
    if (event.mac) {
        json["mac"] = event.mac->format();
        json["vlan"] = event.vlan;
    }
    json["owner"] = to_json(event.owner);
    if (event.type == EventType::moved) json["old_owner"] = to_json(event.old);
    if (event.type == EventType::peer_state) {
        json["state"] = name_of(event.state);
        json["old_state"] = name_of(event.old_state);
    }
    return json;
}

void print(const Printer& out, const Event& event) {
    if (out.json()) return out.json_line(to_json(event));
    const std::string network = event.network.empty() ? "" : ", network " + event.network;
    out.line(fmt::format("{} {:<15} {}{}", time_of_day(event.time), name_of(event.type),
                         details_of(event), event.mac || event.owner.peer ? network : ""));
}

bool is_wanted(const MonitorOptions& options, const Event& event) {
    return options.only.empty() ||
           std::ranges::find(options.only, kind_of(event.type)) != options.only.end();
}

void say_totals(const Monitor& monitor) {
    const MonitorTotals totals = monitor.totals();
    if (totals.lost != 0) say(fmt::format("{} events lost, as they came too fast", totals.lost));
    if (totals.drops_left_out != 0)
        say(fmt::format("{} drops more, which came too fast to be shown; `xgre stats` has them all",
                        totals.drops_left_out));
}

void watch(const Context& context, const MonitorOptions& options) {
    const Interrupt interrupt;
    Monitor monitor = Monitor::start(context.session);
    std::uint64_t shown = 0;
    const auto is_over = [&] { return options.count && shown >= *options.count; };
    const auto end = steady_clock::now() + options.time.value_or(milliseconds{0});
    while (!is_over() && !interrupt.wait(milliseconds{0}) &&
           (!options.time || steady_clock::now() < end)) {
        monitor.read(kOften, [&](const Event& event) {
            if (is_over() || !is_wanted(options, event)) return;
            print(context.out, event);
            ++shown;
        });
        context.out.check_reader();
        context.out.finish();
    }
    say_totals(monitor);
}

}  // namespace

void add_monitor_command(CLI::App& app, Context& context) {
    auto* monitor = app.add_subcommand("monitor", "what happens, as it happens");
    auto options = std::make_shared<MonitorOptions>();
    add_values(*monitor, "--only", options->only, kind_syntax(),
               "only events of this kind: fdb, drops, networks, ports or peers");
    add_value(*monitor, "-c,--count", options->count, number_syntax(1, UINT32_MAX),
              "end after this many events");
    add_value(*monitor, "--seconds", options->time, duration_syntax(),
              "end after so long (default: with Ctrl-C)");
    monitor->footer(
        "Addresses that are learned, move or age, frames that are dropped, networks, ports and\n"
        "peers that come and go, and whether peers are up, as in `xgre peer show`. Of drops, 200 a "
        "second at most; the others are counted.\n"
        "Examples:\n"
        "  xgre monitor\n"
        "  xgre monitor --only drops --only ports\n"
        "  xgre monitor --json | jq -c 'select(.event == \"moved\")'");
    monitor->callback([&context, options] { watch(context, *options); });
}

}  // namespace xgre::cli
