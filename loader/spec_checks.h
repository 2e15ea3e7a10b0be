// SPDX-License-Identifier: GPL-2.0-only
// What can be said about a wish before an instance is open, or there at all. Each is in the file of
// its noun, and throws Error.
#pragma once

#include <cstdint>
#include <string>

#include "loader/netlink.h"
#include "loader/outer_header.h"
#include "xgre/abi.h"
#include "xgre/error.h"
#include "xgre/instance.h"

namespace xgre {

// Of an address that is one device's: no group, not zero.
void check_mac(const Mac& mac);

void check_network_spec(const NetworkSpec& spec);
// `uplink_mtu`: 0 when it is gone. `ip6`: the uplink has no IPv4 address for tunnels.
void check_network_mtu(const NetworkSpec& spec, std::uint32_t uplink_mtu, bool ip6);
// Would a packet of one pass for one of the other?
bool collide(const NetworkSpec& a, const NetworkSpec& b);
WireKey wire_key_of(const NetworkSpec& spec);

// What the mode of the network or the family of the address excludes.
void check_peer_spec(const PeerSpec& spec, NetworkMode mode);
// What is expected of its packets.
WireKey wire_key_of(const PeerSpec& spec, const NetworkSpec& network);
// Of a peer that has this address in `network`, too, with a key that collides.
Error not_told_apart(const IpAddr& address, const std::string& network);
// Of one host, and not of the host whose network namespace this is.
void check_peer_address(const IpAddr& address);

// A device of the current network namespace that may be a port of the instance.
LinkInfo check_port_device(const std::string& instance, std::uint32_t uplink_ifindex,
                           const std::string& name);

// XDP that another program has cannot be taken from a device that is to be a port; better to say so
// before anything is done. `uplink_flags`: enum xgre_uplink_flags.
void check_foreign_xdp(std::uint32_t uplink_flags, const LinkInfo& device);
std::uint32_t xdp_flags(XdpUse use);

// In the session's network namespace. `is_new`: the instance is not there yet.
void check_attach_spec(const Session& session, const AttachSpec& spec, bool is_new);

// Gives the uplink the addresses, the use of XDP and the spreading that it had, as its row says.
void put_back_uplink(const Session& session, const xgre_uplink& row);

}  // namespace xgre
