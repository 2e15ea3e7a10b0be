// SPDX-License-Identifier: GPL-2.0-only
// Who gets a copy, and who must not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "tests/e2e/lab.h"

namespace xgre::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Flood : public testing::TestWithParam<Path> {};
INSTANTIATE_TEST_SUITE_P(, Flood, kBothPaths, path_name);

constexpr MacAddress kNobody = mac(0x02, 0, 0, 0, 0x0a, 0x99);

// case L03
TEST_P(Flood, OfThreeHostsBringsABroadcastOnceToEveryVm) {
    Lab lab{{.hosts = "abc"}};
    lab.mesh("lan", 7, GetParam());
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& a2 = lab.join('a', "a2", kVmB, "lan");
    Vm& b1 = lab.join('b', "b1", kVmC, "lan");
    Vm& c1 = lab.join('c', "c1", kVmD, "lan");

    const Packet frame = eth(kVmA, kBroadcast) / payload(46);
    a1.send(frame);
    lab.settle(a1, {&a2, &b1, &c1});

    EXPECT_THAT(a2.take(), ElementsAre(frame));
    EXPECT_THAT(b1.take(), ElementsAre(frame));
    EXPECT_THAT(c1.take(), ElementsAre(frame));
    EXPECT_THAT(a1.take(), IsEmpty());
}

// case L01
// case L07
TEST_P(Flood, TakesMulticastAndUnknownUnicastToEveryOtherPortAndPeer) {
    Lab lab{{.hosts = "abc"}};
    lab.mesh("lan", 7, GetParam());
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& a2 = lab.join('a', "a2", kVmB, "lan");
    Vm& b1 = lab.join('b', "b1", kVmC, "lan");
    Vm& c1 = lab.join('c', "c1", kVmD, "lan");

    const MacAddress mdns = kMulticast;
    const MacAddress neighbours = mac(0x33, 0x33, 0xff, 0, 0, 0x12);
    const MacAddress reports = mac(0x01, 0, 0x5e, 0, 0, 0x16);
    const Packet data =
        eth(kVmA, mdns) / ipv4(kVmA, ip(224, 0, 0, 251)) / udp(5353, 5353) / payload(40);
    const Packet solicitation =
        eth(kVmA, neighbours) /
        ipv6(kVmA, ip6({0xff02, 0, 0, 0, 0, 1, 0xff00, 0x12}), {.hop_limit = 255}) /
        icmpv6({.type = 135}) / payload(16);
    const Packet report =
        eth(kVmA, reports) / ipv4(kVmA, ip(224, 0, 0, 22), {.ttl = 1, .protocol = 2}) / payload(26);
    const Packet unknown = eth(kVmA, kNobody) / payload(46);
    for (const Packet& frame : {data, solicitation, report, unknown})
        a1.send(frame);
    lab.settle(a1, {&a2, &b1, &c1});

    for (Vm* vm : {&a2, &b1, &c1})
        EXPECT_THAT(vm->take(), ElementsAre(data, solicitation, report, unknown));
    EXPECT_THAT(a1.take(), IsEmpty());
}

// case L02
TEST_P(Flood, FromAPeerStaysOnTheHostAlsoWhenAnotherPeerHasTheAddress) {
    Lab lab{{.hosts = "abc"}};
    lab.mesh("lan", 7, GetParam());
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    Vm& c1 = lab.join('c', "c1", kVmC, "lan");
    // B alone believes that the VM of C is on A: A must not send it on.
    lab.settle(c1, {&a1, &b1});
    FdbSpec misled;
    misled.mac = Mac{kVmC.mac.bytes};
    misled.network = "lan";
    misled.peer = lab.host('a').address();
    lab.host('b').open().add_fdb(misled);

    b1.send(eth(kVmB, kVmC) / payload(46));
    lab.settle(b1, {&a1, &c1});

    EXPECT_THAT(c1.take(), IsEmpty());
    EXPECT_THAT(a1.take(), IsEmpty());
    EXPECT_THAT(lab.host('a').drops(), ElementsAre(testing::Pair("split-horizon", 1)));
}

// case L04
TEST_P(Flood, SparesAPortThatRefusesItAndStillDeliversWhatIsKnown) {
    Lab lab;
    lab.mesh("lan", 7, GetParam());
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& a2 = lab.join('a', "a2", kVmB, "lan");
    Vm& b1 = lab.join('b', "b1", kVmC, "lan");
    PortSpec spec;
    spec.device = a2.port();
    spec.flood = false;
    lab.host('a').open().add_port(spec);
    lab.settle(a2, {&a1, &b1});

    const Packet unknown = eth(kVmC, kNobody) / payload(46);
    const Packet known = eth(kVmC, kVmB) / payload(46, 1);
    b1.send(unknown);
    b1.send(known);
    lab.settle(b1, {&a1, &a2});

    EXPECT_THAT(a2.take(), ElementsAre(known));
    EXPECT_THAT(a1.take(), ElementsAre(unknown));
}

// case L05
TEST_P(Flood, KeepsIsolatedPortsApartAndConnectedToTheRest) {
    Lab lab;
    lab.mesh("lan", 7, GetParam());
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& a2 = lab.join('a', "a2", kVmB, "lan");
    Vm& b1 = lab.join('b', "b1", kVmC, "lan");
    for (const Vm* vm : {&a1, &a2}) {
        PortSpec spec;
        spec.device = vm->port();
        spec.isolated = true;
        lab.host('a').open().add_port(spec);
    }
    lab.settle(a2, {&b1});

    const Packet broadcast = eth(kVmA, kBroadcast) / payload(46);
    const Packet unicast = eth(kVmA, kVmB) / payload(46, 1);
    a1.send(broadcast);
    a1.send(unicast);
    lab.settle(a1, {&b1});
    const Packet back = eth(kVmC, kVmA) / payload(46, 2);
    b1.send(back);
    lab.settle(b1, {&a1, &a2});

    EXPECT_THAT(a2.take(), IsEmpty());
    EXPECT_THAT(b1.take(), ElementsAre(broadcast));
    EXPECT_THAT(a1.take(), ElementsAre(back));
    EXPECT_THAT(lab.host('a').drops(), ElementsAre(testing::Pair("isolated", 1)));
}

// case L06
// case F13
TEST_P(Flood, NeverCrossesNetworksThoughBothHaveTheSameAddresses) {
    Lab lab;
    lab.mesh("red", 7, GetParam());
    for (const char letter : {'a', 'b'}) {
        Instance instance = lab.host(letter).open();
        NetworkSpec spec;
        spec.name = "blue";
        instance.add_network(spec);  // no key
        instance.add_peer(
            {.address = lab.host(letter == 'a' ? 'b' : 'a').address(), .network = "blue"});
    }
    Vm& red_a = lab.join('a', "ra", kVmA, "red");
    Vm& red_b = lab.join('b', "rb", kVmB, "red");
    Vm& blue_a = lab.join('a', "ba", kVmA, "blue");
    Vm& blue_b = lab.join('b', "bb", kVmB, "blue");
    lab.settle(red_a, {&red_b});
    lab.settle(red_b, {&red_a});
    lab.settle(blue_a, {&blue_b});
    lab.settle(blue_b, {&blue_a});

    const Packet red = eth(kVmA, kVmB) / payload(46, 1);
    const Packet red_all = eth(kVmA, kBroadcast) / payload(46, 2);
    const Packet blue = eth(kVmA, kVmB) / payload(46, 3);
    const Packet blue_all = eth(kVmA, kBroadcast) / payload(46, 4);
    red_a.send(red);
    red_a.send(red_all);
    blue_a.send(blue);
    blue_a.send(blue_all);
    lab.settle(red_a, {&red_b});
    lab.settle(blue_a, {&blue_b});

    EXPECT_THAT(red_b.take(), testing::UnorderedElementsAre(red, red_all));
    EXPECT_THAT(blue_b.take(), testing::UnorderedElementsAre(blue, blue_all));
    EXPECT_THAT(red_a.take(), IsEmpty());
    EXPECT_THAT(blue_a.take(), IsEmpty());
}

// The list of peers and the peer itself are two maps, and change one after the other. No more may
// be lost than the copy that is under way in that moment.
TEST(FloodToAChangingPeer, GoesOnWhileTheDetourToItBeginsAndEnds) {
    Lab lab;
    lab.mesh("lan", 7, Path::tc);
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    lab.join('b', "b1", kVmB, "lan");
    std::atomic<bool> done = false;
    std::thread sender{[&] {
        while (!done)
            a1.send(eth(kVmA, kBroadcast) / payload(46));
    }};
    constexpr std::uint64_t kChanges = 20;
    PeerSpec peer;
    peer.address = lab.host('b').address();
    peer.network = "lan";
    for (std::uint64_t i = 0; i < kChanges; ++i) {
        peer.ocsum = i % 2 == 0;
        EXPECT_EQ(lab.host('a').open().add_peer(peer), Change::made);
    }
    done = true;
    sender.join();
    const auto drops = lab.host('a').drops();
    const std::uint64_t lost =
        std::accumulate(drops.begin(), drops.end(), std::uint64_t{0},
                        [](std::uint64_t sum, const auto& drop) { return sum + drop.second; });
    EXPECT_LE(lost, kChanges) << testing::PrintToString(drops);
    EXPECT_GT(lab.host('a').verdicts("flooded"), 10 * kChanges);
}

}  // namespace
}  // namespace xgre::test
