// SPDX-License-Identifier: GPL-2.0-only
// Tunnels over IPv6: RFC 8200, RFC 2473 section 4.1.1, RFC 6437.
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <ranges>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "loader/outer_header.h"
#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

// Peers 3 and 4 of network 1 are hosts B and C over IPv6.
class Ipv6Test : public HookTest {
protected:
    Ipv6Test() {
        use_ipv6();
        peer(3, ip6_of(kHostB), 1, {});
        peer(4, ip6_of(kHostC), 1, {});
    }

    static Packet tunnel6(const Station& from, const Packet& inner, const Ipv6Options& ip = {}) {
        return eth(from, kHostA) / ipv6(from, kHostA, ip) / gre({.key = kKey}) / inner;
    }
};

class Ipv6In : public Ipv6Test {
protected:
    Ipv6In() { datapath().fdb_put(fdb_key(1, kVmA.mac), as_static(a.owner())); }

    static Packet inner() { return frame(kVmB, kVmA, 47); }

    // XDP leaves to TC what has more extension headers than one of 8 bytes.
    void expect_delivered(const Packet& packet) const {
        const Result result = arrive(packet);
        ASSERT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, inner());
    }
    void expect_dropped(const Packet& packet, xgre_verdict verdict) const {
        const std::uint64_t before = arrivals(verdict);
        const Result result = arrive(packet);
        EXPECT_EQ(result.fate, Fate::ended);
        EXPECT_EQ(arrivals(verdict), before + 1);
        EXPECT_EQ(owner(1, kVmB), 0u);
    }
    void expect_untouched(const Packet& packet) const {
        const Result result = arrive(packet);
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(counts(), Counts{});
    }
    // Ethernet / IPv6 / `headers` / GRE; the first header is of type `next`.
    static Packet behind(std::uint8_t next, const Bytes& headers) {
        return eth(kHostB, kHostA) / ipv6(kHostB, kHostA, {.next_header = next}) / raw(headers) /
               gre({.key = kKey}) / inner();
    }
};
ON_BOTH_HOOKS(Ipv6In, "uplink_xdp", "uplink_tc");

// case I01
TEST_P(Ipv6In, IsDeliveredByTheProgramItself) {
    const Result result = from_wire(tunnel6(kHostB, inner()));
    ASSERT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, inner());
    EXPECT_EQ(counts(), (Counts{{on_hook("to-port"), 1}}));
    EXPECT_EQ(owner(1, kVmB), peer_owner(3));
    EXPECT_EQ(peer_traffic(3).rx_packets, 1u);
    EXPECT_EQ(port_traffic(a).tx_bytes, inner().size());
}

// case I01
TEST_P(Ipv6In, IsDeliveredBehindAnEncapsulationLimit) {
    const Packet packet = eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / ipv6_encap_limit() /
                          gre({.key = kKey}) / inner();
    const Result result = from_wire(packet);
    ASSERT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, inner());
    EXPECT_EQ(counts(), (Counts{{on_hook("to-port"), 1}}));
}

TEST_P(Ipv6In, IsDeliveredAsAFlowOfItsOwnPeer) {
    for (int i = 0; i < 3; ++i) {
        for (const Station& from : {kHostB, kHostC})
            EXPECT_EQ(arrive(tunnel6(from, inner())).fate, Fate::redirected);
        EXPECT_EQ(arrive(tunnel6(kStranger, inner())).fate, Fate::ended);
    }
    EXPECT_EQ(peer_traffic(3).rx_packets, 3u);
    EXPECT_EQ(peer_traffic(4).rx_packets, 3u);
    EXPECT_EQ(count(program(), XGRE_UNKNOWN_PEER).packets, 3u);
}

// A flow is known by all of the address and the key.
TEST_P(Ipv6In, OfAnAddressThatDiffersInOneBitIsOfAnUnknownPeer) {
    EXPECT_EQ(arrive(tunnel6(kHostB, inner())).fate, Fate::redirected);
    constexpr std::size_t source = 14 + 8;
    for (std::size_t byte = 0; byte < 16; ++byte) {
        const Packet packet = tunnel6(kHostB, inner());
        EXPECT_EQ(arrive(with_byte(packet, source + byte, packet[source + byte] ^ 0x40)).fate,
                  Fate::ended)
            << byte;
    }
    const Packet other_key = eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / gre({.key = 8}) / inner();
    EXPECT_EQ(arrive(other_key).fate, Fate::ended);
    const Packet no_key = eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / gre() / inner();
    EXPECT_EQ(arrive(no_key).fate, Fate::ended);
    EXPECT_EQ(counts()[on_hook("unknown-peer")], 18u);
}

// case O11
// case S07
TEST_P(Ipv6In, ToAnotherAddressOrOfAnotherProtocolIsTheHosts) {
    expect_untouched(eth(kHostB, kHostA) / ipv6(kHostB, kStranger) / gre({.key = kKey}) / inner());
    expect_untouched(eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / tcp(1, 2) / payload(20));
    expect_untouched(eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / ipv6_encap_limit() / tcp(1, 2) /
                     payload(20));
    expect_untouched(eth(kHostB, kHostA) / ipv6(kHostB, kHostA) /
                     gre({.key = kKey, .protocol = 0x86dd}) / raw(Bytes(40, 0x60)));
}

// case S02
TEST_P(Ipv6In, CutAfterAnyByteIsRefusedOrTheHosts) {
    const Packet whole = eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / ipv6_encap_limit() /
                         gre({.key = kKey, .checksum = true, .sequence = 1}) / inner();
    for (std::size_t size = 54; size < whole.size(); ++size)
        EXPECT_EQ(arrive(cut(whole, size)).fate, Fate::ended) << size;
    EXPECT_EQ(owner(1, kVmB), 0u);
    EXPECT_EQ(counts()["uplink_tc truncated"] + counts()["uplink_xdp truncated"],
              whole.size() - 54);
}

TEST_P(Ipv6In, PaddingOfEthernetIsNotDelivered) {
    const Packet small = eth(kVmB, kVmA) / payload(0);
    const Result result = arrive(concat(tunnel6(kHostB, small), payload(10)));
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, small);
}

// RFC 8200 section 4: next header, length in 8 bytes without the first.
TEST_P(Ipv6In, IsFoundBehindOtherExtensionHeaders) {
    const Bytes gre_next{47, 0, 1, 4, 0, 0, 0, 0};  // PadN
    expect_delivered(behind(0, gre_next));          // hop-by-hop
    expect_delivered(behind(60, {47, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
    expect_delivered(behind(43, {47, 0, 0, 0, 0, 0, 0, 0}));  // routing, no segments left
    expect_delivered(behind(0, {60, 0, 1, 4, 0, 0, 0, 0, 47, 0, 4, 1, 4, 1, 1, 0}));
    expect_delivered(eth(kHostB, kHostA) / ipv6(kHostB, kHostA) /
                     ipv6_fragment({.frag_offset = 0, .more_fragments = false}) /
                     gre({.key = kKey}) / inner());  // RFC 6946
}

// case I03
TEST_P(Ipv6In, BehindAnExtensionHeaderThatNoTunnelHasIsADrop) {
    expect_dropped(
        behind(51, Bytes{47, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),
        XGRE_IP_EXTENSION);                                                     // AH
    expect_dropped(behind(135, {47, 0, 0, 0, 0, 0, 0, 0}), XGRE_IP_EXTENSION);  // mobility
    expect_dropped(behind(139, {47, 0, 0, 0, 0, 0, 0, 0}), XGRE_IP_EXTENSION);  // HIP
    expect_dropped(behind(140, {47, 0, 0, 0, 0, 0, 0, 0}), XGRE_IP_EXTENSION);  // shim6
}

// case I03
TEST_P(Ipv6In, WhatCannotBeWalkedIsTheHosts) {
    expect_untouched(behind(43, {47, 0, 0, 1, 0, 0, 0, 0}));   // further to go
    expect_untouched(behind(253, {47, 0, 0, 0, 0, 0, 0, 0}));  // experimental: no known length
    Bytes many;
    for (int i = 0; i < 5; ++i)
        many.insert(many.end(), {static_cast<std::uint8_t>(i == 4 ? 47 : 60), 0, 1, 4, 0, 0, 0, 0});
    expect_untouched(behind(60, many));
    Bytes wide(80, 0);
    wide[0] = 47;
    wide[1] = 9;
    expect_untouched(behind(60, wide));
}

// Two fragments are put together only where routers and Linux put the header.
// case M06
TEST_P(Ipv6In, AFragmentInAnOddPlaceIsADrop) {
    const auto first = [](const Packet& front) {
        return eth(kHostB, kHostA) / front / ipv6_fragment({.more_fragments = true}) /
               gre({.key = kKey}) / inner();
    };
    const Packet ip = ipv6(kHostB, kHostA);
    expect_dropped(first(ip / ipv6_encap_limit() / ipv6_encap_limit()), XGRE_FRAGMENT);
    expect_dropped(first(ip / ipv6_fragment()), XGRE_FRAGMENT);
    expect_dropped(eth(kHostB, kHostA) / ip / ipv6_fragment() /
                       ipv6_fragment({.more_fragments = true}) / gre({.key = kKey}) /
                       frame(kVmB, kVmA, 50),
                   XGRE_FRAGMENT);
    expect_dropped(first(ip), XGRE_FRAGMENT);  // not of a multiple of 8 bytes
    const auto before = counts();
    const Packet later = eth(kHostB, kHostA) / ip / ipv6_encap_limit() / ipv6_encap_limit() /
                         ipv6_fragment({.frag_offset = 8}) / gre({.key = kKey}) / inner();
    EXPECT_EQ(arrive(later).fate, Fate::passed);
    EXPECT_EQ(counts(), before);
}

// case O07
TEST_P(Ipv6In, CongestionOutsideReachesTheFrameInside) {
    const auto ip_with = [](std::uint8_t ecn) {
        return eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.tos = ecn}) / payload(20);
    };
    const Result result = arrive(tunnel6(kHostB, ip_with(2), {.traffic_class = 3}));
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, ip_with(3));
    EXPECT_EQ(arrive(tunnel6(kHostB, ip_with(0), {.traffic_class = 3})).fate, Fate::ended);
    EXPECT_EQ(count(program(), XGRE_ECN).packets, 1u);
}

// ---- Out ------------------------------------------------------------------------------------

class Ipv6Out : public Ipv6Test {
protected:
    Ipv6Out() { datapath().fdb_put(fdb_key(1, kVmB.mac), as_static(peer_owner(3))); }

    Packet sent(const Packet& inner) const {
        const Result result = depart(inner, a);
        EXPECT_EQ(result.fate, Fate::redirected);
        return result.packet;
    }
    static std::uint32_t label_of(const Packet& packet) {
        return (packet[15] & 0x0fu) << 16 | std::uint32_t{packet[16]} << 8 | packet[17];
    }
    static Packet outer(const Packet& inner, const Ipv6Options& ip,
                        std::optional<std::uint32_t> key = kKey) {
        return eth(kHostA, kHostB) / ipv6(kHostA, kHostB, ip) / gre({.key = key}) / inner;
    }
};
ON_BOTH_HOOKS(Ipv6Out, "port_xdp", "port_tc");

TEST_P(Ipv6Out, HasAddressesLengthsAndALabelForEverySize) {
    for (const std::size_t size : {0u, 1u, 46u, 47u, 500u, 1437u, 1438u}) {
        const Packet inner = frame(kVmA, kVmB, size);
        const Result result = from_port(inner, a);
        ASSERT_EQ(result.fate, Fate::redirected) << size;
        EXPECT_PACKET_EQ(result.packet, outer(inner, {.flow_label = label_of(result.packet)}));
    }
    EXPECT_EQ(counts(), (Counts{{on_hook("to-peer"), 7}}));
    EXPECT_EQ(peer_traffic(3).tx_packets, 7u);
    EXPECT_EQ(from_port(frame(kVmA, kVmB, 1439), a).fate, too_large());
}

TEST_P(Ipv6Out, TheLabelIsConstantForAFlowAndDiffersBetweenFlows) {
    std::map<std::uint32_t, int> seen;
    for (std::uint16_t from = 1000; from < 1064; ++from) {
        const Packet inner = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(from, 2000) / payload(20);
        const Packet first = sent(inner), second = sent(inner);
        EXPECT_EQ(label_of(first), label_of(second));
        EXPECT_PACKET_EQ(first, outer(inner, {.flow_label = label_of(first)}));
        ++seen[label_of(first)];
    }
    EXPECT_GE(seen.size(), 63u);
}

TEST_P(Ipv6Out, TheLabelCanBeFixedAndTheKeyLeftOut) {
    peer(3, ip6_of(kHostB), 1, [](PeerOptions& options) {
        options.flow_label = 0xabcde;
        options.okey.reset();
        options.tos = 0xb8;
        options.ttl = 9;
    });
    const Packet inner =
        eth(kVmA, kVmB) / ipv6(kVmA, kVmB, {.traffic_class = 0xff}) / udp(1, 2) / payload(9);
    EXPECT_PACKET_EQ(
        sent(inner),
        outer(inner, {.hop_limit = 9, .traffic_class = 0xb8 | 3, .flow_label = 0xabcde},
              std::nullopt));
}

TEST_P(Ipv6Out, HopLimitAndTrafficClassCanBeThoseOfThePacketInside) {
    peer(3, ip6_of(kHostB), 1, [](PeerOptions& options) {
        options.flow_label = 0;
        options.tos.reset();
        options.ttl.reset();
    });
    const Packet inner =
        eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.ttl = 5, .tos = 0xb9}) / udp(1, 2) / payload(9);
    EXPECT_PACKET_EQ(sent(inner), outer(inner, {.hop_limit = 5, .traffic_class = 0xb9}));
}

// case I01
TEST_P(Ipv6Out, AnEncapsulationLimitIsSentWhenAskedFor) {
    peer(3, ip6_of(kHostB), 1, [](PeerOptions& options) {
        options.flow_label = 0;
        options.encap_limit = 4;
    });
    for (const Packet& inner :
         {frame(kVmA, kVmB), eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(9)})
        EXPECT_PACKET_EQ(sent(inner), eth(kHostA, kHostB) / ipv6(kHostA, kHostB) /
                                          ipv6_encap_limit({.limit = 4}) / gre({.key = kKey}) /
                                          inner);
}

class Ipv6Flood : public DatapathTest, public ::testing::WithParamInterface<Hooks> {
protected:
    // `count` frames that xgre sent, and not the kernel: it reports its groups (RFC 3810).
    std::vector<Packet> sent(std::size_t count) const {
        constexpr MacAddress kMldRouters = mac(0x33, 0x33, 0, 0, 0, 0x16);
        std::vector<Packet> got;
        for (int round = 0; round < 4 && got.size() < count; ++round)
            for (const Packet& packet : wire().received(count - got.size()))
                if (!std::ranges::equal(kMldRouters.bytes, packet.bytes() | std::views::take(6)))
                    got.push_back(packet);
        return got;
    }
};
ON_ALL_HOOKS(Ipv6Flood);

// case I02
TEST_P(Ipv6Flood, ReachesPeersOfBothFamiliesOnce) {
    use_ipv6();
    const auto fixed = [](PeerOptions& options) { options.flow_label = 1; };
    const auto limited = [](PeerOptions& options) {
        options.flow_label = 1;
        options.encap_limit = 4;
        options.okey.reset();
    };
    peer(3, ip6_of(kHostB), 1, fixed);
    peer(4, ip6_of(kHostC), 1, limited);
    attach(GetParam());
    std::vector<Packet> expected;
    const std::vector<Packet> frames{
        eth(kVmA, kBroadcast) / arp_request(kVmA.mac, kVmA.ip, kVmB.ip), frame(kVmA, kVmB, 500),
        eth(kVmA, kMulticast) / ipv4(kVmA, kVmB, {.tos = 1}) / udp(1, 2) / payload(100),
        eth(kVmA, kMulticast) / vlan(5) / ipv6(kVmA, kVmB, {.traffic_class = 2}) / payload(100)};
    for (const Packet& inner : frames) {
        std::uint8_t ecn = 0;
        if (&inner == &frames[2]) ecn = 1;
        if (&inner == &frames[3]) ecn = 2;
        for (const Station& to : {kHostB, kHostC})
            expected.push_back(eth(kHostA, to) / ipv4(kHostA, to, {.tos = ecn}) /
                               gre({.key = kKey}) / inner);
        const Ipv6Options ip{.traffic_class = ecn, .flow_label = 1};
        expected.push_back(eth(kHostA, kHostB) / ipv6(kHostA, kHostB, ip) / gre({.key = kKey}) /
                           inner);
        expected.push_back(eth(kHostA, kHostC) / ipv6(kHostA, kHostC, ip) / ipv6_encap_limit() /
                           gre() / inner);
        ASSERT_TRUE(a.tap.send(inner));
    }
    expect_frames(sent(expected.size()), expected, "on the wire");
    expect_got(c, frames);
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 20}}));
}

// case O10
TEST_P(Ipv6Flood, AnUnresolvedNextHopIsResolvedByTheKernel) {
    use_ipv6();
    peer(3, ip6_of(kStranger), 1, [](PeerOptions& options) { options.flow_label = 1; });
    flood(1, {a.index(), c.index()}, {3});
    datapath().fdb_put(fdb_key(1, kVmB.mac), as_static(peer_owner(3)));
    attach(GetParam());
    const auto is_solicitation = [](const Packet& packet) {
        return packet.size() > 54 && packet[12] == 0x86 && packet[13] == 0xdd && packet[20] == 58 &&
               packet[54] == 135;
    };
    ASSERT_TRUE(a.tap.send(frame(kVmA, kBroadcast)));
    ASSERT_TRUE(a.tap.send(frame(kVmA, kVmB)));
    bool asked = false;
    for (const Packet& packet : sent(1))
        asked = asked || is_solicitation(packet);
    EXPECT_TRUE(asked);
    ip(fmt::format("neigh replace {} lladdr {} dev uplink nud reachable\n", ip6_of(kStranger),
                   "02:00:00:00:00:66"));
    std::vector<Packet> got = sent(2);
    std::erase_if(got, is_solicitation);
    const auto wanted = [](const Packet& inner) {
        return eth(kHostA, kStranger) / ipv6(kHostA, kStranger, {.flow_label = 1}) /
               gre({.key = kKey}) / inner;
    };
    expect_frames(got, {wanted(frame(kVmA, kBroadcast)), wanted(frame(kVmA, kVmB))}, "on the wire");
}

}  // namespace
}  // namespace xgre::test
