// SPDX-License-Identifier: GPL-2.0-only
// Frames that are longer than one buffer, which XDP sees the start of: the kernel makes fragments
// of what is longer than a page.
#include <fmt/format.h>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr std::size_t kLong = 8000;

Packet datagram(MacAddress from, MacAddress to, std::size_t size) {
    return eth(from, to) / ipv4(kVmB, kVmA) / udp(1000, 2000) / payload(size);
}

class Jumbo : public DatapathTest {
protected:
    Jumbo() {
        learn(1, kVmA, a.owner());
        learn(1, kVmB, peer_owner(1));
    }
    static void allow_jumbo_at(const Port& port) {
        ip(fmt::format("link set dev {} mtu 9000\n", port.tap.name()));
    }
    Result arrive(std::size_t size) const {
        return run_from_wire("uplink_xdp", tunnel(kHostB, datagram(kVmB, kVmA, size)));
    }
    void expect_handed_over(const Packet& inner, std::uint32_t header_len) const {
        const Result result = run_from_wire("uplink_xdp", tunnel(kHostB, inner));
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, inner);
        ASSERT_TRUE(result.metadata);
        EXPECT_EQ(result.metadata->network, 1u);
        EXPECT_EQ(result.metadata->port, a.index());
        EXPECT_EQ(result.metadata->peer, 1u);
        EXPECT_EQ(result.metadata->header_len, header_len);
        EXPECT_EQ(result.metadata->port_flags & XGRE_PORT_OFFLOADS, a.flags & XGRE_PORT_OFFLOADS);
    }
    // uplink_xdp leaves it to TC as it came, and does not count it.
    void expect_untouched(const Packet& packet) const {
        const Result result = run_from_wire("uplink_xdp", packet);
        ASSERT_EQ(result.fate, Fate::passed) << decode(packet);
        ASSERT_FALSE(result.metadata) << decode(packet);
        ASSERT_PACKET_EQ(result.packet, packet);
        ASSERT_EQ(counts(), Counts{});
    }
    // Likewise of a frame in a tunnel, whatever was counted before.
    void expect_left_as_it_came(const Packet& inner) const {
        const Packet packet = tunnel(kHostB, inner);
        const Result result = run_from_wire("uplink_xdp", packet);
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_FALSE(result.metadata);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_XDP, XGRE_TOO_LARGE).packets, 0u);
    }
    void expect_dropped(const Packet& packet, xgre_verdict verdict, std::size_t bytes) const {
        EXPECT_EQ(run_from_wire("uplink_xdp", packet).fate, Fate::ended);
        EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_XDP, verdict).packets, 1u);
        EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_XDP, verdict).bytes, bytes);
    }

private:
    OnOneCpu pinned_;
};

// No kernel may send fragments to every device, and Linux 6.1 to none: it would lose the frame
// after the program has counted it as sent.
TEST_F(Jumbo, IsDecapsulatedAndLeftToTcToDeliver) {
    allow_jumbo_at(a);
    const Result result = arrive(kLong);
    EXPECT_EQ(result.fate, Fate::passed);
    EXPECT_PACKET_EQ(result.packet, datagram(kVmB, kVmA, kLong));
    ASSERT_TRUE(result.metadata);
    EXPECT_EQ(result.metadata->magic, XGRE_METADATA_MAGIC ^ datapath().uplink().find(0)->cookie);
    EXPECT_EQ(result.metadata->port, a.index());
    EXPECT_EQ(result.metadata->peer, 1u);
    EXPECT_EQ(result.metadata->header_len, 0u);
    EXPECT_EQ(counts(), Counts{});  // TC counts it
}

// XDP sends at once, and TC later: the next frame of the flow would be there first.
TEST_F(Jumbo, IsNotOvertakenByTheNextFrameOfItsFlow) {
    allow_jumbo_at(a);
    EXPECT_EQ(arrive(100).fate, Fate::redirected);
    for (int i = 0; i < 2; ++i) {
        expect_handed_over(datagram(kVmB, kVmA, kLong), 0);
        expect_handed_over(datagram(kVmB, kVmA, 100), 0);
        outlive_flows();
        EXPECT_EQ(arrive(100).fate, Fate::redirected);
    }
    expect_handed_over(datagram(kVmB, kVmA, kLong), 0);
    learn(1, kVmC, c.owner());
    const Packet other = datagram(kVmB, kVmC, 100);
    EXPECT_EQ(run_from_wire("uplink_xdp", tunnel(kHostB, other)).fate, Fate::redirected);
}

// The helper that knows MTUs sees the first buffer only, unless it is told.
TEST_F(Jumbo, HasToFitItsPortAsAWhole) {
    expect_left_as_it_came(datagram(kVmB, kVmA, kLong));
    EXPECT_EQ(arrive(100).fate, Fate::redirected);
    expect_left_as_it_came(datagram(kVmB, kVmA, kLong));
    EXPECT_EQ(counts(), (Counts{{"uplink_xdp to-port", 1}}));
    allow_jumbo_at(a);
    outlive_flows();
    expect_handed_over(datagram(kVmB, kVmA, kLong), 0);
}

TEST_F(Jumbo, IsHandedOverSoThatItCanBeCounted) {
    allow_jumbo_at(a);
    learn(1, kVmA, a.owner(), 5);
    const Packet tcp4 = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / tcp(1, 2) / payload(kLong);
    const Packet tagged =
        eth(kVmB, kVmA) / vlan(5, {.pcp = 3}) / ipv6(kVmB, kVmA) / tcp(1, 2) / payload(kLong);
    for (const std::uint32_t flags :
         {unsigned{XGRE_PORT_OFFLOADS},
          unsigned{XGRE_PORT_XDP_XMIT} | unsigned{XGRE_PORT_OFFLOADS} | XGRE_PORT_DIRECT}) {
        SCOPED_TRACE(fmt::format("port flags {}", flags));
        set_port_flags(a, flags);
        expect_handed_over(frame(kVmB, kVmA, kLong), 0);
        expect_handed_over(tcp4, 14 + 20 + 20);
        expect_handed_over(tagged, 18 + 40 + 20);
    }
    EXPECT_EQ(counts(), Counts{});
    EXPECT_EQ(owner(1, kVmB), peer_owner(1));
}

// The kernel would cut what GRO merged, and the pieces might not arrive in order.
TEST_F(Jumbo, OfTcpIsLeftToTcWholeForAPortThatTakesNoLargeSegments) {
    allow_jumbo_at(a);
    const auto segment = [](std::size_t size) {
        return tunnel(kHostB, eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / tcp(1, 2) / payload(size));
    };
    for (const std::uint32_t flags :
         {0u, unsigned{XGRE_PORT_XDP_XMIT}, unsigned{XGRE_PORT_XDP_XMIT} | XGRE_PORT_DIRECT}) {
        SCOPED_TRACE(fmt::format("port flags {}", flags));
        set_port_flags(a, flags);
        expect_handed_over(datagram(kVmB, kVmA, kLong), 0);
        expect_untouched(segment(kLong));
        expect_untouched(segment(100));
        expect_handed_over(datagram(kVmB, kVmA, 100), 0);
    }
    set_port_flags(a, XGRE_PORT_XDP_XMIT | XGRE_PORT_DIRECT);
    EXPECT_EQ(run_from_wire("uplink_xdp", segment(100)).fate, Fate::redirected);
}

// case M08
TEST_F(Jumbo, MayBeAsLongAsTheMtuAndItsTag) {
    ip("link set dev a mtu 7000\n");
    learn(1, kVmA, a.owner(), 5);
    const Packet front = eth(kVmB, kVmA);
    expect_handed_over(front / payload(7000), 0);
    expect_handed_over(front / vlan(5) / payload(7000), 0);
    expect_left_as_it_came(front / payload(7001));
    expect_handed_over(front / payload(7000), 0);
    expect_left_as_it_came(front / vlan(5) / payload(7001));
}

TEST_F(Jumbo, CountsAllItsBytesWhereItIsDropped) {
    const Packet inner = datagram(kVmB, kVmA, kLong);
    const auto with = [&](const Ipv4Options& outer) {
        return eth(kHostB, kHostA) / ipv4(kHostB, kHostA, outer) / gre({.key = kKey}) / inner;
    };
    const std::size_t whole = with({}).size();
    expect_dropped(with({.checksum = 0x4242}), XGRE_IP_CHECKSUM, whole);
    expect_dropped(with({.total_length = 9000}), XGRE_TRUNCATED, whole);
    expect_dropped(tunnel(kStranger, inner), XGRE_UNKNOWN_PEER, inner.size());
}

TEST_F(Jumbo, IsLeftToTcWholeWhereThatHasMoreToDo) {
    const Packet inner = datagram(kVmB, kVmA, kLong);
    const Packet with_sum =
        eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = kKey, .checksum = true}) / inner;
    const Packet not_to_us =
        eth(kHostB, kHostC) / ipv4(kHostB, kHostA) / gre({.key = kKey}) / inner;
    expect_untouched(tunnel(kHostB, datagram(kVmB, kBroadcast, kLong)));
    expect_untouched(fragment_of(tunnel(kHostB, inner), 0, kLong - 8));
    expect_untouched(with_sum);
    expect_untouched(not_to_us);
    expect_untouched(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / udp(1, 2) / payload(kLong));
    expect_untouched(eth(kHostB, kHostA) / payload(kLong));
}

// Wherever the first buffer ends, no header may be missed, and nothing changed before all are
// found.
TEST_F(Jumbo, IsHandedOverOnlyWithAllHeadersInTheFirstBuffer) {
    set_port_flags(a, XGRE_PORT_XDP_XMIT | XGRE_PORT_OFFLOADS);
    const Packet inner = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / tcp(1, 2) / payload(1000);
    const Packet packet = tunnel(kHostB, inner);
    const std::uint32_t headers = 14 + 20 + 8 + 14 + 20 + 20;
    for (std::uint32_t first = 14; first < packet.size(); ++first) {
        SCOPED_TRACE(fmt::format("{} bytes in the first buffer", first));
        const auto result = try_run("uplink_xdp", packet, wire().index(), 0, first);
        if (!result) GTEST_SKIP() << "this kernel's test runs do not ask where buffers end";
        ASSERT_EQ(result->fate, Fate::passed);
        ASSERT_PACKET_EQ(result->packet, result->metadata ? inner : packet);
        ASSERT_TRUE(result->metadata || first < 256);
        if (!result->metadata) continue;
        ASSERT_GE(first, headers);
        ASSERT_EQ(result->metadata->header_len, 14u + 20 + 20);
    }
    EXPECT_EQ(counts(), Counts{});
}

// The padding may begin where the second buffer does.
TEST_F(Jumbo, WhosePaddingAloneIsInFragmentsIsLeftToTcWhole) {
    allow_jumbo_at(a);
    for (std::uint16_t total = 3300; total < 4100; ++total)
        expect_untouched(eth(kHostB, kHostA) / ipv4(kHostB, kHostA, {.total_length = total}) /
                         gre({.key = kKey}) / datagram(kVmB, kVmA, kLong));
}

TEST_F(Jumbo, WithBytesBehindThePacketIsLeftToTcWhole) {
    allow_jumbo_at(a);
    const Packet whole = tunnel(kHostB, datagram(kVmB, kVmA, kLong));
    const Packet packet = padded(whole, whole.size() + 40);
    const Result result = run_from_wire("uplink_xdp", packet);
    EXPECT_EQ(result.fate, Fate::passed);
    EXPECT_FALSE(result.metadata);
    EXPECT_PACKET_EQ(result.packet, packet);
    EXPECT_EQ(counts(), Counts{});
}

class JumboFromPort : public Jumbo {
protected:
    JumboFromPort() {
        ip("link set dev uplink mtu 9500\n");
        allow_jumbo_at(c);
    }
    Result leave(const Packet& packet) const { return run("port_xdp", packet, a.index()); }
    void expect_left_to_tc(const Packet& packet) const {
        const Result result = leave(packet);
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, packet);
    }
};

TEST_F(JumboFromPort, IsLeftToTcUntouched) {
    learn(1, kVmC, c.owner());
    for (int i = 0; i < 2; ++i) {
        expect_left_to_tc(datagram(kVmA, kVmB, kLong));
        expect_left_to_tc(datagram(kVmA, kVmC, kLong));
        expect_left_to_tc(datagram(kVmA, kBroadcast, kLong));
    }
    // Drops, too: TC counts them.
    expect_left_to_tc(datagram(kVmA, kVmB, 9600));
    expect_left_to_tc(datagram(kBroadcast, kVmB, kLong));
    EXPECT_EQ(counts(), Counts{});
}

TEST_F(JumboFromPort, IsNotOvertakenByTheNextFrameOfItsFlow) {
    learn(1, kVmC, c.owner());
    for (const MacAddress to : {kVmB, kVmC}) {
        for (int i = 0; i < 2; ++i) {
            EXPECT_EQ(leave(datagram(kVmA, to, 100)).fate, Fate::redirected);
            expect_left_to_tc(datagram(kVmA, to, kLong));
            expect_left_to_tc(datagram(kVmA, to, 100));
            outlive_flows();
        }
    }
    expect_left_to_tc(datagram(kVmA, kVmB, kLong));
    EXPECT_EQ(leave(datagram(kVmA, kVmC, 100)).fate, Fate::redirected) << "another flow";
    EXPECT_EQ(counts(), (Counts{{"port_xdp to-peer", 2}, {"port_xdp to-port", 3}}));
}

TEST_F(JumboFromPort, IsLeftToTcWhereverItsFirstBufferEnds) {
    const Packet packet = datagram(kVmA, kVmB, 1000);
    for (std::uint32_t first = 14; first < packet.size(); ++first) {
        SCOPED_TRACE(fmt::format("{} bytes in the first buffer", first));
        const auto result = try_run("port_xdp", packet, a.index(), 0, first);
        if (!result) GTEST_SKIP() << "this kernel's test runs do not ask where buffers end";
        ASSERT_EQ(result->fate, Fate::passed);
        ASSERT_PACKET_EQ(result->packet, packet);
    }
    EXPECT_EQ(counts(), Counts{});
}

// The devices' drivers and the kernel between the hooks take part.
class JumboLive : public DatapathTest, public ::testing::WithParamInterface<Hooks> {
protected:
    JumboLive() {
        for (const Port* port : {&a, &c})
            ip(fmt::format("link set dev {} mtu 9000\n", port->tap.name()));
        ip("link set dev uplink mtu 9500\n");
        datapath().fdb_put(fdb_key(1, kVmA), as_static(a.owner()));
        datapath().fdb_put(fdb_key(1, kVmB), as_static(peer_owner(1)));
        datapath().fdb_put(fdb_key(1, kVmC), as_static(c.owner()));
    }
};
ON_ALL_HOOKS(JumboLive);

TEST_P(JumboLive, ArrivesWhereverItGoes) {
    attach(GetParam());
    for (const std::size_t size : {std::size_t{100}, std::size_t{3000}, kLong}) {
        const Packet out = datagram(kVmA, kVmB, size);
        ASSERT_TRUE(a.tap.send(out));
        expect_on_wire({tunnel_to(kHostB, out)});
        const Packet in = datagram(kVmB, kVmA, size);
        ASSERT_TRUE(wire().send(tunnel(kHostB, in)));
        expect_got(a, {in});
        const Packet across = datagram(kVmA, kVmC, size);
        ASSERT_TRUE(a.tap.send(across));
        expect_got(c, {across});
    }
    EXPECT_EQ(port_traffic(a).rx_packets, 6u);
    EXPECT_EQ(port_traffic(a).tx_packets, 3u);
    EXPECT_EQ(port_traffic(c).tx_packets, 3u);
    EXPECT_EQ(peer_traffic(1).tx_packets, 3u);
    EXPECT_EQ(peer_traffic(1).rx_packets, 3u);
}

}  // namespace
}  // namespace xgre::test
