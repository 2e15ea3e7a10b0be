// SPDX-License-Identifier: GPL-2.0-only
// Frames a second from a port to the uplink, to destinations drawn at random from so many, which
// have all been learned from frames before.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/row.h"
#include "bench/stand.h"

namespace xgre::bench {

std::unique_ptr<Probe> make_fdb_size(const std::string& name, const Peer& peer,
                                     std::uint32_t addresses);

// Where the stand's data path learns so many addresses behind the wire: the first is kRemoteMac,
// the others follow. Throws Void.
void teach_addresses(const Stand& stand, std::uint32_t addresses);
// Room for them, and for those that are not learned.
std::uint32_t room_for(std::uint32_t addresses);

}  // namespace xgre::bench
