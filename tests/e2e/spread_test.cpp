// SPDX-License-Identifier: GPL-2.0-only
// Two hosts, one tunnel, all CPUs of the receiver.
#include <bpf/bpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "loader/pins.h"
#include "loader/spread.h"
#include "tests/e2e/lab.h"
#include "tests/packet/wire.h"
#include "xgre/profile.h"

namespace xgre::test {
namespace {

void spread(const Host& host, const Spread& over) {
    AttachSpec spec;
    spec.uplink = "uplink0";
    spec.local = host.address();
    spec.spread = over;
    Instance::attach(host.session(), spec);
}

void spread_over_all(const Host& host) {
    spread(host, {SpreadMode::all, {}});
}

class Spreading : public testing::Test {
protected:
    Spreading() {
        lab.mesh("lan", 7, Path::xdp);
        spread_over_all(b);
    }

    Lab lab;
    Host& b = lab.host('b');
};

constexpr std::uint16_t kFirstPort = 40000;

Packet numbered(std::uint16_t flow, std::uint32_t number) {
    Bytes body(46);
    std::memcpy(body.data(), &number, sizeof(number));
    return eth(kVmA, kVmB) / ipv4(kVmA, kVmB) /
           udp(static_cast<std::uint16_t>(kFirstPort + flow), 53) / raw(body);
}

TEST_F(Spreading, KeepsTheOrderOfEachOfManyFlowsAndLosesNothing) {
    constexpr std::uint16_t kFlows = 40;
    constexpr std::uint32_t kBurst = 4;
    constexpr std::uint32_t kRounds = 25;
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(b1, {&a1});  // host a knows where it is
    lab.settle(a1, {&b1});
    b1.take();
    Profiler profiler = Profiler::start(b.session(), {});

    std::map<std::uint16_t, std::vector<std::uint32_t>> got;
    for (std::uint32_t round = 0; round < kRounds; ++round) {
        for (std::uint32_t i = 0; i < kBurst; ++i)
            for (std::uint16_t flow = 0; flow < kFlows; ++flow)
                a1.send(numbered(flow, round * kBurst + i));
        std::size_t arrived = 0;
        EXPECT_TRUE(eventually([&] {
            for (const Packet& frame : b1.take()) {
                std::uint32_t number = 0;
                if (frame.size() < 42 + sizeof(number)) continue;
                std::memcpy(&number, frame.data() + 42, sizeof(number));
                got[static_cast<std::uint16_t>(get16(frame.bytes(), 34) - kFirstPort)].push_back(
                    number);
                ++arrived;
            }
            return arrived >= kBurst * kFlows;
        }));
    }
    EXPECT_EQ(got.size(), kFlows);
    for (const auto& [flow, numbers] : got) {
        EXPECT_EQ(numbers.size(), kBurst * kRounds) << "flow " << flow;
        EXPECT_TRUE(std::ranges::is_sorted(numbers)) << "flow " << flow;
    }
    EXPECT_THAT(b.drops(), testing::IsEmpty());

    const Profile profile = profiler.take();
    for (const ProgramLoad& load : profile.programs) {
        if (load.program != "uplink_cpu_xdp") continue;
        EXPECT_EQ(load.frames, kFlows * kBurst * kRounds);
        for (const std::uint32_t cpu : system_cpus("online").list())
            EXPECT_GT(load.frames_by_cpu.at(cpu), 0U) << "CPU " << cpu;
    }
}

struct Port {
    const char* name;
    bool offloads;
};

class SpreadTcp : public testing::TestWithParam<Port> {};
INSTANTIATE_TEST_SUITE_P(, SpreadTcp,
                         testing::Values(Port{"ToAPortThatTakesLargeSegments", true},
                                         Port{"ToAPortThatTakesNone", false}),
                         [](const auto& test) { return test.param.name; });

TEST_P(SpreadTcp, ArrivesIntactBothWays) {
    Lab lab;
    lab.mesh("lan", 7, Path::xdp);
    spread_over_all(lab.host('a'));
    spread_over_all(lab.host('b'));
    const VmOptions options{
        .port_offloads = GetParam().offloads, .with_address = true, .mtu = 1458};
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan", options);
    const Vm& b1 = lab.join('b', "b1", kVmB, "lan", options);
    EXPECT_TRUE(a1.netns().ping(kVmB, 1000));
    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB));
    EXPECT_TRUE(tcp_arrives_intact(b1.netns(), a1.netns(), kVmA));
    for (const char letter : {'a', 'b'}) {
        EXPECT_THAT(lab.host(letter).drops(), testing::IsEmpty());
        // Pings, if nothing else: on some kernels TCP stays where it came in.
        EXPECT_GT(lab.host(letter).verdicts("to-port", "uplink_cpu_xdp"), 0U);
    }
}

// A CPU map takes them in fragments, and whole to the other CPU.
TEST(SpreadJumbo, ArrivesIntactBothWays) {
    Lab lab{{.wire_mtu = 9000}};
    lab.mesh("lan", 7, Path::xdp);
    spread_over_all(lab.host('a'));
    spread_over_all(lab.host('b'));
    const VmOptions options{.with_address = true, .mtu = 9000 - 42};
    Vm& a1 = lab.join('a', "a1", kVmA, "lan", options);
    Vm& b1 = lab.join('b', "b1", kVmB, "lan", options);
    for (const char host : {'a', 'b'})
        lab.host(host).netns().ip(fmt::format("link set v-{}1 mtu {}", host, options.mtu));
    lab.settle(a1, {&b1});
    const Packet large = eth(kVmA, kVmB) / payload(options.mtu);
    a1.send(large);
    EXPECT_TRUE(b1.gets(large));
    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB));
    EXPECT_TRUE(tcp_arrives_intact(b1.netns(), a1.netns(), kVmA));
    for (const char letter : {'a', 'b'}) {
        EXPECT_THAT(lab.host(letter).drops(), testing::IsEmpty());
        EXPECT_GT(lab.host(letter).verdicts("to-port", "uplink_tc"), 0U);
    }
}

TEST_F(Spreading, IsShownAndChangesWhileTrafficFlows) {
    const CpuSet online = system_cpus("online");
    const auto shown = [this] { return Instance::view(b.session()).show(); };
    EXPECT_EQ(shown().spread, (Spread{SpreadMode::all, {}}));
    EXPECT_EQ(shown().spread_cpus, online.list());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan", {.with_address = true});
    lab.join('b', "b1", kVmB, "lan", {.with_address = true});
    EXPECT_TRUE(a1.netns().ping(kVmB));
    EXPECT_GT(b.verdicts("to-port", "uplink_cpu_xdp"), 0U);

    spread(b, {SpreadMode::off, {}});
    EXPECT_THAT(shown().spread_cpus, testing::IsEmpty());
    const auto before = b.verdicts("to-port", "uplink_cpu_xdp");
    EXPECT_TRUE(a1.netns().ping(kVmB));
    EXPECT_EQ(b.verdicts("to-port", "uplink_cpu_xdp"), before);

    spread(b, {SpreadMode::list, *CpuSet::parse("0")});
    EXPECT_THAT(shown().spread_cpus, testing::ElementsAre(0U));
    EXPECT_TRUE(a1.netns().ping(kVmB));
    EXPECT_GT(b.verdicts("to-port", "uplink_cpu_xdp"), before);
    EXPECT_THAT(b.open().repairs(), testing::IsEmpty());
}

// Without --spread, it stays as it is.
TEST_F(Spreading, StaysWhenAttachIsGivenAgain) {
    AttachSpec spec;
    spec.uplink = "uplink0";
    spec.local = b.address();
    EXPECT_EQ(Instance::attach(b.session(), spec), Change::unchanged);
    spec.upgrade = true;
    Instance::attach(b.session(), spec);
    EXPECT_EQ(Instance::view(b.session()).show().spread_cpus, system_cpus("online").list());
    EXPECT_THAT(b.open().repairs(), testing::IsEmpty());
}

TEST_F(Spreading, EndsWithXdp) {
    AttachSpec spec;
    spec.uplink = "uplink0";
    spec.local = b.address();
    spec.xdp = XdpUse::off;
    EXPECT_EQ(Instance::attach(b.session(), spec), Change::made);
    const InstanceInfo info = Instance::view(b.session()).show();
    EXPECT_THAT(info.spread_cpus, testing::IsEmpty());
    EXPECT_THAT(info.spread_notes, testing::ElementsAre(testing::HasSubstr("no XDP")));
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan", {.with_address = true});
    lab.join('b', "b1", kVmB, "lan", {.with_address = true});
    EXPECT_TRUE(a1.netns().ping(kVmB));
}

// Busy with other things, for as long as this lives.
class BusyCpus {
public:
    BusyCpus() {
        for (const std::uint32_t cpu : system_cpus("online").list())
            threads_.emplace_back([cpu](const std::stop_token& stop) {
                cpu_set_t only;
                CPU_ZERO(&only);
                CPU_SET(cpu, &only);
                sched_setaffinity(0, sizeof(only), &only);
                while (!stop.stop_requested()) {
                }
            });
    }

private:
    std::vector<std::jthread> threads_;
};

// The kernel's threads for a CPU map.
std::vector<pid_t> threads_of(std::uint32_t map) {
    std::vector<pid_t> found;
    for (const auto& process : std::filesystem::directory_iterator{"/proc"}) {
        std::ifstream file{process.path() / "comm"};
        std::string name;
        if (std::getline(file, name) && name.starts_with("cpumap/") &&
            name.ends_with(fmt::format("/map:{}", map)))
            found.push_back(std::stoi(process.path().filename()));
    }
    return found;
}

// Else GRO there might still hold frames that are decapsulated when TC, which is to take them,
// goes.
TEST_F(Spreading, HasEndedOnEveryCpuWhenTheInstanceIsGone) {
    const Fd cpus{bpf_obj_get((pins::directory(b.session().instance) + "/maps/cpus").c_str())};
    const std::uint32_t map = MapView{cpus.get(), "cpus"}.id();
    const std::vector<pid_t> threads = threads_of(map);
    ASSERT_EQ(threads.size(), system_cpus("online").list().size());
    const sched_param none{};
    for (const pid_t thread : threads)
        ASSERT_EQ(sched_setscheduler(thread, SCHED_IDLE, &none), 0);
    {
        const BusyCpus busy;
        Instance::detach(b.session(), true);
        EXPECT_THAT(threads_of(map), testing::IsEmpty());
    }
}

}  // namespace
}  // namespace xgre::test
