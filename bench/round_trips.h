// SPDX-License-Identifier: GPL-2.0-only
// Requests of the VM on host a, answered by the one on host b, one at a time. Both run on one
// processor: waking another one from its idle state takes longer than all data paths together.
#pragma once

#include <memory>
#include <string>

#include "bench/row.h"
#include "bench/sockets.h"

namespace xgre::bench {

std::unique_ptr<Probe> make_round_trips(const std::string& name, const Peer& peer,
                                        Transport transport);

}  // namespace xgre::bench
