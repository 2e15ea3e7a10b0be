// SPDX-License-Identifier: GPL-2.0-only
// Frames a second through a data path that is a process: more are offered than it can take, from
// another processor, and those that arrive in a time are counted. Lost ones are no fault.
#pragma once

#include <memory>

#include "bench/flow.h"
#include "bench/row.h"

namespace xgre::bench {

std::unique_ptr<Probe> make_delivered_rate(std::unique_ptr<Stand> stand, const Flow& flow);

}  // namespace xgre::bench
