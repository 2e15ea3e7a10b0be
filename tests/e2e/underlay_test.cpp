// SPDX-License-Identifier: GPL-2.0-only
// The network under the tunnel: routers, neighbours, links that go, and what does not fit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "tests/e2e/lab.h"
#include "tests/packet/wire.h"
#include "xgre/error.h"

namespace xgre::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr std::uint32_t kInnerMtu = 1500 - 42;

class Underlay : public testing::TestWithParam<Path> {};
INSTANTIATE_TEST_SUITE_P(, Underlay, kBothPaths, path_name);

void know(const Host& host, MacAddress mac, Ip4Addr peer) {
    FdbSpec spec;
    spec.mac = Mac{mac.bytes};
    spec.network = "lan";
    spec.peer = peer;
    host.open().add_fdb(spec);
}

// case O09
// case O10
TEST_P(Underlay, DeliversTheVeryFirstFloodedFrameToAPeerBehindARouter) {
    Lab lab{{.middle = Middle::router}};
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    const Packet frame = eth(kVmA, kBroadcast) / payload(46);
    a1.send(frame);
    EXPECT_TRUE(b1.gets(frame));
}

// case O09
// case O10
TEST_P(Underlay, DeliversTheVeryFirstUnicastFrameToAPeerBehindARouter) {
    Lab lab{{.middle = Middle::router}};
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    know(lab.host('a'), kVmB, lab.host('b').address());
    const Packet frame = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(5000, 5001) / payload(64);
    a1.send(frame);
    EXPECT_TRUE(b1.gets(frame));
    EXPECT_THAT(lab.host('a').drops(), IsEmpty());
}

// case O09
TEST_P(Underlay, CarriesPingAndTcpToAPeerBehindARouter) {
    Lab lab{{.middle = Middle::router}};
    lab.mesh("lan", 7, GetParam());
    const VmOptions options{.with_address = true, .mtu = kInnerMtu};
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan", options);
    const Vm& b1 = lab.join('b', "b1", kVmB, "lan", options);
    EXPECT_TRUE(a1.netns().ping(kVmB));
    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB, 1 << 20));
    EXPECT_TRUE(tcp_arrives_intact(b1.netns(), a1.netns(), kVmA, 1 << 20));
}

// case O09
TEST_P(Underlay, FollowsANextHopThatTellsItsNewMac) {
    Lab lab{{.middle = Middle::router}};
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(a1, {&b1});
    know(lab.host('a'), kVmB, lab.host('b').address());

    const MacAddress other = mac(0x02, 0, 0, 0, 0, 0xfd);
    lab.middle().ip("link set to-a address 02:00:00:00:00:fd");
    const Nic wire{lab.middle(), Lab::wire_of('a')};
    const Packet unicast = eth(kVmA, kVmB) / payload(46, 1);
    const Ipv4Address router = ip(198, 18, 0, 126);
    // The kernel takes no second answer within a second of the first: the router says it again.
    EXPECT_TRUE(eventually([&] {
        wire.send(eth(other, kBroadcast) / arp_reply(other, router, kBroadcast, router));
        a1.send(unicast);
        return b1.gets(unicast, std::chrono::milliseconds{100});
    }));
    lab.settle(a1, {&b1});
}

// case O09
TEST_P(Underlay, FindsANextHopThatChangedItsMacSilently) {
    Lab lab{{.middle = Middle::router}};
    // The kernel doubts and asks at once, not after half a minute.
    const Netns& host = lab.host('a').netns();
    host.sysctl("net/ipv4/neigh/uplink0/base_reachable_time_ms", "100");
    host.sysctl("net/ipv4/neigh/uplink0/delay_first_probe_time", "0");
    host.sysctl("net/ipv4/neigh/uplink0/retrans_time_ms", "100");
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(a1, {&b1});
    know(lab.host('a'), kVmB, lab.host('b').address());

    lab.middle().ip("link set to-a address 02:00:00:00:00:fd");
    const Packet unicast = eth(kVmA, kVmB) / payload(46, 1);
    EXPECT_TRUE(eventually(
        [&] {
            a1.send(unicast);
            return b1.gets(unicast, std::chrono::milliseconds{100});
        },
        2 * kPatience));
}

// case O09
TEST_P(Underlay, FollowsAChangedRoute) {
    Lab lab{{.middle = Middle::router}};
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(a1, {&b1});
    know(lab.host('a'), kVmB, lab.host('b').address());

    lab.middle().ip("address del 198.18.0.126/25 dev to-a");
    lab.middle().ip("address add 198.18.0.125/25 dev to-a");
    lab.host('a').netns().ip("route replace default via 198.18.0.125");
    const Packet unicast = eth(kVmA, kVmB) / payload(46, 1);
    a1.send(unicast);
    EXPECT_TRUE(b1.gets(unicast));
}

// case E02
TEST_P(Underlay, FlowsAgainByItselfAfterTheUplinkWasDown) {
    Lab lab;
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(a1, {&b1});
    know(lab.host('a'), kVmB, lab.host('b').address());

    const Packet lost = eth(kVmA, kVmB) / payload(46, 1);
    lab.host('a').netns().ip("link set uplink0 down");
    a1.send(lost);
    lab.host('a').netns().ip("link set uplink0 up");
    const Packet unicast = eth(kVmA, kVmB) / payload(46, 2);
    EXPECT_TRUE(eventually([&] {
        a1.send(unicast);
        return b1.gets(unicast, std::chrono::milliseconds{50});
    }));
    const Packet answer = eth(kVmB, kVmA) / payload(46, 3);
    b1.send(answer);
    lab.settle(a1, {&b1});
    for (const Packet& frame : b1.take())
        EXPECT_EQ(frame, unicast);
}

// case M07
TEST_P(Underlay, CarriesInnerFragments) {
    Lab lab;
    lab.mesh("lan", 7, GetParam());
    const VmOptions options{.with_address = true, .mtu = kInnerMtu};
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan", options);
    const Vm& b1 = lab.join('b', "b1", kVmB, "lan", options);
    EXPECT_TRUE(a1.netns().ping(kVmB, 3200));
    EXPECT_TRUE(b1.netns().ping(kVmA, 3200));
}

// case M01
TEST_P(Underlay, FitsTheLargestFrameOfTheNetworksMtuAndDropsALargerOneByName) {
    Lab lab;
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(b1, {});
    ASSERT_TRUE(eventually([&] { return !lab.host('a').whereabouts("lan", kVmB).empty(); }));
    const std::uint32_t mtu = Instance::view(lab.host('a').session()).networks().at(0).mtu;
    EXPECT_EQ(mtu, kInnerMtu);

    const Packet fits = eth(kVmA, kVmB) / payload(mtu, 1);
    const Packet too_large = eth(kVmA, kVmB) / payload(mtu + 1, 2);
    a1.send(fits);
    a1.send(too_large);
    lab.settle(a1, {&b1});
    EXPECT_THAT(b1.take(), ElementsAre(fits));
    EXPECT_THAT(lab.host('a').drops(), ElementsAre(Pair("too-large", 1)));
}

// case M05
TEST_P(Underlay, FitsWhatARouterOnTheWaySaysItHas) {
    Lab lab{{.middle = Middle::router}};
    lab.middle().ip("link set to-b mtu 1400");
    lab.host('b').netns().ip("link set uplink0 mtu 1400");
    lab.mesh("lan", 7, GetParam());
    const VmOptions options{.with_address = true, .mtu = kInnerMtu};
    Vm& a1 = lab.join('a', "a1", kVmA, "lan", options);
    Vm& b1 = lab.join('b', "b1", kVmB, "lan", options);
    lab.settle(a1, {&b1});
    lab.settle(b1, {&a1});
    const Host& host = lab.host('a');
    const auto to_b = [&] { return Instance::view(host.session()).peers().at(0); };
    ASSERT_EQ(to_b().mtu, kInnerMtu);
    ASSERT_EQ(to_b().mtu_from, MtuSource::uplink);

    a1.send(eth(kVmA, kVmB) / payload(1400 - 42, 1));
    EXPECT_TRUE(b1.gets(eth(kVmA, kVmB) / payload(1400 - 42, 1)));
    EXPECT_EQ(to_b().mtu_from, MtuSource::uplink);
    a1.send(eth(kVmA, kVmB) / payload(kInnerMtu, 2));
    ASSERT_TRUE(eventually([&] { return to_b().mtu_from == MtuSource::path; }));
    EXPECT_EQ(to_b().mtu, 1400u - 42);
    EXPECT_GT(to_b().mtu_left.value(), std::chrono::seconds{580});
    EXPECT_EQ(host.notes("path-mtu"), 1u);
    EXPECT_THAT(host.drops(), IsEmpty());

    // The VMs' own MTU is too large by a hundred bytes; what their SYNs say is not.
    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB, 1 << 20));
    EXPECT_TRUE(tcp_arrives_intact(b1.netns(), a1.netns(), kVmA, 1 << 20));
    EXPECT_THAT(host.drops(), IsEmpty());
    EXPECT_EQ(host.notes("path-mtu"), 1u);
}

// Frames that do not fit one buffer of XDP's, among others that do.
TEST_P(Underlay, CarriesJumboFrames) {
    Lab lab{{.wire_mtu = 9000}};
    lab.mesh("lan", 7, GetParam());
    const std::uint32_t mtu = Instance::view(lab.host('a').session()).networks().at(0).mtu;
    ASSERT_EQ(mtu, 9000u - 42);
    const VmOptions options{.with_address = true, .mtu = mtu};
    Vm& a1 = lab.join('a', "a1", kVmA, "lan", options);
    Vm& b1 = lab.join('b', "b1", kVmB, "lan", options);
    lab.host('a').netns().ip(fmt::format("link set v-a1 mtu {}", mtu));
    lab.host('b').netns().ip(fmt::format("link set v-b1 mtu {}", mtu));
    lab.settle(a1, {&b1});
    lab.settle(b1, {&a1});
    EXPECT_EQ(lab.host('b').open().show().hook.xdp, GetParam() == Path::xdp ? "native" : "none");
    const Tap tap{lab.host('b'), "tap0"};
    lab.host('b').netns().ip(fmt::format("link set tap0 mtu {}", mtu));
    Lab::join(lab.host('b'), "tap0", "lan");
    tap.send(eth(kVmC, kVmA) / payload(46));  // now its MAC is known
    ASSERT_TRUE(a1.gets(eth(kVmC, kVmA) / payload(46)));

    for (std::uint8_t round = 1; round < 4; ++round) {
        const Packet large = eth(kVmA, kVmB) / payload(mtu, round);
        const Packet small = eth(kVmA, kVmB) / payload(100, round);
        a1.send(large);
        a1.send(small);
        lab.settle(a1, {&b1});
        EXPECT_THAT(b1.take(), testing::UnorderedElementsAre(large, small));
        for (const std::size_t size : {std::size_t{50}, std::size_t{mtu}}) {
            const Packet in = eth(kVmA, kVmC) / payload(size, round);
            a1.send(in);
            EXPECT_TRUE(tap.receive([&](const Packet& got) { return got == in; }));
            const Packet out = eth(kVmC, kVmA) / payload(size, round);
            tap.send(out);
            EXPECT_TRUE(a1.gets(out));
        }
    }
    EXPECT_EQ(lab.host('b').verdicts("to-port", "uplink_xdp") > 0, GetParam() == Path::xdp);
    EXPECT_TRUE(a1.netns().ping(kVmB, 8000));
    EXPECT_TRUE(b1.netns().ping(kVmA, 20000));
    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB, 4 << 20));
    EXPECT_TRUE(tcp_arrives_intact(b1.netns(), a1.netns(), kVmA, 4 << 20));
    EXPECT_THAT(lab.host('a').drops(), IsEmpty());
    EXPECT_THAT(lab.host('b').drops(), IsEmpty());
}

// case X02
TEST_P(Underlay, BringsOneCopyToEachOf64Peers) {
    Lab lab{{.hosts = "a"}};
    lab.mesh("lan", 7, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    // They are all the switch, which answers for them, so each has first to be resolved.
    lab.middle().shell("for i in $(seq 100 163); do ip address add 198.18.0.$i/24 dev br0; done");
    for (std::uint8_t i = 100; i < 164; ++i)
        lab.host('a').open().add_peer({.address = Ip4Addr{{198, 18, 0, i}}, .network = "lan"});
    Capture wire{lab.middle(), Lab::wire_of('a')};

    for (const std::uint8_t seed : {std::uint8_t{1}, std::uint8_t{2}}) {
        const Packet frame = eth(kVmA, kBroadcast) / payload(46, seed);
        a1.send(frame);
        std::map<std::uint8_t, int> copies;
        EXPECT_TRUE(eventually([&] {
            copies.clear();
            for (const Received& received : wire.frames())
                if (inner_of(received.frame) == frame) ++copies[received.frame[33]];
            return copies.size() == 64;
        }));
        EXPECT_TRUE(std::ranges::all_of(copies, [](const auto& one) { return one.second == 1; }));
    }
}

// case X02
TEST(Peers, AreRefusedPastTheLimitAndThenEverythingIsAsBefore) {
    Lab lab{{.hosts = "a"}};
    lab.mesh("lan", 7, Path::tc);
    Instance instance = lab.host('a').open();
    const auto add = [&](std::uint32_t number) {
        return instance.add_peer(
            {.address = Ip4Addr::from_host_order(0xc6120100U + number), .network = "lan"});
    };
    for (std::uint32_t i = 1; i <= 256; ++i)
        EXPECT_EQ(add(i), Change::made);
    EXPECT_THROW(add(257), Error);
    EXPECT_EQ(instance.peers().size(), 256U);
}

}  // namespace
}  // namespace xgre::test
