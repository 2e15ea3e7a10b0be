// SPDX-License-Identifier: GPL-2.0-only
#include "bench/statistics.h"

#include <gmock/gmock.h>

namespace xgre::bench {
namespace {

using testing::ElementsAre;

TEST(Quantile, OfOneValueIsThatValue) {
    EXPECT_EQ(quantile({7}, 0), 7);
    EXPECT_EQ(quantile({7}, 0.5), 7);
    EXPECT_EQ(quantile({7}, 1), 7);
}

TEST(Quantile, LiesBetweenNeighbours) {
    EXPECT_EQ(quantile({10, 20, 30, 40}, 0), 10);
    EXPECT_EQ(quantile({10, 20, 30, 40}, 0.5), 25);
    EXPECT_EQ(quantile({10, 20, 30, 40}, 0.25), 17.5);
    EXPECT_EQ(quantile({10, 20, 30, 40}, 1), 40);
}

TEST(Spread, IsOfTheValuesInOrder) {
    const Spread spread = spread_of({5, 1, 4, 2, 3});
    EXPECT_EQ(spread.low, 2);
    EXPECT_EQ(spread.median, 3);
    EXPECT_EQ(spread.high, 4);
}

TEST(Spread, DoesNotFollowOneStrayValue) {
    EXPECT_EQ(spread_of({1, 1, 1, 1, 1000}).median, 1);
}

TEST(Ratios, AreTakenRoundByRound) {
    EXPECT_THAT(ratios({2, 6, 5}, {1, 2, 10}), ElementsAre(2, 3, 0.5));
}

TEST(Ratios, AreAsManyAsBothHaveRounds) {
    EXPECT_THAT(ratios({2, 6, 5}, {1}), ElementsAre(2));
    EXPECT_THAT(ratios({}, {1, 2}), ElementsAre());
}

}  // namespace
}  // namespace xgre::bench
