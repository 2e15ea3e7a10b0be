// SPDX-License-Identifier: GPL-2.0-only
#include "loader/tunnel_packet.h"

#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "loader/frame_words.h"
#include "loader/internet_sum.h"
#include "loader/packet_words.h"

namespace xgre {
namespace {

using Bytes = std::vector<std::uint8_t>;
using View = std::span<const std::uint8_t>;

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kIp4 = 20;
constexpr std::size_t kIp6 = 40;
constexpr std::uint16_t kDontFragment = 0x4000;
constexpr unsigned kEcn = 3;  // the lower two bits of TOS or traffic class: RFC 3168
constexpr unsigned kVsidShift = 8;

// ---- Writing --------------------------------------------------------------------------------

void put16(Bytes& bytes, unsigned value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

void put32(Bytes& bytes, std::uint32_t value) {
    put16(bytes, value >> 16);
    put16(bytes, value & 0xffff);
}

void put(Bytes& bytes, View more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

void put(Bytes& bytes, const IpAddr& address) {
    if (address.is_v6()) {
        const Ip6Addr six = address.v6();
        put(bytes, View{six.bytes()});
    } else {
        const Ip4Addr four = address.v4();
        put(bytes, View{four.bytes()});
    }
}

void write16(Bytes& bytes, std::size_t at, unsigned value) {
    bytes[at] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

std::uint32_t wire_key(const GreKey& key, NetworkMode mode) {
    return mode == NetworkMode::nvgre ? key.value() << kVsidShift : key.value();
}

Bytes gre_of_peer(const PeerOptions& options, NetworkMode mode, std::uint32_t number, View inner) {
    Bytes gre;
    put16(gre, (options.icsum ? kGreChecksum : 0) | (options.ikey ? kGreKey : 0) |
                   (options.iseq ? kGreSequence : 0));
    put16(gre, ETH_P_TEB);
    if (options.icsum) put32(gre, 0);
    if (options.ikey) put32(gre, wire_key(*options.ikey, mode));
    if (options.iseq) put32(gre, number);
    put(gre, inner);
    if (options.icsum) {
        InternetSum sum;
        sum.add(View{gre});
        write16(gre, 4, sum.value());
    }
    return gre;
}

void put_ip4(Bytes& bytes, const TunnelEnds& ends, std::size_t payload) {
    const std::size_t start = bytes.size();
    put16(bytes, 0x4500);
    put16(bytes, static_cast<unsigned>(kIp4 + payload));
    put16(bytes, 0);
    put16(bytes, kDontFragment);
    put16(bytes, 64U << 8 | IPPROTO_GRE);
    put16(bytes, 0);
    put(bytes, ends.from);
    put(bytes, ends.to);
    InternetSum sum;
    sum.add(View{bytes}.subspan(start));
    write16(bytes, start + 10, sum.value());
}

void put_ip6(Bytes& bytes, const TunnelEnds& ends, std::size_t payload) {
    put32(bytes, 0x60000000);
    put16(bytes, static_cast<unsigned>(payload));
    put16(bytes, unsigned{IPPROTO_GRE} << 8 | 64);
    put(bytes, ends.from);
    put(bytes, ends.to);
}

// ---- Looking at -----------------------------------------------------------------------------

// The inner packet's own fields, for what is inherited.
struct Inside {
    bool is_ip = false;
    std::uint8_t tos = 0;
    std::uint8_t ttl = 0;
    bool df = false;
};

Inside inside_of(View frame) {
    const auto head = ethernet_of(frame);
    if (!head) return {};
    const std::size_t at = head->size;
    if (head->type == ETH_P_IP && frame.size() >= at + kIp4)
        return {.is_ip = true,
                .tos = frame[at + 1],
                .ttl = frame[at + 8],
                .df = (word_at(frame, at + 6) & kDontFragment) != 0};
    if (head->type == ETH_P_IPV6 && frame.size() >= at + kIp6)
        return {.is_ip = true,
                .tos = static_cast<std::uint8_t>(word_at(frame, at) >> 4),
                .ttl = frame[at + 7],
                .df = true};
    return {};
}

class Reader {
public:
    Reader(const TunnelEnds& ends, const PeerOptions& options, View packet, View inner)
        : ends_{ends}, options_{options}, packet_{packet}, inner_{inner} {}

    std::optional<std::string> fault() {
        inside_ = inside_of(inner_);
        const auto ip = ends_.to.is_v6() ? fault_of_ip6() : fault_of_ip4();
        return ip ? ip : fault_of_gre();
    }

private:
    using Fault = std::optional<std::string>;

    static Fault differs(const char* what, unsigned is, unsigned wanted) {
        if (is == wanted) return std::nullopt;
        return fmt::format("{} is {}, and should be {}", what, is, wanted);
    }

    Fault fault_of_addresses(std::size_t at) {
        Bytes wanted;
        put(wanted, ends_.from);
        put(wanted, ends_.to);
        if (!std::ranges::equal(packet_.subspan(at, wanted.size()), wanted))
            return fmt::format("outer addresses are not {} and {}", ends_.from, ends_.to);
        return std::nullopt;
    }

    Fault fault_of_tos(unsigned tos) const {
        const unsigned wanted = options_.tos ? *options_.tos & ~kEcn : inside_.tos & ~kEcn;
        return differs("TOS or traffic class", tos, wanted | (inside_.tos & kEcn));
    }

    // What is not IP has none to inherit.
    Fault fault_of_ttl(unsigned ttl) const {
        if (!options_.ttl && !inside_.is_ip) return std::nullopt;
        return differs("TTL or hop limit", ttl, options_.ttl.value_or(inside_.ttl));
    }

    Fault fault_of_df(bool df) const {
        if (options_.df == DontFragment::inherit && !inside_.is_ip) return std::nullopt;
        const bool wanted =
            options_.df == DontFragment::inherit ? inside_.df : options_.df == DontFragment::set;
        if (df == wanted) return std::nullopt;
        return std::string{"\"don't fragment\" is "} + (df ? "set" : "not set");
    }

    Fault fault_of_ip4() {
        const View ip = packet_.subspan(std::min(kEthernet, packet_.size()));
        if (ip.size() < kIp4 || word_at(packet_, 12) != ETH_P_IP || ip[0] != 0x45)
            return "it does not begin as an IPv4 packet";
        InternetSum sum;
        sum.add(ip.first(kIp4));
        if (sum.value() != 0) return "the IPv4 checksum is wrong";
        if (word_at(ip, 2) != ip.size())
            return differs("IPv4's total length", word_at(ip, 2), static_cast<unsigned>(ip.size()));
        if (ip[9] != IPPROTO_GRE) return differs("the IP protocol", ip[9], IPPROTO_GRE);
        gre_ = kEthernet + kIp4;
        for (const Fault& fault : {fault_of_tos(ip[1]), fault_of_ttl(ip[8]),
                                   fault_of_df((word_at(ip, 6) & kDontFragment) != 0),
                                   fault_of_addresses(kEthernet + 12)})
            if (fault) return fault;
        return std::nullopt;
    }

    Fault fault_of_ip6() {
        const View ip = packet_.subspan(std::min(kEthernet, packet_.size()));
        if (ip.size() < kIp6 || word_at(packet_, 12) != ETH_P_IPV6 || ip[0] >> 4 != 6)
            return "it does not begin as an IPv6 packet";
        if (word_at(ip, 4) != ip.size() - kIp6)
            return differs("IPv6's payload length", word_at(ip, 4),
                           static_cast<unsigned>(ip.size() - kIp6));
        const std::uint32_t label = long_at(ip, 0) & 0xfffff;
        if (options_.flow_label && label != *options_.flow_label)
            return differs("the flow label", label, *options_.flow_label);
        gre_ = kEthernet + kIp6;
        unsigned next = ip[6];
        if (options_.encap_limit) {  // a destination option of eight bytes
            if (next != IPPROTO_DSTOPTS || ip.size() < kIp6 + 8 || ip[kIp6 + 2] != 4 ||
                ip[kIp6 + 4] != *options_.encap_limit)
                return "there is no encapsulation limit as it was asked for";
            next = ip[kIp6];
            gre_ += 8;
        }
        if (next != IPPROTO_GRE) return differs("the next header", next, IPPROTO_GRE);
        for (const Fault& fault : {fault_of_tos(word_at(ip, 0) >> 4 & 0xff), fault_of_ttl(ip[7]),
                                   fault_of_addresses(kEthernet + 8)})
            if (fault) return fault;
        return std::nullopt;
    }

    Fault fault_of_key(std::size_t at, const GreKey& should) const {
        std::uint32_t key = long_at(packet_, at);
        const std::uint32_t wanted = wire_key(should, ends_.mode);
        if (ends_.mode == NetworkMode::nvgre) key &= ~0xffU;  // the FlowID may be anything
        if (key != wanted) return differs("the GRE key", key, wanted);
        return std::nullopt;
    }

    Fault fault_of_gre() const {
        const unsigned flags = (options_.ocsum ? kGreChecksum : 0) | (options_.okey ? kGreKey : 0) |
                               (options_.oseq ? kGreSequence : 0);
        if (word_at(packet_, gre_) != flags)
            return fmt::format("the GRE header begins with {:04x}, and should with {:04x}",
                               word_at(packet_, gre_), flags);
        if (word_at(packet_, gre_ + 2) != ETH_P_TEB) return "GRE's protocol is not 6558";
        std::size_t at = gre_ + 4;
        if (options_.ocsum) {
            InternetSum sum;
            sum.add(packet_.subspan(gre_));
            if (sum.value() != 0) return "the GRE checksum is wrong";
            at += 4;
        }
        if (options_.okey) {
            if (const Fault fault = fault_of_key(at, *options_.okey)) return fault;
            at += 4;
        }
        if (options_.oseq) at += 4;
        if (packet_.size() < at || !std::ranges::equal(packet_.subspan(at), inner_))
            return "what is inside is not the frame";
        return std::nullopt;
    }

    const TunnelEnds& ends_;
    const PeerOptions& options_;
    View packet_;
    View inner_;
    Inside inside_;
    std::size_t gre_ = 0;  // where GRE begins
};

}  // namespace

std::vector<std::uint8_t> packet_of_peer(const TunnelEnds& ends, const PeerOptions& options,
                                         std::uint32_t number, const Mac& to_mac,
                                         std::span<const std::uint8_t> inner) {
    constexpr Mac kRouter{{0x02, 0, 0, 0, 0, 0x01}};
    const Bytes gre = gre_of_peer(options, ends.mode, number, inner);
    Bytes packet;
    put(packet, View{to_mac.bytes()});
    put(packet, View{kRouter.bytes()});
    put16(packet, ends.to.is_v6() ? ETH_P_IPV6 : ETH_P_IP);
    ends.to.is_v6() ? put_ip6(packet, ends, gre.size()) : put_ip4(packet, ends, gre.size());
    put(packet, View{gre});
    return packet;
}

std::optional<std::string> fault_of_packet(const TunnelEnds& ends, const PeerOptions& options,
                                           std::span<const std::uint8_t> packet,
                                           std::span<const std::uint8_t> inner) {
    return Reader{ends, options, packet, inner}.fault();
}

}  // namespace xgre
