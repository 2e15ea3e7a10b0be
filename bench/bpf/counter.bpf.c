// SPDX-License-Identifier: GPL-2.0-only
/* The far end: counts frames, compares a sample of them with what was sent, and drops them. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "traffic.h"

char LICENSE[] SEC("license") = "GPL";

#define SAMPLE_EVERY 64 /* frames */

const volatile __u32 frame_len = BENCH_INNER; /* bytes of a right frame, the tunnel's included */
const volatile __u32 inner_offset = 0;        /* bytes of the tunnel's header */
const volatile __u64 inner[BENCH_INNER / 8] = {};

/* The last frame that was sampled. One CPU at a time counts. */
__u8 sample[BENCH_SAMPLE];

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct bench_tally);
} tally SEC(".maps");

static __always_inline bool is_right(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data + inner_offset;
    __u64 difference = 0;

    if (data + BENCH_INNER > (void *)(long)ctx->data_end) return false;
#pragma unroll
    for (__u32 i = 0; i < BENCH_INNER / 8; i++)
        difference |= *(__u64 *)(data + i * 8) ^ inner[i];
    return !difference;
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
    __u32 zero = 0;
    struct bench_tally *cell = bpf_map_lookup_elem(&tally, &zero);
    __u32 len = (__u32)(ctx->data_end - ctx->data);

    if (!cell) return XDP_ABORTED;
    if (len != frame_len) {
        cell->others++;
        return XDP_DROP;
    }
    if (cell->frames++ % SAMPLE_EVERY) return XDP_DROP;
    cell->sampled++;
    if (!is_right(ctx)) cell->wrong++;
    bpf_xdp_load_bytes(ctx, 0, sample, frame_len < BENCH_SAMPLE ? frame_len : BENCH_SAMPLE);
    return XDP_DROP;
}
