// SPDX-License-Identifier: GPL-2.0-only
// Network byte order and the Internet checksum (RFC 1071), for the builder and the decoder.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace xgre::test {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;

inline void put8(Bytes& out, std::uint8_t value) {
    out.push_back(value);
}

inline void put16(Bytes& out, std::uint16_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value & 0xff));
}

inline void put32(Bytes& out, std::uint32_t value) {
    put16(out, static_cast<std::uint16_t>(value >> 16));
    put16(out, static_cast<std::uint16_t>(value & 0xffff));
}

inline void put(Bytes& out, ByteView bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
}

// Overwrites two bytes that are there already.
inline void set16(Bytes& out, std::size_t offset, std::uint16_t value) {
    out.at(offset) = static_cast<std::uint8_t>(value >> 8);
    out.at(offset + 1) = static_cast<std::uint8_t>(value & 0xff);
}

inline std::uint16_t get16(ByteView bytes, std::size_t offset) {
    return static_cast<std::uint16_t>(bytes[offset] << 8 | bytes[offset + 1]);
}

inline std::uint32_t get32(ByteView bytes, std::size_t offset) {
    return static_cast<std::uint32_t>(get16(bytes, offset)) << 16 | get16(bytes, offset + 2);
}

// The checksum to write into a field that is zero in `bytes`; an odd last byte counts as
// the high half of a word. Over bytes that contain their right checksum it is 0.
inline std::uint16_t internet_checksum(ByteView bytes) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); i += 2)
        sum += get16(bytes, i);
    if (bytes.size() % 2 != 0) sum += static_cast<std::uint64_t>(bytes.back()) << 8;
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~sum & 0xffff);
}

// RFC 768, RFC 9293 and RFC 8200 section 8.1: what a transport checksum covers in front of
// the transport header. `source` and `destination` are both 4 or both 16 bytes.
inline Bytes pseudo_header(ByteView source, ByteView destination, std::uint8_t protocol,
                           std::size_t length) {
    Bytes out;
    put(out, source);
    put(out, destination);
    if (source.size() == 4) {
        put8(out, 0);
        put8(out, protocol);
        put16(out, static_cast<std::uint16_t>(length));
    } else {
        put32(out, static_cast<std::uint32_t>(length));
        put32(out, protocol);
    }
    return out;
}

inline constexpr std::uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr std::uint16_t kEtherTypeArp = 0x0806;
inline constexpr std::uint16_t kEtherTypeTransparentBridging = 0x6558;
inline constexpr std::uint16_t kEtherTypeVlan = 0x8100;
inline constexpr std::uint16_t kEtherTypeServiceVlan = 0x88a8;
inline constexpr std::uint16_t kEtherTypeIpv6 = 0x86dd;
inline constexpr std::uint16_t kEtherTypeExperimental = 0x88b5;  // IEEE 802 local experimental 1

inline constexpr std::uint8_t kProtocolIcmp = 1;
inline constexpr std::uint8_t kProtocolIpv4 = 4;
inline constexpr std::uint8_t kProtocolTcp = 6;
inline constexpr std::uint8_t kProtocolUdp = 17;
inline constexpr std::uint8_t kProtocolIpv6 = 41;
inline constexpr std::uint8_t kProtocolIpv6Fragment = 44;
inline constexpr std::uint8_t kProtocolGre = 47;
inline constexpr std::uint8_t kProtocolIcmpv6 = 58;
inline constexpr std::uint8_t kProtocolIpv6Destination = 60;
inline constexpr std::uint8_t kProtocolEthernet = 143;      // RFC 8986
inline constexpr std::uint8_t kProtocolExperimental = 253;  // RFC 3692

inline constexpr std::uint16_t kGreChecksumBit = 0x8000;
inline constexpr std::uint16_t kGreRoutingBit = 0x4000;
inline constexpr std::uint16_t kGreKeyBit = 0x2000;
inline constexpr std::uint16_t kGreSequenceBit = 0x1000;
inline constexpr std::uint16_t kGreVersionMask = 0x0007;

}  // namespace xgre::test
