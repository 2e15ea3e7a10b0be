/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TCP's maximum segment size: each side says in its SYN how large the segments may be that it gets
 * (RFC 9293 section 3.7.1), and knows nothing of a tunnel. So what is more than fits the tunnel is
 * lowered there to what does: in a SYN from a peer, for what is sent to that peer; and in a SYN to
 * it, for peers that do not do so. TC only; XDP leaves SYNs to it.
 */
#ifndef XGRE_BPF_MSS_H
#define XGRE_BPF_MSS_H

#include "flood.h"

#define TCP_HEADER 20
#define TCP_CHECK 16 /* offset of the checksum */
#define TCP_OPTIONS_MOST 40
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2

struct mss_walk {
    struct __sk_buff *skb;
    __u32 at;
    __u32 end;
    __u32 check; /* where the checksum is */
    __u32 most;
    int verdict;
};

/* The option at walk->at says an MSS. */
static __always_inline int lower_mss(struct mss_walk *walk)
{
    __u32 at = walk->at + 2;
    __be16 mss, most = bpf_htons(walk->most);
    bool is_odd = (at ^ walk->check) & 1;

    if (bpf_skb_load_bytes(walk->skb, at, &mss, sizeof(mss))) return XGRE_GO;
    if (bpf_ntohs(mss) <= walk->most) return XGRE_GO;
    /* Where it is no word of its own, its bytes are in the other halves of two. One that is still
     * to be filled in has none of it, and the helper knows. */
    if (bpf_l4_csum_replace(walk->skb, walk->check, is_odd ? bpf_ntohs(mss) : mss,
                            is_odd ? bpf_ntohs(most) : most, sizeof(mss)) ||
        bpf_skb_store_bytes(walk->skb, at, &most, sizeof(most), 0))
        return XGRE_REWRITE_FAILED;
    return XGRE_GO;
}

/* RFC 9293 section 3.1. What makes no sense is the receiver's to refuse. */
static long next_tcp_option(__u32 index, struct mss_walk *walk)
{
    __u8 option[2]; /* kind, length */

    if (walk->at + sizeof(option) > walk->end ||
        bpf_skb_load_bytes(walk->skb, walk->at, option, sizeof(option)) || option[0] == OPTION_END)
        return 1;
    if (option[0] == OPTION_NOP) {
        walk->at++;
        return 0;
    }
    if (option[1] < sizeof(option) || walk->at + option[1] > walk->end) return 1;
    if (option[0] == OPTION_MSS) {
        if (option[1] == 4) walk->verdict = lower_mss(walk);
        return 1;
    }
    walk->at += option[1];
    return 0;
}

/* Where an IP packet of `type` has its TCP header, and ends; false: there is no whole one. */
static __always_inline bool find_tcp(struct __sk_buff *skb, __u32 at, __be16 type, __u32 *tcp,
                                     __u32 *end)
{
    struct {
        __u8 version_ihl;
        __u8 tos;
        __be16 len;
        __be16 rest[2]; /* of IPv6: payload length, and next header */
    } ip;

    if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip))) return false;
    if (type == bpf_htons(ETH_P_IP)) {
        *tcp = at + (ip.version_ihl & 0xf) * 4;
        *end = at + bpf_ntohs(ip.len);
    } else {
        *tcp = at + sizeof(struct ipv6hdr);
        *end = *tcp + bpf_ntohs(ip.rest[0]);
    }
    return *tcp + TCP_HEADER <= *end;
}

/* The frame, one that has_syn, gets an MSS of what fits `room` bytes of frame, or keeps a lower. */
STEP int clamp_mss(struct __sk_buff *skb, __u32 room)
{
    __u32 at = offsetof(struct ethhdr, h_proto), headers, tcp, end;
    struct mss_walk walk = {.skb = skb};
    __be16 type;
    __u8 doff;

    for (int i = 0; i <= MAX_TAGS; i++) {
        if (bpf_skb_load_bytes(skb, at, &type, sizeof(type))) return XGRE_GO;
        at += sizeof(type);
        if (!is_vlan(type)) break;
        at += 2;
    }
    if (!is_ip(type) || !find_tcp(skb, at, type, &tcp, &end) ||
        bpf_skb_load_bytes(skb, tcp + 12, &doff, sizeof(doff)))
        return XGRE_GO;
    headers = at + (skb->vlan_present ? 4 : 0) + TCP_HEADER +
              (type == bpf_htons(ETH_P_IP) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
    walk.at = tcp + TCP_HEADER;
    walk.end = tcp + (doff >> 4) * 4;
    walk.check = tcp + TCP_CHECK;
    walk.most = room - headers;
    if (room <= headers || walk.end > end) return XGRE_GO;
    bpf_loop(TCP_OPTIONS_MOST, next_tcp_option, &walk, 0);
    return walk.verdict;
}

static __always_inline int clamp_for_peer(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                          __u32 peer)
{
    return clamp_mss(skb, room_to_peer(skb, uplink, peer));
}

static __always_inline int clamp_for_peers(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                           __u32 network)
{
    return clamp_mss(skb, room_to_peers(skb, uplink, network));
}

#endif
