// SPDX-License-Identifier: GPL-2.0-only
// An address that a VM may have, of either family.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "xgre/ip_addr.h"

namespace xgre {

// As IpAddr takes it; nullopt for all else, and for what is no address of one device.
inline std::optional<IpAddr> parse_vm_address(std::string_view text) {
    constexpr std::uint8_t kIp4Group = 224;  // and above: broadcast, too
    const auto address = IpAddr::parse(text);
    if (!address) return std::nullopt;
    const bool is_group =
        address->is_v6() ? address->v6().is_multicast() : address->v4().bytes()[0] >= kIp4Group;
    const bool is_nobody =
        address->is_v6() ? address->v6().is_unspecified() : address->v4().is_unspecified();
    if (is_group || is_nobody) return std::nullopt;
    return address;
}

}  // namespace xgre
