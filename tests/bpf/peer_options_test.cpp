// SPDX-License-Identifier: GPL-2.0-only
// What of the outer headers a peer can be told to have, and what ECN makes of those inside:
// RFC 2890, RFC 6040, RFC 7637.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <fmt/format.h>

#include "loader/outer_header.h"
#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

// ---- In -------------------------------------------------------------------------------------

class PeerOptionsIn : public HookTest {
protected:
    PeerOptionsIn() { datapath().fdb_put(fdb_key(1, kVmA.mac), as_static(a.owner())); }

    static Packet inner() { return frame(kVmB, kVmA, 47); }
    static Packet with_header(const GreOptions& header) {
        return eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre(header) / inner();
    }
    void expect_delivered(const Packet& packet) const {
        const Result result = arrive(packet);
        ASSERT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, inner());
    }
    void expect_dropped(const Packet& packet, xgre_verdict verdict) const {
        const std::uint64_t before = arrivals(verdict);
        EXPECT_EQ(arrive(packet).fate, Fate::ended);
        EXPECT_EQ(arrivals(verdict), before + 1);
    }
    void set(const std::function<void(PeerOptions&)>& change) {
        peer(1, ip4_of(kHostB), 1, change);
    }
};
ON_BOTH_HOOKS(PeerOptionsIn, "uplink_xdp", "uplink_tc");

// case G03
TEST_P(PeerOptionsIn, TheKeyExpectedIsTheOneOfThePeer) {
    datapath().tunnels().erase(tunnel_key_of(datapath().peers().find(1).value()));
    set([](PeerOptions& options) { options.ikey = GreKey{42}; });
    expect_delivered(with_header({.key = 42}));
    expect_dropped(with_header({.key = kKey}), XGRE_UNKNOWN_PEER);
    expect_dropped(with_header({}), XGRE_UNKNOWN_PEER);
}

// case G02
// case G03
TEST_P(PeerOptionsIn, NoKeyAndKeyZeroAreTwo) {
    datapath().tunnels().erase(tunnel_key_of(datapath().peers().find(1).value()));
    set([](PeerOptions& options) { options.ikey = GreKey{0}; });
    expect_delivered(with_header({.key = 0}));
    expect_dropped(with_header({}), XGRE_UNKNOWN_PEER);
    datapath().tunnels().erase(tunnel_key_of(datapath().peers().find(1).value()));
    set([](PeerOptions& options) { options.ikey.reset(); });
    expect_delivered(with_header({}));
    expect_dropped(with_header({.key = 0}), XGRE_UNKNOWN_PEER);
}

TEST_P(PeerOptionsIn, AChecksumCanBeDemanded) {
    expect_delivered(with_header({.key = kKey}));
    set([](PeerOptions& options) { options.icsum = true; });
    expect_delivered(with_header({.key = kKey, .checksum = true}));
    expect_dropped(with_header({.key = kKey}), XGRE_GRE_NO_CHECKSUM);
    expect_dropped(with_header({.key = kKey, .checksum = 0x1234}), XGRE_GRE_CHECKSUM);
}

TEST_P(PeerOptionsIn, APeerWhoseRouteLeadsElsewhereIsRefusedWhereThatIsAskedFor) {
    const Packet packet = with_header({.key = kKey});
    ip("route add 198.18.0.2/32 dev c\n");
    expect_delivered(packet);
    set([](PeerOptions& options) { options.rp_filter = true; });
    datapath().forget_flows();
    expect_dropped(packet, XGRE_RP_FILTER);
    EXPECT_EQ(peer_traffic(1).rx_packets, 2u);
    ip("route del 198.18.0.2/32 dev c\n");
    expect_delivered(packet);
    ip("route add unreachable 198.18.0.2/32\n");
    datapath().forget_flows();
    expect_dropped(packet, XGRE_RP_FILTER);
    ip("route del unreachable 198.18.0.2/32\n");
    // It need not be known how to reach it.
    ip("neigh del 198.18.0.2 dev uplink\n");
    expect_delivered(packet);
}

TEST_P(PeerOptionsIn, APeerOverIPv6WithoutARouteIsRefusedWhereThatIsAskedFor) {
    use_ipv6();
    peer(3, ip6_of(kHostB), 1, [](PeerOptions& options) { options.rp_filter = true; });
    const Packet packet = eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / gre({.key = kKey}) / inner();
    expect_delivered(packet);
    ip(fmt::format("route add unreachable {}/128\n", ip6_of(kHostB).format()));
    datapath().forget_flows();
    expect_dropped(packet, XGRE_RP_FILTER);
}

// case G08
TEST_P(PeerOptionsIn, ASequenceNumberIsSkippedUnlessAskedFor) {
    expect_delivered(with_header({.key = kKey, .sequence = 10}));
    expect_delivered(with_header({.key = kKey, .sequence = 9}));
}

// case G08
TEST_P(PeerOptionsIn, AnOlderSequenceNumberIsADropWhenAskedFor) {
    set([](PeerOptions& options) { options.iseq = true; });
    expect_dropped(with_header({.key = kKey}), XGRE_GRE_SEQUENCE);
    expect_delivered(with_header({.key = kKey, .sequence = 0xfffffffe}));
    expect_dropped(with_header({.key = kKey, .sequence = 0xfffffffe}), XGRE_GRE_SEQUENCE);
    expect_delivered(with_header({.key = kKey, .sequence = 0xffffffff}));
    expect_delivered(with_header({.key = kKey, .sequence = 0}));  // it wraps
    expect_delivered(with_header({.key = kKey, .sequence = 5}));
    expect_dropped(with_header({.key = kKey, .sequence = 3}), XGRE_GRE_SEQUENCE);
    expect_dropped(with_header({.key = kKey, .sequence = 0xffffff00}), XGRE_GRE_SEQUENCE);
    expect_delivered(with_header({.key = kKey, .sequence = 6}));
}

// case G08
TEST_P(PeerOptionsIn, APeerThatStartsAnewIsBelieved) {
    set([](PeerOptions& options) { options.iseq = true; });
    expect_delivered(with_header({.key = kKey, .sequence = 1'000'000}));
    expect_delivered(with_header({.key = kKey, .sequence = 0}));  // far behind
    expect_delivered(with_header({.key = kKey, .sequence = 100}));
    expect_dropped(with_header({.key = kKey, .sequence = 0}), XGRE_GRE_SEQUENCE);
    // Nothing has come for a while.
    xgre_peer_state state = datapath().peer_states().find(1).value();
    ASSERT_GT(state.came, 10'000u);
    state.came -= 10'000;
    datapath().peer_states().put(1, state);
    expect_delivered(with_header({.key = kKey, .sequence = 0}));
}

class Nvgre : public PeerOptionsIn {
protected:
    static constexpr std::uint32_t kVsid = 0x123456;

    Nvgre() {
        network(2, {.key = nvgre_key(kVsid), .nvgre = true});
        peer(3, ip4_of(kHostB), 2, {});
        d_ = &port("d", 2);
        datapath().fdb_put(fdb_key(2, kVmA.mac), as_static(d_->owner()));
        datapath().fdb_put(fdb_key(2, kVmB.mac), as_static(peer_owner(3)));
    }

    Port* d_ = nullptr;
};
ON_BOTH_HOOKS(Nvgre, "uplink_xdp", "uplink_tc");

// case G13
TEST_P(Nvgre, TheVsidSelectsAndTheFlowIdDoesNot) {
    for (const std::uint8_t flow_id : std::initializer_list<std::uint8_t>{0x00, 0x01, 0x7f, 0xff})
        expect_delivered(with_header({.key = nvgre_key(kVsid, flow_id)}));
    EXPECT_EQ(port_traffic(*d_).tx_packets, 4u);
    expect_dropped(with_header({.key = nvgre_key(kVsid + 1)}), XGRE_UNKNOWN_PEER);
    expect_dropped(with_header({}), XGRE_UNKNOWN_PEER);
}

// RFC 7637 section 3.2: both bits are zero.
TEST_P(Nvgre, HasNeitherChecksumNorSequence) {
    expect_dropped(with_header({.key = nvgre_key(kVsid, 1), .checksum = true}), XGRE_UNKNOWN_PEER);
    expect_dropped(with_header({.key = nvgre_key(kVsid, 1), .sequence = 1}), XGRE_UNKNOWN_PEER);
}

// case G13
TEST_P(Nvgre, SendsAFlowIdThatIsConstantForAFlow) {
    const std::string program = is_xdp() ? "port_xdp" : "port_tc";
    std::map<std::uint8_t, int> seen;
    for (std::uint16_t from = 1000; from < 1064; ++from) {
        const Packet inner = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(from, 2000) / payload(20);
        std::optional<std::uint8_t> flow_id;
        for (int again = 0; again < 2; ++again) {
            const Result result = run(program, inner, d_->index());
            ASSERT_EQ(result.fate, Fate::redirected);
            flow_id = flow_id.value_or(result.packet[14 + 20 + 7]);
            ASSERT_PACKET_EQ(result.packet, eth(kHostA, kHostB) / ipv4(kHostA, kHostB) /
                                                gre({.key = nvgre_key(kVsid, *flow_id)}) / inner);
        }
        ++seen[*flow_id];
    }
    EXPECT_GT(seen.size(), 40u);
}

// ---- ECN in ---------------------------------------------------------------------------------

constexpr std::uint8_t kNotEct = 0;
constexpr std::uint8_t kEct1 = 1;
constexpr std::uint8_t kEct0 = 2;
constexpr std::uint8_t kCe = 3;

enum class Inside { ipv4, ipv6, tagged_ipv4, twice_tagged_ipv6, arp };

Packet ip_frame_with(Inside inside, std::uint8_t ecn, MacAddress from, MacAddress to,
                     std::uint8_t dscp = 10, std::uint8_t ttl = 33) {
    const auto ds = static_cast<std::uint8_t>(dscp << 2 | ecn);
    const Packet v4 = ipv4(kVmB, kVmA, {.ttl = ttl, .tos = ds}) / udp(1, 2) / payload(31);
    const Packet v6 =
        ipv6(kVmB, kVmA, {.hop_limit = ttl, .traffic_class = ds, .flow_label = 0x12345}) /
        udp(1, 2) / payload(31);
    switch (inside) {
        case Inside::ipv4:
            return eth(from, to) / v4;
        case Inside::ipv6:
            return eth(from, to) / v6;
        case Inside::tagged_ipv4:
            return eth(from, to) / vlan(9) / v4;
        case Inside::twice_tagged_ipv6:
            return eth(from, to) / vlan(9, {.tpid = kEtherTypeServiceVlan}) / vlan(8) / v6;
        default:
            return eth(from, to) / arp_request(from, kVmB.ip, kVmA.ip);
    }
}

constexpr std::initializer_list<Inside> kInsideIp{Inside::ipv4, Inside::ipv6, Inside::tagged_ipv4,
                                                  Inside::twice_tagged_ipv6};

class EcnIn : public PeerOptionsIn {
protected:
    EcnIn() { datapath().fdb_put(fdb_key(1, kVmA.mac, 9), as_static(a.owner())); }
    static Packet marked(std::uint8_t outer, const Packet& inner) {
        return eth(kHostB, kHostA) / ipv4(kHostB, kHostA, {.tos = outer}) / gre({.key = kKey}) /
               inner;
    }
};
ON_BOTH_HOOKS(EcnIn, "uplink_xdp", "uplink_tc");

// case O07
// case O08
TEST_P(EcnIn, FollowsTheTableOfRfc6040) {
    for (const Inside inside : kInsideIp) {
        for (std::uint8_t outer = 0; outer < 4; ++outer) {
            for (std::uint8_t inner = 0; inner < 4; ++inner) {
                if (outer == kCe && inner == kNotEct) continue;
                std::uint8_t after = inner;
                if (outer == kCe) after = kCe;
                if (outer == kEct1 && inner == kEct0) after = kEct1;
                const Result result =
                    arrive(marked(outer, ip_frame_with(inside, inner, kVmB, kVmA)));
                ASSERT_EQ(result.fate, Fate::redirected) << int{outer} << " " << int{inner};
                EXPECT_PACKET_EQ(result.packet, ip_frame_with(inside, after, kVmB, kVmA));
            }
        }
    }
}

// case O07
TEST_P(EcnIn, CongestionThatItsSenderWouldNotUnderstandIsADropThatTeachesNothing) {
    for (const Inside inside : kInsideIp) {
        const Packet packet = marked(kCe, ip_frame_with(inside, kNotEct, kVmB, kVmA));
        expect_dropped(packet, XGRE_ECN);
    }
    EXPECT_EQ(notes(), Counts{});
    EXPECT_EQ(owner(1, kVmB), 0u);
    EXPECT_EQ(peer_traffic(1).rx_packets, 4u);
}

// case O07
TEST_P(EcnIn, OfAFlowThatIsKnown) {
    const Packet inner = ip_frame_with(Inside::ipv4, kEct0, kVmB, kVmA);
    EXPECT_EQ(arrive(marked(kNotEct, inner)).fate, Fate::redirected);
    EXPECT_PACKET_EQ(arrive(marked(kCe, inner)).packet,
                     ip_frame_with(Inside::ipv4, kCe, kVmB, kVmA));
    expect_dropped(marked(kCe, ip_frame_with(Inside::ipv4, kNotEct, kVmB, kVmA)), XGRE_ECN);
}

TEST_P(EcnIn, IsOfNoConcernToWhatIsNotIp) {
    const Packet inner = ip_frame_with(Inside::arp, 0, kVmB, kVmA);
    const Result result = arrive(marked(kCe, inner));
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, inner);
}

// ---- Out ------------------------------------------------------------------------------------

class PeerOptionsOut : public HookTest {
protected:
    PeerOptionsOut() {
        for (const std::uint16_t vlan : std::initializer_list<std::uint16_t>{0, 9})
            datapath().fdb_put(fdb_key(1, kVmB.mac, vlan), as_static(peer_owner(1)));
    }

    Packet sent(const Packet& inner) const {
        const Result result = depart(inner, a);
        EXPECT_EQ(result.fate, Fate::redirected);
        return result.packet;
    }
    void set(const std::function<void(PeerOptions&)>& change) {
        peer(1, ip4_of(kHostB), 1, change);
    }
    static Packet outer(const Packet& inner, const Ipv4Options& ip,
                        std::optional<std::uint32_t> key = kKey) {
        return eth(kHostA, kHostB) / ipv4(kHostA, kHostB, ip) / gre({.key = key}) / inner;
    }
};
ON_BOTH_HOOKS(PeerOptionsOut, "port_xdp", "port_tc");

// case O06
TEST_P(PeerOptionsOut, EcnIsThatOfThePacketInside) {
    for (const Inside inside : kInsideIp) {
        for (std::uint8_t ecn = 0; ecn < 4; ++ecn) {
            const Packet inner = ip_frame_with(inside, ecn, kVmA, kVmB);
            EXPECT_PACKET_EQ(sent(inner), outer(inner, {.tos = ecn}));
            EXPECT_PACKET_EQ(sent(inner), outer(inner, {.tos = ecn}));  // as its flow
        }
    }
    const Packet arp = ip_frame_with(Inside::arp, 0, kVmA, kVmB);
    EXPECT_PACKET_EQ(sent(arp), outer(arp, {}));
}

// case G03
TEST_P(PeerOptionsOut, TheKeySentIsTheOneOfThePeer) {
    const Packet inner = frame(kVmA, kVmB);
    set([](PeerOptions& options) { options.okey = GreKey{0xffffffff}; });
    EXPECT_PACKET_EQ(sent(inner), outer(inner, {}, 0xffffffff));
    set([](PeerOptions& options) { options.okey.reset(); });
    EXPECT_PACKET_EQ(sent(inner), outer(inner, {}, std::nullopt));
}

// case O01
// case O03
TEST_P(PeerOptionsOut, TtlAndTosCanBeFixed) {
    set([](PeerOptions& options) {
        options.ttl = 7;
        options.tos = 0xb8;
    });
    for (const Inside inside : kInsideIp) {
        const Packet inner = ip_frame_with(inside, kEct0, kVmA, kVmB);
        EXPECT_PACKET_EQ(sent(inner), outer(inner, {.ttl = 7, .tos = 0xb8 | kEct0}));
    }
    const Packet arp = ip_frame_with(Inside::arp, 0, kVmA, kVmB);
    EXPECT_PACKET_EQ(sent(arp), outer(arp, {.ttl = 7, .tos = 0xb8}));
}

// case O02
TEST_P(PeerOptionsOut, TtlCanBeThatOfThePacketInside) {
    set([](PeerOptions& options) { options.ttl.reset(); });
    for (const Inside inside : kInsideIp) {
        const Packet inner = ip_frame_with(inside, 0, kVmA, kVmB, 10, 33);
        EXPECT_PACKET_EQ(sent(inner), outer(inner, {.ttl = 33}));
    }
    const Packet arp = ip_frame_with(Inside::arp, 0, kVmA, kVmB);
    EXPECT_PACKET_EQ(sent(arp), outer(arp, {.ttl = 64}));
}

// case O03
TEST_P(PeerOptionsOut, TosCanBeThatOfThePacketInside) {
    set([](PeerOptions& options) { options.tos.reset(); });
    for (const Inside inside : kInsideIp) {
        const Packet inner = ip_frame_with(inside, kEct1, kVmA, kVmB, 46);
        EXPECT_PACKET_EQ(sent(inner), outer(inner, {.tos = 46 << 2 | kEct1}));
    }
    const Packet arp = ip_frame_with(Inside::arp, 0, kVmA, kVmB);
    EXPECT_PACKET_EQ(sent(arp), outer(arp, {.tos = 0}));
}

std::uint16_t id_of(const Packet& packet) {
    return static_cast<std::uint16_t>(packet[14 + 4] << 8 | packet[14 + 5]);
}

// case O04
TEST_P(PeerOptionsOut, DontFragmentCanBeUnset) {
    set([](PeerOptions& options) { options.df = DontFragment::unset; });
    const Packet inner = ip_frame_with(Inside::ipv4, 0, kVmA, kVmB);
    std::set<std::uint16_t> ids;
    for (int i = 0; i < 8; ++i) {
        const Packet packet = sent(inner);
        ids.insert(id_of(packet));
        EXPECT_PACKET_EQ(packet, outer(inner, {.id = id_of(packet), .df = false}));
    }
    EXPECT_GT(ids.size(), 5u);  // RFC 6864: or fragments of two packets could be mixed up
}

// case O04
TEST_P(PeerOptionsOut, DontFragmentCanBeThatOfThePacketInside) {
    set([](PeerOptions& options) { options.df = DontFragment::inherit; });
    const Packet may_not = eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.df = true}) / payload(9);
    EXPECT_PACKET_EQ(sent(may_not), outer(may_not, {}));
    const Packet may = eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.df = false}) / payload(9);
    const Packet packet = sent(may);
    EXPECT_PACKET_EQ(packet, outer(may, {.id = id_of(packet), .df = false}));
    for (const Inside inside : {Inside::ipv6, Inside::arp}) {
        const Packet other = ip_frame_with(inside, 0, kVmA, kVmB);
        EXPECT_PACKET_EQ(sent(other), outer(other, {}));
    }
}

class PeerOptionsFlood : public DatapathTest, public ::testing::WithParamInterface<Hooks> {};
ON_ALL_HOOKS(PeerOptionsFlood);

TEST_P(PeerOptionsFlood, GivesEachPeerWhatItAsksFor) {
    peer(1, ip4_of(kHostB), 1, [](PeerOptions& options) {
        options.okey.reset();
        options.tos.reset();
        options.ttl.reset();
    });
    flood(1, {a.index(), c.index()}, {1, 2});
    attach(GetParam());
    const Packet broadcast = ip_frame_with(Inside::ipv4, kEct0, kVmA, kBroadcast, 46, 3);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_on_wire({eth(kHostA, kHostB) / ipv4(kHostA, kHostB, {.ttl = 3, .tos = 46 << 2 | kEct0}) /
                        gre() / broadcast,
                    eth(kHostA, kHostC) / ipv4(kHostA, kHostC, {.tos = kEct0}) /
                        gre({.key = kKey}) / broadcast});
    expect_got(c, {broadcast});
}

}  // namespace
}  // namespace xgre::test
