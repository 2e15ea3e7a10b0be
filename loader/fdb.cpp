// SPDX-License-Identifier: GPL-2.0-only
// Instance: the forwarding database.
#include <algorithm>

#include <fmt/format.h>

#include "loader/clock.h"
#include "loader/instance_state.h"
#include "loader/outer_header.h"
#include "loader/spec_checks.h"
#include "xgre/error.h"

namespace xgre {
namespace {

xgre_fdb_key make_key(const Instance::State& state, const FdbSpec& spec) {
    check_mac(spec.mac);
    xgre_fdb_key key{};
    key.network = state.network(spec.network).first;
    key.vlan = spec.vlan.id();
    std::copy(spec.mac.bytes().begin(), spec.mac.bytes().end(), key.mac);
    return key;
}

// In `network`, or in any when it is nullopt.
xgre_owner owner_of(const Instance::State& state, const std::string& device,
                    const std::optional<std::uint32_t>& network = {}) {
    const auto port = state.port(device);
    if (!port)
        throw Error{"port " + device, "there is none of this name", "`xgre port show` lists them"};
    if (network && port->second.network != *network)
        throw Error{"port " + device, "is not in this network",
                    "`xgre port show` tells where it is"};
    return owner_of_port(port->first, port->second.slot);
}

// In `network`, or in any when it is nullopt and only one has this peer.
xgre_owner owner_of(const Instance::State& state, const IpAddr& address,
                    const std::optional<std::uint32_t>& network) {
    std::optional<std::uint32_t> found;
    for (const auto& [id, peer] : state.peers()) {
        if (remote_of(peer) != address) continue;
        if (network && peer.network != *network) continue;
        if (found)
            throw Error{"peer " + address.format(), "is in several networks",
                        "name the --network too"};
        found = id;
    }
    if (!found)
        throw Error{"peer " + address.format(),
                    network ? "is not in this network" : "there is none of this address",
                    "`xgre peer show` lists them"};
    return owner_of_peer(*found);
}

struct Filter {
    std::optional<std::uint32_t> network;
    std::optional<xgre_owner> owner;
};

Filter resolve(const Instance::State& state, const FdbFilter& filter) {
    Filter resolved;
    if (filter.network) resolved.network = state.network(*filter.network).first;
    if (filter.port && filter.peer)
        throw Error{"fdb", "no entry is behind a port and a peer", "name one of them"};
    if (filter.port) resolved.owner = owner_of(state, *filter.port);
    if (filter.peer) resolved.owner = owner_of(state, *filter.peer, resolved.network);
    return resolved;
}

bool same_owner(xgre_owner a, xgre_owner b) {
    return ((a ^ b) & (XGRE_OWNER_KIND_MASK | 0xffffffffULL)) == 0;
}

}  // namespace

void check_mac(const Mac& mac) {
    if (mac.is_group() || mac.is_zero())
        throw Error{"MAC " + mac.format(), "not the address of one device", "name a unicast MAC"};
}

Change Instance::add_fdb(const FdbSpec& spec) {
    if (spec.port.has_value() == spec.peer.has_value())
        throw Error{"MAC " + spec.mac.format(), "is behind a port or behind a peer",
                    "name one of --port and --peer"};
    const xgre_fdb_key key = make_key(*state_, spec);
    const xgre_owner owner = (spec.port ? owner_of(*state_, *spec.port, key.network)
                                        : owner_of(*state_, *spec.peer, key.network)) |
                             XGRE_OWNER_STATIC;
    const auto now = state_->datapath.fdb().find(key);
    if (now && now->owner == owner) return Change::unchanged;
    state_->datapath.fdb_put(key, owner);
    return Change::made;
}

Change Instance::delete_fdb(const FdbSpec& spec) {
    const xgre_fdb_key key = make_key(*state_, spec);
    return state_->datapath.fdb_delete(key) ? Change::made : Change::unchanged;
}

std::uint32_t Instance::flush_fdb(const FdbFilter& filter) {
    const Filter resolved = resolve(*state_, filter);
    xgre_fdb_flush_args want{};
    want.match = XGRE_MATCH_LEARNED;
    if (resolved.network) {
        want.match |= XGRE_MATCH_NETWORK;
        want.network = *resolved.network;
    }
    if (filter.vlan) {
        want.match |= XGRE_MATCH_VLAN;
        want.vlan = filter.vlan->id();
    }
    if (resolved.owner) {
        want.match |= XGRE_MATCH_OWNER;
        want.owner = *resolved.owner;
    }
    return state_->datapath.fdb_flush(want);
}

void Instance::fdb(const FdbFilter& filter,
                   const std::function<void(const FdbInfo&)>& visit) const {
    const Filter resolved = resolve(*state_, filter);
    const auto networks = state_->networks();
    const auto ports = state_->ports();
    const auto peers = state_->peers();
    const std::uint64_t now = monotonic_ns();
    state_->datapath.fdb().for_each([&](const xgre_fdb_key& key, const xgre_fdb_entry& entry) {
        const xgre_owner kind = entry.owner & XGRE_OWNER_KIND_MASK;
        if (kind == XGRE_OWNER_DEAD) return;
        if (resolved.network && key.network != *resolved.network) return;
        if (filter.vlan && key.vlan != filter.vlan->id()) return;
        if (resolved.owner && !same_owner(*resolved.owner, entry.owner)) return;
        Mac::Bytes bytes{};
        std::copy(std::begin(key.mac), std::end(key.mac), bytes.begin());
        if (filter.mac && *filter.mac != Mac{bytes}) return;

        FdbInfo info;
        const auto network = networks.find(key.network);
        if (network != networks.end()) info.network = text_of(network->second.name);
        info.vlan = key.vlan;
        info.mac = Mac{bytes};
        info.is_static = (entry.owner & XGRE_OWNER_STATIC) != 0;
        const auto id = static_cast<std::uint32_t>(entry.owner);
        if (kind == XGRE_OWNER_PORT && ports.contains(id)) info.port = text_of(ports.at(id).name);
        if (kind == XGRE_OWNER_PEER && peers.contains(id)) info.peer = remote_of(peers.at(id));
        const std::uint64_t age = nanoseconds_since(entry.last_seen, now);
        info.age =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::nanoseconds{age});
        info.expired =
            !info.is_static && network != networks.end() && age > network->second.ageing_ns;
        visit(info);
    });
}

}  // namespace xgre
