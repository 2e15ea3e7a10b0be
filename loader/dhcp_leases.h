// SPDX-License-Identifier: GPL-2.0-only
// dnsmasq's lease file, whole or damaged.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xgre/ip_addr.h"
#include "xgre/mac.h"

namespace xgre {

// One line: `<expiry> <hardware address> <address> <name or *> <client id or *>`.
struct LeaseLine {
    std::string text;                              // as dnsmasq wants it back, without the newline
    std::chrono::system_clock::time_point expiry;  // max(): never
    std::optional<Mac> mac;  // nullopt: the client claims another kind of hardware than Ethernet
    Ip4Addr address;
    std::string name;  // empty when the client gave none
};

struct LeaseFile {
    std::vector<LeaseLine> leases;
    std::size_t damaged = 0;  // lines that are no leases, or not whole ones

    // What the file should be.
    std::string text() const;
};

// Keeps every lease that can be read. Of a last line that was cut off, what is sure.
LeaseFile parse_leases(std::string_view text);

}  // namespace xgre
