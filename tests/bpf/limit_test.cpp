// SPDX-License-Identifier: GPL-2.0-only
// Limits on what a port floods.
#include <sched.h>

#include <chrono>
#include <functional>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr std::uint32_t kLimit = 5;
constexpr std::uint64_t kMany = 50;
constexpr MacAddress kNobody = mac(2, 9, 9, 9, 9, 9);

class FloodLimit : public DatapathTest {
protected:
    void change(const Port& port, const std::function<void(xgre_port&)>& change) const {
        xgre_port row = datapath().ports().find(port.index()).value();
        change(row);
        datapath().ports().put(port.index(), row);
        datapath().forget_flows();
    }
    // Floods of ports in all: those that passed, and those dropped for `reason`.
    std::uint64_t passed() const { return count(XGRE_PROGRAM_PORT_TC, XGRE_FLOODED).packets; }
    std::uint64_t dropped(xgre_verdict reason) const {
        return count(XGRE_PROGRAM_PORT_TC, reason).packets;
    }
    // Sends kMany frames. kLimit of them pass at once, and kLimit more with each second that it
    // takes.
    void expect_limited(const Packet& packet, xgre_verdict reason) const {
        const auto begin = std::chrono::steady_clock::now();
        const std::uint64_t passed_before = passed();
        const std::uint64_t dropped_before = dropped(reason);
        for (std::uint64_t i = 0; i < kMany; ++i)
            run("port_tc", packet, a.index());
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        const std::uint64_t through = passed() - passed_before;
        EXPECT_GE(through, kLimit);
        EXPECT_LE(static_cast<double>(through), kLimit * (1 + took.count()) + 1);
        EXPECT_EQ(through + dropped(reason) - dropped_before, kMany);
    }
    void let_a_second_pass() const { datapath().buckets().put(a.slot, xgre_buckets{}); }
};

// case S09
TEST_F(FloodLimit, LetsSoManyBroadcastsPassAndDropsTheNextByName) {
    change(a, [](xgre_port& row) { row.broadcast_limit = kLimit; });
    expect_limited(frame(kVmA, kBroadcast), XGRE_BROADCAST_LIMIT);
    EXPECT_EQ(port_traffic(a).rx_packets, kMany);
    let_a_second_pass();
    expect_limited(frame(kVmA, kMulticast), XGRE_BROADCAST_LIMIT);
}

// case S09
TEST_F(FloodLimit, LetsSoManyToUnknownMacsPassAndDropsTheNextByName) {
    change(a, [](xgre_port& row) { row.unknown_limit = kLimit; });
    expect_limited(frame(kVmA, kNobody), XGRE_UNKNOWN_LIMIT);
    let_a_second_pass();
    expect_limited(frame(kVmA, kNobody), XGRE_UNKNOWN_LIMIT);
}

TEST_F(FloodLimit, OfTheOneKindIsNoneOfTheOther) {
    change(a, [](xgre_port& row) { row.broadcast_limit = kLimit; });
    for (std::uint64_t i = 0; i < kMany; ++i)
        run("port_tc", frame(kVmA, kNobody), a.index());
    EXPECT_EQ(passed(), kMany);
    change(a, [](xgre_port& row) {
        row.broadcast_limit = 0;
        row.unknown_limit = kLimit;
    });
    for (std::uint64_t i = 0; i < kMany; ++i)
        run("port_tc", frame(kVmA, kBroadcast), a.index());
    EXPECT_EQ(passed(), 2 * kMany);
}

TEST_F(FloodLimit, LeavesKnownUnicastAndOtherPortsAlone) {
    learn(1, kVmB, peer_owner(1));
    change(a, [](xgre_port& row) {
        row.broadcast_limit = kLimit;
        row.unknown_limit = kLimit;
    });
    for (std::uint64_t i = 0; i < kMany; ++i) {
        run("port_tc", frame(kVmA, kVmB), a.index());
        run("port_tc", frame(kVmC, kBroadcast), c.index());
    }
    EXPECT_EQ(counts(), (Counts{{"port_tc to-peer", kMany}, {"port_tc flooded", kMany}}));
}

TEST_F(FloodLimit, OfOneASecondLetsTheFirstPass) {
    change(a, [](xgre_port& row) { row.broadcast_limit = 1; });
    run("port_tc", frame(kVmA, kBroadcast), a.index());
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", 1}}));
}

TEST_F(FloodLimit, OfTheMostLetsAnythingPass) {
    change(a, [](xgre_port& row) { row.broadcast_limit = XGRE_LIMIT_MOST; });
    for (std::uint64_t i = 0; i < kMany; ++i)
        run("port_tc", frame(kVmA, kBroadcast), a.index());
    EXPECT_EQ(counts(), (Counts{{"port_tc flooded", kMany}}));
}

// The bucket is one for all CPUs.
TEST_F(FloodLimit, CountsWhatEveryCpuFloods) {
    change(a, [](xgre_port& row) { row.broadcast_limit = kLimit; });
    cpu_set_t all;
    sched_getaffinity(0, sizeof(all), &all);
    const auto begin = std::chrono::steady_clock::now();
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &all)) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        sched_setaffinity(0, sizeof(one), &one);
        for (std::uint64_t i = 0; i < kMany; ++i)
            run("port_tc", frame(kVmA, kBroadcast), a.index());
    }
    sched_setaffinity(0, sizeof(all), &all);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    EXPECT_LE(static_cast<double>(passed()), kLimit * (1 + took.count()) + 1);
}

}  // namespace
}  // namespace xgre::test
