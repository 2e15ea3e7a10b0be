// SPDX-License-Identifier: GPL-2.0-only
// Probes between hosts: each is answered in the data path, and what came of it is in `liveness`.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr MacAddress kProbeMac{{0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e}};
constexpr MacAddress kAsker{{0x02, 'x', 'g', 0x01, 0x02, 0x03}};
constexpr std::uint64_t kNonce = 0x1122334455667788;

struct ProbeFields {
    std::uint8_t kind = XGRE_PROBE_REQUEST;
    std::uint8_t path = 0;
    std::uint64_t nonce = kNonce;
    MacAddress source = kAsker;
    std::size_t size = XGRE_PROBE_LEAST;
    std::uint8_t version = XGRE_PROBE_VERSION;
};

// As docs/concepts.md has it.
Packet a_probe(const ProbeFields& fields = {}) {
    Bytes bytes{'x', 'g', 'r', 'e', fields.version, fields.kind, fields.path, 0};
    for (unsigned shift = 0; shift < 64; shift += 8)
        bytes.push_back(static_cast<std::uint8_t>(fields.nonce >> shift));
    return padded(eth(fields.source, kProbeMac, {.type = XGRE_PROBE_ETHERTYPE}) / raw(bytes),
                  fields.size);
}

class ProbeTest : public DatapathTest, public ::testing::WithParamInterface<Hooks> {
protected:
    void start() {
        attach(GetParam());
        make_detour(GetParam() == Hooks::clsact);
    }
    xgre_liveness live(std::uint32_t peer = 1) const {
        return datapath().liveness().find(peer).value();
    }
    // What uplink_xdp adds, where it runs and gets to see the frame.
    static std::uint8_t mark(std::uint8_t flag) {
        return GetParam() == Hooks::native_xdp ? flag : 0;
    }
    // The source of what this host asks.
    MacAddress asker() const {
        const std::uint32_t cookie = datapath().uplink().find(0).value().cookie;
        return {{0x02, 'x', 'g', static_cast<std::uint8_t>(cookie >> 16),
                 static_cast<std::uint8_t>(cookie >> 8), static_cast<std::uint8_t>(cookie)}};
    }
    // Until the row says that an answer came, which TC notes a moment after the frame is sent.
    xgre_liveness answered(std::uint32_t peer = 1) const {
        const auto end = std::chrono::steady_clock::now() + 2s;
        while (live(peer).answered == 0 && std::chrono::steady_clock::now() < end) {
        }
        return live(peer);
    }
};
ON_ALL_HOOKS(ProbeTest);

TEST_P(ProbeTest, AnswersAPeerAndTellsNobody) {
    start();
    ASSERT_TRUE(wire().send(tunnel(kHostB, a_probe())));
    expect_on_wire({tunnel_to(
        kHostB, a_probe({.kind = XGRE_PROBE_ANSWER, .path = mark(XGRE_PROBE_XDP_THERE)}))});
    expect_got(a, {});
    expect_got(c, {});
    EXPECT_EQ(owner(1, kAsker), 0u);
    EXPECT_EQ(counts(), (Counts{{"detour_tc to-peer", 1}}));
    EXPECT_EQ(peer_traffic(1).rx_packets, 1u);
    EXPECT_EQ(peer_traffic(1).tx_packets, 1u);
    EXPECT_EQ(live().is_xgre, 1);
    EXPECT_NE(live().heard, 0u);
    EXPECT_EQ(live().answered, 0u);
    EXPECT_EQ(live(2).heard, 0u);
}

TEST_P(ProbeTest, AnswersWithAsManyBytes) {
    start();
    ASSERT_TRUE(wire().send(tunnel(kHostB, a_probe({.size = 1400}))));
    expect_on_wire({tunnel_to(
        kHostB,
        a_probe({.kind = XGRE_PROBE_ANSWER, .path = mark(XGRE_PROBE_XDP_THERE), .size = 1400}))});
}

TEST_P(ProbeTest, AnswersAsThePeerWantsIt) {
    remove_peer(1);
    flood(1, {a.index(), c.index()}, {2});
    peer(1, ip4_of(kHostB), 1,
         [](PeerOptions& options) { options.icsum = options.ocsum = options.oseq = true; });
    start();
    ASSERT_TRUE(wire().send(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) /
                            gre({.key = kKey, .checksum = true}) / a_probe()));
    // A checksum is TC's to look at, so XDP leaves the frame before it knows what is in it.
    expect_on_wire({eth(kHostA, kHostB) / ipv4(kHostA, kHostB) /
                    gre({.key = kKey, .checksum = true, .sequence = 0}) /
                    a_probe({.kind = XGRE_PROBE_ANSWER})});
}

TEST_P(ProbeTest, AnswersOverIpv6) {
    use_ipv6();
    peer(3, ip6_of(kHostB), 1, [](PeerOptions& options) { options.flow_label = 0; });
    start();
    ASSERT_TRUE(wire().send(eth(kHostB, kHostA) / ipv6(kHostB.ip6, kHostA.ip6) /
                            gre({.key = kKey}) / a_probe()));
    std::vector<Packet> got = wire().received(2);
    std::erase_if(got, [](const Packet& packet) {  // the kernel's own, about its address
        return packet.size() < 54 || packet[20] != 47;
    });
    expect_frames(got,
                  {eth(kHostA, kHostB) / ipv6(kHostA.ip6, kHostB.ip6) / gre({.key = kKey}) /
                   a_probe({.kind = XGRE_PROBE_ANSWER, .path = mark(XGRE_PROBE_XDP_THERE)})},
                  "on the wire");
    EXPECT_EQ(live(3).is_xgre, 1);
}

TEST_P(ProbeTest, AsksAndNotesTheAnswer) {
    start();
    ASSERT_EQ(datapath().send_probe(1, 0), 0);
    const xgre_liveness asked = live();
    EXPECT_NE(asked.nonce, 0u);
    EXPECT_EQ(asked.unanswered, 1u);
    EXPECT_EQ(asked.answered, 0u);
    expect_on_wire({tunnel_to(kHostB, a_probe({.nonce = asked.nonce, .source = asker()}))});

    ASSERT_TRUE(wire().send(tunnel(kHostB, a_probe({.kind = XGRE_PROBE_ANSWER,
                                                    .path = XGRE_PROBE_XDP_THERE,
                                                    .nonce = asked.nonce,
                                                    .source = asker()}))));
    const xgre_liveness now = answered();
    EXPECT_GT(now.answered, asked.asked);
    EXPECT_EQ(now.rtt, now.answered - asked.asked);
    EXPECT_EQ(now.unanswered, 0u);
    EXPECT_EQ(now.nonce, 0u);
    EXPECT_EQ(now.is_xgre, 1);
    EXPECT_EQ(now.path, XGRE_PROBE_XDP_THERE | mark(XGRE_PROBE_XDP_BACK));
    EXPECT_EQ(counts(), (Counts{{"detour_tc to-peer", 1}, {"uplink_tc probe", 1}}));
    EXPECT_EQ(peer_traffic(1).rx_packets, 1u);
    EXPECT_EQ(peer_traffic(1).tx_packets, 1u);
    expect_got(a, {});
}

TEST_P(ProbeTest, AsksWithAsManyBytesAsItIsTold) {
    start();
    for (const std::size_t size : {60u, 61u, 500u, 1472u}) {
        ASSERT_EQ(datapath().send_probe(2, static_cast<std::uint32_t>(size)), 0);
        const auto got = wire().received(1);
        ASSERT_EQ(got.size(), 1u);
        EXPECT_EQ(
            got[0],
            tunnel_to(kHostC, a_probe({.nonce = live(2).nonce, .source = asker(), .size = size})));
    }
    // Those that are larger than need be may have been lost for their size.
    EXPECT_EQ(live(2).unanswered, 1u);
}

TEST_P(ProbeTest, DoesNotSendWhatIsTooLarge) {
    start();
    ASSERT_EQ(datapath().send_probe(1, 1473), 0);
    expect_on_wire({});
    EXPECT_EQ(counts(), (Counts{{"detour_tc too-large", 1}}));
    EXPECT_EQ(live().unanswered, 0u);
}

TEST_P(ProbeTest, AsksNobodyWhoIsNoPeer) {
    start();
    EXPECT_EQ(datapath().send_probe(9, 0), ENOENT);
    EXPECT_EQ(datapath().send_probe(XGRE_MAX_PEERS, 0), ENOENT);
    expect_on_wire({});
}

TEST_P(ProbeTest, WithoutADetourNeitherAsksNorAnswers) {
    attach(GetParam());
    EXPECT_EQ(datapath().send_probe(1, 0), ENODEV);
    ASSERT_TRUE(wire().send(tunnel(kHostB, a_probe())));
    expect_on_wire({});
    EXPECT_EQ(counts(), (Counts{{"uplink_tc no-detour", 1}}));
}

// A VM might make one up; it does not know the number.
TEST_P(ProbeTest, DoesNotBelieveAnAnswerThatItDidNotAwait) {
    start();
    ASSERT_EQ(datapath().send_probe(1, 0), 0);
    const std::uint64_t nonce = live().nonce;
    for (const std::uint64_t wrong : {nonce + 1, std::uint64_t{0}})
        ASSERT_TRUE(
            wire().send(tunnel(kHostB, a_probe({.kind = XGRE_PROBE_ANSWER, .nonce = wrong}))));
    ASSERT_TRUE(wire().send(  // of another peer
        tunnel(kHostC, a_probe({.kind = XGRE_PROBE_ANSWER, .nonce = nonce}))));
    ASSERT_EQ(wire().received(1).size(), 1u);
    EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_TC, XGRE_PROBE).packets, 3u);
    EXPECT_EQ(live().answered, 0u);
    EXPECT_EQ(live().unanswered, 1u);
    EXPECT_EQ(live(2).answered, 0u);
}

TEST_P(ProbeTest, CountsAnAnswerOnce) {
    start();
    ASSERT_EQ(datapath().send_probe(1, 0), 0);
    const Packet answer =
        tunnel(kHostB, a_probe({.kind = XGRE_PROBE_ANSWER, .nonce = live().nonce}));
    ASSERT_TRUE(wire().send(answer));
    const std::uint64_t when = answered().answered;
    EXPECT_NE(when, 0u);
    ASSERT_TRUE(wire().send(answer));
    EXPECT_EQ(live().answered, when);
}

TEST_P(ProbeTest, AnswersAHundredInASecondAndDropsTheOthersByName) {
    start();
    constexpr std::uint64_t kSent = 300;
    for (std::uint64_t i = 0; i < kSent; ++i)
        ASSERT_TRUE(wire().send(tunnel(kHostB, a_probe())));
    // Another peer's probes are answered still.
    ASSERT_TRUE(wire().send(tunnel(kHostC, a_probe())));
    const std::uint64_t sent = count(XGRE_PROGRAM_DETOUR_TC, XGRE_TO_PEER).packets;
    const std::uint64_t dropped = count(XGRE_PROGRAM_UPLINK_TC, XGRE_PROBE_LIMIT).packets;
    EXPECT_EQ(sent + dropped, kSent + 1);
    EXPECT_GE(sent, std::uint64_t{XGRE_PROBE_LIMIT_PER_SECOND});
    EXPECT_GT(dropped, 0u);
    EXPECT_EQ(peer_traffic(2).tx_packets, 1u);
}

// Whatever else has this address is a frame like any other.
TEST_P(ProbeTest, FloodsWhatIsNoProbe) {
    start();
    for (const Packet& inner :
         {a_probe({.version = 2}), a_probe({.kind = 0}), a_probe({.kind = 3}),
          padded(eth(kVmB, kProbeMac, {.type = XGRE_PROBE_ETHERTYPE}) / payload(40)),
          eth(kVmB, kProbeMac, {.type = XGRE_PROBE_ETHERTYPE}) / raw({'x', 'g', 'r', 'e', 1, 1}),
          eth(kVmB, kProbeMac, {.type = 0x88cc}) / payload(46),
          eth(kVmB, kProbeMac) / vlan(5, {.type = XGRE_PROBE_ETHERTYPE}) / frame_at(a_probe(), 14),
          eth(kVmB, kBroadcast, {.type = XGRE_PROBE_ETHERTYPE}) / frame_at(a_probe(), 14)}) {
        ASSERT_TRUE(wire().send(tunnel(kHostB, inner)));
        expect_got(a, {inner});
        expect_got(c, {inner});
    }
    expect_on_wire({});
    EXPECT_EQ(live().is_xgre, 0);
}

// A VM that made some up would use up what the peer answers, and the peer would seem dead.
TEST_P(ProbeTest, AVmsIsADrop) {
    start();
    ASSERT_TRUE(a.tap.send(a_probe()));
    ASSERT_TRUE(a.tap.send(a_probe({.kind = XGRE_PROBE_ANSWER})));
    expect_on_wire({});
    expect_got(c, {});
    EXPECT_EQ(counts(), (Counts{{"port_tc forged-probe", 2}}));
    // What is none goes as it always did.
    const Packet other = padded(eth(kVmA, kProbeMac, {.type = XGRE_PROBE_ETHERTYPE}) / payload(40));
    ASSERT_TRUE(a.tap.send(other));
    expect_got(c, {other});
    expect_on_wire({tunnel_to(kHostB, other), tunnel_to(kHostC, other)});
}

TEST_P(ProbeTest, AStrangersIsADrop) {
    start();
    ASSERT_TRUE(wire().send(tunnel(kStranger, a_probe())));
    expect_on_wire({});
    EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_TC, XGRE_UNKNOWN_PEER).packets +
                  count(XGRE_PROGRAM_UPLINK_XDP, XGRE_UNKNOWN_PEER).packets,
              1u);
}

TEST_P(ProbeTest, HearsAPeerByWhatItLearns) {
    start();
    EXPECT_EQ(live().heard, 0u);
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kBroadcast))));
    expect_got(a, {frame(kVmB, kBroadcast)});
    const std::uint64_t first = live().heard;
    EXPECT_NE(first, 0u);
    make_older(1, kVmB, 5s);
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kBroadcast))));
    expect_got(a, {frame(kVmB, kBroadcast)});
    EXPECT_GE(live().heard, first);
    EXPECT_EQ(live().is_xgre, 0);
    EXPECT_EQ(live(2).heard, 0u);
}

}  // namespace
}  // namespace xgre::test
