// SPDX-License-Identifier: GPL-2.0-only
// Runs a command call by call, and kills it at one of the system calls by which it changes
// something that outlives it: pins, map entries, links, files, devices, mounts, processes.
//
// What only the process itself sees (its namespaces, its memory, a map or program that is not
// pinned) goes with it, so a kill there differs in nothing from one at the next such call.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace xgre::test {

struct KillPoint {
    std::size_t call = 0;  // from 0
    bool after = false;    // the call is done; else it never is
};

struct Stepped {
    std::vector<std::string> calls;  // what they were, for a message
    bool killed = false;
    int status = 0;           // exit status; 128 + signal otherwise
    std::string diagnostics;  // standard error output
};

// argv[0] has a slash. Its threads are followed, its children are not.
Stepped step(const std::vector<std::string>& argv, std::optional<KillPoint> kill = {});

}  // namespace xgre::test
