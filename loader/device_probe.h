// SPDX-License-Identifier: GPL-2.0-only
// Which of the fast path's programs a device can have without harm to its traffic.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "loader/netlink.h"

namespace xgre {

// The other end of a veth pair.
struct FarEnd {
    std::string name;
    Mac mac;
    std::string netns_path;    // a file to enter its namespace by; empty: the current one
    bool tx_checksum = false;  // it may hand frames without a transport checksum to this end
    bool tx_vlan = false;      // it may hand frames with their VLAN tag beside the bytes
    bool gro = false;
    bool has_xdp = false;  // native XDP
};

// nullopt when `link` is no veth, or its far end cannot be seen: it is in a namespace with
// neither a name nor a process. `link` must be of the current network namespace.
std::optional<FarEnd> far_end(const LinkInfo& link);

// Bits of xdp_features(): the kernel's NETDEV_XDP_ACT_*.
inline constexpr std::uint64_t kXdpBasic = 1;
inline constexpr std::uint64_t kXdpRedirect = 2;
inline constexpr std::uint64_t kXdpNdoXmit = 4;

// What the driver of a device says it can do with XDP now; nullopt when the kernel cannot tell
// (before 6.3, it has no `netdev` netlink family). Throws Error for a missing device.
std::optional<std::uint64_t> xdp_features(int ifindex);

struct XdpFitness {
    bool ok = false;
    std::string reason;  // why it is, or is not
    std::string remedy;  // what would make it so; empty when `ok` or when nothing would
};

struct DeviceFitness {
    // May an XDP program run on this device? Only where no frame can arrive that still wants
    // an offload: XDP cannot see that its checksum is not filled in, and would send it broken.
    XdpFitness xdp;
    // Can XDP frames be redirected *into* this device without being lost silently?
    XdpFitness transmit;
    // The MAC whose frames TC may hand to the far end of a veth at once (bpf_redirect_peer). That
    // has to be in another namespace, as the kernel wants it, and without an XDP program, which
    // would be passed by.
    std::optional<Mac> far_end;
};

// Looks for the far end of a veth once, in all namespaces that have a name or a process.
DeviceFitness probe_device(const LinkInfo& link);

// Is XDP asked for on this device, where it may run? `uplink_flags`: enum xgre_uplink_flags. Unless
// `attach --xdp` says on or off: not on a veth, which first copies each frame that did not come
// as an XDP frame into a page of its own (drivers/net/veth.c, veth_convert_skb_to_xdp_buff).
bool wants_xdp(std::uint32_t uplink_flags, const LinkInfo& link);

}  // namespace xgre
