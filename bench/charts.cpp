// SPDX-License-Identifier: GPL-2.0-only
#include "bench/charts.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "bench/svg.h"

namespace xgre::bench {
namespace {

struct Theme {
    std::string_view name;
    std::string_view title;
};

constexpr Theme kThemes[] = {
    {"frames", "Frames a second through one host"},
    {"bulk", "Bulk TCP from VM to VM"},
    {"latency", "Request and response from VM to VM"},
    {"connections", "New TCP connections from VM to VM"},
    {"scale", "Frames a second through one host, as tables grow"},
    {"fan-out", "Broadcast: time for one copy"},
};

std::vector<const Peer*> peers_in(const Run& run, const std::vector<Line>& lines) {
    std::vector<const Peer*> peers;
    for (const Peer& peer : all_peers()) {
        if (std::ranges::any_of(lines, [&](const Line& line) {
                return find_valid(run, line, peer.key) != nullptr;
            })) {
            peers.push_back(&peer);
        }
    }
    return peers;
}

std::optional<Chart> chart_of(const Run& run, const Theme& theme) {
    std::vector<Line> lines = lines_of(run);
    std::erase_if(lines, [&](const Line& line) { return line.row->chart != theme.name; });
    const std::vector<const Peer*> peers = peers_in(run, lines);
    if (lines.empty() || peers.empty()) return std::nullopt;

    Bars bars{std::string{theme.title}, std::string{lines[0].what().unit}, {}, {}};
    for (const Peer* peer : peers)
        bars.series.emplace_back(peer->title);
    for (const Line& line : lines) {
        Bars::Group group{line.title(), {}};
        for (const Peer* peer : peers) {
            const Result* result = find_valid(run, line, peer->key);
            group.bars.push_back(result == nullptr
                                     ? std::nullopt
                                     : std::optional{spread_of(values_of(*result, line.metric))});
        }
        bars.groups.push_back(std::move(group));
    }
    return Chart{std::string{theme.name}, bars.title, as_svg(bars)};
}

}  // namespace

std::vector<Chart> charts_of(const Run& run) {
    std::vector<Chart> charts;
    for (const Theme& theme : kThemes) {
        if (auto chart = chart_of(run, theme)) charts.push_back(std::move(*chart));
    }
    return charts;
}

}  // namespace xgre::bench
