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
    struct target to;
    bool too_many_tags;
};

static __always_inline enum xgre_verdict send_to_port(struct xdp_md *ctx, struct departure *d)
{
    enum xgre_verdict verdict;

    if (!d->to.port || !(d->to.port->flags & XGRE_PORT_XDP_XMIT)) return XGRE_PUNT;
    verdict = check_mtu(ctx, d->to.id, 0, d->eth.len > sizeof(struct ethhdr));
    return verdict ? verdict : XGRE_TO_PORT;
}

static __always_inline enum xgre_verdict send_to_peer(struct xdp_md *ctx,
                                                      const struct xgre_uplink *uplink,
                                                      struct departure *d)
{
    enum xgre_verdict verdict;
    struct next_hop hop;

    if (!d->to.peer || !(uplink->flags & XGRE_UPLINK_XDP_XMIT)) return XGRE_PUNT;
    if (d->too_many_tags) return XGRE_PUNT; /* TC refuses it, so XDP does not send it either */
    verdict = find_next_hop(ctx, uplink, d->to.peer, frame_len(ctx) + d->to.peer->outer_len, &hop);
    if (verdict) return verdict;
    if (!hop.resolved) return XGRE_PUNT;
    verdict = push_outer(ctx, d->to.peer, &hop);
    return verdict ? verdict : XGRE_TO_PEER;
}

static __always_inline enum xgre_verdict handle(struct xdp_md *ctx,
                                                const struct xgre_uplink *uplink,
                                                struct departure *d)
{
    struct cursor c = frame_cursor(ctx);
    enum xgre_verdict verdict = parse_ethernet(&c, &d->eth);

    if (verdict) return verdict;
    /* A flood copy on its way to be resolved has no addresses; its mark is for TC to see. */
    if (is_zero(d->eth.src)) return XGRE_PUNT;
    d->too_many_tags = has_too_many_tags(c, &d->eth);
    verdict = from_port(ctx->ingress_ifindex, &d->eth, &d->from, &d->to);
    if (verdict == XGRE_TO_PORT) return send_to_port(ctx, d);
    if (verdict == XGRE_TO_PEER) return send_to_peer(ctx, uplink, d);
    return verdict == XGRE_FLOODED ? XGRE_PUNT : verdict;
}

SEC("xdp")
int port_xdp(struct xdp_md *ctx)
{
    struct departure d = {};
    struct weight weight = {.packets = 1, .bytes = frame_len(ctx)};
    struct xgre_uplink *uplink = find_uplink();
    enum xgre_verdict verdict = uplink ? handle(ctx, uplink, &d) : XGRE_PUNT;

    if (verdict == XGRE_PUNT) return XDP_PASS;
    count_verdict(XGRE_PROGRAM_PORT_XDP, verdict, &weight);
    note_refusal(d.from.refusal);
    if (d.from.port) count_port_rx(d.from.port->slot, &weight);
    if (verdict == XGRE_TO_PORT && d.to.port) {
        count_port_tx(d.to.port->slot, &weight);
        return send_to(d.to.id);
    }
    if (verdict == XGRE_TO_PEER && uplink) {
        count_peer_tx(d.to.id, &weight);
        return send_to(uplink->ifindex);
    }
    return XDP_DROP;
}
