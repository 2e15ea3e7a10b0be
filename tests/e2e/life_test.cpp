// SPDX-License-Identifier: GPL-2.0-only
// Devices that come and go, programs of others, sums that close, and what is left at the end.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <unistd.h>

#include <array>
#include <numeric>

#include <fmt/format.h>

#include "loader/netlink.h"
#include "tests/e2e/lab.h"

namespace xgre::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

class Life : public testing::TestWithParam<Path> {
protected:
    void SetUp() override { lab.mesh("lan", 7, GetParam()); }

    Lab lab;
    Host& a = lab.host('a');
    Host& b = lab.host('b');

    // Frames that `b1` sends to everybody and to A's VM arrive at nobody called `device`.
    void expect_nothing_at(const std::string& device, Vm& b1, Vm& witness) {
        Capture there{a.netns(), device};
        const Nic out{a.netns(), device};
        b1.send(eth(kVmC, kVmA) / payload(46, 1));
        b1.send(eth(kVmC, kBroadcast) / payload(46, 2));
        lab.settle(b1, {&witness});
        EXPECT_THAT(there.frames(), IsEmpty());
    }
};
INSTANTIATE_TEST_SUITE_P(, Life, kBothPaths, path_name);

// case E01
TEST_P(Life, ADeviceThatVanishedIsNoPortUntilItIsAddedAgain) {
    Vm& a2 = lab.join('a', "a2", kVmB, "lan");
    Vm& b1 = lab.join('b', "b1", kVmC, "lan");
    {
        const Tap tap{a, "tap0"};
        PortSpec spec;
        spec.device = tap.port();
        spec.network = "lan";
        spec.mac_limit = 5;
        a.open().add_port(spec);
        const Packet frame = eth(kVmC, kVmA) / payload(46);
        tap.send(eth(kVmA, kBroadcast) / payload(46));
        ASSERT_TRUE(b1.gets(eth(kVmA, kBroadcast) / payload(46)));
        b1.send(frame);
        ASSERT_TRUE(tap.receive([&](const Packet& got) { return got == frame; }));
    }
    EXPECT_TRUE(a.port("tap0").gone);
    // What was for it is flooded: its address is known no more.
    a2.take();
    const Packet orphan = eth(kVmC, kVmA) / payload(46, 3);
    b1.send(orphan);
    lab.settle(b1, {&a2});
    EXPECT_THAT(a2.take(), ElementsAre(orphan));

    const Tap tap{a, "tap0"};
    const Packet early = eth(kVmC, kBroadcast) / payload(46, 4);
    const Packet late = eth(kVmC, kBroadcast) / payload(46, 5);
    b1.send(early);
    tap.send(eth(kVmA, kBroadcast) / payload(46, 6));
    lab.settle(b1, {&a2});
    EXPECT_THAT(a2.take(), ElementsAre(early));  // and nothing from the tap
    PortSpec again;
    again.device = "tap0";
    EXPECT_EQ(a.open().add_port(again), Change::made);
    EXPECT_FALSE(a.port("tap0").gone);
    EXPECT_EQ(a.port("tap0").network, "lan");
    EXPECT_EQ(a.port("tap0").mac_limit, 5U);
    b1.send(late);
    std::vector<Packet> got;
    EXPECT_TRUE(tap.receive([&](const Packet& frame) {
        got.push_back(frame);
        return frame == late;
    }));
    EXPECT_THAT(got, testing::Not(Contains(early)));
    // From now on it is used also from XDP.
    tap.send(eth(kVmA, kVmC) / payload(46, 7));
    EXPECT_TRUE(b1.gets(eth(kVmA, kVmC) / payload(46, 7)));
}

// case E01
TEST_P(Life, AnotherDeviceWithThePortsOldIndexNeverGetsAFrame) {
    Vm& a2 = lab.join('a', "a2", kVmB, "lan");
    Vm& b1 = lab.join('b', "b1", kVmC, "lan");
    int index = 0;
    {
        const Tap tap{a, "tap0"};
        Lab::join(a, tap.port(), "lan");
        tap.send(eth(kVmA, kBroadcast) / payload(46));
        ASSERT_TRUE(b1.gets(eth(kVmA, kBroadcast) / payload(46)));
        index = a.port("tap0").ifindex;
    }
    a.netns().ip(fmt::format("link add other index {} type veth peer name other-end", index));
    a.netns().ip("link set other up");
    a.netns().ip("link set other-end up");

    expect_nothing_at("other-end", b1, a2);
    // Nor does it send into the network.
    const Nic end{a.netns(), "other-end"};
    a2.take();
    end.send(eth(kVmD, kBroadcast) / payload(46, 9));
    lab.settle(b1, {&a2});
    for (const Packet& frame : a2.take())
        EXPECT_NE(frame, eth(kVmD, kBroadcast) / payload(46, 9));
    // A command that repairs does not take it for the port either.
    a.open();
    expect_nothing_at("other-end", b1, a2);
    EXPECT_TRUE(a.port("tap0").gone);
}

// case S09
TEST_P(Life, EveryFrameIsCountedOnceAndTheSumsClose) {
    Vm& a1 = lab.join('a', "a1", kVmA, "lan", {.with_address = true, .mtu = 1458});
    Vm& a2 = lab.join('a', "a2", kVmB, "lan");
    Vm& b1 = lab.join('b', "b1", kVmC, "lan", {.with_address = true, .mtu = 1458});
    EXPECT_TRUE(a1.netns().ping(kVmC, 1000));
    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmC, 1 << 20));
    a1.send(eth(kVmA, kBroadcast) / payload(46));
    a1.send(eth(kMulticast, kVmC) / payload(46));  // a group as source: dropped
    a2.send(eth(kVmB, kVmC) / payload(1459));      // dropped: too large
    a2.send(eth(kVmB, kVmB) / payload(46));        // dropped: to itself
    a2.send(eth(kVmB, kVmA) / payload(46));        // from port to port
    b1.send(eth(kVmC, mac(0x02, 0, 0, 0, 9, 9)) / payload(46));
    lab.settle(a1, {&a2, &b1});
    lab.settle(a2, {&a1, &b1});
    lab.settle(b1, {&a1, &a2});

    for (const Host* host : {&a, &b}) {
        const Stats stats = Instance::view(host->session()).stats();
        Traffic ports;
        Traffic peers;
        const auto add = [](Traffic& sum, const Traffic& one) {
            sum.rx_packets += one.rx_packets;
            sum.rx_bytes += one.rx_bytes;
            sum.tx_packets += one.tx_packets;
            sum.tx_bytes += one.tx_bytes;
        };
        for (const PortInfo& port : stats.ports)
            add(ports, port.traffic);
        for (const PeerInfo& peer : stats.peers)
            add(peers, peer.traffic);
        std::uint64_t from_ports = 0;
        std::uint64_t from_ports_bytes = 0;
        std::uint64_t from_peers = 0;
        std::uint64_t from_peers_bytes = 0;
        std::uint64_t sent = 0;
        for (const VerdictCount& count : stats.verdicts) {
            // What took the detour here came from a port.
            const bool of_port = !count.program.starts_with("uplink");
            (of_port ? from_ports : from_peers) += count.packets;
            (of_port ? from_ports_bytes : from_peers_bytes) += count.bytes;
            if (count.verdict == "to-port" || count.verdict == "to-peer") sent += count.packets;
            if (count.verdict == "flooded") sent += count.copies;
        }
        EXPECT_EQ(from_ports, ports.rx_packets) << host->name();
        EXPECT_EQ(from_ports_bytes, ports.rx_bytes) << host->name();
        EXPECT_EQ(from_peers, peers.rx_packets) << host->name();
        EXPECT_EQ(from_peers_bytes, peers.rx_bytes) << host->name();
        EXPECT_EQ(sent, ports.tx_packets + peers.tx_packets) << host->name();
    }
    const Traffic there = Instance::view(a.session()).peers().at(0).traffic;
    const Traffic back = Instance::view(b.session()).peers().at(0).traffic;
    EXPECT_EQ(there.tx_packets, back.rx_packets);
    EXPECT_EQ(there.tx_bytes, back.rx_bytes);
    EXPECT_EQ(there.rx_packets, back.tx_packets);
    EXPECT_EQ(there.rx_bytes, back.tx_bytes);
    EXPECT_THAT(a.drops(),
                ElementsAre(testing::Pair("bad-source", 1), testing::Pair("same-port", 1),
                            testing::Pair("too-large", 1)));
}

// ---- Programs of others, and the end ----

// A program that lets everything pass, at the same hook of the uplink.
class Neighbour {
public:
    Neighbour(const Host& host, TcHook hook)
        : netns_{host.netns()}, hook_{hook}, index_{index_in(netns_)} {
        const std::array<bpf_insn, 2> code{
            {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
        const NetnsScope scope = netns_.enter();
        program_ = Fd{bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "neighbour", "GPL", code.data(),
                                    code.size(), nullptr)};
        if (hook == TcHook::tcx) {
            constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
            link_ = Fd{bpf_link_create(program_.get(), index_, kTcxIngress, nullptr)};
            return;
        }
        bpf_tc_hook where = clsact();
        bpf_tc_hook_create(&where);
        bpf_tc_opts filter = options();
        filter.prog_fd = program_.get();
        attached_ = bpf_tc_attach(&where, &filter) == 0;
    }

    bool is_attached() const {
        const NetnsScope scope = netns_.enter();
        if (hook_ == TcHook::tcx) {
            bpf_link_info info{};
            std::uint32_t size = sizeof(info);
            return bpf_obj_get_info_by_fd(link_.get(), &info, &size) == 0 &&
                   static_cast<int>(info.xdp.ifindex) == index_;
        }
        const bpf_tc_hook where = clsact();
        bpf_tc_opts filter = options();
        return attached_ && bpf_tc_query(&where, &filter) == 0;
    }

private:
    static int index_in(const Netns& netns) {
        const NetnsScope scope = netns.enter();
        return static_cast<int>(if_nametoindex("uplink0"));
    }
    bpf_tc_hook clsact() const {
        bpf_tc_hook hook{};
        hook.sz = sizeof(hook);
        hook.ifindex = index_;
        hook.attach_point = BPF_TC_INGRESS;
        return hook;
    }
    static bpf_tc_opts options() {
        bpf_tc_opts filter{};
        filter.sz = sizeof(filter);
        filter.handle = 1;
        filter.priority = 100;
        return filter;
    }

    const Netns& netns_;
    TcHook hook_;
    int index_;
    Fd program_;
    Fd link_;
    bool attached_ = false;
};

std::string pins_of(const Host& host) {
    return "/sys/fs/bpf/xgre/" + host.session().instance;
}

std::uint32_t xdp_of(const Host& host, const std::string& device) {
    const NetnsScope scope = host.netns().enter();
    return NlSocket::open().get_link(device).xdp_prog_id;
}

class Hooks : public testing::TestWithParam<TcHook> {};
INSTANTIATE_TEST_SUITE_P(, Hooks, testing::Values(TcHook::tcx, TcHook::clsact),
                         [](const auto& test) {
                             return test.param == TcHook::tcx ? "Tcx" : "Clsact";
                         });

// case E04
TEST_P(Hooks, KeepProgramsOfOthersAndLeaveNothingAfterDetach) {
    Lab lab;
    Host& a = lab.host('a');
    const Neighbour neighbour{a, GetParam()};
    ASSERT_TRUE(neighbour.is_attached());
    lab.mesh("lan", 7, Path::xdp, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(a1, {&b1});
    EXPECT_NE(xdp_of(a, "uplink0"), 0U);

    const auto namespaces = list_netns();
    EXPECT_EQ(Instance::detach(a.session(), true), Change::made);
    EXPECT_TRUE(neighbour.is_attached());
    EXPECT_NE(access(pins_of(a).c_str(), F_OK), 0);
    EXPECT_EQ(xdp_of(a, "uplink0"), 0U);
    EXPECT_EQ(xdp_of(a, a1.port()), 0U);
    EXPECT_EQ(list_netns(), namespaces);
    a1.send(eth(kVmA, kBroadcast) / payload(46));
    EXPECT_TRUE(a.netns().ping(lab.host('b').ip()));
    EXPECT_THAT(b1.take(), IsEmpty());
    EXPECT_EQ(Instance::detach(a.session(), true), Change::unchanged);
}

// case E04
TEST_P(Hooks, CarryFloodsUnicastAndTcpBothWays) {
    for (const Path path : {Path::tc, Path::xdp}) {
        Lab lab;
        lab.mesh("lan", 7, path, GetParam());
        const VmOptions options{.with_address = true, .mtu = 1458};
        const Vm& a1 = lab.join('a', "a1", kVmA, "lan", options);
        const Vm& b1 = lab.join('b', "b1", kVmB, "lan", options);
        EXPECT_EQ(lab.host('a').port(a1.port()).hook.tc,
                  GetParam() == TcHook::tcx ? "tcx" : "clsact");
        EXPECT_TRUE(a1.netns().ping(kVmB));
        EXPECT_TRUE(a1.netns().ping(kVmB, 3200));
        EXPECT_TRUE(tcp_arrives_intact(a1.netns(), b1.netns(), kVmB, 1 << 20));
        EXPECT_TRUE(tcp_arrives_intact(b1.netns(), a1.netns(), kVmA, 1 << 20));
    }
}

// case E04
TEST_P(Hooks, LeaveNoFilterOnAPortThatIsRemoved) {
    Lab lab;
    lab.mesh("lan", 7, Path::tc, GetParam());
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Vm& b1 = lab.join('b', "b1", kVmB, "lan");
    lab.settle(a1, {&b1});
    lab.host('a').open().delete_port(a1.port());
    a1.send(eth(kVmA, kBroadcast) / payload(46));
    const Vm& a2 = lab.join('a', "a2", kVmC, "lan");
    lab.settle(a2, {&b1});
    EXPECT_THAT(b1.take(), IsEmpty());
    lab.host('a').netns().shell(fmt::format("! tc qdisc show dev {} | grep -q clsact", a1.port()));
}

}  // namespace
}  // namespace xgre::test
