// SPDX-License-Identifier: GPL-2.0-only
// Open vSwitch's user-space data path with a port of type gre, which xgre stands in for.
#pragma once

#include <memory>

#include "bench/peers.h"

namespace xgre::bench {

// Its daemons, their database and their sockets are this host's own. For one network.
std::unique_ptr<DataPath> join_ovs(const Site& site);

}  // namespace xgre::bench
