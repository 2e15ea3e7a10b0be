// SPDX-License-Identifier: GPL-2.0-only
// Connections a second from the VM on host a to the one on host b, one after another: connect,
// request, response, close. Both run on one processor, as in round_trips.h.
#pragma once

#include <memory>
#include <string>

#include "bench/row.h"

namespace xgre::bench {

std::unique_ptr<Probe> make_connections(const std::string& name, const Peer& peer);

}  // namespace xgre::bench
