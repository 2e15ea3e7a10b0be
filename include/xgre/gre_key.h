// SPDX-License-Identifier: GPL-2.0-only
// The key of a network on the wire (RFC 2890 section 2.1).
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <fmt/format.h>

#include "xgre/number.h"

namespace xgre {

// Any 32-bit number, zero too. A network without a key has no GreKey: std::optional<GreKey>.
class GreKey {
public:
    // `value` is in host byte order.
    constexpr explicit GreKey(std::uint32_t value) : value_{value} {}

    // Decimal, or hexadecimal after 0x: 0..4294967295. nullopt for all else, also for dotted
    // quads and for leading zeros, which other tools read as octal.
    static constexpr std::optional<GreKey> parse(std::string_view text) {
        auto value = parse_decimal(text, UINT32_MAX);
        if (!value) value = parse_prefixed_hex(text, UINT32_MAX);
        if (!value) return std::nullopt;
        return GreKey{*value};
    }

    // Decimal.
    std::string format() const { return std::to_string(value_); }

    // Host byte order.
    constexpr std::uint32_t value() const { return value_; }

    constexpr auto operator<=>(const GreKey&) const = default;

private:
    std::uint32_t value_;
};

static_assert(GreKey::parse("0") == GreKey{0});
static_assert(GreKey::parse("4294967295") == GreKey{4294967295});
static_assert(GreKey::parse("0xFFFFFFFF") == GreKey{4294967295});
static_assert(GreKey::parse("0x2a") == GreKey{42});
static_assert(!GreKey::parse("4294967296") && !GreKey::parse("0x100000000"));
static_assert(!GreKey::parse("") && !GreKey::parse("0x") && !GreKey::parse("-1"));
static_assert(!GreKey::parse("+1") && !GreKey::parse("010") && !GreKey::parse("1 "));
static_assert(!GreKey::parse("0.0.0.42") && !GreKey::parse("2a"));

}  // namespace xgre

template <>
struct fmt::formatter<xgre::GreKey> : fmt::formatter<std::uint32_t> {
    template <typename Context>
    auto format(const xgre::GreKey& key, Context& context) const {
        return fmt::formatter<std::uint32_t>::format(key.value(), context);
    }
};
