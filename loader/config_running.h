// SPDX-License-Identifier: GPL-2.0-only
// What an open instance was asked for.
#pragma once

#include "xgre/config.h"
#include "xgre/instance.h"

namespace xgre {

// All of it, complete.
Config running_config(const Session& session, Instance& instance);

}  // namespace xgre
