// SPDX-License-Identifier: GPL-2.0-only
#include "loader/tunnel_packet.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>

namespace xgre {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kIp6Header = 40;

std::optional<std::uint32_t> number_at(Bytes bytes, std::size_t at, std::size_t size) {
    if (bytes.size() < at + size) return std::nullopt;
    std::uint32_t number = 0;
    for (const std::uint8_t byte : bytes.subspan(at, size))
        number = number << 8 | byte;
    return number;
}

template <typename Address>
Address address_at(Bytes bytes, std::size_t at) {
    typename Address::Bytes address{};
    std::copy_n(bytes.begin() + static_cast<long>(at), address.size(), address.begin());
    return Address{address};
}

// `inner` is where GRE begins.
std::optional<TunnelPacket> outer_ip4(Bytes packet) {
    constexpr std::size_t kSource = 12;
    constexpr std::size_t kDestination = 16;
    const Bytes ip = packet.subspan(ETH_HLEN);
    if (ip.size() < 20 || ip[9] != IPPROTO_GRE) return std::nullopt;
    return TunnelPacket{IpAddr{address_at<Ip4Addr>(ip, kSource)},
                        IpAddr{address_at<Ip4Addr>(ip, kDestination)},
                        {},
                        ETH_HLEN + std::size_t{ip[0] & 0x0fU} * 4};
}

std::optional<TunnelPacket> outer_ip6(Bytes packet) {
    constexpr std::size_t kSource = 8;
    constexpr std::size_t kDestination = 24;
    const Bytes ip = packet.subspan(ETH_HLEN);
    if (ip.size() < kIp6Header + 8) return std::nullopt;
    const bool has_option = ip[6] == IPPROTO_DSTOPTS && ip[kIp6Header] == IPPROTO_GRE;
    if (ip[6] != IPPROTO_GRE && !has_option) return std::nullopt;
    const std::size_t option = has_option ? 8 + std::size_t{ip[kIp6Header + 1]} * 8 : 0;
    return TunnelPacket{IpAddr{address_at<Ip6Addr>(ip, kSource)},
                        IpAddr{address_at<Ip6Addr>(ip, kDestination)},
                        {},
                        ETH_HLEN + kIp6Header + option};
}

}  // namespace

std::optional<TunnelPacket> parse_tunnel_packet(Bytes packet) {
    constexpr std::uint32_t kHasChecksum = 0x8000;
    constexpr std::uint32_t kHasKey = 0x2000;
    constexpr std::uint32_t kHasSequence = 0x1000;
    const auto type = number_at(packet, ETH_HLEN - 2, 2);
    std::optional<TunnelPacket> tunnel;
    if (type == ETH_P_IP) tunnel = outer_ip4(packet);
    if (type == ETH_P_IPV6) tunnel = outer_ip6(packet);
    if (!tunnel) return std::nullopt;
    const auto flags = number_at(packet, tunnel->inner, 2);
    if (!flags || number_at(packet, tunnel->inner + 2, 2) != ETH_P_TEB) return std::nullopt;
    tunnel->inner += 4;
    if ((*flags & kHasChecksum) != 0) tunnel->inner += 4;
    if ((*flags & kHasKey) != 0) {
        tunnel->key = number_at(packet, tunnel->inner, 4);
        if (!tunnel->key) return std::nullopt;
        tunnel->inner += 4;
    }
    if ((*flags & kHasSequence) != 0) tunnel->inner += 4;
    return tunnel;
}

}  // namespace xgre
