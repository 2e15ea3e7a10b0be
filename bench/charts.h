// SPDX-License-Identifier: GPL-2.0-only
// From a run to pictures: bars, as SVG.
#pragma once

#include <string>
#include <vector>

#include "bench/results.h"

namespace xgre::bench {

struct Chart {
    std::string name;   // of its file, without `.svg`
    std::string title;  // what it shows, in words
    std::string svg;
};

// One for each chart that the run's rows name, and metric; the bars of a line are its peers.
std::vector<Chart> charts_of(const Run& run);

}  // namespace xgre::bench
