/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IPv4 packets that are too large and may be cut are cut inside the tunnel: RFC 791 section 3.2.
 * The pieces are packets like others, which any peer takes, and their receiver puts them together.
 * A program has one frame: so the rest is a clone that comes back to the device it came from, with
 * the number of bytes to leave out. On the detour only.
 */
#ifndef XGRE_BPF_FRAGMENT_H
#define XGRE_BPF_FRAGMENT_H

#include "detour.h"
#include "trim.h"

#define FRAGMENT_UNIT 8 /* bytes: what offsets count */

static __always_inline int load_ipv4(struct __sk_buff *skb, struct iphdr *ip)
{
    return bpf_skb_load_bytes(skb, sizeof(struct ethhdr), ip, sizeof(*ip));
}

static __always_inline int store_ipv4(struct __sk_buff *skb, struct iphdr *ip, __u16 len,
                                      __u16 fragment)
{
    ip->tot_len = bpf_htons(len);
    ip->frag_off = bpf_htons(fragment);
    ip->check = 0;
    ip->check = ipv4_check(ip);
    return bpf_skb_store_bytes(skb, sizeof(struct ethhdr), ip, sizeof(*ip), BPF_F_RECOMPUTE_CSUM)
               ? XGRE_REWRITE_FAILED
               : XGRE_GO;
}

/* A clone that came back becomes the rest: `units` of its payload were sent. */
STEP int keep_rest(struct __sk_buff *skb, __u32 units)
{
    struct tags tags = {};
    struct iphdr ip;
    int verdict;

    verdict = lift_tags(skb, &tags);
    if (verdict) return verdict;
    if (load_ipv4(skb, &ip)) return XGRE_REWRITE_FAILED;
    verdict = cut_payload(skb, units * FRAGMENT_UNIT);
    if (verdict) return verdict;
    verdict = store_ipv4(skb, &ip, bpf_ntohs(ip.tot_len) - units * FRAGMENT_UNIT,
                         bpf_ntohs(ip.frag_off) + units);
    return verdict ? verdict : put_tags(skb, &tags);
}

/*
 * The packet, whose tags are out, becomes its first fragment, of at most `room` bytes. GO, or a
 * drop. The header of the clone still says what was before.
 */
STEP int split(struct __sk_buff *skb, __u32 room, struct tags *tags)
{
    struct iphdr ip;
    __u32 units, len;
    int verdict;

    /* Options are of some fragments and not of others, and next to nobody has any. */
    if (room > 0xffff || room < sizeof(ip) + FRAGMENT_UNIT || load_ipv4(skb, &ip) || ip.ihl != 5)
        return XGRE_TOO_LARGE;
    units = (room - sizeof(ip)) / FRAGMENT_UNIT;
    len = sizeof(ip) + units * FRAGMENT_UNIT;
    /* The rest begins at an offset that the field has room for. */
    if (len >= bpf_ntohs(ip.tot_len) || (bpf_ntohs(ip.frag_off) & IP_OFFSET) + units > IP_OFFSET)
        return XGRE_TOO_LARGE;
    verdict = put_tags(skb, tags);
    if (verdict) return verdict;
    skb->tc_index = units;
    if (bpf_clone_redirect(skb, skb->ifindex, BPF_F_INGRESS)) return XGRE_COPY_FAILED;
    skb->tc_index = 0;
    verdict = lift_tags(skb, tags);
    if (verdict) return verdict;
    verdict = trim(skb, sizeof(struct ethhdr) + len);
    if (verdict) return verdict;
    verdict = store_ipv4(skb, &ip, len, bpf_ntohs(ip.frag_off) | IP_MF);
    if (verdict) return verdict;
    note(XGRE_NOTE_SPLIT);
    return put_tags(skb, tags);
}

#endif
