// SPDX-License-Identifier: GPL-2.0-only
// Frames a second from the uplink to a port, and what learning costs.
#pragma once

#include <memory>
#include <string>

#include "bench/row.h"

namespace xgre::bench {

// All from one source, that is known; each from one that was never seen; the same, but there is
// no room to learn it.
std::unique_ptr<Probe> make_known_source(const std::string& name, const Peer& peer);
std::unique_ptr<Probe> make_new_sources(const std::string& name, const Peer& peer);
std::unique_ptr<Probe> make_full_fdb(const std::string& name, const Peer& peer);

}  // namespace xgre::bench
