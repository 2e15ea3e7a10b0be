// SPDX-License-Identifier: GPL-2.0-only
// What a row of the tables is.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/peers.h"

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

// One peer, ready to be measured again and again.
class Probe {
public:
    Probe() = default;
    Probe(const Probe&) = delete;
    Probe& operator=(const Probe&) = delete;
    virtual ~Probe() = default;
    // A value for each metric, from about so long a run. Throws Void.
    virtual std::vector<double> measure(std::chrono::nanoseconds slice) = 0;
};

// Of what the row is about, so many or so large. All cases are measured in each round.
struct Case {
    std::string_view title;  // may be empty
    // `name` as a World's.
    std::function<std::unique_ptr<Probe>(const std::string& name, const Peer& peer)> make;
    std::vector<std::string_view> without = {};  // of the row's peers
};

struct Row {
    std::string_view key;
    std::string_view title;
    std::string_view chart;  // rows of the same one are drawn together
    std::vector<Metric> metrics;
    std::vector<std::string_view> peers;
    double slice;  // seconds of one measurement
    std::vector<Case> cases;
};

}  // namespace xgre::bench
