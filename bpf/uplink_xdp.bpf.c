// SPDX-License-Identifier: GPL-2.0-only
/* From the wire, fast path: known unicast to a local port. Everything else goes on to TC. */
#include "hook_xdp.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct arrival {
    struct outer outer;
    struct ethernet eth;
    struct origin from;
    struct target to;
    struct xgre_tunnel *tunnel;
    __u32 tcp_header_len;
};

static __always_inline enum xgre_verdict parse_arrival(struct xdp_md *ctx,
                                                       const struct xgre_uplink *uplink,
                                                       struct arrival *a)
{
    struct cursor c = frame_cursor(ctx);
    struct cursor start = c;
    struct ethhdr *eth = take(&start, sizeof(*eth));
    enum xgre_verdict verdict = parse_outer(&c, frame_len(ctx), uplink->local, &a->outer);

    if (verdict == XGRE_PASS) return verdict;
    /* For another host's MAC, or the uplink's has changed: TC asks the kernel. */
    if (!eth || !same_mac(eth->h_dest, uplink->mac)) return XGRE_PUNT;
    if (verdict) return verdict;
    /* A checksum to verify or padding to cut off is TC's work. */
    if (a->outer.checksummed || frame_len(ctx) != (__u32)a->outer.len + a->outer.inner_len)
        return XGRE_PUNT;
    a->tunnel = find_tunnel(&a->outer, uplink->local);
    if (!a->tunnel) return XGRE_UNKNOWN_PEER;
    verdict = parse_ethernet(&c, &a->eth);
    if (verdict) return verdict;
    a->tcp_header_len = tcp_header_len(&c, &a->eth);
    return XGRE_GO;
}

static __always_inline enum xgre_verdict deliver(struct xdp_md *ctx,
                                                 const struct xgre_uplink *uplink,
                                                 struct arrival *a)
{
    const struct xgre_port *port = a->to.port;
    enum xgre_verdict verdict;
    bool by_gro;

    if (!port) return XGRE_PUNT;
    verdict = check_mtu(ctx, a->to.id, -(int)a->outer.len, a->eth.len > sizeof(struct ethhdr));
    if (verdict) return verdict;
    learn(&a->from, &a->eth);
    by_gro = a->tcp_header_len && port->flags & XGRE_PORT_OFFLOADS;
    if (by_gro || !(port->flags & XGRE_PORT_XDP_XMIT)) {
        struct xgre_metadata meta = {
            .magic = XGRE_METADATA_MAGIC ^ uplink->cookie,
            .network = a->from.network_id,
            .port = a->to.id,
            .peer = a->tunnel->peer,
            .header_len = a->tcp_header_len,
        };

        return hand_over(ctx, a->outer.len, &meta);
    }
    verdict = strip_outer(ctx, a->outer.len);
    return verdict ? verdict : XGRE_TO_PORT;
}

static __always_inline enum xgre_verdict handle(struct xdp_md *ctx, struct arrival *a)
{
    struct xgre_uplink *uplink = find_uplink();
    enum xgre_verdict verdict;

    if (!uplink) return XGRE_PASS;
    verdict = parse_arrival(ctx, uplink, a);
    if (verdict) return verdict;
    verdict = from_peer(a->tunnel, &a->eth, &a->from, &a->to);
    if (verdict == XGRE_FLOODED) return XGRE_PUNT;
    return verdict == XGRE_TO_PORT ? deliver(ctx, uplink, a) : verdict;
}

SEC("xdp")
int uplink_xdp(struct xdp_md *ctx)
{
    struct arrival a = {};
    struct weight weight = {.packets = 1, .bytes = frame_len(ctx)};
    enum xgre_verdict verdict = handle(ctx, &a);

    if (verdict == XGRE_PASS || verdict == XGRE_PUNT) return XDP_PASS;
    note_refusal(a.from.refusal);
    if (verdict == XGRE_HANDOVER) return XDP_PASS;
    if (a.outer.inner_len) weight.bytes = a.outer.inner_len;
    count_verdict(XGRE_PROGRAM_UPLINK_XDP, verdict, &weight);
    if (a.tunnel) count_peer_rx(a.tunnel->peer, &weight);
    if (verdict != XGRE_TO_PORT || !a.to.port) return XDP_DROP;
    count_port_tx(a.to.port->slot, &weight);
    return send_to(a.to.id);
}
