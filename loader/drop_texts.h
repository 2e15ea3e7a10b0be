// SPDX-License-Identifier: GPL-2.0-only
// What an operator can do about a drop.
#pragma once

#include <string_view>
#include <vector>

#include "xgre/instance.h"

namespace xgre {

// By the verdict's name; empty for what is no drop.
std::string_view way_out_of_drop(std::string_view verdict);

// The drops that there were, by reason, over all programs; most frames first.
std::vector<VerdictCount> drops_of(const std::vector<VerdictCount>& verdicts);

}  // namespace xgre
