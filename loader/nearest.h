// SPDX-License-Identifier: GPL-2.0-only
// What somebody meant who mistyped a name.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace xgre {

// Of `names`, which are not none, the one that takes the fewest changes of a letter to get to.
std::string nearest(std::string_view word, std::span<const std::string> names);

}  // namespace xgre
