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

struct address {
    __u64 owner;
    __u64 last_seen;
};

struct target {
    __u8 mac[6];
    __u16 pad;
};

/* As large as an FDB, and made like that of xgre. */
struct {
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 1);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __type(key, struct target);
    __type(value, struct address);
} addresses SEC(".maps");

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

/* As `redirect`, what has its destination in `addresses`. */
SEC("xdp")
int redirect_known(struct xdp_md *ctx)
{
    void *data = (void *)(long)ctx->data;
    struct target destination = {};

    if (data + sizeof(struct ethhdr) > (void *)(long)ctx->data_end) return XDP_DROP;
    __builtin_memcpy(destination.mac, data, sizeof(destination.mac));
    if (!bpf_map_lookup_elem(&addresses, &destination)) return XDP_DROP;
    return (int)bpf_redirect_map(&other, ctx->ingress_ifindex, XDP_DROP);
}
