/* SPDX-License-Identifier: GPL-2.0-only */
#include "parser.h"
#include "spread.h"

static struct cursor all_of(const void *bytes, unsigned size)
{
    return (struct cursor){(void *)bytes, (void *)bytes + size};
}

static struct xgre_uplink uplink_of(const struct fuzz_self *self)
{
    struct xgre_uplink uplink = {};

    __builtin_memcpy(uplink.mac, self->mac, sizeof(uplink.mac));
    __builtin_memcpy(&uplink.local, self->ip, sizeof(uplink.local));
    __builtin_memcpy(&uplink.local6, self->ip6, sizeof(uplink.local6));
    return uplink;
}

/* What parse_outer_step is at TC, and what XDP does. */
static int parse(const void *frame, unsigned size, const struct xgre_uplink *uplink,
                 enum reading reading, struct outer *outer)
{
    struct cursor c = all_of(frame, size);
    struct ethhdr *eth = take(&c, sizeof(*eth));

    if (!eth) return XGRE_PASS;
    if (eth->h_proto == bpf_htons(ETH_P_IP))
        return parse_outer_ipv4(&c, size, uplink->local, reading, outer);
    if (eth->h_proto == bpf_htons(ETH_P_IPV6))
        return parse_outer_ipv6(&c, size, &uplink->local6, reading, outer);
    return XGRE_PASS;
}

struct parsed_outer fuzz_outer(const void *frame, unsigned size, const struct fuzz_self *self,
                               enum fuzz_reading how)
{
    enum reading reading = how == FUZZ_BRIEFLY ? READ_BRIEFLY
                           : how == FUZZ_FIRST ? READ_FIRST
                                               : READ_WHOLE;
    struct xgre_uplink uplink = uplink_of(self);
    struct outer outer = {};
    struct parsed_outer out = {.verdict = parse(frame, size, &uplink, reading, &outer)};

    __builtin_memcpy(out.source, &outer.source, sizeof(out.source));
    out.key = outer.key;
    out.keyed = outer.keyed;
    out.checksummed = outer.checksummed;
    out.sequenced = outer.sequenced;
    out.gre_offset = outer.gre_offset;
    out.len = outer.len;
    out.inner_len = outer.inner_len;
    out.ds = outer.ds;
    out.ip6 = outer.ip6;
    return out;
}

struct parsed_flow fuzz_flow(const void *packet, unsigned size, const struct fuzz_self *self)
{
    struct xgre_uplink uplink = uplink_of(self);
    struct cursor c = all_of(packet, size);
    struct parsed_flow out = {};
    struct inner_flow flow;

    if (!skip_outer(&c, &uplink)) return out;
    out.inner_offset = c.pos - packet;
    out.found = find_inner_flow(&c, &flow);
    if (!out.found) return out;
    out.tcp = flow.tcp;
    out.hash = flow.hash;
    return out;
}
