// SPDX-License-Identifier: GPL-2.0-only
#include "bench/frame.h"

#include <gmock/gmock.h>

#include <numeric>

namespace xgre::bench {
namespace {

constexpr Way kHosts{Mac{{2, 0, 0, 0, 0xff, 1}}, Mac{{2, 0, 0, 0, 0xff, 2}},
                     Ip4Addr{{198, 18, 0, 1}}, Ip4Addr{{198, 18, 0, 2}}};
constexpr Way kVms{Mac{{2, 0, 0, 0, 0, 1}}, Mac{{2, 0, 0, 0, 0, 2}}, Ip4Addr{{192, 0, 2, 1}},
                   Ip4Addr{{192, 0, 2, 2}}};

class Tunnel : public testing::TestWithParam<Encap> {
protected:
    const Frame inner_ = vm_frame(kVms, 64);
    Frame wire_ = wire_frame(GetParam(), kHosts, inner_);

    bool is_right() const {
        return !fault_of_header(GetParam(), kHosts, wire_, inner_.size()).has_value();
    }
};

TEST_P(Tunnel, HeaderOfWhatIsSentIsRight) {
    EXPECT_EQ(wire_.size(), header_length(GetParam()) + inner_.size());
    EXPECT_TRUE(is_right());
}

// But for the source port of VXLAN, which may be any, and its UDP checksum, which may be missing,
// and bits that are reserved.
TEST_P(Tunnel, HeaderWithAnotherByteIsWrong) {
    const std::size_t udp = 34;
    for (std::size_t at = 0; at < header_length(GetParam()); ++at) {
        const bool is_free =
            GetParam() == Encap::vxlan && (at == udp || at == udp + 1 || at == udp + 6 ||
                                           at == udp + 7 || (at >= udp + 8 && at < udp + 12));
        if (is_free) continue;
        wire_[at] ^= 0x10;
        EXPECT_FALSE(is_right()) << "byte " << at;
        wire_[at] ^= 0x10;
    }
}

INSTANTIATE_TEST_SUITE_P(All, Tunnel, testing::Values(Encap::vxlan, Encap::gre),
                         [](const auto& tested) {
                             return tested.param == Encap::gre ? "Gre" : "Vxlan";
                         });

TEST(Checksum, IsThatOfRfc1071) {
    // The example of its section 3: the sum is 0xddf2.
    const std::vector<std::uint8_t> bytes{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};
    EXPECT_EQ(checksum(bytes), static_cast<std::uint16_t>(~0xddf2));
}

class Segment : public testing::Test {
protected:
    Segment() : payload_(1001) { std::iota(payload_.begin(), payload_.end(), std::uint8_t{1}); }

    // As the last device finishes it: the sum of all, the addresses' being there already.
    static void finish(Frame& segment) {
        constexpr std::size_t tcp = 34;
        std::vector<std::uint8_t> summed{segment.begin() + tcp, segment.end()};
        if (summed.size() % 2 != 0) summed.push_back(0);
        const std::uint16_t sum = checksum(summed);
        segment[tcp + 16] = static_cast<std::uint8_t>(sum >> 8);
        segment[tcp + 17] = static_cast<std::uint8_t>(sum);
    }

    Frame payload_;
};

TEST_F(Segment, IsRightAsItIsSent) {
    Frame segment = large_segment(kVms, payload_);
    set_sequence(segment, 0x01020304);
    EXPECT_EQ(segment.size(), kTcpHeaders + payload_.size());
    EXPECT_EQ(fault_of_segment(segment, 0x01020304, false), std::nullopt);
}

TEST_F(Segment, OfAnotherPlaceInTheStreamIsWrong) {
    Frame segment = large_segment(kVms, payload_);
    set_sequence(segment, 5);
    EXPECT_NE(fault_of_segment(segment, 6, false), std::nullopt);
}

TEST_F(Segment, HasAChecksumThatIsLookedAtWhenItIsFinished) {
    Frame segment = large_segment(kVms, payload_);
    EXPECT_NE(fault_of_segment(segment, 0, true), std::nullopt);
    finish(segment);
    EXPECT_EQ(fault_of_segment(segment, 0, true), std::nullopt);
    segment.back() ^= 1;
    EXPECT_NE(fault_of_segment(segment, 0, true), std::nullopt);
}

TEST_F(Segment, ThatIsCutIsWrong) {
    const Frame segment = large_segment(kVms, payload_);
    for (std::size_t length = 0; length < segment.size(); ++length)
        EXPECT_NE(fault_of_segment(std::span{segment}.first(length), 0, false), std::nullopt);
}

}  // namespace
}  // namespace xgre::bench
