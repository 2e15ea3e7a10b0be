// SPDX-License-Identifier: GPL-2.0-only
// A picture of bars that lie, in groups, with whiskers for their spread.
#pragma once

#include <cstddef>
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

    struct Series {
        std::string title;
        std::size_t colour;  // the same in all pictures that show it
    };

    std::string title;
    std::string unit;
    std::vector<Series> series;
    std::vector<Group> groups;
};

std::string as_svg(const Bars& bars);

struct Axis {
    double step;  // a round number, so that few of them reach as far as is needed
    double end;
};
Axis axis_to(double highest);

}  // namespace xgre::bench
