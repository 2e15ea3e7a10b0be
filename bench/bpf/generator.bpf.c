// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes frames: run by BPF_PROG_TEST_RUN with live frames, it sends each out of the device that
 * the context names. Pages come back as the last user left them, so the headers are written anew.
 */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "traffic.h"

char LICENSE[] SEC("license") = "GPL";

const volatile __u32 head_len = BENCH_HEAD; /* 8 to BENCH_HEAD bytes */
const volatile __u64 head[BENCH_HEAD / 8] = {};
const volatile __u64 tail; /* the last 8 of them, for a length that is no multiple of 8 */

const volatile struct bench_draw draws[BENCH_DRAWS] = {};
const volatile struct bench_field fields[BENCH_FIELDS] = {};
/* Of the IPv4 header that has a field in it: where its checksum is, what it is without a draw. */
const volatile __u32 checksum_offset; /* 0: no header has */
const volatile __u32 checksum_draw;
const volatile __u16 checksum;

__u32 number; /* of the next frame; one CPU at a time sends */

/* MurmurHash3's last step: each input has an output of its own. */
static __always_inline __u32 mix(__u32 value)
{
    value ^= value >> 16;
    value *= 0x85ebca6b;
    value ^= value >> 13;
    value *= 0xc2b2ae35;
    return value ^ value >> 16;
}

static __always_inline __u32 draw(__u32 which, __u32 frame)
{
    __u32 count = draws[which].count, step = frame >> (draws[which].train & 31);

    if (!draws[which].in_order) return ((__u64)mix(step) * count) >> 32;
    return count ? step % count : step;
}

/* RFC 1624. The draw is added to the header's last 16 bits, which it leaves without a carry. */
static __always_inline void write_checksum(void *data, __u32 drawn)
{
    __u32 sum = (__u16)~checksum + (drawn & 0xffff);

    sum = (sum & 0xffff) + (sum >> 16);
    *(__be16 *)(data + checksum_offset) = bpf_htons(~sum);
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
    __u32 drawn[BENCH_DRAWS];
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

    drawn[0] = draw(0, number);
    drawn[1] = draw(1, number);
    number++;
#pragma unroll
    for (__u32 i = 0; i < BENCH_FIELDS; i++) {
        if (!fields[i].used) continue;
        *(__be32 *)(data + fields[i].offset) =
            bpf_htonl(fields[i].base + (fields[i].draw ? drawn[1] : drawn[0]));
    }
    if (checksum_offset) write_checksum(data, checksum_draw ? drawn[1] : drawn[0]);
    return XDP_TX;
}
