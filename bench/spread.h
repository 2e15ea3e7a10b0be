// SPDX-License-Identifier: GPL-2.0-only
// What comes out of one tunnel, spread over processors by the flows inside.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bench/row.h"

namespace xgre::bench {

// Where the work on what the wire brings is done. xgre spreads by itself, `--spread`; the others
// by RPS, the kernel's own means: at the VXLAN device, or at the uplink for xgre by TC.
enum class Over : std::uint8_t {
    one,     // the processor that takes it in
    all,     // all processors, that one too
    others,  // all but that one
};

// 64-byte frames of so many flows from the wire to a VM, offered faster than they are taken.
std::unique_ptr<Probe> make_spread_frames(const std::string& name, const Peer& peer, Over over,
                                          std::uint32_t flows);
// So many TCP streams over both hosts; both spread.
std::unique_ptr<Probe> make_spread_streams(const std::string& name, const Peer& peer, Over over,
                                           std::size_t streams);

// Rows of cases with each number of flows, spread and not.
std::vector<Case> spread_frames();
std::vector<Case> spread_streams();

}  // namespace xgre::bench
