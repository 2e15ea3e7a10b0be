// SPDX-License-Identifier: GPL-2.0-only
// The instances beside the one that a command is about.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "loader/netlink.h"
#include "xgre/abi.h"

namespace xgre {

// The row of an instance of this tool's version; nullopt when it cannot be read.
std::optional<xgre_uplink> uplink_of(const std::string& instance);

// Another instance than `instance` in the current network namespace that satisfies `test`.
std::optional<std::string> other_instance(
    const std::string& instance,
    const std::function<bool(const std::string& name, const xgre_uplink& row)>& test);

// Throws Error when another instance than `instance` has its programs at the device, or has it as
// its uplink.
void check_no_other_instance(const std::string& instance, const LinkInfo& device);

}  // namespace xgre
