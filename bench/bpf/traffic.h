/* SPDX-License-Identifier: GPL-2.0-only */
/* What the traffic programs and bench share. Valid C11 and C++20. */
#ifndef XGRE_BENCH_TRAFFIC_H
#define XGRE_BENCH_TRAFFIC_H

#ifndef __bpf__ /* BPF C has the same types from vmlinux.h */
#include <linux/types.h>
#endif

/*
 * Bytes that the generator puts in front of a frame and takes off again: room beyond the 256
 * bytes that every XDP frame has. A tunnel's header goes there, and the receiver's XDP still
 * finds its 256 bytes; otherwise it would copy each tunnelled frame, which no NIC does.
 */
#define BENCH_SPARE 64

#define BENCH_HEAD 128   /* bytes that the generator writes anew into each frame */
#define BENCH_INNER 64   /* bytes of the VM's frame that the counter compares */
#define BENCH_SAMPLE 128 /* bytes of a frame that the counter keeps */

/* `tally` of the counter, per CPU. */
struct bench_tally {
    __u64 frames;  /* of the right length */
    __u64 others;  /* of another one */
    __u64 sampled; /* compared with what was sent */
    __u64 wrong;   /* of those, not the same */
};

#endif
