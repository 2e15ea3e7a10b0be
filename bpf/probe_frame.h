/* SPDX-License-Identifier: GPL-2.0-only */
/* Which frames are probes between hosts. */
#ifndef XGRE_BPF_PROBE_FRAME_H
#define XGRE_BPF_PROBE_FRAME_H

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

#endif
