// SPDX-License-Identifier: GPL-2.0-only
// Whether the kernel times each run of each BPF program now, which makes programs slower: a
// profiler has asked for it, or sysctl kernel.bpf_stats_enabled.
#pragma once

#include "bench/fd.h"

namespace xgre::bench {

class BpfStatistics {
public:
    BpfStatistics();

    bool are_on() const;

private:
    Fd program_;  // does nothing, but is counted
};

}  // namespace xgre::bench
