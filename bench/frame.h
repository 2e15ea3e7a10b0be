// SPDX-License-Identifier: GPL-2.0-only
// The frames that are sent, as bytes, and what a frame on the wire has to look like.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "xgre/ip_addr.h"
#include "xgre/mac.h"

namespace xgre::bench {

using Frame = std::vector<std::uint8_t>;

enum class Encap : std::uint8_t { none, vxlan, gre };

constexpr std::uint32_t kNetworkKey = 7;  // GRE key and VXLAN network identifier

// Bytes in front of the VM's frame, the outer Ethernet header included.
std::size_t header_length(Encap encap);

struct Way {  // of a frame, from and to
    Mac source;
    Mac destination;
    Ip4Addr from;
    Ip4Addr to;
};

// A UDP datagram from VM to VM: `length` bytes of Ethernet, without the checksum at its end.
Frame vm_frame(const Way& vms, std::size_t length);
// `inner` as it is on the wire between two hosts.
Frame wire_frame(Encap encap, const Way& hosts, const Frame& inner);

// What is wrong with a tunnel's header that a host has sent; nullopt when nothing is.
std::optional<std::string> fault_of_header(Encap encap, const Way& hosts,
                                           std::span<const std::uint8_t> wire,
                                           std::size_t inner_length);

}  // namespace xgre::bench
