// SPDX-License-Identifier: GPL-2.0-only
// Where an address is, and what happens when it moves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/e2e/lab.h"

namespace xgre::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr MacAddress kRoamer = mac(0x02, 0, 0, 0, 0x0a, 0x77);

// Two VMs on A, one on B, one on C, all in one network.
class Fdb : public testing::TestWithParam<Path> {
protected:
    void SetUp() override { lab.mesh("lan", 7, GetParam()); }

    Lab lab{{.hosts = "abc"}};
    Vm& a1 = lab.vm('a', "a1", kVmA);
    Vm& a2 = lab.vm('a', "a2", kVmB);
    Vm& b1 = lab.vm('b', "b1", kVmC);
    Vm& c1 = lab.vm('c', "c1", kVmD);

    void join_all() {
        for (const Vm* vm : {&a1, &a2, &b1, &c1})
            Lab::join(vm->host(), vm->port(), "lan");
    }
    // The roamer speaks, from behind `vm`.
    static void roam_to(const Vm& vm) { vm.send(eth(kRoamer, kBroadcast) / payload(46, 200)); }
    std::string roamer_at(char letter) { return lab.host(letter).whereabouts("lan", kRoamer); }
};
INSTANTIATE_TEST_SUITE_P(, Fdb, kBothPaths, path_name);

// case F01
TEST_P(Fdb, SendsTheAnswerToThePortThatAskedAndToNobodyElse) {
    join_all();
    lab.settle(a1, {&a2, &b1, &c1});

    const Packet answer = eth(kVmB, kVmA) / payload(46);
    a2.send(answer);
    lab.settle(a2, {&a1, &b1, &c1});

    EXPECT_THAT(a1.take(), ElementsAre(answer));
    EXPECT_THAT(b1.take(), IsEmpty());
    EXPECT_THAT(c1.take(), IsEmpty());
    EXPECT_EQ(lab.host('a').whereabouts("lan", kVmA), a1.port());
}

// case F02
TEST_P(Fdb, SendsToThePeerThatHasTheAddressAndToNobodyElse) {
    join_all();
    lab.settle(b1, {&a1, &a2, &c1});
    Capture wire{lab.middle(), Lab::wire_of('a')};

    const Packet answer = eth(kVmA, kVmC) / payload(46);
    a1.send(answer);
    lab.settle(a1, {&a2, &b1, &c1});

    EXPECT_THAT(b1.take(), ElementsAre(answer));
    EXPECT_THAT(a2.take(), IsEmpty());
    EXPECT_THAT(c1.take(), IsEmpty());
    EXPECT_EQ(wire.count([&](const Packet& packet) { return inner_of(packet) == answer; }), 1U);
    EXPECT_EQ(lab.host('a').whereabouts("lan", kVmC), "198.18.0.2");
}

// case F03
TEST_P(Fdb, FollowsAMoveFromPortToPortFromTheFirstFrame) {
    join_all();
    roam_to(a1);
    lab.settle(a1, {&a2, &b1, &c1});
    roam_to(a2);
    lab.settle(a2, {&a1, &b1, &c1});
    for (Vm* vm : {&a1, &a2, &b1})
        vm->take();

    const Packet frame = eth(kVmC, kRoamer) / payload(46);
    b1.send(frame);
    lab.settle(b1, {&a1, &a2, &c1});

    EXPECT_THAT(a2.take(), ElementsAre(frame));
    EXPECT_THAT(a1.take(), IsEmpty());
    EXPECT_EQ(roamer_at('a'), a2.port());
    EXPECT_EQ(lab.host('a').notes("moved"), 1U);
    EXPECT_EQ(lab.host('b').notes("moved"), 0U);  // still behind A
}

// case F03
TEST_P(Fdb, FollowsAMoveFromPortToPeerAndBackFromTheFirstFrame) {
    join_all();
    roam_to(a1);
    lab.settle(a1, {&a2, &b1, &c1});
    roam_to(b1);
    lab.settle(b1, {&a1, &a2, &c1});
    for (Vm* vm : {&a1, &a2, &b1})
        vm->take();

    const Packet there = eth(kVmB, kRoamer) / payload(46);
    a2.send(there);
    lab.settle(a2, {&a1, &b1, &c1});
    EXPECT_THAT(b1.take(), ElementsAre(there));
    EXPECT_THAT(a1.take(), IsEmpty());
    EXPECT_EQ(roamer_at('a'), "198.18.0.2");
    EXPECT_EQ(roamer_at('b'), b1.port());
    EXPECT_EQ(lab.host('a').notes("moved"), 1U);
    EXPECT_EQ(lab.host('b').notes("moved"), 1U);

    roam_to(a1);
    lab.settle(a1, {&a2, &b1, &c1});
    for (Vm* vm : {&a1, &a2, &b1})
        vm->take();
    const Packet back = eth(kVmC, kRoamer) / payload(46);
    b1.send(back);
    lab.settle(b1, {&a1, &a2, &c1});
    EXPECT_THAT(a1.take(), ElementsAre(back));
    EXPECT_THAT(a2.take(), IsEmpty());
    EXPECT_EQ(lab.host('a').notes("moved"), 2U);
    EXPECT_EQ(lab.host('b').notes("moved"), 2U);
}

// case F03
TEST_P(Fdb, FollowsAMoveFromPeerToPeerFromTheFirstFrame) {
    join_all();
    roam_to(b1);
    lab.settle(b1, {&a1, &a2, &c1});
    roam_to(c1);
    lab.settle(c1, {&a1, &a2, &b1});
    for (Vm* vm : {&a1, &b1, &c1})
        vm->take();

    const Packet frame = eth(kVmA, kRoamer) / payload(46);
    a1.send(frame);
    lab.settle(a1, {&a2, &b1, &c1});

    EXPECT_THAT(c1.take(), ElementsAre(frame));
    EXPECT_THAT(b1.take(), IsEmpty());
    EXPECT_EQ(roamer_at('a'), "198.18.0.3");
    EXPECT_EQ(lab.host('a').notes("moved"), 1U);
}

// case F05
TEST_P(Fdb, MovesNoStaticEntryForAFrame) {
    join_all();
    FdbSpec fixed;
    fixed.mac = Mac{kRoamer.bytes};
    fixed.network = "lan";
    fixed.port = a1.port();
    lab.host('a').open().add_fdb(fixed);
    roam_to(a2);
    lab.settle(a2, {&a1, &b1, &c1});
    roam_to(b1);
    lab.settle(b1, {&a1, &a2, &c1});
    for (Vm* vm : {&a1, &a2, &b1})
        vm->take();

    const Packet frame = eth(kVmB, kRoamer) / payload(46);
    a2.send(frame);
    lab.settle(a2, {&a1, &b1, &c1});

    EXPECT_THAT(a1.take(), ElementsAre(frame));
    EXPECT_THAT(b1.take(), IsEmpty());
    EXPECT_EQ(roamer_at('a'), a1.port());
}

// case F08
TEST_P(Fdb, ForgetsWhatWasBehindAPortOrPeerThatIsRemovedAndNothingElse) {
    join_all();
    lab.settle(a1, {&a2, &b1, &c1});
    lab.settle(a2, {&a1, &b1, &c1});
    lab.settle(b1, {&a1, &a2, &c1});
    lab.settle(c1, {&a1, &a2, &b1});

    lab.host('a').open().delete_port(a2.port());
    EXPECT_EQ(lab.host('a').whereabouts("lan", kVmB), "");
    EXPECT_EQ(lab.host('a').whereabouts("lan", kVmA), a1.port());
    EXPECT_EQ(lab.host('a').whereabouts("lan", kVmC), "198.18.0.2");

    lab.host('a').open().delete_peer({.address = lab.host('b').address(), .network = "lan"});
    EXPECT_EQ(lab.host('a').whereabouts("lan", kVmC), "");
    EXPECT_EQ(lab.host('a').whereabouts("lan", kVmD), "198.18.0.3");
    EXPECT_EQ(lab.host('a').whereabouts("lan", kVmA), a1.port());

    // What was removed sends and gets nothing more.
    a2.send(eth(kVmB, kBroadcast) / payload(46));
    b1.send(eth(kVmC, kBroadcast) / payload(46));
    a1.send(eth(kVmA, kBroadcast) / payload(46));
    lab.settle(a1, {&c1});
    EXPECT_THAT(a2.take(), IsEmpty());
    EXPECT_THAT(b1.take(), IsEmpty());
    EXPECT_THAT(a1.take(), IsEmpty());
    EXPECT_EQ(lab.host('a').drops().at("unknown-peer"), 1U);
}

// case F04
TEST_P(Fdb, FloodsAgainWhatWasNotSeenForTheAgeingTime) {
    join_all();
    NetworkSpec spec;
    spec.name = "lan";
    spec.key = gre_key(7);
    spec.ageing = std::chrono::seconds{1};
    lab.host('a').open().add_network(spec);
    lab.settle(b1, {&a1, &a2, &c1});
    ASSERT_EQ(lab.host('a').whereabouts("lan", kVmC), "198.18.0.2");

    // Gone in the kernel, with nobody asking but this.
    EXPECT_TRUE(eventually([&] { return lab.host('a').whereabouts("lan", kVmC).empty(); }));
    const Packet frame = eth(kVmA, kVmC) / payload(46);
    a1.send(frame);
    lab.settle(a1, {&a2, &b1, &c1});
    EXPECT_THAT(a2.take(), ElementsAre(frame));
    EXPECT_THAT(b1.take(), ElementsAre(frame));
    EXPECT_GE(lab.host('a').notes("aged"), 1U);
}

// case A05
TEST(FastPath, TakesKnownUnicastOnBothSides) {
    Lab lab;
    lab.mesh("lan", 7, Path::xdp);
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(a1, {&b1});
    lab.settle(b1, {&a1});

    const Packet frame = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(5000, 5001) / payload(64);
    a1.send(frame);
    EXPECT_TRUE(b1.gets(frame));
    EXPECT_EQ(lab.host('a').verdicts("to-peer", "port_xdp"), 1U);
    EXPECT_EQ(lab.host('b').verdicts("to-port", "uplink_xdp"), 1U);
}

TEST(FastPath, IsUsedByNobodyWhenAttachedWithoutIt) {
    Lab lab;
    lab.mesh("lan", 7, Path::tc);
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(a1, {&b1});
    lab.settle(b1, {&a1});

    const Packet frame = eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(5000, 5001) / payload(64);
    a1.send(frame);
    EXPECT_TRUE(b1.gets(frame));
    EXPECT_EQ(lab.host('a').verdicts("to-peer", "port_tc"), 1U);
    EXPECT_EQ(lab.host('b').verdicts("to-port", "uplink_tc"), 1U);
    EXPECT_EQ(Instance::view(lab.host('a').session()).show().hook.xdp, "none");
}

}  // namespace
}  // namespace xgre::test
