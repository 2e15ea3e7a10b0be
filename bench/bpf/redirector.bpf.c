// SPDX-License-Identifier: GPL-2.0-only
/* The limit: each frame to one other device, unread. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

/* By ifindex of the device that a frame came in by; they are small in a new namespace. */
struct {
    __uint(type, BPF_MAP_TYPE_DEVMAP);
    __uint(max_entries, 64);
    __type(key, __u32);
    __type(value, __u32);
} other SEC(".maps");

SEC("xdp")
int redirect(struct xdp_md *ctx)
{
    return (int)bpf_redirect_map(&other, ctx->ingress_ifindex, XDP_DROP);
}
