/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The outer header: a peer's template plus the length, and the next hop.
 * RFC 2784 section 2, RFC 2890 section 2; identification 0 under DF as in RFC 6864 section 4.1.
 */
#ifndef XGRE_BPF_ENCAP_H
#define XGRE_BPF_ENCAP_H

#include "fdb.h"

#define OUTER_PLAIN 24 /* IPv4 20 + GRE 4 */
#define OUTER_KEYED 28 /* IPv4 20 + GRE 8 */

struct next_hop {
    __u64 until; /* it may be remembered: see flow.h */
    struct xgre_hop mac;
    bool resolved;
};

/* The template of `peer`, `len` bytes of it, with the lengths of this packet; `len` is constant. */
static __always_inline void write_outer(void *at, const struct xgre_peer *peer, __u32 len,
                                        __u32 ip_len)
{
    struct iphdr *ip = at;
    __be16 tot_len = bpf_htons(ip_len);
    __u32 *word = at;

#pragma unroll
    for (__u32 i = 0; i < len / 4; i++)
        word[i] = peer->outer[i];
    ip->tot_len = tot_len;
    ip->check = ~fold((__u32)peer->ip_sum + tot_len);
}

static __always_inline void write_ethernet(struct ethhdr *eth, const struct xgre_hop *hop)
{
    copy_mac(eth->h_dest, hop->dst);
    copy_mac(eth->h_source, hop->src);
    eth->h_proto = bpf_htons(ETH_P_IP);
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
 * The next hop of a peer for a packet of `ip_len` bytes. GO with hop->resolved false: the kernel
 * has to resolve it, or to confirm it (bpf_redirect_neigh, note_asked); it may also mean that the
 * lookup is not allowed here.
 *
 * The lookup is made as if from the loopback device: the kernel wants forwarding enabled on the
 * device that it takes for the ingress (bpf_ipv4_fib_lookup), and on loopback that changes
 * nothing for the host's own traffic; on the uplink it would make the host a router.
 */
static __always_inline enum xgre_verdict find_next_hop(void *ctx, const struct xgre_uplink *uplink,
                                                       struct xgre_peer *peer, __u32 ip_len,
                                                       struct next_hop *hop)
{
    struct bpf_fib_lookup fib = {
        .family = AF_INET,
        .l4_protocol = IPPROTO_GRE,
        .tot_len = ip_len,
        .ifindex = LOOPBACK_IFINDEX,
        .ipv4_src = peer->local,
        .ipv4_dst = peer->remote,
    };
    __u32 mtu = 0;
    long err;

    hop->resolved = false;
    if (ip_len > 0xffff) return XGRE_TOO_LARGE;
    err = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
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
