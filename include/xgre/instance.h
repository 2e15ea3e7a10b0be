// SPDX-License-Identifier: GPL-2.0-only
// The library's front door: everything a command does to one instance.
//
// Every function throws xgre::Error {object, cause, way out} and leaves things as they were when
// it does. Changes are idempotent: asking for what is there already reports `unchanged`.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "xgre/cpu_set.h"
#include "xgre/gre_key.h"
#include "xgre/ip_addr.h"
#include "xgre/mac.h"
#include "xgre/session.h"
#include "xgre/vlan.h"
#include "xgre/vm_address.h"

namespace xgre {

enum class Change : std::uint8_t { made, unchanged };

struct Config;  // xgre/config.h

// Where XDP runs of the devices on which it can: where it pays, nowhere, or everywhere.
enum class XdpUse : std::uint8_t { automatic, off, on };

enum class TcHook : std::uint8_t { automatic, tcx, clsact };

enum class SpreadMode : std::uint8_t { automatic, off, all, list };

// Over which CPUs to spread what one tunnel carries.
struct Spread {
    SpreadMode mode = SpreadMode::automatic;
    CpuSet cpus;  // with `list`

    bool operator==(const Spread&) const = default;
};

struct AttachSpec {
    std::string uplink;
    // Addresses of the uplink, at least one of the two.
    std::optional<Ip4Addr> local = {};
    std::optional<Ip6Addr> local6 = {};
    std::optional<std::uint32_t> fdb_entries;  // 1..4 000 000; 65 536 without
    bool upgrade = false;       // replace the programs of a running instance by this tool's
    std::optional<XdpUse> xdp;  // without: as it is, of a new instance automatic
    TcHook tc_hook = TcHook::automatic;
    std::optional<Spread> spread = {};  // without: as the instance has it, automatic at first
};

// What the key on the wire is: RFC 2890's, or RFC 7637's, whose upper 24 bits are the network's.
enum class NetworkMode : std::uint8_t { gre, nvgre };

struct NetworkSpec {
    std::string name;                            // 1..15 of [A-Za-z0-9_.-]
    std::optional<GreKey> key;                   // with nvgre, the VSID
    std::optional<NetworkMode> mode = {};        // gre without
    std::optional<std::uint32_t> mtu;            // bytes of the largest inner IP packet; 0: what
                                                 // fits the uplink
    std::optional<std::chrono::seconds> ageing;  // 1..1 000 000; 300 without
};

struct PortSpec {
    std::string device;
    std::optional<std::string> network;      // without: as it was before the device vanished
    std::optional<std::uint32_t> mac_limit;  // 0: none
    std::optional<std::uint32_t> broadcast_limit = {};  // frames a second from it; 0: none
    std::optional<std::uint32_t> unknown_limit = {};    // the same, of those to unknown MACs
    std::vector<Mac> static_macs;
    std::optional<bool> isolated;
    std::optional<bool> locked;
    std::optional<bool> direct;  // of a veth: TC hands frames to its far end, past the port's own
    std::optional<bool> learning;
    std::optional<bool> flood;
    std::optional<bool> dhcp_guard = {};   // no messages of DHCP servers from it
    std::optional<bool> ra_guard = {};     // no router advertisements and redirects from it
    std::optional<bool> lease_bound = {};  // it has what DHCP gave it, and `addresses`
    std::optional<std::vector<IpAddr>> addresses = {};  // these and no others
};

// The outer "don't fragment" bit.
enum class DontFragment : std::uint8_t { set, unset, inherit };

// How packets to and from a peer look. `i...` is about what comes in, `o...` about what goes out.
struct PeerOptions {
    std::optional<GreKey> ikey;  // none: without a key
    std::optional<GreKey> okey;
    bool icsum = false;      // take nothing without a checksum; one that is there is checked anyway
    bool iseq = false;       // take nothing without a sequence number, nor what is late
    bool ocsum = false;      // send checksums
    bool oseq = false;       // send sequence numbers
    bool rp_filter = false;  // take nothing while the route to it leads over another device
    std::uint32_t mac_limit = 0;              // MACs learned behind it; 0: no limit
    std::optional<std::uint8_t> ttl = 64;     // or hop limit; none: that of the packet inside
    std::optional<std::uint8_t> tos = 0;      // or traffic class, without ECN; none: likewise
    DontFragment df = DontFragment::set;      // IPv4 only
    std::optional<std::uint8_t> encap_limit;  // RFC 2473; IPv6 only; none: no such option
    std::optional<std::uint32_t> flow_label;  // IPv6 only; none: follows from the flow inside

    bool operator==(const PeerOptions&) const = default;
};

// A setting that may also be "none" or "inherit".
template <typename T>
struct OrNone {
    std::optional<T> value;
};

struct PeerSpec {
    IpAddr address;
    std::string network;
    // Without: as it is, of a new peer as in PeerOptions, with the keys of the network and a MAC
    // limit of half the FDB.
    std::optional<OrNone<GreKey>> ikey = {};
    std::optional<OrNone<GreKey>> okey = {};
    std::optional<bool> icsum = {};
    std::optional<bool> iseq = {};
    std::optional<bool> ocsum = {};
    std::optional<bool> oseq = {};
    std::optional<bool> rp_filter = {};
    std::optional<std::uint32_t> mac_limit = {};
    std::optional<OrNone<std::uint8_t>> ttl = {};
    std::optional<OrNone<std::uint8_t>> tos = {};
    std::optional<DontFragment> df = {};
    std::optional<OrNone<std::uint8_t>> encap_limit = {};
    std::optional<OrNone<std::uint32_t>> flow_label = {};
};

struct FdbSpec {
    Mac mac;
    std::string network;
    Vlan vlan;
    // Exactly one:
    std::optional<std::string> port;
    std::optional<IpAddr> peer;
};

// What to show or flush: all that match everything given.
struct FdbFilter {
    std::optional<std::string> network;
    std::optional<Vlan> vlan;
    std::optional<std::string> port;
    std::optional<IpAddr> peer;
    std::optional<Mac> mac;  // show only
};

// ---- What shows return ---------------------------------------------------------------------

struct Traffic {
    std::uint64_t rx_packets = 0;  // from the VM, or from the peer
    std::uint64_t rx_bytes = 0;
    std::uint64_t tx_packets = 0;
    std::uint64_t tx_bytes = 0;
};

// How a device is hooked, and why not better.
struct HookInfo {
    std::string tc;             // "tcx", "clsact" or "none"
    std::string xdp;            // "native" or "none"
    std::string reason;         // why XDP does not run; empty when it does
    std::string remedy;         // what would change it; may be empty
    bool xdp_pays = true;       // false: it is left off because TC is faster on this device
    bool xdp_transmit = false;  // XDP may send into it
    std::string transmit_reason;
    std::string transmit_remedy;
};

struct NetworkInfo {
    std::uint32_t id = 0;
    std::string name;
    std::optional<GreKey> key;
    NetworkMode mode = NetworkMode::gre;
    std::uint32_t mtu = 0;    // in force, bytes
    bool mtu_is_set = false;  // by --mtu; else it follows from the uplink
    std::chrono::seconds ageing{0};
    std::uint32_t ports = 0;
    std::uint32_t peers = 0;
};

// What a DHCP server gave to a VM behind a lease-bound port.
struct PortLease {
    Mac mac;
    Ip4Addr address;
    std::chrono::seconds left{0};  // until it ends

    auto operator<=>(const PortLease&) const = default;
};

struct PortInfo {
    std::string device;
    std::string network;
    int ifindex = 0;
    bool gone = false;  // the device vanished; `port add` brings the port back when it is there
    std::uint32_t mac_limit = 0;
    std::uint32_t broadcast_limit = 0;  // frames a second; 0: none
    std::uint32_t unknown_limit = 0;
    std::uint64_t learned = 0;
    bool isolated = false;
    bool locked = false;
    bool direct = false;  // it is asked for, and can be
    bool learning = true;
    bool flood = true;
    bool dhcp_guard = false;
    bool ra_guard = false;
    bool lease_bound = false;
    std::vector<IpAddr> addresses;  // beside its leases
    std::vector<PortLease> leases;
    std::vector<Mac> static_macs;
    HookInfo hook;
    Traffic traffic;
};

// What sets the size of packets to a peer.
enum class MtuSource : std::uint8_t {
    uplink,
    route,  // the kernel's route to it has a lower MTU
    path,   // a router on the way said so
};

// What is known of whether a peer is there.
enum class PeerState : std::uint8_t {
    unknown,  // nothing came from it lately, and it was not asked
    heard,    // frames come from it; it was not asked
    up,       // it answers probes
    one_way,  // xgre runs there and frames have come since it was asked in vain
    foreign,  // frames come from it, and no answers: it is no xgre
    down,     // it was asked in vain, and nothing comes from it
};

// "up", "one-way".
std::string name_of(PeerState state);

struct Liveness {
    PeerState state = PeerState::unknown;
    bool is_xgre = false;                               // it has answered a probe, or sent one
    std::optional<std::chrono::milliseconds> asked;     // so long ago the last probe left
    std::optional<std::chrono::milliseconds> answered;  // so long ago it answered a probe
    std::optional<std::chrono::milliseconds> heard;     // ... something came from it
    std::optional<std::chrono::nanoseconds> rtt;        // of its last answer
    std::uint32_t unanswered = 0;                       // probes since then
    bool xdp_there = false;  // of the last answer: the probe met XDP at the peer's uplink
    bool xdp_back = false;   // ... and the answer at ours
};

struct PeerInfo {
    std::uint32_t id = 0;
    IpAddr address;
    std::string network;
    PeerOptions options;
    std::uint32_t mtu = 0;  // of the largest inner IP packet without VLAN tag, bytes
    MtuSource mtu_from = MtuSource::uplink;
    std::optional<std::chrono::seconds> mtu_left;  // with `path`: how long it still holds
    std::uint64_t learned = 0;
    Liveness liveness;
    Traffic traffic;
};

struct FdbInfo {
    std::string network;
    std::uint16_t vlan = 0;
    Mac mac;
    std::string port;  // a device's name; empty: behind a peer
    std::optional<IpAddr> peer;
    bool is_static = false;
    bool expired = false;
    std::chrono::milliseconds age{0};  // since it was last seen
};

struct MapInfo {
    std::string name;
    std::uint32_t max_entries = 0;
    std::uint64_t memory = 0;  // bytes
};

struct InstanceInfo {
    std::string instance;
    std::string uplink;
    int ifindex = 0;
    bool uplink_gone = false;
    std::vector<IpAddr> locals;  // one or two: of each family at most one
    std::uint32_t abi_version = 0;
    HookInfo hook;
    Spread spread;                           // as asked for
    std::vector<std::uint32_t> spread_cpus;  // as it is; none: frames are not spread
    std::vector<std::string> spread_notes;   // why not, or what is left out
    std::uint32_t fdb_entries = 0;
    std::uint64_t memory = 0;  // bytes pinned
    std::vector<MapInfo> maps;
    std::vector<NetworkInfo> networks;
    std::vector<PortInfo> ports;
    std::vector<PeerInfo> peers;
};

struct VerdictCount {
    std::string program;  // "uplink_xdp", ...
    std::string verdict;  // "to-port", "unknown-peer", ...
    std::string help;
    bool drop = false;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t copies = 0;
};

struct NoteCount {
    std::string name;  // "learned", ...
    std::string help;
    std::uint64_t count = 0;
};

struct Stats {
    std::vector<VerdictCount> verdicts;  // all of them, also zero ones
    std::vector<NoteCount> notes;
    std::vector<PortInfo> ports;
    std::vector<PeerInfo> peers;
};

// ---- The instance --------------------------------------------------------------------------

class Instance {
public:
    class State;  // the library's own

    // Makes the instance and attaches its programs, or changes what differs. Whole or not at all.
    static Change attach(const Session& session, const AttachSpec& spec);
    // Without `all`, refuses while there are networks. With it, removes those too.
    static Change detach(const Session& session, bool all);
    // Instances that have pins, by name.
    static std::vector<std::string> list();

    // For changes: waits for other commands, and repairs what a killed one left half-done.
    static Instance open(const Session& session);
    // For shows: reads only.
    static Instance view(const Session& session);

    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;
    Instance(Instance&&) noexcept;
    Instance& operator=(Instance&&) noexcept;
    ~Instance();

    // What open() repaired, a sentence each; for stderr.
    const std::vector<std::string>& repairs() const;

    Change add_network(const NetworkSpec& spec);
    Change delete_network(const std::string& name);
    Change add_port(const PortSpec& spec);
    Change delete_port(const std::string& device);
    Change add_peer(const PeerSpec& spec);
    Change delete_peer(const PeerSpec& spec);
    Change add_fdb(const FdbSpec& spec);
    Change delete_fdb(const FdbSpec& spec);  // port and peer are ignored
    // How many learned entries went.
    std::uint32_t flush_fdb(const FdbFilter& filter);

    InstanceInfo show() const;
    std::vector<NetworkInfo> networks() const;
    std::vector<PortInfo> ports() const;
    std::vector<PeerInfo> peers() const;
    // One call an entry, since there may be millions.
    void fdb(const FdbFilter& filter, const std::function<void(const FdbInfo&)>& visit) const;
    Stats stats() const;
    // What it was asked for, DHCP servers left out but not their ports.
    Config config() const;

private:
    explicit Instance(std::unique_ptr<State> state);

    Change change_peer(std::uint32_t id, const PeerSpec& spec);

    std::unique_ptr<State> state_;
};

}  // namespace xgre
