/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Flows: what was decided for a frame, kept for the next one that comes the same way with the same
 * addresses. One look-up by index then stands for those in `tunnels`, `fdb` (twice), `ports`,
 * `redirect`, the route, the neighbour and the MTU.
 *
 * Three things make a flow forgotten. A change in our maps raises `generation`, so that it counts
 * from the next frame on; who decides reads that number before the tables, and who changes them
 * raises it after. What the kernel does not tell us is late: routes, neighbours and the
 * uplink's MTU by XGRE_HOP_NS at most, or by a tick where that is longer; MTUs of ports, the
 * refresh of last_seen and the end of an entry's age by XGRE_FLOW_NS. And another flow may need the
 * room. Drops and floods are never kept.
 */
#ifndef XGRE_BPF_FLOW_H
#define XGRE_BPF_FLOW_H

#include "encap.h"
#include "forward.h"

struct flow_key {
    __u64 word[3];
};

/* The rest of a key with FLOW_IP6; NULL for flows that have none of those, as from a port. */
struct flow_rest {
    __u32 word[3];
};

/* Beside the source address. */
#define FLOW_TAGGED (1ULL << 48)    /* the first VLAN tag is in the bytes: it is free for the MTU */
#define FLOW_FROM_PEER (1ULL << 49) /* word 2 is the outer source and the GRE key, not a port */
#define FLOW_KEYED (1ULL << 50)
#define FLOW_HOP (1ULL << 51) /* no frame's flow, but the next hop of the peer in word 2 */
#define FLOW_IP6 (1ULL << 52) /* from a peer whose address and key take word 2 and `rest` */

static __always_inline struct flow_key flow_key(const struct ethernet *eth, bool tagged)
{
    return (struct flow_key){
        .word = {mac_word(eth->dst) | (__u64)eth->vlan << 48,
                 mac_word(eth->src) | (tagged ? FLOW_TAGGED : 0)},
    };
}

static __always_inline struct flow_key port_flow(__u32 ifindex, const struct ethernet *eth,
                                                 bool tagged)
{
    struct flow_key key = flow_key(eth, tagged);

    key.word[2] = ifindex;
    return key;
}

static __always_inline struct flow_key peer_flow(const struct outer *outer,
                                                 const struct ethernet *eth, bool tagged,
                                                 struct flow_rest *rest)
{
    struct flow_key key = flow_key(eth, tagged);
    const __be32 *source = outer->source.word;

    key.word[1] |= FLOW_FROM_PEER | (outer->keyed ? FLOW_KEYED : 0);
    if (outer->ip6) {
        key.word[1] |= FLOW_IP6;
        key.word[2] = source[3] | (__u64)source[2] << 32;
        rest->word[0] = source[1];
        rest->word[1] = source[0];
        rest->word[2] = outer->key;
    } else {
        *rest = (struct flow_rest){};
        key.word[2] = source[0] | (__u64)outer->key << 32;
    }
    return key;
}

/* How many there are, as 2^(64-n): the loader knows. */
const volatile __u32 flow_shift __weak = 64 - 14;
XGRE_ASSERT(XGRE_FLOWS == 1 << 14, "as many as the map has");

/* XGRE_HOP_NS, XGRE_FLOW_NS and a second in ticks of this kernel's clock: the loader knows. */
const volatile __u32 hop_ticks __weak = 2;
const volatile __u32 flow_ticks __weak = 16;
const volatile __u32 second_ticks __weak = 250;

static __always_inline __u32 flow_index(const struct flow_key *key)
{
    /* Odd constants from the golden ratio and from pi: each word's bits reach the upper ones. */
    __u64 hash = key->word[0] * 0x9e3779b97f4a7c15ULL ^ key->word[1] * 0x243f6a8885a308d3ULL ^
                 key->word[2] * 0x13198a2e03707345ULL;

    hash ^= hash >> 32;
    return hash * 0x9e3779b97f4a7c15ULL >> (flow_shift & 63);
}

/* Never NULL. */
static __always_inline struct xgre_flow *flow_at(__u32 index)
{
    return bpf_map_lookup_elem(&flows, &index);
}

static __always_inline bool is_believed(const struct xgre_flow *flow, const struct moment *at)
{
    return flow->generation == at->generation && at->tick < flow->until;
}

static __always_inline bool is_rest(const struct xgre_flow *flow, const struct flow_rest *rest)
{
    return !((flow->rest[0] ^ rest->word[0]) | (flow->rest[1] ^ rest->word[1]) |
             (flow->rest[2] ^ rest->word[2]));
}

static __always_inline bool is_flow(const struct xgre_flow *flow, const struct flow_key *key,
                                    const struct flow_rest *rest, const struct moment *at)
{
    return !((flow->key[0] ^ key->word[0]) | (flow->key[1] ^ key->word[1]) |
             (flow->key[2] ^ key->word[2])) &&
           is_believed(flow, at) && (!rest || !(key->word[1] & FLOW_IP6) || is_rest(flow, rest));
}

/*
 * The flow of `key`, or where it is to be kept. A flow has two places side by side: with one,
 * every ninth of 4000 flows would find another in it.
 */
static __always_inline struct xgre_flow *find_flow(const struct flow_key *key,
                                                   const struct flow_rest *rest,
                                                   const struct moment *at, bool *known)
{
    __u32 index = flow_index(key);
    struct xgre_flow *one = flow_at(index), *two;

    *known = one && is_flow(one, key, rest, at);
    if (!one || *known) return one;
    two = flow_at(index ^ 1);
    *known = two && is_flow(two, key, rest, at);
    return two && (*known || is_believed(one, at)) ? two : one;
}

/* In `flags`, in the place of what no flow needs: a port's FAR_END tells what became of DIRECT. */
#define FLOW_BEHIND XGRE_PORT_DIRECT

/*
 * For XDP, which leaves a frame in fragments to TC: nothing of its flow is to overtake it. So XDP
 * sends none of the flow by itself for as long as that is believed.
 */
static __always_inline void keep_behind(struct xgre_flow *flow)
{
    flow->flags = (flow->flags & ~XGRE_PORT_XDP_XMIT) | FLOW_BEHIND;
}

/* For TC, which has no answer from its redirect: does the flow's port have its device still? */
static __always_inline bool has_device(const struct xgre_flow *flow)
{
    __u32 ifindex = flow->target;

    return bpf_map_lookup_elem(&redirect, &ifindex);
}

/* Takes the room of a flow. It is none until `until` is written, as the last of all. */
static __always_inline void claim_flow(struct xgre_flow *flow, const struct flow_key *key,
                                       const struct flow_rest *rest, const struct moment *at)
{
    *(volatile __u64 *)&flow->until = 0;
    flow->key[0] = key->word[0];
    flow->key[1] = key->word[1];
    flow->key[2] = key->word[2];
    if (rest && key->word[1] & FLOW_IP6) {
        flow->rest[0] = rest->word[0];
        flow->rest[1] = rest->word[1];
        flow->rest[2] = rest->word[2];
    }
    flow->generation = at->generation;
}

static __always_inline struct flow_key hop_flow(__u32 peer)
{
    return (struct flow_key){.word = {0, FLOW_HOP, peer}};
}

/*
 * The next hop of a peer is kept, too: the kernel is asked once for all frames to it, those that
 * are flooded and those of flows that are new. What rests on it is believed no longer than it is
 * itself. False: not kept; then `hop` is ready for keep_hop, once the kernel has been asked.
 */
static __always_inline bool recall_hop(__u32 peer, __u32 ip_len, struct next_hop *hop)
{
    struct moment at = this_moment();
    struct flow_key key = hop_flow(peer);
    struct xgre_flow *flow = flow_at(flow_index(&key));

    if (!flow) return false;
    if (is_flow(flow, &key, NULL, &at) && ip_len <= flow->max_len) {
        hop->mac = flow->hop;
        hop->until = flow->until;
        hop->resolved = true;
        return true;
    }
    claim_flow(flow, &key, NULL, &at);
    hop->until = at.tick + hop_ticks;
    return false;
}

/* Nothing else of this CPU has come between: hooks and softirqs do not interrupt each other. */
static __always_inline void keep_hop(__u32 peer, __u32 ip_len, const struct next_hop *hop)
{
    struct flow_key key = hop_flow(peer);
    struct xgre_flow *flow = flow_at(flow_index(&key));

    if (!flow || !hop->resolved) return;
    flow->max_len = ip_len;
    flow->hop = hop->mac;
    *(volatile __u64 *)&flow->until = hop->until;
}

/*
 * Writes down what was decided, for this frame at least: with a source that was refused, or with
 * no next hop, for this frame only. `len` is that of the inner frame, or of its largest segment.
 */
static __always_inline void keep_flow(struct xgre_flow *flow, const struct flow_key *key,
                                      const struct flow_rest *rest, const struct origin *from,
                                      const struct target *to, const struct next_hop *hop,
                                      __u32 len)
{
    bool again = !from->refusal && (!hop || hop->resolved) && len <= 0xffff;

    claim_flow(flow, key, rest, &from->at);
    flow->target = to->id;
    flow->source = from->port ? from->port->slot : owner_id(from->owner);
    flow->target_slot = to->port ? to->port->slot : 0;
    flow->network = from->network_id;
    flow->max_len = len;
    flow->verdict = to->port ? XGRE_TO_PORT : XGRE_TO_PEER;
    flow->flags = to->flags & ~FLOW_BEHIND;
    if (hop) flow->hop = hop->mac;
    if (again) *(volatile __u64 *)&flow->until = hop ? hop->until : from->at.tick + flow_ticks;
}

#endif
