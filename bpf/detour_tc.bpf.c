// SPDX-License-Identifier: GPL-2.0-only
/*
 * The far end of the detour. Each frame here is as a wire would have it: one packet, its checksums
 * filled in. It is sent on its way; with a checksum or a number in its GRE header, where the peer
 * wants that; in fragments, where it is too large and may be cut; or not, and its sender is told.
 */
#include "fragment.h"
#include "icmp_error.h"
#include "lease.h"
#include "probe.h"

char LICENSE[] __weak SEC("license") = "GPL";

struct passage {
    struct ethernet eth;
    struct origin from;
    struct weight weight;
    __u32 origin;   /* slot of a port, or a peer's id */
    __u32 target;   /* ifindex or peer id */
    __u32 port;     /* ifindex of the port that it came from; 0: from a peer */
    __u32 copy_for; /* a peer, of a frame that was flooded and counted; 0: no copy */
    __u16 target_slot;
    bool is_from_peer;
    bool is_probe;
    bool is_bound; /* for a port that is bound to its leases */
    bool no_df;    /* routers on the way to the peer are to cut it */
};

/* What of a GRE header is of one packet: RFC 2784 section 2.5, RFC 2890 section 2.2. */
STEP int finish_gre(struct __sk_buff *skb, __u32 id)
{
    struct xgre_peer *peer = find_peer(id);
    struct xgre_peer_state *state = bpf_map_lookup_elem(&peer_states, &id);
    struct sum_walk walk = {.skb = skb};
    __u32 end, fields;
    __be32 number;
    __u16 check;

    if (!peer || !state) return XGRE_PEER_GONE;
    if (!(peer->flags & XGRE_PEER_DETOUR)) return XGRE_GO;
    end = sizeof(struct ethhdr) + peer->outer_len;
    if (peer->flags & XGRE_PEER_OSEQ) {
        number = bpf_htonl(__sync_fetch_and_add(&state->sent, 1));
        if (bpf_skb_store_bytes(skb, end - sizeof(number), &number, sizeof(number), 0))
            return XGRE_REWRITE_FAILED;
    }
    if (!(peer->flags & XGRE_PEER_OCSUM)) return XGRE_GO;
    fields = 1 + !!(peer->flags & XGRE_PEER_OKEYED) + !!(peer->flags & XGRE_PEER_OSEQ);
    walk.offset = end - sizeof(struct gre_base) - 4 * fields;
    walk.left = skb->len - walk.offset;
    end = walk.offset + sizeof(struct gre_base); /* where the checksum is */
    if (!sum_all(&walk)) return XGRE_REWRITE_FAILED;
    check = ~fold(walk.sum);
    return bpf_skb_store_bytes(skb, end, &check, sizeof(check), 0) ? XGRE_REWRITE_FAILED : XGRE_GO;
}

/* Bytes of the largest frame that may leave by a port; devices allow for a VLAN tag on top of their
 * MTU. 0: it has gone. */
static __always_inline __u32 room_to_port(struct __sk_buff *skb, __u32 ifindex, bool tagged)
{
    __u32 mtu = device_mtu(skb, ifindex);

    return mtu ? mtu + sizeof(struct ethhdr) + (tagged ? 4 : 0) : 0;
}

/*
 * A frame of more than `room` bytes. GO: it is its first fragment now, and fits. HANDOVER: it is
 * the news for its sender now.
 */
STEP int shorten(struct __sk_buff *skb, __u32 room, __u32 origin, __u32 is_from_peer, __u32 is_copy)
{
    struct tags tags = {};
    struct iphdr ip;
    __u32 mtu;
    int verdict;

    verdict = lift_tags(skb, &tags);
    if (verdict) return verdict;
    if (room < sizeof(struct ethhdr) + 4 * tags.count) return XGRE_TOO_LARGE;
    mtu = room - sizeof(struct ethhdr) - 4 * tags.count;
    if (!is_ip(skb->protocol) || load_ipv4(skb, &ip)) return XGRE_TOO_LARGE;
    if (skb->protocol == bpf_htons(ETH_P_IP) && !(ip.frag_off & bpf_htons(IP_DF)))
        return split(skb, mtu, &tags);
    /* One for each peer would be many, and of peers that the destination is not behind. */
    if (is_copy) return XGRE_TOO_LARGE;
    verdict = tell(skb, mtu, origin, is_from_peer);
    if (verdict != XGRE_HANDOVER) return verdict;
    return put_tags(skb, &tags) ? XGRE_REWRITE_FAILED : XGRE_HANDOVER;
}

/* What routers are to cut is not held to what they, or the kernel, say that they let through. */
static __always_inline int hop_to(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                  struct xgre_peer *peer, __u32 id, const struct wrap *wrap,
                                  struct next_hop *hop)
{
    return wrap->marks.no_df ? find_next_hop_step(skb, uplink, peer, 1, hop)
                             : next_hop(skb, uplink, peer, id, wrap->ip_len, hop);
}

STEP int encapsulate(struct __sk_buff *skb, const struct xgre_uplink *uplink, __u32 id,
                     struct next_hop *hop, __u32 no_df)
{
    struct xgre_peer *peer = find_peer(id);
    struct ethernet eth = {};
    struct wrap wrap = {};
    __u32 header_len = 0;
    int verdict;

    if (!uplink || !hop || !peer) return XGRE_PEER_GONE;
    verdict = parse_frame_step(skb, 0, &eth, &header_len);
    if (verdict) return verdict;
    if (skb->vlan_present) eth.vlan = skb->vlan_tci & VLAN_VID_MASK;
    verdict = plan_wrap(skb, uplink, id, peer->outer_len, peer->flags, &eth, header_len, &wrap);
    if (verdict) return verdict;
    wrap.marks.no_df = no_df;
    verdict = hop_to(skb, uplink, peer, id, &wrap, hop);
    if (verdict) return verdict;
    verdict = make_room(skb, &wrap);
    if (verdict) return verdict;
    verdict = address_outer(skb, peer, &wrap, hop);
    if (verdict) return verdict;
    if (!hop->resolved) note_asked(peer);
    return XGRE_GO;
}

/* Two steps, so that the sum of a packet has stack left for it. */
static __always_inline int wrap_whole(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                      __u32 id, struct next_hop *hop, bool no_df)
{
    int verdict = encapsulate(skb, uplink, id, hop, no_df);

    return verdict ? verdict : finish_gre(skb, id);
}

static __always_inline int leave(const struct xgre_uplink *uplink, const struct next_hop *hop)
{
    return hop->resolved ? bpf_redirect(uplink->ifindex, 0)
                         : bpf_redirect_neigh(uplink->ifindex, NULL, 0, 0);
}

/* Whoever sent the frame gets it back, as what it has become. */
static __always_inline int send_back(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                     const struct passage *p)
{
    struct weight weight = {.packets = 1, .bytes = whole_len(skb)};
    struct next_hop hop = {};

    if (!p->is_from_peer) {
        note(XGRE_NOTE_TOLD);
        count_port_tx(p->origin, &weight);
        return bpf_redirect(p->port, 0);
    }
    if (wrap_whole(skb, uplink, p->origin, &hop, false)) return TC_ACT_SHOT;
    note(XGRE_NOTE_TOLD);
    count_peer_tx(p->origin, &weight);
    return leave(uplink, &hop);
}

static __always_inline enum xgre_verdict enter_from_port(__u32 slot, struct passage *p)
{
    __u32 *ifindex = bpf_map_lookup_elem(&detour_ports, &slot);
    enum xgre_verdict verdict;

    if (!ifindex) return XGRE_NO_NETWORK;
    verdict = enter_port(*ifindex, &p->from);
    if (verdict) return verdict;
    /* The slot may have become another port's. */
    if (p->from.port->slot != slot) return XGRE_NO_NETWORK;
    p->port = *ifindex;
    return XGRE_GO;
}

static __always_inline enum xgre_verdict enter_from_peer(__u32 id, struct passage *p)
{
    struct xgre_peer *peer = find_peer(id);

    if (!peer) return XGRE_PEER_GONE;
    p->from.owner = peer_owner(id);
    return enter_network(&p->from, peer->network);
}

/* TO_PORT or TO_PEER with the target, or a drop. */
static __always_inline enum xgre_verdict find_target(struct passage *p)
{
    enum xgre_verdict verdict;
    struct target to = {};

    verdict = p->is_from_peer || p->is_probe ? enter_from_peer(p->origin, p)
                                             : enter_from_port(p->origin, p);
    if (verdict) return verdict;
    if (p->is_probe) {
        p->target = p->origin;
        return XGRE_TO_PEER;
    }
    verdict = p->copy_for ? to_peer(&p->from, p->copy_for, &to) : decide(&p->from, &p->eth, &to);
    /* An entry that has gone meanwhile. */
    if (verdict == XGRE_FLOODED) return XGRE_NO_TARGET;
    /* From a port, port_tc has done so. */
    if (verdict == XGRE_TO_PORT && p->is_from_peer) learn(&p->from, &p->eth);
    p->target = to.id;
    p->target_slot = to.port ? to.port->slot : 0;
    p->is_bound = to.port && to.flags & TARGET_BOUND;
    return verdict;
}

/* Bytes of the largest frame that the target takes; 0: it has gone. */
static __always_inline __u32 room_to_target(struct __sk_buff *skb, const struct xgre_uplink *uplink,
                                            enum xgre_verdict verdict, struct passage *p)
{
    __u32 room, room6;

    if (verdict == XGRE_TO_PORT)
        return room_to_port(skb, p->target,
                            skb->vlan_present || p->eth.len > sizeof(struct ethhdr));
    room = room_to_peer(skb, uplink, p->target);
    if (p->weight.bytes <= room) return room;
    room6 = room_for_ip6(skb, uplink, p->target);
    p->no_df = room6 > room;
    return p->no_df ? room6 : room;
}

static __always_inline enum xgre_verdict handle(struct __sk_buff *skb,
                                                const struct xgre_uplink *uplink, struct passage *p,
                                                struct next_hop *hop)
{
    __u32 mark = skb->mark, units = skb->tc_index, header_len = 0, room;
    enum xgre_verdict verdict;
    int err = 0;

    p->origin = mark & XGRE_DETOUR_ORIGIN;
    p->is_from_peer = mark & XGRE_DETOUR_ORIGIN_PEER;
    p->is_probe = mark & XGRE_DETOUR_PROBE;
    p->copy_for = mark >> XGRE_DETOUR_COPY_SHIFT & XGRE_DETOUR_ORIGIN;
    if (p->is_probe && !p->is_from_peer) err = make_probe(skb, p->origin);
    if (units) {
        err = keep_rest(skb, units);
        skb->tc_index = 0;
    }
    if (!err) err = parse_frame_step(skb, 0, &p->eth, &header_len);
    p->weight = frame_weight(skb, skb->len, 0);
    if (err) return err;
    if (skb->vlan_present) p->eth.vlan = skb->vlan_tci & VLAN_VID_MASK;
    verdict = find_target(p);
    if (verdict != XGRE_TO_PORT && verdict != XGRE_TO_PEER) return verdict;
    room = room_to_target(skb, uplink, verdict, p);
    if (p->is_bound) note_lease(skb, p->from.network_id);
    if (p->weight.bytes > room) {
        err = shorten(skb, room, p->origin, p->is_from_peer, !!p->copy_for);
        if (err) return err;
        p->weight.bytes = whole_len(skb);
    }
    skb->mark = 0;
    if (verdict == XGRE_TO_PORT) return verdict;
    err = wrap_whole(skb, uplink, p->target, hop, p->no_df);
    return err ? err : XGRE_TO_PEER;
}

static __always_inline void count_passage(const struct passage *p, enum xgre_verdict verdict)
{
    if (p->copy_for) {
        count_copy(XGRE_PROGRAM_DETOUR_TC, verdict == XGRE_TO_PEER ? XGRE_FLOODED : verdict);
    } else {
        count_verdict(XGRE_PROGRAM_DETOUR_TC, verdict, &p->weight);
        if (p->is_from_peer)
            count_peer_rx(p->origin, &p->weight);
        else if (p->port)
            count_port_rx(p->origin, &p->weight);
    }
    if (verdict == XGRE_TO_PORT) count_port_tx(p->target_slot, &p->weight);
    if (verdict == XGRE_TO_PEER) count_peer_tx(p->target, &p->weight);
}

SEC("tc")
int detour_tc(struct __sk_buff *skb)
{
    struct xgre_uplink *uplink = find_uplink();
    struct next_hop hop = {};
    struct passage p = {};
    enum xgre_verdict verdict;

    /* What the host itself says on the device has no mark. */
    if (!uplink || !(skb->mark & XGRE_DETOUR_MARK)) return TC_ACT_SHOT;
    if (is_watched(uplink)) watch_begin_tc(skb, XGRE_PROGRAM_DETOUR_TC);
    verdict = handle(skb, uplink, &p, &hop);
    if (is_watched(uplink))
        watch_end_tc(skb, WATCHED(XGRE_PROGRAM_DETOUR_TC, verdict), p.from.network_id,
                     verdict == XGRE_TO_PEER ? p.target : 0, p.target);
    count_passage(&p, verdict == XGRE_HANDOVER ? XGRE_TOO_LARGE : verdict);
    skb->mark = 0;
    if (verdict == XGRE_HANDOVER) return send_back(skb, uplink, &p);
    if (verdict == XGRE_TO_PORT) return bpf_redirect(p.target, 0);
    return verdict == XGRE_TO_PEER ? leave(uplink, &hop) : TC_ACT_SHOT;
}
