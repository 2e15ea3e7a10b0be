// SPDX-License-Identifier: GPL-2.0-only
// One copy to each that should have one, and to nobody else: what leaves by every tap, byte for
// byte. The programs are attached; XDP leaves all of this to TC.
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

class Flood : public DatapathTest, public ::testing::WithParamInterface<Hooks> {
protected:
    Flood() : d{port("d", 1)} {}
    Port& d;
};
ON_ALL_HOOKS(Flood);

// case L01
// case L07
TEST_P(Flood, FromAPortGoesOnceToEachOtherPortAndPeer) {
    attach(GetParam());
    const std::vector<Packet> frames{
        eth(kVmA, kBroadcast) / arp_request(kVmA, kVmA, kVmB),
        frame(kVmA, kVmB),  // nobody knows it
        eth(kVmA, kMulticast) / ipv4(kVmA, xgre::test::ip(224, 0, 0, 251)) / udp(5353, 5353) /
            payload(20),
        eth(kVmA, mac(0x33, 0x33, 0xff, 0, 0, 1)) /
            ipv6(kVmA, ip6({0xff02, 0, 0, 0, 0, 1, 0xff00, 1})) / icmpv6({.type = 135}) /
            payload(24),
        eth(kVmA, mac(0x01, 0x00, 0x5e, 0, 0, 0x16)) /
            ipv4(kVmA, xgre::test::ip(224, 0, 0, 22), {.options = {0x94, 4, 0, 0}, .protocol = 2}) /
            payload(16),
        eth(kVmA, kLinkLocalGroup, {.type = 0x0026}) / payload(38),
        eth(kVmA, kBroadcast) / vlan(5, {.pcp = 3}) / arp_request(kVmA, kVmA, kVmB),
    };
    for (const Packet& packet : frames) {
        ASSERT_TRUE(a.tap.send(packet));
        expect_got(a, {});
        expect_got(c, {packet});
        expect_got(d, {packet});
        expect_on_wire({tunnel_to(kHostB, packet), tunnel_to(kHostC, packet)});
    }
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", frames.size()}}));
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 4 * frames.size()}}));
    EXPECT_EQ(notes(), (Counts{{"learned", 2}}));  // untagged and in VLAN 5
    EXPECT_EQ(port_traffic(c).tx_packets, frames.size());
    EXPECT_EQ(peer_traffic(1).tx_packets, frames.size());
    EXPECT_EQ(peer_traffic(2).tx_packets, frames.size());
    EXPECT_EQ(port_traffic(a).rx_packets, frames.size());
    EXPECT_EQ(port_traffic(a).tx_packets, 0u);
}

// case L01
// case L02
TEST_P(Flood, FromAPeerGoesOnceToEachPortAndToNoPeer) {
    attach(GetParam());
    const std::vector<Packet> frames{
        eth(kVmB, kBroadcast) / arp_request(kVmB, kVmB, kVmA),
        frame(kVmB, kVmD),
        frame(kVmB, kBroadcast, 0),
        eth(kVmB, kMulticast) / ipv4(kVmB, xgre::test::ip(224, 0, 0, 251)) / udp(5353, 5353) /
            payload(20),
        eth(kVmB, kBroadcast) / vlan(5, {.pcp = 3}) / arp_request(kVmB, kVmB, kVmA),
    };
    for (const Packet& packet : frames) {
        ASSERT_TRUE(wire().send(tunnel(kHostB, packet)));
        for (const Port* port : {&a, &c, &d})
            expect_got(*port, {packet});
        expect_on_wire({});
    }
    EXPECT_EQ(counts(), (Counts{{"uplink_tc flooded", frames.size()}}));
    EXPECT_EQ(copies(), (Counts{{"uplink_tc flooded", 3 * frames.size()}}));
    EXPECT_EQ(peer_traffic(1).rx_packets, frames.size());
    EXPECT_EQ(owner(1, kVmB), peer_owner(1));
    EXPECT_EQ(owner(1, kVmB, 5), peer_owner(1));
}

// What is flooded is consumed: the host must not get the frame of a VM as if it were its own.
// case S07
// case L01
TEST_P(Flood, NeverReachesTheHostsOwnStack) {
    attach(GetParam());
    ip("address add 192.0.2.1/24 dev uplink\naddress add 192.0.2.2/24 dev a\n");
    const Fd udp_socket{socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(68);
    ASSERT_EQ(bind(udp_socket.get(), reinterpret_cast<const sockaddr*>(&any), sizeof(any)), 0);
    const Packet dhcp =
        eth(kVmB, kBroadcast) / ipv4(kVmB, kIpBroadcast) / udp(67, 68) / payload(20);
    const Packet who_has_1 =
        eth(kVmB, kBroadcast) / arp_request(kVmB, kVmB, xgre::test::ip(192, 0, 2, 1));
    const Packet who_has_2 =
        eth(kVmA, kBroadcast) / arp_request(kVmA, kVmA, xgre::test::ip(192, 0, 2, 2));
    ASSERT_TRUE(wire().send(tunnel(kHostB, dhcp)));
    ASSERT_TRUE(wire().send(tunnel(kHostB, who_has_1)));
    expect_on_wire({});
    ASSERT_TRUE(a.tap.send(who_has_2));
    expect_on_wire({tunnel_to(kHostB, who_has_2), tunnel_to(kHostC, who_has_2)});
    expect_got(a, {dhcp, who_has_1});
    std::array<char, 100> buffer{};
    EXPECT_LT(recv(udp_socket.get(), buffer.data(), buffer.size(), 0), 0);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc flooded", 2}, {"port_tc flooded", 1}}));
}

// case L02
TEST_P(Flood, IsNoWayFromPeerToPeerThoughTheAddressIsKnownThere) {
    attach(GetParam());
    learn(1, kVmD, peer_owner(2));
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kVmD))));
    expect_on_wire({});
    for (const Port* port : {&a, &c, &d})
        expect_got(*port, {});
    EXPECT_EQ(owner(1, kVmB), 0u);  // a dropped frame teaches nothing
    const bool fast = GetParam() == Hooks::native_xdp;
    EXPECT_EQ(counts(),
              (Counts{{fast ? "uplink_xdp split-horizon" : "uplink_tc split-horizon", 1}}));
}

// case L04
TEST_P(Flood, OfUnknownUnicastSparesAPortThatRefusesIt) {
    set_port_flags(c, c.flags | XGRE_PORT_NO_FLOOD);
    attach(GetParam());
    const Packet unknown = frame(kVmA, kVmB);
    const Packet broadcast = frame(kVmA, kBroadcast);
    ASSERT_TRUE(a.tap.send(unknown));
    expect_got(c, {});
    expect_got(d, {unknown});
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_got(c, {broadcast});
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kVmD))));
    expect_got(c, {});
    learn(1, kVmC, c.owner());
    ASSERT_TRUE(a.tap.send(frame(kVmA, kVmC)));
    expect_got(c, {frame(kVmA, kVmC)});
}

// case L05
TEST_P(Flood, KeepsIsolatedPortsApart) {
    set_port_flags(a, a.flags | XGRE_PORT_ISOLATED);
    set_port_flags(c, c.flags | XGRE_PORT_ISOLATED);
    attach(GetParam());
    const Packet broadcast = frame(kVmA, kBroadcast);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_got(c, {});
    expect_got(d, {broadcast});
    expect_on_wire({tunnel_to(kHostB, broadcast), tunnel_to(kHostC, broadcast)});
    ASSERT_TRUE(d.tap.send(frame(kVmD, kBroadcast)));
    expect_got(a, {frame(kVmD, kBroadcast)});
    expect_got(c, {frame(kVmD, kBroadcast)});
    wire().received();
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kBroadcast))));
    expect_got(a, {frame(kVmB, kBroadcast)});
    expect_got(c, {frame(kVmB, kBroadcast)});
}

// case L06
TEST_P(Flood, CrossesNoNetwork) {
    network(2, {.key = 8});
    peer(3, kHostB, 2);
    const Port& other = port("other", 2);
    attach(GetParam());
    const Packet broadcast = frame(kVmA, kBroadcast);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_got(other, {});
    expect_on_wire({tunnel_to(kHostB, broadcast), tunnel_to(kHostC, broadcast)});
    ASSERT_TRUE(wire().send(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = 8}) /
                            frame(kVmB, kBroadcast)));
    for (const Port* port : {&c, &d})
        expect_got(*port, {broadcast});
    expect_got(a, {});
    expect_got(other, {frame(kVmB, kBroadcast)});
    EXPECT_EQ(owner(2, kVmB), peer_owner(3));
    EXPECT_EQ(owner(1, kVmB), 0u);
}

// case L06
TEST_P(Flood, SkipsListedPortsAndPeersOfAnotherNetworkAndThoseThatAreNoMore) {
    network(2, {.key = 8});
    peer(3, kHostB, 2);
    const Port& other = port("other", 2);
    flood(1, {a.index(), 9999, other.index(), c.index()}, {1, 77, 3, 2});
    attach(GetParam());
    const Packet broadcast = frame(kVmA, kBroadcast);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_got(other, {});
    expect_got(c, {broadcast});
    expect_on_wire({tunnel_to(kHostB, broadcast), tunnel_to(kHostC, broadcast)});
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 3}}));
}

// case L01
TEST_P(Flood, ReachesTheOtherPeersWhenTheFirstOfTheListIsNoMore) {
    attach(GetParam());
    remove_peer(1);
    const Packet broadcast = frame(kVmA, kBroadcast);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_on_wire({tunnel_to(kHostC, broadcast)});
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 3}}));
}

TEST_P(Flood, WithNobodyToFloodToIsADrop) {
    flood(1, {a.index()}, {});
    attach(GetParam());
    ASSERT_TRUE(a.tap.send(frame(kVmA, kBroadcast)));
    EXPECT_EQ(counts(), (Counts{{"port_tc no-target", 1}}));
    flood(1, {}, {1});
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kBroadcast))));
    EXPECT_EQ(counts(), (Counts{{"port_tc no-target", 1}, {"uplink_tc no-target", 1}}));
    datapath().flood().erase(1);
    ASSERT_TRUE(a.tap.send(frame(kVmA, kBroadcast)));
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kBroadcast))));
    EXPECT_EQ(counts(), (Counts{{"port_tc no-target", 2}, {"uplink_tc no-target", 2}}));
    expect_on_wire({});
}

// case M08
TEST_P(Flood, TooLargeForOneIsALostCopyOnly) {
    ip("link set dev c mtu 1000\n");
    attach(GetParam());
    const Packet broadcast = frame(kVmA, kBroadcast, 1400);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_got(c, {});
    expect_got(d, {broadcast});
    expect_on_wire({tunnel_to(kHostB, broadcast), tunnel_to(kHostC, broadcast)});
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", 1}}));
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 3}, {"port_tc too-large", 1}}));
}

// case M08
TEST_P(Flood, TooLargeForTheTunnelStillReachesThePorts) {
    attach(GetParam());
    const Packet broadcast = frame(kVmA, kBroadcast, 1500);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_got(c, {broadcast});
    expect_got(d, {broadcast});
    expect_on_wire({});
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 2}, {"port_tc too-large", 2}}));
}

TEST_P(Flood, ToAPeerWithoutARouteIsALostCopyOnly) {
    peer(3, xgre::test::ip(203, 0, 113, 5), 1);
    attach(GetParam());
    const Packet broadcast = frame(kVmA, kBroadcast);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_on_wire({tunnel_to(kHostB, broadcast), tunnel_to(kHostC, broadcast)});
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 4}, {"port_tc no-route", 1}}));
}

TEST_P(Flood, ToAPeerWhoseHeadersAreOfAnotherLengthIsALostCopyOnly) {
    xgre_peer odd = datapath().peers().find(1).value();
    odd.outer_len = 24;
    datapath().peers().put(1, odd);
    attach(GetParam());
    const Packet broadcast = frame(kVmA, kBroadcast);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_on_wire({tunnel_to(kHostC, broadcast)});
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 3}, {"port_tc rewrite-failed", 1}}));
}

TEST_P(Flood, ToADeviceThatIsDownIsALostCopyOnly) {
    attach(GetParam());
    ip("link set dev c down\n");
    ASSERT_TRUE(a.tap.send(frame(kVmA, kBroadcast)));
    expect_got(d, {frame(kVmA, kBroadcast)});
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", 1}}));
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 3}, {"port_tc copy-failed", 1}}));
}

TEST_P(Flood, WithoutAnUplinkIsADropByName) {
    attach(GetParam());
    change_uplink([](xgre_uplink& self) { self.ifindex = 0; });
    ASSERT_TRUE(a.tap.send(frame(kVmA, kBroadcast)));
    expect_got(c, {});
    EXPECT_EQ(counts(), (Counts{{"port_tc no-uplink", 1}}));
}

// case O10
// case L01
TEST_P(Flood, ToAnUnresolvedNextHopWaitsForTheKernelToResolveIt) {
    peer(3, kStranger, 1);
    attach(GetParam());
    const Packet broadcast = eth(kVmA, kBroadcast) / arp_request(kVmA, kVmA, kVmB);
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_got(c, {broadcast});
    expect_on_wire({tunnel_to(kHostB, broadcast), tunnel_to(kHostC, broadcast),
                    eth(kHostA, kBroadcast) / arp_request(kHostA, kHostA, kStranger)});
    ASSERT_TRUE(
        wire().send(eth(kStranger, kHostA) / arp_reply(kStranger, kStranger, kHostA, kHostA)));
    expect_on_wire({tunnel_to(kStranger, broadcast)});
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", 1}}));
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 5}}));
    EXPECT_EQ(notes(), (Counts{{"learned", 1}, {"resolve", 1}}));
    EXPECT_EQ(port_traffic(a).rx_packets, 1u);

    ASSERT_TRUE(a.tap.send(broadcast));
    expect_on_wire({tunnel_to(kHostB, broadcast), tunnel_to(kHostC, broadcast),
                    tunnel_to(kStranger, broadcast)});
}

// case X02
TEST_P(Flood, GivesEachOf64PeersOneCopy) {
    std::string neighbours;
    std::vector<Packet> expected;
    const Packet broadcast = frame(kVmA, kBroadcast);
    flood(1, {a.index()}, {});
    for (std::uint8_t i = 0; i < 64; ++i) {
        const Station host{mac(2, 0, 0, 0, 1, i),
                           xgre::test::ip(198, 18, 0, static_cast<std::uint8_t>(100 + i)),
                           {}};
        neighbours += fmt::format(
            "neigh add 198.18.0.{} lladdr 02:00:00:00:01:{:02x} dev uplink "
            "nud permanent\n",
            100 + i, i);
        peer(100u + i, host, 1);
        expected.push_back(tunnel_to(host, broadcast));
    }
    ip(neighbours);
    attach(GetParam());
    ASSERT_TRUE(a.tap.send(broadcast));
    expect_on_wire(expected);
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", 64}}));
}

// case X02
TEST_P(Flood, GivesEachOfTheMostPortsAndPeersThatFitOneCopy) {
    std::vector<std::uint32_t> ports(XGRE_FLOOD_PORTS, c.index());
    std::vector<std::uint32_t> peers(XGRE_FLOOD_PEERS, 1);
    flood(1, ports, peers);
    attach(GetParam());
    const Packet broadcast = frame(kVmA, kBroadcast);
    ASSERT_TRUE(a.tap.send(broadcast));
    EXPECT_EQ(c.tap.received().size(), std::size_t{XGRE_FLOOD_PORTS});
    EXPECT_EQ(wire().received().size(), std::size_t{XGRE_FLOOD_PEERS});
    EXPECT_EQ(copies(), (Counts{{"port_tc flooded", XGRE_FLOOD_PORTS + XGRE_FLOOD_PEERS}}));
}

// Of a VM's frame nothing is the mark that the data path gives its own copies.
TEST_P(Flood, LeavesNoMarkOnWhatItSends) {
    attach(GetParam());
    for (int i = 0; i < 3; ++i)
        ASSERT_TRUE(a.tap.send(frame(kVmA, kBroadcast)));
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", 3}}));
}

}  // namespace
}  // namespace xgre::test
