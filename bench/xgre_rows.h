// SPDX-License-Identifier: GPL-2.0-only
// Networks, peers and ports by the thousand. Each command looks at all there are, and each port
// that gets hooks waits for the kernel, so that commands for all would take minutes: their rows are
// written into the pinned maps, as docs/concepts.md describes them.
#pragma once

#include <string>

#include "bench/peers.h"

namespace xgre::bench {

std::string network_name(const Segment& segment);

// Into an instance that has no networks yet. The next command makes of them what follows.
void write_networks(const Session& session, const Site& site);
// After that, with their VMs' addresses: ports that are sent to. Their hooks, for what comes from
// them, are left to the next command.
void write_ports(const Session& session, const Site& site);

}  // namespace xgre::bench
