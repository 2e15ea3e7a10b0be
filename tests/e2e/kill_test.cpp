// SPDX-License-Identifier: GPL-2.0-only
// kill -9 in the middle of every command that changes something, at each of its system calls that
// do: what was up goes on, and the next command works as if nothing had been.
//
// With XGRE_KILL_ALL in the environment at every call, before it and after it; else between every
// two kinds of calls that follow each other, once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/e2e/stepper.h"
#include "tests/e2e/tap_host.h"

namespace xgre::test {
namespace {

constexpr std::size_t kDetachEvery = 4;  // of the kills, those after which to detach instead

using Action = std::function<void(TapHost&)>;

Action command(std::string words) {
    return [words = std::move(words)](TapHost& host) { host.must_xgre(words); };
}

void nothing(TapHost&) {}

struct KillCase {
    const char* name;
    const char* command;
    Action prepare = nothing;  // on what TapHost::build() made
    Action undo = {};          // of the command; without: all is made anew
    bool attached = true;      // there is an instance before
    bool detaches = false;     // there is none afterwards
    TcHook hook = TcHook::automatic;
    bool says_repairs = false;  // it has steps that the next command mends
    std::size_t every = 1;      // not all kill points, where each takes its time
};

void PrintTo(const KillCase& kill_case, std::ostream* out) {
    *out << "xgre " << kill_case.command;
}

bool kill_everywhere() {
    return std::getenv("XGRE_KILL_ALL") != nullptr;
}

// What a call does, without the name of what it does it to.
std::string kind_of(const std::string& call) {
    const auto slash = call.rfind('/');
    return slash == std::string::npos ? call : call.substr(0, slash);
}

// The number of the call before each pair of neighbours, by their kinds, that was not before.
std::vector<KillPoint> choose(const std::vector<std::string>& calls, std::size_t every) {
    std::vector<KillPoint> points{{.call = 0, .after = false}};
    std::set<std::pair<std::string, std::string>> seen;
    for (std::size_t call = 0; call < calls.size(); ++call) {
        const std::string next = call + 1 < calls.size() ? kind_of(calls[call + 1]) : "end";
        const bool is_new = seen.emplace(kind_of(calls[call]), next).second;
        if (kill_everywhere() && call > 0) points.push_back({.call = call, .after = false});
        if (kill_everywhere() || is_new) points.push_back({.call = call, .after = true});
    }
    if (kill_everywhere()) return points;
    std::vector<KillPoint> some;
    for (std::size_t i = 0; i < points.size(); i += every)
        some.push_back(points[i]);
    return some;
}

class KillDuring : public ::testing::TestWithParam<KillCase> {
protected:
    void build() {
        AttachSpec spec = TapHost::attach_spec();
        spec.tc_hook = GetParam().hook;
        if (GetParam().attached) host.build(spec);
        GetParam().prepare(host);
        base_ = host.state();
    }

    void rebuild() {
        Instance::detach(host.session(), true);
        build();
    }

    // Back to before the command, which is done.
    void restore() {
        if (!GetParam().undo) return rebuild();
        GetParam().undo(host);
        ASSERT_EQ(host.state(), base_);
    }

    Stepped cut(const KillPoint& point) {
        const Stepped stepped = step(host.command(GetParam().command), point);
        if (!stepped.killed) {
            EXPECT_EQ(stepped.status, 0) << stepped.diagnostics;
        }
        EXPECT_TRUE(host.programs_are_whole());
        if (GetParam().attached && !GetParam().detaches) {
            EXPECT_TRUE(host.carries_traffic());
        }
        return stepped;
    }

    void expect_next_command_works() {
        const Ended again = host.xgre(GetParam().command);
        EXPECT_EQ(again.status, 0) << again.diagnostics;
        said_ += again.diagnostics;
        EXPECT_EQ(host.state(), wanted_);
        EXPECT_TRUE(host.programs_are_whole());
        if (GetParam().detaches) {
            EXPECT_THAT(host.leftovers(), ::testing::IsEmpty());
        } else {
            EXPECT_THAT(host.repairs(), ::testing::IsEmpty());
            if (GetParam().attached) {
                EXPECT_TRUE(host.carries_traffic());
            }
        }
    }

    void expect_detach_leaves_nothing() {
        const Ended ended = host.xgre("detach --all");
        EXPECT_EQ(ended.status, 0) << ended.diagnostics;
        EXPECT_THAT(host.leftovers(), ::testing::IsEmpty());
    }

    TapHost host;
    std::string base_;
    std::string wanted_;
    std::string said_;
};

TEST_P(KillDuring, TheNextCommandWorksAndNothingIsHalfDone) {
    build();
    const Stepped whole = step(host.command(GetParam().command));
    ASSERT_EQ(whole.status, 0) << whole.diagnostics;
    ASSERT_FALSE(whole.calls.empty());
    wanted_ = host.state();
    if (!GetParam().detaches) {
        ASSERT_THAT(host.repairs(), ::testing::IsEmpty());
    }
    const auto points = choose(whole.calls, GetParam().every);
    fmt::print("{} calls, killed at {}\n", whole.calls.size(), points.size());
    for (std::size_t i = 0; i < points.size() && !HasFatalFailure(); ++i) {
        const KillPoint& point = points[i];
        SCOPED_TRACE(fmt::format("killed {} call {} of {}: {}", point.after ? "after" : "before",
                                 point.call + 1, whole.calls.size(), whole.calls[point.call]));
        ASSERT_NO_FATAL_FAILURE(restore());
        cut(point);
        expect_next_command_works();
        if (!kill_everywhere() && i % kDetachEvery != 0) continue;
        ASSERT_NO_FATAL_FAILURE(restore());
        cut(point);
        expect_detach_leaves_nothing();
        build();
        host.must_xgre(GetParam().command);
    }
    if (GetParam().says_repairs) {
        EXPECT_THAT(said_, ::testing::HasSubstr("repaired: "));
    }
}

// A frame of a VM with another address than the static one: it is learned.
void learn_one(TapHost& host) {
    ASSERT_TRUE(host.send(TapHost::kVm0, eth(kVmC, kVmB) / payload(46)));
    host.take(TapHost::kWire);
}

void vanish_and_return(TapHost& host) {
    host.must_xgre("port add vm1 --network lan --static 02:00:00:00:0a:03 --mac-limit 5");
    host.restart_vm(TapHost::kVm1);
}

INSTANTIATE_TEST_SUITE_P(
    Commands, KillDuring,
    ::testing::Values(
        KillCase{.name = "Attach", .command = "attach wire0 --local 198.18.0.1", .attached = false},
        KillCase{.name = "AttachToClsact",
                 .command = "attach wire0 --local 198.18.0.1 --tc clsact",
                 .attached = false},
        KillCase{.name = "Upgrade",
                 .command = "attach wire0 --local 198.18.0.1 --upgrade",
                 .undo = nothing},
        KillCase{.name = "UpgradeAtClsact",
                 .command = "attach wire0 --local 198.18.0.1 --upgrade",
                 .undo = nothing,
                 .hook = TcHook::clsact},
        KillCase{.name = "UpgradeSpread",
                 .command = "attach wire0 --local 198.18.0.1 --upgrade",
                 .prepare = command("attach wire0 --local 198.18.0.1 --spread 0"),
                 .undo = nothing},
        KillCase{.name = "Spread",
                 .command = "attach wire0 --local 198.18.0.1 --spread 0",
                 .undo = command("attach wire0 --local 198.18.0.1 --spread auto")},
        KillCase{.name = "SpreadNoMore",
                 .command = "attach wire0 --local 198.18.0.1 --spread off",
                 .prepare = command("attach wire0 --local 198.18.0.1 --spread 0"),
                 .undo = command("attach wire0 --local 198.18.0.1 --spread 0")},
        KillCase{.name = "NetworkAdd",
                 .command = "network add two --key 2 --mtu 1400 --ageing 60",
                 .undo = command("network del two")},
        KillCase{.name = "NetworkDel",
                 .command = "network del two",
                 .prepare = command("network add two --key 2 --mtu 1400"),
                 .undo = command("network add two --key 2 --mtu 1400")},
        KillCase{.name = "PortAdd",
                 .command = "port add vm1 --network lan --static 02:00:00:00:0a:03 "
                            "--static 02:00:00:00:0a:04 --mac-limit 5 --isolated",
                 .undo = command("port del vm1"),
                 .says_repairs = true},
        KillCase{.name = "PortAddGuarded",
                 .command = "port add vm1 --network lan --broadcast-limit 7 --unknown-limit 8 "
                            "--ra-guard --lease-bound --address 192.0.2.7 --address 2001:db8:2::7",
                 .undo = command("port del vm1"),
                 .says_repairs = true},
        KillCase{.name = "PortDelGuarded",
                 .command = "port del vm1",
                 .prepare = command("port add vm1 --network lan --lease-bound --address 192.0.2.7"),
                 .undo = command("port add vm1 --network lan --lease-bound --address 192.0.2.7"),
                 .says_repairs = true},
        KillCase{.name = "PortAddressesChange",
                 .command = "port add vm0 --lease-bound off --address 192.0.2.8",
                 .prepare = command("port add vm0 --ra-guard --address 192.0.2.7"),
                 .undo = command("port add vm0 --ra-guard --address 192.0.2.7")},
        KillCase{.name = "PortAddAtClsact",
                 .command = "port add vm1 --network lan --static 02:00:00:00:0a:03",
                 .undo = command("port del vm1"),
                 .hook = TcHook::clsact},
        KillCase{.name = "PortAddOfATapThatIsBack",
                 .command = "port add vm1",
                 .prepare = vanish_and_return},
        KillCase{.name = "PortDel",
                 .command = "port del vm1",
                 .prepare = command("port add vm1 --network lan --static 02:00:00:00:0a:03"),
                 .undo = command("port add vm1 --network lan --static 02:00:00:00:0a:03"),
                 .says_repairs = true},
        KillCase{.name = "PeerAdd",
                 .command = "peer add 198.18.0.3 --network lan",
                 .undo = command("peer del 198.18.0.3 --network lan"),
                 .says_repairs = true},
        KillCase{.name = "PeerDel",
                 .command = "peer del 198.18.0.3 --network lan",
                 .prepare = command("peer add 198.18.0.3 --network lan"),
                 .undo = command("peer add 198.18.0.3 --network lan"),
                 .says_repairs = true},
        KillCase{.name = "FdbAdd",
                 .command = "fdb add 02:00:00:00:0a:04 --network lan --peer 198.18.0.2",
                 .undo = command("fdb del 02:00:00:00:0a:04 --network lan")},
        KillCase{.name = "FdbDel",
                 .command = "fdb del 02:00:00:00:0a:04 --network lan",
                 .prepare = command("fdb add 02:00:00:00:0a:04 --network lan --port vm0"),
                 .undo = command("fdb add 02:00:00:00:0a:04 --network lan --port vm0")},
        KillCase{.name = "FdbFlush",
                 .command = "fdb flush --network lan",
                 .prepare = learn_one,
                 .undo = learn_one},
        KillCase{.name = "DhcpStart",
                 .command = "dhcp start --network lan --subnet 192.0.2.0/24",
                 .undo = command("dhcp stop --network lan"),
                 .every = 4},
        KillCase{.name = "DhcpStop",
                 .command = "dhcp stop --network lan",
                 .prepare = command("dhcp start --network lan --subnet 192.0.2.0/24"),
                 .undo = command("dhcp start --network lan --subnet 192.0.2.0/24"),
                 .every = 3},
        KillCase{.name = "DetachAll", .command = "detach --all", .detaches = true},
        KillCase{.name = "DetachAllWhileSpread",
                 .command = "detach --all",
                 .prepare = command("attach wire0 --local 198.18.0.1 --spread 0"),
                 .detaches = true},
        KillCase{.name = "DetachAllWithDhcp",
                 .command = "detach --all",
                 .prepare = command("dhcp start --network lan --subnet 192.0.2.0/24"),
                 .detaches = true,
                 .every = 4},
        KillCase{.name = "DetachAllFromClsact",
                 .command = "detach --all",
                 .detaches = true,
                 .hook = TcHook::clsact}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace xgre::test
