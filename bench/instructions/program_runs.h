// SPDX-License-Identifier: GPL-2.0-only
// What BPF programs did while a command ran, by the kernel's own statistics.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace xgre::bench {

struct ProgramRuns {
    std::uint64_t runs = 0;
    std::uint64_t nanoseconds = 0;
};

// By name: programs of one name on several hosts are one. Reading the clock is part of what the
// kernel measures; it is taken off, as an empty program has it. Throws Error, also when the command
// fails.
std::map<std::string, ProgramRuns> runs_during(const std::vector<std::string>& command);

}  // namespace xgre::bench
