// SPDX-License-Identifier: GPL-2.0-only
// The maps and programs of one instance: loaded into the kernel, or opened from their pins.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "loader/fd.h"
#include "loader/map.h"
#include "xgre/abi.h"

namespace xgre {

// The flows that each of so many CPUs has room for: a power of two, and all of them together within
// XGRE_FLOWS_MEMORY, as far as XGRE_FLOWS_LEAST lets them.
std::uint32_t flows_for(std::uint64_t cpus);

// Owns descriptors only: what is not pinned ends with it. Move-only.
class Datapath {
public:
    struct Sizes {
        std::uint32_t fdb_entries = XGRE_FDB_DEFAULT;
    };

    // Loads programs with maps of their own. Throws Error with what the verifier said.
    static Datapath load(const Sizes& sizes);
    // Loads this tool's programs on the maps of `running`, which stay as they are.
    static Datapath load_on(const Datapath& running);
    // Opens what pin() left in `directory`; to use what an older tool did not pin throws Error.
    static Datapath open(const std::string& directory);

    // Pins everything under `directory`, which exists: one file a map in maps/, one a program
    // in programs/. A program that is pinned there already is replaced.
    void pin(const std::string& directory) const;

    // `name` as in the BPF sources, "uplink_xdp"; an unknown one is a mistake of the caller.
    int program(std::string_view name) const;
    int map_fd(std::string_view name) const;
    // Every program and every map by name, for `show` and the like.
    const std::map<std::string, Fd, std::less<>>& programs() const { return programs_; }
    const std::map<std::string, Fd, std::less<>>& maps() const { return maps_; }

    Map<std::uint32_t, xgre_uplink> uplink() const { return view<xgre_uplink>("uplink"); }
    Map<std::uint32_t, xgre_network> networks() const { return view<xgre_network>("networks"); }
    Map<std::uint32_t, xgre_port> ports() const { return view<xgre_port>("ports"); }
    Map<std::uint32_t, xgre_peer> peers() const { return view<xgre_peer>("peers"); }
    Map<std::uint32_t, xgre_flood> flood() const { return view<xgre_flood>("flood"); }
    Map<std::uint32_t, std::uint64_t> learned() const { return view<std::uint64_t>("learned"); }
    Map<std::uint32_t, xgre_buckets> buckets() const { return view<xgre_buckets>("buckets"); }
    Map<std::uint32_t, std::uint64_t> bound() const { return view<std::uint64_t>("bound"); }
    Map<xgre_binding_key, xgre_binding> bindings() const {
        return {map_fd("bindings"), "bindings"};
    }
    Map<xgre_address, std::uint32_t> addresses() const {
        return {map_fd("addresses"), "addresses"};
    }
    Map<xgre_tunnel_key, xgre_tunnel> tunnels() const { return {map_fd("tunnels"), "tunnels"}; }
    Map<xgre_tunnel6_key, xgre_tunnel> tunnels6() const { return {map_fd("tunnels6"), "tunnels6"}; }
    Map<xgre_outbound_key, xgre_tunnel> outbound() const {
        return {map_fd("outbound"), "outbound"};
    }
    Map<std::uint32_t, xgre_peer_state> peer_states() const {
        return view<xgre_peer_state>("peer_states");
    }
    Map<std::uint32_t, xgre_liveness> liveness() const { return view<xgre_liveness>("liveness"); }
    Map<xgre_fragment_key, xgre_fragment> fragments() const {
        return {map_fd("fragments"), "fragments"};
    }
    Map<xgre_fdb_key, xgre_fdb_entry> fdb() const { return {map_fd("fdb"), "fdb"}; }
    // ifindex -> ifindex: the value's second word, a program, is not used.
    Map<std::uint32_t, std::uint64_t> redirect() const { return view<std::uint64_t>("redirect"); }
    Map<std::uint32_t, xgre_watch> watch() const { return view<xgre_watch>("watch"); }
    PerCpuMap<xgre_watch_cpu> watch_cpus() const { return {map_fd("watch_cpus"), "watch_cpus"}; }
    Map<std::uint32_t, xgre_spread> spread() const { return view<xgre_spread>("spread"); }
    // Without batches: find(), put() and erase() only. put() wants a program's descriptor.
    Map<std::uint32_t, bpf_cpumap_val> cpus() const { return view<bpf_cpumap_val>("cpus"); }
    PerCpuMap<xgre_count> counters() const { return {map_fd("counters"), "counters"}; }
    PerCpuMap<std::uint64_t> notes() const { return {map_fd("notes"), "notes"}; }
    PerCpuMap<xgre_traffic> port_counters() const {
        return {map_fd("port_counters"), "port_counters"};
    }
    PerCpuMap<xgre_traffic> peer_counters() const {
        return {map_fd("peer_counters"), "peer_counters"};
    }

    // The programs of bpf/fdb_control.bpf.c.
    // Adds or replaces a static entry; `owner` has the static bit. Throws when the table is full.
    void fdb_put(const xgre_fdb_key& key, xgre_owner owner) const;
    // A learned entry, last seen so long ago; `limit` is its owner's, 0: none. False: the address
    // is known already, or the limit or the table leaves no room.
    bool fdb_restore(const xgre_fdb_key& key, xgre_owner owner, std::uint64_t age_ns,
                     std::uint32_t limit) const;
    // False: there was no such entry.
    bool fdb_delete(const xgre_fdb_key& key) const;
    // How many entries went. `want.flushed` is ignored.
    std::uint32_t fdb_flush(const xgre_fdb_flush_args& want) const;
    // Removes expired entries and those of ports and peers that are no more; how many.
    std::uint32_t fdb_sweep() const;
    // Makes every CPU look again into the tables that a command has changed: see bpf/flow.h.
    void forget_flows() const;
    // Asks a peer whether it is there, by a frame of so many bytes. In the instance's network
    // namespace. 0 or an errno.
    int send_probe(std::uint32_t peer, std::uint32_t len) const;
    // Can the kernel merge TCP on the CPU that a frame is spread to?
    bool can_spread_tcp() const;
    // Starts the timer that does so by itself, or hands it to these programs.
    void start_sweeper(std::uint64_t interval_ns) const;

private:
    Datapath() = default;

    static Datapath load(const Sizes& sizes, const Datapath* running);

    template <typename V>
    Map<std::uint32_t, V> view(const char* name) const {
        return {map_fd(name), name};
    }
    template <typename Arguments>
    void run_control(const char* program_name, Arguments& arguments) const;

    std::map<std::string, Fd, std::less<>> maps_;
    std::map<std::string, Fd, std::less<>> programs_;
};

}  // namespace xgre
