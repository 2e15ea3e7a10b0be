// SPDX-License-Identifier: GPL-2.0-only
// The segment size that TCP's SYNs say, RFC 9293 section 3.7.1, is no more than fits the tunnel.
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "tests/bpf/datapath_fixture.h"
#include "tests/packet/wire.h"

namespace xgre::test {
namespace {

constexpr std::uint16_t kAsked = 1460;
constexpr std::uint16_t kFits = 1500 - 28 - 14 - 20 - 20;
constexpr std::uint16_t kFitsIpv6 = kFits - 20;

struct Syn {
    bool v6 = false;
    std::size_t tags = 0;
    std::uint8_t flags = kSyn;
    Station from = kVmA;
    Station to = kVmB;

    Packet front() const {
        Packet packet = eth(from, to);
        for (std::size_t i = 0; i < tags; ++i)
            packet = packet / vlan(static_cast<std::uint16_t>(5 + i), {.pcp = 3});
        return packet / (v6 ? ipv6(from, to) : ipv4(from, to));
    }
    Packet with(const TcpOptions& options) const {
        TcpOptions all = options;
        all.flags = flags;
        return front() / tcp(40000, 80, all);
    }
    // With other options behind the MSS, as Linux has them.
    Packet saying(std::uint16_t mss) const {
        return with({.mss = mss, .options = {4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}});
    }
    std::uint16_t fits() const {
        return static_cast<std::uint16_t>((v6 ? kFitsIpv6 : kFits) - 4 * tags);
    }
};

// v6, tags, flags
using Kind = std::tuple<bool, std::size_t, int>;

std::string name_of(const Kind& kind) {
    const auto& [v6, tags, flags] = kind;
    return fmt::format("{}Ipv{}With{}Tags", flags == kSyn ? "Syn" : "SynAck", v6 ? 6 : 4, tags);
}

std::vector<Kind> kinds() {
    std::vector<Kind> all;
    for (const bool v6 : {false, true})
        for (const std::size_t tags : {0U, 1U, 2U})
            for (const int flags : {int{kSyn}, kSyn | kAck})
                all.emplace_back(v6, tags, flags);
    return all;
}

Syn syn_of(const Kind& kind) {
    const auto& [v6, tags, flags] = kind;
    return {.v6 = v6, .tags = tags, .flags = static_cast<std::uint8_t>(flags)};
}

// ---- To a peer ------------------------------------------------------------------------------

class MssOut : public HookTest {
protected:
    MssOut() {
        for (const std::uint16_t vlan : {std::uint16_t{0}, std::uint16_t{5}})
            learn(1, kVmB, peer_owner(1), vlan);
    }
    void expect_sent(const Packet& packet, const Packet& as) const {
        const Counts before = counts();
        const Result fast = from_port(packet, a);
        if (is_xdp()) {
            EXPECT_EQ(fast.fate, Fate::passed);
            EXPECT_PACKET_EQ(fast.packet, packet);
            EXPECT_EQ(counts(), before);
        }
        const Result result = is_xdp() ? run("port_tc", packet, a.index()) : fast;
        ASSERT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, tunnel_to(kHostB, as));
    }
    const OnOneCpu one_cpu_;
};
ON_BOTH_HOOKS(MssOut, "port_xdp", "port_tc");

TEST_P(MssOut, IsLoweredToWhatFits) {
    for (const Kind& kind : kinds()) {
        SCOPED_TRACE(name_of(kind));
        const Syn syn = syn_of(kind);
        expect_sent(syn.saying(kAsked), syn.saying(syn.fits()));
        expect_sent(syn.saying(static_cast<std::uint16_t>(syn.fits() + 1)), syn.saying(syn.fits()));
        expect_sent(syn.saying(9000), syn.saying(syn.fits()));
    }
}

TEST_P(MssOut, StaysWhereItFits) {
    for (const Kind& kind : kinds()) {
        SCOPED_TRACE(name_of(kind));
        const Syn syn = syn_of(kind);
        for (const std::uint16_t mss : {syn.fits(), std::uint16_t{536}, std::uint16_t{0}})
            expect_sent(syn.saying(mss), syn.saying(mss));
    }
}

TEST_P(MssOut, IsLoweredWhereverItStandsAmongTheOptions) {
    const Syn syn;
    const auto at = [&](Bytes front, std::uint16_t mss) {
        front.insert(front.end(), {2, 4, static_cast<std::uint8_t>(mss >> 8),
                                   static_cast<std::uint8_t>(mss & 0xff)});
        return syn.with({.options = front});
    };
    for (const Bytes& front : {Bytes{}, Bytes{1}, Bytes{1, 1}, Bytes{1, 1, 1}, Bytes{3, 3, 7},
                               Bytes{4, 2}, Bytes{8, 10, 1, 2, 3, 4, 5, 6, 7, 8}, Bytes(36, 1)})
        expect_sent(at(front, kAsked), at(front, kFits));
    Bytes experiment(35, 0xaa);
    experiment[0] = 254;
    experiment[1] = 35;
    expect_sent(at(experiment, kAsked), at(experiment, kFits));
}

TEST_P(MssOut, StaysInWhatIsNoSyn) {
    for (const bool v6 : {false, true}) {
        const Packet packet = Syn{.v6 = v6, .flags = kAck}.saying(kAsked);
        const Result result = depart(packet, a);
        ASSERT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, tunnel_to(kHostB, packet));
    }
}

// XDP takes what is no whole SYN by itself.
TEST_P(MssOut, StaysInFragments) {
    for (const Ipv4Options& ip :
         {Ipv4Options{.df = false, .more_fragments = true}, Ipv4Options{.frag_offset = 1}}) {
        const Packet packet =
            eth(kVmA, kVmB) / ipv4(kVmA, kVmB, ip) / tcp(1, 2, {.flags = kSyn, .mss = kAsked});
        const Result result = depart(packet, a);
        ASSERT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, tunnel_to(kHostB, packet));
    }
}

TEST_P(MssOut, IsLoweredBehindIpv4Options) {
    const auto syn = [](std::uint16_t mss) {
        return eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.options = {0x94, 4, 0, 0}}) /
               tcp(40000, 80, {.flags = kSyn, .mss = mss});
    };
    expect_sent(syn(kAsked), syn(kFits));
}

// It has no options, and so is no SYN that anybody looks at.
TEST_P(MssOut, OfAHeaderShorterThanCanBeGoesAsItIs) {
    const Packet odd = with_byte(Syn{}.saying(kAsked), 46, 0x40);
    const Result result = from_port(odd, a);
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, tunnel_to(kHostB, odd));
}

TEST_P(MssOut, ThatMakesNoSenseIsLeftAlone) {
    const Syn syn;
    const std::vector<std::pair<std::string, Packet>> odd{
        {"no options", syn.with({})},
        {"none that says an MSS", syn.with({.options = {4, 2, 1, 1}})},
        {"behind the end", syn.with({.options = {0, 2, 4, 0xff, 0xff}})},
        {"length 0", syn.with({.options = {3, 0, 2, 4, 0xff, 0xff}})},
        {"length 1", syn.with({.options = {3, 1, 2, 4, 0xff, 0xff}})},
        {"an MSS of length 0", syn.with({.options = {2, 0, 0xff, 0xff}})},
        {"an MSS of length 3", syn.with({.options = {2, 3, 0xff, 1}})},
        {"an MSS of length 5", syn.with({.options = {2, 5, 0xff, 0xff, 1, 1, 1, 1}})},
        {"an MSS that the header cuts", syn.with({.options = {1, 1, 2, 4}}) / payload(40, 0xf0)},
        {"an MSS whose length the header cuts",
         syn.with({.options = {1, 1, 1, 2}}) / payload(40, 4)},
        {"one that is longer than the header",
         syn.with({.options = {3, 40, 1, 1, 2, 4, 255, 255}})},
        // 14 + 20 + 12: the header's length.
        {"a header longer than the packet", with_byte(syn.saying(kAsked), 46, 0xf0)},
        {"a packet longer than its IP says", eth(kVmA, kVmB) /
                                                 ipv4(kVmA, kVmB, {.total_length = 40}) /
                                                 tcp(1, 2, {.flags = kSyn, .mss = kAsked})},
    };
    for (const auto& [what, packet] : odd) {
        SCOPED_TRACE(what);
        expect_sent(packet, packet);
    }
}

TEST_P(MssOut, FitsThePathMtu) {
    xgre_peer_state state{};
    state.path_mtu = 1400;
    state.path_until = ~0ULL >> 1;
    datapath().peer_states().put(1, state);
    for (const bool v6 : {false, true}) {
        const Syn syn{.v6 = v6};
        expect_sent(syn.saying(kAsked), syn.saying(static_cast<std::uint16_t>(syn.fits() - 100)));
    }
}

TEST_P(MssOut, FitsTheRoutesLockedMtu) {
    ip(fmt::format("route add 198.18.0.2/32 dev {} mtu lock 1300\n", wire().name()));
    const Syn syn;
    expect_sent(syn.saying(kAsked), syn.saying(kFits - 200));
}

TEST_P(MssOut, FitsALowerMtuOfTheUplink) {
    ip(fmt::format("link set {} mtu 1450\n", wire().name()));
    const Syn syn;
    expect_sent(syn.saying(kAsked), syn.saying(kFits - 50));
}

// Neither a flow of the connection's data, nor what the SYN leaves behind.
TEST_P(MssOut, IsLoweredBesideTheFlowOfOtherFrames) {
    const Syn syn;
    const Packet data =
        syn.front() / tcp(40000, 80, {.options = {2, 4, 0xff, 0xff}}) / payload(100);
    for (int turn = 0; turn < 3; ++turn) {
        const Result result = depart(data, a);
        ASSERT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, tunnel_to(kHostB, data));
        expect_sent(syn.saying(kAsked), syn.saying(kFits));
    }
}

TEST_P(MssOut, StaysOnTheWayToAPort) {
    learn(1, kVmC, c.owner());
    const Packet packet = Syn{.to = kVmC}.saying(kAsked);
    const Result result = depart(packet, a);
    ASSERT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, packet);
}

// ---- From a peer ----------------------------------------------------------------------------

class MssIn : public HookTest {
protected:
    MssIn() {
        for (const std::uint16_t vlan : {std::uint16_t{0}, std::uint16_t{5}})
            learn(1, kVmA, a.owner(), vlan);
    }
    void expect_delivered(const Packet& packet, const Packet& as) const {
        const Counts before = counts();
        const Result fast = from_wire(packet);
        if (is_xdp()) {
            EXPECT_EQ(fast.fate, Fate::passed);
            EXPECT_PACKET_EQ(fast.packet, packet);
            EXPECT_FALSE(fast.metadata);
            EXPECT_EQ(counts(), before);
        }
        const Result result = is_xdp() ? run_from_wire("uplink_tc", packet) : fast;
        ASSERT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, as);
    }
};
ON_BOTH_HOOKS(MssIn, "uplink_xdp", "uplink_tc");

TEST_P(MssIn, IsLoweredToWhatFits) {
    for (const Kind& kind : kinds()) {
        SCOPED_TRACE(name_of(kind));
        Syn syn = syn_of(kind);
        std::swap(syn.from, syn.to);
        expect_delivered(tunnel(kHostB, syn.saying(kAsked)), syn.saying(syn.fits()));
        expect_delivered(tunnel(kHostB, syn.saying(syn.fits())), syn.saying(syn.fits()));
    }
}

TEST_P(MssIn, FitsThePathMtuToThePeerThatItCameFrom) {
    xgre_peer_state state{};
    state.path_mtu = 1400;
    state.path_until = ~0ULL >> 1;
    datapath().peer_states().put(2, state);
    const Syn syn{.from = kVmB, .to = kVmA};
    expect_delivered(tunnel(kHostB, syn.saying(kAsked)), syn.saying(kFits));
    expect_delivered(tunnel(kHostC, syn.saying(kAsked)), syn.saying(kFits - 100));
}

TEST_P(MssIn, FitsATunnelOverIpv6) {
    use_ipv6();
    peer(3, ip6_of(kHostB), 1, {});
    const Syn syn{.from = kVmB, .to = kVmA};
    expect_delivered(
        eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / gre({.key = kKey}) / syn.saying(kAsked),
        syn.saying(kFits - 20));
}

TEST_P(MssIn, IsLoweredBehindIpv4OptionsAndAtAnOddPlace) {
    const auto syn = [](std::uint16_t mss) {
        return eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.options = {0x94, 4, 0, 0}}) /
               tcp(40000, 80,
                   {.flags = kSyn,
                    .options = {1, 2, 4, static_cast<std::uint8_t>(mss >> 8),
                                static_cast<std::uint8_t>(mss & 0xff)}});
    };
    expect_delivered(tunnel(kHostB, syn(kAsked)), syn(kFits));
}

TEST_P(MssIn, IsLoweredInAPaddedFrame) {
    const Syn syn{.from = kVmB, .to = kVmA};
    const auto padded_syn = [&](std::uint16_t mss) {
        return concat(syn.with({.mss = mss}), raw(Bytes(6, 0xee)));
    };
    const Packet as_sent =
        eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = kKey}) / padded_syn(kAsked);
    expect_delivered(as_sent, padded_syn(kFits));
}

TEST_P(MssIn, OfAnUnknownPeerIsNobodysBusiness) {
    const Packet packet = tunnel(kStranger, Syn{.from = kVmB, .to = kVmA}.saying(kAsked));
    EXPECT_EQ(arrive(packet).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc unknown-peer", 1}}));
}

// ---- As real frames -------------------------------------------------------------------------

class Mss : public DatapathTest, public ::testing::WithParamInterface<Hooks> {};
ON_ALL_HOOKS(Mss);

// The kernel takes the first tag out of the bytes, before TC.
TEST_P(Mss, IsLoweredWithATagOutsideTheBytes) {
    learn(1, kVmB, peer_owner(1), 5);
    learn(1, kVmA, a.owner(), 5);
    attach(GetParam());
    for (const bool v6 : {false, true}) {
        for (const std::size_t tags : {1U, 2U}) {
            Syn syn{.v6 = v6, .tags = tags};
            ASSERT_TRUE(a.tap.send(syn.saying(kAsked)));
            expect_on_wire({tunnel_to(kHostB, syn.saying(syn.fits()))});
            std::swap(syn.from, syn.to);
            ASSERT_TRUE(wire().send(tunnel(kHostB, syn.saying(kAsked))));
            expect_got(a, {syn.saying(syn.fits())});
        }
    }
}

TEST_P(Mss, IsLoweredInEveryCopyForAPeerToWhatFitsAll) {
    attach(GetParam());
    xgre_peer_state state{};
    state.path_mtu = 1400;
    state.path_until = ~0ULL >> 1;
    datapath().peer_states().put(2, state);
    const Syn syn{.to = kVmD};
    ASSERT_TRUE(a.tap.send(syn.saying(kAsked)));
    expect_on_wire(
        {tunnel_to(kHostB, syn.saying(kFits - 100)), tunnel_to(kHostC, syn.saying(kFits - 100))});
    expect_got(c, {syn.saying(kAsked)});
}

TEST_P(Mss, IsLoweredInEveryCopyOfWhatAPeerSent) {
    attach(GetParam());
    const Syn syn{.from = kVmB, .to = kVmD};
    ASSERT_TRUE(wire().send(tunnel(kHostB, syn.saying(kAsked))));
    expect_got(a, {syn.saying(kFits)});
    expect_got(c, {syn.saying(kFits)});
}

}  // namespace
}  // namespace xgre::test
