// SPDX-License-Identifier: GPL-2.0-only
// From where to where frames are sent, and what they are when they arrive.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/stand.h"
#include "bench/traffic.h"

namespace xgre::bench {

struct Flow {
    std::string source_netns;
    int source = 0;  // device
    Traffic traffic;
    std::string sink_netns;
    std::vector<int> sinks;  // devices
    Expected expected;
    std::uint32_t copies = 1;  // that arrive of each frame
};

// With frames of `length` bytes at the VM, without the checksum at their end.
// From the bare end of the wire to the first VM of host a, as if from kRemoteMac.
Flow from_wire(const Stand& stand, std::size_t length);
// The other way round.
Flow to_wire(const Stand& stand, std::size_t length);
// From the first VM of host a to the second.
Flow port_to_port(const Stand& stand, std::size_t length);

}  // namespace xgre::bench
