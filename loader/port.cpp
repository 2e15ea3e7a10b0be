// SPDX-License-Identifier: GPL-2.0-only
// Instance: ports.
#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>

#include "loader/device_probe.h"
#include "loader/instance_state.h"
#include "loader/instances.h"
#include "loader/limits.h"
#include "loader/port_guards.h"
#include "loader/spec_checks.h"
#include "loader/undo.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr int kLoopback = 1;

std::uint32_t free_slot(const Rows<xgre_port>& ports) {
    std::set<std::uint32_t> used;
    for (const auto& [ifindex, port] : ports)
        used.insert(port.slot);
    for (std::uint32_t slot = 0; slot < kPorts.most; ++slot)
        if (!used.contains(slot)) return slot;
    throw no_room(kPorts);
}

void set_flag(__u32& flags, __u32 flag, const std::optional<bool>& on, bool inverted = false) {
    if (!on) return;
    if (*on != inverted)
        flags |= flag;
    else
        flags &= ~flag;
}

// `port` with what `spec` asks for; what it does not mention stays.
xgre_port with_spec(xgre_port port, const PortSpec& spec) {
    if (spec.mac_limit) port.mac_limit = *spec.mac_limit;
    if (spec.broadcast_limit) port.broadcast_limit = *spec.broadcast_limit;
    if (spec.unknown_limit) port.unknown_limit = *spec.unknown_limit;
    set_flag(port.flags, XGRE_PORT_ISOLATED, spec.isolated);
    set_flag(port.flags, XGRE_PORT_LOCKED, spec.locked);
    set_flag(port.flags, XGRE_PORT_DIRECT, spec.direct);
    set_flag(port.flags, XGRE_PORT_DHCP_GUARD, spec.dhcp_guard);
    set_flag(port.flags, XGRE_PORT_RA_GUARD, spec.ra_guard);
    set_flag(port.flags, XGRE_PORT_LEASE_BOUND, spec.lease_bound);
    set_flag(port.flags, XGRE_PORT_NO_LEARNING, spec.learning, true);
    set_flag(port.flags, XGRE_PORT_NO_FLOOD, spec.flood, true);
    return port;
}

void forget(const Instance::State& state, std::uint32_t ifindex) {
    state.datapath.ports().erase(ifindex);
    state.datapath.fdb_sweep();
}

// Static MACs that the port, which has or had the index `ifindex`, does not have yet. Throws before
// anything is changed when one is no unicast address or belongs to somebody else.
std::vector<xgre_fdb_key> new_static_keys(const Instance::State& state, const PortSpec& spec,
                                          std::uint32_t network, std::uint32_t ifindex) {
    std::vector<xgre_fdb_key> keys;
    for (const Mac& mac : spec.static_macs) {
        check_mac(mac);
        xgre_fdb_key key{};
        key.network = network;
        std::copy(mac.bytes().begin(), mac.bytes().end(), key.mac);
        const auto entry = state.datapath.fdb().find(key);
        const bool is_static = entry && (entry->owner & XGRE_OWNER_STATIC) != 0;
        const bool ours = entry && static_cast<std::uint32_t>(entry->owner) == ifindex &&
                          (entry->owner & XGRE_OWNER_KIND_MASK) == XGRE_OWNER_PORT;
        if (is_static && ours) continue;
        if (is_static)
            throw Error{"MAC " + mac.format(), "has a static entry elsewhere",
                        fmt::format("`xgre fdb del {}` first", mac)};
        keys.push_back(key);
    }
    return keys;
}

void check_room(const Instance::State& state, std::uint32_t network, const std::string& name) {
    std::uint32_t count = 0;
    for (const auto& [ifindex, port] : state.ports())
        count += port.network == network ? 1 : 0;
    if (count >= kPortsOfNetwork.most) throw no_room(kPortsOfNetwork, name);
}

Change update_port(const Instance::State& state, std::uint32_t ifindex, const xgre_port& port,
                   const PortSpec& spec) {
    check_leases(state, spec, port.network, state.addresses(port.slot));
    const auto keys = new_static_keys(state, spec, port.network, ifindex);
    const xgre_port wanted = with_spec(port, spec);
    const bool same = std::memcmp(&wanted, &port, sizeof(port)) == 0;
    Undo undo;
    for (const xgre_fdb_key& key : keys) {
        state.datapath.fdb_put(key, owner_of_port(ifindex, port.slot) | XGRE_OWNER_STATIC);
        undo.add([&state, key] { state.datapath.fdb_delete(key); });
    }
    const bool same_addresses = !set_addresses(state, port.slot, spec.addresses, undo);
    if (!same) {
        state.datapath.ports().put(ifindex, wanted);
        undo.add([&state, ifindex, port] {
            state.datapath.ports().put(ifindex, port);
            state.datapath.forget_flows();
        });
    }
    // Its leases are not to be there again when it is bound to leases again.
    if (port.flags & ~wanted.flags & XGRE_PORT_LEASE_BOUND) state.datapath.fdb_sweep();
    // The device's offloads may have changed since: that is what reconcile looks at.
    const bool adapted = !state.reconcile().empty();
    undo.commit();
    return same && same_addresses && keys.empty() && !adapted ? Change::unchanged : Change::made;
}

}  // namespace

void check_foreign_xdp(std::uint32_t uplink_flags, const LinkInfo& device) {
    if (device.xdp_prog_id == 0 || !wants_xdp(uplink_flags, device)) return;
    throw Error{"port " + device.name,
                fmt::format("another XDP program is attached (id {})", device.xdp_prog_id),
                fmt::format("`ip link set dev {} xdp off` removes it", device.name)};
}

LinkInfo check_port_device(const std::string& instance, std::uint32_t uplink_ifindex,
                           const std::string& name) {
    NlSocket netlink = NlSocket::open();
    const LinkInfo device = netlink.get_link(name);
    const std::string object = "port " + name;
    if (device.index == kLoopback || !device.ethernet)
        throw Error{object, "carries no Ethernet frames", "name a tap or a veth"};
    if (static_cast<__u32>(device.index) == uplink_ifindex)
        throw Error{object, "is the uplink", "name a VM's tap, or a veth towards a namespace"};
    if (device.master != 0) {
        const auto master = netlink.find_link(static_cast<int>(device.master));
        throw Error{object, fmt::format("belongs to {}", master ? master->name : "another device"),
                    fmt::format("`ip link set dev {} nomaster` first", name)};
    }
    check_no_other_instance(instance, device);
    return device;
}

Change Instance::add_port(const PortSpec& spec) {
    State& state = *state_;
    const auto scope = state.enter();
    const LinkInfo device =
        check_port_device(state.session.instance, state.uplink.ifindex, spec.device);
    const auto ifindex = static_cast<std::uint32_t>(device.index);
    const auto known = state.port(spec.device);
    if (!spec.network && !known)
        throw Error{"port " + spec.device, "not known from before", "name its --network"};
    const std::uint32_t network =
        spec.network ? state.network(*spec.network).first : known->second.network;
    if (known && known->second.network != network)
        throw Error{"port " + spec.device, "is in another network",
                    fmt::format("`xgre port del {}` first", spec.device)};
    if (known && known->first == ifindex && state.is_live(ifindex))
        return update_port(state, ifindex, known->second, spec);

    const std::string network_name = text_of(state.networks().at(network).name);
    if (!known) check_room(state, network, network_name);
    check_foreign_xdp(state.uplink.flags, device);
    check_leases(state, spec, network,
                 known ? state.addresses(known->second.slot) : std::vector<IpAddr>{});
    const std::uint32_t before = known ? known->first : ifindex;
    const auto statics = new_static_keys(state, spec, network, before);
    xgre_port port = known ? known->second : xgre_port{};
    if (!known) port.slot = free_slot(state.ports());
    port.network = network;
    set_name(port.name, device.name, "port");
    port = with_spec(port, spec);
    // Who had this index before is not coming back under it. What is left of it, or of who had the
    // slot, is not the new port's.
    if (!known || before != ifindex) forget(state, ifindex);

    Undo undo;
    undo.add([&state, &known, before, ifindex] {
        if (known) {
            state.datapath.ports().put(before, known->second);
            if (before != ifindex) state.move_statics(ifindex, before, known->second.slot);
        }
        state.datapath.redirect().erase(ifindex);
        if (before != ifindex || !known) forget(state, ifindex);
        state.reconcile();
    });
    if (!known) {
        state.datapath.learned().put(XGRE_LEARNED_BY_PORT(port.slot), 0);
        state.datapath.buckets().put(port.slot, xgre_buckets{});
        state.datapath.bound().put(port.slot, 0);
        state.datapath.port_counters().reset(port.slot);
    }
    // TC before the row: killed in between, the next command takes the hook off again.
    state.hooks.set_tc(device, state.datapath.program("port_tc"));
    state.datapath.redirect().put(ifindex, ifindex);
    state.datapath.ports().put(ifindex, port);
    set_addresses(state, port.slot, spec.addresses, undo);
    for (const xgre_fdb_key& key : statics) {
        state.datapath.fdb_put(key, owner_of_port(ifindex, port.slot) | XGRE_OWNER_STATIC);
        undo.add([&state, key] { state.datapath.fdb_delete(key); });
    }
    // If the device was another one before, its row and its static entries become this one's.
    state.reconcile();
    undo.commit();
    return Change::made;
}

Change Instance::delete_port(const std::string& device) {
    const auto known = state_->port(device);
    if (!known) return Change::unchanged;
    state_->datapath.ports().erase(known->first);
    // Of a device that is gone, nothing else would show that its entries are nobody's.
    if (!state_->is_live(known->first)) state_->datapath.fdb_sweep();
    state_->reconcile();
    return Change::made;
}

std::vector<PortInfo> Instance::ports() const {
    const auto scope = state_->enter();
    NlSocket netlink = NlSocket::open();
    const auto networks = state_->networks();
    std::map<std::uint32_t, std::vector<Mac>> statics;
    state_->datapath.fdb().for_each([&](const xgre_fdb_key& key, const xgre_fdb_entry& entry) {
        if ((entry.owner & XGRE_OWNER_STATIC) == 0 ||
            (entry.owner & XGRE_OWNER_KIND_MASK) != XGRE_OWNER_PORT)
            return;
        Mac::Bytes bytes{};
        std::copy(std::begin(key.mac), std::end(key.mac), bytes.begin());
        statics[static_cast<std::uint32_t>(entry.owner)].emplace_back(bytes);
    });
    auto leases = leases_of_ports(*state_);
    std::vector<PortInfo> all;
    for (const auto& [ifindex, port] : state_->ports()) {
        PortInfo info;
        info.device = text_of(port.name);
        info.ifindex = static_cast<int>(ifindex);
        if (const auto network = networks.find(port.network); network != networks.end())
            info.network = text_of(network->second.name);
        const auto device = netlink.find_link(static_cast<int>(ifindex));
        info.gone = !device || !state_->is_live(ifindex);
        info.mac_limit = port.mac_limit;
        info.broadcast_limit = port.broadcast_limit;
        info.unknown_limit = port.unknown_limit;
        info.learned = state_->datapath.learned().find(XGRE_LEARNED_BY_PORT(port.slot)).value_or(0);
        info.isolated = (port.flags & XGRE_PORT_ISOLATED) != 0;
        info.locked = (port.flags & XGRE_PORT_LOCKED) != 0;
        info.direct = (port.flags & XGRE_PORT_FAR_END) != 0;
        info.learning = (port.flags & XGRE_PORT_NO_LEARNING) == 0;
        info.flood = (port.flags & XGRE_PORT_NO_FLOOD) == 0;
        info.lease_bound = (port.flags & XGRE_PORT_LEASE_BOUND) != 0;
        info.dhcp_guard = info.lease_bound || (port.flags & XGRE_PORT_DHCP_GUARD) != 0;
        info.addresses = state_->addresses(port.slot);
        info.leases = std::move(leases[ifindex]);
        info.ra_guard = (port.flags & XGRE_PORT_RA_GUARD) != 0;
        info.static_macs = statics[ifindex];
        std::ranges::sort(info.static_macs);
        info.hook = state_->hook_info(info.gone ? nullptr : &*device, false);
        const xgre_traffic traffic = state_->datapath.port_counters().sum(port.slot);
        info.traffic = {traffic.rx_packets, traffic.rx_bytes, traffic.tx_packets, traffic.tx_bytes};
        all.push_back(std::move(info));
    }
    std::ranges::sort(all, {}, &PortInfo::device);
    return all;
}

}  // namespace xgre
