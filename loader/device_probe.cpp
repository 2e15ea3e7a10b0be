// SPDX-License-Identifier: GPL-2.0-only
#include "loader/device_probe.h"

#include <fcntl.h>
#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "loader/ethtool.h"
#include "loader/netns.h"
#include "xgre/abi.h"
#include "xgre/error.h"
#include "xgre/number.h"

namespace xgre {
namespace {

// linux/netdev.h of Linux 6.3; a 6.1 system has no such header.
constexpr const char* kNetdevFamily = "netdev";
constexpr std::uint8_t kNetdevVersion = 1;
constexpr std::uint8_t kNetdevCmdDevGet = 1;
constexpr int kNetdevAttrIfindex = 1;
constexpr int kNetdevAttrXdpFeatures = 3;

constexpr std::string_view kVeth = "veth";
constexpr std::string_view kTun = "tun";

// One generic netlink request with one attribute; returns the wanted attribute's bytes as a
// Value. `outcome` tells why there are none.
template <typename Value>
std::optional<Value> ask_generic(NlSocket& netlink, std::uint16_t family, std::uint8_t command,
                                 std::uint8_t version, int attribute, const void* data,
                                 int data_size, int wanted, NlSocket::Outcome& outcome) {
    struct FreeMessage {
        void operator()(nl_msg* message) const noexcept { nlmsg_free(message); }
    };
    const std::unique_ptr<nl_msg, FreeMessage> message{nlmsg_alloc_simple(family, NLM_F_REQUEST)};
    genlmsghdr header{command, version, 0};
    if (message == nullptr ||
        nlmsg_append(message.get(), &header, sizeof(header), NLMSG_ALIGNTO) != 0 ||
        nla_put(message.get(), attribute, data_size, data) != 0) {
        throw std::bad_alloc{};
    }
    std::optional<Value> value;
    outcome = netlink.request(*message, [&](const nlmsghdr& answer) {
        const nlattr* const found =
            nlmsg_find_attr(const_cast<nlmsghdr*>(&answer), sizeof(genlmsghdr), wanted);
        if (found == nullptr || nla_len(found) < static_cast<int>(sizeof(Value))) return;
        Value read{};
        std::memcpy(&read, nla_data(found), sizeof(read));
        value = read;
    });
    return value;
}

// What decides about the far end, from inside its namespace.
FarEnd describe(const LinkInfo& link, std::string netns_path) {
    FarEnd end;
    end.name = link.name;
    end.mac = link.mac;
    end.netns_path = std::move(netns_path);
    end.tx_checksum = ethtool::tx_checksum(link.name);
    end.tx_vlan = ethtool::tx_vlan(link.name);
    end.gro = ethtool::gro(link.name);
    // Generic XDP runs above the driver and needs none of its queues.
    end.has_xdp = link.xdp_mode == XdpMode::native || link.xdp_mode == XdpMode::several;
    return end;
}

// Files that name network namespaces: the named ones first, then those of processes, which
// have a VM's or a container's, or the host's own when this is run in another one.
std::vector<std::string> netns_files() {
    std::vector<std::string> files;
    for (const std::string& name : list_netns()) {
        files.push_back(fmt::format("{}/{}", kNetnsDirectory, name));
    }
    std::error_code error;
    for (std::filesystem::directory_iterator entry{"/proc", error}, end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (parse_decimal(name, INT32_MAX)) files.push_back(fmt::format("/proc/{}/ns/net", name));
    }
    return files;
}

// `nsid` is the number that the current namespace has for the wanted one. Files that are no
// namespaces, or are gone by now, are not the wanted one.
std::optional<std::pair<std::string, Fd>> find_netns(NlSocket& netlink, int nsid) {
    std::set<std::pair<dev_t, ino_t>> seen;
    for (std::string& file : netns_files()) {
        Fd netns{open(file.c_str(), O_RDONLY | O_CLOEXEC)};
        struct stat inode{};
        if (!netns.is_open() || fstat(netns.get(), &inode) != 0) continue;
        if (!seen.emplace(inode.st_dev, inode.st_ino).second) continue;
        try {
            if (netlink.nsid_of(netns) == nsid) return std::pair{std::move(file), std::move(netns)};
        } catch (const Error&) {
            continue;  // an ordinary file among the namespaces
        }
    }
    return std::nullopt;
}

std::string command_at(const FarEnd& end, std::string_view options) {
    const std::string enter =
        end.netns_path.empty() ? "" : fmt::format("nsenter --net={} ", end.netns_path);
    return fmt::format("{}ethtool -K {} {}", enter, end.name, options);
}

XdpFitness fit(std::string reason) {
    return {true, std::move(reason), {}};
}
XdpFitness unfit(std::string reason, std::string remedy = {}) {
    return {false, std::move(reason), std::move(remedy)};
}

XdpFitness tap_port(const LinkInfo& link) {
    if (!link.tun_vnet_hdr) return unfit("the kernel does not tell whether it has vnet_hdr");
    if (*link.tun_vnet_hdr) {
        return unfit("its vnet_hdr lets the VM leave checksums and segmentation to the host",
                     fmt::format("open it without vnet_hdr, in QEMU `-netdev tap,ifname={},"
                                 "vnet_hdr=off`",
                                 link.name));
    }
    return fit("a tap without vnet_hdr carries only finished frames");
}

XdpFitness veth_port(const std::optional<FarEnd>& end) {
    if (!end) {
        return unfit("its far end cannot be seen, and may send frames without a checksum",
                     "give the far end's namespace a name: `ip netns attach NAME PID`");
    }
    std::string kept;
    std::string settings;
    if (end->tx_checksum) {
        kept = "checksums to be filled in";
        settings = "tx off";
    }
    if (end->tx_vlan) {
        kept += kept.empty() ? "VLAN tags beside the bytes" : " and VLAN tags beside the bytes";
        settings += settings.empty() ? "" : " ";
        settings += "txvlan off tx-vlan-stag-hw-insert off";
    }
    if (!settings.empty())
        return unfit(fmt::format("its far end {} sends frames with {}, which XDP does not see",
                                 end->name, kept),
                     command_at(*end, settings));
    return fit(fmt::format("its far end {} sends finished frames", end->name));
}

XdpFitness veth_transmit(const LinkInfo& link, const std::optional<FarEnd>& end) {
    const bool polls = end && (end->gro || end->has_xdp);
    // Where the kernel has the feature bit it obeys it: without it, each redirect fails.
    if (const auto features = xdp_features(link.index)) {
        if ((*features & kXdpNdoXmit) != 0) return fit("its driver takes XDP frames");
        // The bit follows GRO only while the far end is up (drivers/net/veth.c).
        if (polls)
            return unfit(
                fmt::format("the kernel has not noticed that its far end {} polls", end->name),
                command_at(*end, "gro off") + " && " + command_at(*end, "gro on"));
    } else if (polls) {
        return fit(fmt::format("its far end {} polls for frames", end->name));
    }
    if (!end) {
        return unfit("its far end cannot be seen, and may lose XDP frames silently",
                     "give the far end's namespace a name: `ip netns attach NAME PID`");
    }
    return unfit(fmt::format("its far end {} has neither GRO nor an XDP program, and would lose "
                             "XDP frames silently",
                             end->name),
                 command_at(*end, "gro on"));
}

}  // namespace

std::optional<FarEnd> far_end(const LinkInfo& link) {
    if (link.kind != kVeth || !link.peer_index) return std::nullopt;
    NlSocket netlink = NlSocket::open();
    if (!link.peer_nsid) {
        const auto peer = netlink.find_link(*link.peer_index);
        if (!peer) return std::nullopt;
        return describe(*peer, {});
    }
    const auto netns = find_netns(netlink, *link.peer_nsid);
    if (!netns) return std::nullopt;
    const NetnsScope scope = NetnsScope::enter(netns->second, netns->first);
    const auto peer = NlSocket::open().find_link(*link.peer_index);
    if (!peer || peer->kind != kVeth) return std::nullopt;
    return describe(*peer, netns->first);
}

std::optional<std::uint64_t> xdp_features(int ifindex) {
    NlSocket netlink = NlSocket::open_generic();
    NlSocket::Outcome outcome;
    const auto family = ask_generic<std::uint16_t>(
        netlink, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, CTRL_ATTR_FAMILY_NAME, kNetdevFamily,
        static_cast<int>(std::strlen(kNetdevFamily)) + 1, CTRL_ATTR_FAMILY_ID, outcome);
    if (outcome.error == ENOENT) return std::nullopt;
    if (outcome.error != 0 || !family) {
        throw Error::from_errno("netlink", "cannot look up the netdev family", outcome.error,
                                "report this as a bug");
    }
    const auto index = static_cast<std::uint32_t>(ifindex);
    const auto features = ask_generic<std::uint64_t>(
        netlink, *family, kNetdevCmdDevGet, kNetdevVersion, kNetdevAttrIfindex, &index,
        sizeof(index), kNetdevAttrXdpFeatures, outcome);
    if (outcome.error != 0) {
        throw Error::from_errno(fmt::format("device number {}", ifindex),
                                "cannot tell its XDP features", outcome.error,
                                "see `ip link` for the devices there are");
    }
    return features;
}

namespace {

XdpFitness fitness_for_xdp(const LinkInfo& link, const std::optional<FarEnd>& end) {
    if (!link.ethernet) return unfit("it carries no Ethernet frames");
    if (link.kind == kTun) return tap_port(link);
    if (link.kind == kVeth) return veth_port(end);
    if (!link.kind.empty()) {
        return unfit(
            fmt::format("whether frames of a {} device want an offload is not known", link.kind));
    }
    // A wire carries no half-done checksum, and drivers that take one from a hypervisor stop it
    // when they get an XDP program, or refuse the program.
    const auto features = xdp_features(link.index);
    if (features && (*features & kXdpBasic) == 0) return unfit("its driver has no XDP");
    if (ethtool::rx_vlan(link.name)) {
        return unfit("its driver takes VLAN tags out of the bytes, where XDP does not see them",
                     fmt::format("ethtool -K {} rxvlan off", link.name));
    }
    // Before 6.3 the kernel does not tell: the driver says so when the program is attached.
    return fit("a physical device's frames come finished, and its driver has XDP");
}

XdpFitness fitness_to_transmit(const LinkInfo& link, const std::optional<FarEnd>& end) {
    if (!link.ethernet) return unfit("it carries no Ethernet frames");
    if (link.kind == kTun) return fit("a tap takes XDP frames");
    if (link.kind == kVeth) return veth_transmit(link, end);
    const auto features = xdp_features(link.index);
    if (!features) return unfit("the kernel does not tell what its driver can do with XDP");
    if ((*features & kXdpNdoXmit) == 0) return unfit("its driver takes no XDP frames now");
    return fit("its driver takes XDP frames");
}

}  // namespace

DeviceFitness probe_device(const LinkInfo& link) {
    const auto end = far_end(link);
    DeviceFitness fitness{
        .xdp = fitness_for_xdp(link, end),
        .transmit = fitness_to_transmit(link, end),
        .far_end = {},
    };
    if (link.peer_nsid && end && !end->has_xdp) fitness.far_end = end->mac;
    return fitness;
}

bool wants_xdp(std::uint32_t uplink_flags, const LinkInfo& link) {
    if ((uplink_flags & XGRE_UPLINK_NO_XDP) != 0) return false;
    return (uplink_flags & XGRE_UPLINK_ANY_XDP) != 0 || link.kind != kVeth;
}

}  // namespace xgre
