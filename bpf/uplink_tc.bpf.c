// SPDX-License-Identifier: GPL-2.0-only
/* From the wire, complete: what XDP did not take, and the delivery of what it handed over. */
#include "flood.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct arrival {
    struct outer outer;
    struct ethernet eth;
    struct origin from;
    struct target to;
    struct weight weight;
    __u32 peer;
};

/* GRO is done with it. The port is checked again: it may have gone meanwhile. */
static __always_inline int deliver_handover(struct __sk_buff *skb, const struct xgre_metadata *meta)
{
    struct weight weight = frame_weight(skb, skb->len, meta->header_len);
    struct xgre_port *port = find_live_port(meta->port);

    count_peer_rx(meta->peer, &weight);
    if (!port || port->network != meta->network) {
        count_verdict(XGRE_PROGRAM_UPLINK_TC, XGRE_PORT_GONE, &weight);
        return TC_ACT_SHOT;
    }
    count_verdict(XGRE_PROGRAM_UPLINK_TC, XGRE_TO_PORT, &weight);
    count_port_tx(port->slot, &weight);
    return bpf_redirect(meta->port, 0);
}

static __always_inline enum xgre_verdict deliver(struct __sk_buff *skb, struct arrival *a)
{
    bool tagged = a->eth.len > sizeof(struct ethhdr);
    /* What leaves is the inner frame: neither the outer headers nor the padding. */
    __s32 len_diff = (__s32)a->outer.inner_len - (__s32)skb->len;

    if (!skb->gso_size && check_mtu(skb, a->to.id, len_diff, tagged)) return XGRE_TOO_LARGE;
    learn(&a->from, &a->eth);
    return strip_outer(skb, &a->outer);
}

static __always_inline enum xgre_verdict flood_arrival(struct __sk_buff *skb, struct arrival *a)
{
    struct flood_walk walk = {
        .skb = skb,
        .list = find_flood(a->from.network_id),
        .weight = a->weight,
        .program = XGRE_PROGRAM_UPLINK_TC,
        .network = a->from.network_id,
        .unknown = !is_group(a->eth.dst),
        .tagged = a->eth.len > sizeof(struct ethhdr),
    };
    enum xgre_verdict verdict;

    learn(&a->from, &a->eth);
    if (!walk.list) return XGRE_NO_TARGET;
    verdict = strip_outer(skb, &a->outer);
    if (verdict) return verdict;
    flood_ports(&walk);
    return walk.any_target ? XGRE_FLOODED : XGRE_NO_TARGET;
}

static __always_inline int handle(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                  struct arrival *a)
{
    int verdict = parse_outer_step(skb, uplink->local, &a->outer);
    struct xgre_tunnel *tunnel;
    __u32 header_len = 0;

    begin(&a->from);
    if (a->outer.inner_len) a->weight.bytes = a->outer.inner_len;
    if (verdict) return verdict;
    tunnel = find_tunnel(&a->outer, uplink->local);
    if (!tunnel) return XGRE_UNKNOWN_PEER;
    a->peer = tunnel->peer;
    verdict = parse_frame_step(skb, a->outer.len, &a->eth, &header_len);
    if (verdict) return verdict;
    a->weight = frame_weight(skb, a->outer.inner_len, header_len);
    verdict = check_gre_sum(skb, &a->outer);
    if (verdict) return verdict;
    verdict = from_peer(tunnel, &a->eth, &a->from, &a->to);
    if (verdict == XGRE_TO_PORT) {
        verdict = deliver(skb, a);
        return verdict ? verdict : XGRE_TO_PORT;
    }
    return verdict == XGRE_FLOODED ? flood_arrival(skb, a) : verdict;
}

SEC("tc")
int uplink_tc(struct __sk_buff *skb)
{
    struct arrival a = {.weight = {.packets = 1, .bytes = skb->len}};
    struct xgre_uplink *uplink = find_uplink();
    struct xgre_metadata meta;
    int verdict;

    if (!uplink) return TC_ACT_UNSPEC;
    if (take_handover(skb, uplink, &meta)) return deliver_handover(skb, &meta);
    /* In promiscuous mode an uplink sees frames for others; a tag makes it another network's. */
    if (skb->pkt_type != PACKET_HOST || skb->vlan_present) return TC_ACT_UNSPEC;
    verdict = handle(skb, uplink, &a);
    if (verdict == XGRE_PASS) return TC_ACT_UNSPEC;
    count_verdict(XGRE_PROGRAM_UPLINK_TC, verdict, &a.weight);
    note_refusal(a.from.refusal);
    if (a.peer) count_peer_rx(a.peer, &a.weight);
    /* Flooded, too: tcx has no "stolen", and hands a frame with that verdict to the host. */
    if (verdict != XGRE_TO_PORT || !a.to.port) return TC_ACT_SHOT;
    count_port_tx(a.to.port->slot, &a.weight);
    return bpf_redirect(a.to.id, 0);
}
