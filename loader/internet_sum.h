// SPDX-License-Identifier: GPL-2.0-only
// The Internet checksum of RFC 1071.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace xgre {

class InternetSum {
public:
    // All but the last are of even length.
    void add(std::span<const std::uint8_t> bytes) {
        for (std::size_t i = 0; i < bytes.size(); ++i)
            sum_ += i % 2 == 0 ? static_cast<std::uint64_t>(bytes[i]) << 8 : bytes[i];
    }
    void add(std::uint16_t word) { sum_ += word; }
    // What goes into a header. 0 of bytes that have their right checksum among them.
    std::uint16_t value() const {
        std::uint64_t folded = sum_;
        while (folded >> 16 != 0)
            folded = (folded & 0xffff) + (folded >> 16);
        return static_cast<std::uint16_t>(~folded);
    }

private:
    std::uint64_t sum_ = 0;
};

}  // namespace xgre
