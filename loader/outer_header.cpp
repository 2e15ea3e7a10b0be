// SPDX-License-Identifier: GPL-2.0-only
#include "loader/outer_header.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace xgre {
namespace {

constexpr std::uint32_t kEthernetHeader = 14;
constexpr std::uint32_t kIp4Header = 20;
constexpr std::uint32_t kIp6Header = 40;
constexpr std::uint32_t kEncapLimitHeader = 8;
constexpr std::uint32_t kGreBase = 4;
constexpr std::uint32_t kGreField = 4;
constexpr std::uint8_t kProtocolGre = 47;
constexpr std::uint8_t kNextDestinationOptions = 60;
constexpr std::uint32_t kVsidShift = 8;

// Places in the template.
constexpr std::size_t kTtl = 8;
constexpr std::size_t kHopLimit = 7;
constexpr std::size_t kEncapLimit = kIp6Header + 4;

using Template = std::array<std::uint8_t, XGRE_OUTER_MAX>;

void put16(Template& bytes, std::size_t at, std::uint16_t value) {
    bytes[at] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}

void put32(Template& bytes, std::size_t at, std::uint32_t value) {
    put16(bytes, at, static_cast<std::uint16_t>(value >> 16));
    put16(bytes, at + 2, static_cast<std::uint16_t>(value));
}

std::uint32_t get32(const Template& bytes, std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
           std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

Template template_of(const xgre_peer& peer) {
    Template bytes{};
    std::memcpy(bytes.data(), peer.outer, bytes.size());
    return bytes;
}

bool has(const xgre_peer& peer, xgre_peer_flags flag) {
    return (peer.flags & flag) != 0;
}

std::uint32_t host_order(__be32 value) {
    return Ip4Addr::from_network_order(value).host_order();
}

__be32 network_order(std::uint32_t value) {
    return Ip4Addr::from_host_order(value).network_order();
}

std::uint16_t fold(std::uint32_t sum) {
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

// Of words as they lie in memory: the sum of RFC 1071 does not care.
std::uint16_t sum_of(std::span<const std::uint8_t> header) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i + 1 < header.size(); i += 2) {
        std::uint16_t word = 0;
        std::memcpy(&word, &header[i], sizeof(word));
        sum += word;
    }
    return fold(sum);
}

std::uint32_t flags_of(const PeerOptions& options, bool is_nvgre, bool ip6) {
    std::uint32_t flags = 0;
    if (ip6) flags |= XGRE_PEER_IP6;
    if (options.ikey) flags |= XGRE_PEER_IKEYED;
    if (options.okey) flags |= XGRE_PEER_OKEYED;
    if (is_nvgre) flags |= XGRE_PEER_VSID;
    if (options.icsum) flags |= XGRE_PEER_ICSUM;
    if (options.iseq) flags |= XGRE_PEER_ISEQ;
    if (options.ocsum) flags |= XGRE_PEER_OCSUM;
    if (options.oseq) flags |= XGRE_PEER_OSEQ;
    if (options.rp_filter) flags |= XGRE_PEER_RP_FILTER;
    if (!options.ttl) flags |= XGRE_PEER_TTL_INHERIT;
    if (!options.tos) flags |= XGRE_PEER_TOS_INHERIT;
    if (!ip6 && options.df == DontFragment::unset) flags |= XGRE_PEER_DF_UNSET;
    if (!ip6 && options.df == DontFragment::inherit) flags |= XGRE_PEER_DF_INHERIT;
    if (ip6 && options.encap_limit) flags |= XGRE_PEER_ENCAP_LIMIT;
    if (ip6 && !options.flow_label) flags |= XGRE_PEER_FLOW_LABEL;
    return flags;
}

std::uint32_t write_ip4(Template& bytes, const Ip4Addr& local, const Ip4Addr& remote,
                        const PeerOptions& options) {
    bytes[0] = 0x45;  // IPv4, five words
    bytes[1] = options.tos.value_or(0);
    bytes[6] = options.df == DontFragment::unset ? 0x00 : 0x40;
    bytes[kTtl] = options.ttl.value_or(kDefaultTtl);
    bytes[9] = kProtocolGre;
    std::ranges::copy(local.bytes(), bytes.begin() + 12);
    std::ranges::copy(remote.bytes(), bytes.begin() + 16);
    return kIp4Header;
}

std::uint32_t write_ip6(Template& bytes, const Ip6Addr& local, const Ip6Addr& remote,
                        const PeerOptions& options) {
    put32(bytes, 0,
          6U << 28 | std::uint32_t{options.tos.value_or(0)} << 20 | options.flow_label.value_or(0));
    bytes[6] = options.encap_limit ? kNextDestinationOptions : kProtocolGre;
    bytes[kHopLimit] = options.ttl.value_or(kDefaultTtl);
    std::ranges::copy(local.bytes(), bytes.begin() + 8);
    std::ranges::copy(remote.bytes(), bytes.begin() + 24);
    if (!options.encap_limit) return kIp6Header;
    // Next header, length 0 of 8 bytes more; option 4 of one byte; PadN of one byte.
    const std::array<std::uint8_t, kEncapLimitHeader> header{kProtocolGre,         0, 4, 1,
                                                             *options.encap_limit, 1, 1, 0};
    std::ranges::copy(header, bytes.begin() + kIp6Header);
    return kIp6Header + kEncapLimitHeader;
}

// RFC 2890 section 2: the key is the last field but for the sequence number.
std::uint32_t sent_key_of(const xgre_peer& peer) {
    const std::uint32_t behind = kGreField * (has(peer, XGRE_PEER_OSEQ) ? 2 : 1);
    return get32(template_of(peer), peer.outer_len - behind);
}

std::uint32_t write_gre(Template& bytes, std::uint32_t at, const PeerOptions& options) {
    // RFC 2784 section 2.1 and RFC 2890 section 2: flags, and the fields in this order.
    put16(bytes, at,
          static_cast<std::uint16_t>((options.ocsum ? 0x8000 : 0) | (options.okey ? 0x2000 : 0) |
                                     (options.oseq ? 0x1000 : 0)));
    put16(bytes, at + 2, 0x6558);  // Transparent Ethernet Bridging
    at += kGreBase;
    if (options.ocsum) at += kGreField;
    if (options.okey) {
        put32(bytes, at, options.okey->value());
        at += kGreField;
    }
    return options.oseq ? at + kGreField : at;
}

}  // namespace

IpAddr remote_of(const xgre_peer& peer) {
    return from_row(peer.remote, has(peer, XGRE_PEER_IP6));
}

std::vector<IpAddr> locals_of(const xgre_uplink& uplink) {
    std::vector<IpAddr> locals;
    if (uplink.local != 0) locals.emplace_back(Ip4Addr::from_network_order(uplink.local));
    const IpAddr local6 = from_row(uplink.local6, true);
    if (!local6.v6().is_unspecified()) locals.push_back(local6);
    return locals;
}

NetworkMode mode_of(const xgre_network& network) {
    return (network.flags & XGRE_NETWORK_NVGRE) != 0 ? NetworkMode::nvgre : NetworkMode::gre;
}

WireKey wire_key_of(const xgre_network& network) {
    if ((network.flags & XGRE_NETWORK_KEYED) == 0) return {};
    return {mode_of(network) == NetworkMode::nvgre ? XGRE_KEY_VSID : XGRE_KEY_WHOLE,
            host_order(network.key)};
}

WireKey wire_key_of(const xgre_peer& peer) {
    if (!has(peer, XGRE_PEER_IKEYED)) return {};
    return {has(peer, XGRE_PEER_VSID) ? XGRE_KEY_VSID : XGRE_KEY_WHOLE, host_order(peer.ikey)};
}

bool collide(const WireKey& a, const WireKey& b) {
    if (a.kind == XGRE_KEY_NONE || b.kind == XGRE_KEY_NONE) return a.kind == b.kind;
    const bool by_vsid = a.kind == XGRE_KEY_VSID || b.kind == XGRE_KEY_VSID;
    const std::uint32_t shift = by_vsid ? kVsidShift : 0;
    return a.key >> shift == b.key >> shift;
}

std::optional<GreKey> key_of(const xgre_network& network) {
    const WireKey wire = wire_key_of(network);
    if (wire.kind == XGRE_KEY_NONE) return std::nullopt;
    return GreKey{wire.kind == XGRE_KEY_VSID ? wire.key >> kVsidShift : wire.key};
}

PeerOptions default_options(const xgre_network& network) {
    PeerOptions options;
    const WireKey wire = wire_key_of(network);
    if (wire.kind != XGRE_KEY_NONE) options.ikey = options.okey = GreKey{wire.key};
    return options;
}

PeerOptions options_of(const xgre_peer& peer, const xgre_network& network) {
    const Template bytes = template_of(peer);
    const bool ip6 = has(peer, XGRE_PEER_IP6);
    PeerOptions options = default_options(network);
    options.ikey.reset();
    options.okey.reset();
    if (has(peer, XGRE_PEER_IKEYED)) options.ikey = GreKey{host_order(peer.ikey)};
    if (has(peer, XGRE_PEER_OKEYED)) options.okey = GreKey{sent_key_of(peer)};
    options.icsum = has(peer, XGRE_PEER_ICSUM);
    options.iseq = has(peer, XGRE_PEER_ISEQ);
    options.ocsum = has(peer, XGRE_PEER_OCSUM);
    options.oseq = has(peer, XGRE_PEER_OSEQ);
    options.rp_filter = has(peer, XGRE_PEER_RP_FILTER);
    options.mac_limit = peer.mac_limit;
    options.ttl = bytes[ip6 ? kHopLimit : kTtl];
    options.tos = ip6 ? static_cast<std::uint8_t>(get32(bytes, 0) >> 20) : bytes[1];
    if (has(peer, XGRE_PEER_TTL_INHERIT)) options.ttl.reset();
    if (has(peer, XGRE_PEER_TOS_INHERIT)) options.tos.reset();
    if (has(peer, XGRE_PEER_DF_UNSET)) options.df = DontFragment::unset;
    if (has(peer, XGRE_PEER_DF_INHERIT)) options.df = DontFragment::inherit;
    if (has(peer, XGRE_PEER_ENCAP_LIMIT)) options.encap_limit = bytes[kEncapLimit];
    if (ip6 && !has(peer, XGRE_PEER_FLOW_LABEL)) options.flow_label = get32(bytes, 0) & 0xfffff;
    return options;
}

xgre_peer make_peer(std::uint32_t network_id, const xgre_network& network, const IpAddr& local,
                    const IpAddr& remote, const PeerOptions& options) {
    const bool ip6 = remote.is_v6();
    Template bytes{};
    std::uint32_t len = ip6 ? write_ip6(bytes, local.v6(), remote.v6(), options)
                            : write_ip4(bytes, local.v4(), remote.v4(), options);
    len = write_gre(bytes, len, options);

    xgre_peer peer{};
    peer.network = network_id;
    peer.flags = flags_of(options, mode_of(network) == NetworkMode::nvgre, ip6);
    peer.outer_len = static_cast<__u16>(len);
    peer.mac_limit = options.mac_limit;
    if (options.ikey) peer.ikey = network_order(options.ikey->value());
    peer.remote = to_row(remote);
    peer.local = to_row(local);
    std::memcpy(peer.outer, bytes.data(), sizeof(peer.outer));
    if (!ip6) peer.ip_sum = sum_of(std::span{bytes}.first(kIp4Header));
    return peer;
}

std::uint32_t overhead(const xgre_network& network, bool ip6) {
    const bool keyed = (network.flags & XGRE_NETWORK_KEYED) != 0;
    return (ip6 ? kIp6Header : kIp4Header) + kGreBase + (keyed ? kGreField : 0) + kEthernetHeader;
}

std::uint32_t overhead(const xgre_peer& peer) {
    return peer.outer_len + kEthernetHeader;
}

xgre_tunnel_key tunnel_key_of(const xgre_peer& peer) {
    xgre_tunnel_key key{};
    key.source = peer.remote.word[0];
    key.local = peer.local.word[0];
    key.key = peer.ikey;
    key.keyed = wire_key_of(peer).kind;
    return key;
}

xgre_tunnel6_key tunnel6_key_of(const xgre_peer& peer) {
    const xgre_tunnel_key like = tunnel_key_of(peer);
    xgre_tunnel6_key key{};
    key.source = peer.remote;
    key.key = like.key;
    key.keyed = like.keyed;
    return key;
}

xgre_outbound_key outbound_key_of(const xgre_peer& peer) {
    xgre_outbound_key key{};
    key.remote = peer.remote;
    if (!has(peer, XGRE_PEER_OKEYED)) return key;
    key.key = network_order(sent_key_of(peer));
    key.keyed = has(peer, XGRE_PEER_VSID) ? XGRE_KEY_VSID : XGRE_KEY_WHOLE;
    return key;
}

}  // namespace xgre
