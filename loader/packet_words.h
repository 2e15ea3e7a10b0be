// SPDX-License-Identifier: GPL-2.0-only
// Fields of a packet, which are in network order. What is behind its end reads as zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace xgre {

inline constexpr unsigned kGreChecksum = 0x8000;  // RFC 2784 section 2
inline constexpr unsigned kGreKey = 0x2000;       // RFC 2890 section 2
inline constexpr unsigned kGreSequence = 0x1000;

inline std::uint16_t word_at(std::span<const std::uint8_t> bytes, std::size_t at) {
    if (bytes.size() < at + 2) return 0;
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

inline std::uint32_t long_at(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint32_t>(word_at(bytes, at)) << 16 | word_at(bytes, at + 2);
}

}  // namespace xgre
