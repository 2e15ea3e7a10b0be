// SPDX-License-Identifier: GPL-2.0-only
#include "loader/instance_state.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "loader/bpffs.h"
#include "loader/device_probe.h"
#include "loader/ethtool.h"
#include "loader/outer_header.h"
#include "loader/pins.h"
#include "loader/row_address.h"
#include "xgre/error.h"

namespace xgre {
namespace {

// Before anything else is read: another version's maps may have other shapes.
void check_version(const std::string& directory, const std::string& instance) {
    const std::string path = directory + "/maps/uplink";
    const Fd map{bpf_obj_get(path.c_str())};
    if (!map.is_open()) {
        if (errno == EPERM || errno == EACCES)
            throw Error{"instance " + instance, "no permission to open its pins", "run as root"};
        throw Error{"instance " + instance, "not attached",
                    "run `xgre attach UPLINK --local ADDR` first"};
    }
    bpf_map_info info{};
    std::uint32_t len = sizeof(info);
    std::uint32_t key = 0;
    if (bpf_obj_get_info_by_fd(map.get(), &info, &len) != 0 || info.value_size < sizeof(key) ||
        info.value_size > 4096)
        throw Error{"instance " + instance, "its pins are not xgre's",
                    "run `xgre detach --all` and attach again"};
    std::vector<std::uint8_t> value(info.value_size);
    std::uint32_t version = 0;
    if (bpf_map_lookup_elem(map.get(), &key, value.data()) == 0)
        std::memcpy(&version, value.data(), sizeof(version));
    if (version != XGRE_ABI_VERSION)
        throw Error{"instance " + instance,
                    fmt::format("its pinned maps are of version {}, this tool speaks version {}",
                                version, XGRE_ABI_VERSION),
                    "use the tool that made them, or `xgre detach --all` and attach again"};
}

Datapath open_datapath(const Session& session) {
    pins::check_instance_name(session.instance);
    const std::string directory = pins::directory(session.instance);
    if (session.netns) open_netns(*session.netns);  // a mistyped name is the first thing to say
    check_version(directory, session.instance);
    return Datapath::open(directory);
}

template <typename V>
Rows<V> used_rows(const Map<std::uint32_t, V>& map, bool (*is_used)(const V&)) {
    Rows<V> rows;
    map.for_each([&](std::uint32_t key, const V& value) {
        if (is_used(value)) rows.emplace(key, value);
    });
    return rows;
}

}  // namespace

void set_name(char (&field)[XGRE_NAME_LEN], const std::string& name, const std::string& object) {
    const bool fits = !name.empty() && name.size() < XGRE_NAME_LEN &&
                      std::ranges::all_of(
                          name,
                          [](char c) {
                              return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' ||
                                     c == '-' || c == '.';
                          });
    if (!fits)
        throw Error{object + " " + name, "not a name",
                    "use 1 to 15 letters, digits, `_`, `-` or `.`"};
    std::memset(field, 0, XGRE_NAME_LEN);
    std::memcpy(field, name.data(), name.size());
}

xgre_owner owner_of_port(std::uint32_t ifindex, std::uint32_t slot) {
    return XGRE_OWNER_PORT | static_cast<xgre_owner>(slot) << XGRE_OWNER_SLOT_SHIFT | ifindex;
}

xgre_owner owner_of_peer(std::uint32_t peer) {
    return XGRE_OWNER_PEER | peer;
}

std::uint64_t kernel_id_of_program(int fd) {
    bpf_prog_info info{};
    std::uint32_t len = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &len) != 0)
        throw Error::from_errno("BPF program", "information", errno, "run as root");
    return info.id;
}

Instance::State::State(Session wanted, std::optional<InstanceLock> held)
    : session{std::move(wanted)},
      lock{std::move(held)},
      datapath{open_datapath(session)},
      uplink{datapath.uplink().find(0).value_or(xgre_uplink{})},
      hooks{pins::links(session.instance), static_cast<xgre_tc_hook>(uplink.tc_hook)} {
    const auto scope = enter();
    if (netns_cookie() == uplink.netns_cookie) return;
    const std::string object = "instance " + session.instance;
    if (const auto name = netns_of_cookie(uplink.netns_cookie))
        throw is_of_namespace(session.instance, *name);
    throw Error{object, "it belongs to a network namespace that is gone or has no name",
                "`xgre detach --all` removes it when that is gone"};
}

Error is_of_namespace(const std::string& instance, const std::string& netns) {
    return {"instance " + instance, "it belongs to network namespace " + netns,
            fmt::format("add --netns {}, or name another one with --instance", netns)};
}

NetnsScope enter(const Session& session) {
    if (session.netns) return NetnsScope::enter(*session.netns);
    return NetnsScope::enter(open_current_netns(), "the current network namespace");
}

NetnsScope Instance::State::enter() const {
    return xgre::enter(session);
}

Rows<xgre_network> Instance::State::networks() const {
    return used_rows<xgre_network>(datapath.networks(), [](const xgre_network& network) {
        return (network.flags & XGRE_NETWORK_USED) != 0;
    });
}

Rows<xgre_port> Instance::State::ports() const {
    return used_rows<xgre_port>(datapath.ports(), [](const xgre_port&) { return true; });
}

Rows<xgre_peer> Instance::State::peers() const {
    return used_rows<xgre_peer>(datapath.peers(),
                                [](const xgre_peer& peer) { return peer.network != 0; });
}

std::vector<IpAddr> Instance::State::addresses(std::uint32_t slot) const {
    std::vector<IpAddr> found;
    datapath.addresses().for_each([&](const xgre_address& entry, std::uint32_t) {
        if (entry.slot != slot) return;
        xgre_addr row{};
        std::memcpy(&row, entry.address, sizeof(row));
        found.push_back(from_row(row, entry.family == kIp6));
    });
    std::ranges::sort(found);
    return found;
}

std::pair<std::uint32_t, xgre_network> Instance::State::network(const std::string& name) const {
    for (const auto& [id, network] : networks())
        if (text_of(network.name) == name) return {id, network};
    throw Error{
        "network " + name, "there is none of this name",
        fmt::format("`xgre network add {}` makes it, `xgre network show` lists them", name)};
}

std::optional<std::pair<std::uint32_t, xgre_port>> Instance::State::port(
    const std::string& device) const {
    std::optional<std::pair<std::uint32_t, xgre_port>> found;
    for (const auto& [ifindex, port] : ports()) {
        if (text_of(port.name) != device) continue;
        found.emplace(ifindex, port);
        if (is_live(ifindex)) break;
    }
    return found;
}

void Instance::State::move_statics(std::uint32_t from, std::uint32_t to,
                                   std::uint32_t to_slot) const {
    std::vector<xgre_fdb_key> keys;
    datapath.fdb().for_each([&](const xgre_fdb_key& key, const xgre_fdb_entry& entry) {
        const bool of_port = (entry.owner & XGRE_OWNER_KIND_MASK) == XGRE_OWNER_PORT &&
                             static_cast<std::uint32_t>(entry.owner) == from;
        if (of_port && (entry.owner & XGRE_OWNER_STATIC) != 0) keys.push_back(key);
    });
    for (const xgre_fdb_key& key : keys)
        datapath.fdb_put(key, owner_of_port(to, to_slot) | XGRE_OWNER_STATIC);
}

bool Instance::State::is_live(std::uint32_t ifindex) const {
    return datapath.redirect().find(ifindex).has_value();
}

std::optional<LinkInfo> Instance::State::find_uplink(NlSocket& netlink) const {
    auto device = netlink.find_link(static_cast<int>(uplink.ifindex));
    if (!device) return std::nullopt;
    if (device->name == text_of(uplink.name)) return device;
    const bool is_renamed = is_live(uplink.ifindex) && !datapath.ports().find(uplink.ifindex);
    return is_renamed ? device : std::nullopt;
}

std::uint32_t Instance::State::mtu_behind(std::uint32_t overhead) const {
    const auto scope = enter();
    NlSocket netlink = NlSocket::open();
    const auto device = find_uplink(netlink);
    return device && device->mtu > overhead ? device->mtu - overhead : 0;
}

HookInfo Instance::State::hook_info(const LinkInfo* device, bool is_uplink) const {
    HookInfo info;
    info.tc = info.xdp = "none";
    if (device == nullptr) {
        info.reason = info.transmit_reason = "the device is gone";
        return info;
    }
    if (hooks.tc(device->index)) info.tc = uplink.tc_hook == XGRE_TC_HOOK_TCX ? "tcx" : "clsact";
    const DeviceFitness probed = probe_device(*device);
    const XdpFitness& fitness = probed.xdp;
    const XdpFitness& transmit = probed.transmit;
    if (hooks.xdp(device->index)) {
        info.xdp = "native";
        if (!fitness.ok) {
            info.reason = "XDP must not run here any more: " + fitness.reason;
            info.remedy = fitness.remedy;
        }
    } else if ((uplink.flags & XGRE_UPLINK_NO_XDP) != 0) {
        info.reason = "attached with --xdp off";
        info.remedy = "`xgre attach` again with --xdp auto";
    } else if (!wants_xdp(uplink.flags, *device)) {
        info.reason = "a veth copies each frame for XDP, which costs more than XDP saves";
        info.remedy = "to have it all the same, `xgre attach` again with --xdp on";
        info.xdp_pays = false;
    } else if (device->xdp_prog_id != 0) {
        info.reason = fmt::format("another XDP program is attached (id {})", device->xdp_prog_id);
        info.remedy = fmt::format("`ip link set dev {} xdp off`, then `xgre {}` again",
                                  device->name, is_uplink ? "attach" : "port add");
    } else if (!fitness.ok) {
        info.reason = fitness.reason;
        info.remedy = fitness.remedy;
    } else {
        info.reason = "the driver refused XDP for the device as it is set up";
        info.remedy = is_uplink ? "lower its MTU or queue count, switch LRO off, then "
                                  "`xgre attach` again"
                                : "`xgre port add` again";
    }
    info.xdp_transmit = transmit.ok;
    if (!transmit.ok) {
        info.transmit_reason = transmit.reason;
        info.transmit_remedy = transmit.remedy;
    }
    return info;
}

}  // namespace xgre
