// SPDX-License-Identifier: GPL-2.0-only
// Flows: the second frame goes by what the first one found, and never by what is no longer so.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <functional>
#include <vector>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr std::size_t kSize = 100;

Packet ip_frame(MacAddress from, MacAddress to, std::size_t size = kSize) {
    return eth(from, to) / ipv4(kVmA, kVmB) / udp(1000, 2000) / payload(size);
}

class FlowTest : public HookTest {
protected:
    // Those of this CPU that hold anything.
    std::vector<xgre_flow> flows() const {
        const int fd = datapath().map_fd("flows");
        std::vector<xgre_flow> of_cpus(static_cast<std::size_t>(libbpf_num_possible_cpus()));
        std::vector<xgre_flow> found;
        for (std::uint32_t i = 0; bpf_map_lookup_elem(fd, &i, of_cpus.data()) == 0; ++i)
            if (of_cpus.at(OnOneCpu::cpu()).until != 0) found.push_back(of_cpus[OnOneCpu::cpu()]);
        return found;
    }

private:
    OnOneCpu pinned_;
};

// As flow.h has it: no frame's flow, but the next hop of a peer.
bool is_next_hop(const xgre_flow& flow) {
    return flow.key[0] == 0 && flow.key[1] == 1ULL << 51;
}

// Until the clock that the programs read has gone on.
void outlive_a_tick() {
    timespec start{};
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &start);
    do {
        clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    } while (now.tv_sec == start.tv_sec && now.tv_nsec == start.tv_nsec);
}

// What is said of the frame after the first holds while its flow lives, which for an emulated
// processor may be too short.
class LifeOfAFlow {
public:
    bool may_be_over() const {
        return std::chrono::steady_clock::now() - began_ >
               std::chrono::nanoseconds{XGRE_FLOW_NS / 2};
    }

private:
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};
constexpr const char* kTooSlow = "two frames take longer here than a flow lives";

// ---- From a port ----------------------------------------------------------------------------

class FlowFromPort : public FlowTest {
protected:
    FlowFromPort() { datapath().fdb_put(fdb_key(1, kVmB), as_static(peer_owner(1))); }

    Result send(std::size_t size = kSize) const { return from_port(ip_frame(kVmA, kVmB, size), a); }
    // A frame from A to B goes to `peer`.
    void expect_to_peer(const Station& peer, std::size_t size = kSize) const {
        const Result result = send(size);
        EXPECT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, tunnel_to(peer, ip_frame(kVmA, kVmB, size)));
    }
    // XDP leaves to TC what is to be flooded; TC does it.
    void expect_flooded() const {
        EXPECT_EQ(send().fate, is_xdp() ? Fate::passed : Fate::ended);
        if (!is_xdp()) {
            EXPECT_EQ(count(program(), XGRE_FLOODED).packets, 1u);
        }
    }
};
ON_BOTH_HOOKS(FlowFromPort, "port_xdp", "port_tc");

// What makes the rest of these tests mean something: without the word that it changed, a change
// is not seen for as long as a flow lives.
TEST_P(FlowFromPort, IsBelievedUntilItIsForgottenOrItsTimeIsOver) {
    const auto entry = datapath().fdb().find(fdb_key(1, kVmB)).value();
    const LifeOfAFlow life;
    expect_to_peer(kHostB);
    ASSERT_TRUE(datapath().fdb().erase(fdb_key(1, kVmB)));
    const Result believed = send();
    if (life.may_be_over()) GTEST_SKIP() << kTooSlow;
    EXPECT_PACKET_EQ(believed.packet, tunnel_to(kHostB, ip_frame(kVmA, kVmB)));
    datapath().forget_flows();
    expect_flooded();
    datapath().fdb().put(fdb_key(1, kVmB), entry);
    expect_to_peer(kHostB);
    ASSERT_TRUE(datapath().fdb().erase(fdb_key(1, kVmB)));
    outlive_flows();
    EXPECT_EQ(send().fate, is_xdp() ? Fate::passed : Fate::ended);
}

TEST_P(FlowFromPort, CountsLikeAnyOther) {
    const std::uint64_t bytes = ip_frame(kVmA, kVmB).size();
    for (int i = 0; i < 3; ++i)
        expect_to_peer(kHostB);
    EXPECT_EQ(counts(), (Counts{{on_hook("to-peer"), 3}}));
    EXPECT_EQ(count(program(), XGRE_TO_PEER).bytes, 3 * bytes);
    EXPECT_EQ(port_traffic(a).rx_packets, 3u);
    EXPECT_EQ(peer_traffic(1).tx_packets, 3u);
    EXPECT_EQ(peer_traffic(1).tx_bytes, 3 * bytes);
    EXPECT_EQ(notes(), (Counts{{"learned", 1}}));
}

TEST_P(FlowFromPort, FollowsAnAddressThatACommandMoves) {
    expect_to_peer(kHostB);
    datapath().fdb_put(fdb_key(1, kVmB), as_static(peer_owner(2)));
    expect_to_peer(kHostC);
    datapath().fdb_put(fdb_key(1, kVmB), as_static(c.owner()));
    EXPECT_PACKET_EQ(send().packet, ip_frame(kVmA, kVmB));
    ASSERT_TRUE(datapath().fdb_delete(fdb_key(1, kVmB)));
    expect_flooded();
}

TEST_P(FlowFromPort, FollowsAnAddressThatMovesByItself) {
    ASSERT_TRUE(datapath().fdb_delete(fdb_key(1, kVmB)));
    learn(1, kVmB, peer_owner(1));
    learn(1, kVmC, c.owner());
    expect_to_peer(kHostB);
    for (const char* hook : {"uplink_xdp", "uplink_tc"}) {
        run_from_wire(hook, tunnel(kHostC, ip_frame(kVmB, kVmC)));
        expect_to_peer(kHostC);
        run_from_wire(hook, tunnel(kHostB, ip_frame(kVmB, kVmC)));
        expect_to_peer(kHostB);
    }
}

TEST_P(FlowFromPort, EndsWithAFlush) {
    expect_to_peer(kHostB);
    xgre_fdb_flush_args all{};
    EXPECT_EQ(datapath().fdb_flush(all), 2u);
    expect_flooded();
}

TEST_P(FlowFromPort, EndsWithASweepThatFindsItsPeerGone) {
    expect_to_peer(kHostB);
    datapath().peers().put(1, xgre_peer{});
    EXPECT_EQ(datapath().fdb_sweep(), 1u);
    expect_flooded();
}

// case F05
TEST_P(FlowFromPort, OutlivesItsEntrysAgeByLessThanItsOwnTime) {
    network(1, {.key = kKey, .ageing = 20ms});
    ASSERT_TRUE(datapath().fdb_delete(fdb_key(1, kVmB)));
    learn(1, kVmB, peer_owner(1));
    expect_to_peer(kHostB);
    make_older(1, kVmB, 21ms);
    outlive_flows();
    EXPECT_EQ(send().fate, is_xdp() ? Fate::passed : Fate::ended);
}

// case M08
TEST_P(FlowFromPort, AsksAgainForALongerFrame) {
    ip("link set dev uplink mtu 1000\n");
    expect_to_peer(kHostB);
    EXPECT_EQ(send(1000).fate, too_large());
    expect_to_peer(kHostB);
    const std::size_t fits = 1000 - 28 - 14 - 20 - 8;
    expect_to_peer(kHostB, fits);
    EXPECT_EQ(send(fits + 1).fate, too_large());
}

// The kernel is asked for a next hop once, for all flows to the peer.
TEST_P(FlowFromPort, SharesTheNextHopOfItsPeerAndLastsNoLonger) {
    datapath().fdb_put(fdb_key(1, kVmD), as_static(peer_owner(1)));
    expect_to_peer(kHostB);
    outlive_a_tick();
    const Packet other = ip_frame(kVmA, kVmD);
    EXPECT_PACKET_EQ(from_port(other, a).packet, tunnel_to(kHostB, other));

    const std::vector<xgre_flow> all = flows();
    ASSERT_EQ(all.size(), 3u);
    const auto hop = std::ranges::find_if(all, is_next_hop);
    ASSERT_NE(hop, all.end());
    EXPECT_EQ(hop->key[2], 1u);
    for (const xgre_flow& flow : all) {
        EXPECT_LE(flow.until, hop->until);
        EXPECT_EQ(std::memcmp(&flow.hop, &hop->hop, sizeof(flow.hop)), 0);
    }
}

TEST_P(FlowFromPort, AsksAgainForALongerFrameOfAnotherFlow) {
    ip("link set dev uplink mtu 1000\n");
    datapath().fdb_put(fdb_key(1, kVmD), as_static(peer_owner(1)));
    expect_to_peer(kHostB);
    EXPECT_EQ(from_port(ip_frame(kVmA, kVmD, 1000), a).fate, too_large());
    EXPECT_EQ(from_port(ip_frame(kVmA, kVmD), a).fate, Fate::redirected);
}

TEST_P(FlowFromPort, OfAnotherAddressToThePeerFollowsItsNextHopInTime) {
    datapath().fdb_put(fdb_key(1, kVmD), as_static(peer_owner(1)));
    expect_to_peer(kHostB);
    ip("neigh replace 198.18.0.2 lladdr 02:00:00:00:00:77 dev uplink nud permanent\n");
    outlive_flows();
    const Packet other = ip_frame(kVmA, kVmD);
    Station moved = kHostB;
    moved.mac = mac(2, 0, 0, 0, 0, 0x77);
    EXPECT_PACKET_EQ(from_port(other, a).packet, tunnel_to(moved, other));
}

// A tag is free on a device, and priority-tagged frames have the addresses of untagged ones.
TEST_P(FlowFromPort, DoesNotTakeATaggedFramesLengthForAnUntaggedOnes) {
    datapath().fdb_put(fdb_key(1, kVmB), as_static(c.owner()));
    const auto tagged = [](std::size_t size) {
        return eth(kVmA, kVmB) / vlan(0, {.pcp = 3}) / payload(size);
    };
    EXPECT_EQ(from_port(tagged(1500), a).fate, Fate::redirected);
    EXPECT_EQ(from_port(frame(kVmA, kVmB, 1500), a).fate, Fate::redirected);
    EXPECT_EQ(from_port(frame(kVmA, kVmB, 1501), a).fate, too_large());
    EXPECT_EQ(from_port(tagged(1500), a).fate, Fate::redirected);
}

TEST_P(FlowFromPort, IsOfItsPort) {
    network(2, {.key = 9});
    Port& other = port("other", 2);
    peer(3, kHostC.ip, 2);
    datapath().fdb_put(fdb_key(2, kVmB), as_static(peer_owner(3)));
    expect_to_peer(kHostB);
    EXPECT_PACKET_EQ(
        from_port(ip_frame(kVmA, kVmB), other).packet,
        eth(kHostA, kHostC) / ipv4(kHostA, kHostC) / gre({.key = 9}) / ip_frame(kVmA, kVmB));
    set_port_flags(c, XGRE_PORT_XDP_XMIT | XGRE_PORT_LOCKED);
    EXPECT_EQ(from_port(ip_frame(kVmA, kVmB), c).fate, Fate::ended);
    expect_to_peer(kHostB);
}

TEST_P(FlowFromPort, IsOfItsVlan) {
    datapath().fdb_put(fdb_key(1, kVmB, 5), as_static(peer_owner(2)));
    const Packet tagged = eth(kVmA, kVmB) / vlan(5) / payload(50);
    expect_to_peer(kHostB);
    const Result result = from_port(tagged, a);
    EXPECT_PACKET_EQ(result.packet, tunnel_to(kHostC, tagged));
    expect_to_peer(kHostB);
}

TEST_P(FlowFromPort, EndsWhenItsPortIsLockedOrIsolated) {
    datapath().fdb_put(fdb_key(1, kVmB), as_static(c.owner()));
    EXPECT_EQ(send().fate, Fate::redirected);
    set_port_flags(a, XGRE_PORT_XDP_XMIT | XGRE_PORT_ISOLATED);
    EXPECT_EQ(send().fate, Fate::redirected);
    set_port_flags(c, XGRE_PORT_XDP_XMIT | XGRE_PORT_ISOLATED);
    EXPECT_EQ(send().fate, Fate::ended);
    set_port_flags(c, XGRE_PORT_XDP_XMIT);
    EXPECT_EQ(send().fate, Fate::redirected);
    xgre_fdb_flush_args learned{};
    learned.match = XGRE_MATCH_LEARNED;
    datapath().fdb_flush(learned);
    set_port_flags(a, XGRE_PORT_XDP_XMIT | XGRE_PORT_LOCKED);
    EXPECT_EQ(send().fate, Fate::ended);
}

// A refused source is refused, and noted, with every frame.
TEST_P(FlowFromPort, IsNotKeptForASourceThatWasRefused) {
    Port& narrow = port("narrow", 1, {.limit = 1});
    from_port(ip_frame(kVmC, kVmB), narrow);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(from_port(ip_frame(kVmA, kVmB), narrow).fate, Fate::redirected);
    EXPECT_EQ(notes(), (Counts{{"learned", 1}, {"mac-limit", 3}}));
}

// Every 5 s the kernel is asked for the next hop, flow or not: it would not notice a change.
TEST_P(FlowFromPort, StillLetsTheKernelConfirmTheNextHop) {
    expect_to_peer(kHostB);
    xgre_peer row = datapath().peers().find(1).value();
    EXPECT_NE(row.asked, 0u);
    row.asked -= 2 * XGRE_ASK_NS;
    const std::uint64_t old = row.asked;
    datapath().peers().put(1, row);
    outlive_flows();
    EXPECT_EQ(send().fate, is_xdp() ? Fate::passed : Fate::redirected);
    if (!is_xdp()) {
        EXPECT_GT(datapath().peers().find(1)->asked, old);
    }
}

TEST_P(FlowFromPort, LeavesAPortWhoseDeviceVanished) {
    datapath().fdb_put(fdb_key(1, kVmB), as_static(c.owner()));
    EXPECT_EQ(send().fate, Fate::redirected);
    ASSERT_TRUE(datapath().redirect().erase(c.index()));
    expect_flooded();
}

// More flows than there is room for push each other out, and every frame goes where it should.
TEST_P(FlowFromPort, MayBePushedOutByAnother) {
    constexpr std::uint32_t stations = 3 * XGRE_FLOWS;
    const auto station = [](std::uint32_t n) {
        return mac(2, 0, 7, static_cast<std::uint8_t>(n >> 16), static_cast<std::uint8_t>(n >> 8),
                   static_cast<std::uint8_t>(n));
    };
    for (std::uint32_t n = 0; n < stations; ++n)
        learn(1, station(n), peer_owner(n % 2 == 0 ? 1 : 2));
    // However long this takes: XDP would leave it to TC to ask the kernel for the next hop.
    const auto in_an_hour = static_cast<std::uint64_t>(
        (std::chrono::steady_clock::now() + 1h).time_since_epoch().count());
    for (const std::uint32_t id : {1U, 2U}) {
        xgre_peer row = datapath().peers().find(id).value();
        row.asked = in_an_hour;
        datapath().peers().put(id, row);
    }
    for (int round = 0; round < 2; ++round) {
        for (std::uint32_t n = 0; n < stations; ++n) {
            const Packet inner = ip_frame(kVmA, station(n), 4);
            const Result result = from_port(inner, a);
            ASSERT_EQ(result.fate, Fate::redirected);
            ASSERT_EQ(result.packet, tunnel_to(n % 2 == 0 ? kHostB : kHostC, inner)) << n;
        }
    }
    EXPECT_EQ(count(program(), XGRE_TO_PEER).packets, 2u * stations);
}

// ---- From a peer ----------------------------------------------------------------------------

class FlowFromPeer : public FlowTest {
protected:
    FlowFromPeer() { datapath().fdb_put(fdb_key(1, kVmA), as_static(a.owner())); }

    Result send(const Station& from = kHostB, std::size_t size = kSize) const {
        return from_wire(tunnel(from, ip_frame(kVmB, kVmA, size)));
    }
    void expect_delivered(const Station& from = kHostB) const {
        const Result result = send(from);
        EXPECT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, ip_frame(kVmB, kVmA));
    }
};
ON_BOTH_HOOKS(FlowFromPeer, "uplink_xdp", "uplink_tc");

TEST_P(FlowFromPeer, IsBelievedUntilItIsForgottenOrItsTimeIsOver) {
    xgre_tunnel_key key{};
    key.source = number(kHostB.ip);
    key.local = number(kHostA.ip);
    key.key = __builtin_bswap32(kKey);
    key.keyed = 1;
    const xgre_tunnel row = datapath().tunnels().find(key).value();
    const LifeOfAFlow life;
    expect_delivered();
    ASSERT_TRUE(datapath().tunnels().erase(key));
    const Result believed = send();
    if (life.may_be_over()) GTEST_SKIP() << kTooSlow;
    EXPECT_PACKET_EQ(believed.packet, ip_frame(kVmB, kVmA));
    datapath().forget_flows();
    EXPECT_EQ(send().fate, Fate::ended);
    EXPECT_EQ(count(program(), XGRE_UNKNOWN_PEER).packets, 1u);
    datapath().tunnels().put(key, row);
    expect_delivered();
    ASSERT_TRUE(datapath().tunnels().erase(key));
    outlive_flows();
    EXPECT_EQ(send().fate, Fate::ended);
}

TEST_P(FlowFromPeer, CountsLikeAnyOther) {
    for (int i = 0; i < 3; ++i)
        expect_delivered();
    const std::uint64_t bytes = ip_frame(kVmB, kVmA).size();
    EXPECT_EQ(counts(), (Counts{{on_hook("to-port"), 3}}));
    EXPECT_EQ(count(program(), XGRE_TO_PORT).bytes, 3 * bytes);
    EXPECT_EQ(peer_traffic(1).rx_bytes, 3 * bytes);
    EXPECT_EQ(port_traffic(a).tx_bytes, 3 * bytes);
}

TEST_P(FlowFromPeer, IsOfItsPeerAndItsKey) {
    expect_delivered(kHostB);
    expect_delivered(kHostC);
    EXPECT_EQ(owner(1, kVmB), peer_owner(2));
    expect_delivered(kHostB);
    EXPECT_EQ(owner(1, kVmB), peer_owner(1));
    EXPECT_EQ(send(kStranger).fate, Fate::ended);
    const auto with = [this](const GreOptions& header) {
        return from_wire(eth(kHostB, kHostA) / ipv4(kHostB, kHostA) / gre(header) /
                         ip_frame(kVmB, kVmA));
    };
    EXPECT_EQ(with({.key = kKey + 1}).fate, Fate::ended);
    EXPECT_EQ(with({}).fate, Fate::ended);
    network(2, {.key = 0});
    peer(3, kHostB.ip, 2);
    Port& other = port("other", 2);
    datapath().fdb_put(fdb_key(2, kVmA), as_static(other.owner()));
    EXPECT_EQ(with({.key = 0}).fate, Fate::redirected);
    EXPECT_EQ(with({}).fate, Fate::ended) << "no key is not key 0";
    EXPECT_EQ(port_traffic(other).tx_packets, 1u);
}

TEST_P(FlowFromPeer, EndsWhenTheAddressMovesToAnotherPort) {
    ASSERT_TRUE(datapath().fdb_delete(fdb_key(1, kVmA)));
    learn(1, kVmA, a.owner());
    learn(1, kVmB, peer_owner(1));
    expect_delivered();
    for (const char* hook : {"port_xdp", "port_tc"}) {
        run(hook, ip_frame(kVmA, kVmB), c.index());
        expect_delivered();
        run(hook, ip_frame(kVmA, kVmB), a.index());
        expect_delivered();
    }
    EXPECT_EQ(port_traffic(a).tx_packets, 3u);
    EXPECT_EQ(port_traffic(c).tx_packets, 2u);
}

// Neither the sum nor the padding is a matter of the flow.
TEST_P(FlowFromPeer, StillLooksAtTheRestOfTheHeader) {
    expect_delivered();
    const Packet wrong = eth(kHostB, kHostA) / ipv4(kHostB, kHostA, {.checksum = 0x4242}) /
                         gre({.key = kKey}) / ip_frame(kVmB, kVmA);
    EXPECT_EQ(from_wire(wrong).fate, Fate::ended);
    EXPECT_EQ(count(program(), XGRE_IP_CHECKSUM).packets, 1u);
    const Packet bad_sum = eth(kHostB, kHostA) / ipv4(kHostB, kHostA) /
                           gre({.key = kKey, .checksum = 0x4242}) / ip_frame(kVmB, kVmA);
    EXPECT_EQ(from_wire(bad_sum).fate, is_xdp() ? Fate::passed : Fate::ended);
    const Packet padded_one = concat(tunnel(kHostB, ip_frame(kVmB, kVmA)), payload(9, 0xaa));
    const Result result = from_wire(padded_one);
    if (!is_xdp()) {
        EXPECT_PACKET_EQ(result.packet, ip_frame(kVmB, kVmA));
    }
    EXPECT_EQ(result.fate, is_xdp() ? Fate::passed : Fate::redirected);
}

TEST_P(FlowFromPeer, AsksAgainForALongerFrame) {
    ip("link set dev a mtu 1000\n");
    const std::size_t fits = 1000 - 20 - 8;
    expect_delivered();
    EXPECT_EQ(send(kHostB, fits + 1).fate, too_large());
    EXPECT_EQ(send(kHostB, fits).fate, Fate::redirected);
    EXPECT_EQ(send(kHostB, fits + 1).fate, too_large());
    expect_delivered();
}

TEST_P(FlowFromPeer, LeavesAPortWhoseDeviceVanished) {
    expect_delivered();
    ASSERT_TRUE(datapath().redirect().erase(a.index()));
    EXPECT_EQ(send().fate, is_xdp() ? Fate::passed : Fate::ended);
    if (!is_xdp()) {
        EXPECT_EQ(count(program(), XGRE_FLOODED).packets, 1u);
    }
}

TEST_P(FlowFromPeer, EndsWithItsNetwork) {
    expect_delivered();
    datapath().networks().put(1, xgre_network{});
    datapath().forget_flows();
    EXPECT_EQ(send().fate, Fate::ended);
    EXPECT_EQ(count(program(), XGRE_NO_NETWORK).packets, 1u);
}

}  // namespace
}  // namespace xgre::test
