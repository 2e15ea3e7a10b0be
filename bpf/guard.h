/* SPDX-License-Identifier: GPL-2.0-only */
/* What a port is kept from: see "What a port can be kept from" in docs/concepts.md. TC only. */
#ifndef XGRE_BPF_GUARD_H
#define XGRE_BPF_GUARD_H

#include "fdb.h"
#include "lease.h"
#include "limit.h"

/* ---- Guards ------------------------------------------------------------------------------- */

#define DHCP6_CLIENT_PORT 546
#define ND_ROUTER_ADVERTISEMENT 134
#define ND_REDIRECT 137

/* What cannot be told is refused by the name of a guard that would have had to tell. */
static __always_inline int refuse_unknown(__u32 port_flags)
{
    if (port_flags & XGRE_PORT_LEASE_BOUND) return XGRE_NOT_LEASED;
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

    if (!(port_flags & (XGRE_PORT_DHCP_GUARD | XGRE_PORT_LEASE_BOUND))) return XGRE_GO;
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
    if (upper.protocol == IPPROTO_UDP &&
        port_flags & (XGRE_PORT_DHCP_GUARD | XGRE_PORT_LEASE_BOUND)) {
        verdict = guard_udp(skb, upper.offset, DHCP6_CLIENT_PORT);
        return verdict ? XGRE_DHCP_GUARD : XGRE_GO;
    }
    if (upper.protocol != IPPROTO_ICMPV6 || !(port_flags & XGRE_PORT_RA_GUARD)) return XGRE_GO;
    if (bpf_skb_load_bytes(skb, upper.offset, &type, sizeof(type))) return XGRE_RA_GUARD;
    return type == ND_ROUTER_ADVERTISEMENT || type == ND_REDIRECT ? XGRE_RA_GUARD : XGRE_GO;
}

/* ---- A port that is bound to its leases ---------------------------------------------------- */

#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_OPTIONS_MOST 8

static __always_inline bool has_ipv4(const struct sender *who, __be32 address)
{
    struct xgre_address listed = {.slot = who->slot, .family = 4};

    if (has_lease(who->port, who->mac, address)) return true;
    *(word32 *)listed.address = address;
    return bpf_map_lookup_elem(&addresses, &listed);
}

/* RFC 4291 appendix A: the link-local address that is made of the MAC. */
static __always_inline bool is_own_link_local(const struct xgre_address *said, const __u8 *mac)
{
    const word32 *word = (const word32 *)said->address;

    return word[0] == bpf_htonl(0xfe800000) && !word[1] &&
           word[2] == bpf_htonl((__u32)(mac[0] ^ 2) << 24 | mac[1] << 16 | mac[2] << 8 | 0xff) &&
           word[3] == bpf_htonl(0xfe000000 | mac[3] << 16 | mac[4] << 8 | mac[5]);
}

/* `said` has the slot and the family. */
static __always_inline bool has_ipv6(const struct sender *who, const struct xgre_address *said)
{
    return is_own_link_local(said, who->mac) || bpf_map_lookup_elem(&addresses, said);
}

/* ARP: what the sender says of itself. A probe (RFC 5227) asks for an address to use it. */
STEP int bind_arp(struct __sk_buff *skb, __u32 offset, const struct sender *who)
{
    struct {
        __be16 hardware;
        __be16 protocol;
        __u8 hardware_len;
        __u8 protocol_len;
        __be16 operation;
        __u8 mac[6];
        __u8 address[4];
        __u8 target_mac[6];
        __u8 target[4];
    } __attribute__((packed, aligned(4))) arp;
    __be32 address;

    if (!who || bpf_skb_load_bytes(skb, offset, &arp, sizeof(arp))) return XGRE_NOT_LEASED;
    if (arp.hardware != bpf_htons(1) || arp.protocol != bpf_htons(ETH_P_IP) ||
        arp.hardware_len != 6 || arp.protocol_len != 4 || !same_mac(arp.mac, who->mac))
        return XGRE_NOT_LEASED;
    __builtin_memcpy(&address, arp.address, sizeof(address));
    if (!address) __builtin_memcpy(&address, arp.target, sizeof(address));
    return has_ipv4(who, address) ? XGRE_GO : XGRE_NOT_LEASED;
}

/*
 * A message to DHCP servers has to be the VM's own: from the port of clients, with its MAC and no
 * other's address. `client`: the address that it says the VM has.
 */
static __always_inline int find_request(struct __sk_buff *skb, __u32 offset, struct sender *who,
                                        __be32 source, __be32 *client)
{
    struct upper upper = {};
    struct dhcp_start start;
    __be16 ports[2];

    if (!find_upper4(skb, offset, &upper)) return XGRE_NOT_LEASED;
    if (upper.is_later || upper.protocol != IPPROTO_UDP) return XGRE_GO;
    if (bpf_skb_load_bytes(skb, upper.offset, ports, sizeof(ports))) return XGRE_NOT_LEASED;
    if (ports[1] != bpf_htons(DHCP_SERVER_PORT)) return XGRE_GO;
    if (ports[0] != bpf_htons(DHCP_CLIENT_PORT) || upper.is_fragment) return XGRE_NOT_LEASED;
    upper.offset += sizeof(struct udphdr);
    if (bpf_skb_load_bytes(skb, upper.offset, &start, sizeof(start))) return XGRE_NOT_LEASED;
    if (!is_dhcp(&start, DHCP_REQUEST) || start.relay || !same_mac(start.mac, who->mac) ||
        (start.client && start.client != source))
        return XGRE_NOT_LEASED;
    *client = start.client;
    who->request = upper.offset;
    return XGRE_GO;
}

STEP int bind_ipv4(struct __sk_buff *skb, __u32 offset, struct sender *who)
{
    __be32 source, client = 0;
    int verdict;

    if (!who || bpf_skb_load_bytes(skb, offset + offsetof(struct iphdr, saddr), &source, 4))
        return XGRE_NOT_LEASED;
    verdict = find_request(skb, offset, who, source, &client);
    if (verdict) return verdict;
    /* Whose lease is not known here, as after `attach`, can have it renewed. */
    if (who->request && source == client) return XGRE_GO;
    return has_ipv4(who, source) ? XGRE_GO : XGRE_NOT_LEASED;
}

static __always_inline bool is_listener_report(__u8 type)
{
    return type == 131 || type == 132 || type == 143; /* RFC 2710, RFC 3810 */
}

/* The source of an IPv6 packet; what it says in ND is bind_nd's. */
STEP int bind_ipv6(struct __sk_buff *skb, __u32 offset, const struct sender *who)
{
    struct xgre_address source = {.family = 6};
    struct upper upper = {};
    const word32 *word = (const word32 *)source.address;
    __u8 type;

    if (!who || bpf_skb_load_bytes(skb, offset + offsetof(struct ipv6hdr, saddr), source.address,
                                   sizeof(source.address)))
        return XGRE_NOT_LEASED;
    source.slot = who->slot;
    if (word[0] | word[1] | word[2] | word[3])
        return has_ipv6(who, &source) ? XGRE_GO : XGRE_NOT_LEASED;
    if (!find_upper6(skb, offset, &upper) || upper.is_fragment ||
        upper.protocol != IPPROTO_ICMPV6 || bpf_skb_load_bytes(skb, upper.offset, &type, 1))
        return XGRE_NOT_LEASED;
    return type == ND_SOLICITATION || is_listener_report(type) ? XGRE_GO : XGRE_NOT_LEASED;
}

/* RFC 4861 section 4: where the options of a message begin. */
static __always_inline __u32 nd_header_len(__u8 type)
{
    if (type == ND_SOLICITATION || type == ND_ADVERTISEMENT) return 24;
    if (type == ND_REDIRECT) return 40;
    return type == ND_ROUTER_ADVERTISEMENT ? 16 : 8;
}

/* Of the link-layer addresses in a message, each has to be the sender's. */
static __always_inline int bind_nd_options(struct __sk_buff *skb, __u32 at, __u32 end,
                                           const struct sender *who)
{
    struct {
        __u16 pad; /* so that the MAC is aligned */
        __u8 type;
        __u8 len;
        __u8 mac[6];
    } __attribute__((packed, aligned(4))) option;

    for (int i = 0; i < ND_OPTIONS_MOST; i++) {
        if (at >= end) return XGRE_GO;
        if (bpf_skb_load_bytes(skb, at, &option.type, 8) || !option.len) return XGRE_NOT_LEASED;
        if ((option.type == 1 || option.type == 2) && !same_mac(option.mac, who->mac))
            return XGRE_NOT_LEASED;
        at += option.len * 8;
    }
    return at >= end ? XGRE_GO : XGRE_NOT_LEASED;
}

/*
 * Neighbour discovery: an address that is announced, or asked for to be used (RFC 4862 section
 * 5.4), has to be one of the VM's. Never in fragments (RFC 6980).
 */
STEP int bind_nd(struct __sk_buff *skb, __u32 offset, const struct sender *who)
{
    struct xgre_address target = {.family = 6};
    struct upper upper = {};
    __be16 payload;
    __be32 source;
    __u8 type;

    if (!who || !find_upper6(skb, offset, &upper)) return XGRE_NOT_LEASED;
    if (upper.is_later || upper.protocol != IPPROTO_ICMPV6) return XGRE_GO;
    if (bpf_skb_load_bytes(skb, upper.offset, &type, 1)) return XGRE_NOT_LEASED;
    if (type < ND_SOLICITATION - 2 || type > ND_REDIRECT) return XGRE_GO;
    if (upper.is_fragment || bpf_skb_load_bytes(skb, offset + 4, &payload, 2) ||
        bpf_skb_load_bytes(skb, offset + 8, &source, 4))
        return XGRE_NOT_LEASED;
    /* The only address with a zero word in front that gets here is the unspecified one. */
    if (type == ND_ADVERTISEMENT || (type == ND_SOLICITATION && !source)) {
        if (bpf_skb_load_bytes(skb, upper.offset + 8, target.address, sizeof(target.address)))
            return XGRE_NOT_LEASED;
        target.slot = who->slot;
        if (!has_ipv6(who, &target)) return XGRE_NOT_LEASED;
    }
    return bind_nd_options(skb, upper.offset + nd_header_len(type),
                           offset + sizeof(struct ipv6hdr) + bpf_ntohs(payload), who);
}

/* A frame of a port that has guards: may it be let in? */
STEP int guard_frame(struct __sk_buff *skb)
{
    struct sender who = {.port = skb->ifindex};
    struct xgre_port *port = bpf_map_lookup_elem(&ports, &who.port);
    bool is_bound;
    __u32 offset;
    __be16 type;
    int verdict;

    if (!port) return XGRE_NO_NETWORK;
    who.slot = port->slot;
    who.flags = port->flags;
    is_bound = port->flags & XGRE_PORT_LEASE_BOUND;
    if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_source), who.mac, sizeof(who.mac)) ||
        !find_packet(skb, &offset, &type))
        return refuse_unknown(who.flags);
    if (type == bpf_htons(ETH_P_IP)) {
        verdict = guard_ipv4(skb, offset, who.flags);
        if (verdict || !is_bound) return verdict;
        verdict = bind_ipv4(skb, offset, &who);
        if (verdict || !who.request) return verdict;
        return end_lease(skb, who.request, &who);
    }
    if (type == bpf_htons(ETH_P_IPV6)) {
        verdict = guard_ipv6(skb, offset, who.flags);
        if (verdict || !is_bound) return verdict;
        verdict = bind_ipv6(skb, offset, &who);
        return verdict ? verdict : bind_nd(skb, offset, &who);
    }
    if (!is_bound) return XGRE_GO;
    return type == bpf_htons(ETH_P_ARP) ? bind_arp(skb, offset, &who) : XGRE_NOT_LEASED;
}

#endif
