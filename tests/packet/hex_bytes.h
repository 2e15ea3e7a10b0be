// SPDX-License-Identifier: GPL-2.0-only
// Bytes as a reference prints them: hex_bytes("45 00 00 58"), or without the spaces.
#pragma once

#include <stdexcept>
#include <string_view>

#include "tests/packet/wire.h"

namespace xgre::test {

inline Bytes hex_bytes(std::string_view text) {
    Bytes out;
    int high = -1;
    for (const char c : text) {
        if (c == ' ' || c == '\n') continue;
        const std::size_t digit = std::string_view{"0123456789abcdef"}.find(c);
        if (digit == std::string_view::npos)
            throw std::invalid_argument("hex_bytes: not a hex digit");
        if (high < 0) {
            high = static_cast<int>(digit);
        } else {
            out.push_back(static_cast<std::uint8_t>(high << 4 | static_cast<int>(digit)));
            high = -1;
        }
    }
    if (high >= 0) throw std::invalid_argument("hex_bytes: half a byte");
    return out;
}

}  // namespace xgre::test
