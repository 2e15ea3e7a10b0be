// SPDX-License-Identifier: GPL-2.0-only
// The checks of `xgre doctor`: each is a function from facts to findings, so that it can be tried
// on made-up facts. Facts are gathered in doctor_facts.cpp alone.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "loader/cpu_load.h"
#include "loader/hooks.h"
#include "loader/kernel_features.h"
#include "loader/netlink.h"
#include "xgre/dhcp.h"
#include "xgre/doctor.h"
#include "xgre/error.h"
#include "xgre/instance.h"
#include "xgre/session.h"

namespace xgre::doctor {

// ---- Facts ---------------------------------------------------------------------------------

struct HostFacts {
    std::vector<std::string> missing_capabilities;
    bool has_bpffs = true;
    bool has_btf = true;
    bool has_jit = true;
    bool has_tcx = true;
    bool times_programs = false;  // sysctl kernel.bpf_stats_enabled
    bool has_dnsmasq = true;
    std::string clock;                    // the clock source in use; empty: not known
    std::vector<std::string> clocks;      // those that there are
    std::vector<KernelFeature> features;  // none: they could not be probed
};

struct DeviceFacts {
    std::string name;
    bool is_uplink = false;
    std::string network;           // of a port
    std::optional<LinkInfo> link;  // none: it is gone
    std::string master;            // the bridge or bond that it belongs to; empty: none
    HookInfo hook;
    std::vector<HookedProgram> before;  // programs at the TC hook that see its frames first
    std::optional<HookedProgram> foreign_xdp;
    std::vector<DeviceChain> chains;  // of nftables
};

struct PeerFacts {
    PeerInfo info;
    std::optional<RouteInfo> route;
    std::string route_device;
    std::optional<NeighbourInfo> neighbour;  // the peer, or the gateway to it
};

// Whose MAC it is in which network and VLAN.
struct MacFacts {
    std::string network;
    std::uint16_t vlan = 0;
    Mac mac;
    std::string owner;  // "port tap0"
    bool is_static = false;
    bool expired = false;

    auto key() const { return std::tie(network, vlan, mac); }
};

// What grows, at one moment.
struct Reading {
    std::vector<VerdictCount> verdicts;
    std::vector<NoteCount> notes;
    std::map<std::uint32_t, Traffic> peers;                   // by peer id
    std::map<std::uint32_t, std::uint64_t> from_wire_by_cpu;  // tunnel packets, of online CPUs
    CpuTable cpu_times;
    std::vector<MacFacts> macs;  // sorted by key
};

struct InstanceFacts {
    InstanceInfo info;
    std::vector<DeviceFacts> devices;  // the uplink first
    std::vector<PeerFacts> peers;
    std::vector<IpAddr> missing_locals;  // addresses of tunnels that the uplink has not
    bool has_detour = true;              // the devices are there, and up
    bool forwards_on_loopback = true;
    bool bridge_calls_iptables = false;          // sysctl net.bridge.bridge-nf-call-iptables
    std::vector<std::string> gretaps;            // kernel tunnels of the same kind that are up
    std::vector<std::string> watched_by_nobody;  // "capture", "monitor": killed, and still told
    std::vector<DhcpInfo> dhcp;
    Reading first;
    Reading second;
    double seconds = 0;  // between the two; 0: there is one

    const DeviceFacts& uplink() const { return devices.front(); }
};

struct Facts {
    Session session;
    HostFacts host;
    std::vector<std::string> instances;     // that there are
    std::optional<Error> unopened;          // why the instance cannot be examined
    std::optional<InstanceFacts> instance;  // none: there is none, or it cannot be opened
};

Facts gather(const Session& session, const DoctorSpec& spec);

// ---- Checks --------------------------------------------------------------------------------

// Takes what one check finds, and knows how commands are written for this session.
class Report {
public:
    Report(const Session& session, std::string_view check, std::vector<Finding>& findings)
        : session_{session}, check_{check}, findings_{findings} {}

    void problem(std::string object, std::string found, std::string way_out);
    void warning(std::string object, std::string found, std::string way_out);
    void note(std::string object, std::string found, std::string way_out);
    void fine(std::string object, std::string found);
    void add(Severity severity, std::string object, std::string found, std::string way_out);

    // `xgre WORDS` with the options that this instance takes, in backquotes.
    std::string xgre(std::string_view words) const;
    // Likewise any other command, in this network namespace.
    std::string run(std::string_view words) const;

private:
    const Session& session_;
    std::string_view check_;
    std::vector<Finding>& findings_;
};

template <typename What>
struct Check {
    std::string_view name;
    void (*look)(const What& what, Report& report);
};
using HostChecks = std::span<const Check<HostFacts>>;
using InstanceChecks = std::span<const Check<InstanceFacts>>;

HostChecks host_checks();         // doctor_host.cpp
InstanceChecks device_checks();   // doctor_devices.cpp
InstanceChecks path_checks();     // doctor_paths.cpp
InstanceChecks table_checks();    // doctor_tables.cpp
InstanceChecks traffic_checks();  // doctor_traffic.cpp

// All of them, problems first.
std::vector<Finding> findings_of(const Facts& facts);

}  // namespace xgre::doctor
