// SPDX-License-Identifier: GPL-2.0-only
// What a run has measured.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/peers.h"
#include "bench/row.h"

namespace xgre::bench {

// Of one row and case, with one peer.
struct Result {
    const Row* row = nullptr;
    std::size_t which = 0;  // of the row's cases
    const Peer* peer = nullptr;
    std::vector<std::vector<double>> rounds;  // a value for each metric
    std::optional<std::string> void_reason;   // then the rounds do not count
};

struct Machine {
    std::string processor;
    std::size_t processors = 0;
    std::string memory;
    std::string kernel;
    std::string load_before;  // averages of 1, 5 and 15 minutes
    std::string load_after;
};
Machine describe_machine();
std::string load_averages();

struct Run {
    std::string command;
    std::string date;
    double seconds = 0;
    std::size_t rounds = 0;
    Machine machine;
    std::vector<Result> results;
};

// A line of the tables: a row's case and metric.
struct Line {
    const Row* row = nullptr;
    std::size_t which = 0;
    std::size_t metric = 0;

    const Metric& what() const { return row->metrics[metric]; }
    std::string title() const;
};
std::vector<Line> lines_of(const Run& run);

// nullptr when there is none, or when it is void.
const Result* find_valid(const Run& run, const Line& line, std::string_view peer);
// nullptr when there is none.
const Result* find(const Run& run, const Line& line, std::string_view peer);
std::vector<double> values_of(const Result& result, std::size_t metric);

// Round by round, since the machine is not the same in each; nothing when one of them is missing.
std::vector<double> ratios_between(const Run& run, const Line& line, std::string_view peer,
                                   const Line& base_line, std::string_view base_peer);

}  // namespace xgre::bench
