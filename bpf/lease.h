/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What DHCP servers give to whom, seen on its way to the port: `bindings`. Only messages that are
 * let in come here, so none of a port that is bound to leases itself, and none of one that has the
 * guard against DHCP servers. TC only.
 */
#ifndef XGRE_BPF_LEASE_H
#define XGRE_BPF_LEASE_H

#include "fdb.h"
#include "inside.h"

/* RFC 2131 section 2, up to the client's MAC. */
struct dhcp_start {
    __u8 operation;
    __u8 hardware;
    __u8 hardware_len;
    __u8 hops;
    __u32 skipped[2];
    __be32 client; /* ciaddr: has it already */
    __be32 given;  /* yiaddr */
    __be32 server;
    __be32 relay; /* giaddr */
    __u8 mac[6];
    __u8 pad[2];
};

#define DHCP_CLIENT_PORT 68
#define DHCP_SERVER_PORT 67

#define DHCP_REQUEST 1
#define DHCP_REPLY 2
#define DHCP_OPTIONS 240 /* from the start of the message; the magic cookie is before them */
#define DHCP_OPTIONS_MOST 128
#define DHCP_DECLINE 4
#define DHCP_ACK 5
#define DHCP_RELEASE 7

static __always_inline bool is_dhcp(const struct dhcp_start *start, __u8 operation)
{
    return start->operation == operation && start->hardware == 1 && start->hardware_len == 6;
}

/* Who sends: a port, and the MAC that the frame says. */
struct sender {
    __u32 port; /* ifindex */
    __u32 slot;
    __u32 flags;
    __u32 request; /* where a message to DHCP servers begins, if it is one */
    __u8 mac[6];
    __u8 pad[2];
};

struct option_walk {
    struct __sk_buff *skb;
    __u32 at;
    __be32 lease_time; /* option 51, seconds */
    __be32 wanted;     /* option 50 */
    __u32 type;        /* option 53 */
};

/* RFC 2132. */
static long read_option(__u32 index, struct option_walk *walk)
{
    __u8 head[2], type;

    if (bpf_skb_load_bytes(walk->skb, walk->at, head, sizeof(head)) || head[0] == 255) return 1;
    if (!head[0]) { /* padding, of one byte */
        walk->at++;
        return 0;
    }
    if (head[0] == 51 && head[1] == 4)
        bpf_skb_load_bytes(walk->skb, walk->at + 2, &walk->lease_time, 4);
    if (head[0] == 50 && head[1] == 4)
        bpf_skb_load_bytes(walk->skb, walk->at + 2, &walk->wanted, 4);
    if (head[0] == 53 && head[1] == 1 && !bpf_skb_load_bytes(walk->skb, walk->at + 2, &type, 1))
        walk->type = type;
    walk->at += 2 + head[1];
    return 0;
}

/* The options of the message at `at`. */
static __always_inline void read_options(struct __sk_buff *skb, __u32 at, struct option_walk *walk)
{
    __be32 cookie;

    walk->skb = skb;
    walk->at = at + DHCP_OPTIONS;
    if (bpf_skb_load_bytes(skb, at + DHCP_OPTIONS - 4, &cookie, 4)) return;
    if (cookie == bpf_htonl(0x63825363)) bpf_loop(DHCP_OPTIONS_MOST, read_option, walk, 0);
}

static __always_inline struct xgre_binding_key binding_key(__u32 port, const __u8 *mac,
                                                           __be32 address)
{
    struct xgre_binding_key key = {.port = port, .address = address};

    copy_mac(key.mac, mac);
    return key;
}

static __always_inline bool has_lease(__u32 port, const __u8 *mac, __be32 address)
{
    struct xgre_binding_key key = binding_key(port, mac, address);
    struct xgre_binding *binding = bpf_map_lookup_elem(&bindings, &key);

    return binding && (__s64)(binding->until - bpf_ktime_get_coarse_ns()) > 0;
}

static __always_inline __u64 *bound_at(__u32 slot)
{
    return bpf_map_lookup_elem(&bound, &slot);
}

/* Whoever takes it out uncounts it. */
static __always_inline bool remove_binding(const struct xgre_binding_key *key, __u32 slot)
{
    __u64 *count = bound_at(slot);

    if (bpf_map_delete_elem(&bindings, key)) return false;
    if (count) __sync_fetch_and_add(count, -1);
    return true;
}

/*
 * The message at `at` is a VM's own: it may give an address back, but no other's. Servers take its
 * word for who it is, by an identifier that may be any client's.
 */
STEP int end_lease(struct __sk_buff *skb, __u32 at, const struct sender *who)
{
    struct option_walk walk = {};
    struct xgre_binding_key key = {};

    if (!who) return XGRE_GO;
    read_options(skb, at, &walk);
    if (walk.type != DHCP_RELEASE && walk.type != DHCP_DECLINE) return XGRE_GO;
    if (walk.type == DHCP_DECLINE)
        key.address = walk.wanted;
    else if (bpf_skb_load_bytes(skb, at + offsetof(struct dhcp_start, client), &key.address, 4))
        return XGRE_NOT_LEASED;
    key.port = who->port;
    copy_mac(key.mac, who->mac);
    return remove_binding(&key, who->slot) ? XGRE_GO : XGRE_NOT_LEASED;
}

static __always_inline void put_binding(const struct xgre_binding_key *key, __u32 slot, __u64 until)
{
    struct xgre_binding *old = bpf_map_lookup_elem(&bindings, key);
    struct xgre_binding binding = {.until = until, .slot = slot};
    __u64 *count = bound_at(slot);

    if (old) {
        old->until = until;
        return;
    }
    if (!count) return;
    if (__sync_fetch_and_add(count, 1) < XGRE_PORT_BINDINGS &&
        !bpf_map_update_elem(&bindings, key, &binding, BPF_NOEXIST))
        return;
    __sync_fetch_and_add(count, -1);
    note(XGRE_NOTE_LEASE_LIMIT);
}

/* The VID of the outermost tag; 0 without. */
static __always_inline __u16 vlan_of(struct __sk_buff *skb)
{
    __be16 tag[2];

    if (skb->vlan_present) return skb->vlan_tci & VLAN_VID_MASK;
    if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_proto), tag, sizeof(tag)) ||
        !is_vlan(tag[0]))
        return 0;
    return bpf_ntohs(tag[1]) & VLAN_VID_MASK;
}

/* Where a message of a DHCP server to a client begins; 0: the frame is none. */
STEP int find_reply(struct __sk_buff *skb)
{
    struct upper upper = {};
    __be16 type, ports[2];
    __u32 offset;

    if (!find_packet(skb, &offset, &type) || type != bpf_htons(ETH_P_IP) ||
        !find_upper4(skb, offset, &upper) || upper.is_fragment || upper.protocol != IPPROTO_UDP ||
        bpf_skb_load_bytes(skb, upper.offset, ports, sizeof(ports)))
        return 0;
    if (ports[0] != bpf_htons(DHCP_SERVER_PORT) || ports[1] != bpf_htons(DHCP_CLIENT_PORT))
        return 0;
    return upper.offset + sizeof(struct udphdr);
}

/* Seconds that the reply at `at` gives an address for; 0: it gives none. */
STEP int read_lease_time(struct __sk_buff *skb, __u32 at)
{
    struct option_walk walk = {};

    read_options(skb, at, &walk);
    return walk.type == DHCP_ACK ? bpf_ntohl(walk.lease_time) : 0;
}

/* Behind which port the VM is, the FDB tells: the answer may be a broadcast. */
STEP int put_lease(struct __sk_buff *skb, __u32 at, __u32 network, __u32 seconds)
{
    struct xgre_fdb_key place = {.network = network};
    struct xgre_binding_key key = {};
    __u64 now = bpf_ktime_get_coarse_ns();
    struct dhcp_start start;
    struct xgre_port *port;
    xgre_owner owner;

    if (bpf_skb_load_bytes(skb, at, &start, sizeof(start)) || !is_dhcp(&start, DHCP_REPLY) ||
        !start.given)
        return XGRE_GO;
    key.address = start.given;
    copy_mac(key.mac, start.mac);
    copy_mac(place.mac, start.mac);
    place.vlan = vlan_of(skb);
    owner = fdb_find(&place, now, ~0ULL >> 1);
    if (owner_kind(owner) != XGRE_OWNER_PORT) return XGRE_GO;
    key.port = owner_id(owner);
    port = find_live_port(key.port);
    if (port && port->network == network && port->flags & XGRE_PORT_LEASE_BOUND)
        put_binding(&key, port->slot, now + seconds * 1000000000ULL);
    return XGRE_GO;
}

/*
 * A frame on its way into `network`: what a server gives to a VM behind a lease-bound port is that
 * port's from now on. Steps side by side, for the stack.
 */
static __always_inline void note_lease(struct __sk_buff *skb, __u32 network)
{
    __u32 at = find_reply(skb), seconds;

    if (!at) return;
    seconds = read_lease_time(skb, at);
    if (seconds) put_lease(skb, at, network, seconds);
}

#endif
