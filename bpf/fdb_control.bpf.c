// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of the FDB that commands ask for, the sweep that frees the room of expired entries, and
 * what commands want to know of the kernel. They run in the kernel, so that they share the
 * accounting of the data path and a table of millions is never copied out.
 *
 * TC programs that no hook runs: a command runs them by BPF_PROG_TEST_RUN, with the arguments in
 * the place of the packet, which comes back. (Programs of the syscall type are sleepable, and
 * those may not use per-CPU arrays and device maps on Linux 6.1.)
 */
#include "detour.h"
#include "lease.h"
#include "reassemble.h"
#include <bpf/bpf_core_read.h>

char LICENSE[] __weak SEC("license") = "GPL";

struct bpf_map;

static __always_inline void *arguments(struct __sk_buff *skb, __u32 size)
{
    struct cursor c = {(void *)(long)skb->data, (void *)(long)skb->data_end};

    return take(&c, size);
}

#define BAD_ARGUMENTS 1 /* the program's return value; else 0 */

struct sweeper {
    struct bpf_timer timer;
    __u64 interval_ns;
};

struct {
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, __u32);
    __type(value, struct sweeper);
} sweeper __weak SEC(".maps");

/* A static entry outlives its device: the port row waits for the device to come back. */
static __always_inline bool is_orphan(const struct xgre_fdb_key *key, xgre_owner owner)
{
    __u32 id = owner_id(owner);

    if (owner_kind(owner) == XGRE_OWNER_PORT) {
        struct xgre_port *port = bpf_map_lookup_elem(&ports, &id);

        if (!port || port->network != key->network) return true;
        return !(owner & XGRE_OWNER_STATIC) && !bpf_map_lookup_elem(&redirect, &id);
    }
    if (owner_kind(owner) == XGRE_OWNER_PEER) {
        struct xgre_peer *peer = find_peer(id);

        return !peer || peer->network != key->network;
    }
    return false;
}

struct sweep {
    __u64 now;
    __u32 removed;
    __u32 pad;
};

static long sweep_entry(struct bpf_map *map, struct xgre_fdb_key *key, struct xgre_fdb_entry *entry,
                        struct sweep *sweep)
{
    struct xgre_network *network = find_network(key->network);
    xgre_owner owner = entry->owner;
    /* The key belongs to the element: deleting by it needs a copy. */
    struct xgre_fdb_key copy = *key;
    bool expired;

    if (owner_kind(owner) == XGRE_OWNER_DEAD) { /* whoever deletes it is long done */
        if ((__s64)(sweep->now - entry->last_seen) > (__s64)XGRE_REFRESH_NS)
            bpf_map_delete_elem(&fdb, &copy);
        return 0;
    }
    expired = network && is_expired(entry, sweep->now, network->ageing_ns);
    if (network && !expired && !is_orphan(key, owner)) return 0;
    if (fdb_remove(&copy, entry, owner)) {
        sweep->removed++;
        if (expired) {
            note(XGRE_NOTE_AGED);
            tell_entry(&copy, XGRE_EVENT_AGED, owner, 0);
        }
    }
    return 0;
}

/* A lease that has ended, or whose port is gone or bound to leases no more. */
static long sweep_binding(struct bpf_map *map, struct xgre_binding_key *key,
                          struct xgre_binding *binding, struct sweep *sweep)
{
    struct xgre_binding_key copy = *key;
    struct xgre_port *port = find_live_port(copy.port);

    if (port && port->slot == binding->slot && port->flags & XGRE_PORT_LEASE_BOUND &&
        (__s64)(binding->until - sweep->now) > 0)
        return 0;
    remove_binding(&copy, binding->slot);
    return 0;
}

/* A first fragment whose second does not come. */
static long sweep_fragment(struct bpf_map *map, struct xgre_fragment_key *key,
                           struct xgre_fragment *held, struct sweep *sweep)
{
    if (claim(held, XGRE_FRAGMENT_DONE)) {
        discard(held);
    } else if (is_late(held, sweep->now) && claim(held, XGRE_FRAGMENT_HELD)) {
        if (is_late(held, sweep->now)) {
            lose(held, XGRE_FRAGMENT_TIMEOUT);
            discard(held);
        } else { /* it has become another meanwhile */
            leave(held, XGRE_FRAGMENT_HELD);
        }
    }
    return 0;
}

static __always_inline __u32 sweep_all(void)
{
    struct sweep sweep = {.now = bpf_ktime_get_coarse_ns()};

    bpf_for_each_map_elem(&fdb, sweep_entry, &sweep, 0);
    bpf_for_each_map_elem(&bindings, sweep_binding, &sweep, 0);
    bpf_for_each_map_elem(&fragments, sweep_fragment, &sweep, 0);
    forget_flows();
    return sweep.removed;
}

/*
 * The pause after a sweep grows with what the sweep took: never above a thousandth of one CPU.
 */
static int sweep_on_timer(void *map, __u32 *key, struct sweeper *self)
{
    __u64 begin = bpf_ktime_get_ns(), pause;

    sweep_all();
    pause = (bpf_ktime_get_ns() - begin) * 1000;
    if (pause < self->interval_ns) pause = self->interval_ns;
    bpf_timer_start(&self->timer, pause, 0);
    return 0;
}

SEC("tc")
int sweeper_start(struct __sk_buff *skb)
{
    struct xgre_sweep_args *args = arguments(skb, sizeof(*args));
    __u32 zero = 0;
    struct sweeper *self = bpf_map_lookup_elem(&sweeper, &zero);
    long err;

    if (!args || !self) return BAD_ARGUMENTS;
    self->interval_ns = args->interval_ns;
    err = bpf_timer_init(&self->timer, &sweeper, CLOCK_MONOTONIC);
    if (!err || err == -EBUSY) /* busy: it runs already, and gets the new program's callback */
        err = bpf_timer_set_callback(&self->timer, sweep_on_timer);
    if (!err) err = bpf_timer_start(&self->timer, self->interval_ns, 0);
    args->result = err;
    return 0;
}

SEC("tc")
int fdb_sweep(struct __sk_buff *skb)
{
    struct xgre_sweep_args *args = arguments(skb, sizeof(*args));
    if (!args) return BAD_ARGUMENTS;
    args->removed = sweep_all();
    args->result = 0;
    return 0;
}

/* Adds a static entry, or makes one of what was learned (case F06). */
SEC("tc")
int fdb_put(struct __sk_buff *skb)
{
    struct xgre_fdb_put_args *args = arguments(skb, sizeof(*args));
    struct xgre_fdb_entry fresh = {.last_seen = bpf_ktime_get_coarse_ns()};
    struct xgre_fdb_entry *entry;
    struct xgre_fdb_key key;
    xgre_owner old;

    if (!args) return BAD_ARGUMENTS;
    key = args->key;
    fresh.owner = args->owner;
    args->result = fdb_add(&key, &fresh);
    if (args->result != -EEXIST) return 0;
    entry = bpf_map_lookup_elem(&fdb, &key);
    if (!entry) {
        args->result = -EBUSY;
        return 0;
    }
    old = entry->owner;
    if (owner_kind(old) == XGRE_OWNER_DEAD ||
        __sync_val_compare_and_swap(&entry->owner, old, fresh.owner) != old) {
        args->result = -EBUSY;
        return 0;
    }
    entry->last_seen = fresh.last_seen;
    discharge(old);
    forget_flows();
    args->result = 0;
    return 0;
}

/* What was learned before a reboot. What is known since then is better. */
SEC("tc")
int fdb_restore(struct __sk_buff *skb)
{
    struct xgre_fdb_restore_args *args = arguments(skb, sizeof(*args));
    struct xgre_fdb_entry entry;
    struct xgre_fdb_key key;

    if (!args) return BAD_ARGUMENTS;
    key = args->key;
    entry.owner = args->owner;
    entry.last_seen = bpf_ktime_get_coarse_ns() - args->age_ns;
    if (!charge(entry.owner, args->limit)) {
        args->result = -EDQUOT;
        return 0;
    }
    args->result = fdb_add(&key, &entry);
    if (args->result) discharge(entry.owner);
    return 0;
}

SEC("tc")
int fdb_delete(struct __sk_buff *skb)
{
    struct xgre_fdb_delete_args *args = arguments(skb, sizeof(*args));
    struct xgre_fdb_entry *entry;
    struct xgre_fdb_key key;

    if (!args) return BAD_ARGUMENTS;
    key = args->key;
    entry = bpf_map_lookup_elem(&fdb, &key);
    if (!entry || owner_kind(entry->owner) == XGRE_OWNER_DEAD) {
        args->result = -ENOENT;
        return 0;
    }
    args->result = fdb_remove(&key, entry, entry->owner) ? 0 : -EBUSY;
    forget_flows();
    return 0;
}

static __always_inline bool matches(const struct xgre_fdb_flush_args *want,
                                    const struct xgre_fdb_key *key, xgre_owner owner)
{
    if (want->match & XGRE_MATCH_NETWORK && key->network != want->network) return false;
    if (want->match & XGRE_MATCH_VLAN && key->vlan != want->vlan) return false;
    if (want->match & XGRE_MATCH_LEARNED && owner & XGRE_OWNER_STATIC) return false;
    if (want->match & XGRE_MATCH_OWNER &&
        (owner_kind(owner) != owner_kind(want->owner) || owner_id(owner) != owner_id(want->owner)))
        return false;
    return true;
}

static long flush_entry(struct bpf_map *map, struct xgre_fdb_key *key, struct xgre_fdb_entry *entry,
                        struct xgre_fdb_flush_args *want)
{
    struct xgre_fdb_key copy = *key;
    xgre_owner owner = entry->owner;

    if (owner_kind(owner) == XGRE_OWNER_DEAD || !matches(want, key, owner)) return 0;
    if (fdb_remove(&copy, entry, owner)) want->flushed++;
    return 0;
}

SEC("tc")
int fdb_flush(struct __sk_buff *skb)
{
    struct xgre_fdb_flush_args *args = arguments(skb, sizeof(*args));
    struct xgre_fdb_flush_args want;

    if (!args) return BAD_ARGUMENTS;
    want = *args;
    want.flushed = 0;
    bpf_for_each_map_elem(&fdb, flush_entry, &want, 0);
    forget_flows();
    args->flushed = want.flushed;
    return 0;
}

/* After a command has changed rows: see flow.h. */
SEC("tc")
int flows_forget(struct __sk_buff *skb)
{
    forget_flows();
    return 0;
}

/* Linux 6.15 and later, or wherever that came back to: GRO where a CPU map hands frames over. */
struct bpf_cpu_map_entry___with_gro {
    struct {
        __u8 any;
    } gro;
} __attribute__((preserve_access_index));

SEC("tc")
int spread_probe(struct __sk_buff *skb)
{
    struct xgre_probe_args *args = arguments(skb, sizeof(*args));

    if (!args) return BAD_ARGUMENTS;
    args->flags =
        bpf_core_field_exists(struct bpf_cpu_map_entry___with_gro, gro) ? XGRE_SPREAD_TCP : 0;
    return 0;
}

/* Asks the peer whether it is there: any frame with this mark becomes a request, see probe.h. */
SEC("tc")
int probe_send(struct __sk_buff *skb)
{
    struct xgre_probe_send_args *args = arguments(skb, sizeof(*args));
    struct xgre_liveness *live;
    __u32 detour, id;
    long err = 0;

    if (!args) return BAD_ARGUMENTS;
    id = args->peer;
    live = find_liveness(id);
    detour = has_detour();
    if (!live || !find_peer(id)) {
        err = -ENOENT;
    } else if (!detour) {
        err = -ENODEV;
    } else {
        live->len = args->len;
        skb->mark = detour_to_ask(id);
        err = bpf_clone_redirect(skb, detour, 0);
        skb->mark = 0;
    }
    args = arguments(skb, sizeof(*args));
    if (!args) return BAD_ARGUMENTS;
    args->result = err;
    return 0;
}
