// SPDX-License-Identifier: GPL-2.0-only
/*
 * From the wire, fast path: known unicast to a local port. Everything else goes on to TC. Here, or
 * where frames are spread on the CPU of their flow: the same steps.
 */
#include "hook_xdp.h"
#include "probe_frame.h"
#include "spread.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct arrival {
    struct outer outer;
    struct ethernet eth;
    struct origin from;
    struct flow_rest rest;
    const struct xgre_flow *flow;
    __u32 peer; /* 0: from none that we know */
    __u32 tcp_header_len;
    bool fragments; /* the frame is not in one buffer */
};

/*
 * A packet that ends in the first buffer may have padding behind it in another. Not where the
 * first one is as short as this: drivers fill it first.
 */
#define ASK_FROM 1024

static __always_inline bool is_tagged(const struct arrival *a)
{
    return a->eth.len > sizeof(struct ethhdr);
}

/* Where an IP packet ends that `c` stands at, from the start of the frame; too far when unknown. */
static __always_inline __u32 packet_end(struct cursor c, __be16 type)
{
    if (type == bpf_htons(ETH_P_IP)) {
        struct iphdr *ip = take(&c, sizeof(*ip));

        if (ip) return sizeof(struct ethhdr) + bpf_ntohs(ip->tot_len);
    } else if (type == bpf_htons(ETH_P_IPV6)) {
        struct ipv6hdr *ip = take(&c, sizeof(*ip));

        if (ip) return sizeof(struct ethhdr) + sizeof(*ip) + bpf_ntohs(ip->payload_len);
    }
    return ~0;
}

STEP int parse_ipv6_step(struct xdp_md *ctx, const struct xgre_uplink *uplink, __u32 len,
                         struct outer *out)
{
    struct cursor c = frame_cursor(ctx);

    if (!uplink || !out || !take(&c, sizeof(struct ethhdr))) return XGRE_PUNT;
    return parse_outer_ipv6(&c, len, &uplink->local6, READ_BRIEFLY, out);
}

/* Leaves `c` behind the outer headers. */
static __always_inline enum xgre_verdict parse_outer(struct xdp_md *ctx, struct cursor *c,
                                                     const struct xgre_uplink *uplink, __u32 len,
                                                     struct outer *out)
{
    struct ethhdr *eth = take(c, sizeof(*eth));
    int verdict;

    if (!eth) return XGRE_PASS;
    if (eth->h_proto == bpf_htons(ETH_P_IP))
        return parse_outer_ipv4(c, len, uplink->local, READ_BRIEFLY, out);
    if (eth->h_proto != bpf_htons(ETH_P_IPV6)) return XGRE_PASS;
    verdict = parse_ipv6_step(ctx, uplink, len, out);
    *c = frame_cursor(ctx);
    c->pos += out->len & 0xff;
    return verdict;
}

static __always_inline enum xgre_verdict parse_arrival(struct xdp_md *ctx, struct cursor *c,
                                                       const struct xgre_uplink *uplink,
                                                       struct arrival *a)
{
    struct cursor start = *c;
    struct ethhdr *eth = take(&start, sizeof(*eth));
    __u32 buffer = buffer_len(ctx), len = buffer;
    struct outer *outer = &a->outer;
    enum xgre_verdict verdict;

    /* Only who must know asks the kernel. */
    if (!eth || len >= ASK_FROM || len < packet_end(start, eth->h_proto)) len = frame_len(ctx);
    a->fragments = len != buffer;
    /* TC can reach headers that are in a fragment. */
    if (a->fragments && buffer < HEADERS_MAX) return XGRE_PUNT;
    verdict = parse_outer(ctx, c, uplink, len, outer);
    if (verdict == XGRE_PASS || verdict == XGRE_PUNT) return verdict;
    /* For another host's MAC, or the uplink's has changed: TC asks the kernel. */
    if (!eth || !same_mac(eth->h_dest, uplink->mac)) return XGRE_PUNT;
    if (verdict) return verdict;
    /* A checksum to verify or padding to cut off is TC's work. */
    return outer->checksummed || len != (__u32)outer->len + outer->inner_len ? XGRE_PUNT : XGRE_GO;
}

/*
 * A probe is left to TC, and marked: who asked wants to know whether XDP runs at both ends, and
 * that it was attached proves nothing. `inner`: offset of the frame inside.
 */
STEP int mark_probe(struct xdp_md *ctx, __u32 inner)
{
    struct cursor c = frame_cursor(ctx);
    struct xgre_probe *probe;

    c.pos += inner & 0xff;
    if (!take(&c, sizeof(struct ethhdr))) return 0;
    probe = take(&c, sizeof(*probe));
    if (!probe || !is_probe(probe)) return 0;
    probe->path |= probe->kind == XGRE_PROBE_REQUEST ? XGRE_PROBE_XDP_THERE : XGRE_PROBE_XDP_BACK;
    return 0;
}

/* Asks the tables, and writes their answer into `flow`. `inner`: what parsing the frame said. */
static __always_inline enum xgre_verdict resolve(struct xdp_md *ctx,
                                                 const struct xgre_uplink *uplink,
                                                 enum xgre_verdict inner, __u64 tunnel,
                                                 const struct flow_key *key, struct arrival *a,
                                                 struct xgre_flow *flow)
{
    __u32 peer_flags = flags_of_peer(tunnel);
    enum xgre_verdict verdict;
    struct target to;

    if (!tunnel) return XGRE_UNKNOWN_PEER;
    if (peer_flags & XGRE_PEER_CHECKED) return XGRE_PUNT;
    a->peer = tunnel;
    if (inner) return inner;
    if (peer_flags & XGRE_PEER_RP_FILTER) {
        verdict = check_route_at_xdp(ctx, uplink, tunnel);
        if (verdict) return verdict;
    }
    verdict = from_peer(tunnel, &a->eth, &a->from, &to);
    if (verdict == XGRE_FLOODED) {
        if (is_for_prober(&a->eth)) mark_probe(ctx, a->outer.len);
        return XGRE_PUNT;
    }
    if (verdict != XGRE_TO_PORT) return verdict;
    verdict = leave_too_large(check_mtu(ctx, to.id, a->outer.inner_len, is_tagged(a)));
    if (verdict) return verdict;
    /* What may go to TC after all has to find the destination where it was: fragments, and TCP past
     * a driver that takes no metadata. */
    if (same_mac(a->eth.src, a->eth.dst)) return XGRE_PUNT;
    /* Should TC get the frame after all, it finds nothing left to do. */
    verdict = take_xdp_ecn(ctx, &a->outer, &a->eth);
    if (verdict) return verdict;
    learn(&a->from, &a->eth);
    keep_flow(flow, key, &a->rest, &a->from, &to, NULL, a->outer.inner_len);
    return XGRE_GO;
}

/*
 * TCP that is merged here and cut again for its port may come out of order there. The kernel leaves
 * the metadata on some of the pieces, and the GRO of a veth's far end takes those with it and those
 * without for two connections. So jumbo frames of such TCP are left to TC whole, with their flow.
 */
static __always_inline bool would_be_cut(const struct arrival *a)
{
    return a->tcp_header_len &&
           (a->flow->flags & (FLOW_BEHIND | XGRE_PORT_OFFLOADS)) == FLOW_BEHIND;
}

static __always_inline enum xgre_verdict deliver(struct xdp_md *ctx,
                                                 const struct xgre_uplink *uplink,
                                                 const struct arrival *a)
{
    const struct xgre_flow *flow = a->flow;
    bool by_gro = a->tcp_header_len && flow->flags & XGRE_PORT_OFFLOADS;
    enum xgre_verdict verdict;

    if (would_be_cut(a)) return XGRE_PUNT;
    if (by_gro || !(flow->flags & XGRE_PORT_XDP_XMIT)) {
        struct xgre_metadata meta = {
            .magic = XGRE_METADATA_MAGIC ^ uplink->cookie,
            .network = flow->network,
            .port = flow->target,
            .peer = flow->source,
            .header_len = a->tcp_header_len,
            .port_flags = flow->flags,
        };

        return hand_over(ctx, a->outer.len, &meta);
    }
    if (!aim_at(flow->target)) return XGRE_PUNT;
    verdict = strip_outer(ctx, a->outer.len);
    return verdict ? verdict : XGRE_TO_PORT;
}

static __always_inline enum xgre_verdict handle(struct xdp_md *ctx,
                                                const struct xgre_uplink *uplink, struct arrival *a)
{
    struct cursor c = frame_cursor(ctx);
    enum xgre_verdict verdict, inner;
    struct xgre_flow *flow;
    struct flow_key key;
    bool known, maybe_syn = false;

    verdict = parse_arrival(ctx, &c, uplink, a);
    if (verdict) return verdict;
    inner = parse_ethernet(&c, &a->eth);
    if (!inner) a->tcp_header_len = tcp_header_len(&c, &a->eth, &maybe_syn);
    /* TC looks at its MSS. */
    if (maybe_syn && has_syn_step(ctx, a->outer.len + a->eth.len, a->eth.type)) return XGRE_PUNT;
    a->from.at = this_moment();
    key = peer_flow(&a->outer, &a->eth, is_tagged(a), &a->rest);
    flow = find_flow(&key, &a->rest, &a->from.at, &known);
    if (!flow) return XGRE_PUNT;
    if (inner || !known || a->outer.inner_len > flow->max_len || has_ecn_news(&a->outer)) {
        verdict = resolve(ctx, uplink, inner, find_tunnel(&a->outer, uplink->local), &key, a, flow);
        if (verdict) return verdict;
    }
    /* Not every device, and no device of Linux 6.1, may be sent fragments. */
    if (a->fragments) keep_behind(flow);
    a->flow = flow;
    a->peer = flow->source;
    return deliver(ctx, uplink, a);
}

static __always_inline void watch_arrival(struct xdp_md *ctx, const struct arrival *a,
                                          enum xgre_program program, enum xgre_verdict verdict)
{
    watch_end_xdp(ctx, WATCHED(program, verdict), a->flow ? a->flow->network : a->from.network_id,
                  a->peer, a->flow ? a->flow->target : 0);
}

static __always_inline int receive(struct xdp_md *ctx, const struct xgre_uplink *uplink,
                                   enum xgre_program program)
{
    struct arrival a = {};
    struct weight weight = {.packets = 1};
    enum xgre_verdict verdict;

    in_memory(&a);
    if (is_watched(uplink)) watch_begin_xdp(ctx, program);
    verdict = handle(ctx, uplink, &a);
    if (is_watched(uplink)) watch_arrival(ctx, &a, program, verdict);
    if (verdict == XGRE_PASS || verdict == XGRE_PUNT) return XDP_PASS;
    note_refusal(a.from.refusal);
    if (verdict == XGRE_HANDOVER) return XDP_PASS;
    weight.bytes = a.outer.inner_len ? a.outer.inner_len : frame_len(ctx);
    count_verdict(program, verdict, &weight);
    if (a.peer) count_peer_rx(a.peer, &weight);
    if (verdict != XGRE_TO_PORT || !a.flow) return XDP_DROP;
    count_port_tx(a.flow->target_slot, &weight);
    return XDP_REDIRECT;
}

SEC("xdp.frags")
int uplink_xdp(struct xdp_md *ctx)
{
    struct xgre_uplink *uplink = find_uplink();

    if (!uplink) return XDP_PASS;
    if (uplink->flags & XGRE_UPLINK_SPREAD && hand_to_cpu(ctx, uplink)) return XDP_REDIRECT;
    return receive(ctx, uplink, XGRE_PROGRAM_UPLINK_XDP);
}

/*
 * The program of `cpus`. When spreading ends, frames still wait in the queues; TC takes those, or
 * the host's stack when TC is gone, too: a frame that was decapsulated here might reach the host.
 */
SEC("xdp.frags/cpumap")
int uplink_cpu_xdp(struct xdp_md *ctx)
{
    struct xgre_uplink *uplink = find_uplink();

    if (!uplink || !(uplink->flags & XGRE_UPLINK_SPREAD)) return XDP_PASS;
    return receive(ctx, uplink, XGRE_PROGRAM_UPLINK_CPU);
}
