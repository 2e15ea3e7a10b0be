// SPDX-License-Identifier: GPL-2.0-only
/* The far end: counts frames, compares a sample of them with what was sent, and drops them. */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "traffic.h"

char LICENSE[] SEC("license") = "GPL";

#define SAMPLE_EVERY 61 /* frames; a prime, so that it meets each copy of a flood */
#define DESTINATION 2   /* in an Ethernet header: the last four bytes of the destination */
#define OUTER_TO 33     /* in a tunnel packet: the last byte of where it goes */

const volatile __u32 frame_len = 64;   /* bytes of a right frame, the tunnel's included */
const volatile __u32 inner_offset = 0; /* bytes of the tunnel's header */
const volatile __u32 inner_len = 64;   /* 16 to BENCH_INNER */
const volatile __u64 inner[BENCH_INNER / 8] = {};
const volatile __u64 inner_tail; /* its last 8 bytes */
/* Bits that no field changes: in all but the last 8 bytes. */
const volatile __u64 same[BENCH_INNER / 8] = {};
const volatile __u32 destinations_base; /* without a draw, as a number */
const volatile __u32 check_place;       /* 1: `place` tells the draw of a device */

/* The last frame that was sampled. One CPU at a time counts. */
__u8 sample[BENCH_SAMPLE];
/* By the last byte of where a tunnel packet went: whether one was sampled. */
__u8 seen[256];

struct {
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct bench_tally);
} tally SEC(".maps");

/* By ifindex: the draw in the destination of frames that belong there. */
struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, BENCH_PLACES);
    __type(key, __u32);
    __type(value, __u32);
} place SEC(".maps");

static __always_inline bool is_in_place(struct xdp_md *ctx, const void *data)
{
    __u32 ifindex = ctx->ingress_ifindex;
    __u32 *drawn;

    if (!check_place) return true;
    drawn = bpf_map_lookup_elem(&place, &ifindex);
    return drawn && *(__be32 *)(data + DESTINATION) == bpf_htonl(destinations_base + *drawn);
}

static __always_inline bool is_right(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data + inner_offset;
    void *end = (void *)(long)ctx->data_end;
    __u64 difference;

    if (data + inner_len > end) return false;
    if (data + 16 > end) return false;
    difference = (*(__u64 *)data ^ inner[0]) & same[0];
    difference |= (*(__u64 *)(data + 8) ^ inner[1]) & same[1];
    for (__u32 i = 2; i < BENCH_INNER / 8; i++) {
        if (i * 8 + 8 > inner_len) break;
        if (data + i * 8 + 8 > end) return false;
        difference |= (*(__u64 *)(data + i * 8) ^ inner[i]) & same[i];
    }
    difference |= *(__u64 *)(data + inner_len - 8) ^ inner_tail;
    return !difference && is_in_place(ctx, data);
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
    seen[sample[OUTER_TO]] = 1;
    return XDP_DROP;
}
