// SPDX-License-Identifier: GPL-2.0-only
#include "bench/goals.h"

#include <gmock/gmock.h>

#include <algorithm>

#include "bench/rows.h"
#include "tests/bench/made_up_run.h"

namespace xgre::bench {
namespace {

using test::result;
using test::run_of;
using test::void_result;

constexpr Goal kTwiceVxlan{"speed", "small", "", kXgre, true, 2, kVxlan, {}};
constexpr Goal kLargeAsFast{"speed", "large", "", kXgre, true, 0.8, {}, "small"};
constexpr Goal kSoonerThanVxlan{"delay", "", "p99", kXgre, false, 0.8, kVxlan, {}};
constexpr Goal kUnderTwenty{"delay", "", "p50", kXgre, false, 20, {}, {}};

Outcome outcome_of(const Run& run, const Goal& goal) {
    const std::vector<Goal> goals{goal};
    const auto outcomes = outcomes_of(run, goals);
    EXPECT_EQ(outcomes.size(), 1u);
    Outcome outcome = outcomes.at(0);
    outcome.goal = &goal;
    return outcome;
}

TEST(Goal, IsReachedByTheMedianOfTheRoundsRatios) {
    // The ratio of the medians would be 4 / 3.
    const auto run =
        run_of({result(0, 0, kVxlan, {{1}, {3}, {9}}), result(0, 0, kXgre, {{2}, {4}, {90}})});
    EXPECT_EQ(outcome_of(run, kTwiceVxlan).measured->median, 2);
    EXPECT_TRUE(outcome_of(run, kTwiceVxlan).reached());
}

TEST(Goal, IsNotReachedJustBelowItsBound) {
    const auto run = run_of({result(0, 0, kVxlan, {{1}}), result(0, 0, kXgre, {{1.99}})});
    EXPECT_FALSE(outcome_of(run, kTwiceVxlan).reached());
}

TEST(Goal, MayBeAMost) {
    const auto measured = [](double p99) {
        return run_of({result(1, 0, kVxlan, {{10, 10}}), result(1, 0, kXgre, {{99, p99}})});
    };
    EXPECT_TRUE(outcome_of(measured(8), kSoonerThanVxlan).reached());
    EXPECT_FALSE(outcome_of(measured(8.1), kSoonerThanVxlan).reached());
}

TEST(Goal, MayBeAgainstAnotherCaseOfTheSamePeer) {
    const auto run = run_of({result(0, 0, kXgre, {{10}}), result(0, 1, kXgre, {{9}}),
                             result(0, 0, kVxlan, {{1}}), result(0, 1, kVxlan, {{1}})});
    EXPECT_EQ(outcome_of(run, kLargeAsFast).measured->median, 0.9);
}

TEST(Goal, MayBeInTheMetricsOwnUnit) {
    const auto run = run_of({result(1, 0, kXgre, {{19, 0}})});
    EXPECT_TRUE(outcome_of(run, kUnderTwenty).reached());
    EXPECT_EQ(outcome_of(run, kUnderTwenty).wanted(), "<= 20 us");
}

TEST(Goal, OfAVoidRowIsNotReached) {
    const auto run = run_of({result(0, 0, kVxlan, {{1}}), void_result(0, 0, kXgre, "all lost")});
    EXPECT_FALSE(outcome_of(run, kTwiceVxlan).measured);
    EXPECT_FALSE(outcome_of(run, kTwiceVxlan).reached());
}

TEST(Goal, AgainstAVoidRowIsNotReached) {
    const auto run = run_of({void_result(0, 0, kVxlan, "all lost"), result(0, 0, kXgre, {{9}})});
    EXPECT_FALSE(outcome_of(run, kTwiceVxlan).reached());
}

TEST(Goal, IsLeftOutWhereItsRowOrPeerIsNotInTheRun) {
    EXPECT_TRUE(outcomes_of(run_of({}), {kTwiceVxlan}).empty());
    EXPECT_TRUE(outcomes_of(run_of({result(0, 0, kXgre, {{1}})}), {kTwiceVxlan}).empty());
    EXPECT_TRUE(outcomes_of(run_of({result(0, 0, kVxlan, {{1}})}), {kTwiceVxlan}).empty());
}

TEST(Goal, SaysWhatIsWanted) {
    const auto run = run_of(
        {result(0, 0, kVxlan, {{1}}), result(0, 0, kXgre, {{1}}), result(0, 1, kXgre, {{1}})});
    EXPECT_EQ(outcome_of(run, kTwiceVxlan).wanted(), ">= 2 x Linux bridge + VXLAN");
    EXPECT_EQ(outcome_of(run, kLargeAsFast).wanted(), ">= 0.8 x small");
}

// A goal of a row that does not exist would silently never be looked at.
TEST(Goals, NameOnlyRowsCasesMetricsAndPeersThatThereAre) {
    for (const Goal& goal : all_goals()) {
        SCOPED_TRACE(fmt::format("{} {} {} {}", goal.row, goal.which, goal.metric, goal.peer));
        const auto row = std::ranges::find(all_rows(), goal.row, &Row::key);
        ASSERT_NE(row, all_rows().end());
        const auto has_case = [&](std::string_view title) {
            return std::ranges::count(row->cases, title, &Case::title) == 1;
        };
        const auto has_peer = [&](std::string_view key) {
            return std::ranges::count(row->peers, key) == 1;
        };
        EXPECT_TRUE(has_case(goal.which));
        EXPECT_EQ(std::ranges::count(row->metrics, goal.metric, &Metric::name), 1);
        EXPECT_TRUE(has_peer(goal.peer));
        EXPECT_TRUE(goal.base_peer.empty() || has_peer(goal.base_peer));
        EXPECT_TRUE(goal.base_case.empty() || has_case(goal.base_case));
    }
}

TEST(Rows, HaveKeysCasesAndPeersOfTheirOwn) {
    for (const Row& row : all_rows()) {
        SCOPED_TRACE(row.key);
        EXPECT_EQ(std::ranges::count(all_rows(), row.key, &Row::key), 1);
        EXPECT_FALSE(row.cases.empty());
        for (const Case& one : row.cases)
            EXPECT_EQ(std::ranges::count(row.cases, one.title, &Case::title), 1) << one.title;
        for (const std::string_view key : row.peers)
            EXPECT_EQ(std::ranges::count(all_peers(), key, &Peer::key), 1) << key;
    }
}

}  // namespace
}  // namespace xgre::bench
