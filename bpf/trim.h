/* SPDX-License-Identifier: GPL-2.0-only */
/* Makes a frame shorter, also where the kernel will not. TC only. */
#ifndef XGRE_BPF_TRIM_H
#define XGRE_BPF_TRIM_H

#include "hook_tc.h"

#define MOVE_CHUNK 64
#define CUT_TURNS 17 /* for 65535 bytes */

/* Takes out bytes behind the IP header, which has no options. */
STEP int cut_payload(struct __sk_buff *skb, __u32 len)
{
    for (int i = 0; i < CUT_TURNS; i++) {
        __u32 now = len < ROOM_AT_ONCE ? len : ROOM_AT_ONCE;

        if (!len) return XGRE_GO;
        if (bpf_skb_adjust_room(skb, -(__s32)now, BPF_ADJ_ROOM_NET, 0)) break;
        len -= now;
    }
    return len ? XGRE_REWRITE_FAILED : XGRE_GO;
}

/* Bytes from..end go to further back, the last first. */
struct move_walk {
    struct __sk_buff *skb;
    __u32 from;
    __u32 end;
    __u32 by;
    __u32 failed;
};

static long move_chunk(__u32 index, struct move_walk *walk)
{
    __u8 chunk[MOVE_CHUNK];
    __u64 len = (__u64)walk->end - walk->from - 1;

    if (walk->end <= walk->from) return 1;
    /* Written so that Linux 6.1, too, sees a length of 1 to MOVE_CHUNK. */
    if (len > MOVE_CHUNK - 1) len = MOVE_CHUNK - 1;
    barrier_var(len);
    len = (len & (MOVE_CHUNK - 1)) + 1;
    walk->end -= len;
    if (bpf_skb_load_bytes(walk->skb, walk->end, chunk, len) ||
        bpf_skb_store_bytes(walk->skb, walk->end + walk->by, chunk, len, 0)) {
        walk->failed = 1;
        return 1;
    }
    return 0;
}

/*
 * Leaves the first `len` bytes of an untagged IP frame, the IP header at least. The kernel takes no
 * bytes off the end of a frame that is marked as encapsulated (net/core/filter.c,
 * __bpf_skb_change_tail), as one is that came through a tunnel over a veth. There the bytes that
 * stay move to the end, and those between are taken out.
 */
STEP int trim(struct __sk_buff *skb, __u32 len)
{
    struct move_walk walk = {.skb = skb, .end = len};

    if (skb->len <= len || !bpf_skb_change_tail(skb, len, 0)) return XGRE_GO;
    walk.by = skb->len - len;
    walk.from =
        sizeof(struct ethhdr) +
        (skb->protocol == bpf_htons(ETH_P_IPV6) ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
    bpf_loop(65536 / MOVE_CHUNK, move_chunk, &walk, 0);
    return walk.failed || walk.end > walk.from ? XGRE_REWRITE_FAILED : cut_payload(skb, walk.by);
}

#endif
