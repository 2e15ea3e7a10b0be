// SPDX-License-Identifier: GPL-2.0-only
// Large TCP segments from a VM's tap on host a to one on host b, as virtio-net and a guest would
// write and read them, but without a guest's TCP: one processor does it all, and nothing waits.
#pragma once

#include <memory>
#include <string>

#include "bench/row.h"

namespace xgre::bench {

std::unique_ptr<Probe> make_tap_transfer(const std::string& name, const Peer& peer);

}  // namespace xgre::bench
