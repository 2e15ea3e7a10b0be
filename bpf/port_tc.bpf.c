// SPDX-License-Identifier: GPL-2.0-only
/* From a VM, complete: learn, look up, encapsulate, flood. */
#include "flood.h"
#include "guard.h"
#include "mss.h"
#include "probe.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct departure {
    struct ethernet eth;
    struct origin from;
    struct weight weight;
    __u32 header_len;  /* of TCP, as tcp_header_len says */
    __u32 target;      /* ifindex or peer id, with TO_PORT or TO_PEER */
    __u16 target_slot; /* of a port */
    __u16 slot;        /* of the port that it came from */
    __u8 target_flags;
    bool has_slot;
    bool tagged;   /* the first VLAN tag is in the bytes */
    bool resolved; /* the next hop of a peer is known, and in the frame */
};

static __always_inline enum xgre_verdict parse(struct __sk_buff *skb, struct departure *d)
{
    int verdict = parse_frame_step(skb, 0, &d->eth, &d->header_len);

    if (verdict) {
        d->weight.bytes += skb->vlan_present ? 4 : 0;
        return verdict;
    }
    /* Of several tags only the first is free, and that may be outside the bytes. */
    d->tagged = d->eth.len > sizeof(struct ethhdr) && !skb->vlan_present;
    d->weight = frame_weight(skb, skb->len, d->header_len);
    /* The outermost tag is the one that the kernel holds outside the bytes. */
    if (skb->vlan_present) d->eth.vlan = skb->vlan_tci & VLAN_VID_MASK;
    return XGRE_GO;
}

/* ---- As the last frame of its flow -------------------------------------------------------- */

static __always_inline enum xgre_verdict follow_flow(struct __sk_buff *skb,
                                                     const struct xgre_flow *flow,
                                                     struct departure *d)
{
    struct xgre_peer *peer;
    int verdict;

    d->slot = flow->source;
    d->has_slot = true;
    if (flow->flags & FLOW_GUARDED) {
        verdict = guard_frame(skb);
        if (verdict) return verdict;
    }
    d->from.network_id = flow->network;
    d->target = flow->target;
    d->target_slot = flow->target_slot;
    d->target_flags = flow->flags;
    d->resolved = true;
    if (flow->verdict == XGRE_TO_PORT) return XGRE_TO_PORT;
    peer = find_peer(flow->target);
    if (!peer) return XGRE_PEER_GONE;
    verdict = wrap_plain(skb, peer, &flow->hop, &d->eth);
    return verdict ? verdict : XGRE_TO_PEER;
}

/* ---- By the tables ------------------------------------------------------------------------ */

static __always_inline enum xgre_verdict send_to_peer(struct __sk_buff *skb,
                                                      const struct xgre_uplink *uplink,
                                                      struct xgre_peer *peer, struct next_hop *hop,
                                                      struct departure *d)
{
    struct wrap wrap = {};
    enum xgre_verdict verdict;

    if (!peer) return XGRE_PEER_GONE;
    if (d->eth.syn) {
        verdict = clamp_for_peer(skb, uplink, d->target);
        if (verdict) return verdict;
    }
    if (peer->flags & XGRE_PEER_DETOUR) return XGRE_NO_DETOUR;
    verdict = plan_wrap(skb, uplink, d->target, peer->outer_len, peer->flags, &d->eth,
                        d->header_len, &wrap);
    if (!verdict) verdict = next_hop(skb, uplink, peer, d->target, wrap.ip_len, hop);
    if (!verdict) verdict = make_room(skb, &wrap);
    if (is_for_detour(verdict) && put_tags(skb, &wrap.tags)) return XGRE_REWRITE_FAILED;
    if (verdict) return verdict;
    verdict = address_outer(skb, peer, &wrap, hop);
    if (!hop->resolved) note_asked(peer);
    d->resolved = hop->resolved;
    return verdict ? verdict : XGRE_TO_PEER;
}

static __always_inline enum xgre_verdict send_to_port(struct __sk_buff *skb, struct departure *d,
                                                      const struct target *to)
{
    if (!skb->gso_size && check_mtu(skb, to->id, skb->len, d->tagged)) return XGRE_TOO_LARGE;
    d->target_slot = to->port ? to->port->slot : 0;
    d->target_flags = to->flags;
    return XGRE_TO_PORT;
}

static __always_inline int check_flood_limit(const struct departure *d, bool is_unknown)
{
    const struct xgre_port *port = d->from.port;
    __u32 limit;

    if (!port) return XGRE_GO;
    limit = is_unknown ? port->unknown_limit : port->broadcast_limit;
    if (!limit) return XGRE_GO;
    return pay_for_flood(port->slot, is_unknown, limit, d->weight.packets, d->from.now);
}

static __always_inline enum xgre_verdict flood_departure(struct __sk_buff *skb,
                                                         const struct xgre_uplink *uplink,
                                                         struct departure *d)
{
    struct flood_walk walk = {
        .skb = skb,
        .list = find_flood(d->from.network_id),
        .uplink = uplink,
        .weight = &d->weight,
        .ingress = skb->ifindex,
        .ingress_flags = d->from.port ? d->from.port->flags : 0,
        .network = d->from.network_id,
        .unknown = !is_group(d->eth.dst),
        .tagged = d->tagged,
    };
    struct wrap wrap = {};
    int verdict;

    if (!walk.list) return XGRE_NO_TARGET;
    if (is_for_prober(&d->eth) && !d->tagged && refuse_probe(skb)) return XGRE_FORGED_PROBE;
    verdict = check_flood_limit(d, walk.unknown);
    if (verdict) return verdict;
    if (d->eth.type == bpf_htons(ETH_P_IP)) note_lease(skb, walk.network);
    flood_ports(&walk);
    if (d->eth.syn) {
        verdict = clamp_for_peers(skb, uplink, walk.network);
        if (verdict) return verdict;
    }
    flood_by_detour(&walk, d->header_len);
    flood_peers(&walk, &wrap, &d->eth, d->header_len);
    return walk.any_target ? XGRE_FLOODED : XGRE_NO_TARGET;
}

/* Decides for a frame that comes in by a port, and has to get past its guards first. */
static __always_inline enum xgre_verdict admit(struct __sk_buff *skb, struct departure *d,
                                               struct target *to)
{
    int verdict = enter_port(skb->ifindex, &d->from);

    if (d->from.port) d->slot = d->from.port->slot;
    d->has_slot = !!d->from.port;
    if (verdict || !d->from.port) return verdict;
    if (d->from.port->flags & XGRE_PORT_GUARDS) {
        verdict = guard_frame(skb);
        if (verdict) return verdict;
    }
    return from_port(&d->eth, &d->from, to);
}

static __always_inline enum xgre_verdict look_up(struct __sk_buff *skb,
                                                 const struct xgre_uplink *uplink,
                                                 struct xgre_flow *flow, const struct flow_key *key,
                                                 struct departure *d)
{
    bool keep = can_have_flow(skb);
    enum xgre_verdict verdict;
    __u32 len = skb->len;
    struct next_hop hop = {};
    struct target to = {};

    verdict = admit(skb, d, &to);
    d->target = to.id;
    if (verdict == XGRE_FLOODED) return flood_departure(skb, uplink, d);
    if (verdict == XGRE_TO_PEER) {
        verdict = send_to_peer(skb, uplink, to.peer, &hop, d);
        if (verdict == XGRE_TO_PEER && keep && to.flags)
            keep_flow(flow, key, NULL, &d->from, &to, &hop, len);
    } else if (verdict == XGRE_TO_PORT) {
        verdict = send_to_port(skb, d, &to);
        if (verdict == XGRE_TO_PORT && keep) keep_flow(flow, key, NULL, &d->from, &to, NULL, len);
    }
    return verdict;
}

static __always_inline enum xgre_verdict handle(struct __sk_buff *skb,
                                                const struct xgre_uplink *uplink,
                                                struct departure *d)
{
    enum xgre_verdict verdict = parse(skb, d);
    struct xgre_flow *flow;
    struct flow_key key;
    bool known;

    if (verdict) return verdict;
    if (!uplink) return XGRE_NO_UPLINK;
    d->from.at = this_moment();
    key = port_flow(skb->ifindex, &d->eth, d->tagged);
    flow = find_flow(&key, NULL, &d->from.at, &known);
    if (!flow) return XGRE_NO_NETWORK;
    if (can_have_flow(skb) && known && skb->len <= flow->max_len &&
        (flow->verdict == XGRE_TO_PORT ? has_device(flow)
                                       : is_plain_ip(skb, &d->eth) && !d->eth.syn))
        return follow_flow(skb, flow, d);
    return look_up(skb, uplink, flow, &key, d);
}

static __always_inline void watch_departure(struct __sk_buff *skb, const struct departure *d,
                                            enum xgre_verdict verdict)
{
    watch_end_tc(skb, WATCHED(XGRE_PROGRAM_PORT_TC, verdict), d->from.network_id,
                 verdict == XGRE_TO_PEER ? d->target : 0, d->target);
}

SEC("tc")
int port_tc(struct __sk_buff *skb)
{
    struct departure d = {.weight = {.packets = 1, .bytes = skb->len}};
    struct xgre_uplink *uplink = find_uplink();
    enum xgre_verdict verdict;

    if (uplink && is_marked_copy(skb)) {
        skb->mark = 0;
        return bpf_redirect_neigh(uplink->ifindex, NULL, 0, 0);
    }
    if (uplink && is_watched(uplink)) watch_begin_tc(skb, XGRE_PROGRAM_PORT_TC);
    verdict = handle(skb, uplink, &d);
    if (is_for_detour(verdict)) verdict = take_detour(skb, detour_of_port(d.slot), verdict);
    if (uplink && is_watched(uplink)) watch_departure(skb, &d, verdict);
    note_refusal(d.from.refusal);
    if (verdict == XGRE_HANDOVER) return leave_by_detour(uplink);
    count_verdict(XGRE_PROGRAM_PORT_TC, verdict, &d.weight);
    if (d.has_slot) count_port_rx(d.slot, &d.weight);
    if (verdict == XGRE_TO_PORT) {
        count_port_tx(d.target_slot, &d.weight);
        if (d.target_flags & TARGET_BOUND) note_lease(skb, d.from.network_id);
        return deliver_to(skb, d.target, d.target_flags);
    }
    if (verdict == XGRE_TO_PEER && uplink) {
        count_peer_tx(d.target, &d.weight);
        return d.resolved ? bpf_redirect(uplink->ifindex, 0)
                          : bpf_redirect_neigh(uplink->ifindex, NULL, 0, 0);
    }
    /* Flooded, too: tcx has no "stolen", and hands a frame with that verdict to the host. */
    return TC_ACT_SHOT;
}
