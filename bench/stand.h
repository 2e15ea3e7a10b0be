// SPDX-License-Identifier: GPL-2.0-only
// One peer, set up to be measured.
#pragma once

#include <memory>
#include <string>

#include "bench/peers.h"
#include "bench/world.h"

namespace xgre::bench {

class Stand {
public:
    // On host a, and on host b where that has VMs. `name` as a World's.
    Stand(const std::string& name, const Peer& peer, const Shape& shape);

    const World& world() const { return world_; }
    const Peer& peer() const { return peer_; }
    DataPath& path() const { return *a_; }  // host a's

private:
    World world_;
    const Peer& peer_;
    std::unique_ptr<DataPath> a_;
    std::unique_ptr<DataPath> b_;
};

}  // namespace xgre::bench
