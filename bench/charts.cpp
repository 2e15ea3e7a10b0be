// SPDX-License-Identifier: GPL-2.0-only
#include "bench/charts.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

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

// Metrics differ too much in size to share an axis: a chart for each.
std::vector<std::string_view> metrics_in(const std::vector<Line>& lines) {
    std::vector<std::string_view> metrics;
    for (const Line& line : lines) {
        if (std::ranges::find(metrics, line.what().name) == metrics.end())
            metrics.push_back(line.what().name);
    }
    return metrics;
}

std::optional<Chart> chart_of(const Run& run, const Theme& theme, std::string_view metric,
                              std::vector<Line> lines) {
    std::erase_if(lines, [&](const Line& line) { return line.what().name != metric; });
    const std::vector<const Peer*> peers = peers_in(run, lines);
    if (peers.empty()) return std::nullopt;
    Bars bars{std::string{theme.title}, std::string{lines[0].what().unit}, {}, {}};
    std::string name{theme.name};
    if (!metric.empty()) {
        bars.title += fmt::format(", {}", metric);
        name += fmt::format("-{}", metric);
        std::ranges::replace(name, ' ', '-');
    }
    for (const Peer* peer : peers) {
        const auto colour = static_cast<std::size_t>(peer - all_peers().data());
        bars.series.push_back({std::string{peer->title}, colour});
    }
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
    return Chart{std::move(name), bars.title, as_svg(bars)};
}

}  // namespace

std::vector<Chart> charts_of(const Run& run) {
    std::vector<Chart> charts;
    for (const Theme& theme : kThemes) {
        std::vector<Line> lines = lines_of(run);
        std::erase_if(lines, [&](const Line& line) { return line.row->chart != theme.name; });
        for (const std::string_view metric : metrics_in(lines)) {
            if (auto chart = chart_of(run, theme, metric, lines))
                charts.push_back(std::move(*chart));
        }
    }
    return charts;
}

}  // namespace xgre::bench
