/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between the hooks, for XDP. bpf/hook_tc.h has the same names where TC has it too. */
#ifndef XGRE_BPF_HOOK_XDP_H
#define XGRE_BPF_HOOK_XDP_H

#include "ecn.h"
#include "encap.h"
#include "flow.h"
#include "inner_flow.h"
#include "path_mtu.h"
#include "watch.h"

static __always_inline struct cursor frame_cursor(struct xdp_md *ctx)
{
    return (struct cursor){(void *)(long)ctx->data, (void *)(long)ctx->data_end};
}

/* Of a jumbo frame, the cursor sees the first buffer only; the rest is in fragments. */
static __always_inline __u32 buffer_len(struct xdp_md *ctx)
{
    __u64 start = ctx->data, end = ctx->data_end;

    /* The verifier subtracts packet pointers in 64 bits only; the compiler would take 32. */
    asm volatile("" : "+r"(start), "+r"(end));
    return end - start;
}

/* Of the whole frame. */
static __always_inline __u32 frame_len(struct xdp_md *ctx)
{
    return bpf_xdp_get_buff_len(ctx);
}

/* For who watches: the frame as it comes, and what was decided. */
static __always_inline struct xgre_sighting sighting(struct xdp_md *ctx, __u32 program)
{
    return (struct xgre_sighting){.time = bpf_ktime_get_ns(),
                                  .ifindex = ctx->ingress_ifindex,
                                  .len = frame_len(ctx),
                                  .program = program};
}

STEP int watch_begin_xdp(struct xdp_md *ctx, __u32 program)
{
    struct xgre_sighting s = sighting(ctx, program);

    sight_begin(ctx, &s);
    return 0;
}

STEP int watch_end_xdp(struct xdp_md *ctx, __u32 what, __u32 network, __u32 peer, __u32 target)
{
    struct xgre_sighting s = sighting(ctx, what >> 8);

    sight_decision(ctx, &s, what, network, peer, target);
    return 0;
}

/* Takes `len` bytes off the front. */
static __always_inline enum xgre_verdict strip_outer(struct xdp_md *ctx, __u32 len)
{
    return bpf_xdp_adjust_head(ctx, len) ? XGRE_REWRITE_FAILED : XGRE_GO;
}

/*
 * What the outer header's ECN means for the frame inside, `eth`. A step: to keep a pointer into the
 * packet until then would cost the verifier a state for each place that it can point to.
 */
STEP int take_xdp_ecn(struct xdp_md *ctx, const struct outer *outer, const struct ethernet *eth)
{
    struct cursor c = frame_cursor(ctx);
    __be16 type;
    void *ip;

    if (!outer || !eth || !has_ecn_news(outer)) return XGRE_GO;
    c.pos += (outer->len + eth->len) & 0xff;
    type = skip_tags(&c, eth->type);
    ip = is_ip(type) ? take(&c, ECN_HEADER_LEN) : NULL;
    return ip ? merge_ecn_into(ip, type, outer) : XGRE_GO;
}

STEP int check_route_at_xdp(struct xdp_md *ctx, const struct xgre_uplink *uplink, __u32 peer)
{
    return uplink ? check_source_route(ctx, uplink, peer) : XGRE_NO_UPLINK;
}

/* What has_syn says, of what is at `offset` and of `type`, behind the first tag. */
STEP int has_syn_step(struct xdp_md *ctx, __u32 offset, __u32 type)
{
    struct cursor c = frame_cursor(ctx);

    c.pos += offset & 0xff;
    type = skip_tags(&c, type);
    return has_syn(c, type);
}

static __always_inline enum xgre_verdict push_bytes(struct xdp_md *ctx,
                                                    const struct xgre_peer *peer, __u32 len,
                                                    const struct xgre_hop *hop,
                                                    const struct inner_marks *marks)
{
    __u32 ip_len = buffer_len(ctx) + len;
    struct ethhdr *eth;
    struct cursor c;
    void *outer;

    if (bpf_xdp_adjust_head(ctx, -(int)(sizeof(*eth) + len))) return XGRE_REWRITE_FAILED;
    c = frame_cursor(ctx);
    eth = take(&c, sizeof(*eth));
    if (!eth) return XGRE_REWRITE_FAILED;
    outer = take(&c, len);
    if (!outer) return XGRE_REWRITE_FAILED;
    write_ethernet(eth, hop, outer_protocol(len));
    write_outer(outer, peer, len, ip_len, marks);
    return XGRE_GO;
}

static __always_inline __u32 flow_hash(struct xdp_md *ctx)
{
    struct cursor c = frame_cursor(ctx);
    struct inner_flow flow;

    return find_inner_flow(&c, &flow) ? flow.hash >> 32 : 0;
}

/* Puts the outer headers of `peer` in front of the frame, which has no fragments and stays
 * untouched. */
static __always_inline enum xgre_verdict push_outer(struct xdp_md *ctx,
                                                    const struct xgre_peer *peer,
                                                    const struct xgre_hop *hop, __u8 ds)
{
    struct inner_marks marks = {.ds = ds};

    if (peer->flags & XGRE_PEER_ENTROPY) marks.hash = flow_hash(ctx);
    /* Constants: the verifier wants to see each store within a length that it knows. */
    switch (peer->outer_len) {
        case OUTER_IP4:
            return push_bytes(ctx, peer, OUTER_IP4, hop, &marks);
        case OUTER_IP4_KEYED:
            return push_bytes(ctx, peer, OUTER_IP4_KEYED, hop, &marks);
        case OUTER_IP6:
            return push_bytes(ctx, peer, OUTER_IP6, hop, &marks);
        case OUTER_IP6_KEYED:
            return push_bytes(ctx, peer, OUTER_IP6_KEYED, hop, &marks);
    }
    return XGRE_PUNT;
}

/* What is too large is cut, or its sender told, by TC. */
static __always_inline enum xgre_verdict leave_too_large(enum xgre_verdict verdict)
{
    return verdict == XGRE_TOO_LARGE ? XGRE_PUNT : verdict;
}

static __always_inline enum xgre_verdict next_hop(struct xdp_md *ctx,
                                                  const struct xgre_uplink *uplink,
                                                  struct xgre_peer *peer, __u32 id, __u32 ip_len,
                                                  struct next_hop *hop)
{
    enum xgre_verdict verdict;

    if (recall_hop(id, ip_len, hop)) return XGRE_GO;
    verdict = find_next_hop(ctx, uplink, peer, ip_len, hop);
    if (!verdict) verdict = check_path(id, ip_len);
    if (!verdict) keep_hop(id, ip_len, hop);
    return leave_too_large(verdict);
}

/* Leaves the frame, already without its outer headers, to GRO and then to uplink_tc. */
static __always_inline enum xgre_verdict hand_over(struct xdp_md *ctx, __u32 strip,
                                                   const struct xgre_metadata *value)
{
    struct xgre_metadata *meta;
    struct cursor c;

    /* First the head: it would move the metadata along. */
    if (bpf_xdp_adjust_head(ctx, strip)) return XGRE_REWRITE_FAILED;
    /* A driver without room for metadata gets the frame back whole, for TC. */
    if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
        return bpf_xdp_adjust_head(ctx, -(int)strip) ? XGRE_REWRITE_FAILED : XGRE_PUNT;
    c = (struct cursor){(void *)(long)ctx->data_meta, (void *)(long)ctx->data};
    meta = take(&c, sizeof(*meta));
    if (!meta) return XGRE_REWRITE_FAILED;
    *meta = *value;
    return XGRE_HANDOVER;
}

/* Makes XDP_REDIRECT lead to a device; false, when it is gone. Before the frame is changed. */
static __always_inline bool aim_at(__u32 ifindex)
{
    return bpf_redirect_map(&redirect, ifindex, XDP_DROP) == XDP_REDIRECT;
}

#endif
