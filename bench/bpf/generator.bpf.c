// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes frames: run by BPF_PROG_TEST_RUN with live frames, it sends each out of the device that
 * the context names. Pages come back as the last user left them, so the headers are written anew.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "traffic.h"

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 head_len = BENCH_INNER; /* 8 to BENCH_HEAD bytes */
const volatile __u64 head[BENCH_HEAD / 8] = {};
const volatile __u64 tail; /* the last 8 of them, for a length that is no multiple of 8 */

SEC("xdp")
int generate(struct xdp_md *ctx)
{
    void *data;

    if (bpf_xdp_adjust_head(ctx, BENCH_SPARE)) return XDP_ABORTED;
    data = (void *)(long)ctx->data;
    if (data + head_len > (void *)(long)ctx->data_end) return XDP_ABORTED;
#pragma unroll
    for (__u32 i = 0; i < BENCH_HEAD / 8; i++) {
        if (i * 8 + 8 > head_len) break;
        *(__u64 *)(data + i * 8) = head[i];
    }
    *(__u64 *)(data + head_len - 8) = tail;
    return XDP_TX;
}
