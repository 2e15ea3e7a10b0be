// SPDX-License-Identifier: GPL-2.0-only
#include "tests/packet/sums.h"

#include <utility>

namespace xgre::test {
namespace {

constexpr std::size_t kMostExtensions = 8;
constexpr std::uint16_t kMoreFragments = 1;

bool is_tag(std::uint16_t type) {
    return type == kEtherTypeVlan || type == kEtherTypeServiceVlan;
}

bool is_extension(std::uint8_t protocol) {
    return protocol == 0 || protocol == 43 || protocol == kProtocolIpv6Destination;
}

}  // namespace

std::vector<std::string> SumReader::read(const Packet& frame) {
    wrong_.clear();
    is_inside_ = false;
    read_ethernet(frame.bytes());
    return std::exchange(wrong_, {});
}

std::size_t SumReader::right(const std::string& name) const {
    const auto found = right_.find(name);
    return found == right_.end() ? 0 : found->second;
}

std::string SumReader::named(const std::string& what) const {
    return (is_inside_ ? "inner " : "outer ") + what;
}

void SumReader::note(const std::string& what, bool is_right) {
    if (is_right)
        ++right_[what];
    else
        wrong_.push_back(what);
}

void SumReader::read_ethernet(ByteView frame) {
    std::size_t type = 12;
    while (frame.size() >= type + 2 && is_tag(get16(frame, type)))
        type += 4;
    if (frame.size() < type + 2) return note(named("Ethernet"), false);
    if (get16(frame, type) == kEtherTypeIpv4) read_ipv4(frame.subspan(type + 2));
    if (get16(frame, type) == kEtherTypeIpv6) read_ipv6(frame.subspan(type + 2));
}

void SumReader::read_ipv4(ByteView packet) {
    if (packet.size() < 20 || packet[0] >> 4 != 4) return note(named("IPv4"), false);
    const std::size_t header = (packet[0] & 0xfU) * 4U;
    const std::size_t whole = get16(packet, 2);
    if (header < 20 || whole < header || packet.size() < whole) return note(named("IPv4"), false);
    note(named("IPv4"), internet_checksum(packet.first(header)) == 0);
    const Address address{packet.subspan(12, 4), packet.subspan(16, 4)};
    const ByteView data = packet.subspan(header, whole - header);
    const auto fragment = static_cast<std::uint16_t>(get16(packet, 6) & 0x3fff);
    if (fragment == 0) return read_transport(address, packet[9], data);
    // More-fragments where IPv6 has it, behind a place that is in bytes.
    const auto place = static_cast<std::uint16_t>((fragment & 0x1fff) << 3);
    read_piece(address, packet[9], get16(packet, 4),
               static_cast<std::uint16_t>(place | (fragment & 0x2000 ? kMoreFragments : 0)), data);
}

void SumReader::read_ipv6(ByteView packet) {
    if (packet.size() < 40 || packet[0] >> 4 != 6 || packet.size() < 40U + get16(packet, 4))
        return note(named("IPv6"), false);
    const Address address{packet.subspan(8, 16), packet.subspan(24, 16)};
    ByteView data = packet.subspan(40, get16(packet, 4));
    std::uint8_t protocol = packet[6];
    for (std::size_t i = 0; i < kMostExtensions && is_extension(protocol); ++i) {
        if (data.size() < 8 || data.size() < 8U * (data[1] + 1U)) return note(named("IPv6"), false);
        protocol = data[0];
        data = data.subspan(8U * (data[1] + 1U));
    }
    if (protocol != kProtocolIpv6Fragment) return read_transport(address, protocol, data);
    if (data.size() < 8) return note(named("IPv6"), false);
    read_piece(address, data[0], get32(data, 4), get16(data, 2), data.subspan(8));
}

void SumReader::read_piece(const Address& address, std::uint8_t protocol, std::uint32_t id,
                           std::uint16_t place_and_more, ByteView data) {
    Bytes key;
    put(key, address.source);
    put(key, address.destination);
    put8(key, protocol);
    put32(key, id);
    Pieces& pieces = pieces_[key];
    const std::size_t place = place_and_more & 0xfff8U;
    pieces.by_place[place] = {data.begin(), data.end()};
    if ((place_and_more & kMoreFragments) == 0) pieces.size = place + data.size();
    Bytes whole;
    for (const auto& [begin, bytes] : pieces.by_place) {
        if (begin != whole.size()) return;
        put(whole, bytes);
    }
    if (pieces.size == 0 || whole.size() != pieces.size) return;
    pieces_.erase(key);
    read_transport(address, protocol, whole);
}

void SumReader::read_transport(const Address& address, std::uint8_t protocol, ByteView data) {
    const std::string family = address.source.size() == 4 ? "/IPv4" : "/IPv6";
    const auto is_right = [&] {
        Bytes summed = pseudo_header(address.source, address.destination, protocol, data.size());
        put(summed, data);
        return internet_checksum(summed) == 0;
    };
    if (protocol == kProtocolGre) return read_gre(data);
    if (protocol == kProtocolTcp)
        return note(named("TCP" + family), data.size() >= 20 && is_right());
    if (protocol == kProtocolUdp)
        return note(named("UDP" + family), data.size() >= 8 && get16(data, 4) == data.size() &&
                                               get16(data, 6) != 0 && is_right());
    if (protocol == kProtocolIcmp) return note(named("ICMP"), internet_checksum(data) == 0);
    if (protocol == kProtocolIcmpv6) return note(named("ICMPv6"), is_right());
}

void SumReader::read_gre(ByteView data) {
    if (data.size() < 4) return note("GRE", false);
    const std::uint16_t flags = get16(data, 0);
    if ((flags & kGreChecksumBit) != 0) note("GRE", internet_checksum(data) == 0);
    std::size_t header = 4;
    for (const std::uint16_t field : {kGreChecksumBit, kGreKeyBit, kGreSequenceBit})
        if ((flags & field) != 0) header += 4;
    if (data.size() < header) return note("GRE", false);
    if (get16(data, 2) != kEtherTypeTransparentBridging) return;
    const bool was_inside = std::exchange(is_inside_, true);
    read_ethernet(data.subspan(header));
    is_inside_ = was_inside;
}

}  // namespace xgre::test
