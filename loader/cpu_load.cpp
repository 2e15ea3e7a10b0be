// SPDX-License-Identifier: GPL-2.0-only
#include "loader/cpu_load.h"

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "xgre/number.h"

namespace xgre {
namespace {

std::vector<std::uint64_t> numbers_in(std::istream& line, bool hexadecimal) {
    if (hexadecimal) line >> std::hex;
    std::vector<std::uint64_t> numbers;
    std::uint64_t number = 0;
    while (line >> number)
        numbers.push_back(number);
    return numbers;
}

// "cpu3" is CPU 3; "cpu" is their sum, and none.
std::optional<std::uint32_t> cpu_of(std::string_view word) {
    if (!word.starts_with("cpu")) return std::nullopt;
    return parse_decimal(word.substr(3), UINT32_MAX);
}

}  // namespace

void parse_stat(std::istream& stat, CpuTable& cpus) {
    enum Field : std::size_t { kIdle = 3, kIoWait = 4, kSoftirq = 6, kSteal = 7 };
    for (std::string text; std::getline(stat, text);) {
        std::istringstream line{text};
        std::string word;
        line >> word;
        const auto cpu = cpu_of(word);
        if (!cpu) continue;
        const auto times = numbers_in(line, false);
        if (times.size() <= kSteal) continue;
        CpuTimes& row = cpus[*cpu];
        // What follows (guest time) is in the user's time already.
        for (std::size_t i = 0; i <= kSteal; ++i)
            row.total += times[i];
        row.idle = times[kIdle] + times[kIoWait];
        row.softirq = times[kSoftirq];
    }
}

void parse_softnet_stat(std::istream& softnet, CpuTable& cpus) {
    enum Field : std::size_t { kDropped = 1, kSqueezed = 2, kCpu = 12 };
    for (std::string text; std::getline(softnet, text);) {
        std::istringstream line{text};
        const auto fields = numbers_in(line, true);
        if (fields.size() <= kCpu) continue;  // before Linux 5.10 a line does not say whose it is
        const auto row = cpus.find(static_cast<std::uint32_t>(fields[kCpu]));
        if (row == cpus.end()) continue;
        row->second.backlog_drops = fields[kDropped];
        row->second.squeezed = fields[kSqueezed];
    }
}

CpuTable read_cpu_times() {
    CpuTable cpus;
    std::ifstream stat{"/proc/stat"};
    parse_stat(stat, cpus);
    std::ifstream softnet{"/proc/net/softnet_stat"};
    parse_softnet_stat(softnet, cpus);
    return cpus;
}

}  // namespace xgre
