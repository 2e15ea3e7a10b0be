/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Header bytes to values, for both hooks. Nothing here knows a context or a map. Each function
 * checks what it reads; values are copied out, since pointers die when a helper moves data.
 */
#ifndef XGRE_BPF_PARSE_H
#define XGRE_BPF_PARSE_H

#include "vmlinux.h"
#include "uapi_macros.h"
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <xgre/abi.h>

#include "cursor.h"

/* RFC 2784 section 2.1; RFC 2890 section 2 gives bits 2 (key) and 3 (sequence) their meaning. */
#define GRE_CSUM 0x8000
#define GRE_KEY 0x2000
#define GRE_SEQ 0x1000
#define GRE_VERSION 0x0007
/* RFC 2784 section 2.3: a receiver refuses bits 1-5 that it does not implement: 1, 4 and 5. */
#define GRE_REFUSED 0x4c00

struct gre_base {
    __be16 flags;
    __be16 protocol;
};

/* Bytes of IPv6 extension headers that are walked, and how many headers. */
#define EXTENSIONS_LEN 64
#define EXTENSIONS_MAX 4

/* Deepest byte that a header we read can end at: Ethernet, IPv6 and its extensions, GRE; inside
 * Ethernet + tag, IPv6, TCP. */
#define HEADERS_MAX (14 + 40 + EXTENSIONS_LEN + 16 + 18 + 40 + 60)

/* An outer header that was found to be ours. */
struct outer {
    struct xgre_addr source; /* of IPv4, only the first word is written */
    __be32 key;
    __be32 sequence; /* with `sequenced` */
    __u16 keyed;
    __u8 checksummed;
    __u8 sequenced;
    __u16 gre_offset; /* of the GRE header, from the start of the frame */
    __u16 len;        /* bytes before the inner frame */
    __u16 inner_len;  /* by the outer total length: what follows is Ethernet padding */
    __u8 ds;          /* TOS or traffic class: RFC 2474, and ECN in the last two bits */
    bool ip6;
};

/* The addresses of an Ethernet frame. */
struct ethernet {
    __u8 dst[6];
    __u16 vlan; /* VID of the outermost tag, 0 without */
    __u8 src[6];
    __u16 len;   /* bytes up to what follows */
    __be16 type; /* what follows the Ethernet header and its first tag */
    bool syn;    /* for TC: it begins a TCP connection, see has_syn */
} __attribute__((aligned(8)));

static __always_inline bool is_group(const __u8 *mac)
{
    return mac[0] & 1;
}

/*
 * clang, which knows nothing of a packet's alignment, would move the six bytes one by one. Words
 * may stand anywhere in a packet; on the stack, mac_word wants its argument aligned to 4 bytes, and
 * copy_mac both to 2.
 */
typedef __u32 __attribute__((may_alias)) word32;
typedef __u16 __attribute__((may_alias)) word16;

static __always_inline __u64 mac_word(const void *mac)
{
    return *(const word32 *)mac | (__u64) * (const word16 *)(mac + 4) << 32;
}

static __always_inline void copy_mac(void *to, const void *from)
{
    *(word16 *)to = *(const word16 *)from;
    *(word16 *)(to + 2) = *(const word16 *)(from + 2);
    *(word16 *)(to + 4) = *(const word16 *)(from + 4);
}

static __always_inline bool is_zero(const __u8 *mac)
{
    return !mac_word(mac);
}

static __always_inline bool same_mac(const __u8 *a, const __u8 *b)
{
    return mac_word(a) == mac_word(b);
}

static __always_inline __u16 fold(__u32 sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return (sum & 0xffff) + (sum >> 16);
}

/* Of a sum of words of 32 bits, of which there are no more than an IPv4 header has: fifteen. */
static __always_inline __u16 fold_words(__u64 sum)
{
    return fold((__u32)(sum & 0xffff) + (__u32)(sum >> 16 & 0xffff) + (__u32)(sum >> 32));
}

/* The checksum of an IPv4 header without options, in which it is zero yet. */
static __always_inline __u16 ipv4_check(const struct iphdr *ip)
{
    const word32 *word = (void *)ip;

    return ~fold_words((__u64)word[0] + word[1] + word[2] + word[3] + word[4]);
}

static __always_inline bool is_vlan(__be16 type)
{
    return type == bpf_htons(ETH_P_8021Q) || type == bpf_htons(ETH_P_8021AD);
}

static __always_inline bool is_ip(__be16 type)
{
    return type == bpf_htons(ETH_P_IP) || type == bpf_htons(ETH_P_IPV6);
}

/* RFC 791: the sum over a right header is 0xffff. The options were bounded by the caller's IHL. */
static __always_inline enum xgre_verdict check_ip_sum(struct iphdr *ip, struct cursor options,
                                                      __u32 ihl)
{
    word32 *words = (word32 *)ip;
    __u64 sum = 0;

    for (int i = 0; i < 5; i++)
        sum += words[i];
    for (__u32 i = 5; i < 15; i++) {
        word32 *word;

        if (i >= ihl) break;
        word = take(&options, 4);
        if (!word) return XGRE_TRUNCATED;
        sum += *word;
    }
    return fold_words(sum) == 0xffff ? XGRE_GO : XGRE_IP_CHECKSUM;
}

static __always_inline enum xgre_verdict take_word_if(struct cursor *c, bool wanted, __be32 *out)
{
    __be32 *word;

    if (!wanted) return XGRE_GO;
    word = take(c, sizeof(*word));
    if (!word) return XGRE_TRUNCATED;
    *out = *word;
    return XGRE_GO;
}

/* After the base: RFC 2784 section 2.1 and RFC 2890 section 2 give the order of the fields. */
static __always_inline enum xgre_verdict parse_gre(struct cursor *c, __u16 flags, struct outer *out)
{
    __be32 ignored;

    if (flags & GRE_REFUSED) return XGRE_GRE_FLAGS;
    if (flags & GRE_VERSION) return XGRE_GRE_VERSION;
    if (take_word_if(c, flags & GRE_CSUM, &ignored)) return XGRE_TRUNCATED;
    out->key = 0;
    if (take_word_if(c, flags & GRE_KEY, &out->key)) return XGRE_TRUNCATED;
    if (take_word_if(c, flags & GRE_SEQ, &out->sequence)) return XGRE_TRUNCATED;
    out->keyed = !!(flags & GRE_KEY);
    out->checksummed = !!(flags & GRE_CSUM);
    out->sequenced = !!(flags & GRE_SEQ);
    return XGRE_GO;
}

/* The GRE header whose base was taken, in an IP packet that ends at `end` of the frame. */
static __always_inline enum xgre_verdict enter_gre(struct cursor *c, const struct gre_base *gre,
                                                   __u32 end, struct outer *out)
{
    enum xgre_verdict verdict = parse_gre(c, bpf_ntohs(gre->flags), out);

    if (verdict) return verdict;
    out->len =
        out->gre_offset + sizeof(*gre) + 4 * (out->checksummed + out->keyed + out->sequenced);
    /* The fields end where the IP packet ends, at the latest, whatever the frame has behind it. */
    if (out->len > end) return XGRE_TRUNCATED;
    out->inner_len = end - out->len;
    return out->inner_len < sizeof(struct ethhdr) ? XGRE_INNER_SHORT : XGRE_GO;
}

/* What becomes of outer packets that take more to read. */
enum reading {
    READ_BRIEFLY, /* PUNT for fragments, and for all extension headers but the shortest */
    READ_WHOLE,   /* FRAGMENT for one, whatever it is of */
    READ_FIRST,   /* the start of a packet in fragments as if that were all of it */
};

/*
 * Outer headers: Ethernet / IP / GRE / 0x6558 to an address of the uplink. PASS: not ours, and what
 * makes it not ours was there to read. `frame_len` is the length of the whole frame, of which the
 * cursor, which stands behind the Ethernet header, may see only the start.
 */
static __always_inline enum xgre_verdict parse_outer_ipv4(struct cursor *c, __u32 frame_len,
                                                          __be32 local, enum reading reading,
                                                          struct outer *out)
{
    struct iphdr *ip = take(c, sizeof(*ip));
    struct gre_base *gre;
    struct cursor options;
    __u32 ihl, total;
    enum xgre_verdict verdict;

    if (!ip) return XGRE_TRUNCATED;
    if (ip->protocol != IPPROTO_GRE || ip->daddr != local || ip->version != 4) return XGRE_PASS;
    if (reading == READ_FIRST && ip->frag_off & bpf_htons(IP_OFFSET)) return XGRE_PASS;
    if (reading != READ_FIRST && ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))
        return reading == READ_BRIEFLY ? XGRE_PUNT : XGRE_FRAGMENT;
    ihl = ip->ihl;
    if (ihl < 5) return XGRE_IP_HEADER;
    options = *c;
    if (ihl > 5 && !take(c, (ihl * 4 - sizeof(*ip)) & 0x3c)) return XGRE_TRUNCATED;
    gre = take(c, sizeof(*gre));
    if (!gre) return XGRE_TRUNCATED;
    if (gre->protocol != bpf_htons(ETH_P_TEB)) return XGRE_PASS;

    total = bpf_ntohs(ip->tot_len);
    out->ip6 = false;
    out->ds = ip->tos;
    out->source.word[0] = ip->saddr;
    out->gre_offset = sizeof(struct ethhdr) + ihl * 4;
    if (total < ihl * 4 + sizeof(*gre)) return XGRE_IP_HEADER;
    if (frame_len < sizeof(struct ethhdr) + total) return XGRE_TRUNCATED;
    verdict = check_ip_sum(ip, options, ihl);
    if (verdict) return verdict;
    return enter_gre(c, gre, sizeof(struct ethhdr) + total, out);
}

/* The first 8 bytes of an extension header: RFC 8200 section 4. */
struct extension {
    __u8 next;
    __u8 len; /* of 8 bytes, without the first 8 */
    union {
        __be16 offset; /* of a fragment header: 13 bits, and bit 15, more follow */
        struct {
            __u8 type;
            __u8 left; /* of a routing header: segments */
        };
    };
    __be32 rest; /* of a fragment header: identification */
};

#define IP6_MF 1
#define IP6_OFFSET 0xfff8

/* Where a walk along extension headers stands. */
struct extension_walk {
    __u8 next;    /* what comes */
    bool foreign; /* there was one that no tunnel packet has */
    __u32 len;    /* of all of them */
};

/* Those whose length can be told without knowing them: RFC 8200 section 4, RFC 7045 section 3.1. */
static __always_inline bool is_extension(__u8 next)
{
    return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
           next == IPPROTO_AH || next == IPPROTO_DSTOPTS || next == IPPROTO_MH ||
           next == IPPROTO_HIP || next == IPPROTO_SHIM6;
}

/* Bytes of an extension header of this kind: RFC 8200 section 4, of AH RFC 4302 section 2.2. */
static __always_inline __u32 extension_len(__u8 kind, __u8 len)
{
    if (kind == IPPROTO_FRAGMENT) return 8;
    return kind == IPPROTO_AH ? (len + 2) * 4 : (len + 1) * 8;
}

/* One extension header, `walk->next`. PASS: what is behind it is not ours to read. */
static __always_inline enum xgre_verdict walk_extension(struct cursor *c, enum reading reading,
                                                        struct extension_walk *walk)
{
    struct extension *header = take(c, sizeof(*header));
    __u32 more;

    if (!header) return XGRE_TRUNCATED;
    more = extension_len(walk->next, header->len) - sizeof(*header);
    if (walk->next == IPPROTO_FRAGMENT) {
        /* One that is whole (RFC 6946) is like any other. */
        if (reading == READ_FIRST && header->offset & bpf_htons(IP6_OFFSET)) return XGRE_PASS;
        if (reading != READ_FIRST && header->offset & bpf_htons(IP6_MF | IP6_OFFSET))
            return XGRE_FRAGMENT;
    } else if (walk->next == IPPROTO_ROUTING) {
        if (header->left) return XGRE_PASS; /* it has further to go */
    } else if (walk->next != IPPROTO_HOPOPTS && walk->next != IPPROTO_DSTOPTS) {
        walk->foreign = true;
    }
    walk->next = header->next;
    walk->len += sizeof(*header) + more;
    if (walk->len > EXTENSIONS_LEN) return XGRE_PASS;
    return !more || take(c, more & (2 * EXTENSIONS_LEN - 1)) ? XGRE_GO : XGRE_TRUNCATED;
}

/*
 * Behind an IPv6 header: up to what is no extension header. READ_BRIEFLY: at most the one of 8
 * bytes that Linux puts in front of GRE (RFC 2473 section 4.1.1), and PUNT for more.
 */
static __always_inline enum xgre_verdict walk_extensions(struct cursor *c, enum reading reading,
                                                         struct extension_walk *walk)
{
    struct extension *header;
    enum xgre_verdict verdict;

    if (reading == READ_BRIEFLY) {
        if (walk->next == IPPROTO_DSTOPTS) {
            header = take(c, sizeof(*header));
            if (!header || header->len) return XGRE_PUNT;
            walk->next = header->next;
            walk->len = sizeof(*header);
        }
        return is_extension(walk->next) ? XGRE_PUNT : XGRE_GO;
    }
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        if (!is_extension(walk->next)) return XGRE_GO;
        verdict = walk_extension(c, reading, walk);
        if (verdict) return verdict;
    }
    return is_extension(walk->next) ? XGRE_PASS : XGRE_GO;
}

static __always_inline bool same_addr(const void *a, const struct xgre_addr *b)
{
    const word32 *word = a;

    return !((word[0] ^ b->word[0]) | (word[1] ^ b->word[1]) | (word[2] ^ b->word[2]) |
             (word[3] ^ b->word[3]));
}

static __always_inline void copy_addr(struct xgre_addr *to, const void *from)
{
    const word32 *word = from;

    to->word[0] = word[0];
    to->word[1] = word[1];
    to->word[2] = word[2];
    to->word[3] = word[3];
}

/* Traffic class, from the first two bytes of an IPv6 header. */
static __always_inline __u8 ipv6_ds(const void *ip)
{
    return bpf_ntohs(*(const word16 *)ip) >> 4;
}

static __always_inline enum xgre_verdict parse_outer_ipv6(struct cursor *c, __u32 frame_len,
                                                          const struct xgre_addr *local,
                                                          enum reading reading, struct outer *out)
{
    struct ipv6hdr *ip = take(c, sizeof(*ip));
    struct extension_walk walk = {};
    enum xgre_verdict verdict;
    struct gre_base *gre;
    __u32 end;

    if (!ip) return XGRE_TRUNCATED;
    if (!same_addr(&ip->daddr, local) || ip->version != 6) return XGRE_PASS;
    walk.next = ip->nexthdr;
    if (walk.next != IPPROTO_GRE) {
        verdict = walk_extensions(c, reading, &walk);
        if (verdict) return verdict;
        if (walk.next != IPPROTO_GRE) return XGRE_PASS;
    }
    gre = take(c, sizeof(*gre));
    if (!gre) return XGRE_TRUNCATED;
    if (gre->protocol != bpf_htons(ETH_P_TEB)) return XGRE_PASS;

    end = sizeof(struct ethhdr) + sizeof(*ip) + bpf_ntohs(ip->payload_len);
    out->ip6 = true;
    out->ds = ipv6_ds(ip);
    copy_addr(&out->source, &ip->saddr);
    out->gre_offset = sizeof(struct ethhdr) + sizeof(*ip) + walk.len;
    if (walk.foreign) return XGRE_IP_EXTENSION;
    if (end < out->gre_offset + sizeof(*gre)) return XGRE_IP_HEADER;
    if (frame_len < end) return XGRE_TRUNCATED;
    return enter_gre(c, gre, end, out);
}

/* IEEE 802.1Q: addresses, and the VID of the outermost tag, if any. */
static __always_inline enum xgre_verdict parse_ethernet(struct cursor *c, struct ethernet *out)
{
    struct ethhdr *eth = take(c, sizeof(*eth));

    if (!eth) return XGRE_INNER_SHORT;
    copy_mac(out->dst, eth->h_dest);
    copy_mac(out->src, eth->h_source);
    out->vlan = 0;
    out->type = eth->h_proto;
    out->len = sizeof(*eth);
    if (is_vlan(eth->h_proto)) {
        struct vlan_hdr *tag = take(c, sizeof(*tag));

        if (!tag) return XGRE_TRUNCATED;
        out->vlan = bpf_ntohs(tag->h_vlan_TCI) & VLAN_VID_MASK;
        out->type = tag->h_vlan_encapsulated_proto;
        out->len += sizeof(*tag);
    }
    return XGRE_GO;
}

#define MAX_TAGS 4 /* what TC can take out and put back */

/*
 * To the IP header: `c` behind the Ethernet header and its first tag, `type` what follows; there
 * may be more tags. The type of what `c` stands at then.
 */
static __always_inline __be16 skip_tags(struct cursor *c, __be16 type)
{
#pragma unroll
    for (int i = 0; i < MAX_TAGS; i++) {
        struct vlan_hdr *tag = is_vlan(type) ? take(c, sizeof(*tag)) : NULL;

        if (!tag) break;
        type = tag->h_vlan_encapsulated_proto;
    }
    return type;
}

/*
 * More tags than that, or one that the frame ends in: TC knows what to say to them. `c` stands
 * behind the first tag, as parse_ethernet leaves it.
 */
static __always_inline bool has_odd_tags(struct cursor c, const struct ethernet *eth)
{
    __be16 type = eth->type;

    if (eth->len == sizeof(struct ethhdr)) return false;
#pragma unroll
    for (int i = 1; i < MAX_TAGS; i++) {
        struct vlan_hdr *tag;

        if (!is_vlan(type)) return false;
        tag = take(&c, sizeof(*tag));
        if (!tag) return true;
        type = tag->h_vlan_encapsulated_proto;
    }
    return is_vlan(type);
}

/* `c` at a TCP header. */
static __always_inline bool is_syn(struct cursor c)
{
    struct tcphdr *tcp = take(&c, sizeof(*tcp));

    return tcp && tcp->doff >= 5 && tcp->syn;
}

/*
 * Is it the first packet of a TCP connection, from either side? `c` stands at what is of `type`,
 * behind any tags. Both hooks have to say the same: TC then looks at its MSS (see mss.h).
 */
static __always_inline bool has_syn(struct cursor c, __be16 type)
{
    struct ipv6hdr *ip6;
    struct iphdr *ip;
    __u32 options;

    if (type == bpf_htons(ETH_P_IP)) {
        ip = take(&c, sizeof(*ip));
        if (!ip || ip->protocol != IPPROTO_TCP || ip->version != 4 || ip->ihl < 5 ||
            ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))
            return false;
        options = (ip->ihl * 4 - sizeof(*ip)) & 0x3c;
        return (!options || take(&c, options)) && is_syn(c);
    }
    if (type != bpf_htons(ETH_P_IPV6)) return false;
    ip6 = take(&c, sizeof(*ip6));
    return ip6 && ip6->nexthdr == IPPROTO_TCP && ip6->version == 6 && is_syn(c);
}

/*
 * Length of everything up to the payload of a TCP segment, from the Ethernet header on; 0 when
 * it is no TCP that GRO could merge: another protocol, a fragment, options, a double tag.
 * `maybe_syn`: ask has_syn, which whoever handles no TCP need not have in the way.
 */
static __always_inline __u32 tcp_header_len(struct cursor *c, const struct ethernet *eth,
                                            bool *maybe_syn)
{
    __u32 len = eth->len;
    struct tcphdr *tcp;

    *maybe_syn = false;
    if (eth->type == bpf_htons(ETH_P_IP)) {
        struct iphdr *ip = take(c, sizeof(*ip));

        if (!ip || ip->protocol != IPPROTO_TCP) return 0;
        *maybe_syn = ip->ihl > 5;
        if (ip->ihl != 5 || (ip->frag_off & bpf_htons(IP_MF | IP_OFFSET))) return 0;
        len += sizeof(*ip);
    } else if (eth->type == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr *ip6 = take(c, sizeof(*ip6));

        if (!ip6 || ip6->nexthdr != IPPROTO_TCP) return 0;
        len += sizeof(*ip6);
    } else {
        *maybe_syn = is_vlan(eth->type);
        return 0;
    }
    tcp = take(c, sizeof(*tcp));
    if (!tcp || tcp->doff < 5) return 0;
    *maybe_syn = tcp->syn;
    return len + tcp->doff * 4;
}

#endif
