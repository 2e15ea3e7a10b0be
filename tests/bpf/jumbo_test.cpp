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

TEST_F(Jumbo, LeavesTheFlowToFramesInOneBuffer) {
    allow_jumbo_at(a);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(arrive(kLong).fate, Fate::passed);
        const Result result = arrive(100);
        EXPECT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, datagram(kVmB, kVmA, 100));
    }
    EXPECT_EQ(counts(), (Counts{{"uplink_xdp to-port", 2}}));
}

// The helper that knows MTUs sees the first buffer only, unless it is told.
TEST_F(Jumbo, HasToFitItsPortAsAWhole) {
    EXPECT_EQ(arrive(kLong).fate, Fate::ended);
    EXPECT_EQ(arrive(100).fate, Fate::redirected);
    EXPECT_EQ(arrive(kLong).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{"uplink_xdp too-large", 2}, {"uplink_xdp to-port", 1}}));
    EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_XDP, XGRE_TOO_LARGE).bytes,
              2 * datagram(kVmB, kVmA, kLong).size());
    allow_jumbo_at(a);
    outlive_flows();
    EXPECT_EQ(arrive(kLong).fate, Fate::passed);
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

TEST_F(Jumbo, CutShortIsLeftToTcWhole) {
    allow_jumbo_at(a);
    Packet packet = tunnel(kHostB, datagram(kVmB, kVmA, kLong));
    packet = packet.with_bytes(Bytes(packet.data(), packet.data() + packet.size() - 100));
    const Result result = run_from_wire("uplink_xdp", packet);
    EXPECT_EQ(result.fate, Fate::passed);
    EXPECT_FALSE(result.metadata);
    EXPECT_PACKET_EQ(result.packet, packet);
    EXPECT_EQ(counts(), Counts{});
}

TEST_F(Jumbo, FromAPortIsLeftToTcUntouched) {
    ip("link set dev uplink mtu 9500\n");
    const Packet packet = datagram(kVmA, kVmB, kLong);
    for (int i = 0; i < 2; ++i) {
        const Result result = run("port_xdp", packet, a.index());
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(run("port_xdp", datagram(kVmA, kVmB, 100), a.index()).fate, Fate::redirected);
    }
    EXPECT_EQ(counts(), (Counts{{"port_xdp to-peer", 2}}));
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
