// SPDX-License-Identifier: GPL-2.0-only
#include "tests/packet/decode.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include "tests/packet/expect_packet.h"
#include "tests/packet/hex_bytes.h"

namespace xgre::test {
namespace {

Packet tunnelled_dhcp() {
    return eth(kGateway, kHostA) / ipv4(kHostB, kHostA) /
           gre({.key = 7, .checksum = true, .sequence = 3}) / eth(kVmB, kBroadcast) /
           vlan(12, {.pcp = 3}) / ipv4(kVmB, kIpBroadcast, {.df = false}) / udp(68, 67) /
           payload(20);
}

TEST(Decode, WritesALineALayer) {
    const std::string text = decode(tunnelled_dhcp());
    EXPECT_NE(text.find("Ethernet 02:00:00:00:00:fe > 02:00:00:00:00:01, type 0x0800\n"
                        "IPv4 198.18.0.2 > 198.18.0.1, length 102, ttl 64, tos 0x00, id 0, DF, "
                        "protocol 47, checksum "),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(" ok, key 7, sequence 3, type 0x6558\n"
                        "Ethernet 02:00:00:00:0a:02 > ff:ff:ff:ff:ff:ff, type 0x8100\n"
                        "VLAN 12, pcp 3, tpid 0x8100, type 0x0800\n"
                        "IPv4 192.0.2.12 > 255.255.255.255, length 48, ttl 64, tos 0x00, id 0, "
                        "protocol 17, checksum "),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("Data 20 bytes\n"), std::string::npos) << text;
    EXPECT_EQ(text.find("WRONG"), std::string::npos) << text;
}

TEST(Decode, ShortensIpv6Addresses) {
    EXPECT_EQ(decode(ipv6(kVmB, kHostA, {.next_header = 59})),
              "IPv6 2001:db8:2::12 > 2001:db8:1::1, payload 0, hop limit 64, class 0x00, "
              "flow 0x00000, next 59\n");
}

TEST(Decode, SaysWhichChecksumIsWrong) {
    const std::string text = decode(ipv4(kHostB, kHostA, {.checksum = 1}) / gre());
    EXPECT_NE(text.find("checksum 0x0001 WRONG, should be 0x"), std::string::npos) << text;
}

TEST(Decode, TellsPaddingFromPayload) {
    const std::string text =
        decode(padded(eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(1)));
    EXPECT_NE(text.find("Data 1 byte\nPadding 17 bytes\n"), std::string::npos) << text;
}

TEST(Decode, KnowsThatALaterFragmentIsNoGre) {
    EXPECT_EQ(decode(ipv4(kHostB, kHostA, {.frag_offset = 4}) / gre()).find("GRE"),
              std::string::npos);
}

TEST(Decode, ReadsEveryCutWithoutLeavingTheBytes) {
    // Each in a buffer of exactly its own size, so that a sanitizer sees a byte too many.
    for (const Packet& packet :
         {tunnelled_dhcp(),
          eth(kGateway, kHostA) / ipv6(kHostB, kHostA) / ipv6_encap_limit() / gre({.key = 1}) /
              eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.options = {1, 1, 1, 1}}) /
              tcp(1, 2, {.flags = kSyn, .mss = 1460}) / payload(3),
          eth(kGateway, kHostA) / ipv6(kHostB, kHostA) / ipv6_fragment() / icmpv6_echo_request(),
          eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / icmp_echo_request() / payload(3),
          eth(kVmA, kBroadcast) / arp_request(kVmA, kVmA, kVmB)}) {
        for (std::size_t size = 0; size < packet.size(); ++size) {
            const Bytes bytes(packet.bytes().begin(),
                              packet.bytes().begin() + static_cast<std::ptrdiff_t>(size));
            EXPECT_FALSE(decode(bytes).empty());
        }
    }
}

TEST(Decode, ReadsEveryByteTurnedOver) {
    const Packet packet = tunnelled_dhcp();
    for (std::size_t offset = 0; offset < packet.size(); ++offset) {
        for (const std::uint8_t value : hex_bytes("00 0f 40 f0 ff")) {
            EXPECT_FALSE(decode(with_byte(packet, offset, value)).empty());
        }
    }
}

TEST(HexDump, MarksAByte) {
    EXPECT_EQ(hex_dump(payload(18).bytes(), 17),
              "  0000  00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f\n"
              "  0010  10 11\n"
              "           ^^\n");
}

TEST(Difference, NamesTheFirstByteAndItsLayer) {
    const Packet seven = eth(kVmA, kVmB) / ipv4(kHostB, kHostA, {.checksum = 0}) / gre({.key = 7});
    const Packet eight = eth(kVmA, kVmB) / ipv4(kHostB, kHostA, {.checksum = 0}) / gre({.key = 8});
    const std::string text = difference(seven, eight);
    EXPECT_EQ(text.find("packets differ at offset 41 (0x0029): actual 0x07, expected 0x08\n"), 0u)
        << text;
    EXPECT_NE(text.find("> GRE key 7, type 0x6558\n"), std::string::npos) << text;
    EXPECT_NE(text.find("> GRE key 8, type 0x6558\n"), std::string::npos) << text;
    EXPECT_NE(text.find("  IPv4 "), std::string::npos) << text;
}

TEST(Difference, ShowsAPacketThatEndsEarly) {
    const std::string text = difference(payload(16), payload(17));
    EXPECT_EQ(text.find("packets differ at offset 16 (0x0010): actual the end, expected 0x10\n"),
              0u)
        << text;
    EXPECT_NE(text.find("> (ends here)\n"), std::string::npos) << text;
    EXPECT_NE(text.find("  0010 \n        ^^\n"), std::string::npos) << text;
}

TEST(Difference, IsEmptyForEqualPackets) {
    EXPECT_EQ(difference(payload(3), payload(3)), "");
}

TEST(ExpectPacketEq, FailsWithBothPacketsDecoded) {
    EXPECT_NONFATAL_FAILURE(EXPECT_PACKET_EQ(gre({.key = 7}), gre({.key = 8})),
                            "> GRE key 8, type 0x6558");
    EXPECT_NONFATAL_FAILURE(EXPECT_EQ(gre({.key = 7}), gre({.key = 8})), "GRE key 7, type 0x6558");
}

}  // namespace
}  // namespace xgre::test
