// SPDX-License-Identifier: GPL-2.0-only
// Medians and their spread.
#pragma once

#include <vector>

namespace xgre::bench {

// With linear interpolation between neighbours. `sorted` has at least one; `part` is 0 to 1.
double quantile(const std::vector<double>& sorted, double part);

struct Spread {
    double low;  // first quartile
    double median;
    double high;  // third quartile
};

// Of at least one value.
Spread spread_of(std::vector<double> values);

// Each of `values` by its neighbour in time. As many as both have.
std::vector<double> ratios(const std::vector<double>& values, const std::vector<double>& bases);

}  // namespace xgre::bench
