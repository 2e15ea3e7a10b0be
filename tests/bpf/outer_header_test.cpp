// SPDX-License-Identifier: GPL-2.0-only
// The outer Ethernet and IPv4 headers: what is taken off the wire, what is refused by name, what
// is left to the host, and what is sent.
#include <netinet/in.h>
#include <sys/socket.h>

#include <initializer_list>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

class OuterHeaderIn : public HookTest {
protected:
    OuterHeaderIn() { learn(1, kVmA, a.owner()); }

    static Packet inner(std::size_t size = 46) { return frame(kVmB, kVmA, size); }
    static Packet with_ip(const Ipv4Options& header) {
        return eth(kHostB, kHostA) / ipv4(kHostB, kHostA, header) / gre({.key = kKey}) / inner();
    }

    void expect_delivered(const Packet& packet) const {
        const Result result = from_wire(packet);
        EXPECT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, inner());
        EXPECT_EQ(counts(), (Counts{{on_hook("to-port"), 1}}));
    }
    void expect_dropped(const Packet& packet, std::string_view reason,
                        std::uint64_t times = 1) const {
        const Result result = from_wire(packet);
        EXPECT_EQ(result.fate, Fate::ended);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(counts(), (Counts{{on_hook(reason), times}}));
        EXPECT_EQ(owner(1, kVmB), 0u);
    }
    void expect_untouched(const Packet& packet) const {
        const Result result = from_wire(packet);
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(counts(), Counts{});
        EXPECT_EQ(owner(1, kVmB), 0u);
    }
};
ON_BOTH_HOOKS(OuterHeaderIn, "uplink_xdp", "uplink_tc");

// case S01
TEST_P(OuterHeaderIn, OfAnUnknownPeerIsADrop) {
    expect_dropped(tunnel(kStranger, inner()), "unknown-peer");
}

// case S01
TEST_P(OuterHeaderIn, OfAPeerOfAnotherNetworkIsADropInThisOne) {
    network(2, {.key = 8});
    peer(3, kStranger, 2);
    expect_dropped(tunnel(kStranger, inner()), "unknown-peer");
}

// case O11
TEST_P(OuterHeaderIn, ToAnotherAddressOfTheHostIsNotTaken) {
    ip("address add 198.18.0.9/24 dev uplink\n");
    expect_untouched(eth(kHostB, kHostA) / ipv4(kHostB, xgre::test::ip(198, 18, 0, 9)) /
                     gre({.key = kKey}) / inner());
}

// case S04
TEST_P(OuterHeaderIn, WithAWrongChecksumIsADropWhicheverByteChanged) {
    const Packet right = tunnel(kHostB, inner());
    std::uint64_t dropped = 0;
    for (const std::size_t at : {15u, 18u, 19u, 22u, 24u, 25u, 26u, 29u})
        expect_dropped(with_byte(right, at, static_cast<std::uint8_t>(right[at] ^ 0x41)),
                       "ip-checksum", ++dropped);
}

// case S04
TEST_P(OuterHeaderIn, WithAChecksumOfAllOnesIsRightToo) {
    // RFC 1624 section 3: the sum of the rest is such that the field is zero; both zeros are right.
    for (std::uint32_t id = 0; id < 0x10000; ++id) {
        const Packet packet = with_ip({.id = static_cast<std::uint16_t>(id)});
        if (packet[24] != 0 || packet[25] != 0) continue;
        expect_delivered(packet);
        const Result result =
            from_wire(with_ip({.id = static_cast<std::uint16_t>(id), .checksum = 0xffff}));
        EXPECT_EQ(result.fate, Fate::redirected);
        return;
    }
    FAIL() << "no identification makes the checksum zero";
}

// case S05
TEST_P(OuterHeaderIn, MayHaveOptionsOfEveryLength) {
    std::uint64_t delivered = 0;
    for (std::size_t words = 1; words <= 10; ++words) {
        const Result result = from_wire(with_ip({.options = Bytes(words * 4, 1)}));
        EXPECT_EQ(result.fate, Fate::redirected) << words;
        EXPECT_PACKET_EQ(result.packet, inner());
        ++delivered;
    }
    EXPECT_EQ(counts(), (Counts{{on_hook("to-port"), delivered}}));
}

// case S05
TEST_P(OuterHeaderIn, WithAWrongSumOverItsOptionsIsADrop) {
    const Packet right = with_ip({.options = {1, 1, 1, 1, 1, 1, 1, 0}});
    expect_dropped(with_byte(right, 34, 0x21), "ip-checksum", 1);
    expect_dropped(with_byte(right, 40, 0x21), "ip-checksum", 2);
}

// case S05
TEST_P(OuterHeaderIn, ShorterThanFiveWordsIsADrop) {
    const Packet right = tunnel(kHostB, inner());
    std::uint64_t dropped = 0;
    for (std::uint8_t words = 0; words < 5; ++words)
        expect_dropped(with_byte(right, 14, static_cast<std::uint8_t>(0x40 | words)), "ip-header",
                       ++dropped);
}

// case S03
TEST_P(OuterHeaderIn, WithATotalLengthThatHasNoRoomForGreIsADrop) {
    std::uint64_t dropped = 0;
    for (std::uint16_t length = 0; length < 24; ++length)
        expect_dropped(with_ip({.total_length = length}), "ip-header", ++dropped);
}

// case S02
TEST_P(OuterHeaderIn, WithATotalLengthBeyondTheFrameIsADrop) {
    const auto length = static_cast<std::uint16_t>(20 + 8 + inner().size());
    std::uint64_t dropped = 0;
    for (const int more : {1, 2, 100, 60000})
        expect_dropped(with_ip({.total_length = static_cast<std::uint16_t>(length + more)}),
                       "truncated", ++dropped);
}

// case S03
TEST_P(OuterHeaderIn, BeforeAnInnerFrameOfLessThanAnEthernetHeaderIsADrop) {
    std::uint64_t dropped = 0;
    for (std::size_t size = 0; size < 14; ++size)
        expect_dropped(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = kKey}) /
                           raw(cut(inner(), size).bytes()),
                       "inner-short", ++dropped);
}

// case S03
TEST_P(OuterHeaderIn, WithGreFieldsBeyondTheIpPacketIsADropThoughTheFrameGoesOn) {
    // 20 + 4 + what is there of C, K and S; behind it padding that looks like the rest.
    std::uint64_t dropped = 0;
    const std::uint32_t key = kKey;
    for (const std::uint16_t length : std::initializer_list<std::uint16_t>{24, 25, 27, 28, 31})
        expect_dropped(eth(kHostB, kHostA) / ipv4(kHostB, kHostA, {.total_length = length}) /
                           gre({.key = key, .sequence = 1}) / inner(),
                       "truncated", ++dropped);
}

// case M06
TEST_P(OuterHeaderIn, OfALaterFragmentIsNeverReadAsGre) {
    // Its payload looks exactly like a tunnel packet; only who has its first may have it.
    expect_untouched(with_ip({.df = false, .frag_offset = 10}));
    expect_untouched(with_ip({.df = false, .frag_offset = 10, .more_fragments = true}));
}

// case S07
TEST_P(OuterHeaderIn, OfTheHostsOwnTrafficIsUntouched) {
    expect_untouched(eth(kHostB, kBroadcast) / arp_request(kHostB, kHostB, kHostA));
    expect_untouched(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / tcp(40000, 22) / payload(20));
    expect_untouched(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / udp(53, 53) / payload(20));
    expect_untouched(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / icmp_echo_request() / payload(9));
    expect_untouched(eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / udp(53, 53) / payload(20));
    expect_untouched(eth(kHostB, kHostA, {.type = 0x88cc}) / payload(60));
    expect_untouched(eth(kHostB, kHostA, {.type = 0x0800}) / ipv6(kHostB, kHostA) / gre() /
                     inner());
}

// case S07
TEST_P(OuterHeaderIn, ToAnotherHostsMacIsNotTaken) {
    expect_untouched(eth(kHostB, kHostC) / ipv4(kHostB, kHostA) / gre({.key = kKey}) / inner());
    expect_untouched(eth(kHostB, kBroadcast) / ipv4(kHostB, kHostA) / gre({.key = kKey}) / inner());
    expect_untouched(eth(kHostB, kMulticast) / ipv4(kHostB, kHostA) / gre({.key = kKey}) / inner());
}

// case S07
TEST_P(OuterHeaderIn, ToAnotherHostsMacIsNotEvenADropWhenMalformed) {
    expect_untouched(eth(kHostB, kHostC) / ipv4(kHostB, kHostA, {.checksum = 1}) /
                     gre({.key = kKey}) / inner());
    expect_untouched(eth(kHostB, kHostC) / ipv4(kStranger, kHostA) / gre({.key = kKey}) / inner());
}

TEST_P(OuterHeaderIn, WithoutAnUplinkIsLeftToTheHost) {
    change_uplink([](xgre_uplink& self) { self.ifindex = 0; });
    expect_untouched(tunnel(kHostB, inner()));
}

TEST_P(OuterHeaderIn, OfAPeerWhoseNetworkIsNoMoreIsADrop) {
    datapath().networks().put(1, xgre_network{});
    expect_dropped(tunnel(kHostB, inner()), "no-network");
}

TEST_P(OuterHeaderIn, IsCountedForThePeerWithTheBytesOfTheFrameInside) {
    from_wire(tunnel(kHostB, inner()));
    EXPECT_EQ(peer_traffic(1).rx_packets, 1u);
    EXPECT_EQ(peer_traffic(1).rx_bytes, inner().size());
    EXPECT_EQ(port_traffic(a).tx_packets, 1u);
    EXPECT_EQ(port_traffic(a).tx_bytes, inner().size());
    EXPECT_EQ(peer_traffic(2).rx_packets, 0u);
}

class OuterPadding : public DatapathTest {
protected:
    OuterPadding() { learn(1, kVmA, a.owner()); }
};

// case S02
TEST_F(OuterPadding, IsCutOffByTcAndLeftToItByXdp) {
    for (const std::size_t size : {0u, 1u, 5u, 19u, 20u, 21u, 46u, 200u}) {
        const Packet inner = frame(kVmB, kVmA, size);
        for (const std::size_t more : {1u, 7u, 40u}) {
            const Packet packet = concat(tunnel(kHostB, inner), payload(more, 9));
            EXPECT_EQ(run_from_wire("uplink_xdp", packet).fate, Fate::passed);
            const Result result = run_from_wire("uplink_tc", packet);
            EXPECT_EQ(result.fate, Fate::redirected) << size << "+" << more;
            EXPECT_PACKET_EQ(result.packet, inner);
        }
    }
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 24}}));
}

// case S02
TEST_F(OuterPadding, DoesNotMakeAFrameTooLarge) {
    const Packet inner = frame(kVmB, kVmA, 1500);
    const Result result = run_from_wire("uplink_tc", concat(tunnel(kHostB, inner), payload(4)));
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, inner);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 1}}));
}

class OuterHeaderOut : public HookTest {
protected:
    OuterHeaderOut() { learn(1, kVmB, peer_owner(1)); }

    void expect_sent(const Packet& inner) const {
        const Result result = from_port(inner, a);
        ASSERT_EQ(result.fate, Fate::redirected);
        ASSERT_PACKET_EQ(result.packet, tunnel_to(kHostB, inner));
    }
    void expect_dropped(const Packet& packet, std::string_view reason) const {
        EXPECT_EQ(from_port(packet, a).fate, Fate::ended);
        EXPECT_EQ(counts(), (Counts{{on_hook(reason), 1}}));
    }
};
ON_BOTH_HOOKS(OuterHeaderOut, "port_xdp", "port_tc");

// case O01
// case O04
TEST_P(OuterHeaderOut, HasAddressesLengthChecksumTtl64AndDontFragmentForEverySize) {
    std::uint64_t sent = 0;
    for (std::size_t size = 0; size <= 1458; ++size) {
        expect_sent(frame(kVmA, kVmB, size));
        if (HasFatalFailure()) FAIL() << "at " << size;
        ++sent;
    }
    EXPECT_EQ(counts(), (Counts{{on_hook("to-peer"), sent}}));
    EXPECT_EQ(peer_traffic(1).tx_packets, sent);
    EXPECT_EQ(port_traffic(a).rx_packets, sent);
    EXPECT_EQ(port_traffic(a).rx_bytes, count(program(), XGRE_TO_PEER).bytes);
    EXPECT_EQ(peer_traffic(1).tx_bytes, count(program(), XGRE_TO_PEER).bytes);
}

// case O05
TEST_P(OuterHeaderOut, LeavesEveryKindOfInnerFrameAsItIs) {
    expect_sent(eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.ttl = 1, .tos = 0xb8, .id = 5, .df = false}) /
                udp(1000, 2000) / payload(33));
    expect_sent(eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.checksum = 0xdead}) / tcp(1, 2) / payload(7));
    expect_sent(eth(kVmA, kVmB) / ipv6(kVmA, kVmB, {.hop_limit = 1}) / tcp(1, 2) / payload(900));
    expect_sent(eth(kVmA, kVmB) / ipv6(kVmA, kVmB) / icmpv6_echo_request() / payload(56));
    expect_sent(eth(kVmA, kVmB) / arp_reply(kVmA, kVmA, kVmB, kVmB));
    expect_sent(eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.df = false, .more_fragments = true}) /
                payload(1000));
    expect_sent(eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / gre({.key = 1}) / frame(kVmC, kVmD));
    expect_sent(padded(eth(kVmA, kVmB) / arp_request(kVmA, kVmA, kVmB)));
    expect_sent(eth(kVmA, kVmB, {.type = 0x0026}) / payload(38));  // IEEE 802.3 with LLC
}

// case O09
TEST_P(OuterHeaderOut, GoesToTheGatewayOfAPeerBehindARouter) {
    ip("route add 203.0.113.0/24 via 198.18.0.254\n");
    peer(3, xgre::test::ip(203, 0, 113, 5), 1);
    learn(1, kVmD, peer_owner(3));
    const Packet inner = frame(kVmA, kVmD);
    const Result result = from_port(inner, a);
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, eth(kHostA, kGateway) /
                                        ipv4(kHostA, xgre::test::ip(203, 0, 113, 5)) /
                                        gre({.key = kKey}) / inner);
}

// case O09
TEST_P(OuterHeaderOut, FollowsAChangedRouteAndNextHopMac) {
    const Packet inner = frame(kVmA, kVmB);
    ip("neigh replace 198.18.0.2 lladdr 02:00:00:00:00:77 dev uplink nud permanent\n");
    EXPECT_PACKET_EQ(
        from_port(inner, a).packet,
        eth(kHostA, mac(2, 0, 0, 0, 0, 0x77)) / ipv4(kHostA, kHostB) / gre({.key = kKey}) / inner);
    ip("route add 198.18.0.2/32 via 198.18.0.254\n");
    outlive_flows();
    EXPECT_PACKET_EQ(from_port(inner, a).packet,
                     eth(kHostA, kGateway) / ipv4(kHostA, kHostB) / gre({.key = kKey}) / inner);
}

TEST_P(OuterHeaderOut, WithoutARouteIsADrop) {
    peer(3, xgre::test::ip(203, 0, 113, 5), 1);
    learn(1, kVmB, peer_owner(3));
    expect_dropped(frame(kVmA, kVmB), "no-route");
}

TEST_P(OuterHeaderOut, RoutedThroughAnotherDeviceIsADrop) {
    const Tap other{"other"};
    ip("link set dev other up\naddress add 203.0.113.1/24 dev other\n"
       "neigh add 203.0.113.5 lladdr 02:00:00:00:00:05 dev other nud permanent\n");
    peer(3, xgre::test::ip(203, 0, 113, 5), 1);
    learn(1, kVmB, peer_owner(3));
    expect_dropped(frame(kVmA, kVmB), "no-route");
}

TEST_P(OuterHeaderOut, ToAPeerThatIsUnreachableByRouteIsADrop) {
    ip("route add unreachable 203.0.113.5/32\n");
    peer(3, xgre::test::ip(203, 0, 113, 5), 1);
    learn(1, kVmB, peer_owner(3));
    expect_dropped(frame(kVmA, kVmB), "no-route");
}

// case M08
TEST_P(OuterHeaderOut, LargerThanTheUplinksMtuIsADrop) {
    expect_sent(frame(kVmA, kVmB, 1458));  // 14 + 1458 + 28 = 1500
    EXPECT_EQ(from_port(frame(kVmA, kVmB, 1459), a).fate, too_large());
    EXPECT_EQ(counts(), with_too_large({{on_hook("to-peer"), 1}}, 1));
}

// case M08
TEST_P(OuterHeaderOut, IsHeldToAChangedMtu) {
    expect_sent(frame(kVmA, kVmB, 1000));
    ip("link set dev uplink mtu 1000\n");
    outlive_flows();
    EXPECT_EQ(from_port(frame(kVmA, kVmB, 1000), a).fate, too_large());
    ip("link set dev uplink mtu 1600\n");
    expect_sent(frame(kVmA, kVmB, 1500));
    EXPECT_EQ(counts(), with_too_large({{on_hook("to-peer"), 2}}, 1));
}

TEST_P(OuterHeaderOut, ToARemovedPeerIsNotSent) {
    remove_peer(1);
    const Packet packet = frame(kVmA, kVmB);
    const Result result = from_port(packet, a);
    // As unknown unicast: XDP leaves it to TC, which floods it to the rest.
    EXPECT_EQ(result.fate, is_xdp() ? Fate::passed : Fate::ended);
    EXPECT_EQ(peer_traffic(1).tx_packets, 0u);
    for (const Packet& sent : wire().received())
        EXPECT_PACKET_EQ(sent, tunnel_to(kHostC, packet));
}

class NextHop : public DatapathTest {
protected:
    NextHop() {
        peer(3, kStranger, 1);  // nobody has told its MAC
        learn(1, kVmB, peer_owner(3));
    }
    static Packet question() {
        return eth(kHostA, kBroadcast) / arp_request(kHostA, kHostA, kStranger);
    }
    static Packet answer() {
        return eth(kStranger, kHostA) / arp_reply(kStranger, kStranger, kHostA, kHostA);
    }
};

// case O10
TEST_F(NextHop, IsLeftToTcByXdpWhenUnresolved) {
    const Packet packet = frame(kVmA, kVmB);
    const Result result = run("port_xdp", packet, a.index());
    EXPECT_EQ(result.fate, Fate::passed);
    EXPECT_PACKET_EQ(result.packet, packet);
    EXPECT_EQ(counts(), Counts{});
    EXPECT_EQ(port_traffic(a).rx_packets, 0u);
}

// case O10
TEST_F(NextHop, IsResolvedByTheKernelAndTheFrameThatWaitedGoesOut) {
    for (const Hooks hooks : {Hooks::tc, Hooks::native_xdp}) {
        ip("neigh flush 198.18.0.66 dev uplink\n");
        if (hooks == Hooks::tc) attach(hooks);
        if (hooks == Hooks::native_xdp)
            attach_xdp(a.index(), datapath().program("port_xdp"), hooks);
        const Packet inner = frame(kVmA, kVmB);
        ASSERT_TRUE(a.tap.send(inner));
        auto sent = wire().received(1);
        ASSERT_EQ(sent.size(), 1u);
        EXPECT_PACKET_EQ(sent[0], question());

        ASSERT_TRUE(wire().send(answer()));
        sent = wire().received(1);
        ASSERT_EQ(sent.size(), 1u);
        EXPECT_PACKET_EQ(sent[0], tunnel_to(kStranger, inner));

        ASSERT_TRUE(a.tap.send(inner));
        sent = wire().received(1);
        ASSERT_EQ(sent.size(), 1u);
        EXPECT_PACKET_EQ(sent[0], tunnel_to(kStranger, inner));
    }
    EXPECT_EQ(counts(), (Counts{{"port_tc to-peer", 3}, {"port_xdp to-peer", 1}}));
}

// case O10
TEST_F(NextHop, IsFoundByTheKernelWhereTheLookUpIsNotAllowed) {
    sysctl("net/ipv4/conf/lo/forwarding", "0");
    learn(1, kVmB, peer_owner(1));
    const Packet inner = frame(kVmA, kVmB);
    EXPECT_EQ(run("port_xdp", inner, a.index()).fate, Fate::passed);
    attach(Hooks::native_xdp);
    ASSERT_TRUE(a.tap.send(inner));
    const auto sent = wire().received(1);
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_PACKET_EQ(sent[0], tunnel_to(kHostB, inner));
    EXPECT_EQ(counts(), (Counts{{"port_tc to-peer", 1}}));
}

class Uplink : public DatapathTest {};

// case O05
TEST_F(Uplink, SendsFramesThatSayIpAndHaveNoIpHeader) {
    learn(1, kVmB, peer_owner(1));
    learn(1, kVmA, a.owner());
    attach(Hooks::tc);  // a test run refuses such frames
    for (const std::uint16_t type : std::initializer_list<std::uint16_t>{0x0800, 0x86dd})
        for (const std::size_t size : {0u, 1u, 3u, 19u, 20u, 39u}) {
            const Packet out = eth(kVmA, kVmB, {.type = type}) / payload(size);
            const Packet in = eth(kVmB, kVmA, {.type = type}) / payload(size);
            ASSERT_TRUE(a.tap.send(out));
            ASSERT_TRUE(wire().send(tunnel(kHostB, in)));
            const auto sent = wire().received(1);
            const auto got = a.tap.received(1);
            ASSERT_EQ(sent.size(), 1u) << type << " " << size;
            EXPECT_PACKET_EQ(sent[0], tunnel_to(kHostB, out));
            ASSERT_EQ(got.size(), 1u) << type << " " << size;
            EXPECT_PACKET_EQ(got[0], in);
        }
    EXPECT_EQ(counts(), (Counts{{"port_tc to-peer", 12}, {"uplink_tc to-port", 12}}));
}

// case S07
TEST_F(Uplink, LetsTheHostAnswerAPing) {
    attach(Hooks::native_xdp);
    ASSERT_TRUE(wire().send(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / icmp_echo_request() /
                            payload(32)));
    const auto sent = wire().received(1);
    ASSERT_EQ(sent.size(), 1u);
    const Packet expected = eth(kHostA, kHostB) /
                            ipv4(kHostA, kHostB, {.id = get16(sent[0].bytes(), 18), .df = false}) /
                            icmp_echo_reply() / payload(32);
    EXPECT_PACKET_EQ(sent[0], expected);
    EXPECT_EQ(counts(), Counts{});
}

// case G12
TEST_F(Uplink, LetsGreOfAnotherProtocolTypeReachTheHostsStack) {
    attach(Hooks::native_xdp);
    const Fd host{socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_GRE)};
    ASSERT_TRUE(host.is_open());
    const Packet packet = ipv4(kHostB, kHostA) / gre({.key = kKey, .protocol = 0x0800}) /
                          ipv4(kVmB, kVmA) / udp(1, 2) / payload(20);
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kVmA))));  // ours: the host sees nothing
    ASSERT_TRUE(wire().send(eth(kHostB, kHostA) / packet));
    Bytes buffer(2000);
    const ssize_t size = recv(host.get(), buffer.data(), buffer.size(), 0);
    ASSERT_GT(size, 0);
    buffer.resize(static_cast<std::size_t>(size));
    EXPECT_PACKET_EQ(packet.with_bytes(buffer), packet);
    EXPECT_LT(recv(host.get(), buffer.data(), buffer.size(), 0), 0);
}

// A VLAN on the underlay is another network than ours, though the kernel takes the tag out of
// the bytes before TC sees the frame.
// case S07
TEST_F(Uplink, TakesNoTunnelPacketThatHasAVlanTag) {
    learn(1, kVmA, a.owner());
    attach(Hooks::native_xdp);
    ASSERT_TRUE(wire().send(eth(kHostB, kHostA) / vlan(5) / ipv4(kHostB, kHostA) /
                            gre({.key = kKey}) / frame(kVmB, kVmA)));
    EXPECT_EQ(a.tap.received().size(), 0u);
    EXPECT_EQ(counts(), Counts{});
    EXPECT_EQ(owner(1, kVmB), 0u);
}

// case S07
TEST_F(Uplink, InPromiscuousModeTakesNothingForOthers) {
    ip("link set dev uplink promisc on\n");
    learn(1, kVmA, a.owner());
    attach(Hooks::native_xdp);
    ASSERT_TRUE(wire().send(eth(kHostB, kHostC) / ipv4(kHostB, kHostA) / gre({.key = kKey}) /
                            frame(kVmB, kVmA)));
    EXPECT_EQ(a.tap.received().size(), 0u);
    EXPECT_EQ(counts(), Counts{});
}

}  // namespace
}  // namespace xgre::test
