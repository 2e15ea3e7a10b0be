// SPDX-License-Identifier: GPL-2.0-only
// What somebody meant who mistyped a name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace xgre {

// Of `names`, the one that takes the fewest changes of a letter to get to; nullopt when that is
// more than half of its letters.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> names);

}  // namespace xgre
