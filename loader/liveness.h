// SPDX-License-Identifier: GPL-2.0-only
// What the row of a peer in `liveness` means.
#pragma once

#include <cstdint>

#include "xgre/abi.h"
#include "xgre/instance.h"

namespace xgre {

class Datapath;

// What is known of a peer now.
Liveness liveness_of(const Datapath& datapath, std::uint32_t peer);
// `now`: CLOCK_MONOTONIC, ns.
Liveness liveness_of(const xgre_liveness& row, std::uint64_t now);

}  // namespace xgre
