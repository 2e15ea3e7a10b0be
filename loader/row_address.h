// SPDX-License-Identifier: GPL-2.0-only
// Addresses as rows of maps have them: sixteen bytes, of which IPv4 is the first four.
#pragma once

#include <bit>
#include <cstdint>

#include "xgre/abi.h"
#include "xgre/ip_addr.h"

namespace xgre {

// The family, where a row says it.
inline constexpr std::uint32_t kIp4 = 4;
inline constexpr std::uint32_t kIp6 = 6;

inline xgre_addr to_row(const IpAddr& address) {
    xgre_addr row{};
    if (address.is_v6())
        row = std::bit_cast<xgre_addr>(address.v6().bytes());
    else
        row.word[0] = address.v4().network_order();
    return row;
}

inline IpAddr from_row(const xgre_addr& row, bool ip6) {
    if (ip6) return Ip6Addr{std::bit_cast<Ip6Addr::Bytes>(row)};
    return Ip4Addr::from_network_order(row.word[0]);
}

}  // namespace xgre
