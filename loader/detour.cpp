// SPDX-License-Identifier: GPL-2.0-only
#include "loader/detour.h"

#include <fstream>

#include <fmt/format.h>

#include "loader/ethtool.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::uint32_t kMtu = 65535;  // bytes, the most that a veth can have

// The host has nothing to say on it: no router solicitations, no reports of groups. A kernel
// without IPv6 says nothing anyway.
void silence_ip6(const std::string& device) {
    std::ofstream{"/proc/sys/net/ipv6/conf/" + device + "/disable_ipv6"} << 1 << std::flush;
}

}  // namespace

Detour::Detour(std::uint32_t cookie)
    : in_{fmt::format("xg-{:08x}-in", cookie)}, out_{fmt::format("xg-{:08x}-out", cookie)} {}

std::optional<Detour::Ends> Detour::find(NlSocket& netlink) const {
    const auto in = netlink.find_link(in_);
    const auto out = netlink.find_link(out_);
    // Up is the last that it becomes.
    if (!in || !out || in->peer_index != out->index || !in->up || !out->up || in->mtu != kMtu ||
        out->mtu != kMtu || ethtool::tx_checksum(in_))
        return std::nullopt;
    return Ends{*in, *out};
}

Detour::Ends Detour::make(NlSocket& netlink) const {
    remove(netlink);
    netlink.create_veth(in_, out_);
    // TSO, scatter and gather, and cutting datagrams go with it: all that the kernel then does by
    // itself before the frame leaves.
    ethtool::set_tx_checksum(in_, false);
    for (const std::string& end : {in_, out_}) {
        netlink.set_mtu(end, kMtu);
        silence_ip6(end);
        netlink.set_link_up(end);
    }
    const auto ends = find(netlink);
    if (!ends) throw Error{"device " + in_, "somebody changed it while it was made", "try again"};
    return *ends;
}

bool Detour::is_end(const LinkInfo& link) {
    return link.kind == "veth" && link.name.starts_with("xg-") &&
           (link.name.ends_with("-in") || link.name.ends_with("-out"));
}

void Detour::remove(NlSocket& netlink) const {
    for (const std::string& end : {in_, out_})
        if (netlink.find_link(end)) netlink.delete_link(end);
}

}  // namespace xgre
