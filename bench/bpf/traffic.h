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
#define BENCH_INNER 1536 /* bytes of the longest VM's frame that the counter compares */
#define BENCH_SAMPLE 128 /* bytes of a frame that the counter keeps */
#define BENCH_DRAWS 2
#define BENCH_FIELDS 6
#define BENCH_PLACES 4096 /* the highest ifindex whose frames can be told apart, and one more */

/* A number that the generator draws for each frame: 0 to `count` - 1. */
struct bench_draw {
    __u32 count;    /* 0: all there are in 32 bits */
    __u32 train;    /* log2 of how many frames in a row have the same */
    __u32 in_order; /* 1: one after another; 0: at random */
};

/* Four bytes that differ from frame to frame: what they are in the frame as given, plus a draw. */
struct bench_field {
    __u32 offset;
    __u32 draw;
    __u32 base;
    __u32 used;
};

/* `tally` of the counter, per CPU. */
struct bench_tally {
    __u64 frames;  /* of the right length */
    __u64 others;  /* of another one */
    __u64 sampled; /* compared with what was sent */
    __u64 wrong;   /* of those, not the same */
};

#endif
