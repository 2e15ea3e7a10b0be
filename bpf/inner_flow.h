/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A number for the flow that a frame belongs to, by the addresses of every layer there is: for the
 * CPU it is spread to, and for what of the outer headers tells routers its flow (RFC 6437, RFC 7637
 * section 3.2). Of a datagram's fragments only the first has ports, so fragments go by their
 * addresses, as with RPS.
 */
#ifndef XGRE_BPF_INNER_FLOW_H
#define XGRE_BPF_INNER_FLOW_H

#include "parse.h"

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

#endif
