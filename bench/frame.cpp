// SPDX-License-Identifier: GPL-2.0-only
#include "bench/frame.h"

#include <algorithm>

#include <fmt/format.h>

namespace xgre::bench {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIpv4 = 20;
constexpr std::size_t kUdp = 8;
constexpr std::size_t kTcp = 20;
constexpr std::size_t kVxlan = 8;
constexpr std::size_t kGreWithKey = 8;

constexpr std::uint8_t kProtocolTcp = 6;
constexpr std::uint8_t kProtocolUdp = 17;
constexpr std::uint8_t kProtocolGre = 47;
constexpr std::uint16_t kVxlanPort = 4789;

void put16(Frame& frame, std::size_t value) {
    frame.push_back(static_cast<std::uint8_t>(value >> 8));
    frame.push_back(static_cast<std::uint8_t>(value));
}

void put32(Frame& frame, std::uint32_t value) {
    put16(frame, value >> 16);
    put16(frame, value & 0xffff);
}

template <typename Bytes>
void put(Frame& frame, const Bytes& bytes) {
    frame.insert(frame.end(), bytes.begin(), bytes.end());
}

std::uint16_t get16(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::uint32_t get32(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint32_t>(get16(bytes, at)) << 16 | get16(bytes, at + 2);
}

// One's complement, of 16-bit words; a last odd byte is one with a zero behind it.
std::uint16_t sum_of(std::span<const std::uint8_t> bytes, std::uint64_t sum) {
    std::size_t at = 0;
    for (; at + 1 < bytes.size(); at += 2)
        sum += get16(bytes, at);
    if (at < bytes.size()) sum += static_cast<std::uint64_t>(bytes[at]) << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

// Addresses, protocol and length, which TCP's checksum is over too (RFC 9293 section 3.1).
std::uint16_t pseudo_header_sum(std::span<const std::uint8_t> addresses, std::size_t length) {
    return sum_of(addresses, kProtocolTcp + length);
}

void put_ethernet(Frame& frame, const Way& way) {
    put(frame, way.destination.bytes());
    put(frame, way.source.bytes());
    put16(frame, 0x0800);
}

void put_ipv4(Frame& frame, const Way& way, std::uint8_t protocol, std::size_t total) {
    const std::size_t start = frame.size();
    put16(frame, 0x4500);
    put16(frame, total);
    put16(frame, 0);
    put16(frame, 0x4000);  // don't fragment
    frame.push_back(64);
    frame.push_back(protocol);
    put16(frame, 0);
    put(frame, way.from.bytes());
    put(frame, way.to.bytes());
    const std::uint16_t sum = checksum(std::span{frame}.subspan(start, kIpv4));
    frame[start + 10] = static_cast<std::uint8_t>(sum >> 8);
    frame[start + 11] = static_cast<std::uint8_t>(sum);
}

// No checksum: 0 in IPv4 (RFC 768).
void put_udp(Frame& frame, std::uint16_t from, std::uint16_t to, std::size_t length) {
    put16(frame, from);
    put16(frame, to);
    put16(frame, length);
    put16(frame, 0);
}

bool starts_with(std::span<const std::uint8_t> bytes, std::span<const std::uint8_t> prefix) {
    return bytes.size() >= prefix.size() && std::ranges::equal(bytes.first(prefix.size()), prefix);
}

}  // namespace

std::size_t header_length(Encap encap) {
    switch (encap) {
        case Encap::vxlan:
            return kEthernet + kIpv4 + kUdp + kVxlan;
        case Encap::gre:
            return kEthernet + kIpv4 + kGreWithKey;
        case Encap::none:
            break;
    }
    return 0;
}

std::uint16_t checksum(std::span<const std::uint8_t> bytes) {
    return static_cast<std::uint16_t>(~sum_of(bytes, 0));
}

std::size_t network_field(Encap encap) {
    // VXLAN's has three bytes, and a zero in front.
    return encap == Encap::vxlan ? kEthernet + kIpv4 + kUdp + 3 : kEthernet + kIpv4 + 4;
}

Frame vm_frame(const Way& vms, std::size_t length) {
    Frame frame;
    put_ethernet(frame, vms);
    put_ipv4(frame, vms, kProtocolUdp, length - kEthernet);
    put_udp(frame, 9, 9, length - kEthernet - kIpv4);
    while (frame.size() < length) {
        frame.push_back(static_cast<std::uint8_t>(frame.size() * 37));
    }
    return frame;
}

Frame large_segment(const Way& vms, std::span<const std::uint8_t> payload) {
    const std::size_t length = kTcp + payload.size();
    Frame frame;
    put_ethernet(frame, vms);
    put_ipv4(frame, vms, kProtocolTcp, kIpv4 + length);
    const auto addresses = std::span{frame}.subspan(kEthernet + 12, 8);
    const std::uint16_t sum = pseudo_header_sum(addresses, length);
    put16(frame, 5001);
    put16(frame, 5001);
    put32(frame, 0);       // sequence
    put32(frame, 1);       // acknowledgement
    put16(frame, 0x5010);  // five words; ACK
    put16(frame, 0xffff);  // window
    put16(frame, sum);
    put16(frame, 0);
    put(frame, payload);
    return frame;
}

void set_number(std::span<std::uint8_t> bytes, std::size_t offset, std::uint32_t number) {
    for (std::uint8_t& byte : bytes.subspan(offset, sizeof(number))) {
        byte = static_cast<std::uint8_t>(number >> 24);
        number <<= 8;
    }
}

void set_sequence(Frame& segment, std::uint32_t sequence) {
    set_number(segment, kEthernet + kIpv4 + 4, sequence);
}

std::optional<std::string> fault_of_segment(std::span<const std::uint8_t> segment,
                                            std::uint32_t sequence, bool finished) {
    if (segment.size() <= kTcpHeaders) return "a segment is too short";
    const auto ip = segment.subspan(kEthernet);
    if (get16(segment, 12) != 0x0800 || ip[0] != 0x45 || ip[9] != kProtocolTcp ||
        get16(ip, 2) != ip.size() || checksum(ip.first(kIpv4)) != 0) {
        return "a segment's IPv4 header is wrong";
    }
    const auto tcp = ip.subspan(kIpv4);
    if (get32(tcp, 4) != sequence) {
        return fmt::format("byte {} of the stream arrives where {} was expected", get32(tcp, 4),
                           sequence);
    }
    if (finished && sum_of(tcp, pseudo_header_sum(ip.subspan(12, 8), tcp.size())) != 0xffff)
        return "a segment's TCP checksum is wrong";
    return std::nullopt;
}

Frame wire_frame(Encap encap, const Way& hosts, const Frame& inner) {
    if (encap == Encap::none) return inner;
    const std::size_t total = header_length(encap) - kEthernet + inner.size();
    Frame frame;
    put_ethernet(frame, hosts);
    if (encap == Encap::vxlan) {
        put_ipv4(frame, hosts, kProtocolUdp, total);
        put_udp(frame, 49152, kVxlanPort, total - kIpv4);
        put32(frame, 0x08000000);
        put32(frame, kNetworkKey << 8);
    } else {
        put_ipv4(frame, hosts, kProtocolGre, total);
        put32(frame, 0x20006558);
        put32(frame, kNetworkKey);
    }
    put(frame, inner);
    return frame;
}

std::optional<std::string> fault_of_header(Encap encap, const Way& hosts,
                                           std::span<const std::uint8_t> wire,
                                           std::size_t inner_length) {
    if (encap == Encap::none) return std::nullopt;
    Frame ethernet;
    put_ethernet(ethernet, hosts);
    if (!starts_with(wire, ethernet)) return "the outer Ethernet header is wrong";
    const auto ip = wire.subspan(kEthernet);
    const std::size_t total = header_length(encap) - kEthernet + inner_length;
    const std::uint8_t protocol = encap == Encap::gre ? kProtocolGre : kProtocolUdp;
    if (ip[0] != 0x45 || get16(ip, 2) != total || ip[9] != protocol || ip[8] == 0 ||
        checksum(ip.first(kIpv4)) != 0 || !starts_with(ip.subspan(12), hosts.from.bytes()) ||
        !starts_with(ip.subspan(16), hosts.to.bytes())) {
        return "the outer IPv4 header is wrong";
    }
    const auto tunnel = ip.subspan(kIpv4);
    if (encap == Encap::gre) {
        if (get32(tunnel, 0) == 0x20006558 && get32(tunnel, 4) == kNetworkKey) return std::nullopt;
        return "the GRE header is wrong";
    }
    if (get16(tunnel, 2) == kVxlanPort && get16(tunnel, 4) == total - kIpv4 &&
        get32(tunnel, kUdp + 4) == kNetworkKey << 8) {
        return std::nullopt;
    }
    return "the VXLAN header is wrong";
}

}  // namespace xgre::bench
