// SPDX-License-Identifier: GPL-2.0-only
// Instance: peers.
#include <algorithm>

#include <fmt/format.h>

#include "loader/instance_state.h"
#include "xgre/error.h"

namespace xgre {
namespace {

void check_address(const Instance::State& state, Ip4Addr address) {
    const std::string object = "peer " + address.format();
    const auto scope = state.enter();
    if (address.is_unspecified() || address.is_multicast() || address.is_broadcast() ||
        address.is_loopback())
        throw Error{object, "not the address of one other host",
                    "name the peer's own unicast address"};
    for (const AddressInfo& own : NlSocket::open().list_addresses()) {
        if (own.address == address)
            throw Error{object, "is an address of this host", "name the other host's address"};
        const auto subnet = Subnet::around(own.address, own.prefix_length);
        if (subnet && own.prefix_length < 31 &&
            (subnet->broadcast() == address || subnet->network() == address))
            throw Error{object, fmt::format("is the broadcast or network address of {}", *subnet),
                        "name the peer's own unicast address"};
    }
}

// The next above the highest in use, then from the bottom: a stale id seldom means another peer.
std::uint32_t free_id(const Rows<xgre_peer>& peers) {
    const std::uint32_t last = peers.empty() ? 0 : peers.rbegin()->first;
    for (std::uint32_t step = 0; step < XGRE_MAX_PEERS - 1; ++step) {
        const std::uint32_t id = (last + step) % (XGRE_MAX_PEERS - 1) + 1;
        if (!peers.contains(id)) return id;
    }
    throw Error{"peers", fmt::format("all {} are in use", XGRE_MAX_PEERS - 1),
                "`xgre peer del` one that is no longer needed"};
}

}  // namespace

Change Instance::add_peer(const PeerSpec& spec) {
    const auto [network_id, network] = state_->network(spec.network);
    check_address(*state_, spec.address);
    const auto peers = state_->peers();
    std::uint32_t count = 0;
    for (const auto& [id, peer] : peers) {
        if (peer.network != network_id) continue;
        ++count;
        if (peer.remote == spec.address.network_order()) return Change::unchanged;
    }
    if (count >= XGRE_FLOOD_PEERS)
        throw Error{"network " + spec.network,
                    fmt::format("it has {} peers, the most there can be", count),
                    "`xgre peer del` one that is no longer needed"};
    const std::uint32_t id = free_id(peers);
    state_->datapath.fdb_sweep();  // what is left of who had the id before
    state_->datapath.peer_counters().reset(id);
    state_->datapath.peers().put(
        id, make_peer(network_id, network, Ip4Addr::from_network_order(state_->uplink.local),
                      spec.address));
    state_->reconcile();
    return Change::made;
}

Change Instance::delete_peer(const PeerSpec& spec) {
    const auto [network_id, network] = state_->network(spec.network);
    for (const auto& [id, peer] : state_->peers()) {
        if (peer.network != network_id || peer.remote != spec.address.network_order()) continue;
        state_->datapath.peers().put(id, xgre_peer{});
        state_->reconcile();
        return Change::made;
    }
    return Change::unchanged;
}

std::vector<PeerInfo> Instance::peers() const {
    std::vector<PeerInfo> all;
    const auto networks = state_->networks();
    for (const auto& [id, peer] : state_->peers()) {
        PeerInfo info;
        info.id = id;
        info.address = Ip4Addr::from_network_order(peer.remote);
        if (const auto network = networks.find(peer.network); network != networks.end()) {
            info.network = text_of(network->second.name);
            if ((network->second.flags & XGRE_NETWORK_KEYED) != 0)
                info.key = GreKey{Ip4Addr::from_network_order(network->second.key).host_order()};
        }
        const xgre_traffic traffic = state_->datapath.peer_counters().sum(id);
        info.traffic = {traffic.rx_packets, traffic.rx_bytes, traffic.tx_packets, traffic.tx_bytes};
        all.push_back(std::move(info));
    }
    return all;
}

}  // namespace xgre
