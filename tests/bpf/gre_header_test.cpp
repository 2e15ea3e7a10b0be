// SPDX-License-Identifier: GPL-2.0-only
// The GRE header on the way in and out: RFC 2784 and RFC 2890.
#include <initializer_list>

#include <fmt/format.h>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

class GreHeaderIn : public HookTest {
protected:
    GreHeaderIn() { learn(1, kVmA, a.owner()); }

    static Packet with_header(const GreOptions& header) {
        return eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre(header) / inner();
    }
    static Packet inner() { return frame(kVmB, kVmA, 47); }

    void expect_delivered(const Packet& packet) const {
        const Result result = from_wire(packet);
        ASSERT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, inner());
        EXPECT_EQ(counts(), (Counts{{on_hook("to-port"), 1}}));
        EXPECT_EQ(count(program(), XGRE_TO_PORT).bytes, inner().size());
    }
    void expect_dropped(const Packet& packet, std::string_view reason) const {
        const Result result = from_wire(packet);
        EXPECT_EQ(result.fate, Fate::ended);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(counts(), (Counts{{on_hook(reason), 1}}));
        EXPECT_EQ(notes(), Counts{});
        EXPECT_EQ(owner(1, kVmB), 0u);
    }
    void expect_untouched(const Packet& packet) const {
        const Result result = from_wire(packet);
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(counts(), Counts{});
        EXPECT_EQ(owner(1, kVmB), 0u);
    }
};
ON_BOTH_HOOKS(GreHeaderIn, "uplink_xdp", "uplink_tc");

// case G01
TEST_P(GreHeaderIn, DeliversWithoutAKeyInANetworkWithoutOne) {
    network(1, {});
    peer(1, kHostB, 1);
    expect_delivered(with_header({}));
}

// case G02
TEST_P(GreHeaderIn, DeliversWithTheNetworksKey) {
    expect_delivered(with_header({.key = 7}));
}

// case G02
TEST_P(GreHeaderIn, DeliversWithTheLargestKey) {
    network(1, {.key = 0xffffffff});
    peer(1, kHostB, 1);
    expect_delivered(with_header({.key = 0xffffffff}));
}

// case G02
TEST_P(GreHeaderIn, DeliversWithKeyZero) {
    network(1, {.key = 0});
    peer(1, kHostB, 1);
    expect_delivered(with_header({.key = 0}));
}

// case G02
TEST_P(GreHeaderIn, TellsKeyZeroFromNoKey) {
    network(1, {.key = 0});
    peer(1, kHostB, 1);
    expect_dropped(with_header({}), "unknown-peer");
}

// case G02
TEST_P(GreHeaderIn, TellsNoKeyFromKeyZero) {
    network(1, {});
    peer(1, kHostB, 1);
    expect_dropped(with_header({.key = 0}), "unknown-peer");
}

// case G04
TEST_P(GreHeaderIn, DropsAKnownSourceWithTheKeyOfNoNetwork) {
    expect_dropped(with_header({.key = 8}), "unknown-peer");
}

// case G04
TEST_P(GreHeaderIn, DropsAKnownSourceWithAKeyInTheOtherByteOrder) {
    expect_dropped(with_header({.key = 0x07000000}), "unknown-peer");
}

// case G08
TEST_P(GreHeaderIn, SkipsASequenceNumber) {
    expect_delivered(with_header({.key = 7, .sequence = 0xfffffffe}));
}

// case G11
TEST_P(GreHeaderIn, IgnoresBits6To12) {
    expect_delivered(with_header({.key = 7, .flags_extra = 0x03f8}));
}

// case G11
TEST_P(GreHeaderIn, RefusesEachOfBits1And4And5) {
    std::uint64_t refused = 0;
    for (const std::uint16_t bit : std::initializer_list<std::uint16_t>{0x4000, 0x0800, 0x0400}) {
        const Packet packet = with_header({.key = 7, .flags_extra = bit});
        const Result result = from_wire(packet);
        EXPECT_EQ(result.fate, Fate::ended) << bit;
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(counts(), (Counts{{on_hook("gre-flags"), ++refused}})) << bit;
    }
    EXPECT_EQ(owner(1, kVmB), 0u);
}

// case G10
TEST_P(GreHeaderIn, RefusesEveryVersionButZero) {
    std::uint64_t refused = 0;
    for (std::uint8_t version = 1; version < 8; ++version) {
        const Packet packet = with_header({.key = 7, .version = version});
        EXPECT_EQ(from_wire(packet).fate, Fate::ended) << int{version};
        EXPECT_EQ(counts(), (Counts{{on_hook("gre-version"), ++refused}})) << int{version};
    }
    EXPECT_EQ(owner(1, kVmB), 0u);
}

// case G12
TEST_P(GreHeaderIn, LeavesGreOfOtherProtocolTypesToTheHost) {
    for (const std::uint16_t protocol :
         std::initializer_list<std::uint16_t>{0x0800, 0x86dd, 0x880b, 0x88be, 0x6559, 0x0000})
        expect_untouched(with_header({.key = 7, .protocol = protocol}));
}

// case G12
TEST_P(GreHeaderIn, LeavesPptpToTheHostAsItsVersionOneIsOfAnotherProtocolType) {
    expect_untouched(with_header({.version = 1, .protocol = 0x880b}));
}

class GreFieldMix : public DatapathTest, public ::testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(AllEight, GreFieldMix, ::testing::Range(0, 8), [](const auto& mix) {
    return fmt::format("{}{}{}{}", mix.param & 4 ? "C" : "", mix.param & 2 ? "K" : "",
                       mix.param & 1 ? "S" : "", mix.param == 0 ? "None" : "");
});

// case G09
TEST_P(GreFieldMix, DecodesToTheSameInnerFrame) {
    const bool has_checksum = (GetParam() & 4) != 0;
    const bool has_key = (GetParam() & 2) != 0;
    GreOptions header;
    header.checksum = has_checksum;
    if (has_key) header.key = kKey;
    if ((GetParam() & 1) != 0) header.sequence = 99;
    if (!has_key) {
        network(1, {});
        peer(1, kHostB, 1);
    }
    learn(1, kVmA, a.owner());
    const Packet inner = frame(kVmB, kVmA, 47);
    const Packet packet = eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre(header) / inner;

    const Result slow = run_from_wire("uplink_tc", packet);
    EXPECT_EQ(slow.fate, Fate::redirected);
    EXPECT_PACKET_EQ(slow.packet, inner);

    const Result fast = run_from_wire("uplink_xdp", packet);
    EXPECT_EQ(fast.fate, has_checksum ? Fate::passed : Fate::redirected);
    EXPECT_PACKET_EQ(fast.packet, has_checksum ? packet : inner);
    EXPECT_EQ(counts(), has_checksum
                            ? (Counts{{"uplink_tc to-port", 1}})
                            : (Counts{{"uplink_tc to-port", 1}, {"uplink_xdp to-port", 1}}));
}

class GreChecksumIn : public DatapathTest {
protected:
    GreChecksumIn() { learn(1, kVmA, a.owner()); }
    static Packet summed(std::size_t size, GreChecksum sum = true) {
        return eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = kKey, .checksum = sum}) /
               frame(kVmB, kVmA, size);
    }
};

// case G06
TEST_F(GreChecksumIn, IsTakenWhenRightForEverySize) {
    std::uint64_t delivered = 0;
    for (std::size_t size = 0; size < 1487; size += size < 300 ? 1 : 61) {
        const Result result = run_from_wire("uplink_tc", summed(size));
        ASSERT_EQ(result.fate, Fate::redirected) << size;
        ASSERT_PACKET_EQ(result.packet, frame(kVmB, kVmA, size));
        ++delivered;
    }
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", delivered}}));
}

// case G06
TEST_F(GreChecksumIn, IsADropWhenWrongInAnyByte) {
    const Packet right = summed(45);
    const std::size_t first = 14 + 20 + 4;  // the sum itself
    std::uint64_t dropped = 0;
    for (std::size_t at = first; at < right.size(); ++at) {
        if (at >= first + 4 && at < first + 8) continue;  // the key is looked up first
        const Packet wrong = with_byte(right, at, static_cast<std::uint8_t>(right[at] ^ 0x10));
        const Result result = run_from_wire("uplink_tc", wrong);
        ASSERT_EQ(result.fate, Fate::ended) << at;
        EXPECT_EQ(counts(), (Counts{{"uplink_tc gre-checksum", ++dropped}})) << at;
    }
    EXPECT_EQ(owner(1, kVmB), 0u);
}

// case G06
TEST_F(GreChecksumIn, DoesNotCoverThePadding) {
    const Packet packet = concat(summed(3), raw({1, 2, 3, 4, 5}));
    const Result result = run_from_wire("uplink_tc", packet);
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, frame(kVmB, kVmA, 3));
}

// case G06
TEST_F(GreChecksumIn, IsLeftToTcByXdpWhetherRightOrWrong) {
    for (const GreChecksum sum : {GreChecksum{true}, GreChecksum{0x1234}}) {
        const Result result = run_from_wire("uplink_xdp", summed(46, sum));
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, summed(46, sum));
    }
    EXPECT_EQ(counts(), Counts{});
    EXPECT_EQ(owner(1, kVmB), 0u);
}

// case G06
TEST_F(GreChecksumIn, IsCheckedOverPagesToo) {
    ip("link set dev uplink mtu 9000\nlink set dev a mtu 9000\n");
    attach(Hooks::tc);
    const Packet inner = frame(kVmB, kVmA, 5000);
    ASSERT_TRUE(wire().send(summed(5000), {.header_len = 14}));
    ASSERT_TRUE(wire().send(with_byte(summed(5000), 4999, 0), {.header_len = 14}));
    const auto got = a.tap.received();
    ASSERT_EQ(got.size(), 1u);
    EXPECT_PACKET_EQ(got[0], inner);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 1}, {"uplink_tc gre-checksum", 1}}));
}

class GreHeaderOut : public HookTest {
protected:
    // What a frame to kVmB, behind host B, becomes.
    Packet sent(const Packet& inner) {
        learn(1, kVmB, peer_owner(1));
        const Result result = from_port(inner, a);
        EXPECT_EQ(result.fate, Fate::redirected);
        EXPECT_EQ(counts(), (Counts{{on_hook("to-peer"), 1}}));
        return result.packet;
    }
};
ON_BOTH_HOOKS(GreHeaderOut, "port_xdp", "port_tc");

// case G01
TEST_P(GreHeaderOut, IsFourBytesWithoutAKey) {
    network(1, {});
    peer(1, kHostB, 1);
    const Packet inner = frame(kVmA, kVmB, 47);
    EXPECT_PACKET_EQ(sent(inner), eth(kHostA, kHostB) / ipv4(kHostA, kHostB, {.protocol = 47}) /
                                      raw({0x00, 0x00, 0x65, 0x58}) / inner);
}

// case G02
TEST_P(GreHeaderOut, HasTheKeyInNetworkOrder) {
    network(1, {.key = 0x01020304});
    peer(1, kHostB, 1);
    const Packet inner = frame(kVmA, kVmB, 47);
    const Packet gre_bytes = raw({0x20, 0x00, 0x65, 0x58, 0x01, 0x02, 0x03, 0x04});
    EXPECT_PACKET_EQ(sent(inner), eth(kHostA, kHostB) / ipv4(kHostA, kHostB, {.protocol = 47}) /
                                      gre_bytes / inner);
}

// case G02
TEST_P(GreHeaderOut, HasTheKeyBitForKeyZero) {
    network(1, {.key = 0});
    peer(1, kHostB, 1);
    const Packet inner = frame(kVmA, kVmB, 47);
    EXPECT_PACKET_EQ(sent(inner),
                     eth(kHostA, kHostB) / ipv4(kHostA, kHostB) / gre({.key = 0}) / inner);
}

}  // namespace
}  // namespace xgre::test
