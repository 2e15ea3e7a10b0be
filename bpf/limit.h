/* SPDX-License-Identifier: GPL-2.0-only */
/* How much of something a port or a peer may have in a second. TC only. */
#ifndef XGRE_BPF_LIMIT_H
#define XGRE_BPF_LIMIT_H

#include "fdb.h"

#define PAY_TRIES 8 /* as many CPUs may be paying for frames of one port at once */

/*
 * A token bucket in one word, which all CPUs share: the time up to which the port has used up its
 * limit. Each frame takes its part of a second, and that time may be a second ahead of now. A large
 * segment is paid for whole, and goes when there is room for its first frame.
 */
static __always_inline bool pay(__u64 *paid, __u64 now, __u64 each, __u32 frames)
{
    for (int i = 0; i < PAY_TRIES; i++) {
        __u64 old = *(volatile __u64 *)paid;
        __u64 from = (__s64)(old - now) > 0 ? old : now;

        if (from + each > now + XGRE_BURST_NS) return false;
        if (__sync_val_compare_and_swap(paid, old, from + each * frames) == old) return true;
    }
    return false;
}

/* `now`: CLOCK_MONOTONIC, ns. */
STEP int pay_for_flood(__u32 slot, __u32 is_unknown, __u32 limit, __u32 frames, __u64 now)
{
    struct xgre_buckets *bucket = bpf_map_lookup_elem(&buckets, &slot);

    if (!bucket || !limit) return XGRE_GO;
    if (pay(is_unknown ? &bucket->unknown : &bucket->broadcast, now, XGRE_BURST_NS / limit, frames))
        return XGRE_GO;
    return is_unknown ? XGRE_UNKNOWN_LIMIT : XGRE_BROADCAST_LIMIT;
}

/* May the port, or the peer, be told once more that something was too large? RFC 1812, 4.3.2.8. */
STEP int pay_for_telling(__u32 id, __u32 is_peer)
{
    struct xgre_peer_state *state = bpf_map_lookup_elem(&peer_states, &id);
    struct xgre_buckets *bucket = bpf_map_lookup_elem(&buckets, &id);
    __u64 now = bpf_ktime_get_coarse_ns();

    if (is_peer) return state && pay(&state->told, now, XGRE_BURST_NS / XGRE_TOLD_LIMIT, 1);
    return bucket && pay(&bucket->told, now, XGRE_BURST_NS / XGRE_TOLD_LIMIT, 1);
}

#endif
