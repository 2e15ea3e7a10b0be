// SPDX-License-Identifier: GPL-2.0-only
#include "bench/softirq_clock.h"

#include <time.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>

#include "xgre/number.h"

namespace xgre::bench {
namespace {

std::optional<clockid_t> clock_of_thread(const std::string& name) {
    for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
        const auto pid = parse_decimal(entry.path().filename().string(), INT32_MAX);
        if (!pid) continue;
        std::ifstream file{entry.path() / "comm"};
        std::string comm;
        clockid_t clock{};
        if (std::getline(file, comm) && comm == name &&
            clock_getcpuclockid(static_cast<pid_t>(*pid), &clock) == 0) {
            return clock;
        }
    }
    return std::nullopt;
}

}  // namespace

SoftirqClock::SoftirqClock(int processor)
    : clock_{clock_of_thread(fmt::format("ksoftirqd/{}", processor))} {}

double SoftirqClock::now() const {
    timespec time{};
    if (clock_) clock_gettime(*clock_, &time);
    return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

}  // namespace xgre::bench
