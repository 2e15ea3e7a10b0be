// SPDX-License-Identifier: GPL-2.0-only
#include "loader/instances.h"

#include <bpf/bpf.h>

#include <fmt/format.h>

#include "loader/fd.h"
#include "loader/hooks.h"
#include "loader/map.h"
#include "loader/netns.h"
#include "loader/pins.h"
#include "xgre/error.h"
#include "xgre/instance.h"

namespace xgre {

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

std::optional<std::string> other_instance(
    const std::string& instance,
    const std::function<bool(const std::string& name, const xgre_uplink& row)>& test) {
    const std::uint64_t cookie = netns_cookie();
    for (const std::string& name : Instance::list()) {
        const auto row = uplink_of(name);
        if (name != instance && row && row->netns_cookie == cookie && test(name, *row)) return name;
    }
    return std::nullopt;
}

void check_no_other_instance(const std::string& instance, const LinkInfo& device) {
    bool is_uplink = false;
    const auto holder =
        other_instance(instance, [&](const std::string& name, const xgre_uplink& row) {
            is_uplink = row.ifindex == static_cast<__u32>(device.index);
            const Hooks hooks{pins::links(name), static_cast<xgre_tc_hook>(row.tc_hook)};
            return is_uplink || hooks.tc(device.index) || hooks.xdp(device.index);
        });
    if (!holder) return;
    throw Error{device.name,
                fmt::format("is {} of instance {}", is_uplink ? "the uplink" : "a port", *holder),
                is_uplink
                    ? "add networks to that instance, or detach it first"
                    : fmt::format("`xgre --instance {} port del {}` first", *holder, device.name)};
}

}  // namespace xgre
