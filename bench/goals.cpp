// SPDX-License-Identifier: GPL-2.0-only
#include "bench/goals.h"

#include <algorithm>

#include <fmt/format.h>

namespace xgre::bench {
namespace {

constexpr bool kAtLeast = true;
constexpr bool kAtMost = false;

void add_goals_of_size(std::vector<Goal>& goals) {
    goals.push_back({"fdb", "FDB of 1 000 000", "", kXgre, kAtLeast, 0.8, {}, "FDB of 10"});
    for (const std::string_view peers : {"100 peers", "4 000 peers"})
        goals.push_back({"peers", peers, "", kXgre, kAtLeast, 0.9, {}, "1 peer"});
    // In trains, too: without, each port's poller is woken for one frame, which the limit shows.
    for (const std::string_view networks :
         {"100 networks", "1 000 networks", "1 000 in trains of 64 frames"})
        goals.push_back({"networks", networks, "", kXgre, kAtLeast, 0.9, {}, "1 network"});
    // "Falls or is flat": what is within 5 % is flat.
    for (const std::string_view peers : {"16 peers", "128 peers"})
        goals.push_back({"broadcast", peers, "", kXgre, kAtMost, 1.05, {}, "2 peers"});
    goals.push_back({"learning", "new sources", "", kXgre, kAtLeast, 3, kVxlan, {}});
    goals.push_back(
        {"learning", "new sources, FDB full", "", kXgre, kAtLeast, 0.5, {}, "known source"});
    goals.push_back({"setup", "", "dump of 1 000 000 addresses", kXgre, kAtMost, 2, {}, {}});
}

// On a veth, TC only is what xgre chooses by itself.
void add_goals_between_vms(std::vector<Goal>& goals, std::string_view peer) {
    for (const std::string_view streams : {"1 stream", "8 streams"}) {
        goals.push_back({"tcp", streams, "", peer, kAtLeast, 1.3, kVxlan, {}});
        goals.push_back({"tcp", streams, "", peer, kAtLeast, 0.8, kBridge, {}});
    }
    for (const std::string_view streams : {"1 stream", "8 streams"})
        goals.push_back({"tcp-plain", streams, "", peer, kAtLeast, 1, kVxlan, {}});
    goals.push_back({"tap", "", "", peer, kAtLeast, 1.3, kVxlan, {}});
    goals.push_back({"tap", "", "", peer, kAtLeast, 0.8, kBridge, {}});
    for (const std::string_view row : {"rr-udp", "rr-tcp"}) {
        for (const std::string_view part : {"p50", "p99", "p99.9"})
            goals.push_back({row, "", part, peer, kAtMost, 0.8, kVxlan, {}});
    }
    goals.push_back({"connections", "", "", peer, kAtLeast, 1.2, kVxlan, {}});
}

std::vector<Goal> make_goals() {
    std::vector<Goal> goals{
        {"rx", "64 B", "", kXgre, kAtLeast, 7, kVxlan, {}},
        {"rx", "64 B", "", kXgre, kAtLeast, 0.75, kLimit, {}},
        {"tx", "64 B", "", kXgre, kAtLeast, 7, kVxlan, {}},
        {"tx", "64 B", "", kXgreTc, kAtLeast, 1.8, kVxlan, {}},
        {"tx", "64 B", "", kXgre, kAtLeast, 0.75, kLimit, {}},
        {"local", "64 B", "", kXgre, kAtLeast, 2.5, kBridge, {}},
    };
    for (const std::string_view row : {"rx", "tx", "local"}) {
        for (const std::string_view size : {"512 B", "1500 B"})
            goals.push_back({row, size, "", kXgre, kAtLeast, 0.8, {}, "64 B"});
    }
    for (const std::string_view row : {"rx", "tx", "local"})
        goals.push_back({row, "64 B", "", kXgre, kAtLeast, 5, kOvs, {}});
    for (const std::string_view peer : {kXgreTc, kXgre})
        add_goals_between_vms(goals, peer);
    add_goals_of_size(goals);
    return goals;
}

// Where the row has such a case and metric, and was measured with the peer.
std::optional<Line> line_of(const Run& run, std::string_view row, std::string_view which,
                            std::string_view metric) {
    for (const Line& line : lines_of(run)) {
        if (line.row->key == row && line.row->cases[line.which].title == which &&
            line.what().name == metric) {
            return line;
        }
    }
    return std::nullopt;
}

std::optional<Spread> measure(const Run& run, const Goal& goal, const Line& line) {
    std::vector<double> values;
    if (!goal.base_peer.empty()) {
        values = ratios_between(run, line, goal.peer, line, goal.base_peer);
    } else if (!goal.base_case.empty()) {
        const auto base = line_of(run, goal.row, goal.base_case, goal.metric);
        if (base) values = ratios_between(run, line, goal.peer, *base, goal.peer);
    } else if (const Result* result = find_valid(run, line, goal.peer)) {
        values = values_of(*result, line.metric);
    }
    if (values.empty()) return std::nullopt;
    return spread_of(values);
}

}  // namespace

const std::vector<Goal>& all_goals() {
    static const std::vector<Goal> goals = make_goals();
    return goals;
}

bool Outcome::reached() const {
    if (!measured) return false;
    return goal->at_least ? measured->median >= goal->bound : measured->median <= goal->bound;
}

std::string Outcome::wanted() const {
    const std::string bound = fmt::format("{} {:g}", goal->at_least ? ">=" : "<=", goal->bound);
    if (!goal->base_peer.empty())
        return fmt::format("{} x {}", bound, peer_of(goal->base_peer).title);
    if (!goal->base_case.empty()) return fmt::format("{} x {}", bound, goal->base_case);
    return fmt::format("{} {}", bound, line.what().unit);
}

std::vector<Outcome> outcomes_of(const Run& run, const std::vector<Goal>& goals) {
    std::vector<Outcome> outcomes;
    for (const Goal& goal : goals) {
        const auto line = line_of(run, goal.row, goal.which, goal.metric);
        if (!line || find(run, *line, goal.peer) == nullptr) continue;
        if (!goal.base_peer.empty() && find(run, *line, goal.base_peer) == nullptr) continue;
        outcomes.push_back({&goal, *line, measure(run, goal, *line)});
    }
    return outcomes;
}

}  // namespace xgre::bench
