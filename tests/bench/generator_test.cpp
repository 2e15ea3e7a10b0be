// SPDX-License-Identifier: GPL-2.0-only
// The frames that the generator makes, without sending them.
#include <gmock/gmock.h>

#include <map>
#include <set>
#include <span>

#include "bench/live_frames.h"

namespace xgre::bench {
namespace {

constexpr Way kHosts{Mac{{2, 0, 0, 0, 0xff, 1}}, Mac{{2, 0, 0, 0, 0xff, 2}},
                     Ip4Addr{{198, 19, 0, 1}}, Ip4Addr{{198, 18, 0, 2}}};
constexpr Way kVms{Mac{{2, 0, 0, 0, 0, 1}}, Mac{{2, 0, 0x0b, 0, 0, 1}}, Ip4Addr{{192, 0, 2, 1}},
                   Ip4Addr{{192, 0, 2, 2}}};
constexpr std::uint32_t kFirstDestination = 0x0b000001;  // the last four bytes

std::uint32_t number_at(std::span<const std::uint8_t> frame, std::size_t offset) {
    std::uint32_t number = 0;
    for (const std::uint8_t byte : frame.subspan(offset, 4))
        number = number << 8 | byte;
    return number;
}

Traffic to_one_of(std::uint32_t count, bool in_order = false, std::uint32_t train = 0) {
    Traffic traffic = all_the_same(vm_frame(kVms, 64), 0);
    traffic.draws[0] = {.count = count, .train = train, .in_order = in_order};
    return traffic;
}

class Made {
public:
    explicit Made(const Traffic& traffic) : generator_{"", 1, traffic} {}

    Frame next() { return generator_.make(); }
    std::uint32_t next_destination() {
        return number_at(next(), kDestinationField) - kFirstDestination;
    }
    Generator& generator() { return generator_; }

private:
    Generator generator_;
};

class FrameOf : public testing::TestWithParam<std::size_t> {};

TEST_P(FrameOf, IsAsItWasGiven) {
    const Frame frame = vm_frame(kVms, GetParam());
    Made made{all_the_same(frame, 0)};
    EXPECT_EQ(made.next(), frame);
    EXPECT_EQ(made.next(), frame);
}

INSTANTIATE_TEST_SUITE_P(Lengths, FrameOf, testing::Values(60, 64, 128, 130, 512, 1500));

TEST(Destinations, InOrderComeOneAfterAnother) {
    Made made{to_one_of(3, true)};
    for (const std::uint32_t expected : {0U, 1U, 2U, 0U, 1U, 2U, 0U})
        EXPECT_EQ(made.next_destination(), expected);
    made.generator().rewind();
    EXPECT_EQ(made.next_destination(), 0u);
}

TEST(Destinations, InOrderWithoutALimitNeverComeAgain) {
    Made made{to_one_of(0, true)};
    for (std::uint32_t expected = 0; expected < 1000; ++expected)
        EXPECT_EQ(made.next_destination(), expected);
}

TEST(Destinations, InTrainsStayForSoManyFrames) {
    Made made{to_one_of(4, true, 3)};
    for (std::uint32_t frame = 0; frame < 64; ++frame)
        EXPECT_EQ(made.next_destination(), frame / 8 % 4);
}

// Twenty frames for each of 500, so a fair draw leaves none out, and none has many more.
TEST(Destinations, AtRandomReachAllAndAreSpread) {
    constexpr std::uint32_t count = 500;
    Made made{to_one_of(count)};
    std::map<std::uint32_t, int> frames;
    for (std::uint32_t i = 0; i < 20 * count; ++i)
        ++frames[made.next_destination()];
    EXPECT_EQ(frames.size(), count);
    EXPECT_LT(frames.rbegin()->first, count);
    for (const auto& [destination, times] : frames)
        EXPECT_LT(times, 60) << destination;
}

TEST(Destinations, AtRandomDoNotComeInOrder) {
    Made made{to_one_of(1'000'000)};
    std::uint32_t last = made.next_destination();
    int rising = 0;
    for (int i = 0; i < 1000; ++i) {
        const std::uint32_t now = made.next_destination();
        if (now > last) ++rising;
        last = now;
    }
    EXPECT_GT(rising, 400);
    EXPECT_LT(rising, 600);
}

TEST(Fields, TakeTheDrawTheyName) {
    Traffic traffic = to_one_of(5, true);
    traffic.draws[1] = {.count = 7, .in_order = true};
    traffic.fields.push_back({.offset = kSourceField, .draw = 1});
    Made made{traffic};
    for (std::uint32_t i = 0; i < 40; ++i) {
        const Frame frame = made.next();
        EXPECT_EQ(number_at(frame, kDestinationField), kFirstDestination + i % 5);
        EXPECT_EQ(number_at(frame, kSourceField), 1 + i % 7);
    }
}

TEST(OuterSource, KeepsTheHeadersChecksumRight) {
    constexpr std::uint32_t count = 4000;
    Traffic traffic;
    traffic.frame = wire_frame(Encap::gre, kHosts, vm_frame(kVms, 64));
    traffic.draws[0] = {.count = count, .in_order = true};
    traffic.fields.push_back({.offset = kOuterSourceField, .draw = 0});
    traffic.outer_source_draw = 0;
    Made made{traffic};
    std::set<std::uint32_t> sources;
    for (std::uint32_t i = 0; i < count; ++i) {
        const Frame frame = made.next();
        sources.insert(number_at(frame, kOuterSourceField));
        EXPECT_EQ(checksum(std::span{frame}.subspan(14, 20)), 0) << "frame " << i;
    }
    EXPECT_EQ(sources.size(), count);
    EXPECT_EQ(*sources.begin(), kHosts.from.host_order());
}

}  // namespace
}  // namespace xgre::bench
