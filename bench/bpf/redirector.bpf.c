// SPDX-License-Identifier: GPL-2.0-only
/* The limit: each frame to one other device, looking at no more of it than it has to. */
#include "vmlinux.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "traffic.h"

char LICENSE[] SEC("license") = "GPL";

/* By ifindex of the device that a frame came in by; they are small in a new namespace. */
struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, BENCH_PLACES);
    __type(key, __u32);
    __type(value, __u32);
} other SEC(".maps");

/* By the destination's number. */
struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, BENCH_PLACES);
    __type(key, __u32);
    __type(value, __u32);
} port SEC(".maps");

const volatile __u32 destinations_base; /* the lower four bytes of number 0's address */

SEC("xdp")
int redirect(struct xdp_md *ctx)
{
    return (int)bpf_redirect_map(&other, ctx->ingress_ifindex, XDP_DROP);
}

SEC("xdp")
int spread(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;

    if (data + sizeof(struct ethhdr) > (void *)(long)ctx->data_end) return XDP_DROP;
    return (int)bpf_redirect_map(&port, bpf_ntohl(*(__be32 *)(data + 2)) - destinations_base,
                                 XDP_DROP);
}
