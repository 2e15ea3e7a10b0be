// SPDX-License-Identifier: GPL-2.0-only
// Instance::attach, detach, open, view: the life of an instance.
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "loader/bpffs.h"
#include "loader/detour.h"
#include "loader/device_probe.h"
#include "loader/instance_state.h"
#include "loader/instances.h"
#include "loader/loopback.h"
#include "loader/outer_header.h"
#include "loader/pins.h"
#include "loader/spec_checks.h"
#include "loader/spread.h"
#include "loader/undo.h"
#include "xgre/dhcp.h"
#include "xgre/error.h"
#include "xgre/upgrade.h"

namespace xgre {
namespace {

constexpr std::uint64_t kSweepInterval = 1'000'000'000;  // ns

std::uint32_t random_cookie() {
    std::uint32_t cookie = 0;
    if (::getrandom(&cookie, sizeof(cookie), 0) != sizeof(cookie))
        throw Error::from_errno("random number", "getrandom", errno, "try again");
    return cookie;
}

const char* const kNameAddress = "name an address of the uplink, as in `ip addr`";

void check_local(NlSocket& netlink, const LinkInfo& device, const AttachSpec& spec) {
    if (!spec.local) return;
    const Ip4Addr local = *spec.local;
    if (local.is_multicast() || local.is_broadcast() || local.is_unspecified())
        throw Error{local.format(), "not an address of a host", kNameAddress};
    const bool is_there =
        std::ranges::any_of(netlink.list_addresses(), [&](const AddressInfo& info) {
            return info.ifindex == device.index && info.address == local;
        });
    if (!is_there)
        throw Error{
            local.format(), fmt::format("not an address of {}", device.name),
            fmt::format("`ip addr add {}/24 dev {}`, or name one that it has", local, device.name)};
}

// A link-local address is one of a link, and would need that named with each use.
void check_local6(NlSocket& netlink, const LinkInfo& device, const AttachSpec& spec) {
    if (!spec.local6) return;
    const Ip6Addr local = *spec.local6;
    if (local.is_multicast() || local.is_unspecified() || local.is_v4_mapped() ||
        local.is_link_local())
        throw Error{local.format(), "not an address of one host among all", kNameAddress};
    const bool is_there =
        std::ranges::any_of(netlink.list_addresses6(), [&](const AddressInfo6& info) {
            return info.ifindex == device.index && info.address == local;
        });
    if (!is_there)
        throw Error{
            local.format(), fmt::format("not an address of {}", device.name),
            fmt::format("`ip addr add {}/64 dev {}`, or name one that it has", local, device.name)};
}

LinkInfo check_uplink(const Session& session, const AttachSpec& spec) {
    NlSocket netlink = NlSocket::open();
    const LinkInfo device = netlink.get_link(spec.uplink);
    if (!device.ethernet)
        throw Error{spec.uplink, "carries no Ethernet frames", "name an Ethernet device"};
    check_local(netlink, device, spec);
    check_local6(netlink, device, spec);
    check_no_other_instance(session.instance, device);
    return device;
}

xgre_tc_hook choose_tc_hook(TcHook wanted) {
    const bool tcx = knows_tcx();
    if (wanted == TcHook::clsact) return XGRE_TC_HOOK_CLSACT;
    if (wanted == TcHook::tcx && !tcx)
        throw Error{"tcx", "this kernel has none (it came with Linux 6.6)",
                    "attach with --tc clsact"};
    return tcx ? XGRE_TC_HOOK_TCX : XGRE_TC_HOOK_CLSACT;
}

// What was asked for by name is had or refused; `auto` looks for itself.
void check_spread(const Spread& spread, std::uint32_t flags, const LinkInfo& device) {
    if (spread.mode == SpreadMode::automatic || spread.mode == SpreadMode::off) return;
    if (!wants_xdp(flags, device))
        throw Error{"--spread",
                    fmt::format("XDP spreads frames, and is not used on {}", device.name),
                    "attach with --xdp on, or with --spread off"};
    if (const XdpFitness fitness = probe_device(device).xdp; !fitness.ok)
        throw Error{"--spread",
                    fmt::format("XDP spreads frames, and must not run on {}: {}", device.name,
                                fitness.reason),
                    fitness.remedy.empty() ? "attach with --spread off" : fitness.remedy};
    if (spread.mode == SpreadMode::all) return;
    const CpuSet present = system_cpus("present");
    if (const CpuSet missing = spread.cpus - present; !missing.empty())
        throw Error{"CPU " + missing.format(), "this machine has none of this number",
                    "name some of " + present.format()};
    const CpuSet online = system_cpus("online");
    if ((spread.cpus & online).empty())
        throw Error{"CPU " + spread.cpus.format(), "not online", "name some of " + online.format()};
}

// ... also when only the driver knows that it cannot: by how many queues it has, say.
void check_spreads(const Spread& spread, const Instance::State& state, const LinkInfo& device) {
    if (spread.mode == SpreadMode::automatic || spread.mode == SpreadMode::off) return;
    const xgre_uplink now = state.datapath.uplink().find(0).value_or(xgre_uplink{});
    if ((now.flags & XGRE_UPLINK_SPREAD) == 0)
        throw Error{
            "--spread",
            fmt::format("XDP spreads frames, and {} does not take it; `xgre --verbose` says "
                        "why",
                        device.name),
            "attach with --spread off"};
}

xgre_uplink make_uplink(const AttachSpec& spec, const LinkInfo& device) {
    xgre_uplink row{};
    row.abi_version = XGRE_ABI_VERSION;
    row.ifindex = static_cast<__u32>(device.index);
    if (spec.local) row.local = spec.local->network_order();
    if (spec.local6) row.local6 = to_row(*spec.local6);
    row.flags = xdp_flags(spec.xdp.value_or(XdpUse::automatic));
    std::memcpy(row.mac, device.mac.bytes().data(), sizeof(row.mac));
    row.tc_hook = static_cast<__u8>(choose_tc_hook(spec.tc_hook));
    row.cookie = random_cookie();
    row.netns_cookie = netns_cookie();
    set_spread(spec.spread.value_or(Spread{}), row);
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
        throw is_of_namespace(session.instance, *name);
    const Hooks hooks{pins::links(session.instance), static_cast<xgre_tc_hook>(row->tc_hook)};
    for (const int ifindex : hooks.devices())
        if (hooks.xdp(ifindex) || (row->tc_hook == XGRE_TC_HOOK_TCX && hooks.tc(ifindex)))
            throw Error{object, "it belongs to another network namespace, which has no name",
                        "run this inside it, as with `nsenter --net`"};
}

// nullopt: it is in the current namespace, or in none that has a name.
std::optional<std::string> netns_of_instance(const std::string& instance) {
    const auto row = uplink_of(instance);
    if (!row || row->netns_cookie == netns_cookie()) return std::nullopt;
    return netns_of_cookie(row->netns_cookie);
}

// What commands that were killed left: an instance in the making, or on its way out.
void remove_remains(const Session& session) {
    pins::remove_tree(pins::staging(session.instance));
    pins::remove_tree(pins::removed(session.instance));
}

// Frames that still wait for another CPU are then to go on as they came: see uplink_cpu_xdp. Those
// that it decapsulated before have gone to TC.
void stop_spreading(const Session& session, const std::optional<xgre_uplink>& row) {
    if (!row || row->abi_version != XGRE_ABI_VERSION) return;
    const std::string maps = pins::directory(session.instance) + "/maps/";
    const Fd uplink{bpf_obj_get((maps + "uplink").c_str())};
    if (uplink.is_open() && (row->flags & XGRE_UPLINK_SPREAD) != 0) {
        xgre_uplink alone = *row;
        alone.flags &= ~static_cast<__u32>(XGRE_UPLINK_SPREAD);
        Map<std::uint32_t, xgre_uplink>{uplink.get(), "uplink"}.put(0, alone);
    }
    if (const Fd cpus{bpf_obj_get((maps + "cpus").c_str())}; cpus.is_open()) empty_cpus(cpus.get());
}

// The row of another version does not say which devices it is, but its program is at one of them.
void remove_detour(const Session& session, const std::optional<xgre_uplink>& row) {
    NlSocket netlink = NlSocket::open();
    const bool is_known = row && row->abi_version == XGRE_ABI_VERSION;
    if (is_known && row->netns_cookie == netns_cookie()) Detour{row->cookie}.remove(netlink);
    const std::string links = pins::links(session.instance);
    for (const xgre_tc_hook kind : {XGRE_TC_HOOK_TCX, XGRE_TC_HOOK_CLSACT}) {
        const Hooks hooks{links, kind};
        for (const int ifindex : hooks.devices()) {
            const auto link = netlink.find_link(ifindex);
            if (link && Detour::is_end(*link) && hooks.tc(ifindex)) netlink.delete_link(link->name);
        }
    }
}

// Everything of the instance off the devices and out of the BPF file system. Works on what is
// there, whatever version made it. Killed before the rename, the instance is whole but for its
// programs, which the next command attaches again; after it, only remains are left.
void tear_down(const Session& session) {
    const auto row = uplink_of(session.instance);
    const Hooks hooks{pins::links(session.instance), XGRE_TC_HOOK_TCX};
    stop_spreading(session, row);
    remove_detour(session, row);
    hooks.clear(hooks.devices());
    const bool is_last =
        !other_instance(session.instance, [](const auto&, const auto&) { return true; });
    if (is_last && (!row || row->netns_cookie == netns_cookie())) disable_loopback_forwarding();
    remove_remains(session);
    const std::string directory = pins::directory(session.instance);
    const std::string removed = pins::removed(session.instance);
    if (::rename(directory.c_str(), removed.c_str()) != 0 && errno != ENOENT)
        throw Error::from_errno(directory, "rename", errno, "run as root");
    remove_remains(session);
    ::rmdir(pins::root().c_str());  // only when this was the last instance
}

// XDP that another program has cannot be taken; better to say so before anything is done.
void check_foreign_xdp(const AttachSpec& spec, const LinkInfo& device) {
    const std::uint32_t flags = xdp_flags(spec.xdp.value_or(XdpUse::automatic));
    if (device.xdp_prog_id == 0 || !wants_xdp(flags, device)) return;
    throw Error{device.name,
                fmt::format("another XDP program is attached (id {})", device.xdp_prog_id),
                fmt::format("`ip link set dev {} xdp off` removes it, or attach with --xdp off",
                            device.name)};
}

void make_instance(const Session& session, const AttachSpec& spec, const LinkInfo& device) {
    const std::uint32_t entries = spec.fdb_entries.value_or(XGRE_FDB_DEFAULT);
    const Datapath datapath = Datapath::load({.fdb_entries = entries});
    datapath.uplink().put(0, make_uplink(spec, device));
    const std::string staging = pins::staging(session.instance);
    pins::make_directory(pins::root());
    pins::make_directory(staging);
    pins::make_directory(staging + "/links");
    datapath.pin(staging);
    // Only pinned maps may have a running timer: the kernel stops it with the last user.
    datapath.start_sweeper(kSweepInterval);
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

Change reconcile(const Instance::State& state, bool changed) {
    const bool repaired = !state.reconcile().empty();
    return changed || repaired ? Change::made : Change::unchanged;
}

// An instance may get an address of the other family, too, but none in place of another.
template <typename Row>
void set_local(const Instance::State& state, Row& row, const Row& wanted, const IpAddr& now) {
    const Row none{};
    if (std::memcmp(&row, &none, sizeof(row)) != 0 && std::memcmp(&row, &wanted, sizeof(row)) != 0)
        throw Error{"instance " + state.session.instance,
                    fmt::format("its local address is {}", now),
                    "`xgre detach --all` first, or name another --instance"};
    row = wanted;
}

void set_locals(Instance::State& state, const AttachSpec& spec) {
    xgre_uplink& row = state.uplink;
    if (spec.local)
        set_local(state, row.local, spec.local->network_order(),
                  Ip4Addr::from_network_order(row.local));
    if (spec.local6) set_local(state, row.local6, to_row(*spec.local6), from_row(row.local6, true));
}

// The uplink was made again by the same name, or nothing changed.
Change attach_again(Instance::State& state, const AttachSpec& spec, const LinkInfo& device) {
    const std::string uplink = text_of(state.uplink.name);
    const bool is_renamed = state.uplink.ifindex == static_cast<__u32>(device.index) &&
                            state.is_live(state.uplink.ifindex);
    if (uplink != spec.uplink && !is_renamed)
        throw Error{"instance " + state.session.instance, "its uplink is " + uplink,
                    "`xgre detach --all` first, or name another --instance"};
    const xgre_uplink before = state.uplink;
    set_locals(state, spec);
    const std::uint32_t entries = state.datapath.fdb().max_entries();
    if (spec.fdb_entries && *spec.fdb_entries != entries)
        throw Error{"instance " + state.session.instance,
                    fmt::format("its FDB has room for {} entries", entries),
                    "the size is chosen once: `xgre detach --all` first"};
    if (spec.tc_hook == TcHook::tcx && state.uplink.tc_hook != XGRE_TC_HOOK_TCX)
        throw Error{"instance " + state.session.instance, "its programs are at clsact",
                    "the hook is chosen once: `xgre detach --all` first"};
    if (spec.tc_hook == TcHook::clsact && state.uplink.tc_hook != XGRE_TC_HOOK_CLSACT)
        throw Error{"instance " + state.session.instance, "its programs are at tcx",
                    "the hook is chosen once: `xgre detach --all` first"};
    state.uplink.ifindex = static_cast<__u32>(device.index);
    if (spec.xdp) {
        state.uplink.flags &= ~static_cast<__u32>(XGRE_UPLINK_NO_XDP | XGRE_UPLINK_ANY_XDP);
        state.uplink.flags |= xdp_flags(*spec.xdp);
    }
    if (spec.spread) {
        check_spread(*spec.spread, state.uplink.flags, device);
        set_spread(*spec.spread, state.uplink);
    }
    const bool changed = std::memcmp(&state.uplink, &before, sizeof(before)) != 0;
    Undo undo;
    undo.add([&] { state.datapath.uplink().put(0, before); });
    if (changed) state.datapath.uplink().put(0, state.uplink);
    const Change change = spec.upgrade ? upgrade(state) : reconcile(state, changed);
    if (spec.spread) check_spreads(*spec.spread, state, device);
    undo.commit();
    return change;
}

}  // namespace

void check_attach_spec(const Session& session, const AttachSpec& spec, bool is_new) {
    const LinkInfo device = check_uplink(session, spec);
    if (is_new) check_foreign_xdp(spec, device);
    if (spec.spread)
        check_spread(*spec.spread, xdp_flags(spec.xdp.value_or(XdpUse::automatic)), device);
}

void upgrade_programs(const Session& session) {
    pins::check_instance_name(session.instance);
    const auto lock = InstanceLock::acquire();
    Session home = session;
    if (!home.netns) home.netns = netns_of_instance(session.instance);
    Instance::State state{home, std::nullopt};
    upgrade(state);
}

std::uint32_t xdp_flags(XdpUse use) {
    if (use == XdpUse::automatic) return 0;
    return use == XdpUse::off ? XGRE_UPLINK_NO_XDP : XGRE_UPLINK_ANY_XDP;
}

void put_back_uplink(const Session& session, const xgre_uplink& row) {
    const Instance::State state{session, InstanceLock::acquire()};
    constexpr __u32 kAsked = XGRE_UPLINK_NO_XDP | XGRE_UPLINK_ANY_XDP;
    xgre_uplink now = state.uplink;
    now.local = row.local;
    now.local6 = row.local6;
    now.flags = (now.flags & ~kAsked) | (row.flags & kAsked);
    set_spread(spread_of(row), now);
    state.datapath.uplink().put(0, now);
    Instance::State{session, std::nullopt}.reconcile();
}

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
    pins::check_instance_name(session.instance);
    if (spec.fdb_entries && (*spec.fdb_entries < 1 || *spec.fdb_entries > XGRE_FDB_LIMIT))
        throw Error{"--fdb-size", "out of range", fmt::format("1 to {}", XGRE_FDB_LIMIT)};
    if (!spec.local && !spec.local6)
        throw Error{spec.uplink, "tunnels need an address at this end", kNameAddress};
    ensure_bpffs();
    const auto lock = InstanceLock::acquire();
    const NetnsScope scope = enter(session);
    const LinkInfo device = check_uplink(session, spec);
    remove_remains(session);
    if (pins::exists(pins::directory(session.instance))) {
        State state{session, std::nullopt};
        return attach_again(state, spec, device);
    }
    check_foreign_xdp(spec, device);
    if (spec.spread)
        check_spread(*spec.spread, xdp_flags(spec.xdp.value_or(XdpUse::automatic)), device);
    Undo undo;
    undo.add([&session] { tear_down(session); });
    make_instance(session, spec, device);
    State made{session, std::nullopt};
    made.reconcile();
    if (spec.spread) check_spreads(*spec.spread, made, device);
    undo.commit();
    return Change::made;
}

Change Instance::detach(const Session& session, bool all) {
    pins::check_instance_name(session.instance);
    ensure_bpffs();
    const NetnsScope scope = enter(session);
    check_netns(session);
    if (all) stop_all_dhcp(session);
    const auto lock = InstanceLock::acquire();
    if (!pins::exists(pins::directory(session.instance))) {
        remove_remains(session);
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
