// SPDX-License-Identifier: GPL-2.0-only
// What one copy costs when a VM's broadcast goes to so many peers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/row.h"

namespace xgre::bench {

std::unique_ptr<Probe> make_fan_out(const std::string& name, const Peer& peer,
                                    std::uint32_t remotes);

}  // namespace xgre::bench
