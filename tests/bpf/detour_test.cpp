// SPDX-License-Identifier: GPL-2.0-only
// What has to be done to a frame as it is on the wire: checksums and sequence numbers in the GRE
// header, fragments of what is too large, and news for its sender. The programs are attached.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr std::uint16_t kOuter = 28;      // IPv4 and GRE with a key
constexpr std::uint16_t kOuterFull = 36;  // with a checksum and a number, too

// The bytes from..to of what an IPv4 packet of `whole` bytes of payload() carries, as a packet.
Packet piece(const Packet& front, const Ipv4Options& ip, std::size_t whole, std::size_t from,
             std::size_t to, std::uint8_t protocol = 253) {
    const Bytes all = payload(whole).bytes();
    Ipv4Options options = ip;
    options.df = false;
    options.protocol = protocol;
    options.frag_offset = static_cast<std::uint16_t>(ip.frag_offset + from / 8);
    options.more_fragments = ip.more_fragments || to < whole;
    return front / ipv4(kVmA, kVmB, options) /
           raw(Bytes(all.begin() + static_cast<std::ptrdiff_t>(from),
                     all.begin() + static_cast<std::ptrdiff_t>(to)));
}

// `size` bytes of what is behind the Ethernet header and the tags, of which `front` has some.
Packet quoted(const Packet& packet, const Packet& front, std::size_t size) {
    const Bytes& all = packet.bytes();
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(front.size());
    return raw(Bytes(begin, begin + static_cast<std::ptrdiff_t>(size)));
}

// What is said about a packet from kVmA to kVmB, say, or the other way round.
Packet news4(const Packet& packet, std::uint16_t mtu, const Packet& front) {
    const Bytes& all = packet.bytes();
    Ipv4Address from{};
    Ipv4Address to{};
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(front.size() + 12), 4,
                from.bytes.begin());
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(front.size() + 16), 4, to.bytes.begin());
    return front / ipv4(to, from, {.tos = 0xc0}) / icmp_frag_needed(mtu) /
           quoted(packet, front, 576 - 28);
}

Packet news6(const Packet& packet, std::uint32_t mtu, const Packet& front) {
    const Bytes& all = packet.bytes();
    Ipv6Address from{};
    Ipv6Address to{};
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(front.size() + 8), 16,
                from.bytes.begin());
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(front.size() + 24), 16, to.bytes.begin());
    return front / ipv6(to, from) / icmpv6_packet_too_big(mtu) / quoted(packet, front, 1280 - 48);
}

// Of an untagged packet: back to whom it came from.
Packet back_of(const Packet& packet) {
    MacAddress to{};
    MacAddress from{};
    std::copy_n(packet.bytes().begin(), 6, to.bytes.begin());
    std::copy_n(packet.bytes().begin() + 6, 6, from.bytes.begin());
    return eth(to, from);
}
Packet news4(const Packet& packet, std::uint16_t mtu) {
    return news4(packet, mtu, back_of(packet));
}
Packet news6(const Packet& packet, std::uint32_t mtu) {
    return news6(packet, mtu, back_of(packet));
}

class DetourTest : public DatapathTest, public ::testing::WithParamInterface<Hooks> {
protected:
    DetourTest() {
        learn(1, kVmB, peer_owner(1));
        learn(1, kVmB, peer_owner(1), 5);
        learn(1, kVmC, c.owner());
        learn(1, kVmC, c.owner(), 5);
    }
    void start() {
        attach(GetParam());
        make_detour(GetParam() == Hooks::clsact);
    }
    // Peer 1, hostB, is sent checksums and numbers, and peer 2 is not.
    void have_sums_and_numbers(const std::function<void(PeerOptions&)>& change = {}) {
        remove_peer(1);
        flood(1, {a.index(), c.index()}, {2});
        peer(1, ip4_of(kHostB), 1, [&](PeerOptions& options) {
            options.ocsum = options.oseq = true;
            if (change) change(options);
        });
    }
    static Packet numbered(const Packet& inner, std::uint32_t number) {
        return eth(kHostA, kHostB) / ipv4(kHostA, kHostB) /
               gre({.key = kKey, .checksum = true, .sequence = number}) / inner;
    }
    void expect_lost(const Packet& packet) const {
        const auto before = count(XGRE_PROGRAM_DETOUR_TC, XGRE_TOO_LARGE).packets;
        const auto told = notes()["told"];
        ASSERT_TRUE(a.tap.send(packet));
        expect_got(a, {});
        expect_on_wire({});
        EXPECT_EQ(count(XGRE_PROGRAM_DETOUR_TC, XGRE_TOO_LARGE).packets, before + 1)
            << decode(packet);
        EXPECT_EQ(notes()["told"], told);
    }
};
INSTANTIATE_TEST_SUITE_P(Hooks, DetourTest,
                         ::testing::Values(Hooks::tc, Hooks::clsact, Hooks::native_xdp),
                         HooksName());

// ---- Checksums and numbers -----------------------------------------------------------------

// case G05
// case G07
TEST_P(DetourTest, GivesEachPacketAChecksumAndTheNextNumber) {
    have_sums_and_numbers();
    start();
    std::uint32_t number = 0;
    for (const std::size_t size : {46u, 47u, 0u, 1u, 127u, 128u, 129u, 1000u, 1450u}) {
        const Packet inner = frame(kVmA, kVmB, size);
        ASSERT_TRUE(a.tap.send(inner));
        expect_on_wire({numbered(inner, number)});
        ++number;
    }
    EXPECT_EQ(counts(), (Counts{{"detour_tc to-peer", number}}));
    EXPECT_EQ(peer_traffic(1).tx_packets, number);
    EXPECT_EQ(port_traffic(a).rx_packets, number);
}

TEST_P(DetourTest, CountsEachPeersNumbersByThemselves) {
    have_sums_and_numbers();
    remove_peer(2);
    peer(2, ip4_of(kHostC), 1, [](PeerOptions& options) { options.oseq = true; });
    learn(1, kVmD, peer_owner(2));
    start();
    for (std::uint32_t number = 0; number < 3; ++number) {
        ASSERT_TRUE(a.tap.send(frame(kVmA, kVmB)));
        expect_on_wire({numbered(frame(kVmA, kVmB), number)});
        ASSERT_TRUE(a.tap.send(frame(kVmA, kVmD)));
        expect_on_wire({eth(kHostA, kHostC) / ipv4(kHostA, kHostC) /
                        gre({.key = kKey, .sequence = number}) / frame(kVmA, kVmD)});
    }
}

TEST_P(DetourTest, SendsASumAloneAndWithoutKey) {
    have_sums_and_numbers([](PeerOptions& options) {
        options.okey.reset();
        options.oseq = false;
    });
    start();
    ASSERT_TRUE(a.tap.send(frame(kVmA, kVmB, 47)));
    expect_on_wire({eth(kHostA, kHostB) / ipv4(kHostA, kHostB) / gre({.checksum = true}) /
                    frame(kVmA, kVmB, 47)});
}

TEST_P(DetourTest, SumsWhatIsTagged) {
    have_sums_and_numbers();
    start();
    std::uint32_t number = 0;
    for (const Packet& inner : {eth(kVmA, kVmB) / vlan(5, {.pcp = 3}) / payload(60),
                                eth(kVmA, kVmB) / vlan(5, {.tpid = kEtherTypeServiceVlan}) /
                                    vlan(6) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(61)}) {
        ASSERT_TRUE(a.tap.send(inner));
        expect_on_wire({numbered(inner, number++)});
    }
}

TEST_P(DetourTest, FloodsToPeersOfBothKinds) {
    have_sums_and_numbers();
    start();
    const Packet inner = eth(kVmA, kBroadcast) / arp_request(kVmA, kVmA, kVmB);
    ASSERT_TRUE(a.tap.send(inner));
    expect_got(c, {inner});
    std::vector<Packet> got = wire().received(2);
    std::ranges::sort(got, {}, [](const Packet& packet) { return packet.size(); });
    expect_frames(got, {tunnel_to(kHostC, inner), numbered(inner, 0)}, "on the wire");
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", 1}}));
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 2}, {"detour_tc flooded", 1}}));
    EXPECT_EQ(peer_traffic(1).tx_packets, 1u);
    EXPECT_EQ(port_traffic(a).rx_packets, 1u);
}

TEST_P(DetourTest, WithoutItsDevicesIsADropByName) {
    have_sums_and_numbers();
    attach(GetParam());
    ASSERT_TRUE(a.tap.send(frame(kVmA, kVmB)));
    ASSERT_TRUE(a.tap.send(frame(kVmA, kBroadcast)));
    expect_on_wire({tunnel_to(kHostC, frame(kVmA, kBroadcast))});
    EXPECT_EQ(counts(), (Counts{{"port_tc no-detour", 1}, {"port_tc flooded", 1}}));
    EXPECT_EQ(copies()["port_tc no-detour"], 1u);
}

// ---- Too large: its sender is told -----------------------------------------------------------

// case M02
TEST_P(DetourTest, TellsTheSenderOfIpv4WhatWouldHaveFitted) {
    start();
    const Packet large =
        eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.ttl = 33}) / udp(1, 2) / payload(1472);
    ASSERT_TRUE(a.tap.send(large));
    expect_got(a, {news4(large, 1500 - kOuter - 14)});
    expect_on_wire({});
    EXPECT_EQ(counts(), (Counts{{"detour_tc too-large", 1}}));
    EXPECT_EQ(notes()["told"], 1u);
    EXPECT_EQ(port_traffic(a).tx_packets, 1u);
    EXPECT_EQ(port_traffic(a).rx_packets, 1u);
}

// case M03
TEST_P(DetourTest, TellsTheSenderOfIpv6WhatWouldHaveFitted) {
    start();
    const Packet large = eth(kVmA, kVmB) / ipv6(kVmA, kVmB) / udp(1, 2) / payload(1452);
    ASSERT_TRUE(a.tap.send(large));
    expect_got(a, {news6(large, 1500 - kOuter - 14)});
    expect_on_wire({});
    EXPECT_EQ(counts(), (Counts{{"detour_tc too-large", 1}}));
}

// case M02
// case M03
TEST_P(DetourTest, TellsAlsoWithinVlans) {
    start();
    const Packet front = eth(kVmA, kVmB) / vlan(5, {.pcp = 3});
    const Packet back = eth(kVmB, kVmA) / vlan(5, {.pcp = 3});
    const Packet large4 = front / ipv4(kVmA, kVmB) / udp(1, 2) / payload(1472);
    ASSERT_TRUE(a.tap.send(large4));
    expect_got(a, {news4(large4, 1500 - kOuter - 18, back)});
    const Packet large6 = front / ipv6(kVmA, kVmB) / udp(1, 2) / payload(1452);
    ASSERT_TRUE(a.tap.send(large6));
    expect_got(a, {news6(large6, 1500 - kOuter - 18, back)});
    expect_on_wire({});
}

TEST_P(DetourTest, KnowsWhatFitsBehindEachKindOfHeader) {
    use_ipv6();
    have_sums_and_numbers();
    peer(3, ip6_of(kHostC), 1, [](PeerOptions& options) { options.encap_limit = 4; });
    learn(1, kVmD, peer_owner(3));
    start();
    const Packet large = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(1472);
    ASSERT_TRUE(a.tap.send(large));
    expect_got(a, {news4(large, 1500 - kOuterFull - 14)});
    const Packet other = eth(kVmA, kVmD) / ipv4(kVmA, kVmD) / udp(1, 2) / payload(1472);
    ASSERT_TRUE(a.tap.send(other));
    expect_got(a, {news4(other, 1500 - 40 - 8 - 8 - 14)});
    // What fits just so is sent.
    const Packet fits =
        eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(1500 - kOuterFull - 14 - 20 - 8);
    ASSERT_TRUE(a.tap.send(fits));
    std::vector<Packet> got = wire().received(1);
    std::erase_if(got, [](const Packet& packet) { return (packet[0] & 1) != 0; });  // the host's
    expect_frames(got, {numbered(fits, 0)}, "on the wire");
}

TEST_P(DetourTest, TellsOfAPortWithASmallerMtu) {
    ip("link set dev c mtu 1300\n");
    start();
    const Packet large = eth(kVmA, kVmC) / ipv6(kVmA, kVmC) / udp(1, 2) / payload(1300);
    ASSERT_TRUE(a.tap.send(large));
    expect_got(a, {news6(large, 1300)});
    expect_got(c, {});
    const Packet fits = eth(kVmA, kVmC) / ipv6(kVmA, kVmC) / udp(1, 2) / payload(1252);
    ASSERT_TRUE(a.tap.send(fits));
    expect_got(c, {fits});
}

// case M02
TEST_P(DetourTest, TellsASenderBehindAPeerThroughTheTunnel) {
    ip("link set dev a mtu 1000\n");
    learn(1, kVmA, a.owner());
    start();
    const Packet large = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(1, 2) / payload(1200);
    ASSERT_TRUE(wire().send(tunnel(kHostB, large)));
    expect_on_wire({tunnel_to(kHostB, news4(large, 1000))});
    expect_got(a, {});
    EXPECT_EQ(counts(), (Counts{{"detour_tc too-large", 1}}));
    EXPECT_EQ(peer_traffic(1).rx_packets, 1u);
    EXPECT_EQ(peer_traffic(1).tx_packets, 1u);
}

// case M02
TEST_P(DetourTest, TellsASenderBehindAPeerOfAnyNumber) {
    ip("link set dev a mtu 1000\n");
    learn(1, kVmA, a.owner());
    remove_peer(1);
    peer(XGRE_MAX_PEERS - 1, ip4_of(kHostB), 1, {});
    start();
    const Packet large = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(1, 2) / payload(1200);
    ASSERT_TRUE(wire().send(tunnel(kHostB, large)));
    expect_on_wire({tunnel_to(kHostB, news4(large, 1000))});
}

// case M04
TEST_P(DetourTest, TellsNobodyOfErrorsOrGroupsOrLaterFragments) {
    start();
    const Packet to_b = eth(kVmA, kVmB);
    const Packet data = payload(1472);
    const Ipv6Address nobody = ip6({0, 0, 0, 0, 0, 0, 0, 0});
    for (const Packet& packet : {
             to_b / ipv4(kVmA, kVmB) / icmp({.type = 3, .code = 1}) / data,
             to_b / ipv4(kVmA, kVmB) / icmp({.type = 11}) / data,
             to_b / ipv4(kVmA, kVmB, {.frag_offset = 10}) / payload(1480),
             to_b / ipv4(xgre::test::ip(0, 0, 0, 0), kVmB) / udp(1, 2) / data,
             to_b / ipv4(xgre::test::ip(127, 0, 0, 1), kVmB) / udp(1, 2) / data,
             to_b / ipv4(xgre::test::ip(224, 0, 0, 1), kVmB) / udp(1, 2) / data,
             to_b / ipv4(kVmA, xgre::test::ip(224, 0, 0, 1)) / udp(1, 2) / data,
             to_b / ipv4(kVmA, kIpBroadcast) / udp(1, 2) / data,
             to_b / ipv6(kVmA, kVmB) / icmpv6({.type = 1}) / payload(1452),
             to_b / ipv6(nobody, kVmB) / udp(1, 2) / payload(1452),
             to_b / ipv6(ip6({0xff02, 0, 0, 0, 0, 0, 0, 1}), kVmB) / udp(1, 2) / payload(1452),
         })
        expect_lost(packet);
    // Not IP, or IP that is none.
    expect_lost(to_b / payload(1500));
    expect_lost(eth(kVmA, kVmB, {.type = 0x86dd}) / raw(Bytes(1500, 0)));
}

// case M04
TEST_P(DetourTest, TellsOfEchoRequests) {
    start();
    const Packet ping = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / icmp_echo_request() / payload(1472);
    ASSERT_TRUE(a.tap.send(ping));
    expect_got(a, {news4(ping, 1458)});
    const Packet ping6 = eth(kVmA, kVmB) / ipv6(kVmA, kVmB) / icmpv6_echo_request() / payload(1452);
    ASSERT_TRUE(a.tap.send(ping6));
    expect_got(a, {news6(ping6, 1458)});
}

// RFC 8200 section 5: a host sends packets of 1280 bytes whatever it is told.
TEST_P(DetourTest, DoesNotTellIpv6OfLessThanEveryLinkHas) {
    ip("link set dev uplink mtu 1300\n");
    start();
    expect_lost(eth(kVmA, kVmB) / ipv6(kVmA, kVmB) / udp(1, 2) / payload(1252));
}

// Whoever forges a router's news, or a router that means it: IPv6 keeps what every link has.
TEST_P(DetourTest, LetsRoutersCutIpv6WhereAPathTakesLessThanThat) {
    start();
    xgre_peer_state state = datapath().peer_states().find(1).value();
    state.path_mtu = 600;
    state.path_until = UINT64_MAX >> 2;
    datapath().peer_states().put(1, state);
    datapath().forget_flows();
    learn(1, kVmB, peer_owner(1), 9);
    for (const Packet& front : {eth(kVmA, kVmB), eth(kVmA, kVmB) / vlan(5),
                                eth(kVmA, kVmB) / vlan(9) / vlan(1) / vlan(2) / vlan(3)}) {
        const Packet fits = front / ipv6(kVmA, kVmB) / udp(1, 2) / payload(1232);
        ASSERT_TRUE(a.tap.send(fits));
        const std::vector<Packet> got = wire().received(1);
        ASSERT_EQ(got.size(), 1u);
        const Ipv4Options cut{.id = get16(got[0].bytes(), 18), .df = false};
        EXPECT_PACKET_EQ(
            got[0], eth(kHostA, kHostB) / ipv4(kHostA, kHostB, cut) / gre({.key = kKey}) / fits);
        const Packet large = front / ipv6(kVmA, kVmB) / udp(1, 2) / payload(1233);
        ASSERT_TRUE(a.tap.send(large));
        Packet back = eth(kVmB, kVmA);
        for (std::size_t at = 14; at < front.size(); at += 4)
            back = back / vlan(get16(front.bytes(), at));
        expect_got(a, {news6(large, 1280, back)});
    }
    // IPv4 is cut inside as before.
    const Packet to_b = eth(kVmA, kVmB);
    ASSERT_TRUE(a.tap.send(to_b / ipv4(kVmA, kVmB, {.df = false, .protocol = 253}) / payload(700)));
    expect_on_wire({tunnel_to(kHostB, piece(to_b, {}, 700, 0, 536)),
                    tunnel_to(kHostB, piece(to_b, {}, 700, 536, 700))});
}

// case M04
TEST_P(DetourTest, TellsSoOftenASecondAndNoMore) {
    start();
    const Packet large = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(1472);
    const auto begin = std::chrono::steady_clock::now();
    constexpr std::uint64_t kMany = 400;
    for (std::uint64_t i = 0; i < kMany; ++i)
        ASSERT_TRUE(a.tap.send(large));
    a.tap.received();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    const std::uint64_t told = notes()["told"];
    EXPECT_GE(told, XGRE_TOLD_LIMIT);
    EXPECT_LE(static_cast<double>(told), XGRE_TOLD_LIMIT * (1 + took.count()) + 1);
    EXPECT_EQ(count(XGRE_PROGRAM_DETOUR_TC, XGRE_TOO_LARGE).packets, kMany);
    // Another port is told as before.
    ASSERT_TRUE(c.tap.send(eth(kVmC, kVmB) / ipv4(kVmC, kVmB) / udp(1, 2) / payload(1472)));
    EXPECT_EQ(c.tap.received(1).size(), 1u);
}

// ---- Too large: cut ---------------------------------------------------------------------------

// case M09
TEST_P(DetourTest, CutsIpv4ThatMayBeCut) {
    start();
    const Packet to_b = eth(kVmA, kVmB);
    const Ipv4Options ip{.ttl = 33, .tos = 8, .id = 77};
    constexpr std::size_t kWhole = 1480;
    constexpr std::size_t kFirst = (1458 - 20) / 8 * 8;
    ASSERT_TRUE(a.tap.send(piece(to_b, ip, kWhole, 0, kWhole)));
    expect_on_wire({tunnel_to(kHostB, piece(to_b, ip, kWhole, 0, kFirst)),
                    tunnel_to(kHostB, piece(to_b, ip, kWhole, kFirst, kWhole))});
    EXPECT_EQ(counts(), (Counts{{"detour_tc to-peer", 2}}));
    EXPECT_EQ(notes()["split"], 1u);
    EXPECT_EQ(peer_traffic(1).tx_packets, 2u);
}

// case M09
TEST_P(DetourTest, CutsIntoAsManyAsItTakes) {
    ip("link set dev a mtu 9000\n");
    start();
    const Packet to_b = eth(kVmA, kVmB) / vlan(5, {.pcp = 3});
    const Ipv4Options ip{.id = 77};
    constexpr std::size_t kWhole = 8980;
    constexpr std::size_t kEach = (1454 - 20) / 8 * 8;
    std::vector<Packet> expected;
    for (std::size_t from = 0; from < kWhole; from += kEach)
        expected.push_back(
            tunnel_to(kHostB, piece(to_b, ip, kWhole, from, std::min(from + kEach, kWhole))));
    ASSERT_TRUE(a.tap.send(piece(to_b, ip, kWhole, 0, kWhole)));
    expect_on_wire(expected);
    EXPECT_EQ(notes()["split"], expected.size() - 1);
}

// case M09
TEST_P(DetourTest, CutsAFragmentFurther) {
    start();
    const Packet to_b = eth(kVmA, kVmB);
    const Ipv4Options ip{.id = 77, .frag_offset = 185, .more_fragments = true};
    constexpr std::size_t kWhole = 1480;
    constexpr std::size_t kFirst = (1458 - 20) / 8 * 8;
    ASSERT_TRUE(a.tap.send(piece(to_b, ip, kWhole, 0, kWhole)));
    expect_on_wire({tunnel_to(kHostB, piece(to_b, ip, kWhole, 0, kFirst)),
                    tunnel_to(kHostB, piece(to_b, ip, kWhole, kFirst, kWhole))});
}

TEST_P(DetourTest, CutsWhatIsTooLargeForAPortToo) {
    ip("link set dev c mtu 1000\n");
    start();
    const Ipv4Options ip{.id = 77};
    constexpr std::size_t kWhole = 1200;
    constexpr std::size_t kFirst = (1000 - 20) / 8 * 8;
    const auto expect_pieces = [&](const Port& port, const Packet& front) {
        expect_got(port,
                   {piece(front, ip, kWhole, 0, kFirst), piece(front, ip, kWhole, kFirst, kWhole)});
    };
    ASSERT_TRUE(a.tap.send(piece(eth(kVmA, kVmC), ip, kWhole, 0, kWhole)));
    expect_pieces(c, eth(kVmA, kVmC));
    ASSERT_TRUE(wire().send(tunnel(kHostB, piece(eth(kVmD, kVmC), ip, kWhole, 0, kWhole))));
    expect_pieces(c, eth(kVmD, kVmC));
    EXPECT_EQ(owner(1, kVmD), peer_owner(1));
}

TEST_P(DetourTest, CutsNoOptions) {
    start();
    expect_lost(eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.df = false, .options = {1, 1, 1, 1}}) /
                udp(1, 2) / payload(1468));
}

// case M09
TEST_P(DetourTest, CutsWhatIsFlooded) {
    start();
    const Packet group = eth(kVmA, kMulticast);
    const Ipv4Options ip{.id = 77};
    constexpr std::size_t kWhole = 1480;
    constexpr std::size_t kFirst = (1458 - 20) / 8 * 8;
    const Packet large = piece(group, ip, kWhole, 0, kWhole);
    ASSERT_TRUE(a.tap.send(large));
    expect_got(c, {large});
    std::map<Bytes, std::vector<Packet>> got;
    for (const Packet& packet : wire().received(4))
        got[Bytes(packet.bytes().begin(), packet.bytes().begin() + 6)].push_back(packet);
    for (const Station& host : {kHostB, kHostC}) {
        const Bytes mac(host.mac.bytes.begin(), host.mac.bytes.end());
        expect_frames(got[mac],
                      {tunnel_to(host, piece(group, ip, kWhole, 0, kFirst)),
                       tunnel_to(host, piece(group, ip, kWhole, kFirst, kWhole))},
                      "to a peer");
    }
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 1}, {"detour_tc flooded", 4}}));
}

// The host itself may say something on the device, and it is nobody's frame.
TEST_P(DetourTest, TakesNothingWithoutItsMark) {
    start();
    const Result result = run("detour_tc", frame(kVmA, kVmB), a.index());
    EXPECT_EQ(result.fate, Fate::ended);
    EXPECT_EQ(counts(), Counts{});
}

}  // namespace
}  // namespace xgre::test
