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

// Where the numbers are by which frames are told apart: four bytes each, in the VM's frame ...
constexpr std::size_t kDestinationField = 2;
constexpr std::size_t kSourceField = 8;
// ... and in front of it.
constexpr std::size_t kOuterSourceField = 14 + 12;
std::size_t network_field(Encap encap);

struct Way {  // of a frame, from and to
    Mac source;
    Mac destination;
    Ip4Addr from;
    Ip4Addr to;
};

// A UDP datagram from VM to VM: `length` bytes of Ethernet, without the checksum at its end.
Frame vm_frame(const Way& vms, std::size_t length);

// Four bytes from `offset` on, in network order.
void set_number(std::span<std::uint8_t> bytes, std::size_t offset, std::uint32_t number);

// A TCP segment from VM to VM as a VM with offloads hands it to its host: as large as IP allows,
// and with the checksum of addresses and length only.
constexpr std::size_t kTcpHeaders = 14 + 20 + 20;
Frame large_segment(const Way& vms, std::span<const std::uint8_t> payload);
void set_sequence(Frame& segment, std::uint32_t sequence);
// What is wrong with a segment that has arrived, `sequence` being expected; nullopt when nothing
// is. `finished`: its checksum has to be right.
std::optional<std::string> fault_of_segment(std::span<const std::uint8_t> segment,
                                            std::uint32_t sequence, bool finished);

// `inner` as it is on the wire between two hosts.
Frame wire_frame(Encap encap, const Way& hosts, const Frame& inner);

// RFC 1071, of an even number of bytes.
std::uint16_t checksum(std::span<const std::uint8_t> bytes);

// What is wrong with a tunnel's header that a host has sent to `hosts.to`; nullopt when nothing is.
std::optional<std::string> fault_of_header(Encap encap, const Way& hosts,
                                           std::span<const std::uint8_t> wire,
                                           std::size_t inner_length);

}  // namespace xgre::bench
