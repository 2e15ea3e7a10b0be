// SPDX-License-Identifier: GPL-2.0-only
// From counters to a profile, to why frames missed the fast path, to advice: on made-up counters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "loader/abi_text.h"
#include "loader/profile_growth.h"

namespace xgre::test {
namespace {

using testing::Contains;
using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::size_t kCpus = 2;
constexpr std::uint32_t kUplink = 5;
constexpr std::uint32_t kPort = 7;

// Two looks at an instance, two seconds apart, of which a test changes the second.
class ProfileTest : public testing::Test {
protected:
    ProfileTest() {
        before.cpus = kCpus;
        before.cells.resize(XGRE_COUNTERS * kCpus);
        for (std::uint32_t i = 0; i < XGRE_PROGRAM_MAX; ++i)
            before.programs.at(i) = {.id = 100 + i, .runs = 1000, .ns = 50'000};
        before.devices[kUplink].device = device("eth0", true);
        before.devices[kPort].device = device("tap0", false);
        before.cpu_times[0] = {.total = 1000, .idle = 900, .softirq = 10};
        before.cpu_times[1] = {.total = 1000, .idle = 900, .softirq = 10};
        now = before;
        now.time += std::chrono::seconds{2};
        for (auto& [cpu, times] : now.cpu_times) {
            times.total += 200;
            times.idle += 200;
        }
    }

    static DeviceLoad device(const std::string& name, bool is_uplink) {
        DeviceLoad load;
        load.device = name;
        load.is_uplink = is_uplink;
        load.hook.tc = "tcx";
        load.hook.xdp = "native";
        load.hook.xdp_transmit = true;
        return load;
    }

    void count(xgre_program program, xgre_verdict verdict, std::uint64_t packets,
               std::uint64_t copies = 0, std::size_t cpu = 0) {
        xgre_count& cell = now.cells.at(XGRE_COUNTER(program, verdict) * kCpus + cpu);
        cell.packets += packets;
        cell.bytes += 100 * packets;
        cell.copies += copies;
    }
    void take_xdp_off(std::uint32_t ifindex) {
        now.devices.at(ifindex).device.hook.xdp = "none";
        now.devices.at(ifindex).device.hook.reason = "because";
        now.devices.at(ifindex).device.hook.remedy = "do this";
    }

    Profile profile() const {
        Profile result = growth(before, now);
        result.missed = missed_of(result);
        result.advice = advice_for(result);
        return result;
    }
    std::vector<std::string> advice() const {
        std::vector<std::string> ids;
        for (const Advice& advice : profile().advice)
            ids.push_back(advice.id);
        return ids;
    }

    Snapshot before;
    Snapshot now;
};

const ProgramLoad& of(const Profile& profile, xgre_program program) {
    return profile.programs.at(program);
}

// ---- Counters -------------------------------------------------------------------------------

TEST_F(ProfileTest, TimePerRunAndShareOfACoreComeFromTheKernelsStatistics) {
    now.programs.at(XGRE_PROGRAM_PORT_XDP).runs += 1'000'000;
    now.programs.at(XGRE_PROGRAM_PORT_XDP).ns += 500'000'000;
    const ProgramLoad load = of(profile(), XGRE_PROGRAM_PORT_XDP);
    EXPECT_EQ(load.program, "port_xdp");
    EXPECT_EQ(load.runs, 1'000'000U);
    EXPECT_THAT(load.ns_per_run.value(), DoubleNear(500, 1e-9));
    EXPECT_THAT(load.cores, DoubleNear(0.25, 1e-9));
    EXPECT_FALSE(of(profile(), XGRE_PROGRAM_PORT_TC).ns_per_run);
}

TEST_F(ProfileTest, AProgramThatAnUpgradeReplacedIsMeasuredFromItsBeginning) {
    now.programs.at(XGRE_PROGRAM_PORT_TC) = {.id = 200, .runs = 10, .ns = 3000};
    const ProgramLoad load = of(profile(), XGRE_PROGRAM_PORT_TC);
    EXPECT_EQ(load.runs, 10U);
    EXPECT_EQ(load.ns_per_run, 300);
}

TEST_F(ProfileTest, ACounterThatWasStartedAnewCountsNothing) {
    before.devices.at(kPort).traffic.rx_packets = 10;
    before.notes.at(XGRE_NOTE_LEARNED) = 3;
    EXPECT_EQ(profile().devices.at(1).traffic.rx_packets, 0U);
    EXPECT_EQ(profile().notes.at(XGRE_NOTE_LEARNED).count, 0U);
}

TEST_F(ProfileTest, FramesAreSplitByProgramByVerdictAndByCpu) {
    count(XGRE_PROGRAM_PORT_XDP, XGRE_TO_PEER, 70, 0, 0);
    count(XGRE_PROGRAM_PORT_XDP, XGRE_LOCKED, 10, 0, 1);
    count(XGRE_PROGRAM_PORT_TC, XGRE_FLOODED, 20, 60, 1);
    const Profile result = profile();
    EXPECT_EQ(result.frames, 100U);
    EXPECT_EQ(result.fast_frames, 80U);
    EXPECT_EQ(of(result, XGRE_PROGRAM_PORT_XDP).dropped, 10U);
    EXPECT_THAT(of(result, XGRE_PROGRAM_PORT_XDP).frames_by_cpu, ElementsAre(70, 10));
    EXPECT_EQ(of(result, XGRE_PROGRAM_PORT_TC).flooded, 20U);
    EXPECT_EQ(of(result, XGRE_PROGRAM_PORT_TC).copies, 60U);
    EXPECT_EQ(result.fdb.known, 70U);
    EXPECT_EQ(result.fdb.flooded, 20U);
    ASSERT_THAT(result.cpus, SizeIs(2));
    EXPECT_THAT(result.cpus[0].share, DoubleNear(0.7, 1e-9));
    EXPECT_EQ(result.cpus[1].frames, 30U);
}

// Half a second of two, which is a quarter of a CPU.
constexpr std::uint64_t kHalfASecond = 500'000'000;

TEST_F(ProfileTest, TheTimeOfTheUplinksProgramsIsTheUplinks) {
    now.programs.at(XGRE_PROGRAM_UPLINK_XDP).ns += kHalfASecond;
    now.programs.at(XGRE_PROGRAM_UPLINK_TC).ns += kHalfASecond;
    now.devices.at(kUplink).traffic.rx_packets = 1'000'000;
    const DeviceLoad uplink = profile().devices.at(0);
    EXPECT_THAT(uplink.cores, DoubleNear(0.5, 1e-9));
    EXPECT_THAT(uplink.ns_per_frame.value(), DoubleNear(1000, 1e-6));
    EXPECT_EQ(profile().devices.at(1).cores, 0);
    EXPECT_FALSE(profile().devices.at(1).ns_per_frame);
}

TEST_F(ProfileTest, TheTimeOfThePortsProgramsIsSharedOutByFrames) {
    now.devices[9].device = device("tap1", false);
    now.devices[11].device = device("tap2", false);
    before.devices = now.devices;
    take_xdp_off(11);
    now.devices.at(kPort).traffic.rx_packets = 300;
    now.devices.at(9).traffic.rx_packets = 100;
    now.devices.at(11).traffic.rx_packets = 40;
    count(XGRE_PROGRAM_PORT_XDP, XGRE_TO_PEER, 360);
    count(XGRE_PROGRAM_PORT_TC, XGRE_TO_PEER, 80);  // tap2's, and 40 that XDP left
    now.programs.at(XGRE_PROGRAM_PORT_XDP).ns += kHalfASecond;
    now.programs.at(XGRE_PROGRAM_PORT_TC).ns += kHalfASecond;
    const auto devices = profile().devices;
    EXPECT_THAT(devices.at(1).cores, DoubleNear(0.25 * 0.75 + 0.125 * 0.75, 1e-9));
    EXPECT_THAT(devices.at(2).cores, DoubleNear(0.25 * 0.25 + 0.125 * 0.25, 1e-9));
    EXPECT_THAT(devices.at(3).cores, DoubleNear(0.125, 1e-9));
}

TEST_F(ProfileTest, TheUplinkIsTheFirstDeviceAndPortsFollowByName) {
    now.devices[3].device = device("zz0", false);
    std::vector<std::string> names;
    for (const DeviceLoad& load : profile().devices)
        names.push_back(load.device);
    EXPECT_THAT(names, ElementsAre("eth0", "tap0", "zz0"));
}

TEST(CpuLoad, IsReadFromTheKernelsTables) {
    std::istringstream stat{
        "cpu  10 0 10 160 0 0 20 0 0 0\n"
        "cpu0 5 0 5 70 10 0 10 0 3 0\n"
        "cpu3 5 0 5 80 0 2 7 1 0 0\n"
        "intr 1 2 3\n"};
    std::istringstream softnet{
        "0000001a 00000000 00000000 0 0 0 0 0 0 0 0 00000000 00000000 0 0\n"
        "0000001a 00000010 0000000b 0 0 0 0 0 0 0 0 00000000 00000003 0 0\n"
        "0000001a 00000001 00000001 0 0 0 0 0 0 0 0 00000000 00000009 0 0\n"
        "0000001a 00000001\n"};
    CpuTable cpus;
    parse_stat(stat, cpus);
    parse_softnet_stat(softnet, cpus);
    ASSERT_THAT(cpus, SizeIs(2));
    EXPECT_EQ(cpus.at(0).total, 100U);
    EXPECT_EQ(cpus.at(0).idle, 80U);
    EXPECT_EQ(cpus.at(0).softirq, 10U);
    EXPECT_EQ(cpus.at(3).total, 100U);
    EXPECT_EQ(cpus.at(3).backlog_drops, 16U);
    EXPECT_EQ(cpus.at(3).squeezed, 11U);
}

TEST(CpuLoad, OfThisMachineIsThere) {
    const CpuTable cpus = read_cpu_times();
    ASSERT_THAT(cpus, Not(IsEmpty()));
    EXPECT_GT(cpus.begin()->second.total, cpus.begin()->second.idle);
}

// ---- What missed the fast path, and why -----------------------------------------------------

std::vector<std::pair<std::string, std::uint64_t>> frames_of(const std::vector<Missed>& missed) {
    std::vector<std::pair<std::string, std::uint64_t>> list;
    for (const Missed& one : missed)
        list.emplace_back(one.where, one.frames);
    return list;
}

TEST_F(ProfileTest, NothingMissesTheFastPathWhereXdpDecidesAll) {
    count(XGRE_PROGRAM_PORT_XDP, XGRE_TO_PEER, 5);
    count(XGRE_PROGRAM_UPLINK_XDP, XGRE_TO_PORT, 5);
    EXPECT_THAT(profile().missed, IsEmpty());
}

TEST_F(ProfileTest, ADeviceWithoutXdpIsTheReasonForAllItsFrames) {
    take_xdp_off(kUplink);
    take_xdp_off(kPort);
    now.devices.at(kPort).traffic.rx_packets = 30;
    count(XGRE_PROGRAM_UPLINK_TC, XGRE_TO_PORT, 40);
    count(XGRE_PROGRAM_UPLINK_TC, XGRE_FLOODED, 10);
    count(XGRE_PROGRAM_PORT_TC, XGRE_TO_PEER, 30);
    const auto missed = profile().missed;
    EXPECT_THAT(frames_of(missed), ElementsAre(std::pair{"eth0", 50}, std::pair{"tap0", 30}));
    EXPECT_EQ(missed[0].reason, "because");
    EXPECT_EQ(missed[0].remedy, "do this");
}

TEST_F(ProfileTest, WithXdpEverywhereTheReasonFollowsFromTheVerdict) {
    now.devices.at(kUplink).device.hook.xdp_transmit = false;
    now.devices.at(kUplink).device.hook.transmit_reason = "its driver takes none";
    count(XGRE_PROGRAM_PORT_TC, XGRE_FLOODED, 7);
    count(XGRE_PROGRAM_PORT_TC, XGRE_TO_PEER, 40);
    count(XGRE_PROGRAM_PORT_TC, XGRE_TOO_LARGE, 2);
    const auto missed = profile().missed;
    ASSERT_THAT(frames_of(missed),
                ElementsAre(std::pair{"tap0", 40}, std::pair{"tap0", 7}, std::pair{"tap0", 2}));
    EXPECT_THAT(missed[0].reason, HasSubstr("eth0: its driver takes none"));
    EXPECT_THAT(missed[1].reason, HasSubstr("broadcast"));
    EXPECT_THAT(missed[2].reason, HasSubstr("dropped by TC"));
}

TEST_F(ProfileTest, TcpThatGroMergesIsToldFromWhatXdpCannotTake) {
    count(XGRE_PROGRAM_UPLINK_TC, XGRE_TO_PORT, 9);
    EXPECT_THAT(profile().missed.at(0).reason, Not(HasSubstr("GRO")));
    now.devices.at(kPort).device.large_segments = true;
    EXPECT_THAT(profile().missed.at(0).reason, HasSubstr("merged by GRO, for tap0"));
}

TEST_F(ProfileTest, WhereTheCountersCannotTellAllReasonsAreNamed) {
    now.devices[9].device = device("tap1", false);
    before.devices[9] = now.devices[9];
    take_xdp_off(9);
    now.devices.at(9).traffic.rx_packets = 10;
    count(XGRE_PROGRAM_PORT_TC, XGRE_FLOODED, 4);
    count(XGRE_PROGRAM_PORT_TC, XGRE_TO_PEER, 20);
    const auto missed = profile().missed;
    ASSERT_THAT(frames_of(missed), ElementsAre(std::pair{"tap0", 14}, std::pair{"tap1", 10}));
    EXPECT_THAT(missed[0].reason, HasSubstr("broadcast"));
    EXPECT_THAT(missed[0].reason, HasSubstr("next hop"));
}

// ---- Advice ---------------------------------------------------------------------------------

TEST_F(ProfileTest, NoFrameIsTheFirstThingToSay) {
    EXPECT_THAT(advice(), ElementsAre("no-frames"));
}

TEST_F(ProfileTest, NothingStandsOutWhereXdpDecidesAll) {
    count(XGRE_PROGRAM_PORT_XDP, XGRE_TO_PEER, 500);
    EXPECT_THAT(advice(), ElementsAre("nothing"));
}

TEST_F(ProfileTest, EveryDropReasonHasAWayOut) {
    for (std::uint32_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict) {
        const VerdictText& text = kVerdictTexts.at(verdict);
        if (!text.drop) continue;
        now.cells = before.cells;
        count(XGRE_PROGRAM_UPLINK_TC, static_cast<xgre_verdict>(verdict), 10);
        const auto all = profile().advice;
        const auto found = std::ranges::find(all, "drops-" + std::string{text.name}, &Advice::id);
        ASSERT_NE(found, all.end()) << text.name;
        EXPECT_THAT(found->what, HasSubstr(std::string{text.help}));
        EXPECT_FALSE(found->way_out.empty()) << text.name;
    }
}

TEST_F(ProfileTest, ADropReasonIsToldOnceAndOnlyWhenItIsWorthAWord) {
    count(XGRE_PROGRAM_UPLINK_XDP, XGRE_TO_PORT, 10'000);
    count(XGRE_PROGRAM_UPLINK_XDP, XGRE_UNKNOWN_PEER, 60);
    EXPECT_THAT(advice(), Not(Contains("drops-unknown-peer")));
    count(XGRE_PROGRAM_UPLINK_TC, XGRE_UNKNOWN_PEER, 60);
    EXPECT_THAT(advice(), ElementsAre("drops-unknown-peer"));
    EXPECT_THAT(profile().advice.at(0).what, HasSubstr("120 frames"));
}

TEST_F(ProfileTest, LostCopiesAreDropsToo) {
    count(XGRE_PROGRAM_PORT_TC, XGRE_FLOODED, 10, 10);
    count(XGRE_PROGRAM_PORT_TC, XGRE_COPY_FAILED, 0, 10);
    EXPECT_THAT(advice(), Contains("drops-copy-failed"));
}

TEST_F(ProfileTest, APortWithoutXdpIsToldWithItsRemedyWhenItHasTraffic) {
    take_xdp_off(kPort);
    count(XGRE_PROGRAM_PORT_TC, XGRE_TO_PEER, 100);
    EXPECT_THAT(advice(), Not(Contains("port-without-xdp")));
    now.devices.at(kPort).traffic.rx_packets = 100;
    ASSERT_THAT(advice(), Contains("port-without-xdp"));
    EXPECT_EQ(profile().advice.at(0).way_out, "do this");
}

TEST_F(ProfileTest, APortOnWhichTcIsFasterIsNoFinding) {
    take_xdp_off(kPort);
    now.devices.at(kPort).device.hook.xdp_pays = false;
    now.devices.at(kPort).traffic.rx_packets = 100;
    count(XGRE_PROGRAM_PORT_TC, XGRE_TO_PEER, 100);
    EXPECT_THAT(advice(), ElementsAre("nothing"));
    EXPECT_EQ(profile().missed.at(0).frames, 100U);  // but it is told
}

TEST_F(ProfileTest, AnUplinkWithoutXdpIsTold) {
    take_xdp_off(kUplink);
    count(XGRE_PROGRAM_UPLINK_TC, XGRE_TO_PORT, 100);
    now.devices.at(kUplink).traffic.rx_packets = 100;
    EXPECT_THAT(advice(), Contains("uplink-without-xdp"));
}

TEST_F(ProfileTest, ADeviceThatXdpMayNotSendIntoIsTold) {
    now.devices.at(kPort).device.hook.xdp_transmit = false;
    now.devices.at(kPort).device.hook.transmit_reason = "its far end does not poll";
    now.devices.at(kPort).traffic.tx_packets = 100;
    count(XGRE_PROGRAM_UPLINK_TC, XGRE_TO_PORT, 100);
    EXPECT_THAT(advice(), Contains("no-xdp-transmit"));
    // ... but not where no XDP program could send.
    take_xdp_off(kPort);
    take_xdp_off(kUplink);
    EXPECT_THAT(advice(), Not(Contains("no-xdp-transmit")));
}

TEST_F(ProfileTest, FloodingIsToldWhenItIsMuchAndOften) {
    count(XGRE_PROGRAM_PORT_XDP, XGRE_TO_PEER, 10);
    count(XGRE_PROGRAM_PORT_TC, XGRE_FLOODED, 10, 30);
    EXPECT_THAT(advice(), Not(Contains("flooding")));  // five a second
    count(XGRE_PROGRAM_PORT_TC, XGRE_FLOODED, 10, 30);
    ASSERT_THAT(advice(), Contains("flooding"));
    count(XGRE_PROGRAM_PORT_XDP, XGRE_TO_PEER, 1000);
    EXPECT_THAT(advice(), Not(Contains("flooding")));  // two of a hundred
}

TEST_F(ProfileTest, AFullFdbAndAMacLimitAreTold) {
    count(XGRE_PROGRAM_PORT_XDP, XGRE_TO_PEER, 100);
    now.fdb_room = 4096;
    now.notes.at(XGRE_NOTE_FDB_FULL) += 1;
    now.notes.at(XGRE_NOTE_MAC_LIMIT) += 1;
    EXPECT_THAT(advice(), ElementsAre("fdb-full", "mac-limit"));
    EXPECT_THAT(profile().advice.at(0).what, HasSubstr("4096"));
}

TEST_F(ProfileTest, MacsThatMoveAgainAndAgainAreTold) {
    count(XGRE_PROGRAM_PORT_XDP, XGRE_TO_PEER, 100);
    now.notes.at(XGRE_NOTE_MOVED) += 1;  // in two seconds: a VM that migrated
    EXPECT_THAT(advice(), ElementsAre("nothing"));
    now.notes.at(XGRE_NOTE_MOVED) += 1;
    EXPECT_THAT(advice(), ElementsAre("moving-macs"));
}

TEST_F(ProfileTest, OneBusyCpuOfSeveralIsTold) {
    count(XGRE_PROGRAM_UPLINK_XDP, XGRE_TO_PORT, 100, 0, 1);
    EXPECT_THAT(advice(), ElementsAre("nothing"));  // it has little to do
    now.cpu_times.at(1).softirq += 150;
    ASSERT_THAT(advice(), ElementsAre("one-cpu"));
    EXPECT_THAT(profile().advice.at(0).what, HasSubstr("CPU 1"));
    count(XGRE_PROGRAM_UPLINK_XDP, XGRE_TO_PORT, 100, 0, 0);
    EXPECT_THAT(advice(), ElementsAre("nothing"));
}

TEST_F(ProfileTest, LossesOfTheMachineAndOfDevicesAreTold) {
    count(XGRE_PROGRAM_UPLINK_XDP, XGRE_TO_PORT, 100);
    now.cpu_times.at(0).backlog_drops += 3;
    now.devices.at(kPort).traffic.tx_packets = 100;
    now.devices.at(kPort).tx_dropped = 50;
    EXPECT_THAT(advice(), ElementsAre("device-drops", "backlog-drops"));
    EXPECT_THAT(profile().advice.at(0).what, HasSubstr("tap0 dropped 50 of 100"));
}

TEST_F(ProfileTest, SettingsOfTheKernelThatMakeItSlowAreTold) {
    count(XGRE_PROGRAM_PORT_TC, XGRE_TO_PEER, 100);
    now.forwards_on_loopback = false;
    now.jit = false;
    EXPECT_THAT(advice(), ElementsAre("no-jit", "no-next-hop"));
}

}  // namespace
}  // namespace xgre::test
