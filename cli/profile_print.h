// SPDX-License-Identifier: GPL-2.0-only
// How a Profile looks.
#pragma once

#include "cli/print.h"
#include "xgre/profile.h"

namespace xgre::cli {

Json to_json(const Profile& profile);
void print(const Printer& out, const Profile& profile);

}  // namespace xgre::cli
