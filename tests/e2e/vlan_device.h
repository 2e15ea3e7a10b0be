// SPDX-License-Identifier: GPL-2.0-only
// A VLAN device, also on kernels that are built without: one end of a veth pair, whose other end
// hands frames on to `lower` with their tag outside the bytes, and gets those that come with it.
// Large segments and open checksums stay as they are.
#pragma once

#include <cstdint>
#include <string>

#include "tests/e2e/lab.h"

namespace xgre::test {

// It goes with the namespace. The device is down.
void add_vlan_device(const Netns& netns, const std::string& lower, const std::string& name,
                     std::uint16_t vlan, std::uint32_t mtu);

}  // namespace xgre::test
