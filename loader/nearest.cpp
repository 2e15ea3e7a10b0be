// SPDX-License-Identifier: GPL-2.0-only
#include "loader/nearest.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace xgre {
namespace {

// Levenshtein: letters to put in, to take out or to replace.
std::size_t distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i + 1;
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names) {
    const auto found = std::ranges::min_element(
        names, {}, [word](const std::string& name) { return distance(word, name); });
    if (found == names.end() || distance(word, *found) * 2 > found->size()) return std::nullopt;
    return *found;
}

}  // namespace xgre
