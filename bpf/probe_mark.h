/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which frames are probes between hosts, and the mark that XDP leaves in one: who asked wants to
 * know whether XDP runs at both ends, and that it was attached proves nothing.
 */
#ifndef XGRE_BPF_PROBE_MARK_H
#define XGRE_BPF_PROBE_MARK_H

#include "parse.h"

/* By its addresses; the magic number is still to be compared. */
static __always_inline bool is_for_prober(const struct ethernet *eth)
{
    static const __u8 mac[6] __attribute__((aligned(4))) = XGRE_PROBE_MAC;

    return eth->type == bpf_htons(XGRE_PROBE_ETHERTYPE) && eth->len == sizeof(struct ethhdr) &&
           same_mac(eth->dst, mac);
}

static __always_inline bool is_probe(const struct xgre_probe *probe)
{
    return probe->magic == bpf_htonl(XGRE_PROBE_MAGIC) && probe->version == XGRE_PROBE_VERSION &&
           (probe->kind == XGRE_PROBE_REQUEST || probe->kind == XGRE_PROBE_ANSWER);
}

/* XDP only: at TC the packet need not be in one piece. `inner`: offset of the frame inside. */
STEP int mark_probe(struct xdp_md *ctx, __u32 inner)
{
    struct cursor c = {(void *)(long)ctx->data, (void *)(long)ctx->data_end};
    struct xgre_probe *probe;

    c.pos += inner & 0xff;
    if (!take(&c, sizeof(struct ethhdr))) return 0;
    probe = take(&c, sizeof(*probe));
    if (!probe || !is_probe(probe)) return 0;
    probe->path |= probe->kind == XGRE_PROBE_REQUEST ? XGRE_PROBE_XDP_THERE : XGRE_PROBE_XDP_BACK;
    return 0;
}

#endif
