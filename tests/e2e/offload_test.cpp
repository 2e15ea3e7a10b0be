// SPDX-License-Identifier: GPL-2.0-only
// TCP through the tunnel, with and without offloads at every place that has them, and what
// it looks like on the wire and at the port.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <tuple>

#include "tests/e2e/lab.h"
#include "tests/packet/wire.h"

namespace xgre::test {
namespace {

constexpr std::uint32_t kInnerMtu = 1500 - 42;  // what a keyed tunnel leaves of 1500 bytes
constexpr std::size_t kLargestOnWire = 1500 + 14;

std::size_t largest(const std::vector<Received>& frames) {
    std::size_t most = 0;
    for (const Received& received : frames)
        most = std::max(most, received.frame.size());
    return most;
}

// RFC 9293 section 3.1, over the pseudo header; true for what is no TCP over IPv4.
bool tcp_sum_is_right(const Packet& frame) {
    const ByteView bytes = frame.bytes();
    if (bytes.size() < 54 || get16(bytes, 12) != kEtherTypeIpv4 || bytes[23] != kProtocolTcp)
        return true;
    const std::size_t segment = get16(bytes, 16) - 20U;
    if (bytes.size() < 34 + segment) return false;
    Bytes summed = pseudo_header(bytes.subspan(26, 4), bytes.subspan(30, 4), kProtocolTcp, segment);
    put(summed, bytes.subspan(34, segment));
    return internet_checksum(summed) == 0;
}

// The wire as it has to be: nothing larger than it carries, and all of it complete.
void expect_sound_wire(Capture& wire) {
    EXPECT_LE(largest(wire.frames()), kLargestOnWire);
    std::size_t tunnelled = 0;
    for (const Received& received : wire.frames()) {
        EXPECT_FALSE(received.checksum_open);
        const auto inner = inner_of(received.frame);
        if (!inner) continue;
        ++tunnelled;
        EXPECT_EQ(internet_checksum(ByteView{received.frame.bytes()}.subspan(14, 20)), 0);
        ASSERT_TRUE(tcp_sum_is_right(*inner)) << testing::PrintToString(*inner);
    }
    EXPECT_GT(tunnelled, 100U);
}

struct Offloads {
    const char* name;
    Path path;
    bool wire;      // the uplinks segment and fill in checksums
    bool sender;    // the sending VM leaves it to others
    bool receiver;  // the receiving port takes large segments
};

class Tcp : public testing::TestWithParam<Offloads> {};
INSTANTIATE_TEST_SUITE_P(, Tcp,
                         testing::Values(Offloads{"TcNone", Path::tc, false, false, false},
                                         Offloads{"TcReceiver", Path::tc, false, false, true},
                                         Offloads{"TcSender", Path::tc, false, true, false},
                                         Offloads{"TcBoth", Path::tc, false, true, true},
                                         Offloads{"WireNone", Path::tc, true, false, false},
                                         Offloads{"WireReceiver", Path::tc, true, false, true},
                                         Offloads{"WireSender", Path::tc, true, true, false},
                                         Offloads{"WireBoth", Path::tc, true, true, true},
                                         Offloads{"XdpNone", Path::xdp, false, false, false},
                                         Offloads{"XdpReceiver", Path::xdp, false, false, true},
                                         Offloads{"XdpSender", Path::xdp, false, true, false},
                                         Offloads{"XdpBoth", Path::xdp, false, true, true}),
                         [](const auto& test) { return test.param.name; });

// case A01
// case A02
TEST_P(Tcp, ArrivesIntactAndLooksRightOnTheWire) {
    const Offloads& offloads = GetParam();
    Lab lab{{.wire_offloads = offloads.wire}};
    lab.mesh("lan", 7, offloads.path);
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan",
                            {.offloads = offloads.sender, .with_address = true, .mtu = kInnerMtu});
    const Vm& b1 =
        lab.join('b', "b1", kVmB, "lan",
                 {.port_offloads = offloads.receiver, .with_address = true, .mtu = kInnerMtu});
    Capture wire{lab.middle(), Lab::wire_of('a')};

    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB, 2 << 20));
    EXPECT_THAT(lab.host('a').drops(), testing::IsEmpty());
    EXPECT_THAT(lab.host('b').drops(), testing::IsEmpty());
    if (!offloads.wire) expect_sound_wire(wire);
}

class Routing : public testing::TestWithParam<Path> {};
INSTANTIATE_TEST_SUITE_P(, Routing, kBothPaths, path_name);

// A namespace between two networks sends on, in the same buffers, what came out of one tunnel; it
// goes into the next with what decapsulation left in them.
TEST_P(Routing, ThroughANamespaceBetweenTwoNetworksTcpArrivesIntact) {
    Lab lab;
    lab.mesh("lan", 7, GetParam());
    lab.mesh("wan", 8, GetParam());
    const VmOptions options{.offloads = true, .mtu = kInnerMtu};
    const Vm& one = lab.join('b', "b1", kVmA, "lan", options);
    const Vm& two = lab.join('b', "b2", kVmB, "wan", options);
    const Vm& router = lab.join('a', "r", kVmC, "lan", options);
    const Netns& inside = router.netns();
    const Netns& host = lab.host('a').netns();
    host.ip("link add v-wan type veth peer name eth1 netns " + inside.name());
    host.ip("link set dev v-wan up");
    inside.ip(fmt::format("link set dev eth1 up mtu {}", kInnerMtu));
    inside.ip("address add 192.0.2.1/25 dev eth0");
    inside.ip("address add 192.0.2.129/25 dev eth1");
    inside.sysctl("net/ipv4/ip_forward", "1");
    Lab::join(lab.host('a'), "v-wan", "wan");
    one.netns().ip("address add 192.0.2.2/25 dev eth0");
    one.netns().ip("route add default via 192.0.2.1");
    two.netns().ip("address add 192.0.2.130/25 dev eth0");
    two.netns().ip("route add default via 192.0.2.129");

    EXPECT_TRUE(tcp_arrives_intact(one.netns(), two.netns(), ip(192, 0, 2, 130), 4 << 20));
    EXPECT_TRUE(tcp_arrives_intact(two.netns(), one.netns(), ip(192, 0, 2, 2), 4 << 20));
    EXPECT_THAT(lab.host('a').drops(), testing::IsEmpty());
    EXPECT_THAT(lab.host('b').drops(), testing::IsEmpty());
}

// `port add --direct`: past the port's own end, but for what only a receiving device can take
// apart.
TEST(Direct, GoesToTheFarEndUnlessTaggedOrForAnotherMac) {
    Lab lab;
    lab.mesh("lan", 7, Path::tc);
    const VmOptions options{.offloads = true, .with_address = true, .mtu = kInnerMtu};
    Vm& a1 = lab.join('a', "a1", kVmA, "lan", options);
    Vm& b1 = lab.join('b', "b1", kVmB, "lan", options);
    PortSpec spec;
    spec.device = b1.port();
    spec.direct = true;
    lab.host('b').open().add_port(spec);
    EXPECT_TRUE(lab.host('b').port(b1.port()).direct);
    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB, 2 << 20));
    EXPECT_TRUE(tcp_arrives_intact(b1.netns(), a1.netns(), kVmA, 2 << 20));
    lab.settle(b1, {&a1});

    const Packet plain = eth(kVmA, kVmB) / payload(60);
    const Packet tagged = eth(kVmA, kVmB) / vlan(0, {.pcp = 3}) / payload(61);
    a1.send(tagged);
    EXPECT_TRUE(b1.gets(tagged));
    // Down, the port's own end lets nothing through; the far end still takes what is handed to it.
    lab.host('b').netns().ip(fmt::format("link set dev {} down", b1.port()));
    a1.send(plain);
    EXPECT_TRUE(b1.gets(plain));

    spec.direct = false;
    lab.host('b').open().add_port(spec);
    EXPECT_FALSE(lab.host('b').port(b1.port()).direct);
}

class Merging : public testing::TestWithParam<Path> {};
INSTANTIATE_TEST_SUITE_P(, Merging, kBothPaths, path_name);

// case A04
TEST_P(Merging, GivesAPortThatTakesThemLargeSegmentsOfTheSameBytes) {
    Lab lab;
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan", {.with_address = true, .mtu = kInnerMtu});
    // No GRO of its own: what it sees large came large.
    Vm& b1 =
        lab.join('b', "b1", kVmB, "lan", {.gro = false, .with_address = true, .mtu = kInnerMtu});

    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB, 4 << 20));
    EXPECT_GT(largest(b1.take_received()), 2 * kLargestOnWire);
}

// case A04
TEST_P(Merging, IsNotSeenByAPortThatTakesNoLargeSegments) {
    Lab lab;
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan", {.with_address = true, .mtu = kInnerMtu});
    Vm& b1 =
        lab.join('b', "b1", kVmB, "lan",
                 {.gro = false, .port_offloads = false, .with_address = true, .mtu = kInnerMtu});

    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB, 1 << 20));
    EXPECT_LE(largest(b1.take_received()), kLargestOnWire);
}

// case A01
// case A03
TEST_P(Merging, LetsATapWithOffloadsSendALargeSegmentThatArrivesInPieces) {
    Lab lab;
    lab.mesh("lan", 7, GetParam());
    const Tap tap{lab.host('a'), "tap0", true};
    Lab::join(lab.host('a'), tap.port(), "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan", {.gro = false, .port_offloads = false});

    // The guest leaves the sum over the pseudo header in the field, as the kernel wants it.
    const std::size_t size = 3000;
    const std::size_t segment = size + 20;
    const std::uint16_t open = static_cast<std::uint16_t>(
        ~internet_checksum(pseudo_header(kVmA.ip.bytes, kVmB.ip.bytes, kProtocolTcp, segment)));
    tap.send(eth(kVmA, kBroadcast) / ipv4(kVmA, kVmB) / tcp(5000, 5001, {.checksum = open}) /
                 payload(size),
             1000);

    Bytes bytes;
    EXPECT_TRUE(eventually([&] {
        for (const Packet& frame : b1.take()) {
            EXPECT_TRUE(tcp_sum_is_right(frame)) << testing::PrintToString(frame);
            put(bytes, ByteView{frame.bytes()}.subspan(54));
        }
        return bytes.size() >= size;
    }));
    EXPECT_EQ(bytes, payload(size).bytes());
}

// What came in out of order, or from elsewhere, would show here.
Bytes bytes_of_flow(const std::vector<Received>& frames) {
    Bytes bytes;
    for (const Received& received : frames) {
        const ByteView all = received.frame.bytes();
        if (all.size() > 54 && all[23] == kProtocolTcp)
            put(bytes, all.subspan(54, get16(all, 16) - 40U));
    }
    return bytes;
}

// case L06
TEST_P(Merging, NeverMixesTheSameFlowOfTwoNetworks) {
    Lab lab;
    lab.mesh("red", 7, GetParam());
    NetworkSpec spec;
    spec.name = "blue";
    spec.key = gre_key(8);
    Host& a = lab.host('a');
    a.open().add_network(spec);
    a.open().add_peer({.address = lab.host('b').address(), .network = "blue"});
    Vm& red = lab.join('a', "red", kVmA, "red", {.gro = false});
    Vm& blue = lab.join('a', "blue", kVmA, "blue", {.gro = false});
    for (const auto& [network, vm] : {std::pair{"red", &red}, std::pair{"blue", &blue}}) {
        FdbSpec known;
        known.mac = Mac{kVmA.mac.bytes};
        known.network = network;
        known.port = vm->port();
        a.open().add_fdb(known);
    }
    // GRO holds what it has for a second, whatever the load, so that it has all there is to merge.
    a.netns().shell("echo 1000000000 > /sys/class/net/uplink0/gro_flush_timeout");

    const Nic wire{lab.middle(), Lab::wire_of('a')};
    const MacAddress uplink = a.netns().mac_of("uplink0");
    constexpr std::uint32_t kSegment = 1000;
    Bytes expected_red;
    Bytes expected_blue;
    for (std::uint32_t i = 0; i < 8; ++i)
        for (const std::uint32_t key : {7U, 8U}) {
            const auto seed = static_cast<std::uint8_t>(10 * key + i);
            const Packet data = payload(kSegment, seed);
            put(key == 7 ? expected_red : expected_blue, data.bytes());
            wire.send(eth(kHostB, uplink) / ipv4(kHostB, kHostA) / gre({.key = key}) /
                      eth(kVmB, kVmA) / ipv4(kVmB, kVmA) /
                      tcp(5000, 5001, {.seq = 1 + i * kSegment}) / data);
        }

    std::vector<Received> got_red;
    std::vector<Received> got_blue;
    EXPECT_TRUE(eventually([&] {
        std::ranges::move(red.take_received(), std::back_inserter(got_red));
        std::ranges::move(blue.take_received(), std::back_inserter(got_blue));
        return bytes_of_flow(got_red).size() >= expected_red.size() &&
               bytes_of_flow(got_blue).size() >= expected_blue.size();
    }));
    EXPECT_EQ(bytes_of_flow(got_red), expected_red);
    EXPECT_EQ(bytes_of_flow(got_blue), expected_blue);
    EXPECT_GT(largest(got_red), kLargestOnWire) << "nothing was merged: the test shows nothing";
    EXPECT_GT(largest(got_blue), kLargestOnWire);
}

}  // namespace
}  // namespace xgre::test
