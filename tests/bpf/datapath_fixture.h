// SPDX-License-Identifier: GPL-2.0-only
// A host with the data path on it, for one test: a network namespace, taps as uplink and ports,
// freshly loaded programs with maps of their own.
//
// Two ways to give a program a frame. run() is BPF_PROG_TEST_RUN: it shows the action and the
// bytes, and redirects nowhere. Attached programs get what a tap sends, and what leaves by the
// other taps is what they sent where.
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/datapath.h"
#include "loader/fd.h"
#include "tests/bpf/tap.h"
#include "tests/packet/expect_packet.h"
#include "tests/packet/packet.h"
#include "xgre/abi.h"
#include "xgre/instance.h"

namespace xgre::test {

using namespace std::chrono_literals;

// What a program did with a frame, whichever hook it is for.
enum class Fate { ended, passed, redirected, unknown };
void PrintTo(Fate fate, std::ostream* out);

struct Result {
    Fate fate = Fate::unknown;
    int action = 0;  // XDP_* or TC_ACT_*
    Packet packet;
    std::optional<xgre_metadata> metadata;  // XDP only
};

// Where programs are attached: TC alone, by tcx or the older way; or TC and XDP.
// With spread_xdp what comes from the wire is handed to CPU 0, whichever took it in.
enum class Hooks { tc, clsact, native_xdp, generic_xdp, spread_xdp };

// Non-zero cells only: {"uplink_xdp to-port", 1}.
using Counts = std::map<std::string, std::uint64_t>;

struct NetworkOptions {
    std::optional<std::uint32_t> key = {};  // with nvgre, nvgre_key(VSID)
    std::chrono::nanoseconds ageing = 300s;
    bool nvgre = false;
};

struct PortOptions {
    std::uint32_t flags = 0;  // enum xgre_port_flags, beside XDP_XMIT
    std::uint32_t limit = 0;
    bool xdp_xmit = true;
};

struct Port {
    Tap tap;
    std::uint32_t network;
    std::uint32_t slot;
    std::uint32_t flags;

    std::uint32_t index() const { return tap.index(); }
    xgre_owner owner() const {
        return XGRE_OWNER_PORT | std::uint64_t{slot} << XGRE_OWNER_SLOT_SHIFT | index();
    }
};

inline xgre_owner peer_owner(std::uint32_t peer) {
    return XGRE_OWNER_PEER | peer;
}
inline xgre_owner as_static(xgre_owner owner) {
    return owner | XGRE_OWNER_STATIC;
}

std::uint32_t number(Ipv4Address address);  // as a __be32
// With its tunnel. It is in no flood list yet.
void put_peer_row(const Datapath& datapath, std::uint32_t id, const xgre_peer& row);
inline IpAddr ip4_of(const Station& station) {
    return Ip4Addr{station.ip.bytes};
}
inline IpAddr ip6_of(const Station& station) {
    return Ip6Addr{station.ip6.bytes};
}

// kHostA. While it lives the thread is in its namespace; of several, the last made goes first.
class Host {
public:
    explicit Host(const Datapath::Sizes& sizes = {});
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host();

    const Datapath& datapath() const { return datapath_; }
    const Tap& wire() const { return *uplink_; }
    void change_uplink(const std::function<void(xgre_uplink&)>& change) const;

    // ---- What the loader's commands would fill in ----
    void network(std::uint32_t id, const NetworkOptions& options = {});
    // Takes part in the flooding of its network.
    Port& port(const std::string& name, std::uint32_t network, const PortOptions& options = {});
    // Sends and expects the key of its network; takes part in flooding.
    void peer(std::uint32_t id, Ipv4Address address, std::uint32_t network);
    // As the library writes its row. `change` starts from the network's keys and the defaults.
    void peer(std::uint32_t id, const IpAddr& address, std::uint32_t network,
              const std::function<void(PeerOptions&)>& change);
    // The uplink gets kHostA.ip6 too, and knows its neighbours.
    void use_ipv6();
    void remove_peer(std::uint32_t id) const;
    void flood(std::uint32_t network, const std::vector<std::uint32_t>& ports,
               const std::vector<std::uint32_t>& peers) const;
    void set_port_flags(Port& port, std::uint32_t flags) const;
    // What comes from the wire goes to these CPUs, TCP too when `tcp`. A CPU that this machine
    // does not have takes nothing: its frames stay. Counts what full queues lose.
    void spread(const std::vector<std::uint16_t>& cpus, bool tcp = true,
                std::uint32_t queue = XGRE_SPREAD_QUEUE);

    // Lines for `ip -batch`, in the namespace.
    static void ip(std::string_view lines);
    static void sysctl(const std::string& name, const std::string& value);
    // Returns when the data path believes no flow any more that it has now: XGRE_FLOW_NS.
    static void outlive_flows();

    // ---- Frames ----
    // As from `ingress`, a tap of this host. `mark`: TC only.
    Result run(std::string_view program, const Packet& packet, std::uint32_t ingress,
               std::uint32_t mark = 0) const;
    // nullopt: the kernel makes no such test run, as of a frame that says IP and is shorter.
    // `first`: XDP only, what is in the first buffer, where the kernel can do that (Linux 6.18);
    // without, as much as a page has room for.
    std::optional<Result> try_run(std::string_view program, const Packet& packet,
                                  std::uint32_t ingress, std::uint32_t mark = 0,
                                  std::optional<std::uint32_t> first = {}) const;
    Result run_from_wire(std::string_view program, const Packet& packet) const {
        return run(program, packet, wire().index());
    }

    // Attaches uplink_tc and port_tc, or in the last two all four programs, to all taps made
    // so far.
    void attach(Hooks hooks);
    void attach_tc(std::uint32_t ifindex, int program, bool clsact = false);
    // Makes the devices of the detour, and attaches their program.
    void make_detour(bool clsact = false);
    void attach_xdp(std::uint32_t ifindex, int program, Hooks mode);
    // As the loader leaves an instance of this name, for what opens one. unpin() takes it away.
    void pin(const std::string& instance) const;
    static void unpin(const std::string& instance);

    // ---- What came of it ----
    Counts counts() const;  // packets, by program and verdict
    Counts copies() const;
    Counts notes() const;
    xgre_count count(xgre_program program, xgre_verdict verdict) const;
    xgre_traffic port_traffic(const Port& port) const;
    xgre_traffic peer_traffic(std::uint32_t peer) const;

    std::optional<xgre_fdb_entry> fdb(std::uint32_t network, MacAddress mac,
                                      std::uint16_t vlan = 0) const;
    // 0: nobody has it.
    xgre_owner owner(std::uint32_t network, MacAddress mac, std::uint16_t vlan = 0) const;
    std::uint64_t learned(const Port& port) const;
    std::uint64_t learned(std::uint32_t peer) const;
    // Puts an entry in as if learned `ago`.
    void learn(std::uint32_t network, MacAddress mac, xgre_owner owner, std::uint16_t vlan = 0,
               std::chrono::nanoseconds ago = 0s) const;
    // Sets the time an entry was last seen.
    void make_older(std::uint32_t network, MacAddress mac, std::chrono::nanoseconds ago,
                    std::uint16_t vlan = 0) const;

private:
    void add_to_flood(std::uint32_t network, std::uint32_t id, const xgre_peer& row) const;

    Fd origin_;
    Datapath datapath_;
    std::optional<Tap> uplink_;
    std::deque<Port> ports_;
    std::map<std::uint32_t, std::optional<std::uint32_t>> keys_;  // by network
    std::vector<Fd> links_;
    std::map<std::uint32_t, int> xdp_links_;  // by ifindex; of links_
    Fd counter_;
};

// Flows are of one CPU.
class OnOneCpu {
public:
    OnOneCpu() {
        sched_getaffinity(0, sizeof(before_), &before_);
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(sched_getcpu(), &one);
        sched_setaffinity(0, sizeof(one), &one);
    }
    OnOneCpu(const OnOneCpu&) = delete;
    OnOneCpu& operator=(const OnOneCpu&) = delete;
    static std::size_t cpu() { return static_cast<std::size_t>(sched_getcpu()); }
    ~OnOneCpu() { sched_setaffinity(0, sizeof(before_), &before_); }

private:
    cpu_set_t before_{};
};

// Fails the test, showing what is missing and what is too much; the order does not matter.
void expect_frames(std::vector<Packet> actual, const std::vector<Packet>& expected,
                   std::string_view where);

xgre_fdb_key fdb_key(std::uint32_t network, MacAddress mac, std::uint16_t vlan = 0);

// Host A between its VMs and the hosts B and C. Network 1: ports a and c (kVmA, kVmC), peers 1
// and 2 (hosts B and C), key 7.
class DatapathTest : public ::testing::Test, protected Host {
public:
    static constexpr std::uint32_t kKey = 7;

protected:
    DatapathTest();

    // From a peer over the wire, with the key of network 1.
    static Packet tunnel(const Station& peer, const Packet& inner) {
        return eth(peer, kHostA) / ipv4(peer, kHostA) / gre({.key = kKey}) / inner;
    }
    // To a peer over the wire, as this host sends it.
    static Packet tunnel_to(const Station& peer, const Packet& inner) {
        return eth(kHostA, peer) / ipv4(kHostA, peer) / gre({.key = kKey}) / inner;
    }
    // An ordinary frame of a VM.
    static Packet frame(MacAddress from, MacAddress to, std::size_t size = 46) {
        return eth(from, to) / payload(size);
    }

    static void expect_got(const Port& port, const std::vector<Packet>& expected) {
        expect_frames(port.tap.received(expected.size()), expected, "at port " + port.tap.name());
    }
    void expect_on_wire(const std::vector<Packet>& expected) const {
        expect_frames(wire().received(expected.size()), expected, "on the wire");
    }

    Port& a;
    Port& c;
};

// The same test for the fast and the slow path: GetParam() is the program.
class HookTest : public DatapathTest, public ::testing::WithParamInterface<const char*> {
protected:
    Result from_wire(const Packet& packet) const { return run_from_wire(GetParam(), packet); }
    Result from_port(const Packet& packet, const Port& port) const {
        return run(GetParam(), packet, port.index());
    }
    // As the kernel does it: what XDP leaves is TC's.
    Result arrive(const Packet& packet) const {
        Result result = from_wire(packet);
        if (is_xdp() && result.fate == Fate::passed) result = run_from_wire("uplink_tc", packet);
        return result;
    }
    Result depart(const Packet& packet, const Port& port) const {
        Result result = from_port(packet, port);
        if (is_xdp() && result.fate == Fate::passed) result = run("port_tc", packet, port.index());
        return result;
    }
    // Of what came from the wire, on either hook.
    std::uint64_t arrivals(xgre_verdict verdict) const {
        return count(XGRE_PROGRAM_UPLINK_TC, verdict).packets +
               count(XGRE_PROGRAM_UPLINK_XDP, verdict).packets;
    }
    static xgre_program program() {
        const std::string_view name{GetParam()};
        if (name == "uplink_xdp") return XGRE_PROGRAM_UPLINK_XDP;
        if (name == "uplink_tc") return XGRE_PROGRAM_UPLINK_TC;
        return name == "port_xdp" ? XGRE_PROGRAM_PORT_XDP : XGRE_PROGRAM_PORT_TC;
    }
    // A program's name with a verdict's, as counts() has them.
    static std::string on_hook(std::string_view verdict) {
        return std::string{GetParam()} + " " + std::string{verdict};
    }
    // What is too large XDP leaves to TC; there it is a drop, where there is no detour for it.
    static Fate too_large() { return is_xdp() ? Fate::passed : Fate::ended; }
    // Counts of such a hook, of which `packets` were too large.
    static Counts with_too_large(Counts counts, std::uint64_t packets) {
        if (!is_xdp()) counts.emplace(on_hook("too-large"), packets);
        return counts;
    }
    static bool is_xdp() { return std::string_view{GetParam()}.ends_with("_xdp"); }
};

struct HookName {
    std::string operator()(const ::testing::TestParamInfo<const char*>& info) const {
        return std::string_view{info.param}.ends_with("_xdp") ? "Xdp" : "Tc";
    }
};

struct HooksName {
    std::string operator()(const ::testing::TestParamInfo<Hooks>& info) const {
        switch (info.param) {
            case Hooks::tc:
                return "Tc";
            case Hooks::clsact:
                return "Clsact";
            case Hooks::native_xdp:
                return "NativeXdp";
            default:
                return "SpreadXdp";
        }
    }
};

}  // namespace xgre::test

// Runs the tests of a fixture made of HookTest on both hooks.
#define ON_BOTH_HOOKS(fixture, xdp, tc)                                                            \
    INSTANTIATE_TEST_SUITE_P(Hooks, fixture, ::testing::Values(xdp, tc), HookName())

// Runs the tests of a fixture, whose GetParam() is what they attach(), in every way that xgre does.
#define ON_ALL_HOOKS(fixture)                                                                      \
    INSTANTIATE_TEST_SUITE_P(Hooks, fixture,                                                       \
                             ::testing::Values(Hooks::tc, Hooks::clsact, Hooks::native_xdp),       \
                             HooksName())
