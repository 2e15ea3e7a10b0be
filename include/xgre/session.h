// SPDX-License-Identifier: GPL-2.0-only
// Which instance on which host a command means.
#pragma once

#include <optional>
#include <string>

namespace xgre {

struct Session {
    std::string instance = "default";  // its pins are under /sys/fs/bpf/xgre/<instance>
    std::optional<std::string> netns;  // a name as in `ip netns`; the current one without
};

}  // namespace xgre
