// SPDX-License-Identifier: GPL-2.0-only
#include "loader/liveness.h"

#include <gtest/gtest.h>

#include <string>

namespace xgre {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kNow = 1000 * kSecond;

struct StateCase {
    std::string name;
    xgre_liveness row;
    PeerState state;
};

xgre_liveness row(std::uint64_t answered, std::uint64_t heard, std::uint32_t unanswered,
                  bool is_xgre = false, std::uint64_t asked = kNow - 5 * kSecond) {
    xgre_liveness row{};
    row.asked = asked;
    row.answered = answered;
    row.heard = heard;
    row.unanswered = unanswered;
    row.is_xgre = is_xgre ? 1 : 0;
    return row;
}

class StateOfAPeer : public testing::TestWithParam<StateCase> {};

TEST_P(StateOfAPeer, FollowsFromWhatCameAndWhatDidNot) {
    EXPECT_EQ(liveness_of(GetParam().row, kNow).state, GetParam().state);
}

INSTANTIATE_TEST_SUITE_P(
    , StateOfAPeer,
    testing::Values(
        StateCase{"NobodyAskedAndNothingCame", row(0, 0, 0), PeerState::unknown},
        StateCase{"ItCameLongAgo", row(0, kNow - 61 * kSecond, 0), PeerState::unknown},
        StateCase{"ItComes", row(0, kNow - 59 * kSecond, 0), PeerState::heard},
        StateCase{"ItComesJustNow", row(0, kNow + 5, 0), PeerState::heard},
        StateCase{"ItAsks", row(0, kNow - kSecond, 0, true), PeerState::heard},
        StateCase{"ItAnswers", row(kNow - kSecond, kNow - kSecond, 0, true), PeerState::up},
        StateCase{"ItAnsweredAndNobodyAskedSince", row(kNow - 590 * kSecond, 0, 0, true),
                  PeerState::up},
        StateCase{"ItAnsweredTooLongAgo", row(kNow - 610 * kSecond, 0, 0, true),
                  PeerState::unknown},
        StateCase{"ItAnsweredTooLongAgoAndComes",
                  row(kNow - 610 * kSecond, kNow - kSecond, 0, true), PeerState::heard},
        StateCase{"TwoWereLost", row(kNow - 9 * kSecond, 0, 2, true), PeerState::up},
        StateCase{"ThreeWereLost", row(kNow - 900 * kSecond, kNow - 900 * kSecond, 3, true),
                  PeerState::down},
        StateCase{"NeverAnsweredTwice", row(0, 0, 2), PeerState::unknown},
        StateCase{"NeverAnswered", row(0, 0, 3), PeerState::down},
        StateCase{"ComesAndHasNotAnsweredTwice", row(0, kNow - kSecond, 2), PeerState::heard},
        StateCase{"ComesAndDoesNotAnswer", row(0, kNow - kSecond, 3), PeerState::foreign},
        StateCase{"AsksAndDoesNotAnswer", row(0, kNow - kSecond, 3, true), PeerState::one_way},
        StateCase{"CameOnlyBeforeItWasAskedInVain",
                  row(kNow - 20 * kSecond, kNow - 6 * kSecond, 3, true), PeerState::down},
        StateCase{"WasAskedInVainLongAgoAndComes",
                  row(kNow - 900 * kSecond, kNow - kSecond, 3, true, kNow - 61 * kSecond),
                  PeerState::heard},
        StateCase{"WasAskedInVainLongAgoAndCameThen",
                  row(kNow - 900 * kSecond, kNow - 70 * kSecond, 3, true, kNow - 80 * kSecond),
                  PeerState::unknown},
        StateCase{"CameOnlyBeforeAStrangerWasAsked", row(0, kNow - 6 * kSecond, 3),
                  PeerState::foreign}),
    [](const auto& param) { return param.param.name; });

TEST(Liveness, SaysHowLongAgo) {
    xgre_liveness peer = row(kNow - 3 * kSecond, kNow - 2 * kSecond, 0, true);
    peer.rtt = 250'000;
    peer.path = XGRE_PROBE_XDP_BACK;
    const Liveness live = liveness_of(peer, kNow);
    EXPECT_EQ(live.answered, std::chrono::seconds{3});
    EXPECT_EQ(live.heard, std::chrono::seconds{2});
    EXPECT_EQ(live.rtt, std::chrono::microseconds{250});
    EXPECT_FALSE(live.xdp_there);
    EXPECT_TRUE(live.xdp_back);
}

TEST(Liveness, HasNoTimesOfWhatNeverWas) {
    const Liveness live = liveness_of(row(0, 0, 0), kNow);
    EXPECT_FALSE(live.answered);
    EXPECT_FALSE(live.heard);
    EXPECT_FALSE(live.rtt);
}

}  // namespace
}  // namespace xgre
