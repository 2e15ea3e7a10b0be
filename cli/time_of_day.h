// SPDX-License-Identifier: GPL-2.0-only
// When something happened, for people.
#pragma once

#include <chrono>
#include <string>

namespace xgre::cli {

// Local time, to the microsecond: 13:05:00.000042. `time` is since 1970.
std::string time_of_day(std::chrono::nanoseconds time);

}  // namespace xgre::cli
