/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the hooks, for TC: frames that are not linear, segments that an offload
 * keeps large, checksums that are not filled in, VLAN tags outside the bytes.
 */
#ifndef XGRE_BPF_HOOK_TC_H
#define XGRE_BPF_HOOK_TC_H

#include "ecn.h"
#include "encap.h"
#include "flow.h"
#include "inner_flow.h"
#include "path_mtu.h"
#include "watch.h"

/* VLAN tags that the kernel holds outside the bytes, outermost first. */
struct tags {
    __u32 count;
    struct {
        __be16 protocol;
        __be16 tci;
    } tag[MAX_TAGS];
};

static __always_inline struct cursor frame_cursor(struct __sk_buff *skb)
{
    return (struct cursor){(void *)(long)skb->data, (void *)(long)skb->data_end};
}

/* A cursor that sees all headers, also when the frame came in fragments. */
static __always_inline struct cursor header_cursor(struct __sk_buff *skb)
{
    __u32 want = skb->len < HEADERS_MAX ? skb->len : HEADERS_MAX;
    struct cursor c = frame_cursor(skb);

    if (c.pos + want > c.end) {
        bpf_skb_pull_data(skb, want);
        c = frame_cursor(skb);
    }
    return c;
}

static __always_inline enum xgre_verdict parse_outer(struct __sk_buff *skb,
                                                     const struct xgre_uplink *uplink,
                                                     enum reading reading, struct outer *out)
{
    struct cursor c = header_cursor(skb);
    struct ethhdr *eth = take(&c, sizeof(*eth));

    if (!eth) return XGRE_PASS;
    if (eth->h_proto == bpf_htons(ETH_P_IP))
        return parse_outer_ipv4(&c, skb->len, uplink->local, reading, out);
    if (eth->h_proto == bpf_htons(ETH_P_IPV6))
        return parse_outer_ipv6(&c, skb->len, &uplink->local6, reading, out);
    return XGRE_PASS;
}

/* Parses, as global steps: see STEP. */
STEP int parse_outer_step(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                          struct outer *out)
{
    if (!uplink || !out) return XGRE_REWRITE_FAILED;
    return parse_outer(skb, uplink, READ_WHOLE, out);
}

/*
 * The frame at `offset`: its addresses, whether it is a SYN, and the length of its headers when it
 * is TCP, else 0.
 */
STEP int parse_frame_step(struct __sk_buff *skb, __u32 offset, struct ethernet *eth,
                          __u32 *header_len)
{
    struct cursor c = header_cursor(skb), at;
    enum xgre_verdict verdict;
    __be16 type;

    if (!eth || !header_len) return XGRE_REWRITE_FAILED;
    c.pos += offset & 0xff;
    verdict = parse_ethernet(&c, eth);
    if (verdict) return verdict;
    at = c;
    *header_len = tcp_header_len(&c, eth, &eth->syn);
    if (!eth->syn) return XGRE_GO;
    type = skip_tags(&at, eth->type);
    eth->syn = has_syn(at, type);
    return XGRE_GO;
}

/* With the tag that is outside the bytes. */
static __always_inline __u32 whole_len(const struct __sk_buff *skb)
{
    return skb->len + (skb->vlan_present ? 4 : 0);
}

/* For who watches: the frame as it comes, and what was decided. */
static __always_inline struct xgre_sighting sighting(const struct __sk_buff *skb, __u32 program)
{
    struct xgre_sighting s = {
        .time = bpf_ktime_get_ns(), .ifindex = skb->ifindex, .len = skb->len, .program = program};

    s.is_tagged = !!skb->vlan_present;
    s.tag = skb->vlan_tci;
    s.tag_proto = skb->vlan_proto;
    return s;
}

STEP int watch_begin_tc(struct __sk_buff *skb, __u32 program)
{
    struct xgre_sighting s = sighting(skb, program);

    sight_begin(skb, &s);
    return 0;
}

STEP int watch_end_tc(struct __sk_buff *skb, __u32 what, __u32 network, __u32 peer, __u32 target)
{
    struct xgre_sighting s = sighting(skb, what >> 8);

    sight_decision(skb, &s, what, network, peer, target);
    return 0;
}

/*
 * What a frame counts for. `header_len`: Ethernet to TCP header, which every segment of a large
 * one repeats on the wire; 0 when unknown. `frame_bytes` without tags outside the bytes.
 */
static __always_inline struct weight frame_weight(struct __sk_buff *skb, __u32 frame_bytes,
                                                  __u32 header_len)
{
    struct weight weight = {.packets = 1, .bytes = frame_bytes + (skb->vlan_present ? 4 : 0)};
    __u32 size = skb->gso_size;

    if (!size || frame_bytes <= header_len) return weight;
    weight.packets = skb->gso_segs;
    /* A guest's large segment has not been counted by the kernel. */
    if (!weight.packets) weight.packets = (frame_bytes - header_len + size - 1) / size;
    weight.bytes += (weight.packets - 1) * header_len;
    return weight;
}

/*
 * Makes skb->protocol what the bytes say, for which there is no helper: a tag that is pushed into
 * the bytes and popped again leaves the type that follows it (net/core/skbuff.c, skb_vlan_pop).
 */
STEP int refresh_protocol(struct __sk_buff *skb)
{
    __be16 tag = bpf_htons(ETH_P_8021Q);

    if (bpf_skb_vlan_push(skb, tag, 0) || bpf_skb_vlan_push(skb, tag, 0) || bpf_skb_vlan_pop(skb) ||
        bpf_skb_vlan_pop(skb))
        return XGRE_REWRITE_FAILED;
    return XGRE_GO;
}

/* After the outer headers are written: room that was made without marks leaves the inner type. */
static __always_inline enum xgre_verdict mend_protocol(struct __sk_buff *skb, __be16 protocol)
{
    return skb->protocol == protocol ? XGRE_GO : refresh_protocol(skb);
}

/* ---- Decapsulation ------------------------------------------------------------------------ */

/*
 * What the outer header's ECN means for the frame inside, `eth`. Before it is taken out, and before
 * anything is learned from it.
 */
STEP int take_ecn(struct __sk_buff *skb, const struct outer *outer, const struct ethernet *eth)
{
    struct cursor c = header_cursor(skb);
    __u8 ip[ECN_HEADER_LEN] __attribute__((aligned(4)));
    __u32 offset;
    __be16 type;
    int verdict;

    if (!outer || !eth || !has_ecn_news(outer)) return XGRE_GO;
    c.pos += (outer->len + eth->len) & 0xff;
    type = skip_tags(&c, eth->type);
    offset = c.pos - (void *)(long)skb->data;
    /* What follows the packet is padding. */
    if (!is_ip(type) || offset + sizeof(ip) > (__u32)outer->len + outer->inner_len ||
        bpf_skb_load_bytes(skb, offset, ip, sizeof(ip)))
        return XGRE_GO;
    verdict = merge_ecn_into(ip, type, outer);
    if (verdict) return verdict;
    return bpf_skb_store_bytes(skb, offset, ip, sizeof(ip), BPF_F_RECOMPUTE_CSUM)
               ? XGRE_REWRITE_FAILED
               : XGRE_GO;
}

/*
 * RFC 2890 section 2.2: a packet that is older than one before is not taken. A peer that starts
 * anew counts from anywhere: one far back is from after that, and so is one that comes when nothing
 * has come for a while.
 */
#define SEQUENCE_WINDOW 1024

static __always_inline bool is_in_order(struct xgre_peer_state *state, __u32 sequence)
{
    __u64 now = bpf_jiffies64();
    __s32 ahead = sequence - state->expected;
    bool is_late =
        state->came && ahead < 0 && ahead >= -SEQUENCE_WINDOW && now - state->came < second_ticks;

    if (is_late) return false;
    state->expected = sequence + 1;
    state->came = now ?: 1;
    return true;
}

/* What the peer is to send in each packet. */
STEP int check_peer(const struct outer *outer, __u32 id)
{
    struct xgre_peer_state *state = bpf_map_lookup_elem(&peer_states, &id);
    struct xgre_peer *peer = find_peer(id);

    if (!outer || !state || !peer) return XGRE_PEER_GONE;
    if (peer->flags & XGRE_PEER_ICSUM && !outer->checksummed) return XGRE_GRE_NO_CHECKSUM;
    if (!(peer->flags & XGRE_PEER_ISEQ)) return XGRE_GO;
    return outer->sequenced && is_in_order(state, bpf_ntohl(outer->sequence)) ? XGRE_GO
                                                                              : XGRE_GRE_SEQUENCE;
}

STEP int check_route_at_tc(struct __sk_buff *skb, const struct xgre_uplink *uplink, __u32 peer)
{
    return uplink ? check_source_route(skb, uplink, peer) : XGRE_NO_UPLINK;
}

/* bpf_skb_adjust_room leaves no less than an IP header behind the Ethernet header. */
#define ROOM_MIN_IP4 20
#define ROOM_MIN_IP6 40

/*
 * Takes the outer headers and the padding off. The helper removes bytes behind the Ethernet
 * header and keeps that, so it is written anew from the inner frame.
 */
STEP int strip_outer(struct __sk_buff *skb, const struct outer *outer)
{
    __u32 whole, least;
    struct ethhdr eth;

    if (!outer) return XGRE_REWRITE_FAILED;
    whole = outer->len + outer->inner_len;
    least = outer->len + sizeof(struct ethhdr) + (outer->ip6 ? ROOM_MIN_IP6 : ROOM_MIN_IP4);
    if (bpf_skb_load_bytes(skb, outer->len, &eth, sizeof(eth))) return XGRE_TRUNCATED;
    if (!skb->gso_size && skb->len > whole && bpf_skb_change_tail(skb, whole, 0))
        return XGRE_REWRITE_FAILED;
    if (whole < least && bpf_skb_change_tail(skb, least, 0)) return XGRE_REWRITE_FAILED;
    if (bpf_skb_adjust_room(skb, -(__s32)outer->len, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
        return XGRE_REWRITE_FAILED;
    if (whole < least && bpf_skb_change_tail(skb, outer->inner_len, 0)) return XGRE_REWRITE_FAILED;
    if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0)) return XGRE_REWRITE_FAILED;
    /* The kernel still takes it for the outer IP; to segment it, it has to know better. */
    if (eth.h_proto != (outer->ip6 ? bpf_htons(ETH_P_IPV6) : bpf_htons(ETH_P_IP)) &&
        (skb->gso_size || !is_vlan(eth.h_proto)))
        return refresh_protocol(skb);
    return XGRE_GO;
}

/* RFC 2784 section 2.5: over the GRE header and what follows, as if the field were zero. */
#define SUM_CHUNK 128

struct sum_walk {
    struct __sk_buff *skb;
    __u32 offset;
    __u32 left;
    __u32 sum;
    __u32 failed;
};

/* The next bytes, by way of `part`, which is of zeros and has room for `size`, a constant. */
static __always_inline long sum_part(struct sum_walk *walk, __u32 *part, __u32 size)
{
    __u64 len = (__u64)walk->left - 1;

    if (!walk->left) return 1;
    /* Written so that Linux 6.1, too, sees a length of 1 to `size`. */
    if (len > size - 1) len = size - 1;
    barrier_var(len);
    len = (len & (size - 1)) + 1;
    if (bpf_skb_load_bytes(walk->skb, walk->offset, part, len)) {
        walk->failed = 1;
        return 1;
    }
    walk->sum = bpf_csum_diff(NULL, 0, part, size, walk->sum);
    walk->offset += len;
    walk->left -= len;
    return 0;
}

static long sum_chunk(__u32 index, struct sum_walk *walk)
{
    __u32 chunk[SUM_CHUNK / 4] = {};

    return sum_part(walk, chunk, SUM_CHUNK);
}

/* False: not all of it is there. */
static __always_inline bool sum_all(struct sum_walk *walk)
{
    bpf_loop(65536 / SUM_CHUNK + 1, sum_chunk, walk, 0);
    return !walk->failed && !walk->left;
}

STEP int check_gre_sum(struct __sk_buff *skb, const struct outer *outer)
{
    struct sum_walk walk = {.skb = skb};

    if (!outer) return XGRE_REWRITE_FAILED;
    walk.offset = outer->gre_offset;
    walk.left = outer->len - outer->gre_offset + outer->inner_len;
    /* What GRO merged it has verified, and the sum in the header is that of the first packet. */
    if (!outer->checksummed || skb->gso_size) return XGRE_GO;
    if (!sum_all(&walk)) return XGRE_TRUNCATED;
    return fold(walk.sum) == 0xffff ? XGRE_GO : XGRE_GRE_CHECKSUM;
}

/* bpf_skb_adjust_room adds and takes out less than 4096 bytes at once. */
#define ROOM_AT_ONCE 4080

/* ---- Encapsulation ------------------------------------------------------------------------ */

/* Steps of their own, so that each has the stack, of which three calls have 512 bytes together. */
STEP int find_next_hop_step(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                            struct xgre_peer *peer, __u32 ip_len, struct next_hop *hop)
{
    if (!uplink || !peer || !hop) return XGRE_NO_ROUTE;
    return find_next_hop(skb, uplink, peer, ip_len, hop);
}

STEP int recall_hop_step(__u32 peer, __u32 ip_len, struct next_hop *hop)
{
    return hop && recall_hop(peer, ip_len, hop);
}

STEP int check_path_step(__u32 peer, __u32 ip_len)
{
    return check_path(peer, ip_len);
}

STEP int keep_hop_step(__u32 peer, __u32 ip_len, const struct next_hop *hop)
{
    if (hop) keep_hop(peer, ip_len, hop);
    return XGRE_GO;
}

static __always_inline int next_hop(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                    struct xgre_peer *peer, __u32 id, __u32 ip_len,
                                    struct next_hop *hop)
{
    int verdict;

    if (recall_hop_step(id, ip_len, hop)) return XGRE_GO;
    verdict = find_next_hop_step(skb, uplink, peer, ip_len, hop);
    if (!verdict) verdict = check_path_step(id, ip_len);
    return verdict ? verdict : keep_hop_step(id, ip_len, hop);
}

/* Bytes of the largest frame that `peer`, of this id, can be sent. */
static __always_inline __u32 tunnel_room(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                         const struct xgre_peer *peer, __u32 id)
{
    __u32 path = path_mtu(id), mtu = tunnel_mtu(skb, uplink, peer);

    if (path && path < mtu) mtu = path;
    return mtu > peer->outer_len ? mtu - peer->outer_len : 0;
}

/*
 * Likewise for an IPv6 frame to a peer over IPv4: its sender cannot be told of less than 1280
 * bytes, which every link has to carry (RFC 8200 section 5), so what a path does not take whole its
 * routers are to cut. 0: it is no such frame or peer.
 */
STEP __u32 room_for_ip6(struct __sk_buff *skb, const struct xgre_uplink *uplink, __u32 id)
{
    struct cursor c = header_cursor(skb), start = c;
    struct ethhdr *eth = take(&c, sizeof(*eth));
    struct xgre_peer *peer = find_peer(id);
    __u32 least, mtu;

    if (!uplink || !peer || !eth || peer->flags & XGRE_PEER_IP6) return 0;
    if (skip_tags(&c, eth->h_proto) != bpf_htons(ETH_P_IPV6)) return 0;
    least = (c.pos - start.pos) + 4 * !!skb->vlan_present + IP6_MTU_MIN;
    mtu = device_mtu(skb, uplink->ifindex);
    if (mtu < peer->outer_len) return 0;
    return mtu - peer->outer_len < least ? mtu - peer->outer_len : least;
}

/* Likewise of any frame; 0: it is none. */
STEP __u32 room_to_peer(struct __sk_buff *skb, const struct xgre_uplink *uplink, __u32 id)
{
    struct xgre_peer *peer = find_peer(id);

    return uplink && peer ? tunnel_room(skb, uplink, peer, id) : 0;
}

/* How a frame goes into a tunnel. */
struct wrap {
    struct tags tags;
    __u32 inner_len; /* with its tags */
    __u32 ip_len;    /* of the packet, or of the largest segment of it, for the MTU */
    __u8 outer_len;
    bool shrink;      /* segments get smaller by what the tunnel adds */
    __u16 header_len; /* as tcp_header_len says */
    struct inner_marks marks;
};

/* Takes the tags out of the metadata, to put them back into the bytes. */
STEP int lift_tags(struct __sk_buff *skb, struct tags *tags)
{
    if (!tags) return XGRE_REWRITE_FAILED;
    tags->count = 0;
#pragma unroll
    for (__u32 i = 0; i < MAX_TAGS; i++) {
        if (!skb->vlan_present) return XGRE_GO;
        tags->tag[i].protocol = skb->vlan_proto;
        tags->tag[i].tci = bpf_htons(skb->vlan_tci);
        tags->count = i + 1;
        if (bpf_skb_vlan_pop(skb)) return XGRE_REWRITE_FAILED;
    }
    return skb->vlan_present ? XGRE_TOO_MANY_TAGS : XGRE_GO;
}

/* Puts tags back that were taken out, the last first. */
STEP int put_tags(struct __sk_buff *skb, const struct tags *tags)
{
    if (!tags) return XGRE_REWRITE_FAILED;
#pragma unroll
    for (__u32 i = MAX_TAGS; i > 0; i--) {
        if (i > tags->count) continue;
        if (bpf_skb_vlan_push(skb, tags->tag[i - 1].protocol, bpf_ntohs(tags->tag[i - 1].tci)))
            return XGRE_REWRITE_FAILED;
    }
    return XGRE_GO;
}

/*
 * A large TCP segment is cut into packets that fit: as the guest asked where they do, else
 * smaller by the tunnel's overhead, which fits a guest whose MTU is the underlay's.
 */
STEP int plan_segments(struct __sk_buff *skb, const struct xgre_uplink *uplink, __u32 peer,
                       __u32 header_len, struct wrap *wrap)
{
    __u32 added, path = path_mtu(peer), mtu;

    if (!uplink || !wrap) return XGRE_REWRITE_FAILED;
    added = wrap->outer_len + sizeof(struct ethhdr) + 4 * wrap->tags.count;
    mtu = device_mtu(skb, uplink->ifindex);
    if (path && path < mtu) mtu = path;
    /* Not TCP: a datagram's size is no one's to change. The longest headers are assumed. */
    wrap->ip_len = wrap->outer_len + 4 * wrap->tags.count + skb->gso_size +
                   (header_len ? header_len : 14 + 40 + 8);
    if (wrap->ip_len <= mtu) return XGRE_GO;
    if (!header_len || skb->gso_size <= added || wrap->ip_len - added > mtu) return XGRE_TOO_LARGE;
    wrap->ip_len -= added;
    wrap->shrink = true;
    return XGRE_GO;
}

/* What peers may want to know of the frame, before it gets its outer headers. */
STEP int read_marks(struct __sk_buff *skb, const struct ethernet *eth, __u32 peer_flags,
                    struct inner_marks *marks)
{
    struct cursor c = header_cursor(skb);
    struct inner_flow flow;

    if (!eth || !marks) return XGRE_REWRITE_FAILED;
    c.pos += eth->len & 0x1f;
    marks->ds = inner_ds(c, eth->type);
    inner_limits(c, eth->type, &marks->ttl, &marks->df);
    marks->hash = 0;
    marks->no_df = false;
    if (!(peer_flags & XGRE_PEER_ENTROPY)) return XGRE_GO;
    find_flow_in(c, eth, &flow);
    marks->hash = flow.hash >> 32;
    return XGRE_GO;
}

/* `peer`: 0 of a flood. `peer_flags`: what any of the peers that it is for has. */
static __always_inline enum xgre_verdict plan_wrap(struct __sk_buff *skb,
                                                   const struct xgre_uplink *uplink, __u32 peer,
                                                   __u32 outer_len, __u32 peer_flags,
                                                   const struct ethernet *eth, __u32 header_len,
                                                   struct wrap *wrap)
{
    int verdict = read_marks(skb, eth, peer_flags, &wrap->marks);

    if (!verdict) verdict = lift_tags(skb, &wrap->tags);
    if (verdict) return verdict;
    wrap->outer_len = outer_len;
    wrap->inner_len = skb->len + 4 * wrap->tags.count;
    wrap->ip_len = outer_len + wrap->inner_len;
    wrap->shrink = false;
    wrap->header_len = header_len;
    return skb->gso_size ? plan_segments(skb, uplink, peer, header_len, wrap) : XGRE_GO;
}

/* Padding so that `outer` is aligned, and the outer headers, of which the last is the longest. */
struct outer_headers {
    __u16 pad;
    struct ethhdr eth;
    __u32 outer[OUTER_IP6_KEYED / 4];
} __attribute__((packed, aligned(4)));

static __always_inline void write_headers(struct outer_headers *out, const struct xgre_peer *peer,
                                          __u32 len, __u32 ip_len, const struct xgre_hop *hop,
                                          const struct inner_marks *marks)
{
    write_ethernet(&out->eth, hop, outer_protocol(len));
    write_outer(out->outer, peer, len, ip_len, marks);
}

static __always_inline int store_outer(struct __sk_buff *skb, const struct xgre_peer *peer,
                                       __u32 len, __u32 ip_len, const struct xgre_hop *hop,
                                       const struct inner_marks *marks)
{
    struct outer_headers out;

    write_headers(&out, peer, len, ip_len, hop, marks);
    return bpf_skb_store_bytes(skb, 0, &out.eth, sizeof(out.eth) + len, 0) ? XGRE_REWRITE_FAILED
                                                                           : XGRE_GO;
}

/* What the outer IP headers of peers with XGRE_PEER_BY_TC begin with. */
struct outer_start {
    __u16 pad;
    struct ethhdr eth;
    __u32 word[3];
} __attribute__((packed, aligned(4)));

/* RFC 791; an identification only where a router may cut the packet: RFC 6864 section 4. */
static __always_inline void patch_ipv4(struct iphdr *ip, const struct xgre_peer *peer, __u32 ip_len,
                                       const struct inner_marks *marks)
{
    const __u32 *addresses = peer->outer + 3;
    const __u32 *words = (void *)ip;
    bool df = peer->flags & XGRE_PEER_DF_INHERIT ? marks->df : !(peer->flags & XGRE_PEER_DF_UNSET);
    __u64 sum;

    if (marks->no_df) df = false;

    ip->tos = (peer->flags & XGRE_PEER_TOS_INHERIT ? marks->ds : ip->tos) & ~ECN_MASK;
    ip->tos |= marks->ds & ECN_MASK;
    if (peer->flags & XGRE_PEER_TTL_INHERIT && marks->ttl) ip->ttl = marks->ttl;
    ip->frag_off = df ? bpf_htons(IP_DF) : 0;
    ip->id = df ? 0 : bpf_get_prandom_u32();
    ip->tot_len = bpf_htons(ip_len);
    ip->check = 0;
    sum = (__u64)words[0] + words[1] + words[2] + addresses[0] + addresses[1];
    ip->check = ~fold_words(sum);
}

static __always_inline void patch_ipv6(struct ipv6hdr *ip, const struct xgre_peer *peer,
                                       __u32 ip_len, const struct inner_marks *marks)
{
    __u8 ds = (peer->flags & XGRE_PEER_TOS_INHERIT ? marks->ds : ipv6_ds(ip)) & ~ECN_MASK;
    word32 *first = (word32 *)ip;

    *first = (*first & bpf_htonl(0xf00fffff)) | bpf_htonl(flow_label(peer, marks)) |
             bpf_htonl((__u32)(ds | (marks->ds & ECN_MASK)) << 20);
    ip->payload_len = ipv6_payload_len(ip_len);
    if (peer->flags & XGRE_PEER_TTL_INHERIT && marks->ttl) ip->hop_limit = marks->ttl;
}

/* The outer headers of any peer, of any length. */
STEP int store_any_outer(struct __sk_buff *skb, const struct xgre_peer *peer,
                         const struct wrap *wrap, __u32 ip_len, const struct next_hop *hop)
{
    struct outer_start start;
    __u64 rest;
    __u32 last;
    __u8 id;

    if (!peer || !wrap || !hop) return XGRE_REWRITE_FAILED;
    write_ethernet(&start.eth, &hop->mac, outer_protocol(wrap->outer_len));
    start.word[0] = peer->outer[0];
    start.word[1] = peer->outer[1];
    start.word[2] = peer->outer[2];
    if (is_ip6_len(wrap->outer_len))
        patch_ipv6((void *)start.word, peer, ip_len, &wrap->marks);
    else
        patch_ipv4((void *)start.word, peer, ip_len, &wrap->marks);
    rest = wrap->outer_len - sizeof(start.word) - 1;
    if (rest >= XGRE_OUTER_MAX - sizeof(start.word)) return XGRE_REWRITE_FAILED;
    /* Written so that Linux 6.1, too, sees a length above 0. */
    barrier_var(rest);
    rest = (rest & (XGRE_OUTER_MAX - 1)) + 1;
    if (bpf_skb_store_bytes(skb, 0, &start.eth, sizeof(start.eth) + sizeof(start.word), 0) ||
        bpf_skb_store_bytes(skb, sizeof(start.eth) + sizeof(start.word), peer->outer + 3, rest, 0))
        return XGRE_REWRITE_FAILED;
    if (!(peer->flags & XGRE_PEER_VSID)) return XGRE_GO;
    last = sizeof(start.eth) + wrap->outer_len - 1;
    id = flow_id(&wrap->marks);
    return bpf_skb_store_bytes(skb, last, &id, 1, 0) ? XGRE_REWRITE_FAILED : XGRE_GO;
}

STEP int store_ip4_outer(struct __sk_buff *skb, const struct xgre_peer *peer,
                         const struct wrap *wrap, __u32 ip_len, const struct next_hop *hop)
{
    if (!peer || !wrap || !hop) return XGRE_REWRITE_FAILED;
    if (wrap->outer_len == OUTER_IP4_KEYED)
        return store_outer(skb, peer, OUTER_IP4_KEYED, ip_len, &hop->mac, &wrap->marks);
    return store_outer(skb, peer, OUTER_IP4, ip_len, &hop->mac, &wrap->marks);
}

STEP int store_ip6_outer(struct __sk_buff *skb, const struct xgre_peer *peer,
                         const struct wrap *wrap, __u32 ip_len, const struct next_hop *hop)
{
    if (!peer || !wrap || !hop) return XGRE_REWRITE_FAILED;
    if (wrap->outer_len == OUTER_IP6_KEYED)
        return store_outer(skb, peer, OUTER_IP6_KEYED, ip_len, &hop->mac, &wrap->marks);
    return store_outer(skb, peer, OUTER_IP6, ip_len, &hop->mac, &wrap->marks);
}

/* Writes what differs from peer to peer: Ethernet, IP and GRE. */
static __always_inline int address_outer(struct __sk_buff *skb, const struct xgre_peer *peer,
                                         const struct wrap *wrap, const struct next_hop *hop)
{
    __u32 ip_len = wrap->outer_len + wrap->inner_len;
    int verdict;

    /* One too large for the field is segmented; the kernel then writes each length. */
    if (ip_len > 0xffff) ip_len = 0;
    if (peer->flags & XGRE_PEER_BY_TC || wrap->marks.no_df)
        verdict = store_any_outer(skb, peer, wrap, ip_len, hop);
    else if (is_ip6_len(wrap->outer_len))
        verdict = store_ip6_outer(skb, peer, wrap, ip_len, hop);
    else
        verdict = store_ip4_outer(skb, peer, wrap, ip_len, hop);
    return verdict ? verdict : mend_protocol(skb, outer_protocol(wrap->outer_len));
}

/* The inner frame's Ethernet header with its tags, at `offset`. */
STEP int write_inner(struct __sk_buff *skb, __u32 offset, const struct ethhdr *eth,
                     const struct tags *tags)
{
    if (!eth || !tags) return XGRE_REWRITE_FAILED;
    if (bpf_skb_store_bytes(skb, offset, eth, 12, 0)) return XGRE_REWRITE_FAILED;
    offset += 12;
#pragma unroll
    for (__u32 i = 0; i < MAX_TAGS; i++) {
        if (i >= tags->count) break;
        if (bpf_skb_store_bytes(skb, offset, &tags->tag[i], 4, 0)) return XGRE_REWRITE_FAILED;
        offset += 4;
    }
    return bpf_skb_store_bytes(skb, offset, &eth->h_proto, 2, 0) ? XGRE_REWRITE_FAILED : XGRE_GO;
}

/*
 * A frame that came through a tunnel and goes into one again, as of a namespace that routes, may be
 * marked as encapsulated still: nothing clears that when it is decapsulated (net/core/filter.c,
 * bpf_skb_net_shrink), and marking it twice is refused. `is_stale`: the mark can be no other's.
 * Then it is right for what is made of the frame now, and so are the places of the inner headers,
 * which have not moved in the buffer. The type has to be put right afterwards: see mend_protocol.
 */
static __always_inline long add_room(struct __sk_buff *skb, __u32 len, __u64 flags, bool is_stale)
{
    long err = bpf_skb_adjust_room(skb, len, BPF_ADJ_ROOM_MAC, flags);

    if (err != -EALREADY || !is_stale) return err;
    return bpf_skb_adjust_room(skb, len, BPF_ADJ_ROOM_MAC, flags & BPF_F_ADJ_ROOM_FIXED_GSO);
}

static __always_inline __u64 room_flags(__u32 outer_len, __u32 inner_l2)
{
    return (is_ip6_len(outer_len) ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4) |
           BPF_F_ADJ_ROOM_ENCAP_L4_GRE | BPF_F_ADJ_ROOM_ENCAP_L2_ETH |
           (__u64)(inner_l2 & 0xff) << 56;
}

/*
 * Makes room for the outer headers and writes the inner Ethernet header; address_outer fills in
 * the rest. IP goes by bpf_skb_adjust_room, which tells the kernel what is inside, so that it can
 * segment and fill in checksums; it takes nothing else, and what else there is has neither.
 */
STEP int make_room(struct __sk_buff *skb, const struct wrap *wrap)
{
    __u64 flags;
    __u32 tags_len, inner_l2;
    struct ethhdr eth;
    int verdict;

    if (!wrap) return XGRE_REWRITE_FAILED;
    tags_len = 4 * wrap->tags.count;
    inner_l2 = sizeof(eth) + tags_len;
    flags = room_flags(wrap->outer_len, inner_l2);
    if (!wrap->shrink) flags |= BPF_F_ADJ_ROOM_FIXED_GSO;
    if (bpf_skb_load_bytes(skb, 0, &eth, sizeof(eth))) return XGRE_REWRITE_FAILED;
    if (is_ip(skb->protocol)) {
        /* To be segmented, and not TCP right behind Ethernet: a tunnel of the VM's own. */
        bool is_stale = !skb->gso_size || (wrap->header_len && !wrap->tags.count);
        long err = add_room(skb, wrap->outer_len + inner_l2, flags, is_stale);

        /* A datagram to be cut into fragments (UFO): there it is, and gets its headers then. */
        if (err == -ENOTSUPP) return XGRE_NO_DETOUR;
        if (err) return XGRE_REWRITE_FAILED;
        return write_inner(skb, sizeof(eth) + wrap->outer_len, &eth, &wrap->tags);
    }
    if (bpf_skb_change_head(skb, sizeof(eth) + wrap->outer_len + tags_len, 0))
        return XGRE_REWRITE_FAILED;
    verdict = write_inner(skb, sizeof(eth) + wrap->outer_len, &eth, &wrap->tags);
    if (verdict) return verdict;
    eth.h_proto = outer_protocol(wrap->outer_len);
    if (bpf_skb_store_bytes(skb, 0, &eth, sizeof(eth), 0)) return XGRE_REWRITE_FAILED;
    return refresh_protocol(skb);
}

/*
 * A flow is for frames whose length and tags are in the bytes. What is large enough to be segmented
 * has its tables looked up once for many packets anyway.
 */
static __always_inline bool can_have_flow(const struct __sk_buff *skb)
{
    return !skb->gso_size && !skb->vlan_present;
}

/* Room for the inner Ethernet header, too; behind shorter outer headers it begins before it. */
struct outer_frame {
    struct outer_headers headers;
    struct ethhdr inner;
} __attribute__((packed, aligned(4)));

static __always_inline enum xgre_verdict wrap_ip(struct __sk_buff *skb,
                                                 const struct xgre_peer *peer, __u32 len,
                                                 const struct xgre_hop *hop,
                                                 const struct ethernet *inner,
                                                 const struct inner_marks *marks)
{
    __u64 flags = room_flags(len, sizeof(struct ethhdr)) | BPF_F_ADJ_ROOM_FIXED_GSO;
    struct outer_frame out;
    struct ethhdr *eth = (void *)out.headers.outer + len;

    write_headers(&out.headers, peer, len, skb->len + len, hop, marks);
    copy_mac(eth->h_dest, inner->dst);
    copy_mac(eth->h_source, inner->src);
    eth->h_proto = inner->type;
    if (add_room(skb, len + sizeof(struct ethhdr), flags, true)) return XGRE_REWRITE_FAILED;
    if (bpf_skb_store_bytes(skb, 0, &out.headers.eth, 2 * sizeof(struct ethhdr) + len, 0))
        return XGRE_REWRITE_FAILED;
    return mend_protocol(skb, outer_protocol(len));
}

/* Untagged IP, which is nearly all there is, can have its headers written at once. */
static __always_inline bool is_plain_ip(const struct __sk_buff *skb, const struct ethernet *eth)
{
    return eth->len == sizeof(struct ethhdr) && eth->type == skb->protocol && is_ip(eth->type);
}

static __always_inline int plain_marks(struct __sk_buff *skb, const struct xgre_peer *peer,
                                       const struct ethernet *inner, struct inner_marks *marks)
{
    struct cursor c = frame_cursor(skb);

    if (peer->flags & XGRE_PEER_ENTROPY) return read_marks(skb, inner, peer->flags, marks);
    c.pos += sizeof(struct ethhdr);
    marks->ds = inner_ds(c, inner->type);
    return XGRE_GO;
}

/* With headers of one of two lengths, which are constants. */
static __always_inline int wrap_plain_as(struct __sk_buff *skb, const struct xgre_peer *peer,
                                         __u32 keyed, __u32 keyless, const struct xgre_hop *hop,
                                         const struct ethernet *inner)
{
    struct inner_marks marks = {};
    int verdict;

    if (!peer || !hop || !inner) return XGRE_REWRITE_FAILED;
    verdict = plain_marks(skb, peer, inner, &marks);
    if (verdict) return verdict;
    if (peer->outer_len == keyed) return wrap_ip(skb, peer, keyed, hop, inner, &marks);
    return wrap_ip(skb, peer, keyless, hop, inner, &marks);
}

STEP int wrap_plain_ip4(struct __sk_buff *skb, const struct xgre_peer *peer,
                        const struct xgre_hop *hop, const struct ethernet *inner)
{
    return wrap_plain_as(skb, peer, OUTER_IP4_KEYED, OUTER_IP4, hop, inner);
}

STEP int wrap_plain_ip6(struct __sk_buff *skb, const struct xgre_peer *peer,
                        const struct xgre_hop *hop, const struct ethernet *inner)
{
    return wrap_plain_as(skb, peer, OUTER_IP6_KEYED, OUTER_IP6, hop, inner);
}

/*
 * Encapsulates a frame that can_have_flow and is_plain_ip, and whose headers are `inner`, for a
 * peer that is not XGRE_PEER_BY_TC.
 */
static __always_inline int wrap_plain(struct __sk_buff *skb, const struct xgre_peer *peer,
                                      const struct xgre_hop *hop, const struct ethernet *inner)
{
    return is_ip6_len(peer->outer_len) ? wrap_plain_ip6(skb, peer, hop, inner)
                                       : wrap_plain_ip4(skb, peer, hop, inner);
}

/* ---- Delivery ----------------------------------------------------------------------------- */

/*
 * To a port. A veth's far end gets its frames as received at once, which spares the veth's queue
 * and a turn of its NAPI (bpf_redirect_peer, Linux 5.10). The kernel compared the MAC with another
 * device's, or another frame's, when it said whose the frame is.
 */
static __always_inline int deliver_to(struct __sk_buff *skb, __u32 ifindex, __u32 port_flags)
{
    /* A port that takes no large segments gets them cut by the kernel on the way into the veth. */
    if (!(port_flags & XGRE_PORT_FAR_END) || (skb->gso_size && !(port_flags & XGRE_PORT_OFFLOADS)))
        return bpf_redirect(ifindex, 0);
    if (skb->pkt_type != PACKET_HOST) bpf_skb_change_type(skb, PACKET_HOST);
    return bpf_redirect_peer(ifindex, 0);
}

/* ---- What XDP handed over ----------------------------------------------------------------- */

/* True, with a copy, when uplink_xdp decapsulated this frame; it is never the host's own. */
static __always_inline bool take_handover(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                          struct xgre_metadata *out)
{
    struct cursor c = {(void *)(long)skb->data_meta, (void *)(long)skb->data};
    struct xgre_metadata *meta = take(&c, sizeof(*meta));

    if (!meta || meta->magic != (XGRE_METADATA_MAGIC ^ uplink->cookie)) return false;
    *out = *meta;
    meta->magic = 0; /* it stays with the frame: nobody shall read it again */
    return true;
}

#endif
