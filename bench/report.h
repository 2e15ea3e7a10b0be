// SPDX-License-Identifier: GPL-2.0-only
// From measurements to tables: ratios first, absolute figures second.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/peers.h"
#include "bench/rows.h"

namespace xgre::bench {

struct Result {
    const Row* row = nullptr;
    const Peer* peer = nullptr;
    std::vector<std::vector<double>> rounds;  // a value for each metric
    std::optional<std::string> void_reason;   // then the rounds do not count
};

struct Machine {
    std::string processor;
    std::size_t processors = 0;
    std::string kernel;
    std::string load_before;  // averages of 1, 5 and 15 minutes
    std::string load_after;
};
Machine describe_machine();
std::string load_averages();

struct Run {
    std::string command;
    std::string date;
    std::size_t rounds = 0;
    Machine machine;
    std::vector<Result> results;
};

std::string as_text(const Run& run);
std::string as_json(const Run& run);
// Puts the tables between the two marks in `file`. Throws Error when they are not there.
void write_into_markdown(const Run& run, const std::string& file);

}  // namespace xgre::bench
