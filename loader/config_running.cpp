// SPDX-License-Identifier: GPL-2.0-only
// From an instance's rows to a Config.
#include "loader/config_running.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "loader/config_fields.h"
#include "loader/dhcp_service.h"
#include "loader/instance_state.h"
#include "loader/outer_header.h"
#include "loader/spread.h"

namespace xgre {
namespace {

XdpUse xdp_use_of(const xgre_uplink& uplink) {
    if ((uplink.flags & XGRE_UPLINK_NO_XDP) != 0) return XdpUse::off;
    return (uplink.flags & XGRE_UPLINK_ANY_XDP) != 0 ? XdpUse::on : XdpUse::automatic;
}

void add_uplink(const Instance::State& state, Config& config) {
    config.automatic_tc = knows_tcx() ? TcHook::tcx : TcHook::clsact;
    const TcHook tc = state.uplink.tc_hook == XGRE_TC_HOOK_TCX ? TcHook::tcx : TcHook::clsact;
    AttachSpec spec;
    spec.uplink = text_of(state.uplink.name);
    for (const IpAddr& local : locals_of(state.uplink)) {
        if (local.is_v6())
            spec.local6 = local.v6();
        else
            spec.local = local.v4();
    }
    spec.fdb_entries = state.datapath.fdb().max_entries();
    spec.xdp = xdp_use_of(state.uplink);
    spec.tc_hook = tc == config.automatic_tc ? TcHook::automatic : tc;
    spec.spread = spread_of(state.uplink);
    config.uplink = spec;
}

NetworkSpec spec_of(const xgre_network& network) {
    NetworkSpec spec;
    spec.name = text_of(network.name);
    spec.key = key_of(network);
    spec.mode = mode_of(network);
    spec.mtu = network.mtu;
    spec.ageing = std::chrono::duration_cast<std::chrono::seconds>(
        std::chrono::nanoseconds{network.ageing_ns});
    return spec;
}

PeerSpec spec_of(const xgre_peer& peer, const xgre_network& network) {
    const PeerOptions options = options_of(peer, network);
    PeerSpec spec;
    spec.address = remote_of(peer);
    spec.network = text_of(network.name);
    if (mode_of(network) == NetworkMode::gre) {
        spec.ikey = OrNone<GreKey>{options.ikey};
        spec.okey = OrNone<GreKey>{options.okey};
    }
    spec.icsum = options.icsum;
    spec.iseq = options.iseq;
    spec.ocsum = options.ocsum;
    spec.oseq = options.oseq;
    spec.rp_filter = options.rp_filter;
    spec.mac_limit = options.mac_limit;
    spec.ttl = OrNone<std::uint8_t>{options.ttl};
    spec.tos = OrNone<std::uint8_t>{options.tos};
    if (spec.address.is_v6()) {
        spec.encap_limit = OrNone<std::uint8_t>{options.encap_limit};
        spec.flow_label = OrNone<std::uint32_t>{options.flow_label};
    } else {
        spec.df = options.df;
    }
    return spec;
}

PortSpec spec_of(const xgre_port& port, const std::string& network) {
    const auto has = [&](__u32 flag) { return (port.flags & flag) != 0; };
    PortSpec spec;
    spec.device = text_of(port.name);
    spec.network = network;
    spec.mac_limit = port.mac_limit;
    spec.broadcast_limit = port.broadcast_limit;
    spec.unknown_limit = port.unknown_limit;
    spec.isolated = has(XGRE_PORT_ISOLATED);
    spec.locked = has(XGRE_PORT_LOCKED);
    spec.direct = has(XGRE_PORT_DIRECT);
    spec.learning = !has(XGRE_PORT_NO_LEARNING);
    spec.flood = !has(XGRE_PORT_NO_FLOOD);
    spec.dhcp_guard = has(XGRE_PORT_DHCP_GUARD);
    spec.ra_guard = has(XGRE_PORT_RA_GUARD);
    spec.lease_bound = has(XGRE_PORT_LEASE_BOUND);
    return spec;
}

void add_ports(const Instance::State& state, Config& config) {
    const auto networks = state.networks();
    NlSocket netlink = NlSocket::open();
    std::set<std::string> seen;
    for (const auto& [ifindex, port] : state.ports()) {
        const auto network = networks.find(port.network);
        const std::string device = text_of(port.name);
        if (network == networks.end() || !seen.insert(device).second) continue;
        // Of several rows of a name, the one that counts.
        const auto row = state.port(device).value_or(std::pair{ifindex, port});
        PortSpec spec = spec_of(row.second, text_of(networks.at(row.second.network).name));
        spec.addresses = state.addresses(row.second.slot);
        config.ports.push_back(std::move(spec));
        if (!state.is_live(row.first) && netlink.find_link(device))
            config.broken.push_back({port_noun().noun, device, "gone"});
    }
}

// Untagged ones of ports are the ports'.
void add_statics(const FdbInfo& entry, Config& config) {
    const auto port = std::ranges::find(config.ports, entry.port, &PortSpec::device);
    if (entry.vlan == 0 && port != config.ports.end()) {
        port->static_macs.push_back(entry.mac);
        return;
    }
    FdbSpec spec;
    spec.mac = entry.mac;
    spec.network = entry.network;
    spec.vlan = Vlan::from(entry.vlan).value_or(Vlan{});
    if (!entry.port.empty()) spec.port = entry.port;
    spec.peer = entry.peer;
    if (spec.port || spec.peer) config.fdb.push_back(std::move(spec));
}

}  // namespace

Config Instance::config() const {
    const State& state = *state_;
    Config config;
    const auto scope = state.enter();
    add_uplink(state, config);
    NlSocket netlink = NlSocket::open();
    const std::string name = text_of(state.uplink.name);
    if (!state.is_live(state.uplink.ifindex) && netlink.find_link(name))
        config.broken.push_back({uplink_noun().noun, name, "gone"});
    const auto networks = state.networks();
    for (const auto& [id, network] : networks)
        config.networks.push_back(spec_of(network));
    for (const auto& [id, peer] : state.peers())
        if (const auto network = networks.find(peer.network); network != networks.end())
            config.peers.push_back(spec_of(peer, network->second));
    add_ports(state, config);
    fdb({}, [&](const FdbInfo& entry) {
        if (entry.is_static) add_statics(entry, config);
    });
    for (PortSpec& port : config.ports)
        std::ranges::sort(port.static_macs);
    return config;
}

Config running_config(const Session& session, Instance& instance) {
    Config config = instance.config();
    for (DhcpAsked& asked : asked_dhcp(session, instance)) {
        std::erase_if(config.ports,
                      [&](const PortSpec& port) { return port.device == asked.port; });
        std::erase_if(config.broken,
                      [&](const Broken& broken) { return broken.name == asked.port; });
        if (!asked.faults.empty())
            config.broken.push_back({dhcp_noun().noun, dhcp_noun().name(asked.spec),
                                     fmt::format("{}", fmt::join(asked.faults, "; "))});
        config.dhcp.push_back(std::move(asked.spec));
    }
    complete(config);
    return config;
}

Config running_config(const Session& session) {
    if (std::ranges::count(Instance::list(), session.instance) == 0) return {};
    Instance instance = Instance::view(session);
    return running_config(session, instance);
}

}  // namespace xgre
