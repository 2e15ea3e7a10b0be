// SPDX-License-Identifier: GPL-2.0-only
// Sequence numbers in GRE headers, RFC 2890: in the order in which packets leave.
#include <gtest/gtest.h>
#include <sched.h>

#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "loader/netlink.h"
#include "loader/receive_cpus.h"
#include "loader/spread.h"
#include "tests/e2e/lab.h"
#include "tests/packet/wire.h"

namespace xgre::test {
namespace {

constexpr int kEach = 3000;  // frames

std::optional<std::uint32_t> number_of(const Packet& packet) {
    const Bytes& bytes = packet.bytes();
    // IPv4, GRE with a key and a number: flags K and S.
    if (!is_tunnel(packet) || bytes.size() < 46 || get16(bytes, 34) != 0x3000) return {};
    return static_cast<std::uint32_t>(get16(bytes, 42)) << 16 | get16(bytes, 44);
}

std::thread sender(const Vm& vm, std::uint32_t cpu, const Packet& frame) {
    return std::thread{[&vm, cpu, frame] {
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
        for (int i = 0; i < kEach; ++i)
            vm.send(frame);
    }};
}

void number_packets(const Host& host, IpAddr peer, bool on) {
    PeerSpec spec;
    spec.address = peer;
    spec.network = "lan";
    spec.oseq = on;
    host.open().add_peer(spec);
}

std::size_t workers_of_detour(const Host& host) {
    const auto scope = host.netns().enter();
    NlSocket netlink = NlSocket::open();
    for (const LinkInfo& link : netlink.list_links())
        if (link.name.ends_with("-out")) return receive_cpus(link.name).list().size();
    ADD_FAILURE() << "no detour";
    return 0;
}

// case G07
TEST(Sequence, FollowsTheOrderOnTheWireWhateverCpusFramesComeBy) {
    const std::vector<std::uint32_t> cpus = system_cpus("online").list();
    if (cpus.size() < 2) GTEST_SKIP() << "one CPU keeps any order";
    Lab lab;
    lab.mesh("lan", 7, Path::tc);
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    const Vm& a2 = lab.join('a', "a2", kVmC, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(b1, {});
    const Host& a = lab.host('a');
    number_packets(a, lab.host('b').address(), true);
    EXPECT_EQ(workers_of_detour(a), 1U);

    Capture wire{lab.middle(), Lab::wire_of('a')};
    std::thread one = sender(a1, cpus[0], eth(kVmA, kVmB) / payload(60));
    std::thread two = sender(a2, cpus[1], eth(kVmC, kVmB) / payload(60));
    one.join();
    two.join();
    std::vector<std::uint32_t> numbers;
    EXPECT_TRUE(eventually([&] {
        numbers.clear();
        for (const Received& received : wire.frames())
            if (const auto number = number_of(received.frame)) numbers.push_back(*number);
        return numbers.size() >= kEach;
    }));
    std::size_t late = 0;
    for (std::size_t i = 1; i < numbers.size(); ++i)
        late += numbers[i] < numbers[i - 1] ? 1 : 0;
    EXPECT_EQ(late, 0U) << "of " << numbers.size();

    number_packets(a, lab.host('b').address(), false);
    EXPECT_EQ(workers_of_detour(a), 0U);
}

}  // namespace
}  // namespace xgre::test
