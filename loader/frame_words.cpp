// SPDX-License-Identifier: GPL-2.0-only
#include "loader/frame_words.h"

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "loader/packet_words.h"

namespace xgre {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kTag = 4;
constexpr std::size_t kIp4Header = 20;
constexpr std::size_t kIp6Header = 40;

Bytes from(Bytes bytes, std::size_t at) {
    return bytes.subspan(std::min(at, bytes.size()));
}

Mac mac_at(Bytes bytes, std::size_t at) {
    Mac::Bytes mac{};
    std::ranges::copy(bytes.subspan(at, mac.size()), mac.begin());
    return Mac{mac};
}

Ip4Addr ip4_at(Bytes bytes, std::size_t at) {
    Ip4Addr::Bytes address{};
    std::ranges::copy(bytes.subspan(at, address.size()), address.begin());
    return Ip4Addr{address};
}

Ip6Addr ip6_at(Bytes bytes, std::size_t at) {
    Ip6Addr::Bytes address{};
    std::ranges::copy(bytes.subspan(at, address.size()), address.begin());
    return Ip6Addr{address};
}

std::string_view kind_of(const Mac& mac) {
    if (mac.is_broadcast()) return " (broadcast)";
    return mac.is_group() ? " (multicast)" : "";
}

bool is_vlan(std::uint16_t type) {
    return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

// Takes headers off `rest_` and adds them to `layers_`, as far as there are any.
class Reader {
public:
    explicit Reader(Bytes frame) : rest_{frame} {}

    std::vector<Layer> read() {
        read_ethernet();
        return std::move(layers_);
    }

private:
    void add(const char* name, std::string text) { layers_.push_back({name, std::move(text)}); }

    // False: it ends before that.
    bool has(const char* name, std::size_t size) {
        if (rest_.size() >= size) return true;
        add(name, fmt::format("cut short: {} of {} bytes", rest_.size(), size));
        return false;
    }

    void skip(std::size_t size) { rest_ = from(rest_, size); }

    void read_ethernet() {
        if (!has("ethernet", ETH_HLEN)) return;
        const Mac destination = mac_at(rest_, 0);
        add("ethernet", fmt::format("{} > {}{}, {} bytes", mac_at(rest_, Mac::kSize), destination,
                                    kind_of(destination), rest_.size()));
        std::uint16_t type = word_at(rest_, ETH_HLEN - 2);
        skip(ETH_HLEN);
        while (is_vlan(type) && has("vlan", kTag)) {
            const unsigned tag = word_at(rest_, 0);
            add("vlan",
                fmt::format("{}VLAN {}, priority {}", type == ETH_P_8021AD ? "service " : "",
                            tag & 0xfffU, tag >> 13));
            type = word_at(rest_, 2);
            skip(kTag);
        }
        if (!is_vlan(type)) read_type(type);
    }

    void read_type(std::uint16_t type) {
        switch (type) {
            case ETH_P_ARP:
                return read_arp();
            case ETH_P_IP:
                return read_ip4();
            case ETH_P_IPV6:
                return read_ip6();
            default:
                return add("payload", fmt::format("{} 0x{:04x}, {} bytes",
                                                  type < ETH_P_802_3_MIN ? "length" : "EtherType",
                                                  type, rest_.size()));
        }
    }

    void read_arp() {
        constexpr std::size_t kArp = 28;
        if (!has("arp", kArp)) return;
        const unsigned operation = word_at(rest_, 6);
        const Mac sender = mac_at(rest_, 8);
        const Ip4Addr from_ip = ip4_at(rest_, 14);
        const Ip4Addr target = ip4_at(rest_, 24);
        if (operation == ARPOP_REQUEST)
            add("arp",
                fmt::format("ARP request: who has {}, tell {} ({})", target, from_ip, sender));
        else if (operation == ARPOP_REPLY)
            add("arp", fmt::format("ARP reply: {} is at {}", from_ip, sender));
        else
            add("arp", fmt::format("ARP operation {}", operation));
    }

    void read_ip4() {
        if (!has("ipv4", kIp4Header)) return;
        const std::size_t header = std::size_t{rest_[0] & 0x0fU} * 4;
        const unsigned fragment = word_at(rest_, 6);
        const unsigned offset = (fragment & 0x1fffU) * 8;
        std::string text = fmt::format("IPv4 {} > {}, TTL {}, {} bytes", ip4_at(rest_, 12),
                                       ip4_at(rest_, 16), rest_[8], word_at(rest_, 2));
        if (rest_[1] != 0) text += fmt::format(", TOS 0x{:02x}", rest_[1]);
        if ((fragment & 0x4000U) != 0) text += ", DF";
        const bool is_part = offset != 0 || (fragment & 0x2000U) != 0;
        if (is_part)
            text += fmt::format(", fragment from byte {}{}", offset,
                                (fragment & 0x2000U) != 0 ? ", more follow" : ", the last");
        add("ipv4", std::move(text));
        const std::uint8_t protocol = rest_[9];
        if (header < kIp4Header) return;
        // What is behind the packet is padding.
        rest_ = rest_.first(std::clamp<std::size_t>(word_at(rest_, 2), header, rest_.size()));
        skip(header);
        if (offset == 0) read_protocol(protocol);
    }

    void read_ip6() {
        if (!has("ipv6", kIp6Header)) return;
        const unsigned traffic_class = word_at(rest_, 0) >> 4 & 0xffU;
        std::string text = fmt::format("IPv6 {} > {}, hop limit {}, {} bytes", ip6_at(rest_, 8),
                                       ip6_at(rest_, 24), rest_[7], word_at(rest_, 4) + kIp6Header);
        if (traffic_class != 0) text += fmt::format(", class 0x{:02x}", traffic_class);
        if (const unsigned label = long_at(rest_, 0) & 0xfffffU; label != 0)
            text += fmt::format(", flow 0x{:05x}", label);
        add("ipv6", std::move(text));
        std::uint8_t next = rest_[6];
        skip(kIp6Header);
        while (next == IPPROTO_HOPOPTS || next == IPPROTO_DSTOPTS || next == IPPROTO_FRAGMENT) {
            if (!has("extension", 8)) return;
            const bool is_fragment = next == IPPROTO_FRAGMENT;
            const unsigned offset = word_at(rest_, 2) & 0xfff8U;
            add("extension", is_fragment ? fmt::format("fragment from byte {}", offset)
                                         : std::string{"options"});
            const std::size_t size = is_fragment ? 8 : (std::size_t{rest_[1]} + 1) * 8;
            next = rest_[0];
            skip(size);
            if (is_fragment && offset != 0) return;
        }
        read_protocol(next);
    }

    void read_protocol(std::uint8_t protocol) {
        switch (protocol) {
            case IPPROTO_UDP:
                return read_udp();
            case IPPROTO_TCP:
                return read_tcp();
            case IPPROTO_ICMP:
            case IPPROTO_ICMPV6:
                return read_icmp(protocol == IPPROTO_ICMPV6);
            case IPPROTO_GRE:
                return read_gre();
            default:
                return add("payload", fmt::format("protocol {}, {} bytes", protocol, rest_.size()));
        }
    }

    void read_udp() {
        if (!has("udp", 8)) return;
        const unsigned to = word_at(rest_, 2);
        std::string text =
            fmt::format("UDP {} > {}, {} bytes", word_at(rest_, 0), to, rest_.size());
        if (to == 67 || to == 68) text += ", DHCP";
        add("udp", std::move(text));
    }

    void read_tcp() {
        if (!has("tcp", 20)) return;
        constexpr std::array<std::pair<unsigned, const char*>, 5> kFlags{
            {{0x02, "SYN"}, {0x10, "ACK"}, {0x01, "FIN"}, {0x04, "RST"}, {0x08, "PSH"}}};
        std::string flags;
        for (const auto& [bit, name] : kFlags)
            if ((rest_[13] & bit) != 0) flags += flags.empty() ? name : std::string{" "} + name;
        add("tcp", fmt::format("TCP {} > {}{}{}, {} bytes", word_at(rest_, 0), word_at(rest_, 2),
                               flags.empty() ? "" : ", ", flags, rest_.size()));
    }

    void read_icmp(bool is_v6) {
        if (!has("icmp", 8)) return;
        const unsigned type = rest_[0];
        std::string text =
            fmt::format("ICMP{} type {}, code {}", is_v6 ? "v6" : "", type, rest_[1]);
        if (type == (is_v6 ? 128U : 8U)) text += ": echo request";
        if (type == (is_v6 ? 129U : 0U)) text += ": echo reply";
        if (!is_v6 && type == 3 && rest_[1] == 4)
            text += fmt::format(": too large, MTU {}", word_at(rest_, 6));
        if (is_v6 && type == 2) text += fmt::format(": too large, MTU {}", long_at(rest_, 4));
        if (is_v6 && type == 134) text += ": router advertisement";
        add("icmp", std::move(text));
    }

    void read_gre() {
        if (!has("gre", 4)) return;
        const unsigned flags = word_at(rest_, 0);
        const std::uint16_t type = word_at(rest_, 2);
        std::string text = "GRE";
        if ((flags & 7U) != 0) text += fmt::format(", version {}", flags & 7U);
        std::size_t at = 4;
        if ((flags & kGreChecksum) != 0) {
            text += ", checksum";
            at += 4;
        }
        if ((flags & kGreKey) != 0) {
            text += fmt::format(", key {}", long_at(rest_, at));
            at += 4;
        }
        if ((flags & kGreSequence) != 0) {
            text += fmt::format(", sequence number {}", long_at(rest_, at));
            at += 4;
        }
        add("gre", std::move(text));
        skip(at);
        if (type == ETH_P_TEB) return read_ethernet();
        read_type(type);
    }

    Bytes rest_;
    std::vector<Layer> layers_;
};

// Behind IPv6 extension headers that may be there: the protocol, and where it begins.
struct Protocol {
    std::uint8_t number;
    std::size_t at;
    bool fragment;
};

std::optional<Protocol> ip6_protocol(Bytes ip) {
    Protocol found{ip[6], kIp6Header, false};
    while (found.number == IPPROTO_HOPOPTS || found.number == IPPROTO_DSTOPTS ||
           found.number == IPPROTO_FRAGMENT) {
        if (ip.size() < found.at + 8) return std::nullopt;
        const bool is_fragment = found.number == IPPROTO_FRAGMENT;
        found.fragment = found.fragment || is_fragment;
        found.number = ip[found.at];
        found.at += is_fragment ? 8 : (std::size_t{ip[found.at + 1]} + 1) * 8;
    }
    return found;
}

std::optional<Protocol> protocol_of(Bytes ip, std::uint16_t type) {
    if (type == ETH_P_IP && ip.size() >= kIp4Header)
        return Protocol{ip[9], std::size_t{ip[0] & 0x0fU} * 4, (word_at(ip, 6) & 0x3fffU) != 0};
    if (type == ETH_P_IPV6 && ip.size() >= kIp6Header) return ip6_protocol(ip);
    return std::nullopt;
}

}  // namespace

std::vector<Layer> layers_of(Bytes frame) {
    return Reader{frame}.read();
}

std::string line_of(const std::vector<Layer>& layers) {
    std::string line;
    for (const Layer& layer : layers)
        line += line.empty() ? layer.text : " / " + layer.text;
    return line;
}

std::optional<EthernetHead> ethernet_of(Bytes frame) {
    if (frame.size() < ETH_HLEN) return std::nullopt;
    EthernetHead head{.destination = mac_at(frame, 0), .source = mac_at(frame, Mac::kSize)};
    head.size = ETH_HLEN;
    head.type = word_at(frame, ETH_HLEN - 2);
    while (is_vlan(head.type) && frame.size() >= head.size + kTag) {
        if (!head.tagged) head.vlan = word_at(frame, head.size) & 0xfffU;
        head.tagged = true;
        head.type = word_at(frame, head.size + 2);
        head.size += kTag;
    }
    return head;
}

std::optional<TunnelHead> tunnel_of(Bytes packet) {
    const Bytes ip = from(packet, ETH_HLEN);
    const std::uint16_t type = word_at(packet, ETH_HLEN - 2);
    const auto protocol = protocol_of(ip, type);
    if (!protocol || protocol->number != IPPROTO_GRE) return std::nullopt;
    TunnelHead head;
    head.fragment = protocol->fragment;
    if (type == ETH_P_IP) {
        head.source = ip4_at(ip, 12);
        head.destination = ip4_at(ip, 16);
    } else {
        head.source = ip6_at(ip, 8);
        head.destination = ip6_at(ip, 24);
    }
    const Bytes gre = from(ip, protocol->at);
    const unsigned flags = word_at(gre, 0);
    // A later fragment has no GRE header.
    const bool is_later = type == ETH_P_IP ? (word_at(ip, 6) & 0x1fffU) != 0 : false;
    if (is_later) {
        head.inner = packet.size();
        return head;
    }
    if (word_at(gre, 2) != ETH_P_TEB) return std::nullopt;
    head.checksum = (flags & kGreChecksum) != 0;
    head.sequence = (flags & kGreSequence) != 0;
    std::size_t size = 4 + (head.checksum ? 4U : 0U);
    if ((flags & kGreKey) != 0) {
        if (gre.size() >= size + 4) head.key = long_at(gre, size);
        size += 4;
    }
    head.inner = ETH_HLEN + protocol->at + size + (head.sequence ? 4U : 0U);
    return head;
}

bool is_syn(Bytes frame) {
    const auto head = ethernet_of(frame);
    if (!head) return false;
    const Bytes ip = from(frame, head->size);
    const auto protocol = protocol_of(ip, head->type);
    const Bytes tcp = protocol ? from(ip, protocol->at) : Bytes{};
    return protocol && protocol->number == IPPROTO_TCP && tcp.size() >= 14 &&
           (tcp[13] & 0x02U) != 0;
}

}  // namespace xgre
