/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The path MTU of a peer: what routers of the underlay said that they let through (RFC 1191, RFC
 * 8201). It is of the outer packet, beside the MTUs of the uplink and of the route, and holds for
 * XGRE_PATH_NS; then a packet of any size is tried again.
 */
#ifndef XGRE_BPF_PATH_MTU_H
#define XGRE_BPF_PATH_MTU_H

#include "fdb.h"

/* Bytes of the largest packet to this peer; 0: no router has objected. */
static __always_inline __u32 path_mtu(__u32 peer)
{
    struct xgre_peer_state *state = bpf_map_lookup_elem(&peer_states, &peer);
    __u32 mtu = state ? *(volatile __u32 *)&state->path_mtu : 0;

    if (!mtu || (__s64)(state->path_until - bpf_ktime_get_coarse_ns()) <= 0) return 0;
    return mtu;
}

static __always_inline enum xgre_verdict check_path(__u32 peer, __u32 ip_len)
{
    __u32 mtu = path_mtu(peer);

    return mtu && ip_len > mtu ? XGRE_TOO_LARGE : XGRE_GO;
}

/*
 * What holds already only gets lower: a router cannot move the end of the time by saying it again.
 * So anybody who forges such news can have flows forgotten no more often than there are MTUs.
 */
static __always_inline bool lower_path_mtu(__u32 peer, __u32 mtu)
{
    struct xgre_peer_state *state = bpf_map_lookup_elem(&peer_states, &peer);
    __u32 known = path_mtu(peer);

    if (!state || (known && mtu >= known)) return false;
    /* In this order: what has run out is never believed with the new time. */
    *(volatile __u32 *)&state->path_mtu = mtu;
    *(volatile __u64 *)&state->path_until = bpf_ktime_get_coarse_ns() + XGRE_PATH_NS;
    forget_flows();
    return true;
}

#endif
