// SPDX-License-Identifier: GPL-2.0-only
// The reader of checksums sees those that are wrong, wherever they are.
#include "tests/packet/sums.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace xgre::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kOuter6 = kEthernet + 40 + 8 + 4;

Packet outer4(const Packet& inner, bool checksum) {
    return eth(kHostA, kHostB) / ipv4(kHostA, kHostB) / gre({.key = 7, .checksum = checksum}) /
           inner;
}

Packet outer6(const Packet& inner) {
    return eth(kHostA, kHostB) / ipv6(kHostA, kHostB) / ipv6_encap_limit() / gre() / inner;
}

// What is summed from the first byte of its IP header to its last.
std::vector<Packet> inner_frames() {
    const Packet front = eth(kVmA, kVmB);
    return {front / ipv4(kVmA, kVmB) / tcp(1, 2) / payload(33),
            front / ipv4(kVmA, kVmB) / udp(1, 2) / payload(33),
            front / ipv4(kVmA, kVmB) / icmp_echo_request() / payload(33),
            front / vlan(5) / ipv4(kVmA, kVmB) / tcp(1, 2) / payload(32)};
}

TEST(SumReader, FindsNothingWrongWithWhatIsRight) {
    SumReader reader;
    for (const Packet& inner : inner_frames()) {
        EXPECT_THAT(reader.read(outer4(inner, true)), IsEmpty());
        EXPECT_THAT(reader.read(outer6(inner)), IsEmpty());
    }
    const Packet front = eth(kVmA, kVmB) / ipv6(kVmA, kVmB);
    EXPECT_THAT(reader.read(outer6(front / tcp(1, 2) / payload(9))), IsEmpty());
    EXPECT_THAT(reader.read(outer4(front / udp(1, 2) / payload(9), false)), IsEmpty());
    EXPECT_THAT(reader.read(front / icmpv6_echo_request() / payload(9)), IsEmpty());
    EXPECT_EQ(reader.right("outer IPv4"), 5u);
    EXPECT_EQ(reader.right("GRE"), 4u);
    EXPECT_EQ(reader.right("inner IPv4"), 8u);
    EXPECT_EQ(reader.right("inner TCP/IPv4"), 4u);
    EXPECT_EQ(reader.right("inner TCP/IPv6"), 1u);
    EXPECT_EQ(reader.right("inner UDP/IPv6"), 1u);
    EXPECT_EQ(reader.right("inner ICMP"), 2u);
    EXPECT_EQ(reader.right("outer ICMPv6"), 1u);
}

TEST(SumReader, SeesEveryByteThatChangedUnderAGreChecksum) {
    for (const Packet& inner : inner_frames()) {
        const Packet packet = outer4(inner, true);
        for (std::size_t i = kEthernet; i < packet.size(); ++i) {
            const auto other = static_cast<std::uint8_t>(packet[i] ^ 0x41);
            EXPECT_THAT(SumReader{}.read(with_byte(packet, i, other)), testing::Not(IsEmpty()))
                << "byte " << i;
        }
    }
}

TEST(SumReader, SeesEveryByteThatChangedInsideWithoutOne) {
    for (const Packet& inner : inner_frames()) {
        const Packet packet = outer6(inner);
        const std::size_t tag = get16(inner.bytes(), 12) == kEtherTypeVlan ? 4 : 0;
        for (std::size_t i = kOuter6 + kEthernet + tag; i < packet.size(); ++i) {
            const auto other = static_cast<std::uint8_t>(packet[i] ^ 0x41);
            EXPECT_THAT(SumReader{}.read(with_byte(packet, i, other)), testing::Not(IsEmpty()))
                << "byte " << i;
        }
    }
}

TEST(SumReader, SaysWhatIsWrong) {
    const auto wrong = [](const Packet& packet) { return SumReader{}.read(packet); };
    const Packet front = eth(kVmA, kVmB);
    const Packet over4 = front / ipv4(kVmA, kVmB);
    const Packet over6 = front / ipv6(kVmA, kVmB);
    EXPECT_THAT(wrong(outer4(over4 / udp(1, 2, {.checksum = 0}) / payload(9), false)),
                ElementsAre("inner UDP/IPv4"));
    EXPECT_THAT(wrong(outer4(over6 / tcp(1, 2, {.checksum = 1}) / payload(9), false)),
                ElementsAre("inner TCP/IPv6"));
    EXPECT_THAT(wrong(over6 / icmpv6_echo_request({.checksum = 1}) / payload(9)),
                ElementsAre("outer ICMPv6"));
    EXPECT_THAT(wrong(front / ipv4(kVmA, kVmB, {.checksum = 1}) / tcp(1, 2)),
                ElementsAre("outer IPv4"));
    EXPECT_THAT(wrong(eth(kHostA, kHostB) / ipv4(kHostA, kHostB) / gre({.checksum = 1}) / front /
                      payload(50)),
                ElementsAre("GRE"));
    EXPECT_THAT(wrong(cut(outer4(over4 / tcp(1, 2), false), 60)), ElementsAre("outer IPv4"));
}

TEST(SumReader, PutsFragmentsTogetherInAnyOrder) {
    for (const Packet& ip : {ipv4(kVmA, kVmB, {.df = false}), ipv6(kVmA, kVmB)}) {
        const Packet whole = eth(kVmA, kVmB) / ip / udp(1, 2) / payload(3000);
        const Packet broken = eth(kVmA, kVmB) / ip / udp(1, 2, {.checksum = 1}) / payload(3000);
        const std::string name = whole[14] >> 4 == 4 ? "inner UDP/IPv4" : "inner UDP/IPv6";
        SumReader reader;
        for (const std::size_t begin : {2400U, 0U, 1200U})
            EXPECT_THAT(reader.read(outer4(fragment_of(whole, begin, 1200), true)), IsEmpty());
        EXPECT_EQ(reader.right(name), 1u);
        EXPECT_EQ(reader.incomplete(), 0u);
        for (const std::size_t begin : {0U, 1200U})
            EXPECT_THAT(reader.read(outer4(fragment_of(broken, begin, 1200), true)), IsEmpty());
        EXPECT_EQ(reader.incomplete(), 1u);
        EXPECT_THAT(reader.read(outer4(fragment_of(broken, 2400, 1200), true)), ElementsAre(name));
    }
}

}  // namespace
}  // namespace xgre::test
