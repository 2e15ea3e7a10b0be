/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One tunnel, every core: to the NIC a tunnel is one flow, and all of it comes in on one core. So
 * uplink_xdp reads as far as the flow *inside*, chooses a CPU by it and leaves the frame, whole, to
 * uplink_cpu_xdp there (the map `cpus`). All frames of a flow go to the same CPU by one queue, also
 * when it is the CPU that they came in on, so that they keep their order. Of a datagram's fragments
 * only the first has ports, so fragments go by their addresses, as with RPS.
 */
#ifndef XGRE_BPF_SPREAD_H
#define XGRE_BPF_SPREAD_H

#include "hook_xdp.h"

/* `c` behind the outer headers. False: no whole tunnel packet to us, and not worth the way. */
static __always_inline bool skip_outer(struct cursor *c, const struct xgre_uplink *uplink)
{
    struct ethhdr *eth = take(c, sizeof(*eth));
    struct gre_base *gre;
    struct iphdr *ip;
    __u32 options;
    __u16 flags;

    if (!eth || eth->h_proto != bpf_htons(ETH_P_IP) || !same_mac(eth->h_dest, uplink->mac))
        return false;
    ip = take(c, sizeof(*ip));
    if (!ip || ip->protocol != IPPROTO_GRE || ip->daddr != uplink->local ||
        ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))
        return false;
    options = (ip->ihl * 4 - sizeof(*ip)) & 0x3c;
    if (options && !take(c, options)) return false;
    gre = take(c, sizeof(*gre));
    if (!gre || gre->protocol != bpf_htons(ETH_P_TEB)) return false;
    flags = bpf_ntohs(gre->flags);
    return take(c, 4 * (!!(flags & GRE_CSUM) + !!(flags & GRE_KEY) + !!(flags & GRE_SEQ)));
}

struct inner_flow {
    __u64 hash; /* its upper half is to be used */
    bool tcp;
};

static __always_inline void mix(struct inner_flow *flow, __u64 word)
{
    flow->hash = (flow->hash ^ word) * 0x9e3779b97f4a7c15ULL; /* odd, of the golden ratio */
    flow->hash ^= flow->hash >> 32;
}

static __always_inline void mix_ports(struct inner_flow *flow, struct cursor *c, __u8 protocol)
{
    __be32 *ports;

    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) return;
    flow->tcp = protocol == IPPROTO_TCP;
    ports = take(c, sizeof(*ports));
    if (ports) mix(flow, *ports);
}

static __always_inline void mix_ipv4(struct inner_flow *flow, struct cursor *c)
{
    struct iphdr *ip = take(c, sizeof(*ip));
    __u32 options;

    if (!ip) return;
    mix(flow, ip->saddr | (__u64)ip->daddr << 32);
    options = (ip->ihl * 4 - sizeof(*ip)) & 0x3c;
    if (ip->frag_off & bpf_htons(IP_MF | IP_OFFSET) || (options && !take(c, options))) return;
    mix_ports(flow, c, ip->protocol);
}

static __always_inline void mix_ipv6(struct inner_flow *flow, struct cursor *c)
{
    struct ipv6hdr *ip = take(c, sizeof(*ip));
    word32 *address;

    if (!ip) return;
    address = (word32 *)&ip->saddr;
    for (int i = 0; i < 8; i += 2)
        mix(flow, address[i] | (__u64)address[i + 1] << 32);
    mix_ports(flow, c, ip->nexthdr);
}

/* By what the addresses say, of every layer there is. False: not even an Ethernet header. */
static __always_inline bool find_inner_flow(struct cursor *c, struct inner_flow *flow)
{
    struct ethernet eth;

    if (parse_ethernet(c, &eth)) return false;
    flow->hash = 0;
    flow->tcp = false;
    mix(flow, mac_word(eth.dst) | (__u64)eth.vlan << 48);
    mix(flow, mac_word(eth.src));
    if (eth.type == bpf_htons(ETH_P_IP))
        mix_ipv4(flow, c);
    else if (eth.type == bpf_htons(ETH_P_IPV6))
        mix_ipv6(flow, c);
    return true;
}

/* True: XDP_REDIRECT leads to the CPU of the frame's flow. */
static __always_inline bool hand_to_cpu(struct xdp_md *ctx, const struct xgre_uplink *uplink)
{
    struct cursor c = frame_cursor(ctx);
    struct inner_flow flow;
    struct xgre_spread *to;
    __u32 zero = 0, slot;

    if (!skip_outer(&c, uplink) || !find_inner_flow(&c, &flow)) return false;
    to = bpf_map_lookup_elem(&spread, &zero);
    if (!to) return false;
    /* It stays where GRO is: large segments are worth more than another core. */
    if (flow.tcp && !(to->flags & XGRE_SPREAD_TCP)) return false;
    slot = (flow.hash >> 32) * to->count >> 32;
    if (slot >= XGRE_SPREAD_CPUS) return false;
    return bpf_redirect_map(&cpus, to->cpu[slot], 0) == XDP_REDIRECT;
}

#endif
