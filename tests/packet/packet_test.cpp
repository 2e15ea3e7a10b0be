// SPDX-License-Identifier: GPL-2.0-only
// The builder against bytes written down by hand from the RFCs.
#include "tests/packet/packet.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "tests/packet/expect_packet.h"
#include "tests/packet/hex_bytes.h"

namespace xgre::test {
namespace {

Packet bytes_of(std::string_view hex) {
    return Packet::from_bytes(hex_bytes(hex));
}

Packet inner() {
    return eth(kVmB, kVmA) / payload(46);
}

TEST(PacketBuilder, WritesAWholeTunnelFrame) {
    const Packet frame = eth(kGateway, kHostA) / ipv4(kHostB, kHostA) / gre({.key = 7}) /
                         eth(kVmB, kVmA) / payload(5);
    EXPECT_PACKET_EQ(frame, bytes_of("020000000001 0200000000fe 0800"
                                     "45 00 002f 0000 4000 40 2f ae78 c6120002 c6120001"
                                     "2000 6558 00000007"
                                     "020000000a01 020000000a02 88b5"
                                     "0001020304"));
}

TEST(PacketBuilder, Ipv4ChecksumIsThatOfAPublishedHeader) {
    const Packet packet = ipv4(ip(192, 168, 0, 1), ip(192, 168, 0, 199)) / udp(1, 2) / payload(87);
    EXPECT_PACKET_EQ(cut(packet, 20),
                     bytes_of("45 00 0073 0000 4000 40 11 b861 c0a80001 c0a800c7"));
}

TEST(PacketBuilder, Ipv4OptionsAreWritten) {
    const Packet packet = ipv4(kHostB, kHostA,
                               {.ttl = 3,
                                .tos = 0xb8,
                                .id = 0x1234,
                                .df = false,
                                .frag_offset = 185,
                                .more_fragments = true,
                                .options = {0x94, 4, 0, 0, 1},
                                .checksum = 0xbeef,
                                .total_length = 0x0101,
                                .protocol = 99});
    EXPECT_PACKET_EQ(packet, bytes_of("47 b8 0101 1234 20b9 03 63 beef c6120002 c6120001"
                                      "94040000 01000000"));
}

TEST(PacketBuilder, GreFieldsStandInTheOrderOfRfc2890) {
    // b000+6558+0007+0009 = 11568; the odd byte ab counts as ab00: 1c068, folded c069, ~ 3f96.
    EXPECT_PACKET_EQ(gre({.key = 7, .checksum = true, .sequence = 9}) / raw({0xab}),
                     bytes_of("b000 6558 3f96 0000 00000007 00000009 ab"));
}

TEST(PacketBuilder, GreChecksumIsWrittenAsGiven) {
    EXPECT_PACKET_EQ(gre({.checksum = 0x1234, .reserved1 = 0x5678}),
                     bytes_of("8000 6558 1234 5678"));
    EXPECT_PACKET_EQ(gre({.checksum = false}), bytes_of("0000 6558"));
}

TEST(PacketBuilder, GreKeysOfBothEndsOfTheRange) {
    EXPECT_PACKET_EQ(gre({.key = 0}), bytes_of("2000 6558 00000000"));
    EXPECT_PACKET_EQ(gre({.key = 4294967295}), bytes_of("2000 6558 ffffffff"));
    EXPECT_PACKET_EQ(gre({.key = nvgre_key(0xabcdef, 0x12)}), bytes_of("2000 6558 abcdef12"));
}

TEST(PacketBuilder, GreFlagsMayClaimFieldsThatAreNotThere) {
    EXPECT_PACKET_EQ(gre({.flags_extra = 0x6000, .version = 1, .protocol = 0x880b}),
                     bytes_of("6001 880b"));
}

TEST(PacketBuilder, GreProtocolIsThatOfWhatFollows) {
    EXPECT_PACKET_EQ(cut(gre() / inner(), 4), bytes_of("0000 6558"));
    EXPECT_PACKET_EQ(cut(gre() / payload(9), 4), bytes_of("0000 6558"));
    EXPECT_PACKET_EQ(cut(gre() / ipv4(kVmB, kVmA), 4), bytes_of("0000 0800"));
    EXPECT_PACKET_EQ(cut(gre() / ipv6(kVmB, kVmA), 4), bytes_of("0000 86dd"));
}

TEST(PacketBuilder, BytesTakenFromAFrameAreStillAFrameToGre) {
    EXPECT_PACKET_EQ(cut(gre() / cut(inner(), 20), 4), bytes_of("0000 6558"));
    EXPECT_PACKET_EQ(cut(gre() / with_byte(ipv4(kVmB, kVmA), 8, 1), 4), bytes_of("0000 0800"));
    EXPECT_PACKET_EQ(cut(gre() / Packet::from_bytes(inner().bytes()), 4), bytes_of("0000 6558"));
}

TEST(PacketBuilder, ABuiltPacketNestsAsIfWrittenInPlace) {
    const Packet frame = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(68, 67) / payload(11);
    const Packet outer = eth(kGateway, kHostA) / ipv4(kHostB, kHostA) / gre();
    EXPECT_PACKET_EQ(outer / frame, eth(kGateway, kHostA) / ipv4(kHostB, kHostA) / gre() /
                                        eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(68, 67) /
                                        payload(11));
    EXPECT_PACKET_EQ(frame_at(outer / frame, 38), frame);
}

TEST(PacketBuilder, DoubleVlanTagsNameEachOther) {
    EXPECT_PACKET_EQ(eth(kVmA, kVmB) / vlan(100, {.pcp = 5, .dei = true, .tpid = 0x88a8}) /
                         vlan(4094) / arp_request(kVmA, kVmA, kVmB),
                     bytes_of("020000000a02 020000000a01 88a8 b064 8100 0ffe 0806"
                              "0001 0800 06 04 0001"
                              "020000000a01 c000020b 000000000000 c000020c"));
}

TEST(PacketBuilder, ArpReplyNamesBothEnds) {
    EXPECT_PACKET_EQ(arp_reply(kVmB, kVmB, kVmA, kVmA),
                     bytes_of("0001 0800 06 04 0002 020000000a02 c000020c 020000000a01 c000020b"));
}

TEST(PacketBuilder, UdpChecksumOfZeroIsSentAsAllOnes) {
    // Pseudo header c000+020c + c000+020b + 0011 + 000a and header 0000+0000+000a add up to 1843c,
    // folded 843d; a payload of 7bc2 makes that ffff, whose complement is 0.
    EXPECT_PACKET_EQ(frame_at(ipv4(kVmB, kVmA) / udp(0, 0) / raw({0x7b, 0xc2}), 20),
                     bytes_of("0000 0000 000a ffff 7bc2"));
}

TEST(PacketBuilder, UdpFieldsAreWrittenAsGiven) {
    EXPECT_PACKET_EQ(udp(67, 68, {.checksum = 0, .length = 5}), bytes_of("0043 0044 0005 0000"));
}

TEST(PacketBuilder, TcpOptionsAreFilledUpToWords) {
    EXPECT_PACKET_EQ(
        tcp(80, 1024,
            {.flags = kSyn | kAck,
             .seq = 0x01020304,
             .ack = 0x05060708,
             .window = 0x1000,
             .mss = 1460,
             .options = {3, 3, 7},
             .checksum = 0xcafe}),
        bytes_of("0050 0400 01020304 05060708 70 12 1000 cafe 0000 020405b4 03030700"));
}

TEST(PacketBuilder, IcmpEchoHasIdSequenceAndSum) {
    // 0800+1234+0001, and the odd byte aa as aa00: c435, ~ 3bca.
    EXPECT_PACKET_EQ(icmp_echo_request({.id = 0x1234, .sequence = 1}) / raw({0xaa}),
                     bytes_of("08 00 3bca 1234 0001 aa"));
}

TEST(PacketBuilder, IcmpErrorsCarryTheMtu) {
    EXPECT_PACKET_EQ(icmp_frag_needed(1400), bytes_of("03 04 f783 0000 0578"));
    EXPECT_PACKET_EQ(with_byte(with_byte(icmpv6_packet_too_big(1280), 2, 0), 3, 0),
                     bytes_of("02 00 0000 00000500"));
}

TEST(PacketBuilder, Ipv6WithEncapLimitIsWhatIp6gretapSends) {
    EXPECT_PACKET_EQ(
        ipv6(kHostB, kHostA, {.hop_limit = 9, .traffic_class = 0xb8, .flow_label = 0x12345}) /
            ipv6_encap_limit() / gre({.key = 1}),
        bytes_of("6b812345 0010 3c 09"
                 "20010db8000100000000000000000002 20010db8000100000000000000000001"
                 "2f 00 04 01 04 01 01 00"
                 "2000 6558 00000001"));
}

TEST(PacketBuilder, Ipv6FragmentHasOffsetAndMore) {
    EXPECT_PACKET_EQ(
        ipv6_fragment({.frag_offset = 2, .more_fragments = true, .id = 0xabcd}) / gre(),
        bytes_of("2f 00 0011 0000abcd 0000 6558"));
}

TEST(PacketBuilder, PayloadIsTheSameEveryTime) {
    EXPECT_EQ(payload(300), payload(300));
    EXPECT_EQ(payload(252)[250], 250);
    EXPECT_EQ(payload(252)[251], 0);
    EXPECT_EQ(payload(2, 9), raw({9, 10}));
    EXPECT_TRUE(payload(0).empty());
}

TEST(PacketBuilder, PaddingIsOutsideTheIpLength) {
    const Packet frame = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(1);
    const Packet wire = padded(frame);
    EXPECT_EQ(wire.size(), 60u);
    EXPECT_PACKET_EQ(wire, concat(frame, raw(Bytes(17))));
    EXPECT_PACKET_EQ(padded(wire, 10), wire);
}

TEST(PacketBuilder, PaddingOfAnInnerFrameIsCargoToTheTunnel) {
    const Packet frame = padded(eth(kVmA, kVmB) / arp_request(kVmA, kVmA, kVmB));
    EXPECT_PACKET_EQ(ipv4(kHostB, kHostA) / gre({.checksum = true}) / frame,
                     ipv4(kHostB, kHostA, {.total_length = 20 + 8 + 60}) / gre({.checksum = true}) /
                         eth(kVmA, kVmB) / arp_request(kVmA, kVmA, kVmB) / raw(Bytes(18)));
}

TEST(PacketBuilder, CutTakesEveryLengthAndNoMore) {
    for (std::size_t size = 0; size <= inner().size(); ++size) {
        EXPECT_EQ(cut(inner(), size).size(), size);
    }
    EXPECT_THROW(cut(inner(), inner().size() + 1), std::out_of_range);
    EXPECT_THROW(frame_at(inner(), inner().size() + 1), std::out_of_range);
    EXPECT_THROW(with_byte(inner(), inner().size(), 0), std::out_of_range);
}

TEST(PacketBuilder, APacketWithoutLayersIsEmpty) {
    EXPECT_TRUE(Packet{}.empty());
    EXPECT_EQ(Packet{} / inner(), inner());
    EXPECT_EQ(inner() / Packet{}, inner());
    EXPECT_EQ(concat(Packet{}, inner()), inner());
}

}  // namespace
}  // namespace xgre::test
