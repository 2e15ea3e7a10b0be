// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a VM, fast path: known unicast to a peer or to another port. Only on ports whose frames
 * cannot carry offloads: XDP cannot see that a checksum is not filled in.
 */
#include "hook_xdp.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct departure {
    struct ethernet eth;
    struct origin from;
    const struct xgre_flow *flow;
    __u32 len;
    bool fragments; /* the frame is not in one buffer */
};

/* Asks the tables, and writes their answer into `flow`. */
static __always_inline enum xgre_verdict resolve(struct xdp_md *ctx,
                                                 const struct xgre_uplink *uplink,
                                                 const struct flow_key *key, struct departure *d,
                                                 struct xgre_flow *flow)
{
    struct next_hop hop, *to_hop = NULL;
    enum xgre_verdict verdict;
    struct target to;

    verdict = enter_port(ctx->ingress_ifindex, &d->from);
    if (verdict) return verdict;
    /* Guards are TC's work, and it has to see each frame: nothing is kept here. */
    if (d->from.port->flags & XGRE_PORT_GUARDS) return XGRE_PUNT;
    verdict = from_port(&d->eth, &d->from, &to);
    if (verdict == XGRE_FLOODED) return XGRE_PUNT;
    if (verdict == XGRE_TO_PORT) {
        verdict =
            leave_too_large(check_mtu(ctx, to.id, d->len, d->eth.len > sizeof(struct ethhdr)));
    } else if (verdict == XGRE_TO_PEER) {
        if (!to.peer || !to.flags) return XGRE_PUNT; /* TC knows why, or how */
        verdict = next_hop(ctx, uplink, to.peer, to.id, d->len + to.peer->outer_len, &hop);
        if (!verdict && !hop.resolved) return XGRE_PUNT;
        to_hop = &hop;
    }
    if (verdict) return verdict;
    keep_flow(flow, key, NULL, &d->from, &to, to_hop, d->len);
    return XGRE_GO;
}

static __always_inline enum xgre_verdict send_to_port(const struct xgre_flow *flow)
{
    return aim_at(flow->target) ? XGRE_TO_PORT : XGRE_PUNT;
}

static __always_inline enum xgre_verdict send_to_peer(struct xdp_md *ctx,
                                                      const struct xgre_uplink *uplink,
                                                      const struct xgre_flow *flow, __u8 ds)
{
    struct xgre_peer *peer = find_peer(flow->target);
    enum xgre_verdict verdict;

    if (!peer || !(uplink->flags & XGRE_UPLINK_XDP_XMIT) || !aim_at(uplink->ifindex))
        return XGRE_PUNT;
    verdict = push_outer(ctx, peer, &flow->hop, ds);
    return verdict ? verdict : XGRE_TO_PEER;
}

/*
 * TOS or traffic class of what goes to a peer, as inner_ds says; false: it may be TCP's SYN. One
 * look at the end of the packet is for both.
 */
static __always_inline bool look_inside(struct cursor c, __be16 type, __u8 *ds)
{
    struct iphdr *ip; /* which is no longer than that of IPv6 */
    struct cursor at;
    __u16 first;

    if (is_vlan(type)) type = skip_tags(&c, type);
    *ds = 0;
    if (!is_ip(type)) return true;
    at = c;
    ip = take(&at, sizeof(*ip));
    if (!ip) {
        *ds = inner_ds(c, type);
        return true;
    }
    first = bpf_ntohs(*(word16 *)ip);
    if (type == bpf_htons(ETH_P_IP)) {
        *ds = ipv4_ds_in(first);
        return ip->protocol != IPPROTO_TCP;
    }
    *ds = ipv6_ds_in(first);
    return ((struct ipv6hdr *)ip)->nexthdr != IPPROTO_TCP;
}

static __always_inline enum xgre_verdict handle(struct xdp_md *ctx,
                                                const struct xgre_uplink *uplink,
                                                struct departure *d)
{
    struct cursor c = frame_cursor(ctx);
    enum xgre_verdict verdict = parse_ethernet(&c, &d->eth);
    struct xgre_flow *flow;
    struct flow_key key;
    bool known;
    __u8 ds;

    /* TC can reach headers that are in a fragment. */
    if (verdict) return d->fragments ? XGRE_PUNT : verdict;
    /* A flood copy on its way to be resolved has no addresses; its mark is for TC to see. */
    if (is_zero(d->eth.src) || has_odd_tags(c, &d->eth)) return XGRE_PUNT;
    d->from.at = this_moment();
    key = port_flow(ctx->ingress_ifindex, &d->eth, d->eth.len > sizeof(struct ethhdr));
    flow = find_flow(&key, NULL, &d->from.at, &known);
    if (!flow) return XGRE_PUNT;
    if (!known || d->len > flow->max_len) {
        verdict = resolve(ctx, uplink, &key, d, flow);
        if (verdict) return d->fragments ? XGRE_PUNT : verdict;
    }
    /* Not every device, and no device of Linux 6.1, may be sent fragments: they are TC's work. */
    if (d->fragments) keep_behind(flow);
    if (!(flow->flags & XGRE_PORT_XDP_XMIT)) return XGRE_PUNT;
    d->flow = flow;
    if (flow->verdict == XGRE_TO_PORT) return send_to_port(flow);
    /* TC looks at its MSS. */
    if (!look_inside(c, d->eth.type, &ds) && has_syn_step(ctx, d->eth.len, d->eth.type))
        return XGRE_PUNT;
    return send_to_peer(ctx, uplink, flow, ds);
}

static __always_inline void watch_departure(struct xdp_md *ctx, const struct departure *d,
                                            enum xgre_verdict verdict)
{
    __u32 target = d->flow ? d->flow->target : 0;

    watch_end_xdp(ctx, WATCHED(XGRE_PROGRAM_PORT_XDP, verdict),
                  d->flow ? d->flow->network : d->from.network_id,
                  verdict == XGRE_TO_PEER ? target : 0, target);
}

SEC("xdp.frags")
int port_xdp(struct xdp_md *ctx)
{
    struct departure d = {.len = frame_len(ctx)};
    struct weight weight = {.packets = 1, .bytes = d.len};
    struct xgre_uplink *uplink = find_uplink();
    enum xgre_verdict verdict;

    if (!uplink) return XDP_PASS;
    d.fragments = d.len != buffer_len(ctx);
    in_memory(&d);
    if (is_watched(uplink)) watch_begin_xdp(ctx, XGRE_PROGRAM_PORT_XDP);
    verdict = handle(ctx, uplink, &d);
    if (is_watched(uplink)) watch_departure(ctx, &d, verdict);
    if (verdict == XGRE_PUNT) return XDP_PASS;
    count_verdict(XGRE_PROGRAM_PORT_XDP, verdict, &weight);
    note_refusal(d.from.refusal);
    if (d.flow)
        count_port_rx(d.flow->source, &weight);
    else if (d.from.port)
        count_port_rx(d.from.port->slot, &weight);
    if (!d.flow) return XDP_DROP;
    if (verdict == XGRE_TO_PORT)
        count_port_tx(d.flow->target_slot, &weight);
    else if (verdict == XGRE_TO_PEER)
        count_peer_tx(d.flow->target, &weight);
    else
        return XDP_DROP;
    return XDP_REDIRECT;
}
