// SPDX-License-Identifier: GPL-2.0-only
// Whole-text parsing of an unsigned number, for the value types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace xgre {

// The value of one hexadecimal digit; nullopt for any other character.
constexpr std::optional<std::uint8_t> parse_hex_digit(char digit) {
    if (digit >= '0' && digit <= '9') return static_cast<std::uint8_t>(digit - '0');
    if (digit >= 'a' && digit <= 'f') return static_cast<std::uint8_t>(digit - 'a' + 10);
    if (digit >= 'A' && digit <= 'F') return static_cast<std::uint8_t>(digit - 'A' + 10);
    return std::nullopt;
}

// Decimal text, 0..max. Refuses the empty text, signs, blanks, anything after the number, and
// leading zeros, which other tools read as octal.
constexpr std::optional<std::uint32_t> parse_decimal(std::string_view text, std::uint32_t max) {
    if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
    std::uint64_t value = 0;
    for (const char digit : text) {
        if (digit < '0' || digit > '9') return std::nullopt;
        value = value * 10 + static_cast<std::uint64_t>(digit - '0');
        if (value > max) return std::nullopt;
    }
    return static_cast<std::uint32_t>(value);
}

// Hexadecimal text after `0x` or `0X`, 0..max; leading zeros are fine here.
constexpr std::optional<std::uint32_t> parse_prefixed_hex(std::string_view text,
                                                          std::uint32_t max) {
    if (text.size() < 3 || text[0] != '0' || (text[1] != 'x' && text[1] != 'X')) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    for (const char character : text.substr(2)) {
        const auto digit = parse_hex_digit(character);
        if (!digit) return std::nullopt;
        value = value * 16 + *digit;
        if (value > max) return std::nullopt;
    }
    return static_cast<std::uint32_t>(value);
}

}  // namespace xgre
