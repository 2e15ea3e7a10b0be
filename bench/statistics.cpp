// SPDX-License-Identifier: GPL-2.0-only
#include "bench/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace xgre::bench {

double quantile(const std::vector<double>& sorted, double part) {
    const double at = part * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(at));
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], at - std::floor(at));
}

Spread spread_of(std::vector<double> values) {
    std::ranges::sort(values);
    return {quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)};
}

std::vector<double> ratios(const std::vector<double>& values, const std::vector<double>& bases) {
    std::vector<double> all;
    for (std::size_t i = 0; i < std::min(values.size(), bases.size()); ++i)
        all.push_back(values[i] / bases[i]);
    return all;
}

}  // namespace xgre::bench
