// SPDX-License-Identifier: GPL-2.0-only
// Networks, peers and ports by the thousand. Each command looks at all there are, so that a
// command for each would take minutes: their rows are written into the pinned maps, as
// docs/concepts.md describes them, and the next command makes of them what follows.
#pragma once

#include <string>

#include "bench/peers.h"

namespace xgre::bench {

std::string network_name(const Segment& segment);

// Into an instance that has no networks yet.
void write_rows(const Session& session, const Site& site);

}  // namespace xgre::bench
