// SPDX-License-Identifier: GPL-2.0-only
#include "tests/model/rows.h"

#include "loader/outer_header.h"

namespace xgre::test::model {
namespace {

IpAddr address(const Station& station, bool over_ip6) {
    return over_ip6 ? ip6_of(station) : ip4_of(station);
}

PeerOptions options(const Peer& peer) {
    const auto key = [](const std::optional<std::uint32_t>& value) {
        return value ? std::optional{GreKey{*value}} : std::nullopt;
    };
    const auto df = peer.df == DontFragment::set     ? xgre::DontFragment::set
                    : peer.df == DontFragment::unset ? xgre::DontFragment::unset
                                                     : xgre::DontFragment::inherit;
    return {.ikey = key(peer.ikey),
            .okey = key(peer.okey),
            .icsum = peer.icsum,
            .iseq = peer.iseq,
            .rp_filter = peer.rp_filter,
            .mac_limit = static_cast<std::uint32_t>(peer.mac_limit),
            .ttl = peer.ttl,
            .tos = peer.tos,
            .df = df,
            .encap_limit = peer.encap_limit,
            .flow_label = peer.flow_label};
}

}  // namespace

void put_peer(const Datapath& datapath, std::uint32_t id, const Peer& peer) {
    xgre_network network{};
    network.flags = XGRE_NETWORK_USED | (peer.nvgre ? unsigned{XGRE_NETWORK_NVGRE} : 0u);
    put_peer_row(datapath, id,
                 make_peer(peer.network, network, address(kHostA, peer.over_ip6),
                           address(peer.station, peer.over_ip6), options(peer)));
}

bool is_tunnel_packet(const Packet& packet) {
    if (packet.size() < 54) return packet.size() >= 24 && packet[23] == kProtocolGre;
    const std::uint16_t type = get16(packet.bytes(), 12);
    constexpr std::uint8_t destination_options = 60;
    return type == kEtherTypeIpv4 ? packet[23] == kProtocolGre
                                  : type == kEtherTypeIpv6 && (packet[20] == kProtocolGre ||
                                                               packet[20] == destination_options);
}

}  // namespace xgre::test::model
