// SPDX-License-Identifier: GPL-2.0-only
// What only a real frame can have: VLAN tags that the kernel holds outside the bytes, checksums
// left to fill in, large TCP segments, and bytes in pages.
#include <algorithm>
#include <numeric>
#include <vector>

#include <gmock/gmock.h>

#include "tests/bpf/datapath_fixture.h"
#include "tests/packet/sums.h"

namespace xgre::test {
namespace {

// `packet` with only the pseudo header's sum in its transport checksum, and that said.
TapFrame unfinished(const Packet& packet, std::size_t transport, std::size_t field) {
    const ByteView bytes{packet.bytes()};
    const bool is_v6 = bytes[transport - 40] >> 4 == 6 && get16(bytes, transport - 42) == 0x86dd;
    const std::size_t address = is_v6 ? transport - 32 : transport - 8;
    const std::size_t width = is_v6 ? 16 : 4;
    const std::uint8_t protocol = field == 16 ? kProtocolTcp : kProtocolUdp;
    const Bytes pseudo =
        pseudo_header(bytes.subspan(address, width), bytes.subspan(address + width, width),
                      protocol, packet.size() - transport);
    Bytes changed = packet.bytes();
    set16(changed, transport + field, static_cast<std::uint16_t>(~internet_checksum(pseudo)));
    TapFrame frame{.packet = packet.with_bytes(changed), .offload = {}};
    frame.offload.flags = Offload::kFillInChecksum;
    frame.offload.checksum_start = static_cast<std::uint16_t>(transport);
    frame.offload.checksum_offset = static_cast<std::uint16_t>(field);
    return frame;
}

struct Stream {
    Packet front = eth(kVmA, kVmB);
    bool v6 = false;
    std::size_t tags = 0;

    std::size_t transport() const { return 14 + 4 * tags + (v6 ? 40 : 20); }
    std::size_t headers() const { return transport() + 20; }
    // Bytes from..to of the stream as one segment; `index` of those that a large one becomes.
    Packet segment(std::size_t from, std::size_t to, bool last, std::size_t index) const {
        const TcpOptions options{.flags = static_cast<std::uint8_t>(last ? kAck | kPsh : kAck),
                                 .seq = static_cast<std::uint32_t>(1000 + from)};
        const Bytes all = payload(70000).bytes();
        const Packet data = raw(Bytes(all.begin() + static_cast<std::ptrdiff_t>(from),
                                      all.begin() + static_cast<std::ptrdiff_t>(to)));
        if (v6) return front / ipv6(kVmA, kVmB) / tcp(40000, 80, options) / data;
        const auto id = static_cast<std::uint16_t>(77 + index);
        return front / ipv4(kVmA, kVmB, {.id = id}) / tcp(40000, 80, options) / data;
    }
    std::vector<Packet> segments(std::size_t size, std::size_t mss) const {
        std::vector<Packet> all;
        for (std::size_t from = 0; from < size; from += mss)
            all.push_back(
                segment(from, std::min(from + mss, size), from + mss >= size, all.size()));
        return all;
    }
    TapFrame large(std::size_t size, std::size_t mss) const {
        TapFrame frame = unfinished(segment(0, size, true, 0), transport(), 16);
        frame.offload.gso_type = v6 ? Offload::kTcp6 : Offload::kTcp4;
        frame.offload.gso_size = static_cast<std::uint16_t>(mss);
        frame.offload.header_len = static_cast<std::uint16_t>(headers());
        return frame;
    }
};

class Offloads : public DatapathTest, public ::testing::WithParamInterface<Hooks> {
protected:
    Offloads() {
        learn(1, kVmB, peer_owner(1));
        learn(1, kVmB, peer_owner(1), 5);
        learn(1, kVmC, c.owner());
        learn(1, kVmC, c.owner(), 5);
    }
    void send(const TapFrame& frame) const { ASSERT_TRUE(a.tap.send(frame.packet, frame.offload)); }
    // The kernel numbers the outer headers of the segments it cuts.
    static Packet sent(const Packet& inner, const Packet& seen) {
        return eth(kHostA, kHostB) / ipv4(kHostA, kHostB, {.id = get16(seen.bytes(), 18)}) /
               gre({.key = kKey}) / inner;
    }
    void expect_segments_on_wire(const std::vector<Packet>& inner) const {
        const std::vector<Packet> got = wire().received(inner.size());
        ASSERT_EQ(got.size(), inner.size());
        for (std::size_t i = 0; i < got.size(); ++i) {
            ASSERT_LE(got[i].size(), 14u + 1500);
            EXPECT_PACKET_EQ(got[i], sent(inner[i], got[i]));
        }
    }
};
// Ports whose frames carry offloads have no XDP.
INSTANTIATE_TEST_SUITE_P(Hooks, Offloads, ::testing::Values(Hooks::tc, Hooks::clsact), HooksName());

// case A03
TEST_P(Offloads, FillInAnUnfinishedChecksumOnTheWayToAPeerAndToAPort) {
    attach(GetParam());
    for (const Station& to : {kVmB, kVmC}) {
        const std::vector<std::pair<Packet, std::pair<std::size_t, std::size_t>>> kinds{
            {eth(kVmA, to) / ipv4(kVmA, to) / udp(1, 2) / payload(33), {34, 6}},
            {eth(kVmA, to) / ipv4(kVmA, to) / tcp(1, 2) / payload(33), {34, 16}},
            {eth(kVmA, to) / ipv6(kVmA, to) / udp(1, 2) / payload(33), {54, 6}},
            {eth(kVmA, to) / ipv6(kVmA, to) / tcp(1, 2) / payload(33), {54, 16}},
            {eth(kVmA, to) / vlan(5, {.pcp = 3}) / ipv4(kVmA, to) / udp(1, 2) / payload(33),
             {38, 6}},
        };
        for (const auto& [whole, where] : kinds) {
            send(unfinished(whole, where.first, where.second));
            if (to.mac == kVmB.mac)
                expect_on_wire({tunnel_to(kHostB, whole)});
            else
                expect_got(c, {whole});
        }
    }
}

// case A03
TEST_P(Offloads, FillInAnUnfinishedChecksumInEveryCopyOfAFlood) {
    attach(GetParam());
    const Packet whole =
        eth(kVmA, kBroadcast) / ipv4(kVmA, kIpBroadcast) / udp(67, 68) / payload(9);
    send(unfinished(whole, 34, 6));
    expect_on_wire({tunnel_to(kHostB, whole), tunnel_to(kHostC, whole)});
    expect_got(c, {whole});
}

// What is summed up so far is the pseudo header, which has no part of the options.
TEST_P(Offloads, LowerTheMssOfASynWhoseChecksumIsUnfinished) {
    attach(GetParam());
    const auto syn = [](bool v6, std::uint16_t mss) {
        return eth(kVmA, kVmB) / (v6 ? ipv6(kVmA, kVmB) : ipv4(kVmA, kVmB)) /
               tcp(40000, 80, {.flags = kSyn, .mss = mss});
    };
    send(unfinished(syn(false, 1460), 34, 16));
    expect_on_wire({tunnel_to(kHostB, syn(false, 1418))});
    send(unfinished(syn(true, 1440), 54, 16));
    expect_on_wire({tunnel_to(kHostB, syn(true, 1398))});
}

// case A01
// case A02
TEST_P(Offloads, CutALargeSegmentThatFitsAsTheGuestAsked) {
    attach(GetParam());
    for (const bool v6 : {false, true}) {
        const Stream stream{.v6 = v6};
        send(stream.large(10 * 1300 + 7, 1300));
        expect_segments_on_wire(stream.segments(10 * 1300 + 7, 1300));
    }
    EXPECT_EQ(counts(), (Counts{{"port_tc to-peer", 22}}));
    EXPECT_EQ(peer_traffic(1).tx_packets, 22u);
    // 11 segments each repeat their headers.
    EXPECT_EQ(count(XGRE_PROGRAM_PORT_TC, XGRE_TO_PEER).bytes,
              11u * (54 + 74) + 2 * (10 * 1300 + 7));
}

// case A02
TEST_P(Offloads, CutALargeSegmentOfAGuestWithTheUplinksMtuSmaller) {
    attach(GetParam());
    for (const bool v6 : {false, true}) {
        const Stream stream{.v6 = v6};
        const std::size_t mss = v6 ? 1440 : 1460;
        send(stream.large(10 * mss, mss));
        // 28 bytes of IPv4 and GRE, and 14 of Ethernet, come on top.
        expect_segments_on_wire(stream.segments(10 * mss, mss - 42));
    }
}

// case A02
// case M05
TEST_P(Offloads, CutALargeSegmentToFitThePathMtu) {
    attach(GetParam());
    xgre_peer_state state{};
    state.path_mtu = 1460;
    state.path_until = ~0ULL >> 1;
    datapath().peer_states().put(1, state);
    for (const bool v6 : {false, true}) {
        const Stream stream{.v6 = v6};
        const std::size_t mss = v6 ? 1360 : 1380;  // which the uplink would take: 1462 with headers
        send(stream.large(5 * mss, mss));
        expect_segments_on_wire(stream.segments(5 * mss, mss - 42));
        send(stream.large(5 * (mss - 2), mss - 2));
        expect_segments_on_wire(stream.segments(5 * (mss - 2), mss - 2));
    }
    // Less than the tunnel's overhead is left to whoever tells the VM.
    state.path_mtu = 1400;
    datapath().peer_states().put(1, state);
    datapath().forget_flows();
    send(Stream{}.large(5 * 1460, 1460));
    EXPECT_EQ(wire().received().size(), 0u);
    EXPECT_EQ(count(XGRE_PROGRAM_PORT_TC, XGRE_TOO_LARGE).packets, 5u);
}

// case A02
// case V01
TEST_P(Offloads, CutALargeTaggedSegmentWithItsTagInEachPiece) {
    attach(GetParam());
    const Stream stream{.front = eth(kVmA, kVmB) / vlan(5, {.pcp = 3}), .tags = 1};
    send(stream.large(5 * 1300, 1300));
    expect_segments_on_wire(stream.segments(5 * 1300, 1300));
    send(stream.large(5 * 1460, 1460));
    expect_segments_on_wire(stream.segments(5 * 1460, 1460 - 46));
}

// case A01
TEST_P(Offloads, PassALargeSegmentWholeToAPortThatTakesIt) {
    c.tap.accept_offloads();
    attach(GetParam());
    const Stream stream{.front = eth(kVmA, kVmC)};
    const TapFrame large = stream.large(10000, 1460);
    send(large);
    const auto got = c.tap.received_frames(1);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_PACKET_EQ(got[0].packet, large.packet);
    EXPECT_EQ(got[0].offload.gso_size, 1460u);
    EXPECT_EQ(counts(), (Counts{{"port_tc to-port", 7}}));
}

// case A01
TEST_P(Offloads, CutALargeSegmentForAPortThatDoesNotTakeIt) {
    attach(GetParam());
    const Stream stream{.front = eth(kVmA, kVmC)};
    send(stream.large(10000, 1460));
    expect_got(c, stream.segments(10000, 1460));
}

// case A01
// case L01
TEST_P(Offloads, CutEveryCopyOfALargeSegmentThatIsFlooded) {
    attach(GetParam());
    const Stream stream{.front = eth(kVmA, kVmD)};
    send(stream.large(3 * 1460, 1460));
    expect_got(c, stream.segments(3 * 1460, 1460));
    std::vector<std::uint32_t> destinations;
    const std::vector<Packet> inner = stream.segments(3 * 1460, 1460 - 42);
    const auto got = wire().received(2 * inner.size());
    ASSERT_EQ(got.size(), 2 * inner.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
        ASSERT_LE(got[i].size(), 14u + 1500);
        EXPECT_PACKET_EQ(frame_at(got[i], 14 + 28), inner[i % inner.size()]);
        destinations.push_back(get32(got[i].bytes(), 30));
    }
    EXPECT_EQ(std::ranges::count(destinations, get32(ByteView{kHostB.ip.bytes}, 0)),
              static_cast<std::ptrdiff_t>(inner.size()));
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", 3}}));
}

// case M08
TEST_P(Offloads, RefuseALargeSegmentWhosePiecesWouldNotFitByName) {
    ip("link set dev uplink mtu 1000\n");
    attach(GetParam());
    send(Stream{}.large(10 * 1460, 1460));
    expect_on_wire({});
    EXPECT_EQ(counts(), (Counts{{"port_tc too-large", 10}}));
}

// One datagram that the guest leaves to others to cut, as IP does: UFO, which Linux gives up, and
// others do not.
TapFrame uncut(const Packet& front, bool v6, std::size_t size, std::uint16_t gso_size) {
    const Packet whole = v6 ? front / ipv6(kVmA, kVmB) / udp(1, 2) / payload(size)
                            : front / ipv4(kVmA, kVmB, {.df = false}) / udp(1, 2) / payload(size);
    const std::size_t transport = front.size() + (v6 ? 40 : 20);
    TapFrame frame = unfinished(whole, transport, 6);
    frame.offload.gso_type = Offload::kFragments;
    frame.offload.gso_size = gso_size;
    frame.offload.header_len = static_cast<std::uint16_t>(transport + 8);
    return frame;
}

// case A03
TEST_P(Offloads, CutADatagramIntoFragments) {
    attach(GetParam());
    make_detour(GetParam() == Hooks::clsact);
    for (const Packet& front : {eth(kVmA, kVmB), eth(kVmA, kVmB) / vlan(5)})
        for (const bool v6 : {false, true})
            for (const std::uint16_t gso_size : {std::uint16_t{1232}, std::uint16_t{1400}}) {
                send(uncut(front, v6, 3000, gso_size));
                const std::vector<Packet> got = wire().received(3);
                ASSERT_EQ(got.size(), 3u) << v6 << " " << gso_size;
                SumReader sums;
                for (const Packet& packet : got) {
                    EXPECT_THAT(sums.read(packet), ::testing::IsEmpty());
                    EXPECT_LE(packet.size(), 1514u);
                }
                EXPECT_EQ(sums.right(v6 ? "inner UDP/IPv6" : "inner UDP/IPv4"), 1u);
            }
}

TEST_P(Offloads, AreNotNeededForAFrameInPages) {
    ip("link set dev uplink mtu 9000\nlink set dev a mtu 8000\nlink set dev c mtu 8000\n");
    attach(GetParam());
    const std::vector<Packet> large{
        frame(kVmA, kVmB, 6000),
        eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(6000),
        eth(kVmA, kVmB) / vlan(5) / ipv6(kVmA, kVmB) / udp(1, 2) / payload(6000),
        eth(kVmA, kVmB) / vlan(5) / payload(6000),
    };
    for (const Packet& packet : large) {
        // Only the Ethernet header is in the linear part.
        ASSERT_TRUE(a.tap.send(packet, {.header_len = 14}));
        expect_on_wire({tunnel_to(kHostB, packet)});
    }
    learn(1, kVmA, a.owner());
    const Packet in = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(1, 2) / payload(6000);
    ASSERT_TRUE(wire().send(tunnel(kHostB, in), {.header_len = 14}));
    expect_got(a, {in});
    const Packet flooded = frame(kVmB, kBroadcast, 6000);
    ASSERT_TRUE(wire().send(tunnel(kHostB, flooded), {.header_len = 14}));
    expect_got(a, {flooded});
    expect_got(c, {flooded});
}

class Tagged : public DatapathTest, public ::testing::WithParamInterface<Hooks> {};
ON_ALL_HOOKS(Tagged);

// case V01
// case V02
TEST_P(Tagged, FramesArriveWithTheirTagsWhereverTheyGo) {
    const std::uint16_t service = kEtherTypeServiceVlan;
    const Packet ip_body = ipv4(kVmA, kVmB) / udp(1, 2) / payload(30);
    for (const std::uint16_t vid : {std::uint16_t{0}, std::uint16_t{5}, std::uint16_t{4095}}) {
        learn(1, kVmB, peer_owner(1), vid);
        learn(1, kVmC, c.owner(), vid);
    }
    attach(GetParam());
    const std::vector<Packet> bodies{
        vlan(5, {.pcp = 7, .dei = true}) / ip_body,
        vlan(5, {.pcp = 1}) / payload(46),
        vlan(4095) / ip_body,
        vlan(0, {.pcp = 5}) / ip_body,
        vlan(5, {.pcp = 3, .tpid = service}) / ip_body,
        vlan(5, {.pcp = 3, .tpid = service}) / vlan(6, {.pcp = 2}) / ip_body,
        vlan(5) / vlan(6) / payload(46),
        vlan(5, {.tpid = service}) / vlan(6, {.tpid = service}) / vlan(7) / ip_body,
        vlan(5, {.pcp = 2}) / vlan(6) / vlan(7) / vlan(8) / ip_body,
        vlan(5) / arp_request(kVmA, kVmA, kVmB),
    };
    for (const Packet& body : bodies) {
        const Packet to_peer = eth(kVmA, kVmB) / body;
        ASSERT_TRUE(a.tap.send(to_peer));
        expect_on_wire({tunnel_to(kHostB, to_peer)});
        const Packet to_port = eth(kVmA, kVmC) / body;
        ASSERT_TRUE(a.tap.send(to_port));
        expect_got(c, {to_port});
        const Packet from_peer = eth(kVmB, kVmC) / body;
        ASSERT_TRUE(wire().send(tunnel(kHostB, from_peer)));
        expect_got(c, {from_peer});
        const Packet flooded = eth(kVmA, kBroadcast) / body;
        ASSERT_TRUE(a.tap.send(flooded));
        expect_on_wire({tunnel_to(kHostB, flooded), tunnel_to(kHostC, flooded)});
        expect_got(c, {flooded});
        const Packet from_peer_flooded = eth(kVmB, kBroadcast) / body;
        ASSERT_TRUE(wire().send(tunnel(kHostB, from_peer_flooded)));
        expect_got(a, {from_peer_flooded});
        expect_got(c, {from_peer_flooded});
    }
}

// A device takes one tag on top of its MTU, wherever the kernel holds it.
// case M08
// case V02
TEST_P(Tagged, FramesMayBeLargerThanTheMtuByOneTagOnly) {
    learn(1, kVmC, c.owner(), 5);
    attach(GetParam());
    const std::vector<std::pair<Packet, std::size_t>> tags{
        {vlan(5), 1500}, {vlan(5) / vlan(6), 1496}, {vlan(5) / vlan(6) / vlan(7), 1492}};
    for (const auto& [tag, most] : tags) {
        const Packet fits = eth(kVmA, kVmC) / tag / payload(most);
        ASSERT_TRUE(a.tap.send(fits));
        expect_got(c, {fits});
        ASSERT_TRUE(a.tap.send(eth(kVmA, kVmC) / tag / payload(most + 1)));
        expect_got(c, {});
        const Packet arrives = eth(kVmB, kVmC) / tag / payload(most - 100);
        ASSERT_TRUE(wire().send(tunnel(kHostB, arrives)));
        expect_got(c, {arrives});
        const Packet flooded = eth(kVmA, kBroadcast) / tag / payload(most);
        ASSERT_TRUE(a.tap.send(flooded));
        expect_got(c, {flooded});
        ASSERT_TRUE(a.tap.send(eth(kVmA, kBroadcast) / tag / payload(most + 1)));
        expect_got(c, {});
    }
}

// case V02
TEST_P(Tagged, FramesWithMoreThanFourTagsAreRefusedByNameOnTheWayToAPeer) {
    learn(1, kVmB, peer_owner(1), 5);
    learn(1, kVmC, c.owner(), 5);
    attach(GetParam());
    const Packet body = vlan(5) / vlan(6) / vlan(7) / vlan(8) / vlan(9) / payload(46);
    ASSERT_TRUE(a.tap.send(eth(kVmA, kVmB) / body));
    expect_on_wire({});
    EXPECT_EQ(counts(), (Counts{{"port_tc too-many-tags", 1}}));
    ASSERT_TRUE(a.tap.send(eth(kVmA, kVmC) / body));
    expect_got(c, {eth(kVmA, kVmC) / body});
    ASSERT_TRUE(a.tap.send(eth(kVmA, kBroadcast) / body));
    expect_got(c, {eth(kVmA, kBroadcast) / body});
    expect_on_wire({});
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 1}, {"port_tc too-many-tags", 1}}));
    ASSERT_TRUE(wire().send(tunnel(kHostB, eth(kVmB, kVmC) / body)));
    expect_got(c, {eth(kVmB, kVmC) / body});
}

// The kernel takes the first tag out, and TC's first tag is the second.
TEST_P(Tagged, FramesThatEndInTheirSecondTagAreTruncatedWithXdpAndWithout) {
    learn(1, kVmB, peer_owner(1), 5);
    learn(1, kVmC, c.owner(), 5);
    attach(GetParam());
    for (const Station& to : {kVmB, kVmC})
        ASSERT_TRUE(a.tap.send(cut(eth(kVmA, to) / vlan(5) / vlan(6) / payload(46), 21)));
    expect_got(c, {});
    expect_on_wire({});
    EXPECT_EQ(counts(), (Counts{{"port_tc truncated", 2}}));
    EXPECT_EQ(count(XGRE_PROGRAM_PORT_TC, XGRE_TRUNCATED).bytes, 2 * 21u);
}

}  // namespace
}  // namespace xgre::test
