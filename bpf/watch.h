/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `xgre capture` and `xgre monitor` are told. While neither runs, a program has two tests of a
 * flag for it, and a step that learns one.
 */
#ifndef XGRE_BPF_WATCH_H
#define XGRE_BPF_WATCH_H

#include "cursor.h"
#include "maps.h"

static __always_inline bool is_watched(const struct xgre_uplink *of)
{
    return __builtin_expect(of->flags & XGRE_UPLINK_WATCHED, 0);
}

static __always_inline __u32 watch_flags(void)
{
    __u32 zero = 0;
    struct xgre_uplink *row = bpf_map_lookup_elem(&uplink, &zero);

    return row ? row->flags : 0;
}

static __always_inline struct xgre_watch *find_watch(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&watch, &zero);
}

static __always_inline struct xgre_watch_cpu *find_watch_cpu(void)
{
    __u32 zero = 0;

    return bpf_map_lookup_elem(&watch_cpus, &zero);
}

/* Where two CPUs begin a window at once, a few more are let through. */
static __always_inline bool is_within(__u64 *window, __u64 *told, __u64 most, __u64 now)
{
    __u64 number = now / XGRE_WATCH_WINDOW_NS;

    if (*window != number) {
        *window = number;
        *told = 0;
    }
    return __sync_fetch_and_add(told, 1) < most;
}

/* What a program decided, in one argument. */
#define WATCHED(program, verdict) ((__u32)(program) << 8 | (__u32)(verdict))

/* ---- Frames ------------------------------------------------------------------------------- */

static __always_inline long tell_packets(void *ctx, struct xgre_sighting *s, bool with_bytes)
{
    struct xgre_watch *to = find_watch();

    s->bytes = 0;
    if (to && with_bytes) s->bytes = s->len < to->bytes ? s->len : to->bytes;
    return bpf_perf_event_output(ctx, &packets, BPF_F_CURRENT_CPU | (__u64)s->bytes << 32, s,
                                 sizeof(*s));
}

static __always_inline bool is_too_many(struct xgre_watch *to, struct xgre_watch_cpu *cpu,
                                        __u64 now)
{
    if (!to->frames || is_within(&to->window, &to->told, to->frames, now)) return false;
    cpu->over++;
    return true;
}

static __always_inline void sight_begin(void *ctx, struct xgre_sighting *s)
{
    struct xgre_watch_cpu *cpu = find_watch_cpu();
    struct xgre_watch *to = find_watch();
    __u32 program = s->program & 7;

    if (!cpu || !to) return;
    cpu->open[program] = 0;
    if (!(watch_flags() & XGRE_UPLINK_CAPTURED) || to->drops_only) return;
    if (is_too_many(to, cpu, s->time)) return;
    s->run = ++cpu->run;
    if (tell_packets(ctx, s, true))
        cpu->lost++;
    else
        cpu->open[program] = s->run;
}

/* A bit for each verdict whose fate is a drop. */
#define FATE_STEP 0ULL
#define FATE_OK 0ULL
#define FATE_DROP 1ULL
#define X(id, name, fate, help) | FATE_##fate << XGRE_##id
#define DROPS (0 XGRE_VERDICTS(X))

static __always_inline bool is_drop(__u32 verdict)
{
    return DROPS >> (verdict & 63) & 1;
}
#undef X

static __always_inline void sight_drop(void *ctx, struct xgre_sighting *s, struct xgre_watch *to,
                                       struct xgre_watch_cpu *cpu)
{
    if (!is_drop(s->verdict) || is_too_many(to, cpu, s->time)) return;
    s->run = ++cpu->run;
    if (tell_packets(ctx, s, true)) cpu->lost++;
}

/* What was dropped or flooded is as it was, or half changed: its bytes came at the beginning. */
static __always_inline void sight_end(void *ctx, struct xgre_sighting *s)
{
    struct xgre_watch_cpu *cpu = find_watch_cpu();
    struct xgre_watch *to = find_watch();

    if (!cpu || !to || !(watch_flags() & XGRE_UPLINK_CAPTURED)) return;
    if (to->drops_only) {
        sight_drop(ctx, s, to, cpu);
        return;
    }
    s->run = cpu->open[s->program & 7];
    if (!s->run) return; /* its beginning was not told */
    if (tell_packets(ctx, s, s->verdict == XGRE_TO_PORT || s->verdict == XGRE_TO_PEER)) cpu->lost++;
}

/* ---- Events ------------------------------------------------------------------------------- */

static __always_inline void tell_events(const struct xgre_event *event)
{
    struct xgre_watch_cpu *cpu;

    if (!bpf_ringbuf_output(&events, (void *)event, sizeof(*event), 0)) return;
    cpu = find_watch_cpu();
    if (cpu) cpu->events_lost++;
}

/* What happened to an entry of the FDB. `old` with MOVED. */
STEP int tell_entry(const struct xgre_fdb_key *key, __u32 type, xgre_owner owner, xgre_owner old)
{
    struct xgre_event event = {.type = type, .owner = owner, .old = old};

    if (!key || !(watch_flags() & XGRE_UPLINK_MONITORED)) return 0;
    event.time = bpf_ktime_get_ns();
    event.key = *key;
    tell_events(&event);
    return 0;
}

static __always_inline void tell_drop(const struct xgre_sighting *s)
{
    struct xgre_event event = {.type = XGRE_EVENT_DROPPED};
    struct xgre_watch *to = find_watch();
    struct xgre_watch_cpu *cpu;

    if (!to || !is_drop(s->verdict) || !(watch_flags() & XGRE_UPLINK_MONITORED)) return;
    if (!is_within(&to->drop_window, &to->drops_told, XGRE_DROPS_TOLD, s->time)) {
        cpu = find_watch_cpu();
        if (cpu) cpu->drops_over++;
        return;
    }
    event.time = s->time;
    event.key.network = s->network;
    event.ifindex = s->ifindex;
    event.len = s->len;
    event.peer = s->peer;
    event.program = s->program;
    event.verdict = s->verdict;
    tell_events(&event);
}

/* ---- What a program decided --------------------------------------------------------------- */

static __always_inline void sight_decision(void *ctx, struct xgre_sighting *s, __u32 what,
                                           __u32 network, __u32 peer, __u32 target)
{
    s->is_end = 1;
    s->verdict = what & 0xff;
    s->network = network;
    s->peer = peer;
    s->target = target;
    sight_end(ctx, s);
    tell_drop(s);
}

#endif
