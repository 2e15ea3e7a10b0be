// SPDX-License-Identifier: GPL-2.0-only
// What a port is bound to: leases and addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loader/instance_state.h"
#include "loader/undo.h"

namespace xgre {

// Gives the port of this slot these addresses and no others, as far as they are named. True: that
// changed something, which `undo` takes back.
bool set_addresses(const Instance::State& state, std::uint32_t slot,
                   const std::optional<std::vector<IpAddr>>& wanted, Undo& undo);

// Throws Error when a port that is asked to be lease-bound could never have an address: nobody
// gives leases in its network, and none is named. `before`: its addresses, as far as it has any.
void check_leases(const Instance::State& state, const PortSpec& spec, std::uint32_t network,
                  const std::vector<IpAddr>& before);

// The leases of lease-bound ports, by ifindex.
Rows<std::vector<PortLease>> leases_of_ports(const Instance::State& state);

}  // namespace xgre
