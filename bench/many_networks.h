// SPDX-License-Identifier: GPL-2.0-only
// Frames a second from the uplink to ports, with many networks, or many peers in them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "bench/row.h"

namespace xgre::bench {

// A port in each network, and so many endpoints behind the wire that are in all of them. Endpoints
// come at random; networks too, in trains of 2^`train` frames.
struct Crowd {
    std::uint32_t networks = 1;
    std::uint32_t remotes = 1;
    std::uint32_t train = 0;
};
std::unique_ptr<Probe> make_many_networks(const std::string& name, const Peer& peer,
                                          const Crowd& crowd);

}  // namespace xgre::bench
