// SPDX-License-Identifier: GPL-2.0-only
#include "bench/stand.h"

namespace xgre::bench {
namespace {

std::unique_ptr<DataPath> join(const Peer& peer, const World& world, const Host& host) {
    return peer.join({.host = host,
                      .far = &host == &world.a() ? world.b() : world.a(),
                      .shape = world.shape(),
                      .segments = world.segments_of(host)});
}

}  // namespace

Stand::Stand(const std::string& name, const Peer& peer, const Shape& shape)
    : world_{name, shape}, peer_{peer}, a_{join(peer, world_, world_.a())} {
    if (!world_.b().vms.empty()) b_ = join(peer, world_, world_.b());
}

}  // namespace xgre::bench
