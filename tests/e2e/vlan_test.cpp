// SPDX-License-Identifier: GPL-2.0-only
// Tagged frames, whether the kernel holds the tag in the bytes or outside them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/lab.h"

namespace xgre::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Tagged : public testing::TestWithParam<Path> {
protected:
    void SetUp() override {
        lab.mesh("lan", 7, GetParam());
        for (const Vm* vm : {&a1, &b1, &b2})
            Lab::join(vm->host(), vm->port(), "lan");
    }

    Lab lab;
    Vm& a1 = lab.vm('a', "a1", kVmA);
    Vm& b1 = lab.vm('b', "b1", kVmB);
    Vm& b2 = lab.vm('b', "b2", kVmC);
};
INSTANTIATE_TEST_SUITE_P(, Tagged, kBothPaths, path_name);

Packet tagged(MacAddress from, MacAddress to, std::uint8_t seed) {
    return eth(from, to) / vlan(10, {.pcp = 5}) / ipv4(kVmA, kVmB) / udp(5000, 5001) /
           payload(64, seed);
}

Packet double_tagged(MacAddress from, MacAddress to, std::uint8_t seed) {
    return eth(from, to) / vlan(100, {.pcp = 3, .tpid = kEtherTypeServiceVlan}) /
           vlan(20, {.pcp = 6, .dei = true}) / ipv4(kVmA, kVmB) / udp(5000, 5001) /
           payload(64, seed);
}

// case V01
TEST_P(Tagged, BroadcastsArriveWithTheirTagAndPriority) {
    const Packet frame = tagged(kVmA, kBroadcast, 1);
    a1.send(frame);
    lab.settle(a1, {&b1, &b2});
    EXPECT_THAT(b1.take(), ElementsAre(frame));
    EXPECT_THAT(b2.take(), ElementsAre(frame));
}

// case V01
TEST_P(Tagged, UnicastArrivesWithItsTagAtThePortThatSpokeInThatVlan) {
    b1.send(tagged(kVmB, kBroadcast, 1));
    lab.settle(b1, {&a1, &b2});
    a1.send(tagged(kVmA, kBroadcast, 1));
    lab.settle(a1, {&b1, &b2});
    for (Vm* vm : {&a1, &b1, &b2})
        vm->take();

    const Packet there = tagged(kVmA, kVmB, 2);
    const Packet back = tagged(kVmB, kVmA, 3);
    a1.send(there);
    b1.send(back);
    lab.settle(a1, {&b1, &b2});
    lab.settle(b1, {&a1, &b2});
    EXPECT_THAT(b1.take(), ElementsAre(there));
    EXPECT_THAT(a1.take(), ElementsAre(back));
    EXPECT_THAT(b2.take(), IsEmpty());
    EXPECT_EQ(lab.host('a').whereabouts("lan", kVmB, 10), "198.18.0.2");
}

// case V02
TEST_P(Tagged, ServiceTagsAndDoubleTagsArriveUnchanged) {
    const Packet broadcast = double_tagged(kVmA, kBroadcast, 1);
    a1.send(broadcast);
    lab.settle(a1, {&b1, &b2});
    EXPECT_THAT(b1.take(), ElementsAre(broadcast));

    b1.send(double_tagged(kVmB, kBroadcast, 2));
    lab.settle(b1, {&a1, &b2});
    b1.take();
    b2.take();
    const Packet unicast = double_tagged(kVmA, kVmB, 3);
    a1.send(unicast);
    lab.settle(a1, {&b1, &b2});
    EXPECT_THAT(b1.take(), ElementsAre(unicast));
    EXPECT_THAT(b2.take(), IsEmpty());
}

// case V03
TEST_P(Tagged, AnAddressKnownInOneVlanIsUnknownInAnother) {
    b1.send(tagged(kVmB, kBroadcast, 1));  // VLAN 10
    const Packet untagged = eth(kVmB, kBroadcast) / payload(46);
    b2.send(untagged);  // the same address in no VLAN, elsewhere
    lab.settle(b2, {&a1, &b1});
    for (Vm* vm : {&a1, &b1, &b2})
        vm->take();

    const Packet in_vlan = tagged(kVmA, kVmB, 2);
    const Packet in_none = eth(kVmA, kVmB) / payload(46, 3);
    a1.send(in_vlan);
    a1.send(in_none);
    lab.settle(a1, {&b1, &b2});
    EXPECT_THAT(b1.take(), ElementsAre(in_vlan));
    EXPECT_THAT(b2.take(), ElementsAre(in_none));
}

// case V01
// case V02
TEST_P(Tagged, FramesOfATapArriveWithTheirTagsAndGoToItWithThem) {
    const Tap tap{lab.host('a'), "tap0"};
    Lab::join(lab.host('a'), tap.port(), "lan");
    const Packet one = tagged(kVmD, kBroadcast, 1);
    const Packet two = double_tagged(kVmD, kBroadcast, 2);
    tap.send(one);
    tap.send(two);
    EXPECT_TRUE(b1.gets(one));
    EXPECT_TRUE(b1.gets(two));

    const Packet back_one = tagged(kVmB, kVmD, 3);
    const Packet back_two = double_tagged(kVmB, kVmD, 4);
    b1.send(back_one);
    b1.send(back_two);
    EXPECT_TRUE(tap.receive([&](const Packet& frame) { return frame == back_one; }));
    EXPECT_TRUE(tap.receive([&](const Packet& frame) { return frame == back_two; }));
}

// case V01
TEST_P(Tagged, FramesOfATapWithOffloadsArriveWithTheirTag) {
    const Tap tap{lab.host('a'), "tap0", true};
    Lab::join(lab.host('a'), tap.port(), "lan");
    const Packet frame = tagged(kVmD, kBroadcast, 1);
    tap.send(frame);
    EXPECT_TRUE(b1.gets(frame));
    const Packet back = tagged(kVmB, kVmD, 2);
    b1.send(back);
    EXPECT_TRUE(tap.receive([&](const Packet& got) { return got == back; }));
}

}  // namespace
}  // namespace xgre::test
