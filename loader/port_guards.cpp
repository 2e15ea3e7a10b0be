// SPDX-License-Identifier: GPL-2.0-only
#include "loader/port_guards.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <iterator>

#include <fmt/format.h>

#include "loader/dhcp_files.h"
#include "loader/dnsmasq.h"
#include "loader/row_address.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

xgre_address key_of(std::uint32_t slot, const IpAddr& address) {
    xgre_address key{};
    key.slot = slot;
    key.family = address.is_v6() ? kIp6 : kIp4;
    const xgre_addr row = to_row(address);
    std::memcpy(key.address, &row, sizeof(key.address));
    return key;
}

std::uint64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * kSecond +
           static_cast<std::uint64_t>(time.tv_nsec);
}

bool has_peer(const Instance::State& state, std::uint32_t network) {
    const auto peers = state.peers();
    return std::ranges::any_of(peers,
                               [&](const auto& peer) { return peer.second.network == network; });
}

}  // namespace

bool set_addresses(const Instance::State& state, std::uint32_t slot,
                   const std::optional<std::vector<IpAddr>>& wanted, Undo& undo) {
    if (!wanted) return false;
    if (wanted->size() > XGRE_PORT_ADDRESSES)
        throw Error{"addresses", fmt::format("{} are named", wanted->size()),
                    fmt::format("a port has at most {}", XGRE_PORT_ADDRESSES)};
    const auto before = state.addresses(slot);
    const auto addresses = state.datapath.addresses();
    bool changed = false;
    for (const IpAddr& address : *wanted) {
        if (std::ranges::count(before, address) != 0) continue;
        const xgre_address key = key_of(slot, address);
        undo.add([addresses, key] { addresses.erase(key); });
        addresses.put(key, 1);
        changed = true;
    }
    for (const IpAddr& address : before) {
        if (std::ranges::count(*wanted, address) != 0) continue;
        const xgre_address key = key_of(slot, address);
        undo.add([addresses, key] { addresses.put(key, 1); });
        addresses.erase(key);
        changed = true;
    }
    return changed;
}

void check_leases(const Instance::State& state, const PortSpec& spec, std::uint32_t network,
                  const std::vector<IpAddr>& before) {
    if (!spec.lease_bound.value_or(false)) return;
    if (!(spec.addresses ? *spec.addresses : before).empty() || has_peer(state, network)) return;
    const std::string name = text_of(state.networks().at(network).name);
    const DhcpFiles files{state.session.instance, name};
    if (Dnsmasq{files.pid_file()}.pid()) return;
    throw Error{"port " + spec.device,
                fmt::format("nobody gives leases in network {}: it has neither a DHCP server here "
                            "nor a peer",
                            name),
                fmt::format("`xgre dhcp start --network {}` or `xgre peer add` first, or name the "
                            "port's addresses by --address",
                            name)};
}

Rows<std::vector<PortLease>> leases_of_ports(const Instance::State& state) {
    Rows<std::vector<PortLease>> leases;
    const std::uint64_t time = now();
    state.datapath.bindings().for_each(
        [&](const xgre_binding_key& key, const xgre_binding& binding) {
            if (binding.until <= time) return;
            Mac::Bytes bytes{};
            std::copy(std::begin(key.mac), std::end(key.mac), bytes.begin());
            leases[key.port].push_back({Mac{bytes}, Ip4Addr::from_network_order(key.address),
                                        std::chrono::seconds{(binding.until - time) / kSecond}});
        });
    for (auto& [ifindex, list] : leases)
        std::ranges::sort(list);
    return leases;
}

}  // namespace xgre
