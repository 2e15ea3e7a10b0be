// SPDX-License-Identifier: GPL-2.0-only
// The kernel's own means: a bridge, without a tunnel and with VXLAN.
#pragma once

#include <memory>

#include "bench/peers.h"

namespace xgre::bench {

// Uplink and ports in one bridge; for one network.
std::unique_ptr<DataPath> join_bridge(const Site& site);
// For each network a VXLAN device as `ip link` makes it, without flags, and a bridge.
std::unique_ptr<DataPath> join_vxlan(const Site& site);

}  // namespace xgre::bench
