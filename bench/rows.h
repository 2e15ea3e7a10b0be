// SPDX-License-Identifier: GPL-2.0-only
// What is measured. A row is one entry of the table in rows.cpp.
#pragma once

#include <chrono>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peers.h"
#include "bench/world.h"

namespace xgre::bench {

// The frames did not arrive, or were not right: the row is void for this peer.
class Void : public std::exception {
public:
    explicit Void(std::string reason) : reason_{std::move(reason)} {}
    const char* what() const noexcept override { return reason_.c_str(); }

private:
    std::string reason_;
};

struct Metric {
    std::string_view name;  // what it adds to the row's title; may be empty
    std::string_view unit;
    bool more_is_better;
};

// One row with one peer, ready to be measured again and again.
class Probe {
public:
    Probe() = default;
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    virtual ~Probe() = default;
    // A value for each metric, from about so long a run. Throws Void.
    virtual std::vector<double> measure(std::chrono::nanoseconds slice) = 0;
};

struct Row {
    std::string_view key;
    std::string_view title;
    std::vector<Metric> metrics;
    Shape shape;
    double slice;  // seconds of one measurement
    std::unique_ptr<Probe> (*make)(const Peer& peer, const World& world);
};

const std::vector<Row>& all_rows();

// Frames that finish at the host: a peer that cannot take offloads is not asked to.
inline bool fits(const Row& row, const Peer& peer) {
    return peer.takes_offloads || !row.shape.offloads;
}

}  // namespace xgre::bench
