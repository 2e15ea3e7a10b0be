// SPDX-License-Identifier: GPL-2.0-only
// From sampled addresses to steps of programs, and to stacks with names.
#pragma once

#include <vector>

#include "loader/kernel_symbols.h"
#include "loader/perf_sampler.h"
#include "loader/profile_steps.h"
#include "loader/program_code.h"
#include "xgre/profile.h"

namespace xgre {

// Stages, without what samples cost and without times per run.
Stages stages_of(const Samples& samples, const std::vector<ProgramCode>& programs,
                 const KernelSymbols& symbols);

// Those of the kernel that did not idle.
std::vector<Stack> stacks_of(const Samples& samples, const std::vector<ProgramCode>& programs,
                             const KernelSymbols& symbols);

}  // namespace xgre
