// SPDX-License-Identifier: GPL-2.0-only
/* From the wire, complete: what XDP did not take, and the delivery of what it handed over. */
#include "flood.h"
#include "lease.h"
#include "mss.h"
#include "probe.h"
#include "reassemble.h"
#include "router.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct arrival {
    struct outer outer;
    struct ethernet eth;
    struct origin from;
    struct flow_rest rest;
    struct weight weight;
    __u32 peer;        /* 0: from none that we know */
    __u32 target;      /* ifindex of a port, with TO_PORT */
    __u32 target_slot; /* of that port */
    __u32 target_flags;
};

/* GRO is done with it. The port is checked again: it may have gone meanwhile. */
static __always_inline int deliver_handover(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                            const struct xgre_metadata *meta)
{
    struct weight weight = frame_weight(skb, skb->len, meta->header_len);
    struct xgre_port *port = find_live_port(meta->port);
    enum xgre_verdict verdict =
        port && port->network == meta->network ? XGRE_TO_PORT : XGRE_PORT_GONE;

    if (is_watched(uplink)) {
        watch_begin_tc(skb, XGRE_PROGRAM_UPLINK_TC);
        watch_end_tc(skb, WATCHED(XGRE_PROGRAM_UPLINK_TC, verdict), meta->network, meta->peer,
                     meta->port);
    }
    count_peer_rx(meta->peer, &weight);
    count_verdict(XGRE_PROGRAM_UPLINK_TC, verdict, &weight);
    if (verdict != XGRE_TO_PORT || !port) return TC_ACT_SHOT;
    count_port_tx(port->slot, &weight);
    if (port->flags & XGRE_PORT_LEASE_BOUND) note_lease(skb, meta->network);
    return deliver_to(skb, meta->port, meta->port_flags);
}

static __always_inline bool is_tagged(const struct arrival *a)
{
    return a->eth.len > sizeof(struct ethhdr);
}

static __always_inline enum xgre_verdict check_fit(struct __sk_buff *skb, const struct arrival *a)
{
    /* What leaves is the inner frame: neither the outer headers nor the padding. */
    return skb->gso_size ? XGRE_GO : check_mtu(skb, a->target, a->outer.inner_len, is_tagged(a));
}

/* The frame inside, as it is delivered: what a SYN says limits what is sent to the peer. */
static __always_inline int uncover(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                   const struct arrival *a)
{
    int verdict = strip_outer(skb, &a->outer);

    return verdict || !a->eth.syn ? verdict : clamp_for_peer(skb, uplink, a->peer);
}

static __always_inline enum xgre_verdict flood_arrival(struct __sk_buff *skb,
                                                       const struct xgre_uplink *uplink,
                                                       struct arrival *a)
{
    struct flood_walk walk = {
        .skb = skb,
        .list = find_flood(a->from.network_id),
        .weight = &a->weight,
        .network = a->from.network_id,
        .unknown = !is_group(a->eth.dst),
        .tagged = is_tagged(a),
    };
    enum xgre_verdict verdict;

    if (is_for_prober(&a->eth)) {
        verdict = take_probe(skb, &a->outer, a->peer);
        if (verdict) return verdict;
    }
    verdict = take_ecn(skb, &a->outer, &a->eth);
    if (verdict) return verdict;
    learn(&a->from, &a->eth);
    if (!walk.list) return XGRE_NO_TARGET;
    verdict = uncover(skb, uplink, a);
    if (verdict) return verdict;
    if (a->eth.type == bpf_htons(ETH_P_IP)) note_lease(skb, walk.network);
    flood_ports(&walk);
    return walk.any_target ? XGRE_FLOODED : XGRE_NO_TARGET;
}

/* Asks the tables, and writes their answer into `flow`. GO: deliver to the target. */
static __always_inline enum xgre_verdict look_up(struct __sk_buff *skb,
                                                 const struct xgre_uplink *uplink, __u64 tunnel,
                                                 bool checked, const struct flow_key *key,
                                                 struct arrival *a, struct xgre_flow *flow)
{
    bool keep = can_have_flow(skb) && !checked;
    enum xgre_verdict verdict;
    struct target to;

    verdict = from_peer(tunnel, &a->eth, &a->from, &to);
    if (verdict == XGRE_FLOODED) return flood_arrival(skb, uplink, a);
    if (verdict != XGRE_TO_PORT) return verdict;
    a->target = to.id;
    a->target_slot = to.port ? to.port->slot : 0;
    a->target_flags = to.flags;
    verdict = check_fit(skb, a);
    if (verdict) return verdict;
    verdict = take_ecn(skb, &a->outer, &a->eth);
    if (verdict) return verdict;
    learn(&a->from, &a->eth);
    if (keep) keep_flow(flow, key, &a->rest, &a->from, &to, NULL, a->outer.inner_len);
    return XGRE_GO;
}

static __always_inline bool follow_flow(const struct __sk_buff *skb, const struct xgre_flow *flow,
                                        struct arrival *a)
{
    if (!can_have_flow(skb) || a->outer.inner_len > flow->max_len || !has_device(flow) ||
        has_ecn_news(&a->outer))
        return false;
    a->peer = flow->source;
    a->from.network_id = flow->network;
    a->target = flow->target;
    a->target_slot = flow->target_slot;
    a->target_flags = flow->flags;
    return true;
}

static __always_inline int handle(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                  struct arrival *a)
{
    int verdict = parse_outer_step(skb, uplink, &a->outer), inner;
    __u64 tunnel;
    struct xgre_flow *flow;
    struct flow_key key;
    __u32 header_len = 0;
    __u32 peer_flags;
    bool known, checked;

    if (verdict == XGRE_FRAGMENT) verdict = reassemble(skb, uplink, &a->outer, &a->peer);
    if (a->outer.inner_len) a->weight.bytes = a->outer.inner_len;
    if (verdict) return verdict;
    a->from.at = this_moment();
    inner = parse_frame_step(skb, a->outer.len, &a->eth, &header_len);
    key = peer_flow(&a->outer, &a->eth, is_tagged(a), &a->rest);
    flow = find_flow(&key, &a->rest, &a->from.at, &known);
    if (!flow) return XGRE_NO_NETWORK;
    if (!inner && known && !a->outer.checksummed && follow_flow(skb, flow, a)) {
        verdict = uncover(skb, uplink, a);
        return verdict ? verdict : XGRE_TO_PORT;
    }
    tunnel = find_tunnel(&a->outer, uplink->local);
    if (!tunnel) return XGRE_UNKNOWN_PEER;
    a->peer = tunnel;
    if (inner) return inner;
    a->weight = frame_weight(skb, a->outer.inner_len, header_len);
    verdict = check_gre_sum(skb, &a->outer);
    if (verdict) return verdict;
    peer_flags = flags_of_peer(tunnel);
    if (peer_flags & XGRE_PEER_RP_FILTER) {
        verdict = check_route_at_tc(skb, uplink, a->peer);
        if (verdict) return verdict;
    }
    checked = peer_flags & XGRE_PEER_CHECKED;
    if (checked) { /* last: it remembers the packet's number */
        verdict = check_peer(&a->outer, a->peer);
        if (verdict) return verdict;
    }
    verdict = look_up(skb, uplink, tunnel, checked, &key, a, flow);
    if (verdict) return verdict;
    verdict = uncover(skb, uplink, a);
    return verdict ? verdict : XGRE_TO_PORT;
}

/* What is too large for its port: detour_tc cuts it, or tells its sender. */
STEP int cut_or_tell(struct __sk_buff *skb, const struct outer *outer, const struct ethernet *eth,
                     __u32 peer, __u32 otherwise)
{
    int verdict;

    if (!has_detour()) return otherwise;
    verdict = take_ecn(skb, outer, eth);
    if (!verdict) verdict = strip_outer(skb, outer);
    return verdict ? verdict : take_detour(skb, detour_of_peer(peer), XGRE_TOO_LARGE);
}

SEC("tc")
int uplink_tc(struct __sk_buff *skb)
{
    struct arrival a = {.weight = {.packets = 1, .bytes = skb->len}};
    struct xgre_uplink *uplink = find_uplink();
    struct xgre_metadata meta;
    int verdict;

    if (!uplink) return TC_ACT_UNSPEC;
    if (take_handover(skb, uplink, &meta)) return deliver_handover(skb, uplink, &meta);
    /* In promiscuous mode an uplink sees frames for others; a tag makes it another network's. */
    if (skb->pkt_type != PACKET_HOST || skb->vlan_present) return TC_ACT_UNSPEC;
    if (is_watched(uplink)) watch_begin_tc(skb, XGRE_PROGRAM_UPLINK_TC);
    verdict = handle(skb, uplink, &a);
    if (is_for_detour(verdict)) verdict = cut_or_tell(skb, &a.outer, &a.eth, a.peer, verdict);
    if (is_watched(uplink))
        watch_end_tc(skb, WATCHED(XGRE_PROGRAM_UPLINK_TC, verdict), a.from.network_id, a.peer,
                     a.target);
    if (verdict == XGRE_PASS) {
        hear_router(skb, uplink);
        return TC_ACT_UNSPEC;
    }
    if (verdict == XGRE_PUNT) return TC_ACT_SHOT; /* held, as a copy */
    note_refusal(a.from.refusal);
    if (verdict == XGRE_HANDOVER) return leave_by_detour(uplink);
    count_verdict(XGRE_PROGRAM_UPLINK_TC, verdict, &a.weight);
    if (a.peer) count_peer_rx(a.peer, &a.weight);
    /* Flooded, too: tcx has no "stolen", and hands a frame with that verdict to the host. */
    if (verdict != XGRE_TO_PORT) return TC_ACT_SHOT;
    count_port_tx(a.target_slot, &a.weight);
    if (a.target_flags & TARGET_BOUND) note_lease(skb, a.from.network_id);
    return deliver_to(skb, a.target, a.target_flags);
}
