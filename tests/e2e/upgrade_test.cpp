// SPDX-License-Identifier: GPL-2.0-only
// A newer tool on a running instance, an older one, and several commands at once.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "loader/pins.h"
#include "tests/e2e/stream.h"
#include "tests/e2e/tap_host.h"
#include "xgre/abi.h"

namespace xgre::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// ---- Upgrade under load --------------------------------------------------------------------

struct Hooking {
    const char* name;
    bool xdp;
    TcHook tc;
    bool spread = false;
};

void PrintTo(const Hooking& hooking, std::ostream* out) {
    *out << hooking.name;
}

class Upgrade : public ::testing::TestWithParam<Hooking> {
protected:
    TapHost host;
};

// case E03
TEST_P(Upgrade, ReplacesProgramsUnderLoadWithoutLosingAFrame) {
    constexpr int kTimes = 5;
    AttachSpec spec = TapHost::attach_spec();
    spec.xdp = GetParam().xdp ? XdpUse::on : XdpUse::off;
    spec.tc_hook = GetParam().tc;
    if (GetParam().spread) spec.spread = Spread{SpreadMode::all, {}};
    host.build(spec);
    host.must_xgre("port add vm2 --network lan --static 02:00:00:00:0a:03");  // TC, always
    const auto before = host.state();
    const auto first = host.programs_at(TapHost::kWire);

    std::atomic<bool> is_done = false;
    std::vector<Ended> ended;
    std::thread upgrades{[&] {
        for (int i = 0; i < kTimes; ++i)
            ended.push_back(host.xgre("attach wire0 --local 198.18.0.1 --upgrade"));
        is_done = true;
    }};
    std::vector<Stream> streams{
        {TapHost::kVm0, TapHost::kWire, kVmA, kVmB},
        {TapHost::kWire, TapHost::kVm0, kVmB, kVmA},
        {TapHost::kWire, TapHost::kVm2, kVmB, kVmC},
        {TapHost::kVm2, TapHost::kWire, kVmC, kVmB},
    };
    // It would take for its own what comes late from the wire.
    if (!GetParam().spread) streams.emplace_back(TapHost::kVm2, TapHost::kVm0, kVmC, kVmA);
    while (!is_done) {
        for (Stream& stream : streams)
            stream.send(host);
    }
    upgrades.join();

    std::uint64_t sent = 0;
    for (Stream& stream : streams) {
        stream.expect_nothing_lost(host, GetParam().spread);
        sent += stream.sent();
    }
    fmt::print("{} frames during {} upgrades\n", sent, kTimes);
    for (const Ended& upgrade : ended) {
        EXPECT_EQ(upgrade.status, 0) << upgrade.diagnostics;
        EXPECT_THAT(upgrade.diagnostics, IsEmpty());
    }
    EXPECT_EQ(host.state(), before);
    EXPECT_THAT(host.repairs(), IsEmpty());
    for (const std::uint32_t program : host.programs_at(TapHost::kWire))
        EXPECT_THAT(first, Not(Contains(program)));
}

INSTANTIATE_TEST_SUITE_P(Hooks, Upgrade,
                         ::testing::Values(Hooking{"XdpAndTcx", true, TcHook::tcx},
                                           Hooking{"Spread", true, TcHook::tcx, true},
                                           Hooking{"Tcx", false, TcHook::tcx},
                                           Hooking{"Clsact", false, TcHook::clsact}),
                         [](const auto& test) { return test.param.name; });

// ---- Other versions ------------------------------------------------------------------------

class OneInstance : public ::testing::Test {
protected:
    // As a tool of another version would have left it.
    void set_abi_version(std::uint32_t version) const {
        const std::string path = pins::directory(host.session().instance) + "/maps/uplink";
        const Fd map{bpf_obj_get(path.c_str())};
        const std::uint32_t key = 0;
        xgre_uplink row{};
        ASSERT_EQ(bpf_map_lookup_elem(map.get(), &key, &row), 0);
        row.abi_version = version;
        ASSERT_EQ(bpf_map_update_elem(map.get(), &key, &row, BPF_ANY), 0);
    }

    TapHost host;
};

TEST_F(OneInstance, PinsOfAnotherVersionAreRefusedAndGoOnWorking) {
    host.build(TapHost::attach_spec());
    const auto before = host.state();
    const auto programs = host.programs_at(TapHost::kWire);
    ASSERT_NO_FATAL_FAILURE(set_abi_version(XGRE_ABI_VERSION + 1));
    for (const char* words :
         {"attach wire0 --local 198.18.0.1", "attach wire0 --local 198.18.0.1 --upgrade", "detach",
          "network add two --key 2", "network del lan", "port add vm1 --network lan",
          "port del vm0", "peer add 198.18.0.3 --network lan", "peer del 198.18.0.2 --network lan",
          "fdb flush", "fdb add 02:00:00:00:0a:04 --network lan --port vm0", "show", "stats",
          "network show", "dhcp start --network lan --subnet 192.0.2.0/24"}) {
        SCOPED_TRACE(words);
        const Ended ended = host.xgre(words);
        EXPECT_EQ(ended.status, 1);
        EXPECT_THAT(ended.diagnostics,
                    HasSubstr(fmt::format("version {}, this tool speaks version {}",
                                          XGRE_ABI_VERSION + 1, XGRE_ABI_VERSION)));
        EXPECT_THAT(ended.diagnostics, HasSubstr("`xgre detach --all` and attach again"));
    }
    EXPECT_TRUE(host.carries_traffic());
    EXPECT_EQ(host.programs_at(TapHost::kWire), programs);
    ASSERT_NO_FATAL_FAILURE(set_abi_version(XGRE_ABI_VERSION));
    EXPECT_EQ(host.state(), before);
}

TEST_F(OneInstance, PinsOfAnotherVersionAreRemovedByDetachAll) {
    for (const TcHook hook : {TcHook::tcx, TcHook::clsact}) {
        AttachSpec spec = TapHost::attach_spec();
        spec.tc_hook = hook;
        host.build(spec);
        ASSERT_NO_FATAL_FAILURE(set_abi_version(XGRE_ABI_VERSION + 1));
        const Ended ended = host.xgre("detach --all");
        EXPECT_EQ(ended.status, 0) << ended.diagnostics;
        EXPECT_THAT(host.leftovers(), IsEmpty());
    }
}

// ---- At once -------------------------------------------------------------------------------

TEST_F(OneInstance, AtOnceDoWhatTheyWouldOneAfterTheOther) {
    std::vector<std::string> all{"port add vm1 --network lan --static 02:00:00:00:0a:03",
                                 "port add vm2 --network lan", "port add vm0 --mac-limit 9"};
    for (int i = 10; i < 20; ++i)
        all.push_back(fmt::format("peer add 198.18.0.{} --network lan", i));
    for (int i = 10; i < 17; ++i)
        all.push_back(fmt::format("network add n{} --key {}", i, i));
    ASSERT_EQ(all.size(), 20U);

    host.build(TapHost::attach_spec());
    for (const std::string& words : all)
        host.must_xgre(words);
    const auto wanted = host.state();
    ASSERT_EQ(Instance::detach(host.session(), true), Change::made);

    host.build(TapHost::attach_spec());
    std::vector<std::future<Ended>> running;
    for (const std::string& words : all)
        running.push_back(std::async(std::launch::async, [&] { return host.xgre(words); }));
    for (std::size_t i = 0; i < all.size(); ++i) {
        const Ended ended = running[i].get();
        EXPECT_EQ(ended.status, 0) << all[i] << ": " << ended.diagnostics;
        EXPECT_THAT(ended.diagnostics, IsEmpty()) << all[i];
    }
    EXPECT_EQ(host.state(), wanted);
    EXPECT_THAT(host.repairs(), IsEmpty());
    EXPECT_TRUE(host.programs_are_whole());
}

TEST_F(OneInstance, TheSameAtOnceIsMadeOnce) {
    constexpr int kTimes = 8;
    host.build(TapHost::attach_spec());
    std::vector<std::future<Ended>> running;
    for (int i = 0; i < kTimes; ++i)
        running.push_back(std::async(
            std::launch::async, [&] { return host.xgre("peer add 198.18.0.3 --network lan"); }));
    int made = 0;
    for (auto& command : running) {
        const Ended ended = command.get();
        EXPECT_EQ(ended.status, 0) << ended.diagnostics;
        made += ended.diagnostics.empty() ? 1 : 0;
    }
    EXPECT_EQ(made, 1);
    EXPECT_EQ(Instance::view(host.session()).peers().size(), 2U);
}

TEST_F(OneInstance, AttachAtOnceIsMadeOnce) {
    constexpr int kTimes = 4;
    std::vector<std::future<Ended>> running;
    for (int i = 0; i < kTimes; ++i)
        running.push_back(std::async(std::launch::async,
                                     [&] { return host.xgre("attach wire0 --local 198.18.0.1"); }));
    int made = 0;
    for (auto& command : running) {
        const Ended ended = command.get();
        EXPECT_EQ(ended.status, 0) << ended.diagnostics;
        made += ended.diagnostics.empty() ? 1 : 0;
    }
    EXPECT_EQ(made, 1);
    EXPECT_TRUE(host.programs_are_whole());
}

}  // namespace
}  // namespace xgre::test
