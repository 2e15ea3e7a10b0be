// SPDX-License-Identifier: GPL-2.0-only
// Instance::attach, detach, open, view: the life of an instance.
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "loader/bpffs.h"
#include "loader/instance_state.h"
#include "loader/pins.h"
#include "loader/undo.h"
#include "xgre/dhcp.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::uint64_t kSweepInterval = 1'000'000'000;  // ns

// The next hop is looked up as if a packet came from the loopback device, and the kernel wants
// forwarding enabled there; see bpf/encap.h. It changes nothing for anything else.
constexpr const char* kLoopbackForwarding = "/proc/sys/net/ipv4/conf/lo/forwarding";

void set_loopback_forwarding(bool on) {
    std::ofstream file{kLoopbackForwarding};
    file << (on ? "1" : "0") << std::flush;
    if (!file)
        throw Error{"net.ipv4.conf.lo.forwarding", "cannot be written",
                    "run as root with /proc/sys writable"};
}

bool host_forwards() {
    std::ifstream file{"/proc/sys/net/ipv4/ip_forward"};
    int value = 0;
    return file >> value && value != 0;
}

std::uint32_t random_cookie() {
    std::uint32_t cookie = 0;
    if (::getrandom(&cookie, sizeof(cookie), 0) != sizeof(cookie))
        throw Error::from_errno("random number", "getrandom", errno, "try again");
    return cookie;
}

NetnsScope enter(const Session& session) {
    if (session.netns) return NetnsScope::enter(*session.netns);
    return NetnsScope::enter(open_current_netns(), "the current network namespace");
}

// The row of an instance of this tool's version; nullopt when it is unreadable.
std::optional<xgre_uplink> uplink_of(const std::string& instance) {
    const Fd map{bpf_obj_get((pins::directory(instance) + "/maps/uplink").c_str())};
    if (!map.is_open()) return std::nullopt;
    bpf_map_info info{};
    std::uint32_t len = sizeof(info);
    if (bpf_obj_get_info_by_fd(map.get(), &info, &len) != 0 ||
        info.value_size != sizeof(xgre_uplink))
        return std::nullopt;
    const auto row = Map<std::uint32_t, xgre_uplink>{map.get(), "uplink"}.find(0);
    if (!row || row->abi_version != XGRE_ABI_VERSION) return std::nullopt;
    return row;
}

// Does another instance in this network namespace satisfy `test`?
template <typename Test>
std::optional<std::string> other_instance(const std::string& instance, Test test) {
    const std::uint64_t cookie = netns_cookie();
    for (const std::string& name : Instance::list()) {
        const auto row = uplink_of(name);
        if (name != instance && row && row->netns_cookie == cookie && test(*row)) return name;
    }
    return std::nullopt;
}

LinkInfo check_uplink(const Session& session, const AttachSpec& spec) {
    NlSocket netlink = NlSocket::open();
    const LinkInfo device = netlink.get_link(spec.uplink);
    if (!device.ethernet)
        throw Error{spec.uplink, "carries no Ethernet frames", "name an Ethernet device"};
    if (spec.local.is_multicast() || spec.local.is_broadcast() || spec.local.is_unspecified())
        throw Error{spec.local.format(), "not an address of a host",
                    "name an address of the uplink, as in `ip addr`"};
    const auto addresses = netlink.list_addresses();
    const bool is_local = std::ranges::any_of(addresses, [&](const AddressInfo& info) {
        return info.ifindex == device.index && info.address == spec.local;
    });
    if (!is_local)
        throw Error{spec.local.format(), fmt::format("not an address of {}", spec.uplink),
                    fmt::format("`ip addr add {}/24 dev {}`, or name one that it has", spec.local,
                                spec.uplink)};
    const auto holder = other_instance(session.instance, [&](const xgre_uplink& row) {
        return row.ifindex == static_cast<__u32>(device.index);
    });
    if (holder)
        throw Error{spec.uplink, fmt::format("is the uplink of instance {}", *holder),
                    "add networks to that instance, or detach it first"};
    return device;
}

xgre_tc_hook choose_tc_hook(TcHook wanted, const Datapath& datapath) {
    const bool tcx = has_tcx(datapath.program("uplink_tc"));
    if (wanted == TcHook::clsact) return XGRE_TC_HOOK_CLSACT;
    if (wanted == TcHook::tcx && !tcx)
        throw Error{"tcx", "this kernel has none (it came with Linux 6.6)",
                    "attach with --tc clsact"};
    return tcx ? XGRE_TC_HOOK_TCX : XGRE_TC_HOOK_CLSACT;
}

xgre_uplink make_uplink(const AttachSpec& spec, const LinkInfo& device, const Datapath& datapath) {
    xgre_uplink row{};
    row.abi_version = XGRE_ABI_VERSION;
    row.ifindex = static_cast<__u32>(device.index);
    row.local = spec.local.network_order();
    row.flags = spec.xdp ? 0 : static_cast<__u32>(XGRE_UPLINK_NO_XDP);
    std::memcpy(row.mac, device.mac.bytes().data(), sizeof(row.mac));
    row.tc_hook = static_cast<__u8>(choose_tc_hook(spec.tc_hook, datapath));
    row.cookie = random_cookie();
    row.netns_cookie = netns_cookie();
    set_name(row.name, device.name, "device");
    return row;
}

// An instance is taken down from within its network namespace, whose filters cannot be reached
// from elsewhere; from anywhere when that namespace is gone, and its devices with it.
void check_netns(const Session& session) {
    const auto row = uplink_of(session.instance);
    if (!row || row->netns_cookie == netns_cookie()) return;
    const std::string object = "instance " + session.instance;
    if (const auto name = netns_of_cookie(row->netns_cookie))
        throw Error{object, "it belongs to network namespace " + *name, "add --netns " + *name};
    const Hooks hooks{pins::links(session.instance), static_cast<xgre_tc_hook>(row->tc_hook)};
    for (const int ifindex : hooks.devices())
        if (hooks.xdp(ifindex) || (row->tc_hook == XGRE_TC_HOOK_TCX && hooks.tc(ifindex)))
            throw Error{object, "it belongs to another network namespace, which has no name",
                        "run this inside it, as with `nsenter --net`"};
}

// Everything of the instance off the devices and out of the BPF file system. Works on what is
// there, whatever version made it.
void tear_down(const Session& session) {
    const std::string links = pins::links(session.instance);
    const Hooks hooks{links, XGRE_TC_HOOK_TCX};
    for (const int ifindex : hooks.devices())
        hooks.clear_xdp(ifindex);
    for (const int ifindex : hooks.devices())
        hooks.clear(ifindex);
    pins::remove_tree(pins::directory(session.instance));
    pins::remove_tree(pins::staging(session.instance));
    ::rmdir(pins::root().c_str());  // only when this was the last instance
    const bool still_needed =
        other_instance(session.instance, [](const xgre_uplink&) { return true; }).has_value();
    if (!still_needed && !host_forwards()) set_loopback_forwarding(false);
}

void make_instance(const Session& session, const AttachSpec& spec, const LinkInfo& device) {
    const std::uint32_t entries = spec.fdb_entries.value_or(XGRE_FDB_DEFAULT);
    const Datapath datapath = Datapath::load({.fdb_entries = entries});
    datapath.uplink().put(0, make_uplink(spec, device, datapath));
    const std::string staging = pins::staging(session.instance);
    pins::make_directory(pins::root());
    pins::make_directory(staging);
    pins::make_directory(staging + "/links");
    datapath.pin(staging);
    // Only pinned maps may have a running timer: the kernel stops it with the last user.
    datapath.start_sweeper(kSweepInterval);
    set_loopback_forwarding(true);
    // From here on the instance exists, as a whole; what is attached where follows.
    if (::rename(staging.c_str(), pins::directory(session.instance).c_str()) != 0)
        throw Error::from_errno(staging, "rename", errno, "run as root");
}

Change upgrade(Instance::State& state) {
    Datapath fresh = Datapath::load_on(state.datapath);
    fresh.pin(pins::directory(state.session.instance));
    fresh.start_sweeper(kSweepInterval);
    state.datapath = std::move(fresh);
    state.reconcile();
    return Change::made;
}

// The uplink was made again by the same name, or nothing changed.
Change attach_again(Instance::State& state, const AttachSpec& spec, const LinkInfo& device) {
    const Ip4Addr local = Ip4Addr::from_network_order(state.uplink.local);
    const std::string uplink = text_of(state.uplink.name);
    if (uplink != spec.uplink)
        throw Error{"instance " + state.session.instance, "its uplink is " + uplink,
                    "`xgre detach --all` first, or name another --instance"};
    if (local != spec.local)
        throw Error{"instance " + state.session.instance,
                    fmt::format("its local address is {}", local),
                    "`xgre detach --all` first, or name another --instance"};
    const std::uint32_t entries = state.datapath.fdb().max_entries();
    if (spec.fdb_entries && *spec.fdb_entries != entries)
        throw Error{"instance " + state.session.instance,
                    fmt::format("its FDB has room for {} entries", entries),
                    "the size is chosen once: `xgre detach --all` first"};
    Change change = Change::unchanged;
    if (state.uplink.ifindex != static_cast<__u32>(device.index)) {
        state.uplink.ifindex = static_cast<__u32>(device.index);
        state.datapath.uplink().put(0, state.uplink);
        change = Change::made;
    }
    set_loopback_forwarding(true);
    state.reconcile();
    return spec.upgrade ? upgrade(state) : change;
}

}  // namespace

Instance::Instance(std::unique_ptr<State> state) : state_{std::move(state)} {}
Instance::Instance(Instance&&) noexcept = default;
Instance& Instance::operator=(Instance&&) noexcept = default;
Instance::~Instance() = default;

std::vector<std::string> Instance::list() {
    std::vector<std::string> names;
    if (!is_bpffs(kBpffsRoot)) return names;
    for (std::string& name : pins::list(pins::root()))
        if (pins::is_instance_name(name)) names.push_back(std::move(name));
    return names;
}

Change Instance::attach(const Session& session, const AttachSpec& spec) {
    if (!pins::is_instance_name(session.instance))
        throw Error{"instance " + session.instance, "not a name for an instance",
                    "use 1 to 15 letters, digits, _ or -"};
    if (spec.fdb_entries && (*spec.fdb_entries < 1 || *spec.fdb_entries > XGRE_FDB_LIMIT))
        throw Error{"--fdb-size", "out of range", fmt::format("1 to {}", XGRE_FDB_LIMIT)};
    ensure_bpffs();
    auto lock = InstanceLock::acquire();
    const NetnsScope scope = enter(session);
    const LinkInfo device = check_uplink(session, spec);
    pins::remove_tree(pins::staging(session.instance));  // of an attach that was killed
    if (pins::exists(pins::directory(session.instance))) {
        State state{session, std::move(lock)};
        return attach_again(state, spec, device);
    }
    Undo undo;
    undo.add([&session] { tear_down(session); });
    make_instance(session, spec, device);
    State{session, std::move(lock)}.reconcile();
    undo.commit();
    return Change::made;
}

Change Instance::detach(const Session& session, bool all) {
    if (!pins::is_instance_name(session.instance))
        throw Error{"instance " + session.instance, "not a name for an instance",
                    "use 1 to 15 letters, digits, _ or -"};
    ensure_bpffs();
    const NetnsScope scope = enter(session);
    check_netns(session);
    if (all) stop_all_dhcp(session);
    const auto lock = InstanceLock::acquire();
    if (!pins::exists(pins::directory(session.instance))) {
        pins::remove_tree(pins::staging(session.instance));
        ::rmdir(pins::root().c_str());
        return Change::unchanged;
    }
    if (!all && !State{session, std::nullopt}.networks().empty())
        throw Error{"instance " + session.instance, "it still has networks",
                    "`xgre network del` removes one, `xgre detach --all` everything"};
    tear_down(session);
    return Change::made;
}

Instance Instance::open(const Session& session) {
    auto lock = InstanceLock::acquire();
    auto state = std::make_unique<State>(session, std::move(lock));
    state->repairs = state->reconcile();
    return Instance{std::move(state)};
}

Instance Instance::view(const Session& session) {
    return Instance{std::make_unique<State>(session, std::nullopt)};
}

const std::vector<std::string>& Instance::repairs() const {
    return state_->repairs;
}

}  // namespace xgre
