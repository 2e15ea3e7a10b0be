/* SPDX-License-Identifier: GPL-2.0-only */
/* Counting: a frame once, where its fate is decided. Per-CPU, so plain additions do. */
#ifndef XGRE_BPF_COUNT_H
#define XGRE_BPF_COUNT_H

#include "maps.h"

/* How much a frame counts for: a segment that GRO merged stands for several. */
struct weight {
    __u64 packets;
    __u64 bytes;
};

static __always_inline struct xgre_count *count_cell(enum xgre_program program,
                                                     enum xgre_verdict verdict)
{
    __u32 index = XGRE_COUNTER(program, verdict);

    return bpf_map_lookup_elem(&counters, &index);
}

static __always_inline void count_verdict(enum xgre_program program, enum xgre_verdict verdict,
                                          const struct weight *weight)
{
    struct xgre_count *cell = count_cell(program, verdict);

    if (!cell) return;
    cell->packets += weight->packets;
    cell->bytes += weight->bytes;
}

static __always_inline void count_copy(enum xgre_program program, enum xgre_verdict verdict)
{
    struct xgre_count *cell = count_cell(program, verdict);

    if (cell) cell->copies++;
}

static __always_inline void note(enum xgre_note which)
{
    __u32 index = which;
    __u64 *cell = bpf_map_lookup_elem(&notes, &index);

    if (cell) *cell += 1;
}

static __always_inline void count_port_rx(__u32 slot, const struct weight *weight)
{
    struct xgre_traffic *cell = bpf_map_lookup_elem(&port_counters, &slot);

    if (!cell) return;
    cell->rx_packets += weight->packets;
    cell->rx_bytes += weight->bytes;
}

static __always_inline void count_port_tx(__u32 slot, const struct weight *weight)
{
    struct xgre_traffic *cell = bpf_map_lookup_elem(&port_counters, &slot);

    if (!cell) return;
    cell->tx_packets += weight->packets;
    cell->tx_bytes += weight->bytes;
}

static __always_inline void count_peer_rx(__u32 peer, const struct weight *weight)
{
    struct xgre_traffic *cell = bpf_map_lookup_elem(&peer_counters, &peer);

    if (!cell) return;
    cell->rx_packets += weight->packets;
    cell->rx_bytes += weight->bytes;
}

static __always_inline void count_peer_tx(__u32 peer, const struct weight *weight)
{
    struct xgre_traffic *cell = bpf_map_lookup_elem(&peer_counters, &peer);

    if (!cell) return;
    cell->tx_packets += weight->packets;
    cell->tx_bytes += weight->bytes;
}

#endif
