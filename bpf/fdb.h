/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The forwarding database: look up, learn, put, delete, and the count of learned entries per
 * port and peer that the MAC limit needs. An entry changes hands by one compare-and-swap of its
 * owner; who wins adjusts the counts, so they stay exact on every number of CPUs.
 */
#ifndef XGRE_BPF_FDB_H
#define XGRE_BPF_FDB_H

#include "count.h"
#include "maps.h"
#include "parse.h"
#include "watch.h"

static __always_inline __u32 owner_id(xgre_owner owner)
{
    return (__u32)owner;
}

static __always_inline __u32 owner_slot(xgre_owner owner)
{
    return (owner >> XGRE_OWNER_SLOT_SHIFT) & 0xffff;
}

static __always_inline __u64 owner_kind(xgre_owner owner)
{
    return owner & XGRE_OWNER_KIND_MASK;
}

static __always_inline xgre_owner port_owner(__u32 ifindex, const struct xgre_port *port)
{
    return XGRE_OWNER_PORT | ((__u64)(port->slot & 0xffff) << XGRE_OWNER_SLOT_SHIFT) | ifindex;
}

static __always_inline xgre_owner peer_owner(__u32 peer)
{
    return XGRE_OWNER_PEER | peer;
}

static __always_inline struct xgre_network *find_network(__u32 id)
{
    struct xgre_network *network = bpf_map_lookup_elem(&networks, &id);

    return network && network->flags & XGRE_NETWORK_USED ? network : NULL;
}

/* NULL when no such peer is left. */
static __always_inline struct xgre_peer *find_peer(__u32 id)
{
    struct xgre_peer *peer = bpf_map_lookup_elem(&peers, &id);

    return peer && peer->network ? peer : NULL;
}

static __always_inline struct xgre_liveness *find_liveness(__u32 id)
{
    return bpf_map_lookup_elem(&liveness, &id);
}

/* The port, only while its device is the one it was added with. */
static __always_inline struct xgre_port *find_live_port(__u32 ifindex)
{
    struct xgre_port *port = bpf_map_lookup_elem(&ports, &ifindex);

    if (!port || !bpf_map_lookup_elem(&redirect, &ifindex)) return NULL;
    return port;
}

static __always_inline struct xgre_fdb_key fdb_key(__u32 network, __u16 vlan, const __u8 *mac)
{
    struct xgre_fdb_key key = {.network = network, .vlan = vlan};

    __builtin_memcpy(key.mac, mac, sizeof(key.mac));
    return key;
}

static __always_inline bool is_expired(const struct xgre_fdb_entry *entry, __u64 now,
                                       __u64 ageing_ns)
{
    /* Signed: another CPU may have refreshed the entry after we read the clock. */
    return !(entry->owner & XGRE_OWNER_STATIC) &&
           (__s64)(now - entry->last_seen) > (__s64)ageing_ns;
}

/* Who has the address; 0 when nobody is known. */
STEP xgre_owner fdb_find(const struct xgre_fdb_key *key, __u64 now, __u64 ageing_ns)
{
    struct xgre_fdb_entry *entry;
    struct xgre_fdb_key copy; /* Linux 6.1 takes no map key from a global function's argument */
    xgre_owner owner;

    if (!key) return 0;
    copy = *key;
    entry = bpf_map_lookup_elem(&fdb, &copy);
    if (!entry || is_expired(entry, now, ageing_ns)) return 0;
    owner = *(volatile xgre_owner *)&entry->owner;
    return owner_kind(owner) == XGRE_OWNER_DEAD ? 0 : owner;
}

/*
 * What flows remember of the tables may be wrong now: every CPU is to look again. Called after
 * the change. A new entry needs none: where nobody was known, nothing was remembered.
 */
static __always_inline void forget_flows(void)
{
    __u32 zero = 0;
    __u64 *number = bpf_map_lookup_elem(&generation, &zero);

    if (number) __sync_fetch_and_add(number, 1);
}

static __always_inline __u64 *learned_by(xgre_owner owner)
{
    __u32 index = owner_kind(owner) == XGRE_OWNER_PORT ? XGRE_LEARNED_BY_PORT(owner_slot(owner))
                                                       : XGRE_LEARNED_BY_PEER(owner_id(owner));

    if (owner_kind(owner) == XGRE_OWNER_DEAD || owner & XGRE_OWNER_STATIC) return NULL;
    return bpf_map_lookup_elem(&learned, &index);
}

/* One more entry for `owner`, unless it has `limit` already (0: no limit). */
static __always_inline bool charge(xgre_owner owner, __u32 limit)
{
    __u64 *count = learned_by(owner);

    if (!count) return true;
    if (__sync_fetch_and_add(count, 1) < limit || !limit) return true;
    __sync_fetch_and_add(count, -1);
    return false;
}

static __always_inline void discharge(xgre_owner owner)
{
    __u64 *count = learned_by(owner);

    if (count) __sync_fetch_and_add(count, -1);
}

/* Why a source was not learned. Noted once a frame: XDP may leave it to TC, which tries again. */
enum refusal {
    REFUSAL_NONE,
    REFUSAL_MAC_LIMIT,
    REFUSAL_FDB_FULL,
};

static __always_inline void note_refusal(int refusal)
{
    if (refusal == REFUSAL_MAC_LIMIT) note(XGRE_NOTE_MAC_LIMIT);
    if (refusal == REFUSAL_FDB_FULL) note(XGRE_NOTE_FDB_FULL);
}

/*
 * Until then the table is full, unless something is taken out of it (CLOCK_MONOTONIC, ns). To find
 * that out, the kernel adds up what all CPUs have put in, under a lock.
 */
__u64 fdb_full_until __weak;

static __always_inline bool is_known_full(__u64 now)
{
    return now < *(volatile __u64 *)&fdb_full_until;
}

static __always_inline void know_full(__u64 until)
{
    *(volatile __u64 *)&fdb_full_until = until;
}

/* 0 or -errno: as an int, because before Linux 6.4 the call goes to a function that returns one,
 * and what is above its 32 bits is zeros. */
static __always_inline int fdb_add(const struct xgre_fdb_key *key,
                                   const struct xgre_fdb_entry *entry)
{
    return (int)bpf_map_update_elem(&fdb, key, entry, BPF_NOEXIST);
}

/* A peer that is learned from is there. */
static __always_inline void hear(xgre_owner owner, __u64 now)
{
    struct xgre_liveness *live;

    if (owner_kind(owner) != XGRE_OWNER_PEER) return;
    live = find_liveness(owner_id(owner));
    if (live) live->heard = now;
}

static __always_inline enum refusal fdb_insert(const struct xgre_fdb_key *key, xgre_owner owner,
                                               __u64 now, __u32 limit)
{
    struct xgre_fdb_entry entry = {.owner = owner, .last_seen = now};
    enum refusal refusal = REFUSAL_FDB_FULL;

    if (!charge(owner, limit)) return REFUSAL_MAC_LIMIT;
    if (!is_known_full(now)) {
        int err = fdb_add(key, &entry);

        if (!err) {
            note(XGRE_NOTE_LEARNED);
            hear(owner, now);
            tell_entry(key, XGRE_EVENT_LEARNED, owner, 0);
            return REFUSAL_NONE;
        }
        if (err == -EEXIST) refusal = REFUSAL_NONE; /* another CPU was first */
        if (err == -E2BIG) know_full(now + XGRE_HOP_NS);
    }
    discharge(owner);
    return refusal;
}

/* Well before it expires: frames are not seen here for as long as their flow is believed. */
static __always_inline bool is_to_be_refreshed(const struct xgre_fdb_entry *entry, __u64 now,
                                               __u64 ageing_ns)
{
    __u64 after = ageing_ns / 2 < XGRE_REFRESH_NS ? ageing_ns / 2 : XGRE_REFRESH_NS;

    return (__s64)(now - entry->last_seen) > (__s64)after;
}

/*
 * The address is seen behind `owner`. Writes only what changed, or a time over a second old.
 * Returns an enum refusal.
 */
STEP int fdb_learn(const struct xgre_fdb_key *key, xgre_owner owner, __u64 now, __u64 ageing_ns,
                   __u32 limit)
{
    struct xgre_fdb_entry *entry;
    struct xgre_fdb_key copy; /* as in fdb_find */
    xgre_owner old;
    bool expired;

    if (!key) return REFUSAL_NONE;
    copy = *key;
    entry = bpf_map_lookup_elem(&fdb, &copy);
    if (!entry) return fdb_insert(&copy, owner, now, limit);
    old = *(volatile xgre_owner *)&entry->owner;
    expired = is_expired(entry, now, ageing_ns);
    if (old == owner) {
        if (is_to_be_refreshed(entry, now, ageing_ns)) {
            entry->last_seen = now;
            hear(owner, now);
        }
        if (expired) {
            note(XGRE_NOTE_LEARNED);
            tell_entry(&copy, XGRE_EVENT_LEARNED, owner, 0);
        }
        return REFUSAL_NONE;
    }
    if (old & XGRE_OWNER_STATIC || owner_kind(old) == XGRE_OWNER_DEAD) return REFUSAL_NONE;
    if (!charge(owner, limit)) return REFUSAL_MAC_LIMIT;
    if (__sync_val_compare_and_swap(&entry->owner, old, owner) != old) {
        discharge(owner);
        return REFUSAL_NONE;
    }
    entry->last_seen = now;
    discharge(old);
    forget_flows();
    note(expired ? XGRE_NOTE_LEARNED : XGRE_NOTE_MOVED);
    tell_entry(&copy, expired ? XGRE_EVENT_LEARNED : XGRE_EVENT_MOVED, owner, old);
    return REFUSAL_NONE;
}

/* Takes the entry out, unless it changed hands meanwhile. */
static __always_inline bool fdb_remove(struct xgre_fdb_key *key, struct xgre_fdb_entry *entry,
                                       xgre_owner old)
{
    xgre_owner dead = XGRE_OWNER_DEAD;

    if (__sync_val_compare_and_swap(&entry->owner, old, dead) != old) return false;
    /* Should the delete miss, because the kernel gave the element to another key meanwhile, the
     * sweep takes that out by this time. */
    entry->last_seen = bpf_ktime_get_coarse_ns();
    bpf_map_delete_elem(&fdb, key);
    know_full(0);
    discharge(old);
    return true;
}

#endif
