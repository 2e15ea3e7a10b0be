// SPDX-License-Identifier: GPL-2.0-only
#include "loader/session_command.h"

#include <fmt/format.h>

namespace xgre {

std::string command_of(const Session& session, std::string_view words) {
    std::string text = "xgre";
    if (session.instance != Session{}.instance) text += " --instance " + session.instance;
    if (session.netns) text += " --netns " + *session.netns;
    return fmt::format("{} {}", text, words);
}

}  // namespace xgre
