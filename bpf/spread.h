/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One tunnel, every core: to the NIC a tunnel is one flow, and all of it comes in on one core. So
 * uplink_xdp reads as far as the flow *inside*, chooses a CPU by it and leaves the frame, whole, to
 * uplink_cpu_xdp there (the map `cpus`). All frames of a flow go to the same CPU by one queue, also
 * when it is the CPU that they came in on, so that they keep their order.
 */
#ifndef XGRE_BPF_SPREAD_H
#define XGRE_BPF_SPREAD_H

#include "hook_xdp.h"
#include "inner_flow.h"

static __always_inline bool skip_outer_ipv4(struct cursor *c, __be32 local)
{
    struct iphdr *ip = take(c, sizeof(*ip));
    __u32 options;

    if (!ip || ip->protocol != IPPROTO_GRE || ip->daddr != local ||
        ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))
        return false;
    options = (ip->ihl * 4 - sizeof(*ip)) & 0x3c;
    return !options || take(c, options);
}

static __always_inline bool skip_outer_ipv6(struct cursor *c, const struct xgre_addr *local)
{
    struct ipv6hdr *ip = take(c, sizeof(*ip));
    struct extension_walk walk = {};

    if (!ip || !same_addr(&ip->daddr, local)) return false;
    walk.next = ip->nexthdr;
    return !walk_extensions(c, READ_BRIEFLY, &walk) && walk.next == IPPROTO_GRE;
}

/* `c` behind the outer headers. False: no whole tunnel packet to us, and not worth the way. */
static __always_inline bool skip_outer(struct cursor *c, const struct xgre_uplink *uplink)
{
    struct ethhdr *eth = take(c, sizeof(*eth));
    struct gre_base *gre;
    __u16 flags;

    if (!eth || !same_mac(eth->h_dest, uplink->mac)) return false;
    if (eth->h_proto == bpf_htons(ETH_P_IP)) {
        if (!skip_outer_ipv4(c, uplink->local)) return false;
    } else if (eth->h_proto != bpf_htons(ETH_P_IPV6) || !skip_outer_ipv6(c, &uplink->local6)) {
        return false;
    }
    gre = take(c, sizeof(*gre));
    if (!gre || gre->protocol != bpf_htons(ETH_P_TEB)) return false;
    flags = bpf_ntohs(gre->flags);
    return take(c, 4 * (!!(flags & GRE_CSUM) + !!(flags & GRE_KEY) + !!(flags & GRE_SEQ)));
}

/* True: XDP_REDIRECT leads to the CPU of the frame's flow. */
STEP int hand_to_cpu(struct xdp_md *ctx, const struct xgre_uplink *uplink)
{
    struct cursor c = frame_cursor(ctx);
    struct inner_flow flow;
    struct xgre_spread *to;
    __u32 zero = 0, slot;

    if (!uplink || !skip_outer(&c, uplink) || !find_inner_flow(&c, &flow)) return false;
    to = bpf_map_lookup_elem(&spread, &zero);
    if (!to) return false;
    /* It stays where GRO is: large segments are worth more than another core. */
    if (flow.tcp && !(to->flags & XGRE_SPREAD_TCP)) return false;
    slot = (flow.hash >> 32) * to->count >> 32;
    if (slot >= XGRE_SPREAD_CPUS) return false;
    return bpf_redirect_map(&cpus, to->cpu[slot], 0) == XDP_REDIRECT;
}

#endif
