// SPDX-License-Identifier: GPL-2.0-only
#include "cli/time_of_day.h"

#include <time.h>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace xgre::cli {

std::string time_of_day(std::chrono::nanoseconds time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time);
    const auto fraction = std::chrono::duration_cast<std::chrono::microseconds>(time - seconds);
    const time_t whole = seconds.count();
    tm local{};
    localtime_r(&whole, &local);
    return fmt::format("{:%H:%M:%S}.{:06}", local, fraction.count());
}

}  // namespace xgre::cli
