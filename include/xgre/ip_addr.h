// SPDX-License-Identifier: GPL-2.0-only
// Addresses of IPv4 and IPv6, and IPv4 subnets.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "xgre/number.h"

namespace xgre {

// An IPv4 address: four bytes in network order. Compares as a number. The default is 0.0.0.0.
class Ip4Addr {
public:
    using Bytes = std::array<std::uint8_t, 4>;

    constexpr Ip4Addr() = default;
    constexpr explicit Ip4Addr(const Bytes& bytes) : bytes_{bytes} {}

    // `value` as it lies in a packet or in a `__be32`.
    static constexpr Ip4Addr from_network_order(std::uint32_t value) {
        return Ip4Addr{std::bit_cast<Bytes>(value)};
    }

    static constexpr Ip4Addr from_host_order(std::uint32_t value) {
        return Ip4Addr{{static_cast<std::uint8_t>(value >> 24),
                        static_cast<std::uint8_t>(value >> 16),
                        static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)}};
    }

    // `A.B.C.D`, decimal 0..255 each; nullopt for all else, also for leading zeros and for
    // fewer than four numbers.
    static constexpr std::optional<Ip4Addr> parse(std::string_view text) {
        Bytes bytes{};
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            const bool last = i + 1 == bytes.size();
            const std::size_t dot = text.find('.');
            if (last != (dot == std::string_view::npos)) return std::nullopt;
            const auto byte = parse_decimal(text.substr(0, dot), 255);
            if (!byte) return std::nullopt;
            bytes[i] = static_cast<std::uint8_t>(*byte);
            if (!last) text.remove_prefix(dot + 1);
        }
        return Ip4Addr{bytes};
    }

    std::string format() const {
        return fmt::format("{}.{}.{}.{}", bytes_[0], bytes_[1], bytes_[2], bytes_[3]);
    }

    constexpr const Bytes& bytes() const { return bytes_; }
    constexpr std::uint32_t network_order() const { return std::bit_cast<std::uint32_t>(bytes_); }
    constexpr std::uint32_t host_order() const {
        return std::uint32_t{bytes_[0]} << 24 | std::uint32_t{bytes_[1]} << 16 |
               std::uint32_t{bytes_[2]} << 8 | std::uint32_t{bytes_[3]};
    }

    constexpr bool is_unspecified() const { return *this == Ip4Addr{}; }
    constexpr bool is_loopback() const { return bytes_[0] == 127; }
    constexpr bool is_multicast() const { return (bytes_[0] & 0xf0) == 0xe0; }
    // The limited broadcast address, 255.255.255.255; for a subnet's, see Subnet::broadcast().
    constexpr bool is_broadcast() const { return network_order() == UINT32_MAX; }

    constexpr auto operator<=>(const Ip4Addr&) const = default;

private:
    Bytes bytes_{};
};

static_assert(Ip4Addr::parse("198.18.0.1") == Ip4Addr{{198, 18, 0, 1}});
static_assert(Ip4Addr::parse("192.0.2.7")->host_order() == 0xc0000207);
static_assert(Ip4Addr::from_host_order(0xc0000207) == Ip4Addr{{192, 0, 2, 7}});
static_assert(Ip4Addr::from_network_order(Ip4Addr{{1, 2, 3, 4}}.network_order()) ==
              Ip4Addr{{1, 2, 3, 4}});
static_assert(!Ip4Addr::parse("") && !Ip4Addr::parse("192.0.2") && !Ip4Addr::parse("192.0.2.1."));
static_assert(!Ip4Addr::parse("192.0.2.256") && !Ip4Addr::parse("192.0.2.01"));
static_assert(!Ip4Addr::parse("192.0.2.1.1") && !Ip4Addr::parse("192..2.1"));
static_assert(!Ip4Addr::parse(" 192.0.2.1") && !Ip4Addr::parse("192.0.2.-1"));
static_assert(Ip4Addr{{127, 0, 0, 1}}.is_loopback() && Ip4Addr{}.is_unspecified());
static_assert(Ip4Addr{{239, 1, 2, 3}}.is_multicast() && !Ip4Addr{{240, 0, 0, 1}}.is_multicast());
static_assert(Ip4Addr{{255, 255, 255, 255}}.is_broadcast());
static_assert(Ip4Addr{{9, 0, 0, 0}} < Ip4Addr{{10, 0, 0, 0}});

// An IPv6 address: sixteen bytes in network order. The default is `::`.
class Ip6Addr {
public:
    using Bytes = std::array<std::uint8_t, 16>;

    constexpr Ip6Addr() = default;
    constexpr explicit Ip6Addr(const Bytes& bytes) : bytes_{bytes} {}

    // RFC 4291 section 2.2, without a zone; nullopt for all else.
    static std::optional<Ip6Addr> parse(std::string_view text);
    // RFC 5952.
    std::string format() const;

    constexpr const Bytes& bytes() const { return bytes_; }

    constexpr bool is_unspecified() const { return *this == Ip6Addr{}; }
    constexpr bool is_loopback() const {
        return *this == Ip6Addr{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
    }
    constexpr bool is_multicast() const { return bytes_[0] == 0xff; }
    constexpr bool is_link_local() const { return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80; }
    // RFC 4291 section 2.5.5.2: an IPv4 address, written as one of IPv6.
    constexpr bool is_v4_mapped() const {
        for (std::size_t i = 0; i < 10; ++i)
            if (bytes_[i] != 0) return false;
        return bytes_[10] == 0xff && bytes_[11] == 0xff;
    }

    constexpr auto operator<=>(const Ip6Addr&) const = default;

private:
    Bytes bytes_{};
};

// An address of either family; an IPv4 address is less than any of IPv6. The default is 0.0.0.0.
class IpAddr {
public:
    constexpr IpAddr() = default;
    constexpr IpAddr(Ip4Addr address) : address_{address} {}  // NOLINT(google-explicit-constructor)
    constexpr IpAddr(Ip6Addr address) : address_{address} {}  // NOLINT(google-explicit-constructor)

    // As Ip4Addr and Ip6Addr have it.
    static std::optional<IpAddr> parse(std::string_view text);
    std::string format() const;

    constexpr bool is_v6() const { return std::holds_alternative<Ip6Addr>(address_); }
    // Of the other family: all zero.
    constexpr Ip4Addr v4() const { return is_v6() ? Ip4Addr{} : std::get<Ip4Addr>(address_); }
    constexpr Ip6Addr v6() const { return is_v6() ? std::get<Ip6Addr>(address_) : Ip6Addr{}; }

    constexpr auto operator<=>(const IpAddr&) const = default;

private:
    std::variant<Ip4Addr, Ip6Addr> address_;
};

// An IPv4 subnet: its network address and prefix length, with no host bits set.
class Subnet {
public:
    static constexpr std::uint8_t kMaxPrefix = 32;

    // 0.0.0.0/0.
    constexpr Subnet() = default;

    // The subnet of this prefix length that has `address` in it; nullopt beyond 32.
    static constexpr std::optional<Subnet> around(Ip4Addr address, std::uint32_t prefix_length) {
        if (prefix_length > kMaxPrefix) return std::nullopt;
        const auto length = static_cast<std::uint8_t>(prefix_length);
        return Subnet{Ip4Addr::from_host_order(address.host_order() & mask(length)), length};
    }

    // `A.B.C.D/len`; nullopt for all else, also for an address with host bits set, which is
    // more likely a mistake than a subnet.
    static constexpr std::optional<Subnet> parse(std::string_view text) {
        const std::size_t slash = text.find('/');
        if (slash == std::string_view::npos) return std::nullopt;
        const auto address = Ip4Addr::parse(text.substr(0, slash));
        const auto length = parse_decimal(text.substr(slash + 1), kMaxPrefix);
        if (!address || !length) return std::nullopt;
        const auto subnet = around(*address, *length);
        if (!subnet || subnet->network() != *address) return std::nullopt;
        return subnet;
    }

    std::string format() const { return fmt::format("{}/{}", network_.format(), prefix_length_); }

    constexpr Ip4Addr network() const { return network_; }
    constexpr std::uint8_t prefix_length() const { return prefix_length_; }
    constexpr Ip4Addr netmask() const { return Ip4Addr::from_host_order(mask(prefix_length_)); }
    // The highest address; a /31 and a /32 have no broadcast of their own (RFC 3021).
    constexpr Ip4Addr broadcast() const {
        return Ip4Addr::from_host_order(network_.host_order() | ~mask(prefix_length_));
    }
    // The lowest and the highest address a host may have.
    constexpr Ip4Addr first() const {
        return Ip4Addr::from_host_order(network_.host_order() + reserved_at_each_end());
    }
    constexpr Ip4Addr last() const {
        return Ip4Addr::from_host_order(broadcast().host_order() - reserved_at_each_end());
    }
    // How many addresses hosts may have: 254 in a /24, 2 in a /31, 1 in a /32.
    constexpr std::uint32_t host_count() const {
        return last().host_order() - first().host_order() + 1;
    }
    constexpr bool contains(Ip4Addr address) const {
        return (address.host_order() & mask(prefix_length_)) == network_.host_order();
    }
    constexpr bool overlaps(const Subnet& other) const {
        return contains(other.network_) || other.contains(network_);
    }

    constexpr auto operator<=>(const Subnet&) const = default;

private:
    constexpr Subnet(Ip4Addr network, std::uint8_t prefix_length)
        : network_{network}, prefix_length_{prefix_length} {}

    static constexpr std::uint32_t mask(std::uint8_t prefix_length) {
        // A shift by all 32 bits is undefined.
        return prefix_length == 0 ? 0 : UINT32_MAX << (kMaxPrefix - prefix_length);
    }
    constexpr std::uint32_t reserved_at_each_end() const {
        return prefix_length_ >= kMaxPrefix - 1 ? 0 : 1;
    }

    Ip4Addr network_;
    std::uint8_t prefix_length_ = 0;
};

static_assert(Subnet::parse("192.0.2.0/24")->netmask() == Ip4Addr{{255, 255, 255, 0}});
static_assert(Subnet::parse("192.0.2.0/24")->first() == Ip4Addr{{192, 0, 2, 1}});
static_assert(Subnet::parse("192.0.2.0/24")->last() == Ip4Addr{{192, 0, 2, 254}});
static_assert(Subnet::parse("192.0.2.0/24")->broadcast() == Ip4Addr{{192, 0, 2, 255}});
static_assert(Subnet::parse("192.0.2.0/24")->host_count() == 254);
static_assert(Subnet::parse("192.0.2.0/31")->host_count() == 2);
static_assert(Subnet::parse("192.0.2.7/32")->host_count() == 1);
static_assert(Subnet::parse("0.0.0.0/0")->host_count() == 4294967294);
static_assert(Subnet::parse("192.0.2.0/24")->contains(Ip4Addr{{192, 0, 2, 255}}));
static_assert(!Subnet::parse("192.0.2.0/24")->contains(Ip4Addr{{192, 0, 3, 0}}));
static_assert(Subnet::parse("192.0.2.0/24")->overlaps(*Subnet::parse("192.0.2.128/25")));
static_assert(Subnet::parse("192.0.2.128/25")->overlaps(*Subnet::parse("192.0.2.0/24")));
static_assert(!Subnet::parse("192.0.2.0/25")->overlaps(*Subnet::parse("192.0.2.128/25")));
static_assert(!Subnet::parse("192.0.2.1/24") && !Subnet::parse("192.0.2.0/33"));
static_assert(!Subnet::parse("192.0.2.0") && !Subnet::parse("192.0.2.0/"));
static_assert(!Subnet::parse("/24") && !Subnet::parse("192.0.2.0/24/24"));
static_assert(Subnet::around(Ip4Addr{{192, 0, 2, 9}}, 24) == Subnet::parse("192.0.2.0/24"));
static_assert(!Subnet::around(Ip4Addr{}, 33));

}  // namespace xgre

template <>
struct fmt::formatter<xgre::Ip4Addr> : fmt::formatter<std::string_view> {
    template <typename Context>
    auto format(const xgre::Ip4Addr& address, Context& context) const {
        return fmt::formatter<std::string_view>::format(address.format(), context);
    }
};

template <>
struct fmt::formatter<xgre::Ip6Addr> : fmt::formatter<std::string_view> {
    template <typename Context>
    auto format(const xgre::Ip6Addr& address, Context& context) const {
        return fmt::formatter<std::string_view>::format(address.format(), context);
    }
};

template <>
struct fmt::formatter<xgre::IpAddr> : fmt::formatter<std::string_view> {
    template <typename Context>
    auto format(const xgre::IpAddr& address, Context& context) const {
        return fmt::formatter<std::string_view>::format(address.format(), context);
    }
};

template <>
struct fmt::formatter<xgre::Subnet> : fmt::formatter<std::string_view> {
    template <typename Context>
    auto format(const xgre::Subnet& subnet, Context& context) const {
        return fmt::formatter<std::string_view>::format(subnet.format(), context);
    }
};
