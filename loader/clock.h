// SPDX-License-Identifier: GPL-2.0-only
// The clock that the data path has, CLOCK_MONOTONIC, and people's.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace xgre {

inline std::chrono::nanoseconds time_of(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

inline std::chrono::nanoseconds monotonic_time() {
    return time_of(CLOCK_MONOTONIC);
}

// As rows have it.
inline std::uint64_t monotonic_ns() {
    return static_cast<std::uint64_t>(monotonic_time().count());
}

// How long ago `then` was. Neither the future, where another CPU wrote meanwhile, nor what was
// before the machine started, and is a number below zero here, is far from now.
inline std::uint64_t nanoseconds_since(std::uint64_t then, std::uint64_t now) {
    const auto age = static_cast<std::int64_t>(now - then);
    return age < 0 ? 0 : static_cast<std::uint64_t>(age);
}

// What to add to the one for the other, which is since 1970. Changes when somebody sets the clock.
inline std::chrono::nanoseconds monotonic_to_real() {
    return time_of(CLOCK_REALTIME) - monotonic_time();
}

}  // namespace xgre
