// SPDX-License-Identifier: GPL-2.0-only
#include "bench/peers.h"

#include <algorithm>
#include <array>

#include "bench/bridge_paths.h"
#include "bench/limit_path.h"
#include "bench/ovs_path.h"
#include "bench/xgre_path.h"

namespace xgre::bench {
namespace {

constexpr std::array kPeers{
    Peer{kLimit, "XDP redirect, no tunnel", Encap::none, false, join_limit},
    Peer{kBridge, "Linux bridge, no tunnel", Encap::none, false, join_bridge},
    Peer{kVxlan, "Linux bridge + VXLAN", Encap::vxlan, false, join_vxlan},
    Peer{kOvs, "Open vSwitch user space, GRE", Encap::gre, true, join_ovs},
    Peer{kXgreTc, "xgre, TC only", Encap::gre, false, join_xgre_without_xdp},
    Peer{kXgre, "xgre", Encap::gre, false, join_xgre},
};

}  // namespace

std::span<const Peer> all_peers() {
    return kPeers;
}

const Peer& peer_of(std::string_view key) {
    return *std::ranges::find(kPeers, key, &Peer::key);
}

}  // namespace xgre::bench
