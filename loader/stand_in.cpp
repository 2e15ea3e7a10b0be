// SPDX-License-Identifier: GPL-2.0-only
#include "loader/stand_in.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <set>

#include <fmt/format.h>

#include "loader/detour.h"
#include "loader/loopback.h"
#include "loader/outer_header.h"

namespace xgre {
namespace {

constexpr std::uint32_t kOnlyDetour = 0;  // the cookie of the only pair in the namespace

// Before there is a device that could speak by itself.
// Without an address of its own, a device says nothing over IPv6.
void silence_ipv6() {
    // A kernel without IPv6 has no such file, and needs none.
    std::ofstream file{"/proc/sys/net/ipv6/conf/default/addr_gen_mode"};
    file << "1" << std::flush;
}

// Non-blocking: tun runs XDP natively only on writes that need not wait.
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

void set_carrier(const Fd& tap, const std::string& name, bool on) {
    unsigned carrier = on ? 1 : 0;
    if (ioctl(tap.get(), TUNSETCARRIER, &carrier) != 0)
        throw Error::from_errno("tap " + name, "set carrier", errno, "run as root");
}

// A namespace without a name, which the thread does not stay in.
Fd make_netns() {
    const NetnsScope scope = NetnsScope::enter_new();
    silence_ipv6();
    NlSocket::open().set_link_up("lo");
    return open_current_netns();
}

NlSocket open_netlink_in(const Fd& netns) {
    const auto scope = NetnsScope::enter(netns, "the stand-in's network namespace");
    return NlSocket::open();
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
    const auto add = [&plan](const LinkInfo& link) {
        plan.devices.push_back(
            {static_cast<std::uint32_t>(link.index), link.mac, link.mtu, link.up, link.running});
    };
    add(*uplink);
    for (const auto& [ifindex, port] : state.ports()) {
        const auto link = netlink.find_link(static_cast<int>(ifindex));
        if (link && state.is_live(ifindex)) add(*link);
    }
    std::set<IpAddr> seen;
    for (const auto& [id, peer] : state.peers()) {
        const IpAddr address = remote_of(peer);
        if (!seen.insert(address).second) continue;
        const auto route = netlink.route_to(address);
        if (!route || route->ifindex != uplink->index) continue;
        plan.ways.push_back({address, route->gateway,
                             netlink.neighbour(route->ifindex, route->gateway.value_or(address)),
                             route->mtu});
    }
    const std::uint32_t detour = state.datapath.uplink().find(0).value_or(xgre_uplink{}).detour;
    plan.has_detour = detour != 0 && state.is_live(detour);
    return plan;
}

StandIn StandIn::of(const Instance::State& state, Use use) {
    return StandIn{state, plan(state), use};
}

StandIn::StandIn(const Instance::State& state, const Plan& plan, Use use)
    : use_{use},
      netns_{make_netns()},
      datapath_{Datapath::load({.fdb_entries = state.datapath.fdb().max_entries()})},
      netlink_{open_netlink_in(netns_)},
      copy_{use == Use::frames},
      uplink_{plan.uplink},
      tc_hook_{static_cast<xgre_tc_hook>(state.uplink.tc_hook)} {
    apply(state, plan);
}

void StandIn::follow(const Instance::State& state) {
    apply(state, plan(state));
}

NetnsScope StandIn::enter() const {
    return NetnsScope::enter(netns_, "the stand-in's network namespace");
}

// In the namespace all the time: what the number of a device means, also in a map of devices, is a
// matter of the namespace that says it.
void StandIn::apply(const Instance::State& state, const Plan& plan) {
    const auto scope = enter();
    if (plan.forwards_on_loopback && !forwards_on_loopback()) enable_loopback_forwarding();
    for (const Device& device : plan.devices)
        set_up(device);
    set_ways(plan.ways);
    has_detour_ = plan.has_detour && use_ == Use::frames;
    if (has_detour_ && !detour_) make_detour();
    copy_.update(state.datapath, datapath_);
    if (use_ == Use::frames) adapt_rows();
}

void StandIn::set_up(const Device& device) {
    ready_outside_[device.ifindex] = device.up && device.running;
    const auto known = devices_.find(device.ifindex);
    if (known != devices_.end() && known->second == device) return;
    if (known == devices_.end()) make_tap(device);
    const std::string name = name_of(device.ifindex);
    netlink_.set_mac(name, device.mac);
    netlink_.set_mtu(name, device.mtu);
    // Before it is up: later, the kernel takes note of it some time.
    if (use_ == Use::frames) set_carrier(taps_.at(device.ifindex), name, device.running);
    netlink_.set_link_up(name, device.up || use_ == Use::test_runs);
    devices_.insert_or_assign(device.ifindex, device);
    // The kernel forgets them when the device changes.
    if (device.ifindex == uplink_) {
        ways_.clear();
        hops_.clear();
    }
}

void StandIn::make_tap(const Device& device) {
    // Its number was free here when the detour was made, and is that of a new device outside.
    const int number = static_cast<int>(device.ifindex);
    if (detour_ && (number == detour_->in.index || number == detour_->out.index)) remove_detour();
    const std::string name = name_of(device.ifindex);
    taps_.emplace(device.ifindex, open_tap(name, device.ifindex));
    if (use_ == Use::frames)
        tc_links_.push_back(
            attach_tc(netlink_.get_link(name), program_of(device.ifindex, false), tc_hook_));
}

int StandIn::program_of(std::uint32_t ifindex, bool is_xdp) const {
    const bool is_uplink = ifindex == uplink_;
    if (is_xdp) return datapath_.program(is_uplink ? "uplink_xdp" : "port_xdp");
    return datapath_.program(is_uplink ? "uplink_tc" : "port_tc");
}

void StandIn::set_ways(const std::vector<Way>& ways) {
    const std::string uplink = name_of(uplink_);
    std::map<IpAddr, Way> wanted;
    for (const Way& way : ways)
        wanted.emplace(way.peer, way);
    if (wanted == ways_) return;
    for (const auto& [peer, way] : ways_)
        if (!wanted.contains(peer)) netlink_.delete_host_route(uplink, peer);
    for (const auto& [peer, way] : wanted) {
        const auto known = ways_.find(peer);
        if (known == ways_.end() || known->second != way)
            netlink_.set_host_route(uplink, peer, way.gateway, way.mtu);
    }
    ways_ = std::move(wanted);
    set_neighbours();
}

void StandIn::set_neighbours() {
    const std::string uplink = name_of(uplink_);
    std::map<IpAddr, std::optional<Mac>> wanted;
    for (const auto& [peer, way] : ways_)
        wanted.emplace(way.hop(), way.mac);
    for (const auto& [hop, mac] : hops_)
        if (mac && !(wanted.contains(hop) && wanted.at(hop)))
            netlink_.delete_neighbour(uplink, hop);
    for (const auto& [hop, mac] : wanted)
        if (mac && !(hops_.contains(hop) && hops_.at(hop) == mac))
            netlink_.add_neighbour(uplink, hop, *mac);
    hops_ = std::move(wanted);
}

void StandIn::make_detour() {
    detour_ = Detour{kOnlyDetour}.make(netlink_);
    tc_links_.push_back(attach_tc(detour_->out, datapath_.program("detour_tc"), tc_hook_));
}

void StandIn::remove_detour() {
    Detour{kOnlyDetour}.remove(netlink_);
    detour_.reset();
}

// Where the stand-in is otherwise: its own detour; no CPUs to spread to, and no far ends of veths.
void StandIn::adapt_rows() const {
    xgre_uplink row = datapath_.uplink().find(0).value_or(xgre_uplink{});
    const std::uint32_t detour =
        has_detour_ && detour_ ? static_cast<std::uint32_t>(detour_->in.index) : 0;
    row.detour = detour;
    row.flags &= ~unsigned{XGRE_UPLINK_SPREAD};
    datapath_.uplink().put(0, row);
    if (detour != 0) datapath_.redirect().put(detour, detour);
    std::vector<std::pair<std::uint32_t, xgre_port>> ports = datapath_.ports().entries();
    for (auto& [ifindex, port] : ports) {
        if ((port.flags & XGRE_PORT_FAR_END) == 0) continue;
        port.flags &= ~unsigned{XGRE_PORT_FAR_END};
        datapath_.ports().put(ifindex, port);
    }
}

void StandIn::drain() const {
    for (const auto& [ifindex, tap] : taps_)
        static_cast<void>(received(ifindex));
}

void StandIn::send(std::uint32_t ifindex, std::span<const std::uint8_t> frame) {
    const std::string name = name_of(ifindex);
    Device& device = devices_.at(ifindex);
    if (!device.up) {
        netlink_.set_link_up(name);
        device.up = true;
    }
    if (write(taps_.at(ifindex).get(), frame.data(), frame.size()) < 0)
        throw Error::from_errno(fmt::format("frame of {} bytes", frame.size()),
                                "the kernel does not take it", errno,
                                "give a whole Ethernet frame");
}

std::vector<StandIn::Frame> StandIn::received(std::uint32_t ifindex) const {
    std::vector<Frame> frames;
    std::array<std::uint8_t, 65536> buffer{};
    for (;;) {
        const ssize_t size = read(taps_.at(ifindex).get(), buffer.data(), buffer.size());
        if (size <= 0) return frames;
        frames.emplace_back(buffer.begin(), buffer.begin() + size);
    }
}

bool StandIn::is_ready(std::uint32_t ifindex) const {
    const auto device = devices_.find(ifindex);
    return device != devices_.end() && device->second.up && device->second.running;
}

bool StandIn::is_ready_outside(std::uint32_t ifindex) const {
    const auto ready = ready_outside_.find(ifindex);
    return ready != ready_outside_.end() && ready->second;
}

std::optional<StandIn::Way> StandIn::way_to(const IpAddr& peer) const {
    const auto way = ways_.find(peer);
    return way == ways_.end() ? std::nullopt : std::optional{way->second};
}

void StandIn::set_xdp(std::uint32_t ifindex, bool on) {
    if (!on) {
        xdp_links_.erase(ifindex);
        return;
    }
    if (xdp_links_.contains(ifindex)) return;
    const auto scope = enter();  // what the number of a device is of
    xdp_links_.emplace(ifindex,
                       attach_xdp(netlink_.get_link(name_of(ifindex)), program_of(ifindex, true)));
}

std::uint64_t StandIn::detours() {
    return detour_ ? netlink_.get_link(detour_->in.name).tx_packets : 0;
}

void StandIn::answer_for_silent_hops(const Mac& mac) {
    for (const auto& [hop, known] : hops_)
        if (!known) netlink_.add_neighbour(name_of(uplink_), hop, mac);
}

void StandIn::be_silent_again() {
    for (const auto& [hop, known] : hops_)
        if (!known) netlink_.delete_neighbour(name_of(uplink_), hop);
}

}  // namespace xgre
