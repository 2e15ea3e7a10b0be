/* SPDX-License-Identifier: GPL-2.0-only */
/* The only place that compares a pointer with the end of the packet. */
#ifndef XGRE_BPF_CURSOR_H
#define XGRE_BPF_CURSOR_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

/*
 * A step that is a function of its own. The verifier checks a global function once, by its
 * types, and a caller goes on with one state, whatever happened inside; inlined, the paths of
 * the steps would multiply. Pointers must be checked for NULL and point to initialised memory.
 * Weak, so that the objects can be linked.
 */
#define STEP __weak __noinline

/*
 * Keeps a structure in memory. clang would split it into registers, of which there are ten, and
 * spill each field anew before every branch that leaves early.
 */
#define in_memory(pointer) asm volatile("" : : "r"(pointer) : "memory")

struct cursor {
    void *pos;
    void *end;
};

/* The next `size` bytes, or NULL when the packet ends first; then the cursor stays. */
static __always_inline void *take(struct cursor *c, __u32 size)
{
    void *here = c->pos;

    if (here + size > c->end) return NULL;
    c->pos = here + size;
    return here;
}

#endif
