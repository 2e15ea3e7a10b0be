// SPDX-License-Identifier: GPL-2.0-only
// An address that a VM may have, of either family.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace xgre {

// Bytes in network order; of IPv4 the first four. Compares by family, then as a number.
class VmAddress {
public:
    using Bytes = std::array<std::uint8_t, 16>;

    // `family`: 4 or 6.
    VmAddress(std::uint32_t family, const Bytes& bytes) : family_{family}, bytes_{bytes} {}

    // As inet_pton() takes it; nullopt for all else, and for what is no address of one device.
    static std::optional<VmAddress> parse(std::string_view text) {
        const std::string copy{text};
        Bytes bytes{};
        if (inet_pton(AF_INET, copy.c_str(), bytes.data()) == 1) return of_one(4, bytes);
        if (inet_pton(AF_INET6, copy.c_str(), bytes.data()) == 1) return of_one(6, bytes);
        return std::nullopt;
    }

    std::string format() const {
        std::array<char, INET6_ADDRSTRLEN> text{};
        inet_ntop(family_ == 4 ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
        return text.data();
    }

    std::uint32_t family() const { return family_; }
    const Bytes& bytes() const { return bytes_; }

    auto operator<=>(const VmAddress&) const = default;

private:
    static std::optional<VmAddress> of_one(std::uint32_t family, const Bytes& bytes) {
        constexpr std::uint8_t kIp4Group = 224;  // and above: broadcast, too
        const bool is_group = family == 4 ? bytes[0] >= kIp4Group : bytes[0] == 0xff;
        if (is_group || bytes == Bytes{}) return std::nullopt;
        return VmAddress{family, bytes};
    }

    std::uint32_t family_;
    Bytes bytes_;
};

}  // namespace xgre

template <>
struct fmt::formatter<xgre::VmAddress> : fmt::formatter<std::string_view> {
    template <typename Context>
    auto format(const xgre::VmAddress& address, Context& context) const {
        return fmt::formatter<std::string_view>::format(address.format(), context);
    }
};
