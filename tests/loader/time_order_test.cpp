// SPDX-License-Identifier: GPL-2.0-only
// What two CPUs tell comes in the order of time, though they are read one after the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "loader/time_order.h"

namespace xgre {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kPlenty = 1000;

class TimeOrderOfTwoCpus : public testing::Test {
protected:
    // They are what they are called: the time is the item.
    void add(const std::vector<std::uint64_t>& times, std::size_t bytes = 1) {
        for (const std::uint64_t time : times)
            order.add(time, bytes, time);
    }

    TimeOrder<std::uint64_t> order{kPlenty};
};

TEST_F(TimeOrderOfTwoCpus, WaitsForWhatTheOtherHasToTell) {
    order.begin_round(10);
    add({5, 12, 27});  // while it was read, time went on
    add({6, 11});
    EXPECT_THAT(order.take(), IsEmpty());
    order.begin_round(30);
    add({31, 40});
    add({13, 26, 39});
    EXPECT_THAT(order.take(), ElementsAre(5, 6));
    order.begin_round(50);
    add({9});  // later than a whole round: as it comes
    EXPECT_THAT(order.take(), ElementsAre(9, 11, 12, 13, 26, 27));
    EXPECT_THAT(order.take_all(), ElementsAre(31, 39, 40));
    EXPECT_THAT(order.take_all(), IsEmpty());
}

TEST_F(TimeOrderOfTwoCpus, ManyRoundsAreInOrderAndWhole) {
    std::vector<std::uint64_t> seen;
    const auto keep = [&seen](const std::vector<std::uint64_t>& taken) {
        seen.insert(seen.end(), taken.begin(), taken.end());
    };
    // A round begins every 100; the CPU that is read last tells 60 more than the first.
    std::uint64_t first = 0;
    std::uint64_t last = 1;
    for (std::uint64_t now = 100; now <= 10'000; now += 100) {
        order.begin_round(now);
        for (; first < now + 10; first += 2)
            add({first});
        for (; last < now + 70; last += 2)
            add({last});
        keep(order.take());
    }
    keep(order.take_all());
    EXPECT_TRUE(std::ranges::is_sorted(seen));
    EXPECT_EQ(seen.size(), (10'010 + 10'070) / 2);
}

TEST_F(TimeOrderOfTwoCpus, HoldsNoMoreThanItMay) {
    order.begin_round(10);
    add({20, 23, 21}, kPlenty / 2);
    EXPECT_THAT(order.take(), ElementsAre(20));
    EXPECT_THAT(order.take_all(), ElementsAre(21, 23));
}

}  // namespace
}  // namespace xgre
