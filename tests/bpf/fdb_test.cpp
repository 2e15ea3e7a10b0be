// SPDX-License-Identifier: GPL-2.0-only
// The forwarding database: what is learned, moves, ages, stays, and who may not have an entry.
#include <array>
#include <cstdint>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

MacAddress vm(std::uint32_t number) {
    return mac(2, 0, 1, static_cast<std::uint8_t>(number >> 16),
               static_cast<std::uint8_t>(number >> 8), static_cast<std::uint8_t>(number));
}

// From a port, on both hooks. kVmB is behind host B, so that XDP takes what is sent to it.
class FdbFromPort : public HookTest {
protected:
    FdbFromPort() { datapath().fdb_put(fdb_key(1, kVmB), as_static(peer_owner(1))); }
    void send(MacAddress from, const Port& port) const { from_port(frame(from, kVmB), port); }
};
ON_BOTH_HOOKS(FdbFromPort, "port_xdp", "port_tc");

// case F01
TEST_P(FdbFromPort, LearnsTheSourceAndTheAnswerGoesToThatPortOnly) {
    send(kVmA, a);
    const auto entry = fdb(1, kVmA);
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->owner, a.owner());
    EXPECT_EQ(learned(a), 1u);
    EXPECT_EQ(notes(), (Counts{{"learned", 1}}));
    const Result answer = from_port(frame(kVmC, kVmA), c);
    EXPECT_EQ(answer.fate, Fate::redirected);
    EXPECT_PACKET_EQ(answer.packet, frame(kVmC, kVmA));
    EXPECT_EQ(port_traffic(a).tx_packets, 1u);
    EXPECT_EQ(counts(), (Counts{{on_hook("to-peer"), 1}, {on_hook("to-port"), 1}}));
}

// case F03
TEST_P(FdbFromPort, MovesFromPortToPortWithTheFirstFrameAsOneEvent) {
    send(kVmA, a);
    send(kVmA, c);
    EXPECT_EQ(owner(1, kVmA), c.owner());
    EXPECT_EQ(learned(a), 0u);
    EXPECT_EQ(learned(c), 1u);
    send(kVmA, c);
    EXPECT_EQ(notes(), (Counts{{"learned", 1}, {"moved", 1}}));
}

// case F03
TEST_P(FdbFromPort, MovesFromPeerToPort) {
    learn(1, kVmA, peer_owner(2));
    send(kVmA, a);
    EXPECT_EQ(owner(1, kVmA), a.owner());
    EXPECT_EQ(learned(a), 1u);
    EXPECT_EQ(notes(), (Counts{{"moved", 1}}));
}

TEST_P(FdbFromPort, WritesTheTimeAgainOnlyAfterASecond) {
    send(kVmA, a);
    make_older(1, kVmA, 900ms);
    const std::uint64_t young = fdb(1, kVmA)->last_seen;
    send(kVmA, a);
    EXPECT_EQ(fdb(1, kVmA)->last_seen, young);
    make_older(1, kVmA, 1100ms);
    const std::uint64_t old = fdb(1, kVmA)->last_seen;
    send(kVmA, a);
    EXPECT_GE(fdb(1, kVmA)->last_seen, old + 1'000'000'000u);
    EXPECT_EQ(notes(), (Counts{{"learned", 1}}));
    EXPECT_EQ(learned(a), 1u);
}

// Whoever speaks does not expire, however soon that is.
TEST_P(FdbFromPort, RefreshesLastSeenWellBeforeAShortAge) {
    network(1, {.key = kKey, .ageing = 1s});
    send(kVmA, a);
    make_older(1, kVmA, 600ms);
    const std::uint64_t old = fdb(1, kVmA)->last_seen;
    send(kVmA, a);
    EXPECT_GE(fdb(1, kVmA)->last_seen, old + 500'000'000u);
    EXPECT_EQ(notes(), (Counts{{"learned", 1}}));
}

// case F04
TEST_P(FdbFromPort, LearnsAgainWhatHasExpiredWithoutCountingItTwice) {
    send(kVmA, a);
    make_older(1, kVmA, 301s);
    send(kVmA, a);
    EXPECT_EQ(learned(a), 1u);
    EXPECT_EQ(notes(), (Counts{{"learned", 2}}));
    make_older(1, kVmA, 301s);
    send(kVmA, c);  // an expired entry does not move: it is learned anew
    EXPECT_EQ(notes(), (Counts{{"learned", 3}}));
    EXPECT_EQ(owner(1, kVmA), c.owner());
    EXPECT_EQ(learned(a), 0u);
    EXPECT_EQ(learned(c), 1u);
}

// case F05
TEST_P(FdbFromPort, NeitherMovesNorRefreshesAStaticEntry) {
    datapath().fdb_put(fdb_key(1, kVmA), as_static(a.owner()));
    make_older(1, kVmA, 1000s);
    const xgre_fdb_entry before = fdb(1, kVmA).value();
    EXPECT_EQ(from_port(frame(kVmA, kVmB), c).fate, Fate::redirected);
    EXPECT_EQ(from_port(frame(kVmA, kVmB), a).fate, Fate::redirected);
    EXPECT_EQ(fdb(1, kVmA)->owner, before.owner);
    EXPECT_EQ(fdb(1, kVmA)->last_seen, before.last_seen);
    EXPECT_EQ(notes(), Counts{});
    EXPECT_EQ(learned(a) + learned(c), 0u);
    // Old as it is, it is used.
    EXPECT_EQ(from_port(frame(kVmC, kVmA), c).fate, Fate::redirected);
    EXPECT_EQ(port_traffic(a).tx_packets, 1u);
}

// case F09
TEST_P(FdbFromPort, RefusesAGroupSource) {
    for (const MacAddress source : {kBroadcast, kMulticast, mac(3, 0, 0, 0, 0, 1)}) {
        const Packet packet = frame(source, kVmB);
        const Result result = from_port(packet, a);
        EXPECT_EQ(result.fate, Fate::ended);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(owner(1, source), 0u);
    }
    EXPECT_EQ(counts(), (Counts{{on_hook("bad-source"), 3}}));
    EXPECT_EQ(notes(), Counts{});
}

// case F10
TEST_P(FdbFromPort, KeepsToTheMacLimitAndStillPassesTheFrames) {
    const Port& limited = port("limited", 1, {.limit = 2});
    send(vm(1), limited);
    send(vm(2), limited);
    EXPECT_EQ(from_port(frame(vm(3), kVmB), limited).fate, Fate::redirected);
    send(vm(1), limited);
    EXPECT_EQ(learned(limited), 2u);
    EXPECT_EQ(owner(1, vm(3)), 0u);
    EXPECT_EQ(counts(), (Counts{{on_hook("to-peer"), 4}}));
    EXPECT_EQ(notes(), (Counts{{"learned", 2}, {"mac-limit", 1}}));
}

// case F10
TEST_P(FdbFromPort, CountsAMoveAgainstTheLimitAndAStaticEntryNot) {
    const Port& limited = port("limited", 1, {.limit = 1});
    datapath().fdb_put(fdb_key(1, vm(9)), as_static(limited.owner()));
    send(vm(1), a);
    send(vm(1), limited);  // a move
    EXPECT_EQ(owner(1, vm(1)), limited.owner());
    send(vm(2), a);
    send(vm(2), limited);  // one too many: the entry stays where it is
    EXPECT_EQ(owner(1, vm(2)), a.owner());
    EXPECT_EQ(learned(limited), 1u);
    EXPECT_EQ(learned(a), 1u);
    EXPECT_EQ(notes(), (Counts{{"learned", 2}, {"moved", 1}, {"mac-limit", 1}}));
    send(vm(1), a);  // one moves away: there is room again
    send(vm(2), limited);
    EXPECT_EQ(owner(1, vm(2)), limited.owner());
    EXPECT_EQ(learned(limited), 1u);
}

// case F11
TEST_P(FdbFromPort, LearnsNothingWhereLearningIsOffAndForwards) {
    set_port_flags(a, a.flags | XGRE_PORT_NO_LEARNING);
    EXPECT_EQ(from_port(frame(kVmA, kVmB), a).fate, Fate::redirected);
    EXPECT_EQ(owner(1, kVmA), 0u);
    EXPECT_EQ(notes(), Counts{});
    EXPECT_EQ(counts(), (Counts{{on_hook("to-peer"), 1}}));
}

// case F13
// case L06
TEST_P(FdbFromPort, HasTheSameAddressInTwoNetworksTwice) {
    network(2, {.key = 8});
    const Port& other = port("other", 2);
    send(kVmA, a);
    datapath().fdb_put(fdb_key(2, kVmC), as_static(other.owner()));
    from_port(frame(kVmA, kVmC), other);
    EXPECT_EQ(owner(1, kVmA), a.owner());
    EXPECT_EQ(owner(2, kVmA), other.owner());
    EXPECT_EQ(notes(), (Counts{{"learned", 2}}));
}

// case F14
TEST_P(FdbFromPort, DoesNotSendBackToThePortItCameFrom) {
    learn(1, kVmC, a.owner());
    const Packet packet = frame(kVmA, kVmC);
    const Result result = from_port(packet, a);
    EXPECT_EQ(result.fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{on_hook("same-port"), 1}}));
    EXPECT_EQ(owner(1, kVmA), a.owner());
}

// case V03
TEST_P(FdbFromPort, LooksUpPerVlan) {
    learn(1, kVmD, c.owner(), 5);
    learn(1, kVmD, peer_owner(1), 6);
    EXPECT_EQ(from_port(eth(kVmA, kVmD) / vlan(5, {.pcp = 3}) / payload(46), a).fate,
              Fate::redirected);
    EXPECT_EQ(counts(), (Counts{{on_hook("to-port"), 1}}));
    EXPECT_EQ(from_port(eth(kVmA, kVmD) / vlan(6) / payload(46), a).fate, Fate::redirected);
    EXPECT_EQ(counts(), (Counts{{on_hook("to-port"), 1}, {on_hook("to-peer"), 1}}));
    EXPECT_EQ(owner(1, kVmA, 5), a.owner());
    EXPECT_EQ(owner(1, kVmA, 6), a.owner());
    EXPECT_EQ(owner(1, kVmA), 0u);
}

// case V03
TEST_P(FdbFromPort, TakesAPriorityTagForNone) {
    from_port(eth(kVmA, kVmB) / vlan(0, {.pcp = 7}) / payload(46), a);
    EXPECT_EQ(owner(1, kVmA), a.owner());
    EXPECT_EQ(counts(), (Counts{{on_hook("to-peer"), 1}}));
}

// case V03
TEST_P(FdbFromPort, KnowsADoubleTagByItsOuterOne) {
    learn(1, kVmD, peer_owner(1), 100);
    const Packet packet =
        eth(kVmA, kVmD) / vlan(100, {.tpid = kEtherTypeServiceVlan}) / vlan(5) / payload(46);
    const Result result = from_port(packet, a);
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, tunnel_to(kHostB, packet));
    EXPECT_EQ(owner(1, kVmA, 100), a.owner());
}

// case S06
TEST_P(FdbFromPort, LetsOnlyListedSourcesThroughALockedPort) {
    set_port_flags(a, a.flags | XGRE_PORT_LOCKED);
    datapath().fdb_put(fdb_key(1, kVmA), as_static(a.owner()));
    EXPECT_EQ(from_port(frame(kVmA, kVmB), a).fate, Fate::redirected);
    const Packet stranger = frame(kVmD, kVmB);
    const Result result = from_port(stranger, a);
    EXPECT_EQ(result.fate, Fate::ended);
    EXPECT_PACKET_EQ(result.packet, stranger);
    EXPECT_EQ(owner(1, kVmD), 0u);
    // Per VLAN: the same address in a VLAN is another entry.
    EXPECT_EQ(from_port(eth(kVmA, kVmB) / vlan(5) / payload(46), a).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{on_hook("to-peer"), 1}, {on_hook("locked"), 2}}));
}

// case S06
TEST_P(FdbFromPort, DoesNotUnlockAPortForAnAddressOfAnotherOne) {
    set_port_flags(a, a.flags | XGRE_PORT_LOCKED);
    datapath().fdb_put(fdb_key(1, kVmC), as_static(c.owner()));
    learn(1, kVmD, peer_owner(1));
    EXPECT_EQ(from_port(frame(kVmC, kVmB), a).fate, Fate::ended);
    EXPECT_EQ(from_port(frame(kVmD, kVmB), a).fate, Fate::ended);
    learn(1, kVmA, a.owner(), 0, 301s);  // known, and expired
    EXPECT_EQ(from_port(frame(kVmA, kVmB), a).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{on_hook("locked"), 3}}));
    EXPECT_EQ(owner(1, kVmC), as_static(c.owner()));
    EXPECT_EQ(owner(1, kVmD), peer_owner(1));
}

// case L05
TEST_P(FdbFromPort, KeepsIsolatedPortsApart) {
    set_port_flags(a, a.flags | XGRE_PORT_ISOLATED);
    set_port_flags(c, c.flags | XGRE_PORT_ISOLATED);
    learn(1, kVmC, c.owner());
    EXPECT_EQ(from_port(frame(kVmA, kVmC), a).fate, Fate::ended);
    EXPECT_EQ(from_port(frame(kVmA, kVmB), a).fate, Fate::redirected);
    set_port_flags(c, c.flags & ~unsigned{XGRE_PORT_ISOLATED});
    EXPECT_EQ(from_port(frame(kVmA, kVmC), a).fate, Fate::redirected);
    EXPECT_EQ(counts(),
              (Counts{{on_hook("isolated"), 1}, {on_hook("to-peer"), 1}, {on_hook("to-port"), 1}}));
}

// case M08
TEST_P(FdbFromPort, DropsWhatIsTooLargeForTheOtherPort) {
    ip("link set dev c mtu 1000\n");
    learn(1, kVmC, c.owner());
    learn(1, kVmC, c.owner(), 5);
    EXPECT_EQ(from_port(frame(kVmA, kVmC, 1000), a).fate, Fate::redirected);
    EXPECT_EQ(from_port(frame(kVmA, kVmC, 1001), a).fate, too_large());
    // A device takes one tag on top of its MTU.
    EXPECT_EQ(from_port(eth(kVmA, kVmC) / vlan(5) / payload(1000), a).fate, Fate::redirected);
    EXPECT_EQ(from_port(eth(kVmA, kVmC) / vlan(5) / payload(1001), a).fate, too_large());
    EXPECT_EQ(counts(), with_too_large({{on_hook("to-port"), 2}}, 2));
}

TEST_P(FdbFromPort, DropsWhatComesFromAPortOfNoNetwork) {
    datapath().ports().erase(a.index());
    EXPECT_EQ(from_port(frame(kVmA, kVmB), a).fate, Fate::ended);
    datapath().networks().put(1, xgre_network{});
    EXPECT_EQ(from_port(frame(kVmC, kVmB), c).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{on_hook("no-network"), 2}}));
}

// case S03
TEST_P(FdbFromPort, DropsAFrameThatEndsInItsVlanTag) {
    const Packet whole = eth(kVmA, kVmB) / vlan(5) / payload(10);
    for (std::size_t size = 14; size < 18; ++size)
        EXPECT_EQ(from_port(cut(whole, size), a).fate, Fate::ended) << size;
    EXPECT_EQ(counts(), (Counts{{on_hook("truncated"), 4}}));
    EXPECT_EQ(notes(), Counts{});
}

// An entry that names a port of another network, as one is left when a device's number is used
// again, is as good as none.
// case E01
// case L06
TEST_P(FdbFromPort, DoesNotFollowAnEntryToAPortOfAnotherNetwork) {
    network(2, {.key = 8});
    const Port& other = port("other", 2);
    learn(1, kVmD, other.owner());
    const Result result = from_port(frame(kVmA, kVmD), a);
    EXPECT_NE(result.fate, Fate::redirected);
    EXPECT_EQ(other.tap.received().size(), 0u);
    EXPECT_EQ(port_traffic(other).tx_packets, 0u);
}

// case E01
TEST_P(FdbFromPort, DoesNotFollowAnEntryToAPortWhoseDeviceVanished) {
    learn(1, kVmC, c.owner());
    datapath().redirect().erase(c.index());  // as the kernel does
    EXPECT_NE(from_port(frame(kVmA, kVmC), a).fate, Fate::redirected);
    EXPECT_EQ(c.tap.received().size(), 0u);
    EXPECT_EQ(port_traffic(c).tx_packets, 0u);
}

// case F08
TEST_P(FdbFromPort, DoesNotFollowAnEntryToARemovedPortOrAPeerOfAnotherNetwork) {
    network(2, {.key = 8});
    peer(3, kHostC, 2);
    learn(1, kVmC, c.owner());
    learn(1, kVmD, peer_owner(3));
    flood(1, {a.index()}, {});
    datapath().ports().erase(c.index());
    EXPECT_NE(from_port(frame(kVmA, kVmC), a).fate, Fate::redirected);
    EXPECT_NE(from_port(frame(kVmA, kVmD), a).fate, Fate::redirected);
    EXPECT_EQ(peer_traffic(3).tx_packets, 0u);
    EXPECT_EQ(wire().received().size(), 0u);
    EXPECT_EQ(c.tap.received().size(), 0u);
}

TEST_P(FdbFromPort, IgnoresADyingEntry) {
    learn(1, kVmC, XGRE_OWNER_DEAD);
    learn(1, kVmA, XGRE_OWNER_DEAD);
    flood(1, {a.index()}, {});
    EXPECT_NE(from_port(frame(kVmA, kVmC), a).fate, Fate::redirected);
    EXPECT_EQ(owner(1, kVmA), xgre_owner{XGRE_OWNER_DEAD});
    EXPECT_EQ(learned(a), 0u);
}

// From a peer, on both hooks.
class FdbFromPeer : public HookTest {
protected:
    FdbFromPeer() { datapath().fdb_put(fdb_key(1, kVmA), as_static(a.owner())); }
    void send(MacAddress from, const Station& peer) const {
        from_wire(tunnel(peer, frame(from, kVmA)));
    }
};
ON_BOTH_HOOKS(FdbFromPeer, "uplink_xdp", "uplink_tc");

// case F02
TEST_P(FdbFromPeer, LearnsTheSourceAndUnicastGoesToThatPeerOnly) {
    send(kVmB, kHostC);
    EXPECT_EQ(owner(1, kVmB), peer_owner(2));
    EXPECT_EQ(notes(), (Counts{{"learned", 1}}));
    const char* back = is_xdp() ? "port_xdp" : "port_tc";
    const Result result = run(back, frame(kVmA, kVmB), a.index());
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, tunnel_to(kHostC, frame(kVmA, kVmB)));
    EXPECT_EQ(peer_traffic(2).tx_packets, 1u);
    EXPECT_EQ(peer_traffic(1).tx_packets, 0u);
}

// case F03
TEST_P(FdbFromPeer, MovesBetweenPeersAndFromAPort) {
    send(kVmB, kHostB);
    send(kVmB, kHostC);
    EXPECT_EQ(owner(1, kVmB), peer_owner(2));
    learn(1, kVmD, c.owner());
    send(kVmD, kHostB);
    EXPECT_EQ(owner(1, kVmD), peer_owner(1));
    EXPECT_EQ(learned(c), 0u);
    EXPECT_EQ(notes(), (Counts{{"learned", 1}, {"moved", 2}}));
}

// case F05
TEST_P(FdbFromPeer, DoesNotMoveAStaticEntry) {
    datapath().fdb_put(fdb_key(1, kVmC), as_static(c.owner()));
    EXPECT_EQ(from_wire(tunnel(kHostB, frame(kVmC, kVmA))).fate, Fate::redirected);
    EXPECT_EQ(owner(1, kVmC), as_static(c.owner()));
    EXPECT_EQ(notes(), Counts{});
}

// case F10
TEST_P(FdbFromPeer, APeerThatMakesUpAddressesLeavesRoomForOthers) {
    peer(1, ip4_of(kHostB), 1, [](PeerOptions& options) { options.mac_limit = 3; });
    for (std::uint8_t i = 1; i <= 20; ++i)
        EXPECT_EQ(from_wire(tunnel(kHostB, frame(vm(i), kVmA))).fate, Fate::redirected);
    EXPECT_EQ(learned(1), 3u);
    EXPECT_EQ(owner(1, vm(4)), 0u);
    EXPECT_EQ(notes(), (Counts{{"learned", 3}, {"mac-limit", 17}}));
    // Those that it has are known as before, and others learn what they like.
    send(vm(2), kHostB);
    for (std::uint8_t i = 31; i <= 40; ++i)
        send(vm(i), kHostC);
    EXPECT_EQ(learned(2), 10u);
    EXPECT_EQ(notes(), (Counts{{"learned", 13}, {"mac-limit", 17}}));
}

// case F10
TEST_P(FdbFromPeer, WhatMovesAwayOrGoesLeavesRoomInThePeersLimit) {
    peer(1, ip4_of(kHostB), 1, [](PeerOptions& options) { options.mac_limit = 2; });
    send(vm(1), kHostB);
    send(vm(2), kHostB);
    send(vm(1), kHostC);
    EXPECT_EQ(learned(1), 1u);
    EXPECT_EQ(learned(2), 1u);
    send(vm(3), kHostB);
    send(vm(1), kHostB);  // one too many: the entry stays where it is
    EXPECT_EQ(owner(1, vm(1)), peer_owner(2));
    make_older(1, vm(2), 400s);
    datapath().fdb_sweep();
    EXPECT_EQ(learned(1), 1u);
    send(vm(1), kHostB);
    EXPECT_EQ(owner(1, vm(1)), peer_owner(1));
    EXPECT_EQ(learned(1), 2u);
    EXPECT_EQ(learned(2), 0u);
    datapath().fdb_put(fdb_key(1, vm(3)), as_static(peer_owner(1)));
    EXPECT_EQ(learned(1), 1u);
    EXPECT_EQ(notes(), (Counts{{"aged", 1}, {"learned", 3}, {"mac-limit", 1}, {"moved", 2}}));
}

// case F09
TEST_P(FdbFromPeer, RefusesAGroupOrZeroSource) {
    for (const MacAddress source : {kBroadcast, kMulticast, kAllZero}) {
        EXPECT_EQ(from_wire(tunnel(kHostB, frame(source, kVmA))).fate, Fate::ended);
        EXPECT_EQ(owner(1, source), 0u);
    }
    EXPECT_EQ(counts(), (Counts{{on_hook("bad-source"), 3}}));
}

// case M08
TEST_P(FdbFromPeer, DropsWhatIsTooLargeForThePortAndLearnsNothingFromIt) {
    ip("link set dev a mtu 1000\n");
    EXPECT_EQ(from_wire(tunnel(kHostB, frame(kVmB, kVmA, 1001))).fate, too_large());
    EXPECT_EQ(counts(), with_too_large({}, 1));
    EXPECT_EQ(owner(1, kVmB), 0u);
    EXPECT_EQ(from_wire(tunnel(kHostB, frame(kVmB, kVmA, 1000))).fate, Fate::redirected);
    EXPECT_EQ(owner(1, kVmB), peer_owner(1));
}

// case L02
TEST_P(FdbFromPeer, DropsWhatIsForAnotherPeer) {
    learn(1, kVmD, peer_owner(2));
    EXPECT_EQ(from_wire(tunnel(kHostB, frame(kVmB, kVmD))).fate, Fate::ended);
    learn(1, kVmC, peer_owner(1));
    EXPECT_EQ(from_wire(tunnel(kHostB, frame(kVmB, kVmC))).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{on_hook("split-horizon"), 2}}));
    EXPECT_EQ(owner(1, kVmB), 0u);
}

// case L05
TEST_P(FdbFromPeer, ReachesAnIsolatedPort) {
    set_port_flags(a, a.flags | XGRE_PORT_ISOLATED);
    EXPECT_EQ(from_wire(tunnel(kHostB, frame(kVmB, kVmA))).fate, Fate::redirected);
}

// case V03
TEST_P(FdbFromPeer, LearnsAndLooksUpPerVlan) {
    learn(1, kVmC, c.owner(), 5);
    const Packet inner = eth(kVmB, kVmC) / vlan(5, {.pcp = 6, .dei = true}) / payload(46);
    const Result result = from_wire(tunnel(kHostB, inner));
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, inner);
    EXPECT_EQ(owner(1, kVmB, 5), peer_owner(1));
    EXPECT_EQ(owner(1, kVmB), 0u);
}

// case F04
TEST_P(FdbFromPeer, FloodsToAnExpiredEntryFromThatSecondOnBeforeAnySweep) {
    learn(1, kVmC, c.owner(), 0, 299s);
    EXPECT_EQ(from_wire(tunnel(kHostB, frame(kVmB, kVmC))).fate, Fate::redirected);
    make_older(1, kVmC, 300s + 20ms);  // the coarse clock's tick is 10 ms at the most
    const Result result = from_wire(tunnel(kHostB, frame(kVmB, kVmC)));
    EXPECT_EQ(result.fate, is_xdp() ? Fate::passed : Fate::ended);
    EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_TC, XGRE_FLOODED).packets, is_xdp() ? 0u : 1u);
    EXPECT_TRUE(fdb(1, kVmC));
}

// case F04
TEST_P(FdbFromPeer, AgesAsTheNetworkSays) {
    network(1, {.key = kKey, .ageing = 5s});
    learn(1, kVmC, c.owner(), 0, 6s);
    EXPECT_NE(from_wire(tunnel(kHostB, frame(kVmB, kVmC))).fate, Fate::redirected);
    learn(1, kVmC, c.owner(), 0, 4s);
    EXPECT_EQ(from_wire(tunnel(kHostB, frame(kVmB, kVmC))).fate, Fate::redirected);
}

// case E01
// case L06
TEST_P(FdbFromPeer, DoesNotFollowAnEntryToAPortThatIsNotOfItsNetwork) {
    network(2, {.key = 8});
    const Port& other = port("other", 2);
    learn(1, kVmD, other.owner());
    learn(1, kVmC, c.owner());
    datapath().redirect().erase(c.index());
    EXPECT_NE(from_wire(tunnel(kHostB, frame(kVmB, kVmD))).fate, Fate::redirected);
    EXPECT_NE(from_wire(tunnel(kHostB, frame(kVmB, kVmC))).fate, Fate::redirected);
    EXPECT_EQ(other.tap.received().size(), 0u);
    EXPECT_EQ(c.tap.received().size(), 0u);
}

// The commands' part: programs that change the table where it is.
class FdbControl : public DatapathTest {
protected:
    xgre_fdb_flush_args flush(std::uint32_t match) const {
        xgre_fdb_flush_args want{};
        want.match = match;
        want.network = 1;
        return want;
    }
};

// case F06
TEST_F(FdbControl, PutsAStaticEntryInTheLearnedOnesPlace) {
    run("port_tc", frame(kVmA, kVmB), a.index());
    EXPECT_EQ(learned(a), 1u);
    datapath().fdb_put(fdb_key(1, kVmA), as_static(c.owner()));
    EXPECT_EQ(owner(1, kVmA), as_static(c.owner()));
    EXPECT_EQ(learned(a), 0u);
    EXPECT_EQ(learned(c), 0u);
    datapath().fdb_put(fdb_key(1, kVmA), as_static(a.owner()));
    EXPECT_EQ(owner(1, kVmA), as_static(a.owner()));
}

// case F06
TEST_F(FdbControl, SaysWhenThereIsNothingToDelete) {
    EXPECT_FALSE(datapath().fdb_delete(fdb_key(1, kVmA)));
    datapath().fdb_put(fdb_key(1, kVmA), as_static(a.owner()));
    EXPECT_FALSE(datapath().fdb_delete(fdb_key(1, kVmA, 5)));
    EXPECT_FALSE(datapath().fdb_delete(fdb_key(2, kVmA)));
    EXPECT_TRUE(datapath().fdb_delete(fdb_key(1, kVmA)));
    EXPECT_FALSE(datapath().fdb_delete(fdb_key(1, kVmA)));
}

TEST_F(FdbControl, GivesRoomUnderTheLimitBackWhenAnEntryIsDeleted) {
    const Port& limited = port("limited", 1, {.limit = 1});
    run("port_tc", frame(vm(1), kVmB), limited.index());
    EXPECT_TRUE(datapath().fdb_delete(fdb_key(1, vm(1))));
    EXPECT_EQ(learned(limited), 0u);
    run("port_tc", frame(vm(2), kVmB), limited.index());
    EXPECT_EQ(owner(1, vm(2)), limited.owner());
}

// case F07
TEST_F(FdbControl, FlushesWhatMatchesEverythingGiven) {
    network(2, {.key = 8});
    const Port& other = port("other", 2);
    const auto fill = [&] {
        for (const auto& [key, entry] : datapath().fdb().entries())
            datapath().fdb().erase(key);
        for (const Port* port : {&a, &c})
            datapath().learned().put(port->slot, std::uint64_t{0});
        learn(1, vm(1), a.owner());
        learn(1, vm(2), a.owner(), 5);
        learn(1, vm(3), c.owner());
        learn(1, vm(4), peer_owner(1));
        learn(1, vm(5), peer_owner(2), 5);
        learn(2, vm(6), other.owner());
        datapath().fdb_put(fdb_key(1, vm(7)), as_static(a.owner()));
        datapath().fdb_put(fdb_key(1, vm(8)), as_static(peer_owner(1)));
    };
    const auto left = [&] { return datapath().fdb().entries().size(); };

    fill();
    EXPECT_EQ(datapath().fdb_flush(flush(XGRE_MATCH_LEARNED)), 6u);
    EXPECT_EQ(owner(1, vm(7)), as_static(a.owner()));
    EXPECT_EQ(learned(a) + learned(c), 0u);

    fill();
    EXPECT_EQ(datapath().fdb_flush(flush(XGRE_MATCH_LEARNED | XGRE_MATCH_NETWORK)), 5u);
    EXPECT_EQ(owner(2, vm(6)), other.owner());

    fill();
    xgre_fdb_flush_args want = flush(XGRE_MATCH_LEARNED | XGRE_MATCH_OWNER);
    want.owner = a.owner();
    EXPECT_EQ(datapath().fdb_flush(want), 2u);
    EXPECT_EQ(learned(a), 0u);
    EXPECT_EQ(learned(c), 1u);
    EXPECT_EQ(left(), 6u);

    fill();
    want.owner = peer_owner(1);
    EXPECT_EQ(datapath().fdb_flush(want), 1u);
    EXPECT_EQ(owner(1, vm(8)), as_static(peer_owner(1)));

    fill();
    want = flush(XGRE_MATCH_LEARNED | XGRE_MATCH_VLAN);
    want.vlan = 5;
    EXPECT_EQ(datapath().fdb_flush(want), 2u);

    fill();
    want = flush(XGRE_MATCH_LEARNED | XGRE_MATCH_VLAN | XGRE_MATCH_OWNER | XGRE_MATCH_NETWORK);
    want.vlan = 5;
    want.owner = peer_owner(2);
    EXPECT_EQ(datapath().fdb_flush(want), 1u);
    EXPECT_EQ(owner(1, vm(5), 5), 0u);
    EXPECT_EQ(left(), 7u);

    fill();  // a peer and a port of the same number are not the same
    want = flush(XGRE_MATCH_OWNER);
    want.owner = XGRE_OWNER_PORT | 1u;
    EXPECT_EQ(datapath().fdb_flush(want), 0u);

    fill();  // with the static ones: what removing a port does
    want.owner = a.owner();
    EXPECT_EQ(datapath().fdb_flush(want), 3u);
}

// case F04
TEST_F(FdbControl, SweepsWhatExpiredAndNothingElse) {
    learn(1, vm(1), a.owner(), 0, 301s);
    learn(1, vm(2), a.owner(), 0, 299s);
    learn(1, vm(3), peer_owner(1), 0, 301s);
    datapath().fdb_put(fdb_key(1, vm(4)), as_static(a.owner()));
    make_older(1, vm(4), 1000s);
    EXPECT_EQ(datapath().fdb_sweep(), 2u);
    EXPECT_EQ(owner(1, vm(1)), 0u);
    EXPECT_EQ(owner(1, vm(2)), a.owner());
    EXPECT_EQ(owner(1, vm(4)), as_static(a.owner()));
    EXPECT_EQ(learned(a), 1u);
    EXPECT_EQ(notes(), (Counts{{"aged", 2}}));
}

// case F08
TEST_F(FdbControl, SweepsTheEntriesOfPortsAndPeersThatAreNoMoreAndNoOthers) {
    network(2, {.key = 8});
    const Port& other = port("other", 2);
    learn(1, vm(1), a.owner());
    learn(1, vm(2), c.owner());
    learn(1, vm(3), peer_owner(1));
    learn(1, vm(4), peer_owner(2));
    learn(1, vm(5), other.owner());  // of another network
    datapath().fdb_put(fdb_key(1, vm(6)), as_static(c.owner()));
    datapath().redirect().erase(c.index());  // its device vanished; the row waits for it
    remove_peer(2);
    EXPECT_EQ(datapath().fdb_sweep(), 3u);
    EXPECT_EQ(owner(1, vm(1)), a.owner());
    EXPECT_EQ(owner(1, vm(3)), peer_owner(1));
    EXPECT_EQ(owner(1, vm(6)), as_static(c.owner()));
    EXPECT_EQ(learned(c), 0u);
    EXPECT_EQ(notes(), Counts{});

    datapath().ports().erase(c.index());
    datapath().networks().put(1, xgre_network{});
    EXPECT_EQ(datapath().fdb_sweep(), 3u);
    EXPECT_EQ(datapath().fdb().entries().size(), 0u);
}

// case X01
TEST_F(FdbControl, FloodsToThoseTwelveOfAHundredThatWereDeleted) {
    for (std::uint32_t i = 0; i < 100; ++i)
        datapath().fdb_put(fdb_key(1, vm(i)), as_static(i % 2 == 0 ? a.owner() : peer_owner(1)));
    for (std::uint32_t i = 0; i < 100; i += 9)
        EXPECT_TRUE(datapath().fdb_delete(fdb_key(1, vm(i))));
    attach(Hooks::tc);
    for (std::uint32_t i = 0; i < 100; ++i) {
        ASSERT_TRUE(c.tap.send(frame(kVmC, vm(i))));
        const std::size_t on_wire = wire().received().size();
        const std::size_t at_a = a.tap.received().size();
        if (i % 9 == 0) {
            EXPECT_EQ(on_wire, 2u) << i;
            EXPECT_EQ(at_a, 1u) << i;
        } else {
            EXPECT_EQ(on_wire, i % 2 == 0 ? 0u : 1u) << i;
            EXPECT_EQ(at_a, i % 2 == 0 ? 1u : 0u) << i;
        }
    }
    EXPECT_EQ(counts(),
              (Counts{{"port_tc flooded", 12}, {"port_tc to-port", 44}, {"port_tc to-peer", 44}}));
}

class SmallFdb : public ::testing::Test, protected Host {
protected:
    static constexpr std::uint32_t kEntries = 64;
    SmallFdb() : Host{{.fdb_entries = kEntries}} {
        network(1, {.key = 7});
        peer(1, kHostB, 1);
    }
};

// case F12
TEST_F(SmallFdb, FullIsANoteAndTheFramesPass) {
    const Port& a = port("a", 1);
    datapath().fdb_put(fdb_key(1, kVmB), as_static(peer_owner(1)));
    for (const char* program : {"port_xdp", "port_tc"})
        for (std::uint32_t i = 0; i < 2 * kEntries; ++i)
            EXPECT_EQ(run(program, eth(vm(i), kVmB) / payload(46), a.index()).fate,
                      Fate::redirected);
    const std::uint64_t in_table = datapath().fdb().entries().size();
    EXPECT_LE(in_table, kEntries);
    EXPECT_GE(in_table, kEntries - 1u);
    EXPECT_EQ(learned(a), in_table - 1);
    EXPECT_EQ(notes(), (Counts{{"learned", in_table - 1},
                               {"fdb-full", 2 * (2 * kEntries - (in_table - 1))}}));
    EXPECT_EQ(counts(),
              (Counts{{"port_xdp to-peer", 2 * kEntries}, {"port_tc to-peer", 2 * kEntries}}));
    EXPECT_THROW(datapath().fdb_put(fdb_key(1, kVmC), as_static(a.owner())), Error);
}

// A table that was found full is not tried again for a while, but never when it has room.
TEST_F(SmallFdb, LearnsAgainAsSoonAsAnEntryIsTakenOut) {
    const Port& a = port("a", 1);
    for (const char* program : {"port_xdp", "port_tc"}) {
        datapath().fdb_put(fdb_key(1, kVmB), as_static(peer_owner(1)));
        for (std::uint32_t i = 0; i < 2 * kEntries; ++i)
            run(program, eth(vm(i), kVmB) / payload(46), a.index());
        EXPECT_EQ(owner(1, kVmD), 0u);
        ASSERT_TRUE(datapath().fdb_delete(fdb_key(1, vm(0))));
        run(program, eth(kVmD, kVmB) / payload(46), a.index());
        EXPECT_EQ(owner(1, kVmD), a.owner());
        xgre_fdb_flush_args all{};
        datapath().fdb_flush(all);
    }
}

// However the room was made, the table is tried again in the end.
TEST_F(SmallFdb, LearnsAgainAfterAWhile) {
    const Port& a = port("a", 1);
    datapath().fdb_put(fdb_key(1, kVmB), as_static(peer_owner(1)));
    for (std::uint32_t i = 0; i < 2 * kEntries; ++i)
        run("port_xdp", eth(vm(i), kVmB) / payload(46), a.index());
    ASSERT_TRUE(datapath().fdb().erase(fdb_key(1, vm(0))));
    outlive_flows();
    run("port_xdp", eth(kVmD, kVmB) / payload(46), a.index());
    EXPECT_EQ(owner(1, kVmD), a.owner());
}

// case F12
TEST_F(SmallFdb, FilledByOnePortKeepsTheEntriesOfOthers) {
    const Port& a = port("a", 1);
    const Port& c = port("c", 1, {.limit = 16});
    datapath().fdb_put(fdb_key(1, kVmB), as_static(peer_owner(1)));
    run("port_tc", eth(kVmA, kVmB) / payload(46), a.index());
    for (std::uint32_t i = 0; i < 10 * kEntries; ++i)
        run("port_tc", eth(vm(i), kVmB) / payload(46), c.index());
    EXPECT_EQ(learned(c), 16u);
    EXPECT_EQ(owner(1, kVmA), a.owner());
    EXPECT_EQ(owner(1, kVmB), as_static(peer_owner(1)));
    run("port_tc", eth(kVmD, kVmB) / payload(46), a.index());
    EXPECT_EQ(owner(1, kVmD), a.owner());
}

}  // namespace
}  // namespace xgre::test
