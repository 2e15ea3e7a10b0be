// SPDX-License-Identifier: GPL-2.0-only
// How a command is written that a user is told to run.
#pragma once

#include <string>
#include <string_view>

#include "xgre/session.h"

namespace xgre {

// `xgre WORDS`, with the options that name the session's instance and host.
std::string command_of(const Session& session, std::string_view words);

}  // namespace xgre
