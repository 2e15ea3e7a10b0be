/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The byte of TOS or traffic class inside a tunnel, of whose last two bits RFC 6040 says what
 * becomes of them at either end.
 */
#ifndef XGRE_BPF_ECN_H
#define XGRE_BPF_ECN_H

#include "parse.h"

#define ECN_MASK 3
#define ECN_ECT1 1
#define ECN_ECT0 2
#define ECN_CE 3

/* Of the first two bytes of a header; 0 where it is of another version. */
static __always_inline __u8 ipv4_ds_in(__u16 first)
{
    return first >> 12 == 4 ? first : 0;
}

static __always_inline __u8 ipv6_ds_in(__u16 first)
{
    return first >> 12 == 6 ? first >> 4 : 0;
}

/* 0 of what is not IP. */
static __always_inline __u8 inner_ds(struct cursor c, __be16 type)
{
    const word16 *start;
    __u16 first;

    if (is_vlan(type)) type = skip_tags(&c, type);
    if (!is_ip(type)) return 0;
    start = take(&c, sizeof(*start));
    if (!start) return 0;
    first = bpf_ntohs(*start);
    return type == bpf_htons(ETH_P_IP) ? ipv4_ds_in(first) : ipv6_ds_in(first);
}

/* TTL or hop limit, and "don't fragment", where `c` stands as in inner_ds. */
static __always_inline void inner_limits(struct cursor c, __be16 type, __u8 *ttl, bool *df)
{
    struct iphdr *ip; /* which is no longer than that of IPv6 */

    type = skip_tags(&c, type);
    ip = take(&c, sizeof(*ip));
    *ttl = 0;
    *df = true;
    if (!ip) return;
    if (type == bpf_htons(ETH_P_IP) && ip->version == 4) {
        *ttl = ip->ttl;
        *df = !!(ip->frag_off & bpf_htons(IP_DF));
    } else if (type == bpf_htons(ETH_P_IPV6) && ip->version == 6) {
        *ttl = ((struct ipv6hdr *)ip)->hop_limit;
    }
}

/* Has the outer header anything to say to the inner one? ECT(0) and Not-ECT have not. */
static __always_inline bool has_ecn_news(const struct outer *outer)
{
    return outer->ds & ECN_ECT1;
}

/* RFC 6040 section 4.2: the inner ECN after decapsulation. */
static __always_inline enum xgre_verdict merge_ecn(__u8 outer_ds, __u8 *ds)
{
    __u8 ecn = *ds & ECN_MASK;

    if ((outer_ds & ECN_MASK) == ECN_CE) {
        if (!ecn) return XGRE_ECN;
        *ds |= ECN_CE;
    } else if (ecn == ECN_ECT0) {
        *ds = (*ds & ~ECN_MASK) | ECN_ECT1;
    }
    return XGRE_GO;
}

/* RFC 1624 section 3, equation 3. */
static __always_inline void set_ipv4_ds(struct iphdr *ip, __u8 ds)
{
    word16 *first = (word16 *)ip;
    __u16 before = *first, after = bpf_htons((bpf_ntohs(before) & 0xff00) | ds);

    *first = after;
    ip->check = ~fold((__u16)~ip->check + (__u32)(__u16)~before + after);
}

static __always_inline void set_ipv6_ds(word16 *first, __u8 ds)
{
    *first = bpf_htons((bpf_ntohs(*first) & 0xf00f) | ds << 4);
}

/* An IPv4 header is no longer than one of IPv6: so much is there of either. */
#define ECN_HEADER_LEN sizeof(struct iphdr)

/* What the outer ECN makes of the IP header of `type` at `ip`. */
static __always_inline enum xgre_verdict merge_ecn_into(void *ip, __be16 type,
                                                        const struct outer *outer)
{
    __u8 ds = inner_ds((struct cursor){ip, ip + ECN_HEADER_LEN}, type), before = ds;
    enum xgre_verdict verdict = merge_ecn(outer->ds, &ds);

    if (verdict || ds == before) return verdict;
    if (type == bpf_htons(ETH_P_IP))
        set_ipv4_ds(ip, ds);
    else
        set_ipv6_ds(ip, ds);
    return XGRE_GO;
}

#endif
