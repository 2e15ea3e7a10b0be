// SPDX-License-Identifier: GPL-2.0-only
#include "loader/stand_in.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "loader/loopback.h"
#include "loader/outer_header.h"

namespace xgre {
namespace {

constexpr std::string_view kSweeper = "sweeper";      // a timer, which must not run twice
constexpr std::string_view kFragments = "fragments";  // halves of packets that are on their way

// Before there is a device that could speak by itself.
// Without an address of its own, a device says nothing over IPv6.
void silence_ipv6() {
    // A kernel without IPv6 has no such file, and needs none.
    std::ofstream file{"/proc/sys/net/ipv6/conf/default/addr_gen_mode"};
    file << "1" << std::flush;
}

Fd open_tap(const std::string& name, std::uint32_t ifindex) {
    Fd tap{open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
    if (!tap.is_open())
        throw Error::from_errno("/dev/net/tun", "open", errno,
                                "load the kernel module `tun`: it stands for the devices here");
    ifreq request{};
    name.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_flags = IFF_TAP | IFF_NO_PI;
    if (ioctl(tap.get(), TUNSETIFINDEX, &ifindex) != 0 ||
        ioctl(tap.get(), TUNSETIFF, &request) != 0)
        throw Error::from_errno("tap " + name, "make", errno, "run as root");
    return tap;
}

bpf_map_info information(int map, const std::string& name) {
    bpf_map_info info{};
    std::uint32_t len = sizeof(info);
    if (bpf_obj_get_info_by_fd(map, &info, &len) != 0)
        throw Error::from_errno("map " + name, "information", errno, "run as root");
    return info;
}

// Leases, too: without them what a lease-bound port sends would be dropped. The rest counts, or
// remembers for one CPU, and begins empty.
bool is_copied(const bpf_map_info& info, const std::string& name) {
    if (name == kSweeper || name == kFragments) return false;
    return info.type == BPF_MAP_TYPE_ARRAY || info.type == BPF_MAP_TYPE_HASH ||
           info.type == BPF_MAP_TYPE_DEVMAP_HASH;
}

// Key by key; a large hash goes by copy_hash().
void copy_entries(int from, int to, const bpf_map_info& info, const std::string& name) {
    std::vector<std::byte> key(info.key_size);
    std::vector<std::byte> next(info.key_size);
    std::vector<std::byte> value(info.value_size);
    const void* before = nullptr;
    while (bpf_map_get_next_key(from, before, next.data()) == 0) {
        key = next;
        before = key.data();
        if (bpf_map_lookup_elem(from, key.data(), value.data()) != 0) continue;  // it went
        if (bpf_map_update_elem(to, key.data(), value.data(), BPF_ANY) == 0) continue;
        // A device that is neither uplink nor port: the next change takes it out.
        if (info.type != BPF_MAP_TYPE_DEVMAP_HASH)
            throw Error::from_errno("map " + name, "copy", errno,
                                    "try again: the instance has changed meanwhile");
    }
}

void copy_maps(const Datapath& from, const Datapath& to) {
    for (const auto& [name, fd] : from.maps()) {
        const bpf_map_info info = information(fd.get(), name);
        if (!is_copied(info, name) || name == "fdb") continue;
        copy_entries(fd.get(), to.map_fd(name), info, name);
    }
    // It may have millions.
    const auto fdb = to.fdb();
    from.fdb().for_each(
        [&fdb](const xgre_fdb_key& key, const xgre_fdb_entry& entry) { fdb.put(key, entry); });
}

}  // namespace

std::string StandIn::name_of(std::uint32_t ifindex) {
    return fmt::format("tap{}", ifindex);
}

StandIn::Plan StandIn::plan(const Instance::State& state) {
    const auto scope = state.enter();
    NlSocket netlink = NlSocket::open();
    Plan plan;
    plan.uplink = state.uplink.ifindex;
    plan.forwards_on_loopback = forwards_on_loopback();
    const auto uplink = state.find_uplink(netlink);
    if (!uplink)
        throw Error{"uplink " + text_of(state.uplink.name), "the device is gone",
                    "`xgre attach` again when it is back"};
    plan.devices.push_back({state.uplink.ifindex, uplink->mac, uplink->mtu});
    for (const auto& [ifindex, port] : state.ports()) {
        const auto link = netlink.find_link(static_cast<int>(ifindex));
        if (link && state.is_live(ifindex)) plan.devices.push_back({ifindex, link->mac, link->mtu});
    }
    std::set<IpAddr> seen;
    for (const auto& [id, peer] : state.peers()) {
        const IpAddr address = remote_of(peer);
        const auto route = netlink.route_to(address);
        if (!seen.insert(address).second || !route || route->ifindex != uplink->index) continue;
        plan.ways.push_back({address, route->gateway,
                             netlink.neighbour(route->ifindex, route->gateway.value_or(address))});
    }
    return plan;
}

StandIn StandIn::of(const Instance::State& state) {
    return StandIn{state, plan(state)};
}

StandIn::StandIn(const Instance::State& state, const Plan& plan)
    : netns_{NetnsScope::enter_new()},
      datapath_{Datapath::load({.fdb_entries = state.datapath.fdb().max_entries()})} {
    silence_ipv6();
    NlSocket::open().set_link_up("lo");
    if (plan.forwards_on_loopback) enable_loopback_forwarding();
    make_devices(plan);
    make_ways(plan);
    copy_maps(state.datapath, datapath_);
}

void StandIn::make_devices(const Plan& plan) {
    NlSocket netlink = NlSocket::open();
    for (const Device& device : plan.devices) {
        const std::string name = name_of(device.ifindex);
        taps_.emplace(device.ifindex, open_tap(name, device.ifindex));
        netlink.set_mac(name, device.mac);
        netlink.set_mtu(name, device.mtu);
        netlink.set_link_up(name);
    }
}

void StandIn::make_ways(const Plan& plan) const {
    NlSocket netlink = NlSocket::open();
    const std::string uplink = name_of(plan.uplink);
    std::set<IpAddr> known;
    for (const Way& way : plan.ways) {
        netlink.add_host_route(uplink, way.peer, way.gateway);
        const IpAddr hop = way.gateway.value_or(way.peer);
        if (way.mac && known.insert(hop).second) netlink.add_neighbour(uplink, hop, *way.mac);
    }
}

void StandIn::drain() const {
    std::array<std::byte, 65536> buffer{};
    for (const auto& [ifindex, tap] : taps_)
        while (read(tap.get(), buffer.data(), buffer.size()) > 0) {
        }
}

}  // namespace xgre
