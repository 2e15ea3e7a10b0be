// SPDX-License-Identifier: GPL-2.0-only
// Over which CPUs an instance spreads what comes from the wire, and what in the kernel does so.
#pragma once

#include <string>
#include <vector>

#include "loader/datapath.h"
#include "xgre/abi.h"
#include "xgre/cpu_set.h"
#include "xgre/instance.h"

namespace xgre {

// CPUs by a list that the kernel keeps: "online", "present", "possible"; without those of a large
// machine that are beyond CpuSet::kMax, which can do everything but be spread to. Throws Error.
CpuSet system_cpus(const std::string& which);

Spread spread_of(const xgre_uplink& uplink);
void set_spread(const Spread& spread, xgre_uplink& uplink);

// Takes every entry out of the map `cpus`, and waits until what waited for a CPU has gone on: what
// was decapsulated there may be in GRO still, and belongs to uplink_tc. Throws Error.
void empty_cpus(int map);

struct SpreadPlan {
    CpuSet cpus;                     // none: frames are not spread
    std::vector<std::string> notes;  // why not, or what is left out
};
// `has_xdp`: at the uplink.
SpreadPlan plan_spread(const Spread& wanted, bool has_xdp);

// The entries of `cpus`, the list in `spread` and the count of what full queues lose. Whether the
// programs make use of them says XGRE_UPLINK_SPREAD.
class Spreader {
public:
    // `links` is the directory of an instance's links.
    Spreader(const Datapath& datapath, const std::string& links)
        : datapath_{datapath}, counter_{links + "/spread"} {}

    // Before frames are spread over these; what it did. Throws Error.
    std::vector<std::string> make(const CpuSet& cpus) const;
    // After frames are spread over these only; what waits for another CPU still gets there.
    std::vector<std::string> remove_all_but(const CpuSet& cpus) const;

    // Is TCP spread, too?
    bool spreads_tcp() const;
    // Are frames counted that found a queue full?
    bool counts_lost() const;

private:
    bool make_entry(std::uint32_t cpu) const;
    bool make_list(const CpuSet& cpus) const;
    bool make_counter() const;

    const Datapath& datapath_;
    std::string counter_;
};

}  // namespace xgre
