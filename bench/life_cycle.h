// SPDX-License-Identifier: GPL-2.0-only
// What commands take, and what an instance keeps in memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/row.h"

namespace xgre::bench {

// Set-up of an instance, its memory, memory with a million addresses, and a dump of those.
std::vector<Metric> life_cycle_metrics();
std::unique_ptr<Probe> make_life_cycle(const std::string& name, const Peer& peer);

}  // namespace xgre::bench
