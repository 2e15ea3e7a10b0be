// SPDX-License-Identifier: GPL-2.0-only
// From a run to tables: goals first, then ratios, then figures.
#pragma once

#include <string>
#include <vector>

#include "bench/results.h"
#include "bench/statistics.h"

namespace xgre::bench {

struct Table {
    std::string caption;
    std::vector<std::vector<std::string>> lines;  // the first is the header
    std::size_t words = 0;                        // how many columns are words, not figures
};

std::vector<Table> tables_of(const Run& run);

std::string as_text(const Table& shown);
std::string as_markdown(const Table& shown);

// Three digits that say something.
std::string short_number(double value);

}  // namespace xgre::bench
