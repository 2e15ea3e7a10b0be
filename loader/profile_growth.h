// SPDX-License-Identifier: GPL-2.0-only
// From two looks at an instance's counters to a Profile.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "loader/cpu_load.h"
#include "xgre/abi.h"
#include "xgre/profile.h"

namespace xgre {

// Of a program, as the kernel keeps it while statistics are on.
struct ProgramRuns {
    std::uint32_t id = 0;  // 0: the instance has no such program
    std::uint64_t runs = 0;
    std::uint64_t ns = 0;
};

struct DeviceSample {
    DeviceLoad device;             // all but what grows
    xgre_traffic traffic{};        // since the counters began
    std::uint64_t tx_dropped = 0;  // by the kernel, since the device was made
};

// Everything that is counted, at one moment.
struct Snapshot {
    std::chrono::steady_clock::time_point time;
    std::array<ProgramRuns, XGRE_PROGRAM_MAX> programs{};
    std::size_t cpus = 0;           // that `counters` has cells for
    std::vector<xgre_count> cells;  // the map `counters`: [XGRE_COUNTER(...) * cpus + cpu]
    std::array<std::uint64_t, XGRE_NOTE_MAX> notes{};
    std::map<std::uint32_t, DeviceSample> devices;  // by ifindex
    CpuTable cpu_times;
    std::uint32_t fdb_room = 0;
    bool forwards_on_loopback = true;
    bool jit = true;
};

// What happened in between, without `missed` and `advice`.
Profile growth(const Snapshot& before, const Snapshot& now);

// Why frames of this profile were not decided by XDP, as far as the counters tell.
std::vector<Missed> missed_of(const Profile& profile);

// What to do about what this profile shows, `missed` included.
std::vector<Advice> advice_for(const Profile& profile);

}  // namespace xgre
