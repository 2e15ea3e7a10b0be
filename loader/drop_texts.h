// SPDX-License-Identifier: GPL-2.0-only
// What an operator can do about a drop.
#pragma once

#include <string_view>

namespace xgre {

// By the verdict's name; empty for what is no drop.
std::string_view way_out_of_drop(std::string_view verdict);

}  // namespace xgre
