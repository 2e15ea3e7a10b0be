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
#include "path_mtu.h"

#define TCP_HEADER 20
#define TCP_CHECK 16 /* offset of the checksum */
#define TCP_OPTIONS_MOST 40
#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2

/* Of the uplink, or of the route to the peer where that is less and known. */
static __always_inline __u32 tunnel_mtu(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                        const struct xgre_peer *peer)
{
    struct bpf_fib_lookup fib = {
        .family = peer->flags & XGRE_PEER_IP6 ? AF_INET6 : AF_INET,
        .l4_protocol = IPPROTO_GRE,
        .tot_len = 1, /* the answer then has the MTU in its place */
        .ifindex = LOOPBACK_IFINDEX,
    };
    __u32 mtu = 0;

    bpf_check_mtu(skb, uplink->ifindex, &mtu, 0, 0);
    copy_addr((void *)fib.ipv6_src, peer->local.word);
    copy_addr((void *)fib.ipv6_dst, peer->remote.word);
    if (bpf_fib_lookup(skb, &fib, sizeof(fib), 0)) return mtu;
    return fib.mtu_result > 1 && fib.mtu_result < mtu ? fib.mtu_result : mtu;
}

/* Bytes of the largest frame that a peer can be sent; 0: it is none. */
STEP __u32 room_to_peer(struct __sk_buff *skb, const struct xgre_uplink *uplink, __u32 id)
{
    struct xgre_peer *peer = find_peer(id);
    __u32 path = path_mtu(id), mtu;

    if (!uplink || !peer) return 0;
    mtu = tunnel_mtu(skb, uplink, peer);
    if (path && path < mtu) mtu = path;
    return mtu > peer->outer_len ? mtu - peer->outer_len : 0;
}

struct room_walk {
    const struct xgre_flood *list;
    __u32 mtu; /* of the uplink */
    __u32 room;
};

static long least_room(__u32 index, struct room_walk *walk)
{
    struct xgre_peer *peer;
    __u32 id, mtu, path;

    if (index >= walk->list->peers) return 1;
    id = walk->list->peer[index & (XGRE_FLOOD_PEERS - 1)];
    peer = find_peer(id);
    if (!peer) return 0;
    path = path_mtu(id);
    mtu = path && path < walk->mtu ? path : walk->mtu;
    if (mtu > peer->outer_len && mtu - peer->outer_len < walk->room)
        walk->room = mtu - peer->outer_len;
    return 0;
}

/* Likewise of a frame that all peers of a network can be sent. */
STEP __u32 room_to_peers(struct __sk_buff *skb, const struct xgre_uplink *uplink, __u32 network)
{
    struct room_walk walk = {.list = find_flood(network), .room = ~0};

    if (!uplink || !walk.list) return 0;
    bpf_check_mtu(skb, uplink->ifindex, &walk.mtu, 0, 0);
    bpf_loop(XGRE_FLOOD_PEERS, least_room, &walk, 0);
    return walk.room;
}

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
