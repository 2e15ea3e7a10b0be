// SPDX-License-Identifier: GPL-2.0-only
// An Ethernet address.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "xgre/number.h"

namespace xgre {

// Six bytes in the order they have on the wire. The default is the zero address.
class Mac {
public:
    static constexpr std::size_t kSize = 6;
    using Bytes = std::array<std::uint8_t, kSize>;

    constexpr Mac() = default;
    constexpr explicit Mac(const Bytes& bytes) : bytes_{bytes} {}

    // `xx:xx:xx:xx:xx:xx`, hexadecimal in either case, two digits each; nullopt for all else.
    static constexpr std::optional<Mac> parse(std::string_view text) {
        if (text.size() != kSize * 3 - 1) return std::nullopt;
        Bytes bytes{};
        for (std::size_t i = 0; i < kSize; ++i) {
            const auto high = parse_hex_digit(text[i * 3]);
            const auto low = parse_hex_digit(text[i * 3 + 1]);
            if (!high || !low) return std::nullopt;
            if (i + 1 < kSize && text[i * 3 + 2] != ':') return std::nullopt;
            bytes[i] = static_cast<std::uint8_t>(*high << 4 | *low);
        }
        return Mac{bytes};
    }

    static constexpr Mac broadcast() { return Mac{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}; }

    // Lower-case `xx:xx:xx:xx:xx:xx`.
    constexpr std::string format() const {
        constexpr std::string_view digits = "0123456789abcdef";
        std::string text;
        for (const std::uint8_t byte : bytes_) {
            if (!text.empty()) text += ':';
            text += digits[byte >> 4];
            text += digits[byte & 0x0f];
        }
        return text;
    }

    constexpr const Bytes& bytes() const { return bytes_; }
    // Multicast or broadcast (IEEE 802 I/G bit): never a source, never learned.
    constexpr bool is_group() const { return (bytes_[0] & 0x01) != 0; }
    constexpr bool is_broadcast() const { return *this == broadcast(); }
    constexpr bool is_zero() const { return *this == Mac{}; }

    constexpr auto operator<=>(const Mac&) const = default;

private:
    Bytes bytes_{};
};

static_assert(Mac::parse("02:00:5e:10:00:fF") == Mac{{0x02, 0x00, 0x5e, 0x10, 0x00, 0xff}});
static_assert(!Mac::parse("02:00:5e:10:00:0"));
static_assert(!Mac::parse("02:00:5e:10:00:0g"));
static_assert(!Mac::parse("02-00-5e-10-00-01"));
static_assert(!Mac::parse(""));
static_assert(Mac{}.is_zero() && !Mac{}.is_group());
static_assert(Mac::broadcast().is_group() && Mac::broadcast().is_broadcast());
static_assert(Mac{{0, 0, 0, 0, 0, 1}} < Mac{{1, 0, 0, 0, 0, 0}});

}  // namespace xgre

template <>
struct fmt::formatter<xgre::Mac> : fmt::formatter<std::string_view> {
    template <typename Context>
    auto format(const xgre::Mac& mac, Context& context) const {
        return fmt::formatter<std::string_view>::format(mac.format(), context);
    }
};
