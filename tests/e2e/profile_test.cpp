// SPDX-License-Identifier: GPL-2.0-only
// `xgre profile` on a host with traffic: right counts, and no trace of it afterwards.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "loader/pins.h"
#include "tests/e2e/tap_host.h"
#include "xgre/profile.h"

namespace xgre::test {
namespace {

const ProgramLoad& of(const Profile& profile, std::string_view program) {
    return *std::ranges::find(profile.programs, program, &ProgramLoad::program);
}

class ProfileOfAHost : public testing::Test {
protected:
    void SetUp() override { host.build(TapHost::attach_spec()); }

    void send(std::string_view device, const Packet& frame, int times) const {
        for (int i = 0; i < times; ++i)
            ASSERT_TRUE(host.send(device, frame));
    }
    // Of the program, as long as statistics are on.
    std::uint64_t runs(const std::string& program) const {
        const Fd fd{bpf_obj_get(
            (pins::directory(host.session().instance) + "/programs/" + program).c_str())};
        bpf_prog_info info{};
        std::uint32_t len = sizeof(info);
        if (bpf_obj_get_info_by_fd(fd.get(), &info, &len) != 0) ADD_FAILURE() << program;
        return info.run_cnt;
    }

    TapHost host;
};

TEST_F(ProfileOfAHost, CountsWhatEachProgramDidInTheTime) {
    send(TapHost::kVm0, eth(kVmA, kVmB) / payload(46), 3);  // before it begins
    Profiler profiler = Profiler::start(host.session());
    send(TapHost::kVm0, eth(kVmA, kVmB) / payload(46), 20);
    send(TapHost::kWire, from_host_b(eth(kVmB, kVmA) / payload(46)), 10);
    send(TapHost::kVm0, eth(kVmA, kBroadcast) / payload(46), 5);
    const Profile profile = profiler.take();

    EXPECT_EQ(profile.frames, 35U);
    EXPECT_EQ(profile.fast_frames, 30U);
    EXPECT_EQ(of(profile, "port_xdp").runs, 25U);  // the broadcasts, too, which it left to TC
    EXPECT_EQ(of(profile, "port_xdp").frames, 20U);
    EXPECT_EQ(of(profile, "uplink_xdp").runs, 10U);
    EXPECT_EQ(of(profile, "port_tc").frames, 5U);
    EXPECT_EQ(of(profile, "port_tc").flooded, 5U);
    EXPECT_EQ(of(profile, "port_tc").copies % 5, 0U);
    EXPECT_GT(of(profile, "port_xdp").ns_per_run.value(), 0);
    EXPECT_GT(of(profile, "port_xdp").cores, 0);
    EXPECT_EQ(profile.fdb.known, 30U);
    EXPECT_EQ(profile.fdb.flooded, 5U);
    ASSERT_EQ(profile.missed.size(), 1U);
    EXPECT_EQ(profile.missed[0].frames, 5U);
    EXPECT_EQ(profile.devices.at(0).device, TapHost::kWire);
    EXPECT_EQ(profile.devices.at(0).traffic.rx_packets, 10U);
    EXPECT_EQ(profile.devices.at(1).traffic.rx_packets, 25U);

    // The next one begins where this one ended.
    send(TapHost::kVm0, eth(kVmA, kVmB) / payload(46), 1);
    EXPECT_EQ(profiler.take().frames, 1U);
}

TEST_F(ProfileOfAHost, TellsWhyAPortHasNoXdp) {
    host.must_xgre("port add vm2 --network lan");
    Profiler profiler = Profiler::start(host.session());
    send(TapHost::kVm2, eth(kVmC, kVmA) / payload(46), 4);
    const Profile profile = profiler.take();
    ASSERT_EQ(profile.missed.size(), 1U);
    EXPECT_EQ(profile.missed[0].where, TapHost::kVm2);
    EXPECT_EQ(profile.missed[0].frames, 4U);
    EXPECT_THAT(profile.missed[0].reason, testing::HasSubstr("vnet_hdr"));
    EXPECT_THAT(profile.missed[0].remedy, testing::HasSubstr("vnet_hdr=off"));
}

TEST_F(ProfileOfAHost, KeepsCountingOverAnUpgrade) {
    Profiler profiler = Profiler::start(host.session());
    send(TapHost::kVm0, eth(kVmA, kVmB) / payload(46), 2);
    AttachSpec upgrade = TapHost::attach_spec();
    upgrade.upgrade = true;
    Instance::attach(host.session(), upgrade);
    send(TapHost::kVm0, eth(kVmA, kVmB) / payload(46), 3);
    const Profile profile = profiler.take();
    EXPECT_EQ(profile.frames, 5U);
    EXPECT_EQ(of(profile, "port_xdp").runs, 3U);  // of the new program
}

TEST_F(ProfileOfAHost, ChangesNothing) {
    const std::string before = host.state();
    const Ended ended = host.xgre("profile --seconds 0.1");
    EXPECT_EQ(ended.status, 0) << ended.diagnostics;
    EXPECT_EQ(host.state(), before);
    EXPECT_THAT(host.repairs(), testing::IsEmpty());
}

TEST_F(ProfileOfAHost, TellsWhichStepsOfAProgramTheTimeGoesTo) {
    Profiler profiler = Profiler::start(host.session(), {.sample_rate = 5000});
    const Packet frame = eth(kVmA, kVmB) / payload(46);
    Profile profile;
    EXPECT_TRUE(eventually(
        [&] {
            send(TapHost::kVm0, frame, 20'000);
            host.take(TapHost::kWire);
            profile = profiler.take();
            return std::ranges::count(profile.stages.value().steps, "port_xdp",
                                      &StepLoad::program) > 2;
        },
        std::chrono::milliseconds{60'000}));
    double whole = 0;
    for (const StepLoad& step : profile.stages->steps) {
        EXPECT_NE(step.step, "other") << step.program;
        if (step.program != "port_xdp") continue;
        whole += step.share;
        EXPECT_GT(step.ns_per_run.value(), 0);
    }
    EXPECT_NEAR(whole, 1, 1e-6);
    EXPECT_FALSE(profile.stages->other_build);
    EXPECT_GT(profile.stages->in_programs, 0);
    EXPECT_THAT(folded_stacks(profile.stacks), testing::HasSubstr("xgre:port_xdp"));
}

// Needs a machine on which nobody else profiles just now: tests of this room run alone.
TEST_F(ProfileOfAHost, KilledItLeavesTheStatisticsOff) {
    int always_on = 0;
    std::ifstream{"/proc/sys/kernel/bpf_stats_enabled"} >> always_on;
    if (always_on != 0) GTEST_SKIP() << "kernel.bpf_stats_enabled is 1 on this machine";
    const Packet frame = eth(kVmA, kVmB) / payload(46);

    const auto argv = host.command("profile --live --seconds 0.1");
    Command command;
    command.argv = argv;
    const pid_t pid = start(command, std::chrono::milliseconds{0});
    const std::uint64_t before = runs("port_xdp");
    EXPECT_TRUE(eventually([&] {
        return host.send(TapHost::kVm0, frame) && runs("port_xdp") > before;
    })) << "statistics were never on";
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);

    const std::uint64_t after = runs("port_xdp");
    send(TapHost::kVm0, frame, 10);
    EXPECT_EQ(runs("port_xdp"), after);
}

}  // namespace
}  // namespace xgre::test
