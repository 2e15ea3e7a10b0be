// SPDX-License-Identifier: GPL-2.0-only
// How a Profile and a Replay look.
#pragma once

#include "cli/print.h"
#include "xgre/profile.h"
#include "xgre/replay.h"

namespace xgre::cli {

Json to_json(const Profile& profile);
void print(const Printer& out, const Profile& profile);

Json to_json(const Replay& replay);
void print(const Printer& out, const Replay& replay);

}  // namespace xgre::cli
