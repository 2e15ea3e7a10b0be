// SPDX-License-Identifier: GPL-2.0-only
// What XDP leaves to TC: untouched, uncounted, and complete on the other side.
#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

class FastPath : public DatapathTest {
protected:
    FastPath() {
        learn(1, kVmA, a.owner());
        learn(1, kVmB, peer_owner(1));
        learn(1, kVmC, c.owner());
    }
    void expect_left_to_tc(const char* program, const Packet& packet, std::uint32_t ingress) const {
        const Result result = run(program, packet, ingress);
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_FALSE(result.metadata);
        EXPECT_EQ(counts(), Counts{});
        EXPECT_EQ(port_traffic(a).rx_packets, 0u);
        EXPECT_EQ(peer_traffic(1).rx_packets, 0u);
    }
};

// case A05
TEST_F(FastPath, LeavesFloodsToTc) {
    for (const MacAddress to : {kBroadcast, kMulticast, kLinkLocalGroup, mac(2, 9, 9, 9, 9, 9)}) {
        expect_left_to_tc("port_xdp", frame(kVmA, to), a.index());
        expect_left_to_tc("uplink_xdp", tunnel(kHostB, frame(kVmB, to)), wire().index());
    }
}

// case A05
TEST_F(FastPath, LeavesToTcWhatIsForADeviceThatTakesNoXdpFrames) {
    set_port_flags(c, 0);
    expect_left_to_tc("port_xdp", frame(kVmA, kVmC), a.index());
    change_uplink([](xgre_uplink& self) { self.flags = 0; });
    expect_left_to_tc("port_xdp", frame(kVmA, kVmB), a.index());
    attach(Hooks::native_xdp);
    ASSERT_TRUE(a.tap.send(frame(kVmA, kVmC)));
    expect_got(c, {frame(kVmA, kVmC)});
    ASSERT_TRUE(a.tap.send(frame(kVmA, kVmB)));
    expect_on_wire({tunnel_to(kHostB, frame(kVmA, kVmB))});
    EXPECT_EQ(counts(), (Counts{{"port_tc to-peer", 1}, {"port_tc to-port", 1}}));
}

TEST_F(FastPath, LeavesEverythingToTcWithoutAnUplink) {
    change_uplink([](xgre_uplink& self) { self.ifindex = 0; });
    expect_left_to_tc("port_xdp", frame(kVmA, kVmB), a.index());
    expect_left_to_tc("uplink_xdp", tunnel(kHostB, frame(kVmB, kVmA)), wire().index());
}

TEST_F(FastPath, LeavesToTcWhatIsForAMacThatTheUplinkHadNotWhenItWasAttached) {
    change_uplink([](xgre_uplink& self) { self.mac[5] = 0x55; });
    expect_left_to_tc("uplink_xdp", tunnel(kHostB, frame(kVmB, kVmA)), wire().index());
    EXPECT_EQ(run_from_wire("uplink_tc", tunnel(kHostB, frame(kVmB, kVmA))).fate, Fate::redirected);
}

// case F10
TEST_F(FastPath, NotesARefusedSourceOnceThoughTcTriesAgain) {
    const Port& limited = port("limited", 1, {.limit = 1});
    attach(Hooks::native_xdp);
    ASSERT_TRUE(limited.tap.send(frame(mac(2, 1, 1, 1, 1, 1), kBroadcast)));
    ASSERT_TRUE(limited.tap.send(frame(mac(2, 1, 1, 1, 1, 2), kBroadcast)));
    ASSERT_TRUE(limited.tap.send(frame(mac(2, 1, 1, 1, 1, 3), kVmC)));
    EXPECT_EQ(notes(), (Counts{{"learned", 1}, {"mac-limit", 2}}));
}

// case S07
TEST_F(FastPath, RedirectsToTheDeviceThatTheTableNames) {
    attach(Hooks::native_xdp);
    ASSERT_TRUE(a.tap.send(frame(kVmA, kVmB)));
    expect_on_wire({tunnel_to(kHostB, frame(kVmA, kVmB))});
    ASSERT_TRUE(a.tap.send(frame(kVmA, kVmC)));
    expect_got(c, {frame(kVmA, kVmC)});
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kVmA))));
    expect_got(a, {frame(kVmB, kVmA)});
    expect_got(c, {});
    expect_on_wire({});
    EXPECT_EQ(
        counts(),
        (Counts{{"port_xdp to-peer", 1}, {"port_xdp to-port", 1}, {"uplink_xdp to-port", 1}}));
}

// case E01
TEST_F(FastPath, LosesNothingToADeviceThatIsDeleted) {
    attach(Hooks::native_xdp);
    const std::uint32_t gone = c.index();
    ip("link del dev c\n");
    EXPECT_FALSE(datapath().redirect().find(gone));  // the kernel took it out
    ASSERT_TRUE(a.tap.send(frame(kVmA, kVmC)));
    // A stale entry is as good as none: flooded.
    expect_on_wire({tunnel_to(kHostB, frame(kVmA, kVmC)), tunnel_to(kHostC, frame(kVmA, kVmC))});
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", 1}}));
    EXPECT_EQ(datapath().fdb_sweep(), 1u);
    EXPECT_EQ(owner(1, kVmC), 0u);
}

}  // namespace
}  // namespace xgre::test
