// SPDX-License-Identifier: GPL-2.0-only
#include "loader/netlink.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "xgre/error.h"

namespace xgre {
namespace {

struct FreeMessage {
    void operator()(nl_msg* message) const noexcept { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

struct FreeBuffer {
    void operator()(unsigned char* buffer) const noexcept { std::free(buffer); }
};

// Everything that can fail while a message is built is that it grows beyond memory.
void must_fit(bool fits) {
    if (!fits) throw std::bad_alloc{};
}

// A request that carries `header`, and room for attributes behind it.
template <typename Header>
Message make_request(int type, int flags, const Header& header) {
    Message message{nlmsg_alloc_simple(type, NLM_F_REQUEST | flags)};
    must_fit(message != nullptr);
    Header copy = header;
    must_fit(nlmsg_append(message.get(), &copy, sizeof(copy), NLMSG_ALIGNTO) == 0);
    return message;
}

template <typename Value>
void put(nl_msg& message, int type, const Value& value) {
    must_fit(nla_put(&message, type, sizeof(value), &value) == 0);
}

void put_text(nl_msg& message, int type, std::string_view text) {
    must_fit(nla_put_string(&message, type, std::string{text}.c_str()) == 0);
}

template <typename Fill>
void put_nested(nl_msg& message, int type, Fill fill) {
    nlattr* const nest = nla_nest_start(&message, type);
    must_fit(nest != nullptr);
    fill();
    nla_nest_end(&message, nest);
}

// The attributes behind a header of `header_size` bytes, by type; nullptr for absent ones.
template <int Max>
using Attributes = std::array<nlattr*, Max + 1>;

template <int Max>
Attributes<Max> attributes_of(const nlmsghdr& answer, int header_size) {
    Attributes<Max> table{};
    // libnl takes what it only reads as mutable.
    if (nlmsg_parse(const_cast<nlmsghdr*>(&answer), header_size, table.data(), Max, nullptr) < 0) {
        throw Error{"netlink", "the kernel's answer makes no sense", "report this as a bug"};
    }
    return table;
}

template <int Max>
Attributes<Max> attributes_in(nlattr* nest) {
    Attributes<Max> table{};
    if (nest != nullptr && nla_parse_nested(table.data(), Max, nest, nullptr) < 0) {
        throw Error{"netlink", "the kernel's answer makes no sense", "report this as a bug"};
    }
    return table;
}

template <typename Value>
std::optional<Value> read(nlattr* attribute) {
    if (attribute == nullptr || nla_len(attribute) < static_cast<int>(sizeof(Value))) {
        return std::nullopt;
    }
    Value value{};
    std::memcpy(&value, nla_data(attribute), sizeof(value));
    return value;
}

std::string read_text(nlattr* attribute) {
    if (attribute == nullptr) return {};
    const auto* text = static_cast<const char*>(nla_data(attribute));
    return {text, strnlen(text, static_cast<std::size_t>(nla_len(attribute)))};
}

XdpMode xdp_mode_of(std::uint8_t attached) {
    switch (attached) {
        case XDP_ATTACHED_DRV:
            return XdpMode::native;
        case XDP_ATTACHED_SKB:
            return XdpMode::generic;
        case XDP_ATTACHED_HW:
            return XdpMode::offload;
        case XDP_ATTACHED_MULTI:
            return XdpMode::several;
        default:
            return XdpMode::none;
    }
}

void read_tun(nlattr* data, LinkInfo& link) {
    const auto tun = attributes_in<IFLA_TUN_MAX>(data);
    if (const auto vnet_hdr = read<std::uint8_t>(tun[IFLA_TUN_VNET_HDR])) {
        link.tun_vnet_hdr = *vnet_hdr != 0;
    }
    if (const auto type = read<std::uint8_t>(tun[IFLA_TUN_TYPE])) {
        link.tun_is_tap = *type == IFF_TAP;
    }
}

LinkInfo read_link(const nlmsghdr& answer) {
    ifinfomsg header{};
    const auto attributes = attributes_of<IFLA_MAX>(answer, sizeof(header));
    std::memcpy(&header, nlmsg_data(&answer), sizeof(header));

    LinkInfo link;
    link.index = header.ifi_index;
    link.ethernet = header.ifi_type == ARPHRD_ETHER;
    link.up = (header.ifi_flags & IFF_UP) != 0;
    link.running = (header.ifi_flags & IFF_RUNNING) != 0;
    link.name = read_text(attributes[IFLA_IFNAME]);
    if (nlattr* const address = attributes[IFLA_ADDRESS];
        address != nullptr && nla_len(address) == static_cast<int>(Mac::kSize)) {
        link.mac = Mac{read<Mac::Bytes>(address).value_or(Mac::Bytes{})};
    }
    link.mtu = read<std::uint32_t>(attributes[IFLA_MTU]).value_or(0);
    link.master = read<std::uint32_t>(attributes[IFLA_MASTER]).value_or(0);
    link.peer_index = read<std::int32_t>(attributes[IFLA_LINK]);
    link.peer_nsid = read<std::int32_t>(attributes[IFLA_LINK_NETNSID]);
    // The front of struct rtnl_link_stats64, which grows from kernel to kernel.
    constexpr std::size_t kTxDropped = offsetof(rtnl_link_stats64, tx_dropped) / sizeof(__u64);
    using Counters = std::array<std::uint64_t, kTxDropped + 1>;
    if (const auto counters = read<Counters>(attributes[IFLA_STATS64])) {
        link.tx_packets = counters->at(offsetof(rtnl_link_stats64, tx_packets) / sizeof(__u64));
        link.tx_dropped = counters->at(kTxDropped);
    }

    const auto info = attributes_in<IFLA_INFO_MAX>(attributes[IFLA_LINKINFO]);
    link.kind = read_text(info[IFLA_INFO_KIND]);
    if (link.kind == "tun") read_tun(info[IFLA_INFO_DATA], link);

    const auto xdp = attributes_in<IFLA_XDP_MAX>(attributes[IFLA_XDP]);
    link.xdp_mode = xdp_mode_of(read<std::uint8_t>(xdp[IFLA_XDP_ATTACHED]).value_or(0));
    // With several programs on one device the kernel gives the one number per mode only; the
    // driver's is the one that takes the frames first.
    link.xdp_prog_id = read<std::uint32_t>(xdp[IFLA_XDP_PROG_ID])
                           .value_or(read<std::uint32_t>(xdp[IFLA_XDP_DRV_PROG_ID]).value_or(0));
    return link;
}

AddressInfo read_address(const nlmsghdr& answer) {
    ifaddrmsg header{};
    const auto attributes = attributes_of<IFA_MAX>(answer, sizeof(header));
    std::memcpy(&header, nlmsg_data(&answer), sizeof(header));
    AddressInfo info;
    info.ifindex = static_cast<int>(header.ifa_index);
    info.prefix_length = header.ifa_prefixlen;
    // On a point-to-point device IFA_ADDRESS is the other end's address.
    auto bytes = read<Ip4Addr::Bytes>(attributes[IFA_LOCAL]);
    if (!bytes) bytes = read<Ip4Addr::Bytes>(attributes[IFA_ADDRESS]);
    if (bytes) info.address = Ip4Addr{*bytes};
    return info;
}

AddressInfo6 read_address6(const nlmsghdr& answer) {
    ifaddrmsg header{};
    const auto attributes = attributes_of<IFA_MAX>(answer, sizeof(header));
    std::memcpy(&header, nlmsg_data(&answer), sizeof(header));
    AddressInfo6 info;
    info.ifindex = static_cast<int>(header.ifa_index);
    auto bytes = read<Ip6Addr::Bytes>(attributes[IFA_LOCAL]);
    if (!bytes) bytes = read<Ip6Addr::Bytes>(attributes[IFA_ADDRESS]);
    if (bytes) info.address = Ip6Addr{*bytes};
    return info;
}

std::uint8_t family_of(const IpAddr& address) {
    return address.is_v6() ? AF_INET6 : AF_INET;
}

std::uint8_t bits_of(const IpAddr& address) {
    return address.is_v6() ? 128 : Subnet::kMaxPrefix;
}

void put(nl_msg& message, int attribute, const IpAddr& address) {
    if (address.is_v6())
        put(message, attribute, address.v6().bytes());
    else
        put(message, attribute, address.v4().bytes());
}

std::optional<IpAddr> read_ip(nlattr* attribute) {
    if (const auto bytes = read<Ip6Addr::Bytes>(attribute)) return Ip6Addr{*bytes};
    if (const auto bytes = read<Ip4Addr::Bytes>(attribute)) return Ip4Addr{*bytes};
    return std::nullopt;
}

// Errors and, since Linux 4.12, words: what NETLINK_EXT_ACK adds behind the errno.
NlSocket::Outcome read_error(const nlmsghdr& answer) {
    nlmsgerr header{};
    const auto size = static_cast<std::size_t>(nlmsg_datalen(&answer));
    if (size < sizeof(header)) return {EBADMSG, {}};
    std::memcpy(&header, nlmsg_data(&answer), sizeof(header));
    NlSocket::Outcome outcome{-header.error, {}};
    if ((answer.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return outcome;
    // The request comes back between the errno and the words, unless the kernel capped it.
    std::size_t skip = sizeof(header);
    if ((answer.nlmsg_flags & NLM_F_CAPPED) == 0) {
        skip += NLMSG_ALIGN(header.msg.nlmsg_len) - sizeof(header.msg);
    }
    if (skip > size) return outcome;
    auto* const first = reinterpret_cast<nlattr*>(static_cast<char*>(nlmsg_data(&answer)) + skip);
    Attributes<NLMSGERR_ATTR_MAX> attributes{};
    if (nla_parse(attributes.data(), NLMSGERR_ATTR_MAX, first, static_cast<int>(size - skip),
                  nullptr) == 0) {
        outcome.detail = read_text(attributes[NLMSGERR_ATTR_MSG]);
    }
    return outcome;
}

std::string described(std::string_view device) {
    return fmt::format("device {}", device);
}

std::string way_out_of(int error) {
    switch (error) {
        case EPERM:
        case EACCES:
            return "run as root";
        case ENODEV:
            return "see `ip link` for the devices there are";
        case EEXIST:
            return "choose another name or address, or remove the old one first";
        case EBUSY:
            return "set the device down first";
        case EOPNOTSUPP:
            return "load the kernel module of that kind of device";
        default:
            return "compare with what `ip -d link` shows";
    }
}

Error refused(std::string_view device, std::string_view what, const NlSocket::Outcome& outcome) {
    Error error =
        Error::from_errno(described(device), what, outcome.error, way_out_of(outcome.error));
    if (outcome.detail.empty()) return error;
    return Error{error.object(), fmt::format("{} ({})", error.cause(), outcome.detail),
                 error.way_out()};
}

// The kernel would cut a longer name, or find none by it.
bool is_device_name(std::string_view name) {
    return !name.empty() && name.size() < IFNAMSIZ;
}

void check_device_name(std::string_view name) {
    if (is_device_name(name)) return;
    throw Error{fmt::format("device '{}'", name), "that is no name for a device",
                fmt::format("give 1 to {} characters", IFNAMSIZ - 1)};
}

// Names the device, and no other change: attributes follow.
Message change_of(std::string_view name) {
    check_device_name(name);
    Message message = make_request(RTM_NEWLINK, NLM_F_ACK, ifinfomsg{});
    put_text(*message, IFLA_IFNAME, name);
    return message;
}

// `netns_there` may be null: the far end stays here.
Message veth_request(std::string_view name_here, std::string_view name_there,
                     const Fd* netns_there) {
    check_device_name(name_here);
    check_device_name(name_there);
    Message message = make_request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    put_text(*message, IFLA_IFNAME, name_here);
    put_nested(*message, IFLA_LINKINFO, [&] {
        put_text(*message, IFLA_INFO_KIND, "veth");
        put_nested(*message, IFLA_INFO_DATA, [&] {
            put_nested(*message, VETH_INFO_PEER, [&] {
                // The far end is a whole link message: header first, then attributes.
                ifinfomsg header{};
                must_fit(nlmsg_append(message.get(), &header, sizeof(header), NLMSG_ALIGNTO) == 0);
                put_text(*message, IFLA_IFNAME, name_there);
                if (netns_there != nullptr) {
                    put(*message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(netns_there->get()));
                }
            });
        });
    });
    return message;
}

void ignore(const nlmsghdr& /*answer*/) {}

}  // namespace

std::string_view to_string(XdpMode mode) {
    switch (mode) {
        case XdpMode::none:
            return "none";
        case XdpMode::native:
            return "native";
        case XdpMode::generic:
            return "generic";
        case XdpMode::offload:
            return "offload";
        case XdpMode::several:
            return "several";
    }
    return "none";
}

void NlSocket::Free::operator()(nl_sock* socket) const noexcept {
    nl_socket_free(socket);
}

NlSocket::NlSocket(Handle socket) : socket_{std::move(socket)} {}

NlSocket NlSocket::open_protocol(int protocol) {
    Handle socket{nl_socket_alloc()};
    must_fit(socket != nullptr);
    if (const int result = nl_connect(socket.get(), protocol); result < 0) {
        throw Error{"netlink", fmt::format("cannot connect: {}", nl_geterror(result)),
                    "check the limit on open files"};
    }
    // Only words are lost where the kernel lacks these, so their failure is none.
    const int on = 1;
    const int fd = nl_socket_get_fd(socket.get());
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
    return NlSocket{std::move(socket)};
}

NlSocket NlSocket::open() {
    return open_protocol(NETLINK_ROUTE);
}
NlSocket NlSocket::open_netfilter() {
    return open_protocol(NETLINK_NETFILTER);
}
NlSocket NlSocket::open_generic() {
    return open_protocol(NETLINK_GENERIC);
}

NlSocket::Outcome NlSocket::request(nl_msg& message,
                                    const std::function<void(const nlmsghdr&)>& answer) {
    // An ACK ends every answer; a dump ends with DONE instead.
    nlmsg_hdr(&message)->nlmsg_flags |= NLM_F_ACK;
    nlmsg_hdr(&message)->nlmsg_seq = NL_AUTO_SEQ;
    nlmsg_hdr(&message)->nlmsg_pid = NL_AUTO_PORT;
    if (const int result = nl_send_auto(socket_.get(), &message); result < 0) {
        throw Error{"netlink", fmt::format("cannot send: {}", nl_geterror(result)), "try again"};
    }
    const std::uint32_t sequence = nlmsg_hdr(&message)->nlmsg_seq;
    for (;;) {
        sockaddr_nl sender{};
        unsigned char* raw = nullptr;
        const int length = nl_recv(socket_.get(), &sender, &raw, nullptr);
        const std::unique_ptr<unsigned char, FreeBuffer> buffer{raw};
        if (length == -NLE_INTR) continue;
        if (length <= 0) {
            throw Error{"netlink", fmt::format("cannot receive: {}", nl_geterror(length)),
                        "try again"};
        }
        int left = length;
        for (auto* part = reinterpret_cast<nlmsghdr*>(buffer.get()); nlmsg_ok(part, left) != 0;
             part = nlmsg_next(part, &left)) {
            if (part->nlmsg_seq != sequence) continue;  // what an earlier request left unread
            if (part->nlmsg_type == NLMSG_ERROR) return read_error(*part);
            if (part->nlmsg_type == NLMSG_DONE) return {};
            answer(*part);
        }
    }
}

std::optional<LinkInfo> NlSocket::find_link(std::string_view name) {
    if (!is_device_name(name)) return std::nullopt;
    Message message = make_request(RTM_GETLINK, 0, ifinfomsg{});
    put_text(*message, IFLA_IFNAME, name);
    std::optional<LinkInfo> found;
    const Outcome outcome =
        request(*message, [&](const nlmsghdr& answer) { found = read_link(answer); });
    if (outcome.error == ENODEV) return std::nullopt;
    if (outcome.error != 0) throw refused(name, "cannot look it up", outcome);
    return found;
}

std::optional<LinkInfo> NlSocket::find_link(int index) {
    if (index <= 0) return std::nullopt;
    ifinfomsg header{};
    header.ifi_index = index;
    Message message = make_request(RTM_GETLINK, 0, header);
    std::optional<LinkInfo> found;
    const Outcome outcome =
        request(*message, [&](const nlmsghdr& answer) { found = read_link(answer); });
    if (outcome.error == ENODEV) return std::nullopt;
    if (outcome.error != 0) {
        throw refused(fmt::format("number {}", index), "cannot look it up", outcome);
    }
    return found;
}

LinkInfo NlSocket::get_link(std::string_view name) {
    if (auto link = find_link(name)) return *std::move(link);
    throw Error{described(name), "there is no such device",
                "see `ip link` for the devices there are"};
}

std::vector<LinkInfo> NlSocket::list_links() {
    for (;;) {
        std::vector<LinkInfo> links;
        bool interrupted = false;
        Message message = make_request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
        const Outcome outcome = request(*message, [&](const nlmsghdr& answer) {
            interrupted = interrupted || (answer.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            links.push_back(read_link(answer));
        });
        if (outcome.error != 0) throw refused("list", "cannot list devices", outcome);
        // The kernel says when a change during the dump made it inconsistent.
        if (!interrupted) return links;
    }
}

void NlSocket::set_link_up(std::string_view name, bool up) {
    check_device_name(name);
    ifinfomsg header{};
    header.ifi_change = IFF_UP;
    header.ifi_flags = up ? IFF_UP : 0;
    Message message = make_request(RTM_NEWLINK, 0, header);
    put_text(*message, IFLA_IFNAME, name);
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) {
        throw refused(name, up ? "cannot set it up" : "cannot set it down", outcome);
    }
}

void NlSocket::set_mtu(std::string_view name, std::uint32_t mtu) {
    Message message = change_of(name);
    put(*message, IFLA_MTU, mtu);
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) {
        throw refused(name, fmt::format("cannot set its MTU to {}", mtu), outcome);
    }
}

void NlSocket::set_mac(std::string_view name, const Mac& mac) {
    Message message = change_of(name);
    put(*message, IFLA_ADDRESS, mac.bytes());
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) {
        throw refused(name, fmt::format("cannot set its address to {}", mac), outcome);
    }
}

void NlSocket::rename(std::string_view name, std::string_view new_name) {
    check_device_name(new_name);
    ifinfomsg header{};
    header.ifi_index = get_link(name).index;
    Message message = make_request(RTM_NEWLINK, 0, header);
    put_text(*message, IFLA_IFNAME, new_name);
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) {
        throw refused(name, fmt::format("cannot rename it to {}", new_name), outcome);
    }
}

void NlSocket::move_to_netns(std::string_view name, const Fd& netns) {
    Message message = change_of(name);
    put(*message, IFLA_NET_NS_FD, static_cast<std::uint32_t>(netns.get()));
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) {
        throw refused(name, "cannot move it to another namespace", outcome);
    }
}

void NlSocket::delete_link(std::string_view name) {
    check_device_name(name);
    Message message = make_request(RTM_DELLINK, 0, ifinfomsg{});
    put_text(*message, IFLA_IFNAME, name);
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) throw refused(name, "cannot delete it", outcome);
}

void NlSocket::create_veth(std::string_view name_here, std::string_view name_there) {
    const Message message = veth_request(name_here, name_there, nullptr);
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) {
        throw refused(name_here, fmt::format("cannot pair it with {}", name_there), outcome);
    }
}

void NlSocket::create_veth(std::string_view name_here, std::string_view name_there,
                           const Fd& netns_there) {
    const Message message = veth_request(name_here, name_there, &netns_there);
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) {
        throw refused(name_here,
                      fmt::format("cannot pair it with {} in another namespace", name_there),
                      outcome);
    }
}

namespace {

template <typename Info>
std::vector<Info> dump_addresses(NlSocket& socket, std::uint8_t family,
                                 Info (*read)(const nlmsghdr&)) {
    for (;;) {
        std::vector<Info> addresses;
        bool interrupted = false;
        ifaddrmsg header{};
        header.ifa_family = family;
        Message message = make_request(RTM_GETADDR, NLM_F_DUMP, header);
        const NlSocket::Outcome outcome = socket.request(*message, [&](const nlmsghdr& answer) {
            interrupted = interrupted || (answer.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            addresses.push_back(read(answer));
        });
        if (outcome.error != 0) throw refused("list", "cannot list addresses", outcome);
        if (!interrupted) return addresses;
    }
}

}  // namespace

std::vector<AddressInfo> NlSocket::list_addresses() {
    return dump_addresses(*this, AF_INET, read_address);
}

std::vector<AddressInfo6> NlSocket::list_addresses6() {
    return dump_addresses(*this, AF_INET6, read_address6);
}

void NlSocket::add_address(std::string_view device, Ip4Addr address, std::uint8_t prefix_length) {
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = prefix_length;
    header.ifa_index = static_cast<std::uint32_t>(get_link(device).index);
    Message message = make_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, header);
    put(*message, IFA_LOCAL, address.bytes());
    put(*message, IFA_ADDRESS, address.bytes());
    if (const auto subnet = Subnet::around(address, prefix_length);
        subnet && subnet->host_count() > 2) {
        put(*message, IFA_BROADCAST, subnet->broadcast().bytes());
    }
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) {
        throw refused(device, fmt::format("cannot add {}/{}", address, prefix_length), outcome);
    }
}

void NlSocket::add_default_route(std::string_view device, Ip4Addr gateway) {
    rtmsg header{};
    header.rtm_family = AF_INET;
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_BOOT;
    header.rtm_scope = RT_SCOPE_UNIVERSE;
    header.rtm_type = RTN_UNICAST;
    const auto index = static_cast<std::uint32_t>(get_link(device).index);
    Message message = make_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header);
    put(*message, RTA_GATEWAY, gateway.bytes());
    put(*message, RTA_OIF, index);
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0) {
        throw refused(device, fmt::format("cannot add a default route by {}", gateway), outcome);
    }
}

namespace {

// As ip_mtu_from_fib_result() and ip6_mtu_from_fib6() of the kernel have it.
std::uint32_t forwarding_mtu(const Attributes<RTA_MAX>& route) {
    const auto metrics = attributes_in<RTAX_MAX>(route[RTA_METRICS]);
    const std::uint32_t locks = read<std::uint32_t>(metrics[RTAX_LOCK]).value_or(0);
    const auto cached = read<rta_cacheinfo>(route[RTA_CACHEINFO]);
    const bool is_told = cached && cached->rta_expires != 0;
    if ((locks & 1U << RTAX_MTU) == 0 && !is_told) return 0;
    return read<std::uint32_t>(metrics[RTAX_MTU]).value_or(0);
}

}  // namespace

std::optional<RouteInfo> NlSocket::route_to(const IpAddr& address) {
    rtmsg header{};
    header.rtm_family = family_of(address);
    header.rtm_dst_len = bits_of(address);
    Message message = make_request(RTM_GETROUTE, 0, header);
    put(*message, RTA_DST, address);
    std::optional<RouteInfo> route;
    const Outcome outcome = request(*message, [&](const nlmsghdr& answer) {
        const auto attributes = attributes_of<RTA_MAX>(answer, sizeof(header));
        const auto ifindex = read<std::int32_t>(attributes[RTA_OIF]);
        if (!ifindex) return;
        route = RouteInfo{*ifindex, std::nullopt, forwarding_mtu(attributes)};
        route->gateway = read_ip(attributes[RTA_GATEWAY]);
    });
    if (outcome.error == 0) return route;
    // Unreachable, prohibited, or a black hole.
    constexpr std::array kNone{ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL};
    if (std::ranges::find(kNone, outcome.error) != kNone.end()) return std::nullopt;
    throw Error::from_errno(fmt::format("route to {}", address), "look up", outcome.error,
                            way_out_of(outcome.error));
}

void NlSocket::set_host_route(std::string_view device, const IpAddr& address,
                              const std::optional<IpAddr>& gateway, std::uint32_t mtu) {
    rtmsg header{};
    header.rtm_family = family_of(address);
    header.rtm_dst_len = bits_of(address);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_protocol = RTPROT_BOOT;
    header.rtm_scope = gateway ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
    header.rtm_type = RTN_UNICAST;
    header.rtm_flags = gateway ? RTNH_F_ONLINK : 0;
    const auto index = static_cast<std::uint32_t>(get_link(device).index);
    Message message = make_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, header);
    put(*message, RTA_DST, address);
    if (gateway) put(*message, RTA_GATEWAY, *gateway);
    put(*message, RTA_OIF, index);
    if (mtu != 0)
        put_nested(*message, RTA_METRICS, [&] {
            put(*message, RTAX_LOCK, std::uint32_t{1U << RTAX_MTU});
            put(*message, RTAX_MTU, mtu);
        });
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0)
        throw refused(device, fmt::format("cannot add a route to {}", address), outcome);
}

void NlSocket::delete_host_route(std::string_view device, const IpAddr& address) {
    rtmsg header{};
    header.rtm_family = family_of(address);
    header.rtm_dst_len = bits_of(address);
    header.rtm_table = RT_TABLE_MAIN;
    header.rtm_scope = RT_SCOPE_NOWHERE;  // whichever it has
    Message message = make_request(RTM_DELROUTE, 0, header);
    put(*message, RTA_DST, address);
    put(*message, RTA_OIF, static_cast<std::uint32_t>(get_link(device).index));
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0)
        throw refused(device, fmt::format("cannot delete the route to {}", address), outcome);
}

std::optional<NeighbourInfo> NlSocket::find_neighbour(int ifindex, const IpAddr& address) {
    ndmsg header{};
    header.ndm_family = family_of(address);
    header.ndm_ifindex = ifindex;
    Message message = make_request(RTM_GETNEIGH, 0, header);
    put(*message, NDA_DST, address);
    std::optional<NeighbourInfo> info;
    const Outcome outcome = request(*message, [&](const nlmsghdr& answer) {
        const auto attributes = attributes_of<NDA_MAX>(answer, sizeof(header));
        const auto state = static_cast<const ndmsg*>(nlmsg_data(&answer))->ndm_state;
        info = NeighbourInfo{{}, (state & NUD_INCOMPLETE) != 0, (state & NUD_FAILED) != 0};
        if (const auto bytes = read<Mac::Bytes>(attributes[NDA_LLADDR])) info->mac = Mac{*bytes};
    });
    if (outcome.error == 0) return info;
    if (outcome.error == ENOENT) return std::nullopt;
    throw Error::from_errno(fmt::format("neighbour {}", address), "look up", outcome.error,
                            way_out_of(outcome.error));
}

std::optional<Mac> NlSocket::neighbour(int ifindex, const IpAddr& address) {
    const auto info = find_neighbour(ifindex, address);
    return info ? info->mac : std::nullopt;
}

void NlSocket::add_neighbour(std::string_view device, const IpAddr& address, const Mac& mac) {
    ndmsg header{};
    header.ndm_family = family_of(address);
    header.ndm_ifindex = get_link(device).index;
    header.ndm_state = NUD_PERMANENT;
    Message message = make_request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header);
    put(*message, NDA_DST, address);
    put(*message, NDA_LLADDR, mac.bytes());
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0)
        throw refused(device, fmt::format("cannot add neighbour {}", address), outcome);
}

void NlSocket::delete_neighbour(std::string_view device, const IpAddr& address) {
    ndmsg header{};
    header.ndm_family = family_of(address);
    header.ndm_ifindex = get_link(device).index;
    Message message = make_request(RTM_DELNEIGH, 0, header);
    put(*message, NDA_DST, address);
    const Outcome outcome = request(*message, ignore);
    if (outcome.error != 0)
        throw refused(device, fmt::format("cannot delete neighbour {}", address), outcome);
}

std::optional<int> NlSocket::nsid_of(const Fd& netns) {
    Message message = make_request(RTM_GETNSID, 0, rtgenmsg{});
    put(*message, NETNSA_FD, static_cast<std::uint32_t>(netns.get()));
    std::optional<int> nsid;
    const Outcome outcome = request(*message, [&](const nlmsghdr& answer) {
        const auto attributes = attributes_of<NETNSA_MAX>(answer, sizeof(rtgenmsg));
        nsid = read<std::int32_t>(attributes[NETNSA_NSID]);
    });
    if (outcome.error != 0) {
        Error error = Error::from_errno("namespace", "cannot tell its number", outcome.error,
                                        "give the handle of a network namespace");
        throw error;
    }
    // NETNSA_NSID_NOT_ASSIGNED
    if (nsid && *nsid < 0) return std::nullopt;
    return nsid;
}

namespace {

// linux/netfilter.h: of family inet, too, chains may be at a device.
constexpr std::uint32_t kInetIngress = 5;

// The devices of a chain's hook: one, or several.
std::vector<std::string> devices_of(const Attributes<NFTA_HOOK_MAX>& hook) {
    std::vector<std::string> names;
    if (hook[NFTA_HOOK_DEV] != nullptr) names.push_back(read_text(hook[NFTA_HOOK_DEV]));
    if (hook[NFTA_HOOK_DEVS] == nullptr) return names;
    int left = nla_len(hook[NFTA_HOOK_DEVS]);
    for (auto* device = static_cast<nlattr*>(nla_data(hook[NFTA_HOOK_DEVS]));
         nla_ok(device, left) != 0; device = nla_next(device, &left))
        names.push_back(read_text(device));
    return names;
}

std::optional<DeviceChain> read_chain(const nlmsghdr& answer) {
    const auto* header = static_cast<const nfgenmsg*>(nlmsg_data(&answer));
    const auto chain = attributes_of<NFTA_CHAIN_MAX>(answer, sizeof(*header));
    if (chain[NFTA_CHAIN_HOOK] == nullptr) return std::nullopt;
    const auto hook = attributes_in<NFTA_HOOK_MAX>(chain[NFTA_CHAIN_HOOK]);
    const std::uint32_t number = ntohl(read<std::uint32_t>(hook[NFTA_HOOK_HOOKNUM]).value_or(0));
    const bool at_device = header->nfgen_family == NFPROTO_NETDEV ||
                           (header->nfgen_family == NFPROTO_INET && number == kInetIngress);
    if (!at_device) return std::nullopt;
    return DeviceChain{read_text(chain[NFTA_CHAIN_TABLE]), read_text(chain[NFTA_CHAIN_NAME]),
                       devices_of(hook),
                       header->nfgen_family == NFPROTO_INET || number == NF_NETDEV_INGRESS};
}

}  // namespace

std::vector<DeviceChain> NlSocket::list_device_chains() {
    std::vector<DeviceChain> chains;
    const nfgenmsg header{NFPROTO_UNSPEC, NFNETLINK_V0, 0};
    Message message =
        make_request(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, header);
    const Outcome outcome = request(*message, [&](const nlmsghdr& answer) {
        if (auto chain = read_chain(answer)) chains.push_back(std::move(*chain));
    });
    if (outcome.error == 0 || outcome.error == EINVAL || outcome.error == EOPNOTSUPP) return chains;
    throw Error::from_errno("nftables", "cannot list chains", outcome.error, "run as root");
}

}  // namespace xgre
