// SPDX-License-Identifier: GPL-2.0-only
// One TCP stream from the VM on host a to the one on host b.
#pragma once

#include <memory>

#include "bench/rows.h"

namespace xgre::bench {

std::unique_ptr<Probe> make_tcp_stream(const World& world);

}  // namespace xgre::bench
