/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet in a frame, and what it carries: for guards, and to see what DHCP gives. TC only. */
#ifndef XGRE_BPF_INSIDE_H
#define XGRE_BPF_INSIDE_H

#include "parse.h"

/*
 * Read by bpf_skb_load_bytes, which finds bytes wherever they are. A frame whose end of headers is
 * not found, because it is cut or has too many of them, is not let in: whoever gets it may find it
 * (RFC 7113 section 2.1).
 */
#define LAYERS_MOST 6 /* VLAN tags and LLC/SNAP headers */
#define EXTENSIONS_MOST 8

/* LLC/SNAP, RFC 1042: some hosts take IP in it, and filters have been passed so. */
static __always_inline bool is_snap(struct __sk_buff *skb, __u32 offset)
{
    __u8 llc[6];

    return !bpf_skb_load_bytes(skb, offset, llc, sizeof(llc)) && llc[0] == 0xaa && llc[1] == 0xaa &&
           llc[2] == 3 && !(llc[3] | llc[4] | llc[5]);
}

/* Where the packet begins, behind tags and SNAP; of what type it is. False: not to be found. */
static __always_inline bool find_packet(struct __sk_buff *skb, __u32 *offset, __be16 *type)
{
    __u32 at = offsetof(struct ethhdr, h_proto);

    for (int i = 0; i < LAYERS_MOST; i++) {
        if (bpf_skb_load_bytes(skb, at, type, sizeof(*type))) return false;
        at += sizeof(*type);
        if (is_vlan(*type)) {
            at += 2;
        } else if (bpf_ntohs(*type) <= ETH_DATA_LEN && is_snap(skb, at)) {
            at += 6;
        } else {
            *offset = at;
            return true;
        }
    }
    return false;
}

/* What an IP packet carries. */
struct upper {
    __u32 offset;
    __u8 protocol;
    bool is_fragment;
    bool is_later; /* not the first fragment: there is no header to see */
};

static __always_inline bool find_upper4(struct __sk_buff *skb, __u32 offset, struct upper *out)
{
    struct {
        __u8 version_ihl;
        __u8 skipped[5];
        __be16 fragment;
        __u8 ttl;
        __u8 protocol;
    } ip;
    __u32 ihl;

    if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip))) return false;
    ihl = ip.version_ihl & 0xf;
    if (ip.version_ihl >> 4 != 4 || ihl < 5) return false;
    out->offset = offset + ihl * 4;
    out->protocol = ip.protocol;
    out->is_later = ip.fragment & bpf_htons(IP_OFFSET);
    out->is_fragment = ip.fragment & bpf_htons(IP_MF | IP_OFFSET);
    return true;
}

static __always_inline bool find_upper6(struct __sk_buff *skb, __u32 offset, struct upper *out)
{
    struct {
        __u8 next;
        __u8 len;
        __be16 fragment;
    } header;
    __u8 start[8];

    if (bpf_skb_load_bytes(skb, offset, start, sizeof(start)) || start[0] >> 4 != 6) return false;
    out->offset = offset + sizeof(struct ipv6hdr);
    out->protocol = start[6];
    out->is_fragment = false;
    out->is_later = false;
    for (int i = 0; i < EXTENSIONS_MOST; i++) {
        if (!is_extension(out->protocol)) return true;
        if (bpf_skb_load_bytes(skb, out->offset, &header, sizeof(header))) return false;
        if (out->protocol == IPPROTO_FRAGMENT) {
            out->is_fragment = true;
            out->is_later = header.fragment & bpf_htons(0xfff8);
        }
        out->offset += extension_len(out->protocol, header.len);
        out->protocol = header.next;
        if (out->is_later) return true;
    }
    return false;
}

#endif
