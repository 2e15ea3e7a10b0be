/* SPDX-License-Identifier: GPL-2.0-only */
#include "parser.h"
#include "spread.h"

static struct cursor all_of(const void *bytes, unsigned size)
{
    return (struct cursor){(void *)bytes, (void *)bytes + size};
}

struct parsed_outer fuzz_outer(const void *frame, unsigned size, unsigned local)
{
    struct cursor c = all_of(frame, size);
    struct outer outer = {};
    int verdict = parse_outer(&c, size, local, &outer);

    return (struct parsed_outer){
        .verdict = verdict,
        .source = outer.source,
        .key = outer.key,
        .keyed = outer.keyed,
        .checksummed = outer.checksummed,
        .gre_offset = outer.gre_offset,
        .len = outer.len,
        .inner_len = outer.inner_len,
    };
}

struct parsed_flow fuzz_flow(const void *packet, unsigned size, const unsigned char *uplink_mac,
                             unsigned local)
{
    struct cursor c = all_of(packet, size);
    struct xgre_uplink uplink = {.local = local};
    struct parsed_flow out = {};
    struct inner_flow flow;

    copy_mac(uplink.mac, uplink_mac);
    if (!skip_outer(&c, &uplink)) return out;
    out.inner_offset = c.pos - packet;
    out.found = find_inner_flow(&c, &flow);
    if (!out.found) return out;
    out.tcp = flow.tcp;
    out.hash = flow.hash;
    return out;
}
