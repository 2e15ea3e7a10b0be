/* SPDX-License-Identifier: GPL-2.0-only */
#include "parser.h"
#include "parse.h"

struct parsed_frame fuzz_frame(const void *frame, unsigned size)
{
    struct cursor c = {(void *)frame, (void *)frame + size};
    struct ethernet eth = {};
    struct parsed_frame out = {.verdict = parse_ethernet(&c, &eth)};
    struct cursor at;
    bool syn;

    if (out.verdict) return out;
    copy_mac(out.dst, eth.dst);
    copy_mac(out.src, eth.src);
    out.vlan = eth.vlan;
    out.len = eth.len;
    out.odd_tags = has_odd_tags(c, &eth);
    at = c;
    out.tcp_header_len = tcp_header_len(&c, &eth, &syn);
    if (syn) {
        __be16 type = skip_tags(&at, eth.type);

        out.syn = has_syn(at, type);
    }
    return out;
}
