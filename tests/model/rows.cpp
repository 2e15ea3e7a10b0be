// SPDX-License-Identifier: GPL-2.0-only
#include "tests/model/rows.h"

#include <bit>
#include <cstring>

#include <fmt/format.h>

#include "loader/outer_header.h"

namespace xgre::test::model {
namespace {

IpAddr address(const Station& station, bool over_ip6) {
    if (!over_ip6) return Ip4Addr::from_network_order(number(station.ip));
    return Ip6Addr{std::bit_cast<Ip6Addr::Bytes>(station.ip6.bytes)};
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
    const xgre_peer row = make_peer(peer.network, network, address(kHostA, peer.over_ip6),
                                    address(peer.station, peer.over_ip6), options(peer));
    datapath.peers().put(id, row);
    const xgre_tunnel tunnel{.network = peer.network, .peer = id};
    if (peer.over_ip6)
        datapath.tunnels6().put(tunnel6_key_of(row), tunnel);
    else
        datapath.tunnels().put(tunnel_key_of(row), tunnel);
}

bool is_tunnel_packet(const Packet& packet) {
    if (packet.size() < 54) return packet.size() >= 24 && packet[23] == kProtocolGre;
    const std::uint16_t type = get16(packet.bytes(), 12);
    constexpr std::uint8_t destination_options = 60;
    return type == kEtherTypeIpv4 ? packet[23] == kProtocolGre
                                  : type == kEtherTypeIpv6 && (packet[20] == kProtocolGre ||
                                                               packet[20] == destination_options);
}

void speak_ipv6(const Host& host) {
    for (const char* setting : {"uplink/disable_ipv6", "lo/disable_ipv6"})
        Host::sysctl(std::string{"net/ipv6/conf/"} + setting, "0");
    Host::sysctl("net/ipv6/conf/lo/forwarding", "1");
    host.change_uplink([](xgre_uplink& self) {
        std::memcpy(&self.local6, kHostA.ip6.bytes.data(), sizeof(self.local6));
    });
    std::string lines = "address add 2001:db8:1::1/64 dev uplink nodad\n";
    for (const Station& station : {kHostB, kHostC, kGateway})
        lines += fmt::format("neigh add 2001:db8:1::{:x} lladdr {:02x} dev uplink nud permanent\n",
                             station.ip6.bytes.back(), fmt::join(station.mac.bytes, ":"));
    Host::ip(lines);
}

}  // namespace xgre::test::model
