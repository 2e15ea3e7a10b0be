// SPDX-License-Identifier: GPL-2.0-only
// What is compared. A peer is one entry of the table in peers.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "bench/frame.h"
#include "bench/world.h"
#include "xgre/session.h"

namespace xgre::bench {

// What a data path is for.
struct Site {
    const Host& host;
    const Host& far;  // the other end of the wire
    const Shape& shape;
    std::vector<Segment> segments;
};

// A data path on one host, until destroyed.
class DataPath {
public:
    DataPath() = default;
    DataPath(const DataPath&) = delete;
    DataPath& operator=(const DataPath&) = delete;
    virtual ~DataPath() = default;

    // Forgets every address that it has learned.
    virtual void forget() {}
    // How many it has.
    virtual std::uint64_t learned() const { return 0; }
    // Looks again at its devices and their far ends, where a counter may have come.
    virtual void look_again() {}
    // The instance, of xgre.
    virtual const Session* session() const { return nullptr; }
};

struct Peer {
    std::string_view key;
    std::string_view title;
    Encap encap;
    bool in_user_space;  // frames wait for a process, and some are lost when there are too many
    std::unique_ptr<DataPath> (*join)(const Site& site);
};

// In the order of a round.
std::span<const Peer> all_peers();
const Peer& peer_of(std::string_view key);

constexpr std::string_view kLimit = "limit";
constexpr std::string_view kBridge = "bridge";
constexpr std::string_view kVxlan = "vxlan";
constexpr std::string_view kOvs = "ovs";
constexpr std::string_view kXgreTc = "xgre-tc";
constexpr std::string_view kXgre = "xgre";

}  // namespace xgre::bench
