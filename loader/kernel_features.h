// SPDX-License-Identifier: GPL-2.0-only
// What the running kernel can do, found out by asking it: versions say little, distributions take
// features back.
#pragma once

#include <string>
#include <vector>

namespace xgre {

struct KernelFeature {
    std::string name;
    std::string use;  // what it is for
    bool there = true;
};

// What the programs and maps take. Loads programs and makes maps, each for a moment; without
// privilege there is nothing to be found out, and the list is empty.
std::vector<KernelFeature> probe_kernel_features();

}  // namespace xgre
