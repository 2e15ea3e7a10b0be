// SPDX-License-Identifier: GPL-2.0-only
// What xgre is to reach: ratios within one run.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/results.h"
#include "bench/statistics.h"

namespace xgre::bench {

struct Goal {
    std::string_view row;
    std::string_view which;   // the case's title
    std::string_view metric;  // its name
    std::string_view peer;
    bool at_least;  // else at most
    double bound;
    // Times what: of the same case with another peer, or of another case with the same peer. The
    // bound is in the metric's unit when both are empty.
    std::string_view base_peer;
    std::string_view base_case;
};

const std::vector<Goal>& all_goals();

struct Outcome {
    const Goal* goal = nullptr;
    Line line;
    std::optional<Spread> measured;  // nothing: a row that it takes is void or missing

    bool reached() const;
    // ">= 7 x Linux bridge + VXLAN".
    std::string wanted() const;
};

// Of the goals whose rows and peers are in the run, in the order of their table.
std::vector<Outcome> outcomes_of(const Run& run, const std::vector<Goal>& goals);

}  // namespace xgre::bench
