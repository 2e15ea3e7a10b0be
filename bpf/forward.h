/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a frame goes: the same answer on both hooks. */
#ifndef XGRE_BPF_FORWARD_H
#define XGRE_BPF_FORWARD_H

#include "fdb.h"

/* When a frame came. */
struct moment {
    __u64 tick;       /* jiffies: to read them is no call, as the kernel's clock is */
    __u32 generation; /* of what is decided from now on: see flow.h */
};

/* Where a frame came in: exactly one of port and peer is set. */
struct origin {
    struct xgre_port *port;
    struct xgre_network *network;
    xgre_owner owner;
    struct moment at;
    __u64 now; /* once the tables are asked: CLOCK_MONOTONIC, ns */
    __u32 network_id;
    int refusal; /* enum refusal: why the source was not learned */
};

/* In a target's flags, of which eight bits go into a flow, in the place of one that it needs not.
 */
#define TARGET_BOUND XGRE_PORT_NO_FLOOD /* it is bound to its leases */

/* Where it is to go, with the verdict TO_PORT or TO_PEER. */
struct target {
    struct xgre_port *port;
    struct xgre_peer *peer;
    __u32 id;    /* ifindex or peer id */
    __u32 flags; /* of a port, as they are for this frame; to a peer, XDP_XMIT */
};

static __always_inline enum xgre_verdict check_source(const struct ethernet *eth)
{
    return is_group(eth->src) || is_zero(eth->src) ? XGRE_BAD_SOURCE : XGRE_GO;
}

static __always_inline __u32 mac_limit_of(const struct origin *from)
{
    struct xgre_peer *peer;

    if (from->port) return from->port->mac_limit;
    peer = find_peer(owner_id(from->owner));
    return peer ? peer->mac_limit : 0;
}

static __always_inline void learn(struct origin *from, const struct ethernet *eth)
{
    struct xgre_fdb_key key = fdb_key(from->network_id, eth->vlan, eth->src);

    if (from->port && from->port->flags & XGRE_PORT_NO_LEARNING) return;
    from->refusal =
        fdb_learn(&key, from->owner, from->now, from->network->ageing_ns, mac_limit_of(from));
}

/* A locked port speaks only with addresses that the FDB has behind it (case S06). */
static __always_inline enum xgre_verdict check_lock(const struct origin *from,
                                                    const struct ethernet *eth)
{
    struct xgre_fdb_key key;
    xgre_owner owner;

    if (!(from->port->flags & XGRE_PORT_LOCKED)) return XGRE_GO;
    key = fdb_key(from->network_id, eth->vlan, eth->src);
    owner = fdb_find(&key, from->now, from->network->ageing_ns);
    return (owner & ~XGRE_OWNER_STATIC) == from->owner ? XGRE_GO : XGRE_LOCKED;
}

/*
 * The far end is handed what is for its own MAC, which it would take for its own in any case, and
 * has no VLAN tag in the bytes: only a device that receives takes a tag out, or looks at the type.
 */
static __always_inline __u32 flags_for(const struct xgre_port *port, const struct ethernet *eth)
{
    bool is_its_own = eth->len == sizeof(struct ethhdr) && same_mac(port->far_end, eth->dst);
    __u32 flags = port->flags & ~TARGET_BOUND;

    /* TC sees to it what DHCP gives to whom. */
    if (port->flags & XGRE_PORT_LEASE_BOUND) flags = (flags & ~XGRE_PORT_XDP_XMIT) | TARGET_BOUND;
    return is_its_own ? flags : flags & ~XGRE_PORT_FAR_END;
}

static __always_inline enum xgre_verdict to_port(const struct origin *from, __u32 ifindex,
                                                 const struct ethernet *eth, struct target *to)
{
    struct xgre_port *port = find_live_port(ifindex);

    /* A stale entry is as good as none. */
    if (!port || port->network != from->network_id) return XGRE_FLOODED;
    if (from->port) {
        if (owner_id(from->owner) == ifindex) return XGRE_SAME_PORT;
        if (from->port->flags & port->flags & XGRE_PORT_ISOLATED) return XGRE_ISOLATED;
    }
    to->port = port;
    to->id = ifindex;
    to->flags = flags_for(port, eth);
    return XGRE_TO_PORT;
}

static __always_inline enum xgre_verdict to_peer(const struct origin *from, __u32 id,
                                                 struct target *to)
{
    struct xgre_peer *peer = find_peer(id);

    if (!peer || peer->network != from->network_id) return XGRE_FLOODED;
    if (!from->port) return XGRE_SPLIT_HORIZON;
    to->peer = peer;
    to->id = id;
    to->flags = peer->flags & XGRE_PEER_BY_TC ? 0 : XGRE_PORT_XDP_XMIT;
    return XGRE_TO_PEER;
}

static __always_inline enum xgre_verdict decide(const struct origin *from,
                                                const struct ethernet *eth, struct target *to)
{
    struct xgre_fdb_key key;
    xgre_owner owner;

    to->port = NULL;
    to->peer = NULL;
    to->id = 0;
    to->flags = 0;
    if (is_group(eth->dst)) return XGRE_FLOODED;
    key = fdb_key(from->network_id, eth->vlan, eth->dst);
    owner = fdb_find(&key, from->now, from->network->ageing_ns);
    if (owner_kind(owner) == XGRE_OWNER_PORT) return to_port(from, owner_id(owner), eth, to);
    if (owner_kind(owner) == XGRE_OWNER_PEER) return to_peer(from, owner_id(owner), to);
    return XGRE_FLOODED;
}

/* Before any table is read. */
static __always_inline struct moment this_moment(void)
{
    __u32 zero = 0;
    __u64 *number = bpf_map_lookup_elem(&generation, &zero);

    return (struct moment){
        .tick = bpf_jiffies64(),
        .generation = number ? *(volatile __u64 *)number : 0,
    };
}

static __always_inline enum xgre_verdict enter_network(struct origin *from, __u32 network)
{
    from->now = bpf_ktime_get_coarse_ns();
    from->network_id = network;
    from->network = find_network(network);
    return from->network ? XGRE_GO : XGRE_NO_NETWORK;
}

/* Where a frame from a VM comes in. */
static __always_inline enum xgre_verdict enter_port(__u32 ifindex, struct origin *from)
{
    from->port = bpf_map_lookup_elem(&ports, &ifindex);
    if (!from->port) return XGRE_NO_NETWORK;
    from->owner = port_owner(ifindex, from->port);
    return enter_network(from, from->port->network);
}

/* A frame from a VM, once it has entered: learn, then decide. */
static __always_inline enum xgre_verdict from_port(const struct ethernet *eth, struct origin *from,
                                                   struct target *to)
{
    enum xgre_verdict verdict;

    if (!from->port) return XGRE_NO_NETWORK;
    verdict = check_source(eth);
    if (verdict) return verdict;
    verdict = check_lock(from, eth);
    if (verdict) return verdict;
    learn(from, eth);
    return decide(from, eth, to);
}

static __always_inline __u64 tunnel_word(const struct xgre_tunnel *tunnel)
{
    return tunnel ? tunnel->peer | (__u64)tunnel->network << 32 : 0;
}

static __always_inline __u64 find_tunnel_of(const struct outer *outer, __be32 local, __be32 key,
                                            __u32 keyed)
{
    if (outer->ip6) {
        struct xgre_tunnel6_key key6 = {.source = outer->source, .key = key, .keyed = keyed};

        return tunnel_word(bpf_map_lookup_elem(&tunnels6, &key6));
    } else {
        struct xgre_tunnel_key key4 = {outer->source.word[0], local, key, keyed};

        return tunnel_word(bpf_map_lookup_elem(&tunnels, &key4));
    }
}

/*
 * The tunnel of a packet from the wire: its peer, and above that in bits 32-63 the network; 0 when
 * there is none. Rule: only known peers. RFC 7637 section 3.2 has neither checksum nor sequence.
 */
STEP __u64 find_tunnel(const struct outer *outer, __be32 local)
{
    __u64 word;

    if (!outer) return 0;
    word = find_tunnel_of(outer, local, outer->key, outer->keyed);
    if (word || !outer->keyed || outer->checksummed || outer->sequenced) return word;
    return find_tunnel_of(outer, local, outer->key & bpf_htonl(~0xff), XGRE_KEY_VSID);
}

static __always_inline __u32 flags_of_peer(__u64 tunnel)
{
    struct xgre_peer *peer = find_peer((__u32)tunnel);

    return peer ? peer->flags : 0;
}

/* A frame from a peer: decide; the caller learns when the frame is not dropped. */
static __always_inline enum xgre_verdict from_peer(__u64 tunnel, const struct ethernet *eth,
                                                   struct origin *from, struct target *to)
{
    enum xgre_verdict verdict;

    from->port = NULL;
    from->owner = peer_owner((__u32)tunnel);
    verdict = enter_network(from, tunnel >> 32);
    if (verdict) return verdict;
    verdict = check_source(eth);
    if (verdict) return verdict;
    return decide(from, eth, to);
}

static __always_inline struct xgre_uplink *find_uplink(void)
{
    __u32 zero = 0;
    struct xgre_uplink *self = bpf_map_lookup_elem(&uplink, &zero);

    return self && self->ifindex ? self : NULL;
}

#endif
