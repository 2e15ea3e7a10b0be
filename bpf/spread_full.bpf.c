// SPDX-License-Identifier: GPL-2.0-only
/*
 * Frames that found the queue of their CPU full. The kernel drops them after the program that
 * spread them has returned, and tells nobody but this tracepoint.
 */
#include "count.h"

char LICENSE[] __weak SEC("license") = "GPL";

/* In 6.1 and later: int map_id, unsigned int processed, unsigned int drops, int to_cpu. */
#define MAP_ID 0
#define DROPS 2

SEC("raw_tp/xdp_cpumap_enqueue")
int spread_full(struct bpf_raw_tracepoint_args *ctx)
{
    struct weight weight = {.packets = (__u32)ctx->args[DROPS]};
    struct xgre_spread *to;
    __u32 zero = 0;

    if (!weight.packets) return 0;
    to = bpf_map_lookup_elem(&spread, &zero);
    if (to && to->map_id == (__u32)ctx->args[MAP_ID])
        count_verdict(XGRE_PROGRAM_UPLINK_XDP, XGRE_SPREAD_FULL, &weight);
    return 0;
}
