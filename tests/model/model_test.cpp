// SPDX-License-Identifier: GPL-2.0-only
// The programs do what the model says: see scripts/differential for more of it.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/model/search.h"

namespace xgre::test::model {
namespace {

// case A05
TEST(Programs, DoWhatTheModelSaysForFramesOfAFixedSeed) {
    Search search;
    if (const auto difference = search.play_many(20260101, 10'000)) FAIL() << *difference;
    EXPECT_GT(search.taken_by_xdp(), search.frames() / 10);
}

TEST(Programs, DoWhatTheModelSaysForFramesNeverSeenBefore) {
    Search search;
    const std::uint64_t seed = std::random_device{}();
    std::cout << "seed " << seed << "\n";
    if (const auto difference = search.play_many(seed, 10'000)) FAIL() << *difference;
}

class Traces : public ::testing::TestWithParam<Hooks> {};

TEST_P(Traces, SayWhatThenHappensAndChangeNothing) {
    TraceSearch search{GetParam()};
    if (const auto difference = search.play_many(20260301, 300)) FAIL() << *difference;
    EXPECT_GT(search.rig().traced(), 250u);
    // Flows may leave to TC, or keep from it, what a trace starts anew with.
    EXPECT_GT(search.rig().traced_by_same_program(), search.rig().traced() * 9 / 10);
}

INSTANTIATE_TEST_SUITE_P(Hooks, Traces, ::testing::Values(Hooks::tc, Hooks::native_xdp),
                         HooksName());

// The scenarios have what the model has rules for.
TEST(Scenarios, HavePacketsInTwoFragmentsThatBecomeWholeAndOthersThatDoNot) {
    std::map<xgre_verdict, int> seconds;
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        const Scenario scenario = make_scenario(seed, 100);
        Model model{scenario.state};
        for (const Step& step : scenario.steps) {
            model.receive(step.device, step.packet.bytes());
            if (step.device != kWire) continue;
            const auto fragment = read_fragment(scenario.state.self, step.packet.bytes());
            if (fragment && fragment->place > 0) ++seconds[model.last_verdict()];
        }
    }
    for (const auto verdict : {XGRE_TO_PORT, XGRE_FLOODED, XGRE_PASS, XGRE_ECN, XGRE_FRAGMENT,
                               XGRE_FRAGMENT_OVERLAP, XGRE_GRE_CHECKSUM})
        EXPECT_GT(seconds[verdict], 5) << verdict;
}

// A look at the looking: a difference is found, and what is left of the scenario is little.
TEST(Programs, ThatDifferFromTheModelAreFoundAndShownInFewFrames) {
    const auto is_flooded_by_port_0 = [](const Scenario& scenario) {
        Model model{scenario.state};
        for (const Step& step : scenario.steps) {
            model.receive(step.device, step.packet.bytes());
            if (step.device == 0 && model.last_verdict() == XGRE_FLOODED) return true;
        }
        return false;
    };
    std::uint64_t seed = 1;
    while (seed < 100 && !is_flooded_by_port_0(make_scenario(seed, 100)))
        ++seed;
    const Scenario all = make_scenario(seed, 100);
    ASSERT_TRUE(is_flooded_by_port_0(all));
    const Scenario smallest = shrunk(all, is_flooded_by_port_0);
    SCOPED_TRACE(show(smallest));
    EXPECT_TRUE(is_flooded_by_port_0(smallest));
    EXPECT_EQ(smallest.steps.size(), 1u);
    EXPECT_TRUE(smallest.state.fdb.empty());
    std::size_t targets = 0;
    for (const auto& [network, list] : smallest.state.flood)
        targets += list.ports.size() + list.peers.size();
    EXPECT_EQ(targets, 1u);
}

}  // namespace
}  // namespace xgre::test::model
