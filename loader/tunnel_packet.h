// SPDX-License-Identifier: GPL-2.0-only
// What a packet on the wire says of the tunnel that it is of: Ethernet in GRE (RFC 2784, RFC 2890),
// over IPv4 or IPv6, behind at most one destination option (RFC 2473 section 4.1.1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "xgre/ip_addr.h"

namespace xgre {

struct TunnelPacket {
    IpAddr source;
    IpAddr destination;
    std::optional<std::uint32_t> key;  // host byte order
    std::size_t inner = 0;             // where the frame inside begins; it may be cut short
};

// nullopt when it is no such packet, or cut short before its end could be seen. For people to read:
// checksums and lengths are not looked at.
std::optional<TunnelPacket> parse_tunnel_packet(std::span<const std::uint8_t> packet);

}  // namespace xgre
