/* SPDX-License-Identifier: GPL-2.0-only */
/* What a port is kept from: see "What a port can be kept from" in docs/concepts.md. TC only. */
#ifndef XGRE_BPF_GUARD_H
#define XGRE_BPF_GUARD_H

#include "maps.h"
#include "parse.h"

/* ---- Limits on what a port floods --------------------------------------------------------- */

#define PAY_TRIES 8 /* as many CPUs may be paying for frames of one port at once */

/*
 * A token bucket in one word, which all CPUs share: the time up to which the port has used up its
 * limit. Each frame takes its part of a second, and that time may be a second ahead of now. A large
 * segment is paid for whole, and goes when there is room for its first frame.
 */
static __always_inline bool pay(__u64 *paid, __u64 now, __u64 each, __u32 frames)
{
    for (int i = 0; i < PAY_TRIES; i++) {
        __u64 old = *(volatile __u64 *)paid;
        __u64 from = (__s64)(old - now) > 0 ? old : now;

        if (from + each > now + XGRE_BURST_NS) return false;
        if (__sync_val_compare_and_swap(paid, old, from + each * frames) == old) return true;
    }
    return false;
}

/* `now`: CLOCK_MONOTONIC, ns. */
STEP int pay_for_flood(__u32 slot, __u32 is_unknown, __u32 limit, __u32 frames, __u64 now)
{
    struct xgre_buckets *bucket = bpf_map_lookup_elem(&buckets, &slot);

    if (!bucket || !limit) return XGRE_GO;
    if (pay(is_unknown ? &bucket->unknown : &bucket->broadcast, now, XGRE_BURST_NS / limit, frames))
        return XGRE_GO;
    return is_unknown ? XGRE_UNKNOWN_LIMIT : XGRE_BROADCAST_LIMIT;
}

/* ---- The packet in a frame ---------------------------------------------------------------- */

/*
 * Read by bpf_skb_load_bytes, which finds bytes wherever they are. A frame whose end of headers is
 * not found, because it is cut or has too many of them, is not let in: whoever gets it may find it
 * (RFC 7113 section 2.1).
 */
#define LAYERS_MOST 6 /* VLAN tags and LLC/SNAP headers */
#define EXTENSIONS_MOST 8

/* LLC/SNAP, RFC 1042: some hosts take IP in it, and filters have been passed so. */
static __always_inline bool is_snap(struct __sk_buff *skb, __u32 offset)
{
    __u8 llc[6];

    return !bpf_skb_load_bytes(skb, offset, llc, sizeof(llc)) && llc[0] == 0xaa && llc[1] == 0xaa &&
           llc[2] == 3 && !(llc[3] | llc[4] | llc[5]);
}

/* Where the packet begins, behind tags and SNAP; of what type it is. False: not to be found. */
static __always_inline bool find_packet(struct __sk_buff *skb, __u32 *offset, __be16 *type)
{
    __u32 at = offsetof(struct ethhdr, h_proto);

    for (int i = 0; i < LAYERS_MOST; i++) {
        if (bpf_skb_load_bytes(skb, at, type, sizeof(*type))) return false;
        at += sizeof(*type);
        if (is_vlan(*type)) {
            at += 2;
        } else if (bpf_ntohs(*type) <= ETH_DATA_LEN && is_snap(skb, at)) {
            at += 6;
        } else {
            *offset = at;
            return true;
        }
    }
    return false;
}

/* What an IP packet carries. */
struct upper {
    __u32 offset;
    __u8 protocol;
    bool is_fragment;
    bool is_later; /* not the first fragment: there is no header to see */
};

static __always_inline bool find_upper4(struct __sk_buff *skb, __u32 offset, struct upper *out)
{
    struct {
        __u8 version_ihl;
        __u8 skipped[5];
        __be16 fragment;
        __u8 ttl;
        __u8 protocol;
    } ip;
    __u32 ihl;

    if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip))) return false;
    ihl = ip.version_ihl & 0xf;
    if (ip.version_ihl >> 4 != 4 || ihl < 5) return false;
    out->offset = offset + ihl * 4;
    out->protocol = ip.protocol;
    out->is_later = ip.fragment & bpf_htons(IP_OFFSET);
    out->is_fragment = ip.fragment & bpf_htons(IP_MF | IP_OFFSET);
    return true;
}

/* RFC 8200 section 4, RFC 7045 section 3.1. */
static __always_inline bool is_extension(__u8 protocol)
{
    return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
           protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_AH || protocol == IPPROTO_DSTOPTS ||
           protocol == IPPROTO_MH || protocol == IPPROTO_HIP || protocol == IPPROTO_SHIM6;
}

static __always_inline bool find_upper6(struct __sk_buff *skb, __u32 offset, struct upper *out)
{
    struct {
        __u8 next;
        __u8 len;
        __be16 fragment;
    } header;
    __u8 start[8];

    if (bpf_skb_load_bytes(skb, offset, start, sizeof(start)) || start[0] >> 4 != 6) return false;
    out->offset = offset + sizeof(struct ipv6hdr);
    out->protocol = start[6];
    out->is_fragment = false;
    out->is_later = false;
    for (int i = 0; i < EXTENSIONS_MOST; i++) {
        __u32 len;

        if (!is_extension(out->protocol)) return true;
        if (bpf_skb_load_bytes(skb, out->offset, &header, sizeof(header))) return false;
        len = (header.len + 1) * 8;
        if (out->protocol == IPPROTO_AH) len = (header.len + 2) * 4;
        if (out->protocol == IPPROTO_FRAGMENT) {
            len = 8;
            out->is_fragment = true;
            out->is_later = header.fragment & bpf_htons(0xfff8);
        }
        out->protocol = header.next;
        out->offset += len;
        if (out->is_later) return true;
    }
    return false;
}

/* ---- Guards ------------------------------------------------------------------------------- */

#define DHCP_CLIENT_PORT 68
#define DHCP6_CLIENT_PORT 546
#define ND_ROUTER_ADVERTISEMENT 134
#define ND_REDIRECT 137

/* What cannot be told is refused by the name of a guard that would have had to tell. */
static __always_inline int refuse_unknown(__u32 port_flags)
{
    return port_flags & XGRE_PORT_RA_GUARD ? XGRE_RA_GUARD : XGRE_DHCP_GUARD;
}

/*
 * To the port of clients, from whichever port: not every client looks at that (RFC 7610 section 5
 * says so of DHCPv6). GO or DHCP_GUARD; TRUNCATED when there is no such port to be seen.
 */
static __always_inline int guard_udp(struct __sk_buff *skb, __u32 offset, __u16 clients)
{
    __be16 port;

    if (bpf_skb_load_bytes(skb, offset + offsetof(struct udphdr, dest), &port, sizeof(port)))
        return XGRE_TRUNCATED;
    return port == bpf_htons(clients) ? XGRE_DHCP_GUARD : XGRE_GO;
}

STEP int guard_ipv4(struct __sk_buff *skb, __u32 offset, __u32 port_flags)
{
    struct upper upper = {};
    int verdict;

    if (!(port_flags & XGRE_PORT_DHCP_GUARD)) return XGRE_GO;
    if (!find_upper4(skb, offset, &upper)) return XGRE_DHCP_GUARD;
    if (upper.is_later || upper.protocol != IPPROTO_UDP) return XGRE_GO;
    verdict = guard_udp(skb, upper.offset, DHCP_CLIENT_PORT);
    return verdict ? XGRE_DHCP_GUARD : XGRE_GO;
}

STEP int guard_ipv6(struct __sk_buff *skb, __u32 offset, __u32 port_flags)
{
    struct upper upper = {};
    int verdict;
    __u8 type;

    if (!find_upper6(skb, offset, &upper)) return refuse_unknown(port_flags);
    if (upper.is_later) return XGRE_GO;
    if (upper.protocol == IPPROTO_UDP && port_flags & XGRE_PORT_DHCP_GUARD) {
        verdict = guard_udp(skb, upper.offset, DHCP6_CLIENT_PORT);
        return verdict ? XGRE_DHCP_GUARD : XGRE_GO;
    }
    if (upper.protocol != IPPROTO_ICMPV6 || !(port_flags & XGRE_PORT_RA_GUARD)) return XGRE_GO;
    if (bpf_skb_load_bytes(skb, upper.offset, &type, sizeof(type))) return XGRE_RA_GUARD;
    return type == ND_ROUTER_ADVERTISEMENT || type == ND_REDIRECT ? XGRE_RA_GUARD : XGRE_GO;
}

/* A frame of a port that has guards: may it be let in? */
STEP int guard_frame(struct __sk_buff *skb)
{
    __u32 ifindex = skb->ifindex, offset;
    struct xgre_port *port = bpf_map_lookup_elem(&ports, &ifindex);
    __be16 type;

    if (!port) return XGRE_NO_NETWORK;
    if (!find_packet(skb, &offset, &type)) return refuse_unknown(port->flags);
    if (type == bpf_htons(ETH_P_IP)) return guard_ipv4(skb, offset, port->flags);
    if (type == bpf_htons(ETH_P_IPV6)) return guard_ipv6(skb, offset, port->flags);
    return XGRE_GO;
}

#endif
