// SPDX-License-Identifier: GPL-2.0-only
// A row, measured: its cases with all their peers, in turns.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

#include "bench/results.h"

namespace xgre::bench {

// On stderr: one line that is written over on a terminal, else a line for each row.
class Progress {
public:
    Progress();

    void row(const Row& row, std::size_t number, std::size_t of);
    void step(const std::string& what) const;
    void done() const;

private:
    bool terminal_;
    std::chrono::steady_clock::time_point begin_;
    std::string title_;
};

struct Plan {
    std::vector<const Peer*> peers;
    std::size_t rounds = 0;
    double stretch = 1;  // of each row's slice
};

std::vector<Result> measure(const Row& row, const Plan& plan, const Progress& progress);

}  // namespace xgre::bench
