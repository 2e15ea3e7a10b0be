/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Outer packets in two fragments, TC only: the first is held in `fragments`, and put in front of
 * the second when that comes. The result goes on as a packet that came whole. Nothing is made of
 * three fragments or more, nor of a second one that comes before the first.
 *
 * One CPU at a time works on an entry: whoever has just put it in, or made it BUSY. The kernel
 * gives the memory of a deleted entry to another key at once, under the eyes of who found it
 * before. So only its owner can tell which key it has now, by the copy inside.
 */
#ifndef XGRE_BPF_REASSEMBLE_H
#define XGRE_BPF_REASSEMBLE_H

#include "forward.h"
#include "hook_tc.h"

/* A fragment, as its own IP header has it. Offsets are from the start of the frame. */
struct fragment {
    struct xgre_fragment_key key;
    __u32 id;
    __u32 place;   /* of its payload in that of the packet, bytes */
    __u32 payload; /* offset */
    __u32 end;     /* offset: what follows is padding */
    __u16 ds;
    __u16 more; /* there is one behind it */
};

#define MAX_ROOMS 3

const volatile struct xgre_fragment blank_fragment __weak = {};

/* An atomic operation with a result is a barrier, too. */
static __always_inline bool claim(struct xgre_fragment *held, __u32 state)
{
    return __sync_val_compare_and_swap(&held->state, state, XGRE_FRAGMENT_BUSY) == state;
}

static __always_inline void leave(struct xgre_fragment *held, __u32 state)
{
    __sync_val_compare_and_swap(&held->state, XGRE_FRAGMENT_BUSY, state);
}

/* Asked by its owner: it may have become another since it was found. */
static __always_inline bool is_at(const struct xgre_fragment *held,
                                  const struct xgre_fragment_key *key)
{
    return held->key.place == key->place && same_addr(&held->key.source, &key->source);
}

static __always_inline bool is_late(const struct xgre_fragment *held, __u64 now)
{
    return (__s64)(now - held->came) > (__s64)XGRE_FRAGMENT_NS;
}

/* Counts a packet that does not become whole. */
static __always_inline void lose(const struct xgre_fragment *held, enum xgre_verdict verdict)
{
    struct weight weight = {.packets = 1, .bytes = held->inner_len};

    count_verdict(XGRE_PROGRAM_UPLINK_TC, verdict, &weight);
    count_peer_rx(held->peer, &weight);
}

/* One's own. The kernel refuses while this CPU is at work in the map: then the sweep does it. */
static __always_inline void discard(struct xgre_fragment *held)
{
    struct xgre_fragment_key key = held->key;

    if (bpf_map_delete_elem(&fragments, &key)) leave(held, XGRE_FRAGMENT_DONE);
}

/* ---- The fragment that came --------------------------------------------------------------- */

static __always_inline enum xgre_verdict read_ipv4(struct cursor *c, struct fragment *out)
{
    struct iphdr *ip = take(c, sizeof(*ip));

    if (!ip || ip->ihl < 5) return XGRE_FRAGMENT;
    out->key.source = (struct xgre_addr){{ip->saddr}};
    out->id = bpf_ntohs(ip->id);
    out->key.place = out->id % XGRE_SOURCE_FRAGMENTS;
    out->place = (bpf_ntohs(ip->frag_off) & IP_OFFSET) * 8;
    out->more = !!(ip->frag_off & bpf_htons(IP_MF));
    out->payload = sizeof(struct ethhdr) + ip->ihl * 4;
    out->end = sizeof(struct ethhdr) + bpf_ntohs(ip->tot_len);
    out->ds = ip->tos;
    return check_ip_sum(ip, *c, ip->ihl) ? XGRE_FRAGMENT : XGRE_GO;
}

/* Where Linux and routers put the header: behind an encapsulation limit at most. */
static __always_inline enum xgre_verdict read_ipv6(struct cursor *c, struct fragment *out)
{
    struct ipv6hdr *ip = take(c, sizeof(*ip));
    struct extension *header = take(c, sizeof(*header));
    __u8 next;

    if (!ip || !header) return XGRE_FRAGMENT;
    next = ip->nexthdr;
    out->payload = sizeof(struct ethhdr) + sizeof(*ip) + sizeof(*header);
    if (next == IPPROTO_DSTOPTS) {
        if (header->len) return XGRE_FRAGMENT;
        next = header->next;
        header = take(c, sizeof(*header));
        if (!header) return XGRE_FRAGMENT;
        out->payload += sizeof(*header);
    }
    if (next != IPPROTO_FRAGMENT) return XGRE_FRAGMENT;
    copy_addr(&out->key.source, &ip->saddr);
    out->id = bpf_ntohl(header->rest);
    out->key.place = XGRE_SOURCE_FRAGMENTS + out->id % XGRE_SOURCE_FRAGMENTS;
    out->place = bpf_ntohs(header->offset) & IP6_OFFSET;
    out->more = bpf_ntohs(header->offset) & IP6_MF;
    out->end = sizeof(struct ethhdr) + sizeof(*ip) + bpf_ntohs(ip->payload_len);
    out->ds = ipv6_ds(ip);
    return XGRE_GO;
}

/* GO, or FRAGMENT for one that is not as it has to be. */
STEP int read_fragment(struct __sk_buff *skb, struct fragment *out)
{
    struct cursor c = header_cursor(skb);
    struct ethhdr *eth = take(&c, sizeof(*eth));
    enum xgre_verdict verdict;

    if (!out || !eth) return XGRE_FRAGMENT;
    verdict = eth->h_proto == bpf_htons(ETH_P_IP) ? read_ipv4(&c, out) : read_ipv6(&c, out);
    if (verdict) return verdict;
    if (out->end <= out->payload || out->end > skb->len) return XGRE_FRAGMENT;
    /* One that is whole may be in front of one that is not. */
    return out->place || out->more ? XGRE_GO : XGRE_FRAGMENT;
}

STEP int parse_first_step(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                          struct outer *out)
{
    if (!uplink || !out) return XGRE_REWRITE_FAILED;
    return parse_outer(skb, uplink, READ_FIRST, out);
}

/* ---- The first ---------------------------------------------------------------------------- */

/* Makes an entry that was found one's own, and empty. */
static __always_inline bool empty_entry(struct xgre_fragment *held,
                                        const struct xgre_fragment_key *key, __u64 now)
{
    bool is_done = claim(held, XGRE_FRAGMENT_DONE);

    if (!is_done && !claim(held, XGRE_FRAGMENT_HELD)) return false;
    if (!is_at(held, key)) {
        leave(held, is_done ? XGRE_FRAGMENT_DONE : XGRE_FRAGMENT_HELD);
        return false;
    }
    if (!is_done) lose(held, is_late(held, now) ? XGRE_FRAGMENT_TIMEOUT : XGRE_FRAGMENT_STORE_FULL);
    return true;
}

/* An entry that is one's own, with nothing in it. NULL: there is no room. */
static __always_inline struct xgre_fragment *make_entry(const struct xgre_fragment_key *key,
                                                        __u64 now)
{
    struct xgre_fragment *held = bpf_map_lookup_elem(&fragments, key);

    if (held) return empty_entry(held, key, now) ? held : NULL;
    if (bpf_map_update_elem(&fragments, key, (void *)&blank_fragment, BPF_NOEXIST)) return NULL;
    return bpf_map_lookup_elem(&fragments, key);
}

/* PUNT: it is held. */
STEP int hold_fragment(struct __sk_buff *skb, const struct fragment *part,
                       const struct outer *outer, __u32 peer)
{
    __u64 now = bpf_ktime_get_coarse_ns(), last;
    struct xgre_fragment_key key;
    struct xgre_fragment *held;

    if (!part || !outer) return XGRE_REWRITE_FAILED;
    last = part->end - sizeof(struct ethhdr) - 1;
    barrier_var(last);
    /* RFC 791, RFC 8200 section 4.5: of all fragments but the last. */
    if (last >= XGRE_FRAGMENT_MAX || (part->end - part->payload) % 8) return XGRE_FRAGMENT;
    key = part->key;
    held = make_entry(&key, now);
    if (!held) return XGRE_FRAGMENT_STORE_FULL;
    held->key = key;
    held->id = part->id;
    held->peer = peer;
    held->came = now;
    held->len = last + 1;
    held->headers_len = part->payload - sizeof(struct ethhdr);
    held->inner_len = outer->inner_len;
    held->ds = part->ds;
    if (bpf_skb_load_bytes(skb, sizeof(struct ethhdr), held->bytes, last + 1)) {
        discard(held);
        return XGRE_TRUNCATED;
    }
    leave(held, XGRE_FRAGMENT_HELD);
    return XGRE_PUNT;
}

/* ---- The second --------------------------------------------------------------------------- */

/*
 * RFC 3168 section 5.3: one fragment's mark is the packet's. That of a sender without ECN no router
 * sets, so a packet of both kinds is one that was tampered with.
 */
static __always_inline enum xgre_verdict join_ecn(const struct fragment *part, __u8 *ds)
{
    __u8 first = *ds & ECN_MASK, second = part->ds & ECN_MASK;

    if (first != ECN_CE && second != ECN_CE) return XGRE_GO;
    if (!first || !second) return XGRE_ECN;
    *ds |= ECN_CE;
    return XGRE_GO;
}

static __always_inline enum xgre_verdict check_join(struct xgre_fragment *held,
                                                    const struct fragment *part)
{
    __u32 known = held->len - held->headers_len;

    if (part->place < known) return XGRE_FRAGMENT_OVERLAP;
    if (part->place > known || part->more) return XGRE_FRAGMENT;
    if (held->len + (part->end - part->payload) > 0xffff) return XGRE_FRAGMENT;
    return join_ecn(part, &held->ds);
}

/* RFC 1624 section 3, equation 3, for a word of a header. */
static __always_inline void set_ipv4_word(struct iphdr *ip, void *word, __u16 value)
{
    __u16 before = *(word16 *)word;

    *(word16 *)word = value;
    ip->check = ~fold((__u16)~ip->check + (__u32)(__u16)~before + value);
}

/* The header of the first fragment becomes that of the packet, of `len` bytes. */
static __always_inline void mend_header(struct xgre_fragment *held, __u32 len)
{
    if (held->key.place < XGRE_SOURCE_FRAGMENTS) {
        struct iphdr *ip = (void *)held->bytes;

        set_ipv4_word(ip, &ip->tot_len, bpf_htons(len));
        set_ipv4_word(ip, &ip->frag_off, 0);
        set_ipv4_ds(ip, held->ds);
    } else {
        struct ipv6hdr *ip = (void *)held->bytes;

        ip->payload_len = bpf_htons(len - sizeof(*ip));
        set_ipv6_ds((word16 *)ip, held->ds);
    }
}

/*
 * Room in front of the second fragment's payload, in the place of its IP header, for the first. Not
 * by bpf_skb_change_head: that leaves the network header where it was, and strip_outer needs it.
 */
static __always_inline enum xgre_verdict make_room_for(struct __sk_buff *skb, __u32 room)
{
#pragma unroll
    for (int i = 0; i < MAX_ROOMS; i++) {
        __u32 now = room < ROOM_AT_ONCE ? room : ROOM_AT_ONCE;

        if (!now) return XGRE_GO;
        if (bpf_skb_adjust_room(skb, now, BPF_ADJ_ROOM_MAC, 0)) return XGRE_REWRITE_FAILED;
        room -= now;
    }
    return room ? XGRE_REWRITE_FAILED : XGRE_GO;
}

/* The two to one, in the place of the second. */
static __always_inline enum xgre_verdict join_fragments(struct __sk_buff *skb,
                                                        struct xgre_fragment *held,
                                                        const struct fragment *part)
{
    enum xgre_verdict verdict;
    __u32 headers_len;
    __be16 whole = 0;
    __u64 last;

    verdict = check_join(held, part);
    if (verdict) return verdict;
    headers_len = part->payload - sizeof(struct ethhdr);
    /* A first fragment that is no longer than the second's headers: no router makes that. */
    if (held->len <= headers_len) return XGRE_FRAGMENT;
    if (skb->len > part->end && bpf_skb_change_tail(skb, part->end, 0)) return XGRE_REWRITE_FAILED;
    verdict = make_room_for(skb, held->len - headers_len);
    if (verdict) return verdict;
    mend_header(held, held->len + part->end - part->payload);
    last = held->len - 1;
    barrier_var(last);
    if (last >= XGRE_FRAGMENT_MAX || bpf_skb_store_bytes(skb, sizeof(struct ethhdr), held->bytes,
                                                         last + 1, BPF_F_RECOMPUTE_CSUM))
        return XGRE_REWRITE_FAILED;
    if (held->key.place < XGRE_SOURCE_FRAGMENTS) return XGRE_GO;
    /* The fragment header stays, and says that this is all: RFC 6946. */
    return bpf_skb_store_bytes(skb, sizeof(struct ethhdr) + held->headers_len - 6, &whole,
                               sizeof(whole), BPF_F_RECOMPUTE_CSUM)
               ? XGRE_REWRITE_FAILED
               : XGRE_GO;
}

/* PASS: its first is not here. Else `outer` and `peer` are told what they need to be counted. */
STEP int add_fragment(struct __sk_buff *skb, const struct fragment *part, struct outer *outer,
                      __u32 *peer)
{
    struct xgre_fragment_key key;
    struct xgre_fragment *held;
    int verdict;

    if (!part || !outer || !peer) return XGRE_REWRITE_FAILED;
    key = part->key;
    held = bpf_map_lookup_elem(&fragments, &key);
    if (!held || held->id != part->id || !claim(held, XGRE_FRAGMENT_HELD)) return XGRE_PASS;
    if (held->id != part->id || !is_at(held, &key)) {
        leave(held, XGRE_FRAGMENT_HELD);
        return XGRE_PASS;
    }
    if (is_late(held, bpf_ktime_get_coarse_ns())) {
        lose(held, XGRE_FRAGMENT_TIMEOUT);
        verdict = XGRE_PASS;
    } else {
        *peer = held->peer;
        outer->inner_len = held->inner_len + part->end - part->payload;
        verdict = join_fragments(skb, held, part);
    }
    discard(held);
    return verdict;
}

/*
 * A packet that is a fragment. GO: it was the second, and is whole now. PUNT: the first, and held.
 * `peer` is written where it is known, and the packet does not become whole.
 */
STEP int reassemble(struct __sk_buff *skb, const struct xgre_uplink *uplink, struct outer *outer,
                    __u32 *peer)
{
    struct fragment part = {};
    int verdict, first;
    __u64 tunnel;

    if (!uplink || !outer || !peer) return XGRE_REWRITE_FAILED;
    verdict = read_fragment(skb, &part);
    if (!verdict && part.place) {
        verdict = add_fragment(skb, &part, outer, peer);
        if (verdict) return verdict;
        verdict = parse_outer_step(skb, uplink, outer);
        if (!verdict) *peer = 0;
        return verdict;
    }
    first = parse_first_step(skb, uplink, outer);
    if (first) return first;
    tunnel = find_tunnel(outer, uplink->local);
    if (!tunnel) return XGRE_UNKNOWN_PEER;
    *peer = tunnel;
    return verdict ? verdict : hold_fragment(skb, &part, outer, tunnel);
}

#endif
