/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The detour: for what has to be done to a frame as it is on the wire. What a VM sends may be one
 * large segment whose checksum is not filled in, and no helper cuts or sums. So it goes into a veth
 * pair of the instance's own, without offloads; the kernel completes it on the way, and detour_tc,
 * at the far end, gets what a wire would. TC only.
 */
#ifndef XGRE_BPF_DETOUR_H
#define XGRE_BPF_DETOUR_H

#include "hook_tc.h"

/* What the far end has to know, as a mark, which no VM can set. */
static __always_inline __u32 detour_of_port(__u32 slot)
{
    return XGRE_DETOUR_MARK | (slot & XGRE_DETOUR_ORIGIN);
}

static __always_inline __u32 detour_of_peer(__u32 id)
{
    return XGRE_DETOUR_MARK | XGRE_DETOUR_ORIGIN_PEER | (id & XGRE_DETOUR_ORIGIN);
}

static __always_inline __u32 detour_for_copy(__u32 id)
{
    return (id & XGRE_DETOUR_ORIGIN) << XGRE_DETOUR_COPY_SHIFT;
}

/* A probe's way to the peer `id`. What goes in to be asked may be any frame: see probe.h. */
static __always_inline __u32 detour_to_ask(__u32 id)
{
    return XGRE_DETOUR_MARK | XGRE_DETOUR_PROBE | (id & XGRE_DETOUR_ORIGIN);
}

static __always_inline __u32 detour_to_answer(__u32 id)
{
    return detour_of_peer(id) | XGRE_DETOUR_PROBE;
}

/* Its device, while it is there: the kernel takes it out of `redirect` when it goes. Else 0. */
STEP __u32 has_detour(void)
{
    struct xgre_uplink *self = find_uplink();
    __u32 ifindex = self ? self->detour : 0;

    return ifindex && bpf_map_lookup_elem(&redirect, &ifindex) ? ifindex : 0;
}

static __always_inline bool is_for_detour(enum xgre_verdict verdict)
{
    return verdict == XGRE_TOO_LARGE || verdict == XGRE_NO_DETOUR;
}

/* HANDOVER, and the frame is ready for leave_by_detour; or `otherwise`, where it has no device. */
STEP int take_detour(struct __sk_buff *skb, __u32 mark, __u32 otherwise)
{
    __u32 slot = mark & XGRE_DETOUR_ORIGIN, *port;

    if (!has_detour()) return otherwise;
    /* A slot says which port it is, and this, which device: the mark has no room for that. */
    if (!(mark & XGRE_DETOUR_ORIGIN_PEER)) {
        port = bpf_map_lookup_elem(&detour_ports, &slot);
        if (!port) return otherwise;
        *port = skb->ifindex;
    }
    skb->mark = mark;
    skb->tc_index = 0;
    return XGRE_HANDOVER;
}

static __always_inline int leave_by_detour(const struct xgre_uplink *uplink)
{
    return uplink ? bpf_redirect(uplink->detour, 0) : TC_ACT_SHOT;
}

#endif
