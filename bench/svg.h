// SPDX-License-Identifier: GPL-2.0-only
// A picture of bars that lie, in groups, with whiskers for their spread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/statistics.h"

namespace xgre::bench {

struct Bars {
    struct Group {
        std::string title;
        std::vector<std::optional<Spread>> bars;  // one for each series; nothing: not measured
    };

    std::string title;
    std::string unit;
    std::vector<std::string> series;
    std::vector<Group> groups;
};

std::string as_svg(const Bars& bars);

// A round number of at least `highest`: where the axis ends.
double axis_end(double highest);

}  // namespace xgre::bench
