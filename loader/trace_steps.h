// SPDX-License-Identifier: GPL-2.0-only
// From what a frame did in a stand-in to a Trace: what, why, and in which words.
#pragma once

#include <cstdint>
#include <span>

#include "loader/ingress.h"
#include "loader/rehearsal.h"
#include "xgre/trace.h"

namespace xgre {

// The verdict on the frame itself: a name's number of xgre/abi.h, and which program's.
struct Decision {
    xgre_verdict verdict = XGRE_PASS;
    std::optional<xgre_program> program;  // none: nothing was counted
};
Decision decision_of(const Rehearsed& played);

// `live` is the instance as it was before. Throws Error.
Trace compose_trace(const Instance::State& live, const Rehearsal& rehearsal, const Ingress& ingress,
                    std::span<const std::uint8_t> frame, const Rehearsed& played);

}  // namespace xgre
