// SPDX-License-Identifier: GPL-2.0-only
#include "loader/capture_names.h"

#include <algorithm>

#include <fmt/format.h>

#include "loader/outer_header.h"

namespace xgre {

CaptureNames::CaptureNames(const Instance::State& state)
    : uplink_{text_of(state.uplink.name)},
      uplink_index_{state.uplink.ifindex},
      detour_{state.uplink.detour} {
    for (const auto& [id, network] : state.networks())
        networks_.emplace(id, text_of(network.name));
    for (const auto& [ifindex, port] : state.ports())
        ports_.emplace(ifindex, Member<std::string>{text_of(port.name), port.network});
    for (const auto& [id, peer] : state.peers())
        peers_.emplace(id, Member<IpAddr>{remote_of(peer), peer.network});
}

std::string CaptureNames::device(std::uint32_t ifindex) const {
    if (ifindex == uplink_index_) return uplink_;
    const auto port = ports_.find(ifindex);
    if (port != ports_.end()) return port->second.name;
    return ifindex == detour_ ? "detour" : fmt::format("device {}", ifindex);
}

std::string CaptureNames::network(std::uint32_t id) const {
    const auto found = networks_.find(id);
    return found == networks_.end() ? std::string{} : found->second;
}

std::uint32_t CaptureNames::network_of_port(std::uint32_t ifindex) const {
    const auto port = ports_.find(ifindex);
    return port == ports_.end() ? 0 : port->second.network;
}

std::optional<IpAddr> CaptureNames::peer(std::uint32_t id) const {
    const auto found = peers_.find(id);
    if (found == peers_.end()) return std::nullopt;
    return found->second.name;
}

bool CaptureNames::is_peer(const IpAddr& address) const {
    return std::ranges::any_of(peers_,
                               [&](const auto& peer) { return peer.second.name == address; });
}

bool CaptureNames::has_port(std::uint32_t network, const std::string& device) const {
    const Member<std::string> wanted{device, network};
    return std::ranges::any_of(ports_, [&](const auto& port) { return port.second == wanted; });
}

bool CaptureNames::has_peer(std::uint32_t network, const IpAddr& address) const {
    const Member<IpAddr> wanted{address, network};
    return std::ranges::any_of(peers_, [&](const auto& peer) { return peer.second == wanted; });
}

}  // namespace xgre
