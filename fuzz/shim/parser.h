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

/* struct outer, and what parse_outer returned. */
struct parsed_outer {
    int verdict; /* enum xgre_verdict */
    unsigned source;
    unsigned key; /* both in network order */
    unsigned keyed;
    unsigned checksummed;
    unsigned gre_offset;
    unsigned len;
    unsigned inner_len;
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
};

/* What spread.h finds, which decides for itself where the inner frame begins. */
struct parsed_flow {
    unsigned found;
    unsigned inner_offset;
    unsigned tcp;
    unsigned long long hash;
};

struct parsed_outer fuzz_outer(const void *frame, unsigned size, unsigned local);
struct parsed_frame fuzz_frame(const void *frame, unsigned size);
struct parsed_flow fuzz_flow(const void *packet, unsigned size, const unsigned char *uplink_mac,
                             unsigned local);

#ifdef __cplusplus
}
#endif

#endif
