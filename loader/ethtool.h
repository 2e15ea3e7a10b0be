// SPDX-License-Identifier: GPL-2.0-only
// Offload settings of a device, as `ethtool -k` and `-K` show and change them.
//
// Devices are given by name, and looked up in the current network namespace. Everything throws
// Error when there is no such device, or when it does not have the setting.
#pragma once

#include <string>

namespace xgre::ethtool {

// Whether the device takes frames whose transport checksum is not filled in. Of a veth, this
// decides whether its *far* end may receive such frames.
bool tx_checksum(const std::string& device);
// Off also switches off TSO, which needs it. Throws when the device kept its old setting.
void set_tx_checksum(const std::string& device, bool on);

bool gro(const std::string& device);
// Throws when the device kept its old setting.
void set_gro(const std::string& device, bool on);

bool tso(const std::string& device);

// Whether frames that the device sends, or has received, may have their VLAN tag beside the bytes
// instead of in them, for IEEE 802.1Q or 802.1ad. XDP sees bytes only.
bool tx_vlan(const std::string& device);
bool rx_vlan(const std::string& device);
// Throws when the device kept its old setting.
void set_tx_vlan(const std::string& device, bool on);

// The driver's name: "tun", "veth", "virtio_net", ...
std::string driver(const std::string& device);

}  // namespace xgre::ethtool
