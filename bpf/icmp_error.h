/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tells the sender of a packet that it was too large: ICMP type 3 code 4 (RFC 792, RFC 1191 section
 * 4) or ICMPv6 packet too big (RFC 4443 section 3.2). There is no router here whose address it
 * could come from, so it comes from that of the destination, and by its MAC: no VM refuses either.
 * On the detour only, where what is quoted is complete.
 */
#ifndef XGRE_BPF_ICMP_ERROR_H
#define XGRE_BPF_ICMP_ERROR_H

#include "hook_tc.h"
#include "inside.h"
#include "limit.h"
#include "trim.h"

#define ERROR_IP4_MOST 576 /* RFC 1812 section 4.3.2.3 */
#define ERROR_IP6_MOST IP6_MTU_MIN
#define ERROR_TTL 64
#define ERROR_TOS 0xc0 /* internetwork control, RFC 1812 section 4.3.2.5 */

struct icmp_too_large {
    __u8 type;
    __u8 code;
    __sum16 check;
    union {
        struct {
            __be16 unused;
            __be16 mtu;
        } ip4;
        __be32 mtu;
    };
};

struct error_ip4 {
    __u16 pad;
    struct ethhdr eth;
    struct iphdr ip;
    struct icmp_too_large icmp;
} __attribute__((packed, aligned(4)));

struct error_ip6 {
    __u16 pad;
    struct ethhdr eth;
    struct ipv6hdr ip;
    struct icmp_too_large icmp;
} __attribute__((packed, aligned(4)));

/* RFC 1122 section 3.2.2: about no error, no later fragment, nothing to or from other than one. */
static __always_inline bool may_tell_ip4(struct __sk_buff *skb, const struct iphdr *ip)
{
    __u8 from = bpf_ntohl(ip->saddr) >> 24, to = bpf_ntohl(ip->daddr) >> 24, type;

    if (from == 0 || from == 127 || from >= 224 || to >= 224) return false;
    if (ip->frag_off & bpf_htons(IP_OFFSET)) return false;
    if (ip->protocol != IPPROTO_ICMP) return true;
    if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr) + ip->ihl * 4, &type, 1)) return false;
    return type == 0 || type == 8 || type == 13 || type == 14; /* echo and timestamp */
}

/* RFC 4443 section 2.4 (e). */
static __always_inline bool may_tell_ip6(struct __sk_buff *skb, const struct ipv6hdr *ip)
{
    const word32 *from = (void *)&ip->saddr;
    struct upper upper;
    __u8 type;

    if (*(const __u8 *)from == 0xff || !(from[0] | from[1] | from[2] | from[3])) return false;
    if (!find_upper6(skb, sizeof(struct ethhdr), &upper)) return false;
    if (upper.protocol != IPPROTO_ICMPV6 || upper.is_later) return true;
    return !bpf_skb_load_bytes(skb, upper.offset, &type, 1) && type >= 128;
}

/* Leaves of the frame as much as is quoted, and sums it up. */
STEP int quote(struct __sk_buff *skb, __u32 most, __u32 *sum)
{
    struct sum_walk walk = {.skb = skb, .offset = sizeof(struct ethhdr)};

    if (!sum || trim(skb, sizeof(struct ethhdr) + most)) return XGRE_REWRITE_FAILED;
    walk.left = skb->len - sizeof(struct ethhdr);
    if (!sum_all(&walk)) return XGRE_TRUNCATED;
    *sum = walk.sum;
    return XGRE_GO;
}

static __always_inline void turn_ethernet(struct ethhdr *eth, const struct ethhdr *of)
{
    copy_mac(eth->h_dest, of->h_source);
    copy_mac(eth->h_source, of->h_dest);
    eth->h_proto = of->h_proto;
}

/* May its sender be told of this frame, which is untagged? */
STEP int may_tell(struct __sk_buff *skb)
{
    struct ethhdr eth;
    struct ipv6hdr ip = {}; /* which is longer than that of IPv4 */
    __u32 at = sizeof(eth);

    if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) || is_group(eth.h_dest)) return false;
    if (eth.h_proto == bpf_htons(ETH_P_IP))
        return !bpf_skb_load_bytes(skb, at, &ip, sizeof(struct iphdr)) &&
               may_tell_ip4(skb, (void *)&ip);
    return !bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) && may_tell_ip6(skb, &ip);
}

/*
 * What is quoted of an untagged IPv4 packet becomes the error about it. `mtu`: what would have
 * fitted; `sum`: of what is quoted.
 */
STEP int tell_ip4(struct __sk_buff *skb, __u32 mtu, __u32 sum)
{
    struct error_ip4 out = {};
    struct ethhdr eth;
    struct iphdr ip;
    const __u32 header = sizeof(out.ip) + sizeof(out.icmp);
    __u32 len = skb->len - sizeof(eth);

    if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) ||
        bpf_skb_load_bytes(skb, sizeof(eth), &ip, sizeof(ip)))
        return XGRE_REWRITE_FAILED;
    turn_ethernet(&out.eth, &eth);
    ((__u8 *)&out.ip)[0] = 0x45; /* IPv4, five words */
    out.ip.tos = ERROR_TOS;
    out.ip.tot_len = bpf_htons(header + len);
    out.ip.frag_off = bpf_htons(IP_DF);
    out.ip.ttl = ERROR_TTL;
    out.ip.protocol = IPPROTO_ICMP;
    out.ip.saddr = ip.daddr;
    out.ip.daddr = ip.saddr;
    out.ip.check = ipv4_check(&out.ip);
    out.icmp.type = 3;
    out.icmp.code = 4;
    out.icmp.ip4.mtu = bpf_htons(mtu);
    sum = bpf_csum_diff(NULL, 0, (void *)&out.icmp, sizeof(out.icmp), sum);
    out.icmp.check = ~fold(sum);
    if (bpf_skb_adjust_room(skb, header, BPF_ADJ_ROOM_MAC, 0) ||
        bpf_skb_store_bytes(skb, 0, &out.eth, sizeof(eth) + header, BPF_F_RECOMPUTE_CSUM))
        return XGRE_REWRITE_FAILED;
    return XGRE_HANDOVER;
}

/* Likewise of IPv6. */
STEP int tell_ip6(struct __sk_buff *skb, __u32 mtu, __u32 sum)
{
    struct error_ip6 out = {};
    struct ethhdr eth;
    struct ipv6hdr ip;
    const __u32 header = sizeof(out.ip) + sizeof(out.icmp);
    __u32 len = skb->len - sizeof(eth);

    if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth)) ||
        bpf_skb_load_bytes(skb, sizeof(eth), &ip, sizeof(ip)))
        return XGRE_REWRITE_FAILED;
    turn_ethernet(&out.eth, &eth);
    ((__u8 *)&out.ip)[0] = 0x60;
    out.ip.payload_len = bpf_htons(sizeof(out.icmp) + len);
    out.ip.hop_limit = ERROR_TTL;
    copy_addr((void *)&out.ip.saddr, &ip.daddr);
    copy_addr((void *)&out.ip.daddr, &ip.saddr);
    out.icmp.type = 2;
    out.icmp.mtu = bpf_htonl(mtu);
    /* The pseudo header of RFC 8200 section 8.1: addresses, length, next header. */
    sum = bpf_csum_diff(NULL, 0, (void *)&out.ip.saddr, 32 + sizeof(out.icmp), sum);
    sum = fold(sum) + out.ip.payload_len + bpf_htons(IPPROTO_ICMPV6);
    out.icmp.check = ~fold(sum);
    out.ip.nexthdr = IPPROTO_ICMPV6;
    if (bpf_skb_adjust_room(skb, header, BPF_ADJ_ROOM_MAC, 0) ||
        bpf_skb_store_bytes(skb, 0, &out.eth, sizeof(eth) + header, BPF_F_RECOMPUTE_CSUM))
        return XGRE_REWRITE_FAILED;
    return XGRE_HANDOVER;
}

/*
 * An untagged IP frame becomes the error about itself, with HANDOVER. `id`: the port's slot, or the
 * peer, that it came from and that is not to be told too often.
 */
static __always_inline int tell(struct __sk_buff *skb, __u32 mtu, __u32 id, __u32 is_peer)
{
    bool is_ip4 = skb->protocol == bpf_htons(ETH_P_IP);
    __u32 most =
        is_ip4 ? ERROR_IP4_MOST - sizeof(struct iphdr) : ERROR_IP6_MOST - sizeof(struct ipv6hdr);
    __u32 sum = 0;
    int verdict;

    /* Less than every link has to carry is no news to a host: RFC 8200 section 5. */
    if (!is_ip4 && mtu < ERROR_IP6_MOST) return XGRE_TOO_LARGE;
    if (!may_tell(skb) || !pay_for_telling(id, is_peer)) return XGRE_TOO_LARGE;
    verdict = quote(skb, most - sizeof(struct icmp_too_large), &sum);
    if (verdict) return verdict;
    return is_ip4 ? tell_ip4(skb, mtu, sum) : tell_ip6(skb, mtu, sum);
}

#endif
