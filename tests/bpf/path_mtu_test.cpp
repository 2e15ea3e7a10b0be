// SPDX-License-Identifier: GPL-2.0-only
// What routers of the underlay say about packets that were too large for them: RFC 1191, RFC 8201.
#include <ctime>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/bpf/datapath_fixture.h"
#include "tests/packet/wire.h"

namespace xgre::test {
namespace {

constexpr std::size_t kQuoted = 28;  // an IPv4 header and 8 bytes: RFC 792
constexpr std::size_t kOuter4 = 28;  // IPv4, GRE with a key
constexpr std::size_t kOuter6 = 48;

// CLOCK_MONOTONIC, ns.
std::uint64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(time.tv_nsec);
}

// As long as the packet inside is to be; nothing looks into it.
Packet some_frame(std::size_t size) {
    return eth(kVmA, kVmB) / payload(size - 14);
}

// `len` bytes of IPv4 from this host to a peer.
Packet sent(const Station& peer, std::size_t len, const GreOptions& header = {.key = 7}) {
    const std::size_t gre_len = gre(header).size();
    return ipv4(kHostA, peer) / gre(header) / some_frame(len - 20 - gre_len);
}

Packet sent6(const Station& peer, std::size_t len) {
    return ipv6(kHostA, peer) / gre({.key = 7}) / some_frame(len - kOuter6);
}

// A router's message about the packet, of which it quotes the start.
Packet news(std::uint16_t mtu, const Packet& about, std::size_t quoted = kQuoted) {
    return eth(kGateway, kHostA) / ipv4(kGateway, kHostA) / icmp_frag_needed(mtu) /
           cut(about, quoted);
}

Packet news6(std::uint32_t mtu, const Packet& about, std::size_t quoted = 1232) {
    return eth(kGateway, kHostA) / ipv6(kGateway, kHostA) / icmpv6_packet_too_big(mtu) /
           cut(about, std::min(quoted, about.size()));
}

class PathMtu : public DatapathTest {
protected:
    // The host's own stack gets every such message as it came.
    void hear(const Packet& packet) const {
        const Counts before = counts();
        const Result result = run_from_wire("uplink_tc", packet);
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(counts(), before);
    }
    xgre_peer_state state(std::uint32_t peer) const {
        return datapath().peer_states().find(peer).value();
    }
    // 0: none.
    std::uint32_t believed(std::uint32_t peer) const {
        return state(peer).path_until > now() ? state(peer).path_mtu : 0;
    }
    std::uint64_t generation() const {
        const Map<std::uint32_t, std::uint64_t> map{datapath().map_fd("generation"), "generation"};
        return map.find(0).value();
    }
    // As if `ago` had passed.
    void make_older(std::uint32_t peer, std::chrono::nanoseconds ago) const {
        xgre_peer_state older = state(peer);
        older.path_until -= static_cast<std::uint64_t>(ago.count());
        datapath().peer_states().put(peer, older);
    }
};

// case M05
TEST_F(PathMtu, IsWhatARouterSaysForTenMinutes) {
    const std::uint64_t before = now();
    hear(news(1400, sent(kHostB, 1500)));
    EXPECT_EQ(believed(1), 1400u);
    EXPECT_NEAR(static_cast<double>(state(1).path_until - before), 600e9, 5e9);
    EXPECT_EQ(believed(2), 0u);
    EXPECT_EQ(notes(), (Counts{{"path-mtu", 1}}));
    hear(news(1300, sent(kHostC, 1500)));
    EXPECT_EQ(believed(1), 1400u);
    EXPECT_EQ(believed(2), 1300u);
}

// case M05
TEST_F(PathMtu, IsWhatARouterSaysOverIpv6) {
    use_ipv6();
    peer(3, ip6_of(kHostB), 1, {});
    peer(4, ip6_of(kHostC), 1, [](PeerOptions& options) { options.encap_limit = 4; });
    hear(news6(1400, sent6(kHostB, 1500)));
    EXPECT_EQ(believed(3), 1400u);
    EXPECT_EQ(believed(4), 0u);
    hear(news6(
        1380, ipv6(kHostA, kHostC) / ipv6_encap_limit() / gre({.key = 7}) / some_frame(1500 - 56)));
    EXPECT_EQ(believed(4), 1380u);
    EXPECT_EQ(believed(1), 0u);
}

TEST_F(PathMtu, IsBelievedWithAllOfThePacketQuotedAndWithOptionsInFrontOfTheMessage) {
    hear(news(1400, sent(kHostB, 1500), 548));
    EXPECT_EQ(believed(1), 1400u);
    hear(eth(kGateway, kHostA) / ipv4(kGateway, kHostA, {.options = {0x94, 4, 0, 0}}) /
         icmp_frag_needed(1350) / cut(sent(kHostB, 1500), kQuoted));
    EXPECT_EQ(believed(1), 1350u);
}

TEST_F(PathMtu, IsLeftToTcByXdp) {
    const Packet packet = news(1400, sent(kHostB, 1500));
    const Result result = run_from_wire("uplink_xdp", packet);
    EXPECT_EQ(result.fate, Fate::passed);
    EXPECT_PACKET_EQ(result.packet, packet);
}

TEST_F(PathMtu, IsFoundByTheKeyThatThePeerIsSent) {
    peer(3, ip4_of(kHostB), 1, [](PeerOptions& options) {
        options.ikey = GreKey{70};
        options.okey = GreKey{71};
    });
    peer(4, ip4_of(kHostB), 1, [](PeerOptions& options) {
        options.ikey = GreKey{80};
        options.okey = std::nullopt;
    });
    hear(news(1400, sent(kHostB, 1500, {.key = 70})));
    EXPECT_EQ(notes(), Counts{});
    hear(news(1400, sent(kHostB, 1500, {.key = 71})));
    EXPECT_EQ(believed(3), 1400u);
    hear(news(1390, sent(kHostB, 1500, {}), 24));
    EXPECT_EQ(believed(4), 1390u);
    EXPECT_EQ(believed(1), 0u);
}

TEST_F(PathMtu, IsFoundByTheKeyInFrontOfASequenceNumber) {
    peer(1, ip4_of(kHostB), 1, [](PeerOptions& options) { options.oseq = true; });
    hear(news(1400, sent(kHostB, 1500, {.key = 7, .sequence = 3})));
    EXPECT_EQ(believed(1), 1400u);
    peer(1, ip4_of(kHostB), 1, [](PeerOptions& options) { options.oseq = options.ocsum = true; });
    // Behind a checksum the key is not in the 8 bytes that a router has to quote.
    hear(news(1300, sent(kHostB, 1500, {.key = 7, .checksum = true, .sequence = 4}), 548));
    EXPECT_EQ(believed(1), 1300u);
}

TEST_F(PathMtu, OfNvgreIsFoundWithAnyFlowId) {
    network(2, {.key = nvgre_key(5000), .nvgre = true});
    peer(3, ip4_of(kHostB), 2, {});
    hear(news(1400, sent(kHostB, 1500, {.key = nvgre_key(5001, 9)})));
    EXPECT_EQ(believed(3), 0u);
    hear(news(1400, sent(kHostB, 1500, {.key = nvgre_key(5000, 9)})));
    EXPECT_EQ(believed(3), 1400u);
}

TEST_F(PathMtu, IsTheNextUsualOneWhereTheRouterNamesNone) {
    hear(news(0, sent(kHostB, 1500)));
    EXPECT_EQ(believed(1), 1492u);
    hear(news(0, sent(kHostB, 1492)));
    EXPECT_EQ(believed(1), 1006u);
    hear(news(0, sent(kHostB, 1006)));
    EXPECT_EQ(believed(1), 1006u);
}

TEST_F(PathMtu, OnlyGetsLowerWhileItHolds) {
    hear(news(1300, sent(kHostB, 1500)));
    make_older(1, 300s);
    const xgre_peer_state before = state(1);
    const std::uint64_t changes = generation();
    hear(news(1300, sent(kHostB, 1500)));
    hear(news(1400, sent(kHostB, 1500)));
    EXPECT_EQ(state(1).path_mtu, 1300u);
    EXPECT_EQ(state(1).path_until, before.path_until);
    EXPECT_EQ(generation(), changes);
    hear(news(1299, sent(kHostB, 1500)));
    EXPECT_EQ(believed(1), 1299u);
    EXPECT_EQ(generation(), changes + 1);
    make_older(1, 601s);
    hear(news(1400, sent(kHostB, 1500)));
    EXPECT_EQ(believed(1), 1400u);
    EXPECT_EQ(notes(), (Counts{{"path-mtu", 3}}));
}

// Whatever it claims, a storm of them costs no more flows than there are MTUs.
TEST_F(PathMtu, HasFlowsForgottenNoMoreOftenThanItGetsLower) {
    const std::uint64_t before = generation();
    for (int turn = 0; turn < 3; ++turn)
        for (std::uint16_t mtu = 1499; mtu > 1399; --mtu)
            hear(news(mtu, sent(kHostB, 1500)));
    EXPECT_EQ(generation(), before + 100);
}

struct Forgery {
    std::string name;
    Packet packet;
};
void PrintTo(const Forgery& forgery, std::ostream* out) {
    *out << forgery.name;
}

struct ForgeryName {
    std::string operator()(const ::testing::TestParamInfo<Forgery>& info) const {
        return info.param.name;
    }
};

class ForgedPathMtu : public PathMtu, public ::testing::WithParamInterface<Forgery> {};

TEST_P(ForgedPathMtu, ChangesNothing) {
    use_ipv6();
    peer(3, ip6_of(kHostB), 1, {});
    peer(4, ip4_of(kHostB), 1, [](PeerOptions& options) {
        options.ikey = options.okey = GreKey{99};
        options.df = DontFragment::unset;
    });
    const std::uint64_t before = generation();
    hear(GetParam().packet);
    for (const std::uint32_t id : {1u, 2u, 3u, 4u})
        EXPECT_EQ(state(id).path_mtu, 0u) << id;
    EXPECT_EQ(generation(), before);
    EXPECT_EQ(notes(), Counts{});
}

Packet from_gateway() {
    return eth(kGateway, kHostA) / ipv4(kGateway, kHostA);
}

Packet quoting(const Packet& packet) {
    return from_gateway() / icmp_frag_needed(1400) / cut(packet, std::min(packet.size(), kQuoted));
}

Packet message(const IcmpOptions& options) {
    return from_gateway() / icmp(options) / cut(sent(kHostB, 1500), kQuoted);
}

Packet spoilt(const Packet& packet, std::size_t offset) {
    return with_byte(packet, offset, static_cast<std::uint8_t>(packet[offset] ^ 1));
}

INSTANTIATE_TEST_SUITE_P(
    , ForgedPathMtu,
    ::testing::Values(
        Forgery{"FromAnotherHostThanThis",
                quoting(ipv4(kHostC, kHostB) / gre({.key = 7}) / some_frame(1472))},
        Forgery{"ToNoPeer", quoting(sent(kStranger, 1500))},
        Forgery{"OfAnotherKey", quoting(sent(kHostB, 1500, {.key = 8}))},
        Forgery{"WithoutKey", quoting(sent(kHostB, 1500, {}))},
        Forgery{"OfAnotherPayload",
                quoting(sent(kHostB, 1500, {.key = 7, .protocol = kEtherTypeIpv4}))},
        Forgery{"OfAnotherGreVersion", quoting(sent(kHostB, 1500, {.key = 7, .version = 1}))},
        Forgery{"WithASequenceNumber", from_gateway() / icmp_frag_needed(1400) /
                                           cut(sent(kHostB, 1500, {.key = 7, .sequence = 1}), 40)},
        Forgery{"OfAnotherProtocol", quoting(ipv4(kHostA, kHostB, {.protocol = 17}) /
                                             gre({.key = 7}) / some_frame(1472))},
        Forgery{"OfALaterFragment", quoting(ipv4(kHostA, kHostB, {.frag_offset = 8}) /
                                            gre({.key = 7}) / some_frame(1472))},
        Forgery{"ThatARouterMayCut",
                quoting(ipv4(kHostA, kHostB, {.df = false}) / gre({.key = 7}) / some_frame(1472))},
        Forgery{"ForAPeerWhosePacketsMayBeCut", quoting(sent(kHostB, 1500, {.key = 99}))},
        Forgery{"WithIpOptions", from_gateway() / icmp_frag_needed(1400) /
                                     cut(ipv4(kHostA, kHostB, {.options = {1, 1, 1, 1}}) /
                                             gre({.key = 7}) / some_frame(1468),
                                         40)},
        Forgery{"OfWhatWouldFit", quoting(sent(kHostB, 1400))},
        Forgery{"LargerThanTheUplink", quoting(sent(kHostB, 1501))},
        Forgery{"QuotedTooShortly",
                from_gateway() / icmp_frag_needed(1400) / cut(sent(kHostB, 1500), kQuoted - 1)},
        Forgery{"QuotedWithoutGre",
                from_gateway() / icmp_frag_needed(1400) / cut(sent(kHostB, 1500), 20)},
        Forgery{"NotQuoted", from_gateway() / icmp_frag_needed(1400)},
        Forgery{"LowerThanAnyIpv4PathHas", news(551, sent(kHostB, 1500))},
        Forgery{"LowerThanAnyIpv6PathHas", news6(1279, sent6(kHostB, 1500))},
        Forgery{"WithoutMtuOverIpv6", news6(0, sent6(kHostB, 1500))},
        Forgery{"OfAnotherType", message({.type = 11, .code = 4, .rest = 1400})},
        Forgery{"OfAnotherCode", message({.type = 3, .code = 3, .rest = 1400})},
        Forgery{"WithAWrongChecksum", spoilt(news(1400, sent(kHostB, 1500)), 14 + 20 + 2)},
        Forgery{"ChangedInTheMtu", spoilt(news(1400, sent(kHostB, 1500)), 14 + 20 + 7)},
        Forgery{"ChangedInTheLastByteOfAnOddLength",
                spoilt(news(1400, sent(kHostB, 1500), 101), 14 + 28 + 100)},
        Forgery{"WithAWrongChecksumOverIpv6",
                spoilt(news6(1400, sent6(kHostB, 1500)), 14 + 40 + 2)},
        Forgery{"OfAnotherSourceOverIpv6", spoilt(news6(1400, sent6(kHostB, 1500)), 14 + 23)},
        Forgery{"OfAnotherTypeOverIpv6", eth(kGateway, kHostA) / ipv6(kGateway, kHostA) /
                                             icmpv6({.type = 1, .rest = 1400}) /
                                             sent6(kHostB, 1000)},
        Forgery{"ToAnotherAddress", eth(kGateway, kHostA) / ipv4(kGateway, kHostC) /
                                        icmp_frag_needed(1400) / cut(sent(kHostB, 1500), kQuoted)},
        Forgery{"ThatIsAFragment", eth(kGateway, kHostA) /
                                       ipv4(kGateway, kHostA, {.more_fragments = true}) /
                                       icmp_frag_needed(1400) / cut(sent(kHostB, 1500), kQuoted)},
        Forgery{"WithAnExtensionHeaderThatNoPacketToIt",
                news6(1400, ipv6(kHostA, kHostB) / ipv6_encap_limit() / gre({.key = 7}) /
                                some_frame(1444))},
        Forgery{"LargerThanAnyRouterQuotes",
                from_gateway() / icmp_frag_needed(1400) / cut(sent(kHostB, 1500), 1493)}),
    ForgeryName());

// A message with its end cut off is read no further than it goes.
TEST_F(PathMtu, OfACutMessageIsNotBelieved) {
    const Packet whole = news(1400, sent(kHostB, 1500));
    for (std::size_t size = 34; size < whole.size(); ++size) {
        EXPECT_EQ(run_from_wire("uplink_tc", cut(whole, size)).fate, Fate::passed) << size;
        EXPECT_EQ(state(1).path_mtu, 0u) << size;
    }
}

TEST_F(PathMtu, OfAPaddedMessageIsBelieved) {
    hear(concat(news(1400, sent(kHostB, 1500)), raw(Bytes(5, 0xff))));
    EXPECT_EQ(believed(1), 1400u);
}

// ---- Frames -------------------------------------------------------------------------------

class ObeyedPathMtu : public HookTest {
protected:
    ObeyedPathMtu() {
        learn(1, kVmB, peer_owner(1));
        learn(1, kVmC, peer_owner(2));
    }
    void lower(std::uint32_t peer, std::uint32_t mtu) const {
        xgre_peer_state state = datapath().peer_states().find(peer).value();
        state.path_mtu = mtu;
        state.path_until = now() + XGRE_PATH_NS;
        datapath().peer_states().put(peer, state);
    }
    // Of `ip_len` bytes on the underlay.
    Fate fate_of(std::size_t ip_len, MacAddress to = kVmB.mac) const {
        return from_port(frame(kVmA, to, ip_len - kOuter4 - 14), a).fate;
    }
    const OnOneCpu one_cpu_;
};
ON_BOTH_HOOKS(ObeyedPathMtu, "port_xdp", "port_tc");

// case M05
TEST_P(ObeyedPathMtu, HoldsForTheNextFrameOfAFlow) {
    ASSERT_EQ(fate_of(1500), Fate::redirected);
    ASSERT_EQ(fate_of(1500), Fate::redirected);
    run_from_wire("uplink_tc", news(1400, sent(kHostB, 1500)));
    EXPECT_EQ(fate_of(1401), too_large());
    EXPECT_EQ(fate_of(1400), Fate::redirected);
    EXPECT_EQ(fate_of(1401), too_large());
    EXPECT_EQ(fate_of(1500, kVmC), Fate::redirected);
}

TEST_P(ObeyedPathMtu, IsForgottenWithNobodySayingSo) {
    lower(1, 1400);
    datapath().forget_flows();
    ASSERT_EQ(fate_of(1500), too_large());
    ASSERT_EQ(fate_of(1400), Fate::redirected);
    xgre_peer_state state = datapath().peer_states().find(1).value();
    state.path_until = now() - 1'000'000'000;
    datapath().peer_states().put(1, state);
    EXPECT_EQ(fate_of(1500), Fate::redirected);
}

TEST_P(ObeyedPathMtu, AboveThatOfTheUplinkMeansNothing) {
    lower(1, 1600);
    EXPECT_EQ(fate_of(1501), too_large());
    EXPECT_EQ(fate_of(1500), Fate::redirected);
}

TEST_F(PathMtu, HoldsForEachCopyOfAFlood) {
    attach(Hooks::tc);
    hear(news(1400, sent(kHostB, 1500)));
    const Packet large = frame(kVmA, kBroadcast, 1401 - kOuter4 - 14);
    ASSERT_TRUE(a.tap.send(large));
    expect_on_wire({tunnel_to(kHostC, large)});
    expect_got(c, {large});
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 2}, {"port_tc too-large", 1}}));
    const Packet fits = frame(kVmA, kBroadcast, 1400 - kOuter4 - 14);
    ASSERT_TRUE(a.tap.send(fits));
    expect_on_wire({tunnel_to(kHostB, fits), tunnel_to(kHostC, fits)});
}

}  // namespace
}  // namespace xgre::test
