// SPDX-License-Identifier: GPL-2.0-only
// XDP redirect without tunnel: what no data path can be faster than.
#pragma once

#include <memory>

#include "bench/peers.h"

namespace xgre::bench {

// Between a VM and the wire; between two VMs; or from the wire to one VM of each network.
std::unique_ptr<DataPath> join_limit(const Site& site);

}  // namespace xgre::bench
