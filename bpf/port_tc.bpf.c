// SPDX-License-Identifier: GPL-2.0-only
/* From a VM, complete: learn, look up, encapsulate, flood. */
#include "flood.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct departure {
    struct ethernet eth;
    struct origin from;
    struct target to;
    struct weight weight;
    struct next_hop hop;
    __u32 header_len; /* of TCP, as tcp_header_len says */
    __u32 tagged;     /* the first VLAN tag is in the bytes */
};

static __always_inline enum xgre_verdict parse(struct __sk_buff *skb, struct departure *d)
{
    int verdict = parse_frame_step(skb, 0, &d->eth, &d->header_len);

    if (verdict) return verdict;
    /* Of several tags only the first is free, and that may be outside the bytes. */
    d->tagged = d->eth.len > sizeof(struct ethhdr) && !skb->vlan_present;
    d->weight = frame_weight(skb, skb->len, d->header_len);
    /* The outermost tag is the one that the kernel holds outside the bytes. */
    if (skb->vlan_present) d->eth.vlan = skb->vlan_tci & VLAN_VID_MASK;
    return XGRE_GO;
}

static __always_inline enum xgre_verdict send_to_peer(struct __sk_buff *skb,
                                                      const struct xgre_uplink *uplink,
                                                      struct departure *d)
{
    struct xgre_peer *peer = d->to.peer;
    struct wrap wrap = {};
    enum xgre_verdict verdict;

    if (!peer) return XGRE_PEER_GONE;
    verdict = plan_wrap(skb, uplink, peer->outer_len == OUTER_KEYED, d->header_len, &wrap);
    if (verdict) return verdict;
    verdict = find_next_hop(skb, uplink, peer, wrap.ip_len, &d->hop);
    if (verdict) return verdict;
    verdict = make_room(skb, &wrap);
    if (verdict) return verdict;
    verdict = address_outer(skb, peer, &wrap, &d->hop);
    if (!d->hop.resolved) note_asked(peer);
    return verdict ? verdict : XGRE_TO_PEER;
}

static __always_inline enum xgre_verdict send_to_port(struct __sk_buff *skb, struct departure *d)
{
    if (!skb->gso_size && check_mtu(skb, d->to.id, 0, d->tagged)) return XGRE_TOO_LARGE;
    return XGRE_TO_PORT;
}

static __always_inline enum xgre_verdict flood_departure(struct __sk_buff *skb,
                                                         const struct xgre_uplink *uplink,
                                                         struct departure *d)
{
    struct flood_walk walk = {
        .skb = skb,
        .list = find_flood(d->from.network_id),
        .uplink = uplink,
        .weight = d->weight,
        .program = XGRE_PROGRAM_PORT_TC,
        .ingress = skb->ifindex,
        .ingress_flags = d->from.port ? d->from.port->flags : 0,
        .network = d->from.network_id,
        .unknown = !is_group(d->eth.dst),
        .tagged = d->tagged,
    };
    struct wrap wrap = {};

    if (!walk.list || !d->from.network) return XGRE_NO_TARGET;
    flood_ports(&walk);
    flood_peers(&walk, &wrap, d->from.network->flags & XGRE_NETWORK_KEYED, d->header_len);
    return walk.any_target ? XGRE_FLOODED : XGRE_NO_TARGET;
}

static __always_inline enum xgre_verdict handle(struct __sk_buff *skb,
                                                const struct xgre_uplink *uplink,
                                                struct departure *d)
{
    enum xgre_verdict verdict = parse(skb, d);

    begin(&d->from);
    if (verdict) return verdict;
    if (!uplink) return XGRE_NO_UPLINK;
    verdict = from_port(skb->ifindex, &d->eth, &d->from, &d->to);
    if (verdict == XGRE_TO_PORT) return send_to_port(skb, d);
    if (verdict == XGRE_TO_PEER) return send_to_peer(skb, uplink, d);
    return verdict == XGRE_FLOODED ? flood_departure(skb, uplink, d) : verdict;
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
    verdict = handle(skb, uplink, &d);
    count_verdict(XGRE_PROGRAM_PORT_TC, verdict, &d.weight);
    note_refusal(d.from.refusal);
    if (d.from.port) count_port_rx(d.from.port->slot, &d.weight);
    if (verdict == XGRE_TO_PORT && d.to.port) {
        count_port_tx(d.to.port->slot, &d.weight);
        return bpf_redirect(d.to.id, 0);
    }
    if (verdict == XGRE_TO_PEER && uplink) {
        count_peer_tx(d.to.id, &d.weight);
        return d.hop.resolved ? bpf_redirect(uplink->ifindex, 0)
                              : bpf_redirect_neigh(uplink->ifindex, NULL, 0, 0);
    }
    /* Flooded, too: tcx has no "stolen", and hands a frame with that verdict to the host. */
    return TC_ACT_SHOT;
}
