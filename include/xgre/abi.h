/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the BPF programs and the C++ library share: the one description of every map key and
 * value, and the one table of verdicts. Valid C11 and C++20.
 *
 * A change of layout or meaning raises XGRE_ABI_VERSION. Enums are append-only: their numbers
 * are stored in pinned maps, their texts are in --json output and in docs/commands.md.
 */
#ifndef XGRE_ABI_H
#define XGRE_ABI_H

#ifndef __bpf__ /* BPF C has the same types from vmlinux.h */
#include <linux/types.h>
#endif

#define XGRE_ABI_VERSION 8

#ifdef __cplusplus
#define XGRE_ASSERT(condition, what) static_assert(condition, what)
#else
#define XGRE_ASSERT(condition, what) _Static_assert(condition, what)
#endif
#define XGRE_ASSERT_SIZE(type, bytes) XGRE_ASSERT(sizeof(type) == (bytes), #type)

/* ---- Limits ------------------------------------------------------------------------------- */

#define XGRE_NAME_LEN 16           /* device and network names, terminating zero included */
#define XGRE_MAX_NETWORKS 1024     /* network ids are 1..1023; 0 is "no network" */
#define XGRE_MAX_PORTS 1024        /* per instance; slots are 0..1023 */
#define XGRE_MAX_PEERS 4096        /* per instance; peer ids are 1..4095; 0 is "no peer" */
#define XGRE_FLOOD_PORTS 256       /* ports of one network */
#define XGRE_FLOOD_PEERS 256       /* peers of one network */
#define XGRE_FDB_DEFAULT 65536     /* entries */
#define XGRE_FDB_LIMIT 4000000     /* entries, the most that may be asked for */
#define XGRE_FLOWS 16384           /* per CPU, where that is within XGRE_FLOWS_MEMORY */
#define XGRE_FLOWS_LEAST 1024      /* per CPU, on however many; both are powers of two */
#define XGRE_FLOWS_MEMORY 33554432 /* bytes, of the flows of all CPUs together */
#define XGRE_SPREAD_CPUS 1024      /* CPUs 0..1023 can be spread to */
#define XGRE_OUTER_MAX 64 /* bytes of a peer's header template: IPv6 40, option 8, GRE 16 */
#define XGRE_REFRESH_NS 1000000000ULL /* last_seen is written at most this often */
#define XGRE_ASK_NS 5000000000ULL     /* the kernel is asked for a next hop at least this often */
#define XGRE_HOP_NS 8000000ULL       /* how long a next hop is believed, or one tick of the clock */
#define XGRE_FLOW_NS 64000000ULL     /* how long a flow to a port is */
#define XGRE_LIMIT_MOST 10000000     /* frames a second, the most that a port may be limited to */
#define XGRE_BINDINGS 4096           /* leases of all ports that are bound to them */
#define XGRE_PORT_BINDINGS 64        /* leases of one such port */
#define XGRE_ADDRESSES 4096          /* addresses that ports are given by `--address` */
#define XGRE_PORT_ADDRESSES 64       /* of one port */
#define XGRE_BURST_NS 1000000000ULL  /* a limited port may send so much time's worth at once */
#define XGRE_SMALL 480               /* bytes of a frame that any path MTU has room for */
#define XGRE_TOLD_LIMIT 100          /* ICMP errors a second to one port, or to one peer */
#define XGRE_PATH_NS 600000000000ULL /* how long a router that lowered a path MTU is believed */
#define XGRE_FRAGMENTS 64            /* first fragments that are held until the second comes */
#define XGRE_SOURCE_FRAGMENTS 8      /* of one address; a power of two */
#define XGRE_FRAGMENT_MAX 9216       /* bytes of one, from its IP header on */
#define XGRE_FRAGMENT_NS 1000000000ULL  /* how long one is held */
#define XGRE_PROBE_LIMIT_PER_SECOND 100 /* probes of one peer that are answered in a second */

/* ---- Verdicts ----------------------------------------------------------------------------- */

/*
 * X(id, name, fate, help). Every step returns one; the program turns the last into an action and
 * counts it once. Fates: STEP is never counted; OK is not a drop; DROP is.
 */
#define XGRE_VERDICTS(X)                                                                           \
    X(GO, "go", STEP, "undecided: next step")                                                      \
    X(PUNT, "punt", STEP,                                                                          \
      "decided later: XDP leaves the frame to TC, TC waits for its other half")                    \
    X(PASS, "pass", STEP, "not a tunnel packet of ours: the host's stack takes it")                \
    X(HANDOVER, "handover", STEP, "XDP decapsulated; TC delivers after GRO")                       \
    X(TO_PORT, "to-port", OK, "delivered to one local port")                                       \
    X(TO_PEER, "to-peer", OK, "encapsulated and sent to one peer")                                 \
    X(FLOODED, "flooded", OK, "copied to every other port and, from a port, to every peer")        \
    X(TRUNCATED, "truncated", DROP, "frame ends inside a header or before its IP length")          \
    X(IP_HEADER, "ip-header", DROP, "outer IPv4 header length or total length is impossible")      \
    X(IP_CHECKSUM, "ip-checksum", DROP, "outer IPv4 header checksum is wrong")                     \
    X(FRAGMENT, "fragment", DROP, "outer packet is in fragments that cannot be put together")      \
    X(GRE_FLAGS, "gre-flags", DROP, "a GRE header bit that RFC 2784 says to refuse is set")        \
    X(GRE_VERSION, "gre-version", DROP, "GRE version is not 0")                                    \
    X(GRE_CHECKSUM, "gre-checksum", DROP, "GRE checksum is wrong")                                 \
    X(UNKNOWN_PEER, "unknown-peer", DROP, "no peer has this source and key")                       \
    X(INNER_SHORT, "inner-short", DROP, "no whole Ethernet header inside the tunnel packet")       \
    X(NO_NETWORK, "no-network", DROP, "the port or peer is in no network")                         \
    X(BAD_SOURCE, "bad-source", DROP, "source MAC is a group address or zero")                     \
    X(LOCKED, "locked", DROP, "port is locked and the source MAC is not its own")                  \
    X(SAME_PORT, "same-port", DROP, "destination is behind the port it came from")                 \
    X(SPLIT_HORIZON, "split-horizon", DROP, "from a peer, and its destination is behind a peer")   \
    X(ISOLATED, "isolated", DROP, "from an isolated port to an isolated port")                     \
    X(NO_TARGET, "no-target", DROP, "to flood, but no other port or peer takes it")                \
    X(TOO_LARGE, "too-large", DROP, "larger than the device or tunnel it would leave by")          \
    X(TOO_MANY_TAGS, "too-many-tags", DROP, "more than four VLAN tags")                            \
    X(NO_ROUTE, "no-route", DROP, "no route to the peer through the uplink")                       \
    X(PORT_GONE, "port-gone", DROP, "the port's device vanished on the way")                       \
    X(PEER_GONE, "peer-gone", DROP, "the peer was removed on the way")                             \
    X(REWRITE_FAILED, "rewrite-failed", DROP, "the kernel refused to resize the frame")            \
    X(COPY_FAILED, "copy-failed", DROP, "the kernel refused a flood copy")                         \
    X(NO_UPLINK, "no-uplink", DROP, "the instance has no uplink configured")                       \
    X(SPREAD_FULL, "spread-full", DROP, "the queue of the CPU that it was spread to is full")      \
    X(IP_EXTENSION, "ip-extension", DROP, "outer IPv6 extension header that no tunnel packet has") \
    X(ECN, "ecn", DROP, "marked as congested outside, and its sender would not understand")        \
    X(GRE_SEQUENCE, "gre-sequence", DROP,                                                          \
      "GRE sequence number is older than one before, or not there")                                \
    X(GRE_NO_CHECKSUM, "gre-no-checksum", DROP, "no GRE checksum, and the peer is to send one")    \
    X(BROADCAST_LIMIT, "broadcast-limit", DROP,                                                    \
      "more broadcast or multicast than its port may send")                                        \
    X(UNKNOWN_LIMIT, "unknown-limit", DROP, "more to unknown MACs than its port may send")         \
    X(DHCP_GUARD, "dhcp-guard", DROP, "a DHCP server's message from a port that has none")         \
    X(RA_GUARD, "ra-guard", DROP, "a router advertisement or redirect from a port without router") \
    X(NOT_LEASED, "not-leased", DROP, "a lease-bound port says an address that it has not got")    \
    X(NO_DETOUR, "no-detour", DROP, "the device that completes frames for the peer is gone")       \
    X(FRAGMENT_OVERLAP, "fragment-overlap", DROP, "the outer packet's two fragments overlap")      \
    X(FRAGMENT_TIMEOUT, "fragment-timeout", DROP,                                                  \
      "first fragment of an outer packet whose second did not come")                               \
    X(FRAGMENT_STORE_FULL, "fragment-store-full", DROP,                                            \
      "no room to hold a first fragment, or it had to make room for a newer one")                  \
    X(RP_FILTER, "rp-filter", DROP,                                                                \
      "the route to the peer it says to be does not lead out by the uplink")                       \
    X(PROBE, "probe", OK, "a peer's answer to a probe: noted")                                     \
    X(PROBE_LIMIT, "probe-limit", DROP, "more probes from a peer than are answered")               \
    X(FORGED_PROBE, "forged-probe", DROP, "from a port, and only hosts say such to each other")

enum xgre_verdict {
#define X(id, name, fate, help) XGRE_##id,
    XGRE_VERDICTS(X)
#undef X
        XGRE_VERDICT_MAX
};

/* What happened beside a frame's fate. X(id, name, help) */
#define XGRE_NOTES(X)                                                                              \
    X(LEARNED, "learned", "FDB entries learned")                                                   \
    X(MOVED, "moved", "FDB entries that moved to another port or peer")                            \
    X(AGED, "aged", "FDB entries that the sweep removed")                                          \
    X(FDB_FULL, "fdb-full", "frames whose source was not learned: FDB full")                       \
    X(MAC_LIMIT, "mac-limit",                                                                      \
      "frames whose source was not learned: MAC limit of its port or peer")                        \
    X(RESOLVE, "resolve", "flood copies handed to the kernel to resolve the next hop")             \
    X(LEASE_LIMIT, "lease-limit", "leases that were not noted: too many of one port, or in all")   \
    X(SPLIT, "split", "fragments made of IPv4 packets that were too large")                        \
    X(TOLD, "told", "senders told by ICMP that a packet was too large")                            \
    X(PATH_MTU, "path-mtu", "path MTUs of peers lowered by routers")

enum xgre_note {
#define X(id, name, help) XGRE_NOTE_##id,
    XGRE_NOTES(X)
#undef X
        XGRE_NOTE_MAX
};

/* The programs that decide fates. X(id, name, help) */
#define XGRE_PROGRAMS(X)                                                                           \
    X(UPLINK_XDP, "uplink_xdp", "from the wire, fast path")                                        \
    X(UPLINK_TC, "uplink_tc", "from the wire, slow path")                                          \
    X(PORT_XDP, "port_xdp", "from a port, fast path")                                              \
    X(PORT_TC, "port_tc", "from a port, slow path")                                                \
    X(UPLINK_CPU, "uplink_cpu_xdp", "from the wire, fast path, on the CPU it was spread to")       \
    X(DETOUR_TC, "detour_tc", "frames too large, or for peers that want checksums or numbers")

enum xgre_program {
#define X(id, name, help) XGRE_PROGRAM_##id,
    XGRE_PROGRAMS(X)
#undef X
        XGRE_PROGRAM_MAX
};

/*
 * `counters` has a cell for each program and verdict, `notes` one for each note, and both have
 * room for more: a verdict that is appended moves no cell of a pinned map.
 */
#define XGRE_VERDICT_ROOM 64
#define XGRE_NOTE_ROOM 32
#define XGRE_COUNTERS ((__u32)XGRE_PROGRAM_MAX * XGRE_VERDICT_ROOM)
#define XGRE_COUNTER(program, verdict) ((__u32)(program) * XGRE_VERDICT_ROOM + (__u32)(verdict))
XGRE_ASSERT(XGRE_VERDICT_MAX <= XGRE_VERDICT_ROOM, "verdicts");
XGRE_ASSERT(XGRE_NOTE_MAX <= XGRE_NOTE_ROOM, "notes");

/* ---- Map keys and values ------------------------------------------------------------------ */

/* An address of the underlay, in network order. IPv4 is the first word, and the others are zero. */
struct xgre_addr {
    __be32 word[4];
};
XGRE_ASSERT_SIZE(struct xgre_addr, 16);

enum xgre_uplink_flags {
    XGRE_UPLINK_XDP_XMIT = 1,   /* XDP frames may be redirected into the uplink */
    XGRE_UPLINK_NO_XDP = 2,     /* `attach --xdp off`: TC only */
    XGRE_UPLINK_ANY_XDP = 4,    /* `attach --xdp on`: XDP also where it costs more than it saves */
    XGRE_UPLINK_SPREAD = 8,     /* frames are spread over the CPUs of `spread` */
    XGRE_UPLINK_CAPTURED = 16,  /* `packets` is told of each frame, as `watch` says */
    XGRE_UPLINK_MONITORED = 32, /* `events` is told what happens */
};
#define XGRE_UPLINK_WATCHED (XGRE_UPLINK_CAPTURED | XGRE_UPLINK_MONITORED)

enum xgre_spread_mode {
    XGRE_SPREAD_AUTO = 0,
    XGRE_SPREAD_OFF = 1,
    XGRE_SPREAD_ALL = 2,  /* over all CPUs that are online */
    XGRE_SPREAD_LIST = 3, /* over those of spread_cpus that are online */
};

/* `uplink`: array of one; what an instance is. */
struct xgre_uplink {
    __u32 abi_version;  /* first, so that every version can read it */
    __u32 ifindex;      /* 0: nothing attached yet */
    __be32 local;       /* IPv4 source of what we send, destination of what we take; 0: none */
    __u32 flags;        /* enum xgre_uplink_flags */
    __u8 mac[6];        /* what XDP takes as addressed to us; TC asks the kernel */
    __u8 tc_hook;       /* enum xgre_tc_hook */
    __u8 spread;        /* enum xgre_spread_mode: as asked for */
    __u32 cookie;       /* random per instance: marks our XDP metadata as ours */
    __u32 detour;       /* ifindex of the device that frames go into to be made complete; 0: none */
    __u64 netns_cookie; /* SO_NETNS_COOKIE of the network namespace it lives in */
    char name[XGRE_NAME_LEN];
    struct xgre_addr local6;                  /* the same over IPv6; zero: none */
    __u64 spread_cpus[XGRE_SPREAD_CPUS / 64]; /* with SPREAD_LIST: bit n%64 of word n/64 is CPU n */
};
XGRE_ASSERT_SIZE(struct xgre_uplink, 72 + XGRE_SPREAD_CPUS / 8);

enum xgre_tc_hook {
    XGRE_TC_HOOK_NONE = 0,
    XGRE_TC_HOOK_TCX = 1,
    XGRE_TC_HOOK_CLSACT = 2,
};

enum xgre_network_flags {
    XGRE_NETWORK_USED = 1,  /* the array slot holds a network */
    XGRE_NETWORK_KEYED = 2, /* a GRE key is sent and expected, where a peer has none of its own */
    XGRE_NETWORK_NVGRE = 4, /* the key is RFC 7637's: 24 bits of VSID, 8 of FlowID */
};

/* `networks`: array, by network id. */
struct xgre_network {
    __u32 flags;
    __be32 key;      /* GRE key (RFC 2890 section 2.1) when KEYED, else 0 */
    __u64 ageing_ns; /* learned entries older than this are not used */
    __u32 mtu;       /* largest inner IP packet, bytes; 0: as the uplink allows */
    __u32 pad;
    char name[XGRE_NAME_LEN];
};
XGRE_ASSERT_SIZE(struct xgre_network, 40);

enum xgre_port_flags {
    XGRE_PORT_NO_LEARNING = 1,
    XGRE_PORT_NO_FLOOD = 2,       /* no unknown unicast to this port */
    XGRE_PORT_ISOLATED = 4,       /* does not reach other isolated ports */
    XGRE_PORT_LOCKED = 8,         /* only sources that the FDB has behind this port */
    XGRE_PORT_XDP_XMIT = 16,      /* XDP frames may be redirected into it */
    XGRE_PORT_OFFLOADS = 32,      /* takes large TCP segments: TCP goes by GRO */
    XGRE_PORT_DIRECT = 64,        /* as asked for: FAR_END where it can be */
    XGRE_PORT_FAR_END = 128,      /* a veth: TC hands its far end what is for the MAC `far_end` */
    XGRE_PORT_DHCP_GUARD = 256,   /* it sends no messages of DHCP servers */
    XGRE_PORT_RA_GUARD = 512,     /* it sends no router advertisements and no redirects */
    XGRE_PORT_LEASE_BOUND = 1024, /* it has only addresses of `bindings` and `addresses` */
};

/* What it sends is looked at before it is let in, each frame, by TC. */
#define XGRE_PORT_GUARDS (XGRE_PORT_DHCP_GUARD | XGRE_PORT_RA_GUARD | XGRE_PORT_LEASE_BOUND)

/* `ports`: hash, by ifindex (__u32). The device is alive only while `redirect` has it too. */
struct xgre_port {
    __u32 network;
    __u32 flags;
    __u32 mac_limit; /* learned entries; 0: no limit */
    __u32 slot;      /* index into `port_counters` and `learned` */
    char name[XGRE_NAME_LEN];
    __u8 far_end[6]; /* with FAR_END */
    __u8 pad[2];
    __u32 broadcast_limit; /* broadcast and multicast frames a second from it; 0: no limit */
    __u32 unknown_limit;   /* frames a second from it to unknown MACs; 0: no limit */
};
XGRE_ASSERT_SIZE(struct xgre_port, 48);

/*
 * `buckets`: array, by port slot. CLOCK_MONOTONIC, ns, up to which what the port flooded has used
 * up its limits: see bpf/limit.h.
 */
struct xgre_buckets {
    __u64 broadcast;
    __u64 unknown;
    __u64 told; /* and was told that its frames were too large */
};
XGRE_ASSERT_SIZE(struct xgre_buckets, 24);

/* `bindings`: hash: what a DHCP server gave to whom behind which port. `bound` counts them. */
struct xgre_binding_key {
    __u32 port; /* ifindex */
    __be32 address;
    __u8 mac[6];
    __u8 pad[2];
};
XGRE_ASSERT_SIZE(struct xgre_binding_key, 16);

struct xgre_binding {
    __u64 until; /* CLOCK_MONOTONIC, ns: the end of the lease */
    __u32 slot;  /* of the port */
    __u32 pad;
};
XGRE_ASSERT_SIZE(struct xgre_binding, 16);

/* `addresses`: hash; the value, a __u32, says nothing. What a port may use beside its leases. */
struct xgre_address {
    __u32 slot;       /* of the port */
    __u32 family;     /* 4 or 6 */
    __u8 address[16]; /* of IPv4 the first four, the rest zero */
};
XGRE_ASSERT_SIZE(struct xgre_address, 24);

enum xgre_key_kind {
    XGRE_KEY_NONE = 0,  /* the K bit is not set. No key and key 0 differ. */
    XGRE_KEY_WHOLE = 1, /* all 32 bits tell tunnels apart */
    XGRE_KEY_VSID = 2,  /* the upper 24 bits do (RFC 7637); the others are zero here */
};

/* `tunnels`: hash. */
struct xgre_tunnel_key {
    __be32 source; /* outer source address: the peer */
    __be32 local;  /* outer destination address: us */
    __be32 key;    /* GRE key, 0 when there is none */
    __u32 keyed;   /* enum xgre_key_kind */
};
XGRE_ASSERT_SIZE(struct xgre_tunnel_key, 16);

/* `tunnels6`: hash. The same over IPv6, to the uplink's `local6`. */
struct xgre_tunnel6_key {
    struct xgre_addr source;
    __be32 key;
    __u32 keyed;
};
XGRE_ASSERT_SIZE(struct xgre_tunnel6_key, 24);

/*
 * `outbound`: hash, to xgre_tunnel. Whose a packet of ours was, by where it went and the key that
 * the peer is *sent*: for ICMP errors, which quote it. An IPv4 address is the first word.
 */
struct xgre_outbound_key {
    struct xgre_addr remote;
    __be32 key;
    __u32 keyed; /* enum xgre_key_kind */
};
XGRE_ASSERT_SIZE(struct xgre_outbound_key, 24);

struct xgre_tunnel {
    __u32 network;
    __u32 peer;
};
XGRE_ASSERT_SIZE(struct xgre_tunnel, 8);

enum xgre_peer_flags {
    XGRE_PEER_IP6 = 1,         /* its address is an IPv6 address */
    XGRE_PEER_IKEYED = 2,      /* it sends the key `ikey` */
    XGRE_PEER_OKEYED = 4,      /* it is sent the key in `outer` */
    XGRE_PEER_VSID = 8,        /* NVGRE: the last byte of the key sent follows from the frame */
    XGRE_PEER_FLOW_LABEL = 16, /* the IPv6 flow label follows from the frame */
    XGRE_PEER_ICSUM = 32,      /* takes nothing without a GRE checksum */
    XGRE_PEER_ISEQ = 64,   /* takes nothing without a sequence number, and in their order only */
    XGRE_PEER_OCSUM = 128, /* is sent GRE checksums */
    XGRE_PEER_OSEQ = 256,  /* is sent sequence numbers */
    XGRE_PEER_TTL_INHERIT = 512,
    XGRE_PEER_TOS_INHERIT = 1024,
    XGRE_PEER_DF_UNSET = 2048,
    XGRE_PEER_DF_INHERIT = 4096,
    XGRE_PEER_ENCAP_LIMIT = 8192, /* a destination option of RFC 2473 section 4.1.1 is in `outer` */
    XGRE_PEER_RP_FILTER = 16384, /* takes nothing while the route to it leads over another device */
};

/* What goes into the header is of the packet as it is on the wire: only complete frames can be
 * encapsulated. See bpf/detour.h. */
#define XGRE_PEER_DETOUR (XGRE_PEER_OCSUM | XGRE_PEER_OSEQ)

/* What TC only can do: more of the outer headers follows from the frame than lengths and ECN. */
#define XGRE_PEER_BY_TC                                                                            \
    (XGRE_PEER_DETOUR | XGRE_PEER_TTL_INHERIT | XGRE_PEER_TOS_INHERIT | XGRE_PEER_DF_UNSET |       \
     XGRE_PEER_DF_INHERIT | XGRE_PEER_ENCAP_LIMIT)
/* What has to be looked at in each packet that comes: no flow is kept. */
#define XGRE_PEER_CHECKED (XGRE_PEER_ICSUM | XGRE_PEER_ISEQ)
/* For these, the flow inside is hashed. */
#define XGRE_PEER_ENTROPY (XGRE_PEER_VSID | XGRE_PEER_FLOW_LABEL)

/* `peers`: array, by peer id. network 0: the slot is free. */
struct xgre_peer {
    __u32 network;
    __u16 outer_len; /* bytes of `outer` in use: IPv4 (20) or IPv6 (40, 48) + GRE (4 to 16) */
    __u16 ip_sum;    /* folded sum of the template's IPv4 header, total length and check 0 */
    __u32 flags;     /* enum xgre_peer_flags */
    __be32 ikey;     /* with IKEYED, else 0 */
    __u32 outer[XGRE_OUTER_MAX / 4]; /* header bytes; words, so that a copy moves words */
    struct xgre_addr remote;
    struct xgre_addr local;
    __u64 asked;     /* CLOCK_MONOTONIC, ns: when the kernel last had the next hop to itself */
    __u32 mac_limit; /* learned entries; 0: no limit */
    __u32 pad;
};
XGRE_ASSERT_SIZE(struct xgre_peer, 128);

/* `learned`: array: how many learned entries a port has, by its slot, or a peer, by its id. */
#define XGRE_LEARNED_BY_PORT(slot) (slot)
#define XGRE_LEARNED_BY_PEER(id) (XGRE_MAX_PORTS + (id))
#define XGRE_LEARNED (XGRE_MAX_PORTS + XGRE_MAX_PEERS)

/* `peer_states`: array, by peer id: what changes by itself. */
struct xgre_peer_state {
    __u64 came;       /* with ISEQ: jiffies when one was taken last; 0: none was */
    __u32 expected;   /* with ISEQ: one above the highest that came */
    __u32 sent;       /* with OSEQ: sequence number of the next packet */
    __u64 told;       /* as in `buckets`: up to when it was told that frames were too large */
    __u64 path_until; /* CLOCK_MONOTONIC, ns, up to when path_mtu holds */
    __u32 path_mtu;   /* bytes of the largest packet that routers let through; 0: none objected */
    __u32 pad;
};
XGRE_ASSERT_SIZE(struct xgre_peer_state, 40);

/*
 * `liveness`: array, by peer id: what is known of whether a peer is there. Times are
 * CLOCK_MONOTONIC, ns; 0: never.
 */
struct xgre_liveness {
    __u64 nonce;      /* of the probe whose answer is awaited; 0: of none */
    __u64 asked;      /* when the last probe left */
    __u64 answered;   /* when the last answer came */
    __u64 heard;      /* when a frame from it was last learned from, to a second, or a probe came */
    __u64 paid;       /* as in `buckets`: up to when its own probes were answered */
    __u32 rtt;        /* ns: from the last probe that was answered to its answer */
    __u32 unanswered; /* probes of the least size since the last answer */
    __u16 len;    /* bytes of the next probe, an Ethernet frame; less than the least: the least */
    __u8 path;    /* enum xgre_probe_path, of the last answer */
    __u8 is_xgre; /* it has answered or sent a probe */
    __u8 pad[4];
};
XGRE_ASSERT_SIZE(struct xgre_liveness, 56);

/* ---- Probes on the wire --------------------------------------------------------------------- */

/*
 * Inside the tunnel an Ethernet frame to an address that no bridge forwards (IEEE 802.1Q, table
 * 8-1: nearest bridge), so that where the peer is no xgre, none of its VMs sees one; with the first
 * EtherType for local experiments (IEEE 802, clause 9.2.3). Zeros follow up to the frame's length.
 */
#define XGRE_PROBE_MAC {0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e}
#define XGRE_PROBE_ETHERTYPE 0x88b5
#define XGRE_PROBE_MAGIC 0x78677265u
#define XGRE_PROBE_VERSION 1
#define XGRE_PROBE_LEAST 60 /* bytes of the frame */

enum xgre_probe_kind {
    XGRE_PROBE_REQUEST = 1,
    XGRE_PROBE_ANSWER = 2, /* the request, but for this and what `path` adds */
};

/* Where a probe met XDP. The programs at the uplinks mark what they see. */
enum xgre_probe_path {
    XGRE_PROBE_XDP_THERE = 1, /* the request, at who answers */
    XGRE_PROBE_XDP_BACK = 2,  /* the answer, at who asked */
};

struct xgre_probe { /* follows the Ethernet header */
    __be32 magic;
    __u8 version;
    __u8 kind; /* enum xgre_probe_kind */
    __u8 path; /* enum xgre_probe_path */
    __u8 pad;
    __u64 nonce; /* the asker's own */
};
XGRE_ASSERT_SIZE(struct xgre_probe, 16);

/*
 * `fragments`: hash: first fragments of outer packets, until the second one comes. The
 * identification says in which of an address's places one is: a newer packet pushes out an older
 * one.
 */
struct xgre_fragment_key {
    struct xgre_addr source;
    __u32 place; /* identification % XGRE_SOURCE_FRAGMENTS; of IPv6 so many places further */
};
XGRE_ASSERT_SIZE(struct xgre_fragment_key, 20);

enum xgre_fragment_state {
    XGRE_FRAGMENT_BUSY = 0, /* a program works on it */
    XGRE_FRAGMENT_HELD = 1, /* complete, and nobody's */
    XGRE_FRAGMENT_DONE = 2, /* nobody's, and nothing in it */
};

struct xgre_fragment {
    __u32 state;                  /* enum xgre_fragment_state */
    struct xgre_fragment_key key; /* its own */
    __u32 id;                     /* host order */
    __u32 peer;
    __u64 came;        /* CLOCK_MONOTONIC, ns */
    __u16 len;         /* of `bytes` */
    __u16 headers_len; /* IP header, IPv4 options or IPv6 extension headers */
    __u16 inner_len;   /* bytes of the frame inside */
    __u8 ds;           /* TOS or traffic class */
    __u8 pad;
    __u8 bytes[XGRE_FRAGMENT_MAX];
};
XGRE_ASSERT_SIZE(struct xgre_fragment, 48 + XGRE_FRAGMENT_MAX);

/* `fdb`: hash. */
struct xgre_fdb_key {
    __u32 network;
    __u16 vlan; /* VID of the outermost tag, host order; 0: untagged or priority-tagged */
    __u8 mac[6];
};
XGRE_ASSERT_SIZE(struct xgre_fdb_key, 12);

/*
 * Who a MAC is behind, in one word so that a move is one compare-and-swap:
 * bits 0-31 ifindex or peer id, 32-47 the port's slot, 48 static, 56-57 the kind.
 */
typedef __u64 xgre_owner;

#define XGRE_OWNER_SLOT_SHIFT 32
#define XGRE_OWNER_STATIC (1ULL << 48)
#define XGRE_OWNER_KIND_MASK (3ULL << 56)
#define XGRE_OWNER_PORT (1ULL << 56)
#define XGRE_OWNER_PEER (2ULL << 56)
#define XGRE_OWNER_DEAD (3ULL << 56) /* being deleted: as good as absent */

struct xgre_fdb_entry {
    xgre_owner owner;
    __u64 last_seen; /* CLOCK_MONOTONIC, ns; static entries keep the time they were made */
};
XGRE_ASSERT_SIZE(struct xgre_fdb_entry, 16);

/* The start of an Ethernet header on the underlay; aligned to be moved in words. */
struct xgre_hop {
    __u8 dst[6];
    __u8 src[6];
} __attribute__((aligned(4)));
XGRE_ASSERT_SIZE(struct xgre_hop, 12);

/*
 * `flows`: per-CPU array, by a hash of the key: what was decided for the last frame with this
 * ingress and these addresses. A memory of the other maps, of the route, the neighbour and the
 * MTU; any of them may forget it. See bpf/flow.h.
 */
struct xgre_flow {
    __u64 key[3];
    __u64 until; /* jiffies, of 64 bits */
    __u32 generation;
    __u32 target;      /* ifindex of a port, or peer id */
    __u32 source;      /* slot of the port, or peer id, that it came from */
    __u16 target_slot; /* of a port */
    __u16 network;
    __u16 max_len; /* the longest inner frame that is known to fit, bytes */
    __u8 verdict;  /* TO_PORT or TO_PEER */
    __u8 flags;    /* enum xgre_port_flags, as they are for this frame: see keep_behind */
    union {
        struct xgre_hop hop; /* to a peer */
        __u32 rest[3];       /* of the key, from a peer over IPv6 */
    };
};
XGRE_ASSERT_SIZE(struct xgre_flow, 64);

enum xgre_spread_flags {
    XGRE_SPREAD_TCP = 1, /* TCP too: the kernel has GRO on the CPU that a frame is spread to */
};

/* `spread`: array of one; over which CPUs. See bpf/spread.h. */
struct xgre_spread {
    __u32 map_id; /* the kernel's id of `cpus` */
    __u32 flags;  /* enum xgre_spread_flags */
    __u32 count;
    __u32 pad;
    __u16 cpu[XGRE_SPREAD_CPUS]; /* `count` keys of `cpus` */
};
XGRE_ASSERT_SIZE(struct xgre_spread, 16 + 2 * XGRE_SPREAD_CPUS);

/* `cpus`: CPU map, by CPU number; the program of its entries is uplink_cpu_xdp. */
#define XGRE_SPREAD_QUEUE 2048 /* frames that may wait for one CPU */

/* `generation`: array of one __u64. A change that a flow may depend on adds 1 after it is made. */

/* `flood`: hash, by network id; replaced as a whole, so that a reader sees one version. */
struct xgre_flood {
    __u32 ports;
    __u32 peers;
    __u32 outer_len;  /* bytes of outer headers of the first peer that is not reached by detour, of
                       * which the others have no fewer; 0: there is none */
    __u32 peer_flags; /* what any of them has */
    __u32 port[XGRE_FLOOD_PORTS]; /* ifindex */
    __u32 peer[XGRE_FLOOD_PEERS]; /* peer id */
};
XGRE_ASSERT_SIZE(struct xgre_flood, 16 + 4 * (XGRE_FLOOD_PORTS + XGRE_FLOOD_PEERS));

/* `counters`: per-CPU array, by XGRE_COUNTER(program, verdict). */
struct xgre_count {
    __u64 packets; /* frames whose fate this was; a merged segment counts its frames */
    __u64 bytes;   /* of the Ethernet frame inside, as far as it is known */
    __u64 copies;  /* flood copies that were sent (FLOODED) or lost (a drop reason) */
};
XGRE_ASSERT_SIZE(struct xgre_count, 24);

/* `port_counters` by slot, `peer_counters` by peer id: per-CPU arrays. */
struct xgre_traffic {
    __u64 rx_packets; /* from the VM, or from the peer */
    __u64 rx_bytes;
    __u64 tx_packets; /* to the VM, or to the peer; flood copies included */
    __u64 tx_bytes;
};
XGRE_ASSERT_SIZE(struct xgre_traffic, 32);

/* What XDP leaves in front of a decapsulated frame for TC. A multiple of 4, at most 32 bytes. */
struct xgre_metadata {
    __u32 magic; /* XGRE_METADATA_MAGIC ^ the instance's cookie */
    __u32 network;
    __u32 port;       /* ifindex */
    __u32 peer;       /* so that GRO never merges across networks, ports or peers */
    __u32 header_len; /* Ethernet to TCP header, bytes: what GRO leaves out of later frames */
    __u32 port_flags; /* enum xgre_port_flags, as they are for this frame */
};
XGRE_ASSERT_SIZE(struct xgre_metadata, 24);
#define XGRE_METADATA_MAGIC 0x78677265u

/* skb mark of a flood copy that its port takes once more, for one peer: see bpf/flood.h. */
#define XGRE_MARK_MAGIC 0x78670000u
#define XGRE_MARK_MASK 0xffff0000u

/*
 * skb mark of a frame on its detour: bits 0-11 the slot of the port, or with ORIGIN_PEER the id of
 * the peer, that it came from; 16-27 the peer that it is a flood copy for, or 0. See bpf/detour.h.
 * With PROBE, a probe for that peer: an answer with ORIGIN_PEER, else a request, still to be made.
 */
#define XGRE_DETOUR_MARK 0x80000000u
#define XGRE_DETOUR_ORIGIN 0xfffu
#define XGRE_DETOUR_ORIGIN_PEER 0x1000u
#define XGRE_DETOUR_PROBE 0x2000u
#define XGRE_DETOUR_COPY_SHIFT 16
XGRE_ASSERT(XGRE_MAX_PORTS <= XGRE_DETOUR_ORIGIN + 1 && XGRE_MAX_PEERS <= XGRE_DETOUR_ORIGIN + 1,
            "they fit");

/* ---- What `xgre capture` and `xgre monitor` are told ---------------------------------------- */

#define XGRE_WATCH_BYTES 65000 /* of a frame, at most: a record of perf ends at 64 KiB */
#define XGRE_WATCH_WINDOW_NS 100000000ULL
#define XGRE_EVENTS_BYTES 131072 /* of `events`; a power of two, and whole pages */
/* Drops in a window that `events` is told of; the others are counted. */
#define XGRE_DROPS_TOLD 20

/* `watch`: array of one: what is to be told, and how much was. */
struct xgre_watch {
    __u32 bytes;      /* of each frame, at most XGRE_WATCH_BYTES */
    __u32 frames;     /* in a window of time, of all CPUs together; 0: as many as come */
    __u32 drops_only; /* `packets`: only frames that are dropped, as they are then */
    __u32 pad;
    __u64 window; /* the number of the window that `told` is of */
    __u64 told;
    __u64 drop_window; /* the same for drops that `events` is told of */
    __u64 drops_told;
};
XGRE_ASSERT_SIZE(struct xgre_watch, 48);

/* `watch_cpus`: per-CPU array of one. */
struct xgre_watch_cpu {
    __u64 run;         /* the number of the program run that was told of last */
    __u64 open[8];     /* by enum xgre_program: the run whose beginning was told; 0: none */
    __u64 lost;        /* runs that `packets` had no room for */
    __u64 over;        /* runs left out because there were too many in their window */
    __u64 events_lost; /* events that `events` had no room for */
    __u64 drops_over;  /* drops that `events` was not told of because there were too many */
};
XGRE_ASSERT_SIZE(struct xgre_watch_cpu, 104);
XGRE_ASSERT(XGRE_PROGRAM_MAX <= 8, "programs");

/*
 * `packets`: perf event array, by CPU. A run of a program is told where it begins and where it has
 * decided, by records of one CPU and number; `bytes` of the frame follow each.
 */
struct xgre_sighting {
    __u64 time; /* CLOCK_MONOTONIC, ns */
    __u64 run;
    __u32 ifindex; /* of the device that the program runs for */
    __u32 len;     /* of the frame, without a tag outside the bytes */
    __u32 bytes;
    __u32 network; /* at the end, these three: 0 where there is none, or it is not known */
    __u32 peer;    /* that it came from, or goes to */
    __u32 target;  /* with TO_PORT, the ifindex */
    __u8 program;  /* enum xgre_program */
    __u8 is_end;
    __u8 verdict;     /* at the end: enum xgre_verdict */
    __u8 is_tagged;   /* a VLAN tag is outside the bytes */
    __u16 tag;        /* its TCI */
    __be16 tag_proto; /* its EtherType */
};
XGRE_ASSERT_SIZE(struct xgre_sighting, 48);

enum xgre_event_type {
    XGRE_EVENT_LEARNED = 0,
    XGRE_EVENT_MOVED = 1,
    XGRE_EVENT_AGED = 2,
    XGRE_EVENT_DROPPED = 3,
};

/* `events`: ring buffer. */
struct xgre_event {
    __u64 time; /* CLOCK_MONOTONIC, ns */
    struct xgre_fdb_key
        key;       /* of the entry; of a dropped frame its network alone, if it is known */
    __u32 type;    /* enum xgre_event_type */
    __u64 owner;   /* xgre_owner; of AGED, who had it */
    __u64 old;     /* with MOVED: who had it before */
    __u32 ifindex; /* of a dropped frame, these four: the device that its program ran for */
    __u32 len;
    __u32 peer; /* that it came from; 0: none, or it is not known */
    __u8 program;
    __u8 verdict;
    __u16 pad;
};
XGRE_ASSERT_SIZE(struct xgre_event, 56);

/* ---- Arguments of bpf/fdb_control.bpf.c (in and out) --------------------------------------- */

enum xgre_fdb_match {
    XGRE_MATCH_NETWORK = 1,
    XGRE_MATCH_VLAN = 2,
    XGRE_MATCH_OWNER = 4,   /* kind and id */
    XGRE_MATCH_LEARNED = 8, /* not the static ones */
};

struct xgre_fdb_put_args { /* program fdb_put: adds or replaces a static entry */
    struct xgre_fdb_key key;
    __u32 pad;
    xgre_owner owner;
    __s64 result; /* 0 or -errno */
};
XGRE_ASSERT_SIZE(struct xgre_fdb_put_args, 32);

struct xgre_fdb_restore_args { /* program fdb_restore: a learned entry, as it was when it was saved
                                */
    struct xgre_fdb_key key;
    __u32 limit; /* MAC limit of the owner; 0: none */
    xgre_owner owner;
    __u64 age_ns;
    __s64 result; /* 0 or -errno: -EEXIST, -E2BIG, or -EDQUOT for the limit */
};
XGRE_ASSERT_SIZE(struct xgre_fdb_restore_args, 40);

struct xgre_fdb_delete_args { /* program fdb_delete: one entry */
    struct xgre_fdb_key key;
    __u32 pad;
    __s64 result;
};
XGRE_ASSERT_SIZE(struct xgre_fdb_delete_args, 24);

struct xgre_fdb_flush_args { /* program fdb_flush: all that match everything given */
    __u32 match;             /* enum xgre_fdb_match */
    __u32 network;
    xgre_owner owner;
    __u16 vlan;
    __u16 pad;
    __u32 flushed; /* out */
};
XGRE_ASSERT_SIZE(struct xgre_fdb_flush_args, 24);

struct xgre_sweep_args { /* programs fdb_sweep and sweeper_start */
    __u64 interval_ns;   /* sweeper_start: between the end of one sweep and the next */
    __u32 removed;       /* out */
    __s32 result;        /* out: 0 or -errno */
};
XGRE_ASSERT_SIZE(struct xgre_sweep_args, 16);

struct xgre_probe_args { /* program spread_probe: what the kernel can do */
    __u64 flags;         /* out: enum xgre_spread_flags */
    __u64 pad;
};
XGRE_ASSERT_SIZE(struct xgre_probe_args, 16);

struct xgre_probe_send_args { /* program probe_send: asks a peer whether it is there */
    __u32 peer;
    __u32 len;    /* bytes of the frame */
    __s64 result; /* 0 or -errno: -ENOENT no such peer, -ENODEV no detour */
};
XGRE_ASSERT_SIZE(struct xgre_probe_send_args, 16);

#endif /* XGRE_ABI_H */
