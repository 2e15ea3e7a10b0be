// SPDX-License-Identifier: GPL-2.0-only
#include "loader/frame_label.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstddef>
#include <optional>

#include <fmt/format.h>

#include "loader/frame_words.h"
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
    const auto tunnel = tunnel_of(packet);
    if (tunnel && tunnel->inner < packet.size() &&
        std::ranges::find(locals, tunnel->destination) != locals.end())
        return "tunnel: " + label_of(from(packet, tunnel->inner));
    return "host: " + label_of(packet);
}

}  // namespace xgre
