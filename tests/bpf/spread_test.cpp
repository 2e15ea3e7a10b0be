// SPDX-License-Identifier: GPL-2.0-only
// Frames from the wire go to a CPU by the flow inside: all of a flow to the same one, whole, and
// each is counted once.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr std::uint16_t kNoCpu = XGRE_SPREAD_CPUS - 1;  // of no machine that this runs on
constexpr std::size_t kSlots = 8;

struct Flow {
    const char* name;
    std::vector<Packet> frames;  // inner ones
};

void PrintTo(const Flow& flow, std::ostream* out) {
    *out << flow.name;
}

class Spread : public DatapathTest {
protected:
    Spread() { learn(1, kVmA, a.owner()); }

    bool is_handed_over(const Packet& packet) const {
        const Result result = run_from_wire("uplink_xdp", packet);
        return result.fate == Fate::redirected && result.packet == packet;
    }
    // Which of kSlots the frame is for: only that one has a CPU.
    std::optional<std::size_t> slot_of(const Packet& packet) {
        std::optional<std::size_t> slot;
        for (std::size_t i = 0; i < kSlots; ++i) {
            std::vector<std::uint16_t> cpus(kSlots, kNoCpu);
            cpus.at(i) = 0;
            spread(cpus);
            if (!is_handed_over(packet)) continue;
            EXPECT_FALSE(slot) << "for two slots:\n" << decode(packet);
            slot = i;
        }
        EXPECT_TRUE(slot) << "for no slot:\n" << decode(packet);
        return slot;
    }
    std::set<std::size_t> slots_of(const std::vector<Packet>& packets) {
        std::set<std::size_t> slots;
        for (const Packet& packet : packets)
            slots.insert(slot_of(packet).value_or(kSlots));
        return slots;
    }
    // Until so many are decided.
    void wait_for_frames(std::uint64_t expected) const {
        const auto sum = [this] {
            std::uint64_t all = 0;
            for (const auto& [cell, n] : counts())
                all += n;
            return all;
        };
        const auto deadline = std::chrono::steady_clock::now() + 5s;
        while (sum() < expected && std::chrono::steady_clock::now() < deadline)
            sched_yield();
        EXPECT_EQ(sum(), expected);
    }
    static Packet udp_frame(std::uint16_t port, std::size_t size = 46) {
        return eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(port, 53) / payload(size);
    }
};

class OneFlow : public Spread, public ::testing::WithParamInterface<Flow> {};

INSTANTIATE_TEST_SUITE_P(
    , OneFlow,
    ::testing::Values(
        Flow{"Udp",
             {eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(4000, 53) / payload(0),
              eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.ttl = 1, .tos = 8, .id = 7}) / udp(4000, 53) /
                  payload(1200),
              eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.df = false}) / udp(4000, 53, {.checksum = 0}) /
                  payload(64, 9)}},
        Flow{"Tcp",
             {eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / tcp(4000, 80, {.flags = kSyn, .mss = 1400}),
              eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / tcp(4000, 80, {.seq = 99}) / payload(1000),
              eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.ttl = 9, .options = Bytes(8, 1)}) /
                  tcp(4000, 80, {.flags = kFin}) / payload(1)}},
        Flow{"Tcp6",
             {eth(kVmB, kVmA) / ipv6(kVmB, kVmA) / tcp(4000, 80, {.flags = kSyn}),
              eth(kVmB, kVmA) / ipv6(kVmB, kVmA, {.hop_limit = 2, .flow_label = 77}) /
                  tcp(4000, 80, {.seq = 9}) / payload(900)}},
        // The ports are in the first fragment only.
        Flow{"Fragments",
             {eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.df = false, .more_fragments = true}) /
                  udp(4000, 53) / payload(800),
              eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.df = false, .frag_offset = 101}) / payload(40),
              eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.df = false, .frag_offset = 202}) /
                  payload(40, 99)}},
        Flow{"Fragments6",
             {eth(kVmB, kVmA) / ipv6(kVmB, kVmA) / ipv6_fragment({.more_fragments = true}) /
                  udp(4000, 53) / payload(800),
              eth(kVmB, kVmA) / ipv6(kVmB, kVmA) / ipv6_fragment({.frag_offset = 101}) /
                  payload(40)}},
        Flow{"Icmp",
             {eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / icmp_echo_request({.sequence = 1}),
              eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / icmp_echo_request({.sequence = 2})}},
        Flow{"Tagged",
             {eth(kVmB, kVmA) / vlan(5) / ipv4(kVmB, kVmA) / udp(4000, 53) / payload(9),
              eth(kVmB, kVmA) / vlan(5, {.pcp = 7, .dei = true}) / ipv4(kVmB, kVmA) /
                  udp(4000, 53) / payload(99)}},
        Flow{"NoIp",
             {eth(kVmB, kVmA) / payload(46), eth(kVmB, kVmA) / payload(900, 7),
              eth(kVmB, kVmA) / payload(0)}},
        Flow{"Arp",
             {eth(kVmB, kBroadcast) / arp_request(kVmB, kVmB, kVmA),
              eth(kVmB, kBroadcast) / arp_request(kVmB, kVmB, kVmC)}}),
    [](const auto& test) { return test.param.name; });

// Whatever outer header it comes in, and however long it is.
TEST_P(OneFlow, GoesToOneCpu) {
    std::vector<Packet> packets;
    for (const Packet& inner : GetParam().frames) {
        packets.push_back(tunnel(kHostB, inner));
        packets.push_back(padded(tunnel(kHostB, inner), 1600));
        packets.push_back(eth(kGateway, kHostA) /
                          ipv4(kHostB, kHostA, {.ttl = 3, .options = Bytes(40, 1)}) /
                          gre({.key = kKey, .checksum = true, .sequence = 9}) / inner);
        packets.push_back(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre() / inner);
    }
    EXPECT_EQ(slots_of(packets).size(), 1u);
}

struct Difference {
    const char* name;
    Packet (*frame)(std::uint16_t number);
};

void PrintTo(const Difference& difference, std::ostream* out) {
    *out << difference.name;
}

class ManyFlows : public Spread, public ::testing::WithParamInterface<Difference> {};

INSTANTIATE_TEST_SUITE_P(
    , ManyFlows,
    ::testing::Values(
        Difference{"InTheSourcePort",
                   [](std::uint16_t n) {
                       return eth(kVmB, kVmA) / ipv4(kVmB, kVmA) /
                              udp(static_cast<std::uint16_t>(40000 + n), 53) / payload(9);
                   }},
        Difference{"InTheDestinationPort",
                   [](std::uint16_t n) {
                       return eth(kVmB, kVmA) / ipv6(kVmB, kVmA) /
                              tcp(80, static_cast<std::uint16_t>(40000 + n)) / payload(9);
                   }},
        Difference{"InTheIpv4Source",
                   [](std::uint16_t n) {
                       const auto from = ip(203, 0, 113, static_cast<std::uint8_t>(n));
                       return eth(kVmB, kVmA) / ipv4(from, kVmA) / icmp_echo_request();
                   }},
        Difference{"InTheIpv6Destination",
                   [](std::uint16_t n) {
                       const auto to = ip6({0x2001, 0xdb8, 2, 0, 0, 0, 0, n});
                       return eth(kVmB, kVmA) / ipv6(kVmB, to) / icmpv6_echo_request();
                   }},
        Difference{"InTheSourceMac",
                   [](std::uint16_t n) {
                       return eth(mac(2, 0, 0, 0, 9, static_cast<std::uint8_t>(n)), kVmA) /
                              payload(46);
                   }},
        Difference{"InTheVlan",
                   [](std::uint16_t n) {
                       return eth(kVmB, kVmA) / vlan(static_cast<std::uint16_t>(n + 1)) /
                              payload(46);
                   }}),
    [](const auto& test) { return test.param.name; });

// No slot gets more than twice its share of 128 flows: with a good hash, less than once in 10^4
// sets of flows; these are always the same.
TEST_P(ManyFlows, GoToAllCpus) {
    constexpr std::size_t kFlows = 128;
    std::array<std::size_t, kSlots> flows{};
    for (std::uint16_t n = 0; n < kFlows; ++n)
        ++flows.at(slot_of(tunnel(kHostB, GetParam().frame(n))).value());
    for (const std::size_t n : flows) {
        EXPECT_GT(n, 0u);
        EXPECT_LT(n, 2 * kFlows / kSlots);
    }
}

// What is no whole tunnel packet to this host is treated as if nothing were spread.
TEST_F(Spread, LeavesWhatIsNotOursWhereItCameIn) {
    const Packet inner = udp_frame(4000);
    const std::vector<Packet> packets{
        eth(kHostB, kHostC) / ipv4(kHostB, kHostA) / gre({.key = kKey}) / inner,
        eth(kHostB, kHostA) / ipv4(kHostB, kHostC) / gre({.key = kKey}) / inner,
        eth(kHostB, kHostA) / ipv4(kHostB, kHostA, {.df = false, .more_fragments = true}) /
            gre({.key = kKey}) / inner,
        eth(kHostB, kHostA) / ipv4(kHostB, kHostA, {.df = false, .frag_offset = 8}) /
            gre({.key = kKey}) / inner,
        eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre({.key = kKey, .protocol = 0x0800}) / inner,
        eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / udp(4000, 53) / payload(100),
        eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / udp(4000, 53) / payload(100),
        eth(kHostB, kHostA) / arp_request(kHostB, kHostB, kHostA),
        eth(kHostB, kHostA) / vlan(5) / ipv4(kHostB, kHostA) / gre({.key = kKey}) / inner,
    };
    for (const Packet& packet : packets) {
        SCOPED_TRACE(decode(packet));
        change_uplink([](xgre_uplink& self) { self.flags &= ~unsigned{XGRE_UPLINK_SPREAD}; });
        const Result alone = run_from_wire("uplink_xdp", packet);
        spread({0});
        const Result spread = run_from_wire("uplink_xdp", packet);
        EXPECT_EQ(spread.fate, alone.fate);
        EXPECT_NE(spread.fate, Fate::redirected);
        EXPECT_PACKET_EQ(spread.packet, alone.packet);
    }
}

TEST_F(Spread, LeavesFramesThatEndBeforeTheirInnerAddressesWhereTheyCameIn) {
    spread({0});
    const Packet whole = tunnel(kHostB, udp_frame(4000));
    constexpr std::size_t kOuter = 14 + 20 + 8;
    for (std::size_t size = 14; size < kOuter + 14; ++size)
        EXPECT_NE(run_from_wire("uplink_xdp", cut(whole, size)).fate, Fate::redirected) << size;
    EXPECT_TRUE(is_handed_over(cut(whole, kOuter + 14)));
}

TEST_F(Spread, LeavesTcpWhereItCameInOnAKernelThatMergesItOnlyThere) {
    spread({0}, false);
    const Packet segment = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / tcp(4000, 80) / payload(99);
    const Result result = run_from_wire("uplink_xdp", tunnel(kHostB, segment));
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, segment);
    EXPECT_TRUE(is_handed_over(tunnel(kHostB, udp_frame(4000))));
}

TEST_F(Spread, GoesOnWithoutACpuThatTakesNoFrames) {
    spread({kNoCpu});
    const Result result = run_from_wire("uplink_xdp", tunnel(kHostB, udp_frame(4000)));
    EXPECT_EQ(result.fate, Fate::redirected);
    EXPECT_PACKET_EQ(result.packet, udp_frame(4000));
    EXPECT_EQ(counts(), (Counts{{"uplink_xdp to-port", 1}}));
}

TEST_F(Spread, DeliversEveryKindOfFrameWholeAndCountsItOnce) {
    spread({0});
    set_port_flags(a, a.flags | XGRE_PORT_OFFLOADS);
    attach(Hooks::native_xdp);
    const Packet segment = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / tcp(4000, 80) / payload(500);
    const Packet summed = udp_frame(4001);
    const Packet tagged =
        eth(kVmB, kVmA) / vlan(0, {.pcp = 5}) / ipv4(kVmB, kVmA) / udp(1, 2) / payload(30);
    const Packet call = eth(kVmB, kBroadcast) / arp_request(kVmB, kVmB, kVmA);
    const std::vector<Packet> inner{udp_frame(4000), segment, tagged, call, frame(kVmB, kVmA, 900)};
    for (const Packet& one : inner)
        ASSERT_TRUE(wire().send(tunnel(kHostB, one)));
    ASSERT_TRUE(wire().send(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) /
                            gre({.key = kKey, .checksum = true}) / summed));
    ASSERT_TRUE(wire().send(padded(tunnel(kHostB, frame(kVmB, kVmA, 0)), 60)));
    ASSERT_TRUE(wire().send(tunnel(kHostB, frame(kVmB, kVmB))));     // where it came from
    ASSERT_TRUE(wire().send(tunnel(kStranger, frame(kVmB, kVmA))));  // of no peer
    std::vector<Packet> expected = inner;
    expected.push_back(summed);
    expected.push_back(frame(kVmB, kVmA, 0));
    wait_for_frames(9);
    expect_got(a, expected);
    expect_got(c, {call});
    EXPECT_EQ(counts(), (Counts{{"uplink_cpu_xdp to-port", 3},
                                {"uplink_cpu_xdp split-horizon", 1},
                                {"uplink_cpu_xdp unknown-peer", 1},
                                {"uplink_tc to-port", 3},
                                {"uplink_tc flooded", 1}}));
    EXPECT_EQ(peer_traffic(1).rx_packets, 8u);
    EXPECT_EQ(port_traffic(a).tx_packets, 7u);
}

TEST_F(Spread, KeepsTheOrderOfAFlow) {
    spread({0});
    attach(Hooks::native_xdp);
    constexpr std::size_t kFrames = 200;
    std::vector<Packet> sent;
    for (std::size_t i = 0; i < kFrames; ++i)
        sent.push_back(udp_frame(4000, 46 + i));
    for (const Packet& one : sent)
        ASSERT_TRUE(wire().send(tunnel(kHostB, one)));
    EXPECT_EQ(a.tap.received(kFrames), sent);
}

// Frames that still wait for their CPU go on as they came: TC takes them.
TEST_F(Spread, LeavesToTcWhatWaitsWhenItEnds) {
    spread({0});
    change_uplink([](xgre_uplink& self) { self.flags &= ~unsigned{XGRE_UPLINK_SPREAD}; });
    // As if from before: a program that only hands over.
    attach_tc(wire().index(), datapath().program("uplink_tc"));
    const std::array<bpf_insn, 5> code{{
        {.code = BPF_LD | BPF_DW,  // BPF_IMM
         .dst_reg = 1,
         .src_reg = BPF_PSEUDO_MAP_FD,
         .off = 0,
         .imm = datapath().cpus().fd()},
        {.code = 0, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .src_reg = 0, .off = 0, .imm = 0},
        {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .src_reg = 0, .off = 0, .imm = 0},
        {.code = BPF_JMP | BPF_CALL,
         .dst_reg = 0,
         .src_reg = 0,
         .off = 0,
         .imm = BPF_FUNC_redirect_map},
    }};
    std::vector<bpf_insn> whole(code.begin(), code.end());
    whole.push_back({.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0});
    bpf_prog_load_opts options{};
    options.sz = sizeof(options);
    options.prog_flags = BPF_F_XDP_HAS_FRAGS;  // as all programs that the map is for
    const Fd program{
        bpf_prog_load(BPF_PROG_TYPE_XDP, "to_cpu_0", "GPL", whole.data(), whole.size(), &options)};
    ASSERT_TRUE(program.is_open());
    attach_xdp(wire().index(), program.get(), Hooks::native_xdp);
    ASSERT_TRUE(wire().send(tunnel(kHostB, udp_frame(4000))));
    expect_got(a, {udp_frame(4000)});
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 1}}));
}

// The consumer cannot run while frames are queued on its own CPU.
TEST_F(Spread, CountsFramesThatFindTheQueueFull) {
    constexpr int kFrames = 8;  // the kernel queues so many at once
    spread({0}, true, 1);
    cpu_set_t before;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(0, &only);
    ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
    ASSERT_EQ(sched_setaffinity(0, sizeof(only), &only), 0);
    const Packet packet = tunnel(kHostB, udp_frame(4000));
    xdp_md context{};
    context.data_end = static_cast<std::uint32_t>(packet.size());
    context.ingress_ifindex = wire().index();
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = packet.data();
    options.data_size_in = static_cast<std::uint32_t>(packet.size());
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.repeat = kFrames;
    options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    options.batch_size = kFrames;
    EXPECT_EQ(bpf_prog_test_run_opts(datapath().program("uplink_xdp"), &options), 0);
    ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
    wait_for_frames(kFrames);
    expect_got(a, {udp_frame(4000)});
    EXPECT_EQ(counts(),
              (Counts{{"uplink_cpu_xdp to-port", 1}, {"uplink_xdp spread-full", kFrames - 1}}));
}

}  // namespace
}  // namespace xgre::test
