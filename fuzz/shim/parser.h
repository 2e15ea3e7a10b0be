/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parsing headers of bpf/, compiled for the host with sanitizers: what they say of bytes. Valid
 * C11 and C++20; types of its own, since BPF's and the system's cannot be in one file.
 */
#ifndef XGRE_FUZZ_PARSER_H
#define XGRE_FUZZ_PARSER_H

#ifdef __cplusplus
extern "C" {
#endif

/* The uplink's addresses, as on the wire. */
struct fuzz_self {
    unsigned char mac[6];
    unsigned char ip[4];
    unsigned char ip6[16];
};

/* struct outer, and what its parser returned. */
struct parsed_outer {
    int verdict; /* enum xgre_verdict */
    unsigned char source[16];
    unsigned key; /* in network order */
    unsigned keyed;
    unsigned checksummed;
    unsigned sequenced;
    unsigned gre_offset;
    unsigned len;
    unsigned inner_len;
    unsigned ds;
    unsigned ip6;
};

/* struct ethernet, and what else is asked of an Ethernet frame. */
struct parsed_frame {
    int verdict;
    unsigned char dst[6];
    unsigned char src[6];
    unsigned vlan;
    unsigned len;
    unsigned odd_tags;
    unsigned tcp_header_len;
    unsigned syn;
};

/* What spread.h finds, which decides for itself where the inner frame begins. */
struct parsed_flow {
    unsigned found;
    unsigned inner_offset;
    unsigned tcp;
    unsigned long long hash;
};

enum fuzz_reading {
    FUZZ_WHOLE,   /* as TC does it */
    FUZZ_BRIEFLY, /* as XDP does it */
    FUZZ_FIRST,   /* as TC reads the first of several fragments */
};

struct parsed_outer fuzz_outer(const void *frame, unsigned size, const struct fuzz_self *self,
                               enum fuzz_reading reading);
struct parsed_frame fuzz_frame(const void *frame, unsigned size);
struct parsed_flow fuzz_flow(const void *packet, unsigned size, const struct fuzz_self *self);

#ifdef __cplusplus
}
#endif

#endif
