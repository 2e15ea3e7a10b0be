/* SPDX-License-Identifier: GPL-2.0-only */
/* What a port is kept from: see "What a port can be kept from" in docs/concepts.md. TC only. */
#ifndef XGRE_BPF_GUARD_H
#define XGRE_BPF_GUARD_H

#include "cursor.h"
#include "maps.h"

/* ---- Limits on what a port floods --------------------------------------------------------- */

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

#endif
