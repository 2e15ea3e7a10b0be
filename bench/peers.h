// SPDX-License-Identifier: GPL-2.0-only
// What is compared. A peer is one entry of the table in peers.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "bench/frame.h"
#include "bench/world.h"

namespace xgre::bench {

// A data path on one host, until destroyed.
class DataPath {
public:
    DataPath() = default;
    DataPath(const DataPath&) = delete;
    DataPath& operator=(const DataPath&) = delete;
    virtual ~DataPath() = default;
};

struct Site {
    const Host& host;
    const Host& far;          // the other end of the wire
    std::vector<Mac> remote;  // of the VMs behind it
};

struct Peer {
    std::string_view key;
    std::string_view title;
    Encap encap;
    bool takes_offloads;  // segments and checksums that are left to the host
    std::unique_ptr<DataPath> (*join)(const Site& site);
};

// In the order of a round.
std::span<const Peer> all_peers();

// Those that ratios are told against.
constexpr std::string_view kLimit = "limit";
constexpr std::string_view kBridge = "bridge";
constexpr std::string_view kVxlan = "vxlan";

}  // namespace xgre::bench
