// SPDX-License-Identifier: GPL-2.0-only
// Devices, addresses and routes of one network namespace, over rtnetlink.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/fd.h"
#include "xgre/ip_addr.h"
#include "xgre/mac.h"

struct nl_sock;
struct nl_msg;
struct nlmsghdr;

namespace xgre {

enum class XdpMode : std::uint8_t { none, native, generic, offload, several };

// "none", "native", "generic", "offload", "several".
std::string_view to_string(XdpMode mode);

// A device as the kernel described it at one moment.
struct LinkInfo {
    int index = 0;
    std::string name;
    std::string kind;          // "tun", "veth", "bridge", ...; empty for a physical device
    bool ethernet = false;     // it carries Ethernet frames; a tun or a loopback device does not
    Mac mac;                   // the zero address where the device has no six-byte address
    std::uint32_t mtu = 0;     // bytes
    bool up = false;           // set up by the administrator
    bool running = false;      // ready to send: up and with a carrier
    std::uint32_t master = 0;  // index of the bridge, bond, ...; 0 is none
    std::optional<bool> tun_vnet_hdr;  // only of kind "tun": frames may carry offloads
    std::optional<bool> tun_is_tap;    // only of kind "tun": Ethernet frames, not IP
    std::optional<int> peer_index;     // IFLA_LINK: of a veth, its far end
    std::optional<int> peer_nsid;      // IFLA_LINK_NETNSID: far end is in another netns
    std::uint32_t xdp_prog_id = 0;     // 0 is none
    std::uint64_t tx_packets = 0;      // frames that it sent
    std::uint64_t tx_dropped = 0;      // ... that it was to send, and did not
    XdpMode xdp_mode = XdpMode::none;
};

struct AddressInfo {
    int ifindex = 0;
    Ip4Addr address;
    std::uint8_t prefix_length = 0;
};

struct AddressInfo6 {
    int ifindex = 0;
    Ip6Addr address;
};

// The next step to an address.
struct RouteInfo {
    int ifindex = 0;                // the device to leave by
    std::optional<IpAddr> gateway;  // none: the address itself is on the link
    // What forwarded packets have to fit beside the device's MTU: the route's where that is locked,
    // or what the kernel was told by a router. Bytes; 0: neither.
    std::uint32_t mtu = 0;
};

// What the kernel knows of the way to a neighbour.
struct NeighbourInfo {
    std::optional<Mac> mac;
    bool asked = false;   // nobody has answered yet
    bool failed = false;  // nobody answered
};

// A chain of nftables at a device itself, before or behind all that knows of IP.
struct DeviceChain {
    std::string table;
    std::string name;
    std::vector<std::string> devices;
    bool ingress = true;  // else egress
};

// A netlink socket. It belongs to the network namespace it was opened in, whichever the thread
// enters later. Move-only, not for two threads at a time. Devices are given by name; every
// function throws Error when the kernel refuses, or when a device it is to change is missing.
class NlSocket {
public:
    // For devices, addresses and routes, in the current network namespace.
    static NlSocket open();
    // For generic netlink families, likewise; the functions below are not for this one.
    static NlSocket open_generic();
    // For netfilter, likewise.
    static NlSocket open_netfilter();

    // nullopt: there is no such device.
    std::optional<LinkInfo> find_link(std::string_view name);
    std::optional<LinkInfo> find_link(int index);
    // Throws where find_link has nullopt.
    LinkInfo get_link(std::string_view name);
    std::vector<LinkInfo> list_links();

    void set_link_up(std::string_view name, bool up = true);
    // `mtu` in bytes.
    void set_mtu(std::string_view name, std::uint32_t mtu);
    void set_mac(std::string_view name, const Mac& mac);
    // The device must be down on kernels before 6.2.
    void rename(std::string_view name, std::string_view new_name);
    void move_to_netns(std::string_view name, const Fd& netns);
    void delete_link(std::string_view name);

    void create_veth(std::string_view name_here, std::string_view name_there);
    // The second end is born in `netns_there`.
    void create_veth(std::string_view name_here, std::string_view name_there,
                     const Fd& netns_there);

    // IPv4 addresses, of all devices.
    std::vector<AddressInfo> list_addresses();
    // Those of IPv6.
    std::vector<AddressInfo6> list_addresses6();
    void add_address(std::string_view device, Ip4Addr address, std::uint8_t prefix_length);
    void add_default_route(std::string_view device, Ip4Addr gateway);
    // How the kernel would send to `address`; nullopt: not at all.
    std::optional<RouteInfo> route_to(const IpAddr& address);
    // To one address by this device, in the place of the route that there was; the gateway, if any,
    // is taken to be on its link. `mtu` as in RouteInfo.
    void set_host_route(std::string_view device, const IpAddr& address,
                        const std::optional<IpAddr>& gateway, std::uint32_t mtu = 0);
    void delete_host_route(std::string_view device, const IpAddr& address);
    // nullopt: the kernel has not sent to it lately.
    std::optional<NeighbourInfo> find_neighbour(int ifindex, const IpAddr& address);
    // The MAC that the kernel knows for a neighbour at a device; nullopt: none.
    std::optional<Mac> neighbour(int ifindex, const IpAddr& address);
    // One that never ages.
    void add_neighbour(std::string_view device, const IpAddr& address, const Mac& mac);
    void delete_neighbour(std::string_view device, const IpAddr& address);

    // The number this socket's namespace has for another one (`peer_nsid`); nullopt when it
    // has none.
    std::optional<int> nsid_of(const Fd& netns);

    // Of a socket of open_netfilter(). Empty also where the kernel has no nftables.
    std::vector<DeviceChain> list_device_chains();

    // What a request came to: `error` is 0 or a positive errno, `detail` the kernel's own
    // words about it, often empty.
    struct Outcome {
        int error = 0;
        std::string detail;
    };

    // Sends `message` and hands each answer to `answer` until the kernel says it is done.
    // An answer is valid only during that call. Throws Error when talking itself fails.
    Outcome request(nl_msg& message, const std::function<void(const nlmsghdr&)>& answer);

private:
    struct Free {
        void operator()(nl_sock* socket) const noexcept;
    };
    using Handle = std::unique_ptr<nl_sock, Free>;

    explicit NlSocket(Handle socket);
    static NlSocket open_protocol(int protocol);

    Handle socket_;
};

}  // namespace xgre
