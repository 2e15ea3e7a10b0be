// SPDX-License-Identifier: GPL-2.0-only
#include "tests/model/outer.h"

#include <algorithm>

namespace xgre::test::model {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::uint8_t kEcn = 3;
constexpr std::uint8_t kCe = 3;

enum NextHeader : std::uint8_t {
    hop_by_hop = 0,
    routing = 43,
    fragment = 44,
    esp = 50,
    authentication = 51,
    destination = 60,
    mobility = 135,
    hip = 139,
    shim6 = 140,
};

// ---- The IP packet inside, behind its tags -------------------------------------------

struct InnerIp {
    std::size_t at = 0;     // of its first byte; 0: the frame does not say that there is one
    bool is_whole = false;  // as long as an IPv4 header
    bool is_v6 = false;
    std::uint8_t ds = 0;
    std::optional<std::uint8_t> ttl = {};
    bool df = true;
};

InnerIp inner_ip(ByteView frame) {
    std::size_t type = 12;
    for (int tags = 0; tags < 5 && frame.size() >= type + 6; ++tags, type += 4)
        if (const auto tag = get16(frame, type);
            tag != kEtherTypeVlan && tag != kEtherTypeServiceVlan)
            break;
    InnerIp ip;
    const std::uint16_t protocol = get16(frame, type);
    if ((protocol != kEtherTypeIpv4 && protocol != kEtherTypeIpv6) || frame.size() < type + 4)
        return ip;
    ip.at = type + 2;
    ip.is_whole = frame.size() >= ip.at + 20;
    if (frame[ip.at] >> 4 != (protocol == kEtherTypeIpv4 ? 4 : 6)) return ip;
    ip.is_v6 = protocol == kEtherTypeIpv6;
    ip.ds = ip.is_v6 ? static_cast<std::uint8_t>(get16(frame, ip.at) >> 4) : frame[ip.at + 1];
    if (!ip.is_whole) return ip;
    ip.ttl = ip.is_v6 ? frame[ip.at + 7] : frame[ip.at + 8];
    if (!ip.is_v6) ip.df = (frame[ip.at + 6] & 0x40) != 0;
    return ip;
}

// ---- Taking apart
// ---------------------------------------------------------------------------------

class Taker {
public:
    Taker(const Station& self, ByteView packet, Incoming& out)
        : self_{self}, packet_{packet}, out_{out} {}

    xgre_verdict take() {
        const std::uint16_t type = get16(packet_, 12);
        const bool is_for_us =
            std::equal(self_.mac.bytes.begin(), self_.mac.bytes.end(), packet_.begin());
        if (!is_for_us) return XGRE_PASS;
        if (type == kEtherTypeIpv4) return take_ipv4();
        return type == kEtherTypeIpv6 ? take_ipv6() : XGRE_PASS;
    }

private:
    static constexpr std::size_t kIp = kEthernet;

    bool has(std::size_t at, const auto& address) const {
        return std::ranges::equal(address.bytes, packet_.subspan(at, address.bytes.size()));
    }
    Bytes bytes(std::size_t at, std::size_t size) const {
        const ByteView part = packet_.subspan(at, size);
        return {part.begin(), part.end()};
    }

    xgre_verdict take_ipv4() {
        if (packet_.size() < kIp + 20) return XGRE_TRUNCATED;
        if (packet_[kIp] >> 4 != 4 || packet_[kIp + 9] != kProtocolGre || !has(kIp + 16, self_.ip))
            return XGRE_PASS;
        const std::uint16_t fragmentation = get16(packet_, kIp + 6);
        if ((fragmentation & 0x1fff) != 0) return XGRE_PASS;
        const std::size_t header = std::size_t{packet_[kIp] & 0x0fu} * 4;
        if (header < 20) return XGRE_IP_HEADER;
        const std::size_t gre = kIp + header;
        if (packet_.size() < gre + 4) return XGRE_TRUNCATED;
        if (get16(packet_, gre + 2) != kEtherTypeTransparentBridging) return XGRE_PASS;
        const std::size_t total = get16(packet_, kIp + 2);
        if (total < header + 4) return XGRE_IP_HEADER;
        if (packet_.size() < kIp + total) return XGRE_TRUNCATED;
        if (internet_checksum(packet_.subspan(kIp, header)) != 0) return XGRE_IP_CHECKSUM;
        out_.is_fragment = (fragmentation & 0x2000) != 0;
        out_.source = bytes(kIp + 12, 4);
        out_.ecn = packet_[kIp + 1] & kEcn;
        return take_gre(gre, kIp + total);
    }

    xgre_verdict take_ipv6() {
        if (packet_.size() < kIp + 40) return XGRE_TRUNCATED;
        if (packet_[kIp] >> 4 != 6 || !has(kIp + 24, self_.ip6)) return XGRE_PASS;
        std::uint8_t next = packet_[kIp + 6];
        std::size_t at = kIp + 40;
        bool is_foreign = false;
        if (const auto verdict = walk_extensions(next, at, is_foreign); verdict) return verdict;
        if (next != kProtocolGre) return XGRE_PASS;
        if (packet_.size() < at + 4) return XGRE_TRUNCATED;
        if (get16(packet_, at + 2) != kEtherTypeTransparentBridging) return XGRE_PASS;
        if (is_foreign) return XGRE_IP_EXTENSION;
        const std::size_t end = kIp + 40 + get16(packet_, kIp + 4);
        if (end < at + 4) return XGRE_IP_HEADER;
        if (packet_.size() < end) return XGRE_TRUNCATED;
        out_.over_ip6 = true;
        out_.source = bytes(kIp + 8, 16);
        out_.ecn = static_cast<std::uint8_t>(packet_[kIp + 1] >> 4 & kEcn);
        return take_gre(at, end);
    }

    // Up to four, of 64 bytes together: what is behind more is not ours to read.
    xgre_verdict walk_extensions(std::uint8_t& next, std::size_t& at, bool& is_foreign) {
        const std::size_t begin = at;
        for (int i = 0;; ++i) {
            const bool is_taken =
                next == hop_by_hop || next == routing || next == fragment || next == destination;
            const bool is_known =
                next == authentication || next == mobility || next == hip || next == shim6;
            if (!is_taken && !is_known) return XGRE_GO;
            if (i == 4) return XGRE_PASS;
            if (packet_.size() < at + 8) return XGRE_TRUNCATED;
            std::size_t size = 8 + std::size_t{packet_[at + 1]} * 8;
            if (next == fragment) {
                if ((get16(packet_, at + 2) & 0xfff8) != 0) return XGRE_PASS;
                out_.is_fragment |= (packet_[at + 3] & 1) != 0;
                size = 8;
            }
            if (next == routing && packet_[at + 3] != 0) return XGRE_PASS;
            if (next == authentication) size = 8 + std::size_t{packet_[at + 1]} * 4;
            is_foreign |= is_known;
            next = packet_[at];
            at += size;
            if (at - begin > 64) return XGRE_PASS;
            if (packet_.size() < at) return XGRE_TRUNCATED;
        }
    }

    xgre_verdict take_gre(std::size_t gre, std::size_t end) {
        const std::uint16_t flags = get16(packet_, gre);
        if ((flags & 0x4c00) != 0) return XGRE_GRE_FLAGS;
        if ((flags & 0x0007) != 0) return XGRE_GRE_VERSION;
        out_.has_sum = (flags & 0x8000) != 0;
        const bool has_key = (flags & 0x2000) != 0, has_sequence = (flags & 0x1000) != 0;
        const std::size_t key = gre + 4 + (out_.has_sum ? 4 : 0);
        const std::size_t sequence = key + (has_key ? 4 : 0);
        const std::size_t inner = sequence + (has_sequence ? 4 : 0);
        if (end < inner) return XGRE_TRUNCATED;
        out_.inner = packet_.subspan(inner, end - inner);
        if (out_.inner.size() < kEthernet) return XGRE_INNER_SHORT;
        if (has_key) out_.key = get32(packet_, key);
        if (has_sequence) out_.sequence = get32(packet_, sequence);
        if (out_.has_sum)
            out_.sum_is_right = internet_checksum(packet_.subspan(gre, end - gre)) == 0;
        return XGRE_GO;
    }

    const Station& self_;
    ByteView packet_;
    Incoming& out_;
};

}  // namespace

xgre_verdict take_apart(const Station& self, ByteView packet, Incoming& out) {
    return Taker{self, packet, out}.take();
}

bool is_from(const Peer& peer, const Incoming& packet) {
    const bool is_its_address = peer.over_ip6
                                    ? std::ranges::equal(peer.station.ip6.bytes, packet.source)
                                    : std::ranges::equal(peer.station.ip.bytes, packet.source);
    if (!is_its_address) return false;
    if (!peer.nvgre) return peer.ikey == packet.key;
    // RFC 7637 section 3.2: neither checksum nor sequence number; 24 bits of VSID.
    return packet.key && !packet.has_sum && !packet.sequence &&
           *packet.key >> 8 == peer.ikey.value() >> 8;
}

xgre_verdict take_ecn(std::uint8_t outer_ecn, Bytes& frame) {
    const InnerIp ip = inner_ip(frame);
    if (!ip.is_whole) return XGRE_GO;
    const std::uint8_t ecn = ip.ds & kEcn;
    std::uint8_t now = ecn;
    if (outer_ecn == kCe) {
        if (ecn == 0) return XGRE_ECN;
        now = kCe;
    } else if (outer_ecn == 1 && ecn == 2) {
        now = 1;
    }
    if (now == ecn) return XGRE_GO;
    if (ip.is_v6) {
        frame[ip.at + 1] = static_cast<std::uint8_t>((frame[ip.at + 1] & 0xcf) | now << 4);
        return XGRE_GO;
    }
    // A checksum that was wrong stays wrong by as much: RFC 1624 section 3.
    const std::uint16_t before = get16(frame, ip.at);
    frame[ip.at + 1] = static_cast<std::uint8_t>((ip.ds & ~kEcn) | now);
    std::uint32_t sum = static_cast<std::uint16_t>(~get16(frame, ip.at + 10));
    sum += static_cast<std::uint16_t>(~before);
    sum += get16(frame, ip.at);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    set16(frame, ip.at + 10, static_cast<std::uint16_t>(~sum));
    return XGRE_GO;
}

std::size_t outer_size(const Peer& peer) {
    const std::size_t ip = peer.over_ip6 ? (peer.encap_limit ? 48 : 40) : 20;
    return ip + (peer.okey ? 8 : 4);
}

Outgoing encapsulate(const Station& self, const Peer& peer, ByteView frame) {
    const InnerIp inner = inner_ip(frame);
    const std::uint8_t tos = static_cast<std::uint8_t>((peer.tos.value_or(inner.ds) & ~kEcn) |
                                                       (inner.ds & kEcn));  // RFC 6040 section 4.1
    std::uint8_t ttl = peer.ttl.value_or(inner.ttl.value_or(0));
    if (ttl == 0) ttl = 64;
    const std::size_t last_of_key = kEthernet + outer_size(peer) - 1;
    Outgoing out;
    const Packet rest = gre({.key = peer.okey}) / Packet::from_bytes(frame);
    if (peer.nvgre) out.free.push_back({.offset = last_of_key});
    if (peer.over_ip6) {
        const Packet ip = ipv6(
            self, peer.station,
            {.hop_limit = ttl, .traffic_class = tos, .flow_label = peer.flow_label.value_or(0)});
        if (!peer.flow_label)
            for (const Free& part :
                 {Free{kEthernet + 1, 0x0f}, Free{kEthernet + 2, 0xff}, Free{kEthernet + 3, 0xff}})
                out.free.push_back(part);
        const Packet front = eth(self, peer.station) / ip;
        out.packet = peer.encap_limit
                         ? front / ipv6_encap_limit({.limit = *peer.encap_limit}) / rest
                         : front / rest;
        return out;
    }
    const bool df = peer.df == DontFragment::inherit ? inner.df : peer.df == DontFragment::set;
    out.packet = eth(self, peer.station) /
                 ipv4(self, peer.station, {.ttl = ttl, .tos = tos, .df = df}) / rest;
    // RFC 6864 section 4: what may be cut has an identification, and the checksum follows.
    if (!df)
        for (const std::size_t offset :
             {kEthernet + 4, kEthernet + 5, kEthernet + 10, kEthernet + 11})
            out.free.push_back({.offset = offset, .of_flow = false});
    return out;
}

namespace {

constexpr std::size_t kMostTags = 4;
constexpr std::size_t kTcpHeader = 20;

// The TCP header of a SYN that is whole, in a packet that ends at `end`.
struct Syn {
    std::size_t ip;
    std::size_t tcp;
    std::size_t end;
    std::size_t ip_header;  // without options
};

std::optional<Syn> find_syn(ByteView frame) {
    const auto is_tag = [](unsigned type) {
        return type == kEtherTypeVlan || type == kEtherTypeServiceVlan;
    };
    std::size_t type = 12;
    std::size_t tags = 0;
    for (; type + 2 <= frame.size() && is_tag(get16(frame, type)); type += 4)
        ++tags;
    const std::size_t ip = type + 2;
    if (tags > kMostTags || frame.size() < ip + 20) return {};
    Syn syn{.ip = ip, .tcp = ip + 40, .end = 0, .ip_header = 40};
    if (get16(frame, type) == kEtherTypeIpv4) {
        const std::size_t words = frame[ip] & 0xfU;
        if (frame[ip] >> 4 != 4 || words < 5 || frame[ip + 9] != kProtocolTcp ||
            (get16(frame, ip + 6) & 0x3fff) != 0)
            return {};
        syn = {.ip = ip, .tcp = ip + 4 * words, .end = ip + get16(frame, ip + 2), .ip_header = 20};
    } else if (get16(frame, type) == kEtherTypeIpv6 && frame.size() >= ip + 40) {
        if (frame[ip] >> 4 != 6 || frame[ip + 6] != kProtocolTcp) return {};
        syn.end = syn.tcp + get16(frame, ip + 4);
    } else {
        return {};
    }
    if (frame.size() < syn.tcp + 14 || (frame[syn.tcp + 13] & kSyn) == 0) return {};
    return syn;
}

// Where the two bytes of the MSS are.
std::optional<std::size_t> find_mss(ByteView frame, const Syn& syn) {
    const std::size_t end = syn.tcp + 4 * (frame[syn.tcp + 12] >> 4U);
    if (syn.tcp + kTcpHeader > syn.end || end > syn.end) return {};
    for (std::size_t at = syn.tcp + kTcpHeader; at + 2 <= std::min(end, frame.size());) {
        const std::size_t len = frame[at + 1];
        if (frame[at] == 0) return {};
        if (frame[at] == 1) {
            ++at;
            continue;
        }
        if (len < 2 || at + len > end) return {};
        if (frame[at] == 2) {
            if (len == 4 && at + 4 <= frame.size()) return at + 2;
            return {};
        }
        at += len;
    }
    return {};
}

}  // namespace

Bytes with_mss(ByteView frame, std::size_t room) {
    Bytes bytes{frame.begin(), frame.end()};
    const std::optional<Syn> syn = find_syn(frame);
    const std::optional<std::size_t> at = syn ? find_mss(frame, *syn) : std::nullopt;
    if (!at || room <= syn->ip + syn->ip_header + kTcpHeader) return bytes;
    const std::size_t fits = room - syn->ip - syn->ip_header - kTcpHeader;
    if (get16(frame, *at) <= fits) return bytes;
    set16(bytes, *at, static_cast<std::uint16_t>(fits));
    // RFC 1624: a sum that was wrong stays so. Words begin where TCP does.
    const bool is_odd = (*at - syn->tcp) % 2 != 0;
    const auto word = [is_odd](unsigned value) {
        return is_odd ? (value >> 8 | value << 8) & 0xffffU : value;
    };
    unsigned sum = (~unsigned{get16(frame, syn->tcp + 16)} & 0xffffU) +
                   (~word(get16(frame, *at)) & 0xffffU) + word(static_cast<unsigned>(fits));
    sum = (sum & 0xffffU) + (sum >> 16);
    sum = (sum & 0xffffU) + (sum >> 16);
    set16(bytes, syn->tcp + 16, static_cast<std::uint16_t>(~sum));
    return bytes;
}

}  // namespace xgre::test::model
