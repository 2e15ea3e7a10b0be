// SPDX-License-Identifier: GPL-2.0-only
// Frames a second through host a, all of it on one processor with the generator and the counter.
#pragma once

#include <cstddef>
#include <memory>

#include "bench/rows.h"

namespace xgre::bench {

// `length`: bytes of the VM's frame, without the checksum at its end.
std::unique_ptr<Probe> make_from_wire(const Peer& peer, const World& world, std::size_t length);
std::unique_ptr<Probe> make_to_wire(const Peer& peer, const World& world, std::size_t length);
std::unique_ptr<Probe> make_port_to_port(const Peer& peer, const World& world, std::size_t length);

}  // namespace xgre::bench
