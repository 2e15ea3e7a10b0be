/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The outer header: a peer's template plus the length, and the next hop.
 * RFC 2784 section 2, RFC 2890 section 2; identification 0 under DF as in RFC 6864 section 4.1.
 */
#ifndef XGRE_BPF_ENCAP_H
#define XGRE_BPF_ENCAP_H

#include "ecn.h"
#include "fdb.h"

/* Lengths of outer headers that both hooks write, as constants: their copies are unrolled. */
#define OUTER_IP4 24       /* IPv4 20 + GRE 4 */
#define OUTER_IP4_KEYED 28 /* IPv4 20 + GRE 8 */
#define OUTER_IP6 44       /* IPv6 40 + GRE 4 */
#define OUTER_IP6_KEYED 48 /* IPv6 40 + GRE 8 */
/* IPv4 with everything that GRE can have is shorter than IPv6. */
#define OUTER_IP4_MAX 36

#define IP6_MTU_MIN 1280 /* of each link that has IPv6: RFC 8200 section 5 */

struct next_hop {
    __u64 until; /* it may be remembered: see flow.h */
    struct xgre_hop mac;
    bool resolved;
};

/* What of the outer headers follows from what is inside. */
struct inner_marks {
    __u32 hash; /* of the flow, for peers with XGRE_PEER_ENTROPY */
    __u8 ds;    /* TOS or traffic class, 0 of what is not IP */
    __u8 ttl;   /* or hop limit, 0 of what is not IP */
    bool df;    /* don't fragment: of IPv4 as it says */
    bool no_df; /* routers are to cut this one, whatever the peer's packets have else */
};

static __always_inline bool is_ip6_len(__u32 outer_len)
{
    return outer_len > OUTER_IP4_MAX;
}

static __always_inline __be16 outer_protocol(__u32 outer_len)
{
    return is_ip6_len(outer_len) ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP);
}

/* 0: too large for the field; it is segmented, and the kernel writes each length. */
static __always_inline __be16 ipv6_payload_len(__u32 ip_len)
{
    return ip_len ? bpf_htons(ip_len - sizeof(struct ipv6hdr)) : 0;
}

/* RFC 6864 section 4.1: identification 0 will do under DF. */
static __always_inline void finish_ipv4(struct iphdr *ip, const struct xgre_peer *peer,
                                        __u32 ip_len, __u8 ecn)
{
    __be16 tot_len = bpf_htons(ip_len);

    ip->tot_len = tot_len;
    ip->check = ~fold((__u32)peer->ip_sum + tot_len + bpf_htons(ecn));
}

/* RFC 6437 section 3: a hash of the flow, for routers that choose among paths. */
static __always_inline __u32 flow_label(const struct xgre_peer *peer,
                                        const struct inner_marks *marks)
{
    return peer->flags & XGRE_PEER_FLOW_LABEL ? marks->hash & 0xfffff : 0;
}

/* RFC 7637 section 3.2: the last byte of the key. */
static __always_inline __u8 flow_id(const struct inner_marks *marks)
{
    return marks->hash >> 24;
}

/*
 * What of the first word is of this packet. RFC 6040 section 4.1, normal mode: the outer header has
 * the inner one's ECN.
 */
static __always_inline __be32 first_word(const struct xgre_peer *peer, bool ip6,
                                         const struct inner_marks *marks)
{
    __u32 ecn = marks->ds & ECN_MASK;

    return ip6 ? bpf_htonl(ecn << 20 | flow_label(peer, marks)) : bpf_htonl(ecn << 16);
}

/* The template of `peer`, `len` bytes of it, with what is of this packet; `len` is constant. */
static __always_inline void write_outer(void *at, const struct xgre_peer *peer, __u32 len,
                                        __u32 ip_len, const struct inner_marks *marks)
{
    __u32 *word = at;

    word[0] = peer->outer[0] | first_word(peer, is_ip6_len(len), marks);
#pragma unroll
    for (__u32 i = 1; i < len / 4; i++)
        word[i] = peer->outer[i];
    if (is_ip6_len(len))
        ((struct ipv6hdr *)at)->payload_len = ipv6_payload_len(ip_len);
    else
        finish_ipv4(at, peer, ip_len, marks->ds & ECN_MASK);
    if ((len == OUTER_IP4_KEYED || len == OUTER_IP6_KEYED) && peer->flags & XGRE_PEER_VSID)
        ((__u8 *)at)[len - 1] = flow_id(marks);
}

static __always_inline void write_ethernet(struct ethhdr *eth, const struct xgre_hop *hop,
                                           __be16 protocol)
{
    copy_mac(eth->h_dest, hop->dst);
    copy_mac(eth->h_source, hop->src);
    eth->h_proto = protocol;
}

/*
 * Is the kernel to send this one? It doubts a neighbour, and asks it again, only when it sends to
 * it by itself: without that, a next hop whose MAC has changed would never be found again.
 */
static __always_inline bool is_time_to_ask(struct xgre_peer *peer)
{
    __u64 now = bpf_ktime_get_coarse_ns();

    if (!peer->asked) peer->asked = now;
    return (__s64)(now - peer->asked) > (__s64)XGRE_ASK_NS;
}

static __always_inline void note_asked(struct xgre_peer *peer)
{
    peer->asked = bpf_ktime_get_coarse_ns();
}

/*
 * How the kernel would send `ip_len` bytes to the peer. The lookup is made as if from the loopback
 * device: the kernel wants forwarding enabled on the device that it takes for the ingress
 * (bpf_ipv4_fib_lookup, bpf_ipv6_fib_lookup), and on loopback that changes nothing for the host's
 * own traffic; on the uplink it would make the host a router.
 */
static __always_inline long ask_fib(void *ctx, const struct xgre_peer *peer, __u32 ip_len,
                                    struct bpf_fib_lookup *fib)
{
    *fib = (struct bpf_fib_lookup){
        .family = peer->flags & XGRE_PEER_IP6 ? AF_INET6 : AF_INET,
        .l4_protocol = IPPROTO_GRE,
        .tot_len = ip_len,
        .ifindex = LOOPBACK_IFINDEX,
    };
    /* An IPv4 address is the first word in both. */
    copy_addr((void *)fib->ipv6_src, peer->local.word);
    copy_addr((void *)fib->ipv6_dst, peer->remote.word);
    return bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
}

/*
 * RFC 3704 section 2.2, strict: would the kernel send to the peer where this came from? Where it
 * does not answer, the packet is refused. Short, so that no MTU is in the way of the answer.
 */
static __always_inline enum xgre_verdict check_source_route(void *ctx,
                                                            const struct xgre_uplink *uplink,
                                                            __u32 id)
{
    struct xgre_peer *peer = find_peer(id);
    struct bpf_fib_lookup fib;
    long err;

    if (!peer) return XGRE_PEER_GONE;
    err = ask_fib(ctx, peer, 1, &fib);
    if (err && err != BPF_FIB_LKUP_RET_NO_NEIGH) return XGRE_RP_FILTER;
    return fib.ifindex == uplink->ifindex ? XGRE_GO : XGRE_RP_FILTER;
}

/*
 * The next hop of a peer for a packet of `ip_len` bytes. GO with hop->resolved false: the kernel
 * has to resolve it, or to confirm it (bpf_redirect_neigh, note_asked); it may also mean that the
 * lookup is not allowed here.
 */
static __always_inline enum xgre_verdict find_next_hop(void *ctx, const struct xgre_uplink *uplink,
                                                       struct xgre_peer *peer, __u32 ip_len,
                                                       struct next_hop *hop)
{
    struct bpf_fib_lookup fib;
    __u32 mtu = 0;
    long err;

    hop->resolved = false;
    if (ip_len > 0xffff) return XGRE_TOO_LARGE;
    err = ask_fib(ctx, peer, ip_len, &fib);
    if (err == BPF_FIB_LKUP_RET_NO_NEIGH) return XGRE_GO;
    if (err == BPF_FIB_LKUP_RET_FWD_DISABLED) { /* then only the device's MTU is known */
        bpf_check_mtu(ctx, uplink->ifindex, &mtu, 0, 0);
        return ip_len > mtu ? XGRE_TOO_LARGE : XGRE_GO;
    }
    if (err == BPF_FIB_LKUP_RET_FRAG_NEEDED) return XGRE_TOO_LARGE;
    if (err || fib.ifindex != uplink->ifindex) return XGRE_NO_ROUTE;
    copy_mac(hop->mac.dst, fib.dmac);
    copy_mac(hop->mac.src, fib.smac);
    hop->resolved = !is_time_to_ask(peer);
    return XGRE_GO;
}

/* 0: it has gone. */
static __always_inline __u32 device_mtu(void *ctx, __u32 ifindex)
{
    __u32 mtu = 0;

    return bpf_check_mtu(ctx, ifindex, &mtu, 0, 0) < 0 ? 0 : mtu;
}

/* The largest packet, bytes, that the route to the peer takes, or else the uplink. */
static __always_inline __u32 tunnel_mtu(void *ctx, const struct xgre_uplink *uplink,
                                        const struct xgre_peer *peer)
{
    struct bpf_fib_lookup fib;

    /* Asked for too much, the kernel says how much. */
    if (ask_fib(ctx, peer, 0xffff, &fib) == BPF_FIB_LKUP_RET_FRAG_NEEDED) return fib.mtu_result;
    return device_mtu(ctx, uplink->ifindex);
}

/*
 * May a frame of `len` bytes leave by this device? `tagged`: its first VLAN tag is in the bytes;
 * devices allow for one on top of their MTU, the helper does not. It is told the length, since it
 * sees no fragments at XDP, and nothing of what is still to be taken off.
 */
static __always_inline enum xgre_verdict check_mtu(void *ctx, __u32 ifindex, __u32 len, bool tagged)
{
    __u32 ip_len = len - (sizeof(struct ethhdr) + (tagged ? 4 : 0));
    long err;

    if (!ip_len) ip_len = 1; /* 0 would mean that of `ctx` */
    err = bpf_check_mtu(ctx, ifindex, &ip_len, 0, 0);
    return err == BPF_MTU_CHK_RET_FRAG_NEEDED || err == BPF_MTU_CHK_RET_SEGS_TOOBIG ? XGRE_TOO_LARGE
                                                                                    : XGRE_GO;
}

#endif
