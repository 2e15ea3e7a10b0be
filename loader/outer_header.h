// SPDX-License-Identifier: GPL-2.0-only
// A peer's row: the outer headers that its packets get, and what is expected of those it sends.
// RFC 2784, RFC 2890, RFC 7637 (NVGRE), RFC 2473 section 4.1.1 (encapsulation limit).
#pragma once

#include <cstdint>
#include <vector>

#include "loader/row_address.h"
#include "xgre/abi.h"
#include "xgre/instance.h"
#include "xgre/ip_addr.h"

namespace xgre {

inline constexpr std::uint8_t kDefaultTtl = 64;

IpAddr remote_of(const xgre_peer& peer);
// The addresses that tunnels have at this end: one or two.
std::vector<IpAddr> locals_of(const xgre_uplink& uplink);

// By what a packet says in its GRE header whose it is.
struct WireKey {
    xgre_key_kind kind = XGRE_KEY_NONE;
    std::uint32_t key = 0;  // host byte order; of NVGRE with a FlowID of 0
};
WireKey wire_key_of(const xgre_network& network);
WireKey wire_key_of(const xgre_peer& peer);
// Would a packet of one pass for one of the other?
bool collide(const WireKey& a, const WireKey& b);

// What the user calls it: of NVGRE, the VSID.
std::optional<GreKey> key_of(const xgre_network& network);
NetworkMode mode_of(const xgre_network& network);

// Those of a peer that nothing was asked for.
PeerOptions default_options(const xgre_network& network);
PeerOptions options_of(const xgre_peer& peer, const xgre_network& network);

// `options` are ones that check_options() of loader/peer.cpp takes.
xgre_peer make_peer(std::uint32_t network_id, const xgre_network& network, const IpAddr& local,
                    const IpAddr& remote, const PeerOptions& options);

// Bytes that encapsulation adds to an inner Ethernet frame's IP packet, for a peer that nothing
// was asked for.
std::uint32_t overhead(const xgre_network& network, bool ip6);
std::uint32_t overhead(const xgre_peer& peer);

// How `tunnels` and `tunnels6` tell this peer's packets from others'.
xgre_tunnel_key tunnel_key_of(const xgre_peer& peer);
xgre_tunnel6_key tunnel6_key_of(const xgre_peer& peer);
// How `outbound` tells packets to this peer from those to others.
xgre_outbound_key outbound_key_of(const xgre_peer& peer);

}  // namespace xgre
