// SPDX-License-Identifier: GPL-2.0-only
#include "loader/frame_label.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include <fmt/format.h>

#include "xgre/mac.h"

namespace xgre {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kIp6Header = 40;
constexpr std::size_t kTag = 4;
constexpr std::uint16_t kFragmentOffset = 0x1fff;

std::optional<std::uint16_t> word_at(Bytes bytes, std::size_t at) {
    if (bytes.size() < at + 2) return std::nullopt;
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

Bytes from(Bytes bytes, std::size_t at) {
    return bytes.subspan(std::min(at, bytes.size()));
}

std::size_t ip_header_len(Bytes ip) {
    return std::size_t{ip[0] & 0x0fU} * 4;
}

std::string name_of_datagram(Bytes udp) {
    constexpr std::uint16_t kDhcpServer = 67;
    constexpr std::uint16_t kDhcpClient = 68;
    constexpr std::uint16_t kVxlan = 4789;
    const auto to = word_at(udp, 2);
    if (to == kDhcpServer || to == kDhcpClient) return "DHCP";
    return to == kVxlan ? "UDP VXLAN" : "UDP";
}

std::string name_of_protocol(std::uint8_t protocol, Bytes payload) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "TCP";
        case IPPROTO_UDP:
            return name_of_datagram(payload);
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            return "ICMP";
        case IPPROTO_HOPOPTS:
            return "options";
        case IPPROTO_GRE:
            return "GRE";
        default:
            return fmt::format("protocol {}", protocol);
    }
}

std::string name_of_ip4(Bytes ip) {
    if (ip.size() < sizeof(std::uint32_t) * 5) return "IPv4, cut short";
    if ((word_at(ip, 6).value_or(0) & kFragmentOffset) != 0) return "IPv4 fragment";
    return "IPv4 " + name_of_protocol(ip[9], from(ip, ip_header_len(ip)));
}

std::string name_of_ip6(Bytes ip) {
    if (ip.size() < kIp6Header) return "IPv6, cut short";
    return "IPv6 " + name_of_protocol(ip[6], from(ip, kIp6Header));
}

std::string name_of_type(std::uint16_t type, Bytes payload) {
    switch (type) {
        case ETH_P_ARP:
            return "ARP";
        case ETH_P_IP:
            return name_of_ip4(payload);
        case ETH_P_IPV6:
            return name_of_ip6(payload);
        case ETH_P_8021Q:
        case ETH_P_8021AD:
            return "VLAN " + name_of_type(word_at(payload, 2).value_or(0), from(payload, kTag));
        default:
            return fmt::format("EtherType 0x{:04x}", type);
    }
}

bool holds(Bytes packet, std::size_t at, const IpAddr& address) {
    const auto is_there = [&](const auto& bytes) {
        return packet.size() >= at + bytes.size() &&
               std::equal(bytes.begin(), bytes.end(), packet.begin() + static_cast<long>(at));
    };
    return address.is_v6() ? is_there(address.v6().bytes()) : is_there(address.v4().bytes());
}

// Where the GRE header of a packet to `local` begins.
std::optional<std::size_t> gre_offset(Bytes packet, const IpAddr& local) {
    constexpr std::size_t kIp = ETH_HLEN;
    constexpr std::size_t kDestination = 16;
    constexpr std::size_t kDestination6 = 24;
    const Bytes ip = from(packet, kIp);
    if (!local.is_v6()) {
        if (word_at(packet, kIp - 2) != ETH_P_IP || ip.size() < 20 || ip[9] != IPPROTO_GRE ||
            !holds(ip, kDestination, local))
            return std::nullopt;
        return kIp + ip_header_len(ip);
    }
    if (word_at(packet, kIp - 2) != ETH_P_IPV6 || ip.size() < kIp6Header + 8 ||
        !holds(ip, kDestination6, local))
        return std::nullopt;
    if (ip[6] == IPPROTO_GRE) return kIp + kIp6Header;
    // What Linux puts in front of GRE: RFC 2473.
    const bool has_option = ip[6] == IPPROTO_DSTOPTS && ip[kIp6Header] == IPPROTO_GRE;
    if (!has_option) return std::nullopt;
    return kIp + kIp6Header + 8 + std::size_t{ip[kIp6Header + 1]} * 8;
}

// Where the inner frame begins; nullopt when it is no tunnel packet to `local`.
std::optional<std::size_t> inner_offset(Bytes packet, const IpAddr& local) {
    constexpr std::size_t kGreBase = 4;
    const auto gre = gre_offset(packet, local);
    if (!gre || word_at(packet, *gre + 2) != ETH_P_TEB) return std::nullopt;
    const std::uint16_t flags = word_at(packet, *gre).value_or(0);
    std::size_t inner = *gre + kGreBase;
    for (const unsigned option : {0x8000U, 0x2000U, 0x1000U})  // checksum, key, sequence
        if ((flags & option) != 0) inner += 4;
    return inner;
}

}  // namespace

std::string label_of(Bytes frame) {
    const auto type = word_at(frame, ETH_HLEN - 2);
    if (!type) return "cut short";
    Mac::Bytes destination{};
    std::copy_n(frame.begin(), destination.size(), destination.begin());
    std::string text = name_of_type(*type, from(frame, ETH_HLEN));
    const Mac mac{destination};
    if (mac.is_broadcast()) return text + " broadcast";
    return mac.is_group() ? text + " multicast" : text;
}

std::string label_of_arrival(Bytes packet, const std::vector<IpAddr>& locals) {
    for (const IpAddr& local : locals)
        if (const auto inner = inner_offset(packet, local))
            return "tunnel: " + label_of(from(packet, *inner));
    return "host: " + label_of(packet);
}

}  // namespace xgre
