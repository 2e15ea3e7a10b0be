// SPDX-License-Identifier: GPL-2.0-only
// Addresses as the packet builder writes them. On purpose not the product's own
// value types: a mistake in those must not cancel itself out in a test.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace xgre::test {

struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    friend constexpr bool operator==(const MacAddress&, const MacAddress&) = default;
};

struct Ipv4Address {
    std::array<std::uint8_t, 4> bytes{};

    friend constexpr bool operator==(const Ipv4Address&, const Ipv4Address&) = default;
};

struct Ipv6Address {
    std::array<std::uint8_t, 16> bytes{};

    friend constexpr bool operator==(const Ipv6Address&, const Ipv6Address&) = default;
};

constexpr MacAddress mac(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d,
                         std::uint8_t e, std::uint8_t f) {
    return {{a, b, c, d, e, f}};
}

constexpr Ipv4Address ip(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    return {{a, b, c, d}};
}

// ip6({0x2001, 0xdb8, 1, 0, 0, 0, 0, 1}): the eight groups as they are written.
constexpr Ipv6Address ip6(const std::array<std::uint16_t, 8>& groups) {
    Ipv6Address address;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        address.bytes[2 * i] = static_cast<std::uint8_t>(groups[i] >> 8);
        address.bytes[2 * i + 1] = static_cast<std::uint8_t>(groups[i] & 0xff);
    }
    return address;
}

// Somebody on a network. It stands for whichever of its addresses a layer wants, so
// that eth(kHostA, kHostB) and ipv4(kHostA, kHostB) both say what they mean.
struct Station {
    MacAddress mac;
    Ipv4Address ip;
    Ipv6Address ip6;

    constexpr operator MacAddress() const { return mac; }
    constexpr operator Ipv4Address() const { return ip; }
    constexpr operator Ipv6Address() const { return ip6; }
};

}  // namespace xgre::test
