/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What routers of the underlay say about packets of ours that were too large for them: ICMP type 3
 * code 4 (RFC 1191) and ICMPv6 packet too big (RFC 8201). Anybody can send such a message. It is
 * believed when it quotes what is known only on the way: a packet from us to a peer, with its key.
 * The host's own stack gets it in any case. TC only.
 */
#ifndef XGRE_BPF_ROUTER_H
#define XGRE_BPF_ROUTER_H

#include "hook_tc.h"
#include "path_mtu.h"

/* No router quotes more than makes 1280 bytes: RFC 1812 section 4.3.2.3, RFC 4443 section 2.4. */
#define MESSAGE_MOST 1500
#define PATH_MTU_IP4 552         /* nothing lower is believed: Linux' min_pmtu */
#define PATH_MTU_IP6 IP6_MTU_MIN /* RFC 8201 section 4 */

/* The start of a message; of `mtu`, IPv4 has the second half only. */
struct too_big {
    __u8 type;
    __u8 code;
    __sum16 check;
    __be32 mtu;
};

/* The packet that a message is about. */
struct quote {
    struct xgre_outbound_key to;
    __u32 len;        /* that it had */
    __u32 mtu;        /* that is said to be there */
    __be32 gre;       /* the first word of its GRE header */
    __u32 has_option; /* the destination option of XGRE_PEER_ENCAP_LIMIT */
};

/* Where a message is, for its checksum, and what its pseudo header sums up to. */
struct message {
    __u32 offset;
    __u32 len;
    __u32 sum;
};

/* `at` the GRE header of a quoted packet, which ends at `end` at the latest. */
static __always_inline bool read_gre(struct __sk_buff *skb, __u32 at, __u32 end, struct quote *out)
{
    __u16 flags;

    /* RFC 792 has eight bytes quoted behind the IP header: with a key, but no checksum, enough. */
    if (at + 4 > end || bpf_skb_load_bytes(skb, at, &out->gre, 4)) return false;
    flags = bpf_ntohl(out->gre) >> 16;
    out->to.key = 0;
    out->to.keyed = XGRE_KEY_NONE;
    if (!(flags & GRE_KEY)) return true;
    at += flags & GRE_CSUM ? 8 : 4;
    out->to.keyed = XGRE_KEY_WHOLE;
    return at + 4 <= end && !bpf_skb_load_bytes(skb, at, &out->to.key, 4);
}

/* True: a message of this kind to us, which quotes a packet from us. Its checksum is not known. */
STEP int read_too_big4(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                       struct message *message, struct quote *out)
{
    struct too_big head;
    struct iphdr ip;
    __u32 at, end;

    if (!uplink || !message || !out ||
        bpf_skb_load_bytes(skb, sizeof(struct ethhdr), &ip, sizeof(ip)))
        return false;
    if (ip.protocol != IPPROTO_ICMP || ip.daddr != uplink->local || ip.version != 4 || ip.ihl < 5 ||
        ip.frag_off & bpf_htons(IP_MF | IP_OFFSET))
        return false;
    at = sizeof(struct ethhdr) + ip.ihl * 4;
    end = sizeof(struct ethhdr) + bpf_ntohs(ip.tot_len);
    if (end < at + sizeof(head) + sizeof(ip) || bpf_skb_load_bytes(skb, at, &head, sizeof(head)) ||
        head.type != 3 || head.code != 4)
        return false;
    message->offset = at;
    message->len = end - at;
    message->sum = 0;
    at += sizeof(head);
    if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl != 5 ||
        ip.protocol != IPPROTO_GRE || ip.saddr != uplink->local || ip.frag_off != bpf_htons(IP_DF))
        return false;
    out->to.remote = (struct xgre_addr){{ip.daddr}};
    out->len = bpf_ntohs(ip.tot_len);
    out->mtu = bpf_ntohl(head.mtu) & 0xffff;
    out->has_option = false;
    return read_gre(skb, at + sizeof(ip), end, out);
}

/* Likewise. RFC 4443 section 3.2: the code is not looked at. */
STEP int read_too_big6(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                       struct message *message, struct quote *out)
{
    __u32 at = sizeof(struct ethhdr), end;
    struct too_big head;
    struct ipv6hdr ip;
    __u16 option;

    if (!uplink || !message || !out || bpf_skb_load_bytes(skb, at, &ip, sizeof(ip))) return false;
    if (ip.nexthdr != IPPROTO_ICMPV6 || !same_addr(&ip.daddr, &uplink->local6)) return false;
    at += sizeof(ip);
    message->offset = at;
    message->len = bpf_ntohs(ip.payload_len);
    end = at + message->len;
    if (message->len < sizeof(head) + sizeof(ip) ||
        bpf_skb_load_bytes(skb, at, &head, sizeof(head)) || head.type != 2)
        return false;
    /* RFC 8200 section 8.1. */
    message->sum = bpf_csum_diff(NULL, 0, (void *)&ip.saddr, 32,
                                 (__u32)ip.payload_len + bpf_htons(IPPROTO_ICMPV6));
    at += sizeof(head);
    if (bpf_skb_load_bytes(skb, at, &ip, sizeof(ip)) || *(__u8 *)&ip >> 4 != 6 ||
        !same_addr(&ip.saddr, &uplink->local6))
        return false;
    copy_addr(&out->to.remote, &ip.daddr);
    out->len = sizeof(ip) + bpf_ntohs(ip.payload_len);
    out->mtu = bpf_ntohl(head.mtu);
    at += sizeof(ip);
    out->has_option = ip.nexthdr == IPPROTO_DSTOPTS;
    if (out->has_option) {
        /* Next header, and a length of 8 bytes. */
        if (bpf_skb_load_bytes(skb, at, &option, 2) || option != bpf_htons(IPPROTO_GRE << 8))
            return false;
        at += 8;
    } else if (ip.nexthdr != IPPROTO_GRE) {
        return false;
    }
    return read_gre(skb, at, end, out);
}

/* As sum_chunk, in the little stack that is left here. */
#define SUM_PIECE 32

static long sum_piece(__u32 index, struct sum_walk *walk)
{
    __u32 piece[SUM_PIECE / 4] = {};

    return sum_part(walk, piece, SUM_PIECE);
}

/* RFC 792; RFC 4443 section 2.3. */
STEP int is_intact(struct __sk_buff *skb, const struct message *message)
{
    struct sum_walk walk = {.skb = skb};

    if (!message || message->len > MESSAGE_MOST) return false;
    walk.offset = message->offset;
    walk.left = message->len;
    walk.sum = message->sum;
    bpf_loop(MESSAGE_MOST / SUM_PIECE + 1, sum_piece, &walk, 0);
    return !walk.left && fold(walk.sum) == 0xffff;
}

static __always_inline __u32 find_quoted(const struct quote *quote)
{
    struct xgre_outbound_key to = quote->to; /* Linux 6.1 takes keys from the stack */
    struct xgre_tunnel *tunnel = bpf_map_lookup_elem(&outbound, &to);

    if (tunnel) return tunnel->peer;
    if (!to.keyed) return 0;
    to.key &= bpf_htonl(~0xff);
    to.keyed = XGRE_KEY_VSID;
    tunnel = bpf_map_lookup_elem(&outbound, &to);
    return tunnel ? tunnel->peer : 0;
}

/* Does the peer's template begin its GRE header like that? */
static __always_inline bool is_sent(const struct xgre_peer *peer, const struct quote *quote)
{
    bool has_option = peer->flags & XGRE_PEER_ENCAP_LIMIT;
    __u32 at = !(peer->flags & XGRE_PEER_IP6) ? 5 : has_option ? 12 : 10;

    /* Without "don't fragment" no router has reason to complain. */
    return !(peer->flags & XGRE_PEER_DF_UNSET) && has_option == !!quote->has_option &&
           peer->outer[at] == quote->gre;
}

/* RFC 1191 section 7: what to try where a router does not say what it has. */
static __always_inline __u32 plateau_below(__u32 len)
{
    if (len > 17914) return 17914;
    if (len > 8166) return 8166;
    if (len > 4352) return 4352;
    if (len > 2002) return 2002;
    if (len > 1492) return 1492;
    return len > 1006 ? 1006 : 0;
}

/* `device_mtu`: nothing larger was sent. */
STEP int heed(const struct quote *quote, __u32 device_mtu)
{
    struct xgre_peer *peer;
    __u32 id, mtu;

    if (!quote) return false;
    id = find_quoted(quote);
    peer = id ? find_peer(id) : NULL;
    if (!peer || !is_sent(peer, quote)) return false;
    mtu = quote->mtu;
    if (!mtu && !(peer->flags & XGRE_PEER_IP6)) mtu = plateau_below(quote->len);
    if (mtu < (peer->flags & XGRE_PEER_IP6 ? PATH_MTU_IP6 : PATH_MTU_IP4) || mtu >= quote->len ||
        quote->len > device_mtu)
        return false;
    if (!lower_path_mtu(id, mtu)) return false;
    note(XGRE_NOTE_PATH_MTU);
    return true;
}

/* A frame that is no tunnel packet of ours. */
STEP int hear_router(struct __sk_buff *skb, const struct xgre_uplink *uplink)
{
    struct message message = {};
    struct quote quote = {};
    bool is_news = false;

    if (!uplink) return false;
    if (skb->protocol == bpf_htons(ETH_P_IP))
        is_news = read_too_big4(skb, uplink, &message, &quote);
    else if (skb->protocol == bpf_htons(ETH_P_IPV6))
        is_news = read_too_big6(skb, uplink, &message, &quote);
    if (!is_news || !is_intact(skb, &message)) return false;
    return heed(&quote, device_mtu(skb, uplink->ifindex));
}

#endif
