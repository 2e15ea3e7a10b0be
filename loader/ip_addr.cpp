// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/ip_addr.h"

#include <arpa/inet.h>

namespace xgre {

std::optional<Ip6Addr> Ip6Addr::parse(std::string_view text) {
    Bytes bytes{};
    if (::inet_pton(AF_INET6, std::string{text}.c_str(), bytes.data()) != 1) return std::nullopt;
    return Ip6Addr{bytes};
}

std::string Ip6Addr::format() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    return ::inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
}

std::optional<IpAddr> IpAddr::parse(std::string_view text) {
    if (const auto address = Ip4Addr::parse(text)) return *address;
    if (const auto address = Ip6Addr::parse(text)) return *address;
    return std::nullopt;
}

std::string IpAddr::format() const {
    return std::visit([](const auto& address) { return address.format(); }, address_);
}

}  // namespace xgre
