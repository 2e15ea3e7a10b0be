// SPDX-License-Identifier: GPL-2.0-only
// A newer build on an instance that runs.
#pragma once

#include "xgre/session.h"

namespace xgre {

// Replaces the programs by this library's, without a pause: all else stays as it is. Finds the host
// by itself where the session names none. Throws Error for an instance that is not there or of
// another version, which then goes on with the programs that it has.
void upgrade_programs(const Session& session);

}  // namespace xgre
