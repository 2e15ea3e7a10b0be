// SPDX-License-Identifier: GPL-2.0-only
// Instance: networks.
#include <algorithm>

#include <fmt/format.h>

#include "loader/instance_state.h"
#include "loader/limits.h"
#include "loader/outer_header.h"
#include "loader/spec_checks.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::chrono::seconds kAgeingMax{1'000'000};  // as in IEEE 802.1Q
constexpr std::uint32_t kMtuMin = 1280;                // RFC 8200 section 5
// RFC 7637 section 3.2: others are reserved, and the highest is for vendors.
constexpr std::uint32_t kVsidMin = 0x1000;
constexpr std::uint32_t kVsidMax = 0xfffffe;
constexpr std::uint32_t kVsidShift = 8;

std::string describe(const xgre_network& network) {
    const auto key = key_of(network);
    if (!key) return "no key";
    return fmt::format("{} {}", mode_of(network) == NetworkMode::nvgre ? "NVGRE's VSID" : "key",
                       *key);
}

xgre_network make_network(const NetworkSpec& spec) {
    xgre_network network{};
    network.flags = XGRE_NETWORK_USED;
    if (spec.key) {
        network.flags |= XGRE_NETWORK_KEYED;
        const bool is_nvgre = spec.mode == NetworkMode::nvgre;
        const std::uint32_t key = spec.key->value() << (is_nvgre ? kVsidShift : 0);
        network.key = Ip4Addr::from_host_order(key).network_order();
        if (is_nvgre) network.flags |= XGRE_NETWORK_NVGRE;
    }
    network.ageing_ns =
        static_cast<__u64>(std::chrono::nanoseconds{spec.ageing.value_or(kDefaultAgeing)}.count());
    network.mtu = spec.mtu.value_or(0);
    set_name(network.name, spec.name, "network");
    return network;
}

std::uint32_t free_id(const Rows<xgre_network>& networks) {
    for (std::uint32_t id = 1; id <= kNetworks.most; ++id)
        if (!networks.contains(id)) return id;
    throw no_room(kNetworks);
}

Change update(Instance::State& state, std::uint32_t id, xgre_network network,
              const NetworkSpec& spec) {
    // No key named: as it is. Another one would be another network on the wire.
    if ((spec.key && key_of(network) != spec.key) || (spec.mode && mode_of(network) != *spec.mode))
        throw Error{"network " + spec.name, "exists with " + describe(network),
                    fmt::format("`xgre network del {}` first, or take another name", spec.name)};
    const xgre_network before = network;
    if (spec.mtu) network.mtu = *spec.mtu;
    if (spec.ageing)
        network.ageing_ns = static_cast<__u64>(std::chrono::nanoseconds{*spec.ageing}.count());
    if (network.mtu == before.mtu && network.ageing_ns == before.ageing_ns)
        return Change::unchanged;
    state.datapath.networks().put(id, network);
    state.datapath.forget_flows();
    return Change::made;
}

}  // namespace

void check_network_spec(const NetworkSpec& spec) {
    const std::string object = "network " + spec.name;
    if (spec.ageing && (spec.ageing->count() < 1 || *spec.ageing > kAgeingMax))
        throw Error{object, fmt::format("ageing {} s is out of range", spec.ageing->count()),
                    "1 to 1000000 seconds"};
    if (spec.mtu.value_or(0) != 0 && *spec.mtu < kMtuMin)
        throw Error{
            object,
            fmt::format("with MTU {}, VMs could not use IPv6, which needs {}", *spec.mtu, kMtuMin),
            fmt::format("at least {}", kMtuMin)};
    if (spec.mode != NetworkMode::nvgre) return;
    if (!spec.key)
        throw Error{object, "NVGRE tells networks apart by their key", "give it a --key"};
    if (spec.key->value() < kVsidMin || spec.key->value() > kVsidMax)
        throw Error{object, fmt::format("{} is no VSID of NVGRE, which has 24 bits", *spec.key),
                    fmt::format("a --key from {} to {}", kVsidMin, kVsidMax)};
}

void check_network_mtu(const NetworkSpec& spec, std::uint32_t uplink_mtu, bool ip6) {
    const std::uint32_t taken = overhead(make_network(spec), ip6);
    if (!spec.mtu || uplink_mtu <= taken || *spec.mtu <= uplink_mtu - taken) return;
    throw Error{"network " + spec.name,
                fmt::format("MTU {} does not fit through the uplink", *spec.mtu),
                fmt::format("at most {}, or raise the uplink's MTU", uplink_mtu - taken)};
}

bool collide(const NetworkSpec& a, const NetworkSpec& b) {
    return collide(wire_key_of(a), wire_key_of(b));
}

WireKey wire_key_of(const NetworkSpec& spec) {
    return wire_key_of(make_network(spec));
}

Change Instance::add_network(const NetworkSpec& spec) {
    check_network_spec(spec);
    check_network_mtu(spec, state_->mtu_behind(0), state_->uplink.local == 0);
    const xgre_network fresh = make_network(spec);
    const auto networks = state_->networks();
    for (const auto& [id, network] : networks) {
        if (text_of(network.name) == spec.name) return update(*state_, id, network, spec);
        if (collide(wire_key_of(network), wire_key_of(fresh)))
            throw Error{"network " + spec.name,
                        fmt::format("{} has {} already", text_of(network.name), describe(network)),
                        "give it a key of its own with --key"};
    }
    const std::uint32_t id = free_id(networks);
    state_->datapath.fdb_sweep();  // what is left of the network that had the id before
    state_->datapath.networks().put(id, fresh);
    state_->reconcile();
    return Change::made;
}

Change Instance::delete_network(const std::string& name) {
    const auto networks = state_->networks();
    for (const auto& [id, network] : networks) {
        if (text_of(network.name) != name) continue;
        for (const auto& [ifindex, port] : state_->ports())
            if (port.network == id)
                throw Error{"network " + name, fmt::format("port {} is in it", text_of(port.name)),
                            fmt::format("`xgre port del {}` first", text_of(port.name))};
        for (const auto& [peer_id, peer] : state_->peers())
            if (peer.network == id) {
                const IpAddr address = remote_of(peer);
                throw Error{"network " + name, fmt::format("peer {} is in it", address),
                            fmt::format("`xgre peer del {} --network {}` first", address, name)};
            }
        state_->datapath.networks().put(id, xgre_network{});
        state_->reconcile();
        return Change::made;
    }
    return Change::unchanged;
}

std::vector<NetworkInfo> Instance::networks() const {
    std::vector<NetworkInfo> all;
    const auto ports = state_->ports();
    const auto peers = state_->peers();
    for (const auto& [id, network] : state_->networks()) {
        NetworkInfo info;
        info.id = id;
        info.name = text_of(network.name);
        info.key = key_of(network);
        info.mode = mode_of(network);
        info.mtu_is_set = network.mtu != 0;
        info.ageing = std::chrono::duration_cast<std::chrono::seconds>(
            std::chrono::nanoseconds{network.ageing_ns});
        for (const auto& [ifindex, port] : ports)
            info.ports += port.network == id ? 1 : 0;
        std::uint32_t most = overhead(network, state_->uplink.local == 0);
        for (const auto& [peer_id, peer] : peers) {
            if (peer.network != id) continue;
            ++info.peers;
            most = std::max(most, overhead(peer));
        }
        info.mtu = info.mtu_is_set ? network.mtu : state_->mtu_behind(most);
        all.push_back(std::move(info));
    }
    return all;
}

}  // namespace xgre
