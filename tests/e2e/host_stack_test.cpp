// SPDX-License-Identifier: GPL-2.0-only
// The host's own stack: it sees nothing of the VMs' frames, and all of its own.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "tests/e2e/lab.h"
#include "tests/packet/wire.h"

namespace xgre::test {
namespace {

using testing::ElementsAre;

class HostStack : public testing::TestWithParam<Path> {
protected:
    void SetUp() override { lab.mesh("lan", 7, GetParam()); }

    Lab lab;
    Host& a = lab.host('a');
    Host& b = lab.host('b');
};
INSTANTIATE_TEST_SUITE_P(, HostStack, kBothPaths, path_name);

// What host A says on the wire by itself.
bool is_own(const Packet& packet) {
    return !is_tunnel(packet);
}

// case S07
TEST_P(HostStack, NeverSeesAnInnerFrameForTheHostsOwnMacAndAddress) {
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    ASSERT_TRUE(a.netns().ping(b.ip()));  // they know each other's MAC
    const MacAddress own = a.netns().mac_of("uplink0");
    Capture wire{lab.middle(), Lab::wire_of('a')};

    const std::array frames{
        eth(kVmB, own) / ipv4(b.ip(), a.ip()) / icmp_echo_request() / payload(56),
        eth(kVmB, own) / ipv4(b.ip(), a.ip()) / tcp(5000, 9, {.flags = kSyn}),
        eth(kVmB, own) / ipv4(b.ip(), a.ip()) / udp(5000, 9) / payload(18),
        eth(kVmB, own) / arp_request(kVmB, b.ip(), a.ip()),
        eth(kVmB, kBroadcast) / arp_request(kVmB, b.ip(), a.ip()),
    };
    // Once unknown, so that they are flooded, and once known to be behind a port.
    for (const bool known : {false, true}) {
        if (known) {
            FdbSpec spec;
            spec.mac = Mac{own.bytes};
            spec.network = "lan";
            spec.port = a1.port();
            a.open().add_fdb(spec);
        }
        for (const Packet& frame : frames)
            b1.send(frame);
        lab.settle(b1, {&a1});
        EXPECT_THAT(a1.take(), testing::UnorderedElementsAreArray(frames));
        // Nor what VMs on this host say.
        a1.send(eth(kVmA, kBroadcast) / arp_request(kVmA, kVmA, a.ip()));
        lab.settle(a1, {&b1});
    }
    EXPECT_EQ(wire.count(is_own), 0U);
}

// case S07
TEST_P(HostStack, IsNotReachedByVms) {
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    ASSERT_TRUE(a.netns().ping(b.ip()));  // they know each other's MAC
    Capture wire{lab.middle(), Lab::wire_of('a')};
    const MacAddress own = a.netns().mac_of("uplink0");
    const MacAddress other = b.netns().mac_of("uplink0");
    const std::array frames{
        eth(kVmA, own) / ipv4(kVmA, a.ip()) / icmp_echo_request() / payload(56),
        eth(kVmA, own) / ipv4(b.ip(), a.ip()) / tcp(5000, 9, {.flags = kSyn}),
        eth(kVmA, own) / arp_request(kVmA, kVmA, a.ip()),
        eth(kVmA, kBroadcast) / ipv4(kVmA, a.ip()) / udp(5000, 9) / payload(18),
        eth(kVmA, other) / ipv4(a.ip(), b.ip()) / icmp_echo_request() / payload(56),
        eth(kVmA, other) / ipv4(a.ip(), b.ip()) / tcp(5000, 9, {.flags = kSyn}),
        eth(kVmA, kBroadcast) / arp_request(kVmA, a.ip(), b.ip()),
    };
    for (const Packet& frame : frames)
        a1.send(frame);
    lab.settle(a1, {&b1});
    EXPECT_THAT(b1.take(), testing::UnorderedElementsAreArray(frames));
    lab.settle(b1, {&a1});
    EXPECT_THAT(a1.take(), testing::IsEmpty());
    EXPECT_EQ(wire.count(is_own), 0U);
}

// What a VM sends stays inside: it cannot speak as a host of the network, or of another one.
TEST_P(HostStack, TakesNoTunnelPacketOfAVmForOneOfAHost) {
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(b1, {&a1});  // so that b1 is known
    const MacAddress own = a.netns().mac_of("uplink0");
    const MacAddress other = b.netns().mac_of("uplink0");
    const Packet tunnel = gre({.key = 7}) / eth(kVmC, kBroadcast) / payload(46);
    const std::array frames{
        eth(kVmA, kVmB) / ipv4(a.ip(), b.ip()) / tunnel,
        eth(kVmA, other) / ipv4(a.ip(), b.ip()) / tunnel,
        eth(kVmA, kBroadcast) / ipv4(a.ip(), b.ip()) / tunnel,
        eth(kVmA, own) / ipv4(b.ip(), a.ip()) / tunnel,
        eth(kVmA, kBroadcast) / ipv4(b.ip(), a.ip()) / tunnel,
    };
    for (const Packet& frame : frames)
        a1.send(frame);
    lab.settle(a1, {&b1});
    EXPECT_THAT(b1.take(), testing::UnorderedElementsAreArray(frames));
    lab.settle(b1, {&a1});
    EXPECT_THAT(a1.take(), testing::IsEmpty());
    for (const Host* host : {&a, &b}) {
        EXPECT_EQ(host->whereabouts("lan", kVmC), "");
        EXPECT_THAT(host->drops(), testing::IsEmpty());
    }
}

// case S01
TEST_P(HostStack, GetsTunnelPacketsThatCameByAnotherInterfaceThanTheUplink) {
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    a.netns().ip("link add other0 type veth peer name far0");
    a.netns().ip("link set other0 up");
    a.netns().ip("link set far0 up");
    for (const char* device : {"all", "other0"})
        a.netns().sysctl(std::string{"net/ipv4/conf/"} + device + "/rp_filter", "0");
    const MacAddress other = a.netns().mac_of("other0");
    const Nic far{a.netns(), "far0"};
    const NetnsScope scope = a.netns().enter();
    const Fd listener{socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE)};
    ASSERT_TRUE(listener.is_open());

    for (const MacAddress to : {kVmA.mac, kBroadcast}) {
        const Packet outer = ipv4(b.ip(), a.ip()) / gre({.key = 7}) / eth(kVmC, to) / payload(46);
        far.send(eth(kHostB, other) / outer);
        pollfd ready{listener.get(), POLLIN, 0};
        ASSERT_EQ(poll(&ready, 1, static_cast<int>(kPatience.count())), 1);
        Bytes bytes(2048);
        const ssize_t size = recv(listener.get(), bytes.data(), bytes.size(), 0);
        bytes.resize(static_cast<std::size_t>(size));
        EXPECT_EQ(bytes, outer.bytes());
    }
    lab.settle(b1, {&a1});
    EXPECT_THAT(a1.take(), testing::IsEmpty());
    EXPECT_EQ(a.whereabouts("lan", kVmC), "");
    EXPECT_THAT(a.drops(), testing::IsEmpty());
}

// case S07
TEST_P(HostStack, KeepsItsOwnTrafficOnTheUplink) {
    EXPECT_TRUE(a.netns().ping(b.ip()));
    EXPECT_TRUE(a.netns().ping(b.ip(), 3000));
    EXPECT_TRUE(tcp_arrives_intact(a.netns(), b.netns(), b.ip(), 1 << 20));
    EXPECT_TRUE(tcp_arrives_intact(b.netns(), a.netns(), a.ip(), 1 << 20));
    EXPECT_THAT(a.drops(), testing::IsEmpty());
    EXPECT_THAT(b.drops(), testing::IsEmpty());
}

// case G12
TEST_P(HostStack, GetsGreOfOtherProtocolTypes) {
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    const NetnsScope scope = a.netns().enter();
    const Fd listener{socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE)};
    ASSERT_TRUE(listener.is_open());

    const Nic wire{lab.middle(), Lab::wire_of('a')};
    const Packet outer =
        ipv4(b.ip(), a.ip()) / gre({.key = 7}) / ipv4(kVmB, kVmA) / udp(5000, 5001) / payload(64);
    wire.send(eth(kHostB, a.netns().mac_of("uplink0")) / outer);

    pollfd ready{listener.get(), POLLIN, 0};
    ASSERT_EQ(poll(&ready, 1, static_cast<int>(kPatience.count())), 1);
    Bytes bytes(2048);
    const ssize_t size = recv(listener.get(), bytes.data(), bytes.size(), 0);
    bytes.resize(static_cast<std::size_t>(size));
    EXPECT_EQ(bytes, outer.bytes());
    EXPECT_THAT(a1.take(), testing::IsEmpty());
    EXPECT_THAT(a.drops(), testing::IsEmpty());
}

// case O11
TEST_P(HostStack, GetsTunnelPacketsForAnotherOfItsAddresses) {
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    a.netns().ip("address add 198.18.0.77/24 dev uplink0");
    const NetnsScope scope = a.netns().enter();
    const Fd listener{socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE)};

    const Nic wire{lab.middle(), Lab::wire_of('a')};
    const Packet outer =
        ipv4(b.ip(), ip(198, 18, 0, 77)) / gre({.key = 7}) / eth(kVmB, kBroadcast) / payload(46);
    wire.send(eth(kHostB, a.netns().mac_of("uplink0")) / outer);

    pollfd ready{listener.get(), POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, static_cast<int>(kPatience.count())), 1);
    lab.settle(b1, {&a1});
    EXPECT_THAT(a1.take(), testing::IsEmpty());
    EXPECT_THAT(a.drops(), testing::IsEmpty());
}

// case S01
// case G04
TEST_P(HostStack, GetsNothingOfTunnelPacketsFromStrangersWhichAreDroppedByName) {
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    const NetnsScope scope = a.netns().enter();
    const Fd listener{socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_GRE)};
    const Nic wire{lab.middle(), Lab::wire_of('a')};
    const MacAddress uplink = a.netns().mac_of("uplink0");
    const Packet inner = eth(kVmC, kBroadcast) / payload(46);

    wire.send(eth(kHostB, uplink) / ipv4(kStranger, a.ip()) / gre({.key = 7}) / inner);
    wire.send(eth(kHostB, uplink) / ipv4(b.ip(), a.ip()) / gre({.key = 8}) / inner);
    wire.send(eth(kHostB, uplink) / ipv4(b.ip(), a.ip()) / gre() / inner);
    lab.settle(b1, {&a1});

    EXPECT_THAT(a1.take(), testing::IsEmpty());
    EXPECT_THAT(a.drops(), ElementsAre(testing::Pair("unknown-peer", 3)));
    EXPECT_EQ(a.whereabouts("lan", kVmC), "");
    pollfd ready{listener.get(), POLLIN, 0};
    EXPECT_EQ(poll(&ready, 1, 0), 0);
}

}  // namespace
}  // namespace xgre::test
