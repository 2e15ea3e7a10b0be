/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every map of an instance. The objects are linked into one, so the definitions are weak and
 * merge. Sizes here are defaults; the loader may raise `fdb` before it creates it.
 */
#ifndef XGRE_BPF_MAPS_H
#define XGRE_BPF_MAPS_H

#include "vmlinux.h"
#include "uapi_macros.h"
#include <bpf/bpf_helpers.h>
#include <xgre/abi.h>

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct xgre_uplink);
} uplink __weak SEC(".maps");

/* Arrays, not hashes: the verifier inlines the look-up, and every frame does one or two. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, XGRE_MAX_NETWORKS);
    __type(key, __u32);
    __type(value, struct xgre_network);
} networks __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, XGRE_MAX_PEERS);
    __type(key, __u32);
    __type(value, struct xgre_peer);
} peers __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, XGRE_MAX_PORTS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u32);
    __type(value, struct xgre_port);
} ports __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, XGRE_MAX_PEERS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct xgre_tunnel_key);
    __type(value, struct xgre_tunnel);
} tunnels __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, XGRE_MAX_PEERS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct xgre_tunnel6_key);
    __type(value, struct xgre_tunnel);
} tunnels6 __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, XGRE_MAX_PEERS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct xgre_outbound_key);
    __type(value, struct xgre_tunnel);
} outbound __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, XGRE_MAX_PEERS);
    __type(key, __u32);
    __type(value, struct xgre_peer_state);
} peer_states __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, XGRE_MAX_PEERS);
    __type(key, __u32);
    __type(value, struct xgre_liveness);
} liveness __weak SEC(".maps");

/* On demand, too: nobody has fragments that need not have them. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, XGRE_FRAGMENTS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct xgre_fragment_key);
    __type(value, struct xgre_fragment);
} fragments __weak SEC(".maps");

/* Grows on demand: an idle instance pays for the buckets only. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, XGRE_FDB_DEFAULT);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct xgre_fdb_key);
    __type(value, struct xgre_fdb_entry);
} fdb __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, XGRE_FLOWS); /* or what the loader says */
    __type(key, __u32);
    __type(value, struct xgre_flow);
} flows __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, __u64);
} generation __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, XGRE_MAX_NETWORKS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, __u32);
    __type(value, struct xgre_flood);
} flood __weak SEC(".maps");

/*
 * ifindex -> device. The kernel takes an entry out when its device goes, so an entry here is
 * also the proof, for TC too, that an ifindex still means the device it meant.
 */
struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
    __uint(max_entries, XGRE_MAX_PORTS + 2); /* the uplink, and the device of the detour */
    __type(key, __u32);
    __type(value, struct bpf_devmap_val);
} redirect __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct xgre_spread);
} spread __weak SEC(".maps");

/* The loader gives it the size of the machine. */
struct {
    __uint(type, BPF_MAP_TYPE_CPUMAP);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct bpf_cpumap_val);
} cpus __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, XGRE_COUNTERS);
    __type(key, __u32);
    __type(value, struct xgre_count);
} counters __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, XGRE_NOTE_ROOM);
    __type(key, __u32);
    __type(value, __u64);
} notes __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, XGRE_MAX_PORTS);
    __type(key, __u32);
    __type(value, struct xgre_traffic);
} port_counters __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, XGRE_MAX_PEERS);
    __type(key, __u32);
    __type(value, struct xgre_traffic);
} peer_counters __weak SEC(".maps");

/* How many learned entries a port or a peer owns, for its MAC limit. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, XGRE_LEARNED);
    __type(key, __u32);
    __type(value, __u64);
} learned __weak SEC(".maps");

/* By port slot: how much of its limits is used up. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, XGRE_MAX_PORTS);
    __type(key, __u32);
    __type(value, struct xgre_buckets);
} buckets __weak SEC(".maps");

/* By port slot: the ifindex of the port whose frames last took the detour. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, XGRE_MAX_PORTS);
    __type(key, __u32);
    __type(value, __u32);
} detour_ports __weak SEC(".maps");

/* Leases of lease-bound ports, and by port slot how many each has. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, XGRE_BINDINGS);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct xgre_binding_key);
    __type(value, struct xgre_binding);
} bindings __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, XGRE_MAX_PORTS);
    __type(key, __u32);
    __type(value, __u64);
} bound __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, XGRE_ADDRESSES);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct xgre_address);
    __type(value, __u32);
} addresses __weak SEC(".maps");

/* For `xgre capture` and `xgre monitor`: see bpf/watch.h. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct xgre_watch);
} watch __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct xgre_watch_cpu);
} watch_cpus __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __type(key, __u32);
    __type(value, __u32);
} packets __weak SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, XGRE_EVENTS_BYTES);
} events __weak SEC(".maps");

#endif
