// SPDX-License-Identifier: GPL-2.0-only
// The CPUs that work off what comes by a device: RPS, Documentation/networking/scaling.rst.
#pragma once

#include <string>

#include "xgre/cpu_set.h"

namespace xgre {

// Of the device's first queue; empty: each frame is worked off by the CPU that it came by. In the
// current network namespace. Both throw Error, also where the kernel has no RPS.
CpuSet receive_cpus(const std::string& device);
void set_receive_cpus(const std::string& device, const CpuSet& cpus);

// How the kernel writes a set of CPUs as a mask: hexadecimal words of 32 bits, the highest first.
std::string mask_of(const CpuSet& cpus);
CpuSet cpus_of_mask(const std::string& mask);

}  // namespace xgre
