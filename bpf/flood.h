/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One copy to each other port and, from a port, to each peer. TC only.
 *
 * A copy to a peer needs the next hop's MAC, since a clone can be sent but not routed. Where the
 * kernel has to resolve it first, the copy, complete but for that MAC, goes back into the port
 * it came from with a mark, and port_tc gives it to bpf_redirect_neigh, which queues it until
 * the neighbour answers. No VM can set a mark.
 */
#ifndef XGRE_BPF_FLOOD_H
#define XGRE_BPF_FLOOD_H

#include "detour.h"

struct flood_walk {
    struct __sk_buff *skb;
    const struct xgre_flood *list;
    const struct xgre_uplink *uplink;
    struct wrap *wrap;
    const struct weight *weight;
    __u32 ingress; /* ifindex of the port it came from; 0: from a peer */
    __u32 ingress_flags;
    __u32 network;
    bool unknown;    /* unicast, which a port may refuse */
    bool tagged;     /* a VLAN tag is in the bytes */
    bool whole;      /* it is too large: all peers are reached by detour */
    bool any_target; /* somebody should get one, whether it could be sent or not. No count:
                      * the verifier would follow the loop through each of its values. */
};

static __always_inline enum xgre_program program_of(const struct flood_walk *walk)
{
    return walk->ingress ? XGRE_PROGRAM_PORT_TC : XGRE_PROGRAM_UPLINK_TC;
}

static __always_inline bool wants_copy(const struct flood_walk *walk, const struct xgre_port *port)
{
    if (!port || port->network != walk->network) return false;
    if (walk->unknown && port->flags & XGRE_PORT_NO_FLOOD) return false;
    return !(walk->ingress_flags & port->flags & XGRE_PORT_ISOLATED);
}

static long copy_to_port(__u32 index, struct flood_walk *walk)
{
    struct xgre_port *port;
    __u32 ifindex;

    if (index >= walk->list->ports) return 1;
    ifindex = walk->list->port[index & (XGRE_FLOOD_PORTS - 1)];
    if (ifindex == walk->ingress) return 0;
    port = find_live_port(ifindex);
    if (!wants_copy(walk, port)) return 0;
    walk->any_target = true;
    if (check_mtu(walk->skb, ifindex, walk->skb->len, walk->tagged)) {
        count_copy(program_of(walk), XGRE_TOO_LARGE);
    } else if (bpf_clone_redirect(walk->skb, ifindex, 0)) {
        count_copy(program_of(walk), XGRE_COPY_FAILED);
    } else {
        count_copy(program_of(walk), XGRE_FLOODED);
        count_port_tx(port->slot, walk->weight);
    }
    return 0;
}

/*
 * The frame, which has outer headers, gets room for longer ones. They are written anew; nothing of
 * the inner frame moves.
 */
STEP int lengthen_outer(struct __sk_buff *skb, struct wrap *wrap, __u32 outer_len)
{
    __u32 more;

    if (!wrap || outer_len < wrap->outer_len) return XGRE_REWRITE_FAILED;
    more = outer_len - wrap->outer_len;
    if (bpf_skb_change_head(skb, more, 0)) return XGRE_REWRITE_FAILED;
    wrap->outer_len = outer_len;
    wrap->ip_len += more;
    return XGRE_GO;
}

static __always_inline enum xgre_verdict send_copy(struct flood_walk *walk, struct xgre_peer *peer,
                                                   __u32 id)
{
    struct next_hop hop = {};
    enum xgre_verdict verdict;
    long err;

    if (peer->outer_len != walk->wrap->outer_len) {
        verdict = lengthen_outer(walk->skb, walk->wrap, peer->outer_len);
        if (verdict) return verdict;
    }
    verdict = next_hop(walk->skb, walk->uplink, peer, id, walk->wrap->ip_len, &hop);
    if (verdict) return verdict;
    verdict = address_outer(walk->skb, peer, walk->wrap, &hop);
    if (verdict) return verdict;
    if (hop.resolved) {
        err = bpf_clone_redirect(walk->skb, walk->uplink->ifindex, 0);
    } else {
        walk->skb->mark = XGRE_MARK_MAGIC | id;
        err = bpf_clone_redirect(walk->skb, walk->ingress, BPF_F_INGRESS);
        walk->skb->mark = 0;
        note_asked(peer);
        note(XGRE_NOTE_RESOLVE);
    }
    return err ? XGRE_COPY_FAILED : XGRE_GO;
}

/* The peer that a copy is for; NULL: none, or not one of those that are reached by detour, or not
 * by it. */
static __always_inline struct xgre_peer *peer_to_copy_to(const struct flood_walk *walk, __u32 id,
                                                         bool by_detour)
{
    struct xgre_peer *peer = find_peer(id);

    if (!peer || peer->network != walk->network) return NULL;
    return by_detour == (walk->whole || peer->flags & XGRE_PEER_DETOUR) ? peer : NULL;
}

/* detour_tc counts it. */
static long copy_by_detour(__u32 index, struct flood_walk *walk)
{
    struct xgre_port *port = find_live_port(walk->ingress);
    int verdict;
    __u32 id;

    if (!port || index >= walk->list->peers) return 1;
    id = walk->list->peer[index & (XGRE_FLOOD_PEERS - 1)];
    if (!peer_to_copy_to(walk, id, true)) return 0;
    walk->any_target = true;
    verdict =
        take_detour(walk->skb, detour_of_port(port->slot) | detour_for_copy(id), XGRE_NO_DETOUR);
    if (verdict == XGRE_HANDOVER && !bpf_clone_redirect(walk->skb, walk->uplink->detour, 0))
        verdict = XGRE_GO;
    if (verdict)
        count_copy(program_of(walk), verdict == XGRE_HANDOVER ? XGRE_COPY_FAILED : verdict);
    walk->skb->mark = 0;
    return 0;
}

static long copy_to_peer(__u32 index, struct flood_walk *walk)
{
    enum xgre_verdict verdict;
    struct xgre_peer *peer;
    __u32 id;

    if (index >= walk->list->peers) return 1;
    id = walk->list->peer[index & (XGRE_FLOOD_PEERS - 1)];
    peer = peer_to_copy_to(walk, id, false);
    if (!peer) return 0;
    walk->any_target = true;
    verdict = send_copy(walk, peer, id);
    if (verdict) {
        count_copy(program_of(walk), verdict);
    } else {
        count_copy(program_of(walk), XGRE_FLOODED);
        count_peer_tx(id, walk->weight);
    }
    return 0;
}

static __always_inline void flood_ports(struct flood_walk *walk)
{
    bpf_loop(XGRE_FLOOD_PORTS, copy_to_port, walk, 0);
}

static __always_inline const struct xgre_flood *find_flood(__u32 network)
{
    return bpf_map_lookup_elem(&flood, &network);
}

struct room_walk {
    struct __sk_buff *skb;
    const struct xgre_uplink *uplink;
    const struct xgre_flood *list;
    __u32 room;
};

static long least_room(__u32 index, struct room_walk *walk)
{
    struct xgre_peer *peer;
    __u32 id, room;

    if (index >= walk->list->peers) return 1;
    id = walk->list->peer[index & (XGRE_FLOOD_PEERS - 1)];
    peer = find_peer(id);
    if (!peer) return 0;
    room = tunnel_room(walk->skb, walk->uplink, peer, id);
    if (room && room < walk->room) walk->room = room;
    return 0;
}

/* Bytes of the largest frame that all peers of a network can be sent. */
STEP __u32 room_to_peers(struct __sk_buff *skb, const struct xgre_uplink *uplink, __u32 network)
{
    struct room_walk walk = {.skb = skb, .uplink = uplink, .list = find_flood(network), .room = ~0};

    if (!uplink || !walk.list) return 0;
    bpf_loop(XGRE_FLOOD_PEERS, least_room, &walk, 0);
    return walk.room;
}

/*
 * Is it too large for some peer? Then it goes by detour to all of them. Of large segments only
 * TCP's can be made smaller on the way.
 */
static __always_inline bool is_large_flood(struct __sk_buff *skb, const struct flood_walk *walk,
                                           __u32 header_len)
{
    if (skb->gso_size) return !header_len;
    if (skb->len < XGRE_SMALL) return false;
    return whole_len(skb) > room_to_peers(skb, walk->uplink, walk->network);
}

/* To the peers that take complete frames only. Before the frame is changed. */
static __always_inline void flood_by_detour(struct flood_walk *walk, __u32 header_len)
{
    if (!walk->list->peers || !walk->uplink) return;
    walk->whole = is_large_flood(walk->skb, walk, header_len) && has_detour();
    if (!walk->whole && !(walk->list->peer_flags & XGRE_PEER_DETOUR)) return;
    bpf_loop(XGRE_FLOOD_PEERS, copy_by_detour, walk, 0);
}

/*
 * Encapsulates the frame itself: nothing else can be sent from it afterwards. The list has the
 * peers with the shortest outer headers first; longer ones go in front of the same inner frame.
 */
static __always_inline void flood_peers(struct flood_walk *walk, struct wrap *wrap,
                                        const struct ethernet *eth, __u32 header_len)
{
    enum xgre_verdict verdict;

    if (walk->whole || !walk->list->outer_len) return;
    verdict = plan_wrap(walk->skb, walk->uplink, 0, walk->list->outer_len, walk->list->peer_flags,
                        eth, header_len, wrap);
    if (!verdict) verdict = make_room(walk->skb, wrap);
    if (verdict) {
        walk->any_target = true;
        count_copy(program_of(walk), verdict);
        return;
    }
    walk->wrap = wrap;
    bpf_loop(XGRE_FLOOD_PEERS, copy_to_peer, walk, 0);
}

/* The marked copy that came back to its port: send it, resolving the next hop. */
static __always_inline bool is_marked_copy(const struct __sk_buff *skb)
{
    return (skb->mark & XGRE_MARK_MASK) == XGRE_MARK_MAGIC;
}

#endif
