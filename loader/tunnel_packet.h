// SPDX-License-Identifier: GPL-2.0-only
// Tunnel packets as the RFCs have them (791, 8200, 2784, 2890, 7637, 2473), made and looked at
// without a peer's template: `xgre test` holds the data path to it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "xgre/instance.h"

namespace xgre {

// One direction of a tunnel.
struct TunnelEnds {
    IpAddr from;
    IpAddr to;
    NetworkMode mode = NetworkMode::gre;
};

// What the peer sends around `inner`, an Ethernet frame, as it arrives at our MAC `to_mac`.
// `number` counts with options.iseq.
std::vector<std::uint8_t> packet_of_peer(const TunnelEnds& ends, const PeerOptions& options,
                                         std::uint32_t number, const Mac& to_mac,
                                         std::span<const std::uint8_t> inner);

// What is wrong with a packet to a peer that ought to carry `inner`, in words; nullopt: nothing.
std::optional<std::string> fault_of_packet(const TunnelEnds& ends, const PeerOptions& options,
                                           std::span<const std::uint8_t> packet,
                                           std::span<const std::uint8_t> inner);

}  // namespace xgre
