// SPDX-License-Identifier: GPL-2.0-only
#include "tests/model/search.h"

#include <fmt/format.h>

namespace xgre::test::model {

std::string Search::differences(const Scenario& scenario, bool patient) {
    std::string slow = slow_.differences(scenario, patient);
    if (!slow.empty()) return "TC alone: " + slow;
    std::string fast = fast_.differences(scenario, patient);
    if (!fast.empty()) return "XDP and TC: " + fast;
    return slow_.choices() == fast_.choices()
               ? ""
               : "XDP and TC: another hash of a flow than TC alone\n";
}

std::optional<std::string> Search::play(std::uint64_t seed) {
    const Scenario scenario = make_scenario(seed, kFrames);
    frames_ += scenario.steps.size();
    if (differences(scenario, true).empty()) return {};
    const Scenario smallest = shrunk(
        scenario, [this](const Scenario& smaller) { return !differences(smaller, false).empty(); });
    const std::string what = differences(smallest, true);
    return fmt::format("again: scripts/differential --scenario {}\n{}\n{}", seed, show(smallest),
                       what.empty() ? "and now it does not differ: a matter of time?\n" : what);
}

std::optional<std::string> Search::play_many(std::uint64_t seed, std::uint64_t frames) {
    for (std::uint64_t played = 0; played < frames; played += kFrames)
        if (auto difference = play(seed++)) return difference;
    return {};
}

std::optional<std::string> TraceSearch::play(std::uint64_t seed) {
    const std::string what = rig_.trace_differences(make_scenario(seed, Search::kFrames));
    if (what.empty()) return {};
    return fmt::format("again: scripts/differential --trace --scenario {}\n{}", seed, what);
}

std::optional<std::string> TraceSearch::play_many(std::uint64_t seed, std::uint64_t frames) {
    for (std::uint64_t played = 0; played < frames; played += Search::kFrames)
        if (auto difference = play(seed++)) return difference;
    return {};
}

}  // namespace xgre::test::model
