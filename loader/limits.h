// SPDX-License-Identifier: GPL-2.0-only
// How many there can be of what, and what is said where one more is asked for.
#pragma once

#include <cstdint>
#include <string>

#include "xgre/abi.h"
#include "xgre/error.h"

namespace xgre {

struct Limit {
    const char* noun;  // of the command that makes room
    std::uint32_t most;
};

// In an instance.
inline constexpr Limit kNetworks{"network", XGRE_MAX_NETWORKS - 1};
inline constexpr Limit kPeers{"peer", XGRE_MAX_PEERS - 1};
inline constexpr Limit kPorts{"port", XGRE_MAX_PORTS};  // with those of DHCP servers
// In a network.
inline constexpr Limit kPeersOfNetwork{"peer", XGRE_FLOOD_PEERS};
inline constexpr Limit kPortsOfNetwork{"port", XGRE_FLOOD_PORTS};

Error no_room(const Limit& limit);
Error no_room(const Limit& limit, const std::string& network);
// Of an FDB with room for so many.
Error fdb_is_full(std::uint32_t entries);

}  // namespace xgre
