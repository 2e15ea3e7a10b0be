// SPDX-License-Identifier: GPL-2.0-only
// What the machine's CPUs were busy with, as the kernel counts it since it booted.
#pragma once

#include <cstdint>
#include <istream>
#include <map>

namespace xgre {

struct CpuTimes {
    std::uint64_t total = 0;    // clock ticks
    std::uint64_t idle = 0;     // of those, waiting for a disk included
    std::uint64_t softirq = 0;  // of those
    std::uint64_t backlog_drops = 0;
    std::uint64_t squeezed = 0;
};
using CpuTable = std::map<std::uint32_t, CpuTimes>;  // online CPUs, by number

// Of this machine. Empty where /proc does not tell.
CpuTable read_cpu_times();

// From the texts of /proc/stat and /proc/net/softnet_stat.
void parse_stat(std::istream& stat, CpuTable& cpus);
void parse_softnet_stat(std::istream& softnet, CpuTable& cpus);

}  // namespace xgre
