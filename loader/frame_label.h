// SPDX-License-Identifier: GPL-2.0-only
// What a frame is, in a few words.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "xgre/ip_addr.h"

namespace xgre {

// "IPv4 TCP", "ARP broadcast", "VLAN IPv6 UDP multicast".
std::string label_of(std::span<const std::uint8_t> frame);

// Of a packet from the wire: "tunnel: " and what is inside when it is Ethernet in GRE to one of
// `locals`, else "host: " and what it is.
std::string label_of_arrival(std::span<const std::uint8_t> packet,
                             const std::vector<IpAddr>& locals);

}  // namespace xgre
