/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Is a peer there, and is it one of us? A probe goes through the tunnel to the other host's
 * uplink_tc, which sends it back: nothing in user space has to run there. What came of it is in
 * `liveness`. Requests are made, and answers leave, at the far end of the detour, where any peer's
 * headers can be made. TC only. Its bytes are described in include/xgre/abi.h.
 */
#ifndef XGRE_BPF_PROBE_H
#define XGRE_BPF_PROBE_H

#include "detour.h"
#include "limit.h"
#include "probe_frame.h"

struct probe_frame {
    struct ethhdr eth;
    struct xgre_probe probe;
} __attribute__((packed, aligned(4)));

/* Any other than the awaited one came too late, or somebody made it up. */
static __always_inline int note_answer(struct xgre_liveness *live, const struct xgre_probe *answer,
                                       __u64 now)
{
    __u64 rtt = now - live->asked;

    if (!live->nonce || answer->nonce != live->nonce) return XGRE_PROBE;
    live->nonce = 0;
    live->rtt = rtt < ~0U ? rtt : ~0U;
    live->answered = now;
    live->unanswered = 0;
    live->path = answer->path;
    live->is_xgre = 1;
    return XGRE_PROBE;
}

static __always_inline int turn_probe(struct __sk_buff *skb, const struct outer *outer, __u32 id)
{
    __u32 at = outer->len + sizeof(struct ethhdr) + __builtin_offsetof(struct xgre_probe, kind);
    __u8 kind = XGRE_PROBE_ANSWER;
    int verdict;

    if (!has_detour()) return XGRE_NO_DETOUR;
    if (bpf_skb_store_bytes(skb, at, &kind, sizeof(kind), 0)) return XGRE_REWRITE_FAILED;
    verdict = strip_outer(skb, outer);
    if (verdict) return verdict;
    skb->mark = detour_to_answer(id);
    skb->tc_index = 0;
    return XGRE_HANDOVER;
}

/* A frame that is_for_prober, from the peer `id`. GO: it is no probe. */
STEP int take_probe(struct __sk_buff *skb, const struct outer *outer, __u32 id)
{
    struct xgre_liveness *live = find_liveness(id);
    __u64 now = bpf_ktime_get_ns();
    struct xgre_probe probe;

    if (!outer || !live || outer->inner_len < sizeof(struct probe_frame) ||
        bpf_skb_load_bytes(skb, outer->len + sizeof(struct ethhdr), &probe, sizeof(probe)) ||
        !is_probe(&probe))
        return XGRE_GO;
    live->heard = now;
    if (probe.kind == XGRE_PROBE_ANSWER) return note_answer(live, &probe, now);
    live->is_xgre = 1;
    if (!pay(&live->paid, now, XGRE_BURST_NS / XGRE_PROBE_LIMIT_PER_SECOND, 1))
        return XGRE_PROBE_LIMIT;
    return turn_probe(skb, outer, id);
}

/* A frame of a VM that is_for_prober: a peer would take it for ours, and count it against us. */
STEP int refuse_probe(struct __sk_buff *skb)
{
    struct xgre_probe probe;

    return !bpf_skb_load_bytes(skb, sizeof(struct ethhdr), &probe, sizeof(probe)) &&
           is_probe(&probe);
}

/* One of ours, whoever has sent the instance's other frames: no device's address, since a bridge
 * that learns it would look for the device here. */
static __always_inline void probe_source(__u8 *mac, __u32 cookie)
{
    mac[0] = 0x02; /* locally administered */
    mac[1] = 'x';
    mac[2] = 'g';
    mac[3] = cookie >> 16;
    mac[4] = cookie >> 8;
    mac[5] = cookie;
}

/* A frame of any kind becomes a request to the peer `id`. */
STEP int make_probe(struct __sk_buff *skb, __u32 id)
{
    struct probe_frame frame = {
        .eth = {.h_dest = XGRE_PROBE_MAC, .h_proto = bpf_htons(XGRE_PROBE_ETHERTYPE)},
        .probe = {.magic = bpf_htonl(XGRE_PROBE_MAGIC),
                  .version = XGRE_PROBE_VERSION,
                  .kind = XGRE_PROBE_REQUEST},
    };
    struct xgre_liveness *live = find_liveness(id);
    struct xgre_uplink *self = find_uplink();
    __u32 len;

    if (!live || !self) return XGRE_PEER_GONE;
    len = live->len < XGRE_PROBE_LEAST ? XGRE_PROBE_LEAST : live->len;
    probe_source(frame.eth.h_source, self->cookie);
    frame.probe.nonce = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32() | 1;
    /* What was in it goes: first all but the least, then zeros grow behind that. */
    if (bpf_skb_change_tail(skb, XGRE_PROBE_LEAST, 0) || bpf_skb_change_tail(skb, len, 0) ||
        bpf_skb_store_bytes(skb, 0, &frame, sizeof(frame), 0))
        return XGRE_REWRITE_FAILED;
    live->nonce = frame.probe.nonce;
    live->asked = bpf_ktime_get_ns();
    /* A larger one may be lost for its size: that says nothing of the peer. */
    if (len == XGRE_PROBE_LEAST) live->unanswered++;
    return refresh_protocol(skb);
}

#endif
