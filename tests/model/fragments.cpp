// SPDX-License-Identifier: GPL-2.0-only
#include "tests/model/fragments.h"

#include <algorithm>

namespace xgre::test::model {
namespace {

constexpr std::size_t kIp = 14;  // offset
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::uint8_t kFragmentHeader = 44;
constexpr std::uint8_t kCe = 3;

Bytes part(ByteView packet, std::size_t at, std::size_t size) {
    const ByteView bytes = packet.subspan(at, size);
    return {bytes.begin(), bytes.end()};
}

std::optional<Fragment> read_ipv4(const Station& self, ByteView packet) {
    if (packet.size() < kIp + 20 || packet[kIp] >> 4 != 4 || packet[kIp + 9] != kProtocolGre ||
        !std::ranges::equal(self.ip.bytes, packet.subspan(kIp + 16, 4)))
        return {};
    const std::size_t header = std::size_t{packet[kIp] & 0x0fu} * 4;
    if (header < 20 || packet.size() < kIp + header) return {};
    if (internet_checksum(packet.subspan(kIp, header)) != 0) return {};
    return Fragment{.source = part(packet, kIp + 12, 4),
                    .id = get16(packet, kIp + 4),
                    .place = std::size_t{get16(packet, kIp + 6) & 0x1fffu} * 8,
                    .payload = kIp + header,
                    .end = kIp + get16(packet, kIp + 2),
                    .more = (packet[kIp + 6] & 0x20) != 0,
                    .ecn = static_cast<std::uint8_t>(packet[kIp + 1] & 3)};
}

// Behind the IPv6 header, or behind 8 bytes of destination options there.
std::optional<Fragment> read_ipv6(const Station& self, ByteView packet) {
    if (packet.size() < kIp + 48 || packet[kIp] >> 4 != 6 ||
        !std::ranges::equal(self.ip6.bytes, packet.subspan(kIp + 24, 16)))
        return {};
    std::size_t at = kIp + 40;
    std::uint8_t next = packet[kIp + 6];
    if (next == kDestinationOptions && packet[at + 1] == 0) {
        next = packet[at];
        at += 8;
    }
    if (next != kFragmentHeader || packet.size() < at + 8) return {};
    return Fragment{.over_ip6 = true,
                    .source = part(packet, kIp + 8, 16),
                    .id = get32(packet, at + 4),
                    .place = get16(packet, at + 2) & 0xfff8u,
                    .payload = at + 8,
                    .end = kIp + 40 + get16(packet, kIp + 4),
                    .more = (packet[at + 3] & 1) != 0,
                    .ecn = static_cast<std::uint8_t>(packet[kIp + 1] >> 4 & 3)};
}

}  // namespace

std::optional<Fragment> read_fragment(const Station& self, ByteView packet) {
    if (!std::ranges::equal(self.mac.bytes, packet.first(6))) return {};
    const std::uint16_t type = get16(packet, 12);
    if (type != kEtherTypeIpv4 && type != kEtherTypeIpv6) return {};
    auto fragment = type == kEtherTypeIpv4 ? read_ipv4(self, packet) : read_ipv6(self, packet);
    if (!fragment || (fragment->place == 0 && !fragment->more)) return {};
    if (fragment->end <= fragment->payload || fragment->end > packet.size()) return {};
    return fragment;
}

std::pair<xgre_verdict, std::optional<Held>> FragmentStore::hold(const Held& first) {
    if ((first.as.end - first.as.payload) % 8 != 0 || first.as.end - kIp > XGRE_FRAGMENT_MAX)
        return {XGRE_FRAGMENT, {}};
    const Key key = key_of(first.as);
    const auto old = held_.find(key);
    std::optional<Held> pushed_out;
    if (old != held_.end())
        pushed_out = old->second;
    else if (held_.size() == XGRE_FRAGMENTS)
        return {XGRE_FRAGMENT_STORE_FULL, {}};
    held_[key] = first;
    return {XGRE_PUNT, pushed_out};
}

std::optional<Held> FragmentStore::take(const Fragment& second) {
    const auto found = held_.find(key_of(second));
    if (found == held_.end() || found->second.as.id != second.id) return {};
    Held first = found->second;
    held_.erase(found);
    return first;
}

xgre_verdict join(Held& first, const Fragment& second, ByteView packet) {
    const std::size_t known = first.packet.size() - first.as.payload;
    if (second.place < known) return XGRE_FRAGMENT_OVERLAP;
    if (second.place > known || second.more) return XGRE_FRAGMENT;
    const bool is_ce = first.as.ecn == kCe || second.ecn == kCe;
    if (is_ce && (first.as.ecn == 0 || second.ecn == 0)) return XGRE_ECN;
    if (first.packet.size() <= second.payload) return XGRE_FRAGMENT;
    Bytes& all = first.packet;
    put(all, packet.subspan(second.payload, second.end - second.payload));
    if (first.as.over_ip6) {
        if (is_ce) all[kIp + 1] |= 0x30;
        set16(all, kIp + 4, static_cast<std::uint16_t>(all.size() - kIp - 40));
        set16(all, first.as.payload - 6, 0);  // all of it: RFC 6946
        return XGRE_GO;
    }
    if (is_ce) all[kIp + 1] |= kCe;
    set16(all, kIp + 2, static_cast<std::uint16_t>(all.size() - kIp));
    set16(all, kIp + 6, 0);
    set16(all, kIp + 10, 0);
    set16(all, kIp + 10, internet_checksum(ByteView{all}.subspan(kIp, first.as.payload - kIp)));
    return XGRE_GO;
}

}  // namespace xgre::test::model
