// SPDX-License-Identifier: GPL-2.0-only
#include "loader/dhcp_router.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "loader/ethtool.h"
#include "loader/netns.h"
#include "xgre/abi.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::string_view kPortPrefix = "xd-";
constexpr std::size_t kMaxName = XGRE_NAME_LEN - 1;
constexpr const char* kVeth = "veth";

// Names that every namespace uses itself, or that the kernel refuses.
constexpr std::array<std::string_view, 12> kNotFree{"lo",      "all",     "default", "gre0",
                                                    "gretap0", "erspan0", "ip6gre0", "ip6tnl0",
                                                    "tunl0",   "sit0",    "ip_vti0", "ip6_vti0"};

Fd open_host(const Session& session) {
    return session.netns ? open_netns(*session.netns) : open_current_netns();
}

NlSocket open_socket(const Fd& netns, const std::string& object) {
    const auto scope = NetnsScope::enter(netns, object);
    return NlSocket::open();
}

// FNV-1a. What makes names differ that are cut to the same beginning, or are of two instances.
std::uint32_t hash_of(std::string_view text) {
    std::uint32_t hash = 2166136261U;
    for (const char c : text)
        hash = (hash ^ static_cast<std::uint8_t>(c)) * 16777619U;
    return hash;
}

std::string shortened(std::string_view prefix, const std::string& instance,
                      const std::string& network) {
    const std::string tail =
        fmt::format("-{:04x}", hash_of(fmt::format("{}/{}", instance, network)) & 0xffffU);
    const std::size_t room = kMaxName - prefix.size() - tail.size();
    return fmt::format("{}{}{}", prefix, network.substr(0, room), tail);
}

// In the order of preference. Two instances on one host may both have a network of a name.
std::vector<std::string> port_names(const std::string& instance, const std::string& network) {
    std::vector<std::string> names;
    std::string plain = fmt::format("{}{}", kPortPrefix, network);
    if (plain.size() <= kMaxName) names.push_back(std::move(plain));
    names.push_back(shortened(kPortPrefix, instance, network));
    return names;
}

// ---- Settings under /proc/sys/net, which shows the network namespace of the thread that opens --

struct Setting {
    std::string path;
    std::string value;
};

std::string read_setting(const std::string& path) {
    std::ifstream file{path};
    std::string value;
    std::getline(file, value);
    return value;
}

// A kernel without IPv6 lacks its settings, and needs none of them.
bool is_set(const Setting& setting) {
    return access(setting.path.c_str(), F_OK) != 0 || read_setting(setting.path) == setting.value;
}

void set(const Setting& setting) {
    if (is_set(setting)) return;
    const Fd file{open(setting.path.c_str(), O_WRONLY | O_CLOEXEC)};
    if (!file.is_open() || write(file.get(), setting.value.data(), setting.value.size()) !=
                               static_cast<ssize_t>(setting.value.size())) {
        throw Error::from_errno(setting.path, "cannot write it", errno,
                                "run as root, with /proc/sys writable");
    }
}

// The port forwards frames for others, the router speaks IPv4: neither has to say who it is in
// IPv6, or to believe what a VM advertises.
Setting without_ipv6(const std::string& device) {
    return {fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", device), "1"};
}

std::vector<Setting> router_settings(const std::string& device, const RouterSetup& setup) {
    std::vector<Setting> settings{
        without_ipv6(device),
        // A gratuitous ARP when it comes up: VMs and FDBs hear of a new gateway at once.
        {fmt::format("/proc/sys/net/ipv4/conf/{}/arp_notify", device), "1"}};
    if (setup.forwarding) settings.push_back({"/proc/sys/net/ipv4/ip_forward", "1"});
    return settings;
}

// ---- Devices -------------------------------------------------------------------------------

// A device that is about to vanish by itself, with its namespace, is no obstacle to its removal.
void delete_link(NlSocket& socket, const std::string& name) {
    try {
        socket.delete_link(name);
    } catch (const Error&) {
        if (socket.find_link(name)) throw;
    }
}

// Whether `link`, seen by `socket`, is the end of a veth whose other end is in `there`.
bool leads_to(NlSocket& socket, const LinkInfo& link, const Fd& there) {
    return link.kind == kVeth && link.peer_nsid && socket.nsid_of(there) == link.peer_nsid;
}

std::vector<AddressInfo> addresses_of(NlSocket& socket, int ifindex) {
    auto addresses = socket.list_addresses();
    std::erase_if(addresses, [&](const AddressInfo& a) { return a.ifindex != ifindex; });
    return addresses;
}

std::string in_netns(const std::string& device, const std::string& netns) {
    return fmt::format("device {} in namespace {}", device, netns);
}

Error port_in_the_way(const std::string& port) {
    return {fmt::format("device {}", port), "it is in the way of the DHCP server's port",
            "rename or delete it"};
}

Error device_in_the_way(const std::string& device, const std::string& netns) {
    return {in_netns(device, netns), "it is in the way of the network's own device",
            "rename or delete it, or choose another --router"};
}

}  // namespace

// Both ends as far as they are there, and the sockets that see them.
struct DhcpRouter::Ends {
    NlSocket host;
    std::optional<Fd> netns;
    std::optional<NlSocket> router;
    std::optional<LinkInfo> port;
    std::optional<LinkInfo> device;
    bool joined = false;  // they are the two ends of one veth
};

std::string router_netns(const std::string& instance, const std::string& router) {
    return fmt::format("xgre-{}-{}", instance, router);
}

std::optional<Fd> find_netns(const std::string& name) {
    if (!netns_exists(name)) return std::nullopt;
    Fd netns = open_netns(name);
    struct statfs kind{};
    if (fstatfs(netns.get(), &kind) != 0 || kind.f_type != NSFS_MAGIC) return std::nullopt;
    return netns;
}

DhcpRouter::DhcpRouter(const Session& session, DhcpConfig config)
    : host_{open_host(session)},
      host_name_{session.netns ? "namespace " + *session.netns : "the current namespace"},
      config_{std::move(config)} {}

void DhcpRouter::choose_names(const Session& session, DhcpConfig& config) {
    if (find_names(session, config)) return;
    for (const std::string& port : port_names(session.instance, config.network)) {
        config.port = port;
        const Ends ends = DhcpRouter{session, config}.ends();
        if (ends.device) throw device_in_the_way(config.device, config.netns);
        if (!ends.port) return;
    }
    throw port_in_the_way(config.port);
}

bool DhcpRouter::find_names(const Session& session, DhcpConfig& config) {
    // In the router it has the network's own name.
    const bool is_free = std::ranges::find(kNotFree, config.network) == kNotFree.end();
    config.device = is_free ? config.network : shortened("", session.instance, config.network);
    for (const std::string& port : port_names(session.instance, config.network)) {
        config.port = port;
        if (DhcpRouter{session, config}.ends().joined) return true;
    }
    return false;
}

std::vector<Subnet> DhcpRouter::subnets(const std::string& netns, const std::string& device) {
    std::vector<Subnet> subnets;
    const auto router = find_netns(netns);
    if (!router) return subnets;
    const auto scope = NetnsScope::enter(*router, "namespace " + netns);
    NlSocket socket = NlSocket::open();
    const auto own = socket.find_link(device);
    for (const AddressInfo& address : socket.list_addresses()) {
        if (own && own->index == address.ifindex) continue;
        if (const auto subnet = Subnet::around(address.address, address.prefix_length)) {
            subnets.push_back(*subnet);
        }
    }
    return subnets;
}

std::optional<Fd> DhcpRouter::netns() const {
    return find_netns(config_.netns);
}

DhcpRouter::Ends DhcpRouter::ends() const {
    Ends ends{.host = open_socket(host_, host_name_),
              .netns = netns(),
              .router = std::nullopt,
              .port = std::nullopt,
              .device = std::nullopt};
    ends.port = ends.host.find_link(config_.port);
    if (!ends.netns) return ends;
    ends.router = open_socket(*ends.netns, "namespace " + config_.netns);
    ends.device = ends.router->find_link(config_.device);
    ends.joined = ends.port && ends.device && leads_to(ends.host, *ends.port, *ends.netns) &&
                  ends.port->peer_index == ends.device->index;
    return ends;
}

bool DhcpRouter::is_joined() const {
    Ends both = ends();
    if (!both.joined || !both.router || !both.device) return false;
    const auto addresses = addresses_of(*both.router, both.device->index);
    return addresses.empty() || std::ranges::any_of(addresses, [&](const AddressInfo& a) {
               return a.address == config_.gateway &&
                      a.prefix_length == config_.subnet.prefix_length();
           });
}

void DhcpRouter::add_host_faults(const RouterSetup& setup, std::vector<std::string>& faults) const {
    const auto scope = NetnsScope::enter(host_, host_name_);
    NlSocket socket = NlSocket::open();
    const LinkInfo port = socket.get_link(config_.port);
    const std::string object = fmt::format("device {}", config_.port);
    if (!port.up) faults.push_back(fmt::format("{}: it is down", object));
    if (port.mtu != setup.mtu) {
        faults.push_back(
            fmt::format("{}: its MTU is {}, the network's is {}", object, port.mtu, setup.mtu));
    }
    if (port.mac != config_.port_mac) {
        faults.push_back(
            fmt::format("{}: its MAC is {}, not {}", object, port.mac, config_.port_mac));
    }
    if (!is_set(without_ipv6(config_.port))) {
        faults.push_back(fmt::format("{}: it speaks IPv6", object));
    }
}

void DhcpRouter::add_router_faults(const RouterSetup& setup,
                                   std::vector<std::string>& faults) const {
    const auto scope = NetnsScope::enter(config_.netns);
    NlSocket socket = NlSocket::open();
    const LinkInfo device = socket.get_link(config_.device);
    const std::string object = in_netns(config_.device, config_.netns);
    if (!device.up) faults.push_back(fmt::format("{}: it is down", object));
    if (device.mtu != setup.mtu) {
        faults.push_back(
            fmt::format("{}: its MTU is {}, the network's is {}", object, device.mtu, setup.mtu));
    }
    if (device.mac != config_.device_mac) {
        faults.push_back(
            fmt::format("{}: its MAC is {}, not {}", object, device.mac, config_.device_mac));
    }
    if (ethtool::tx_checksum(config_.device)) {
        faults.push_back(fmt::format("{}: it leaves checksums to hardware", object));
    }
    if (!ethtool::gro(config_.device)) faults.push_back(fmt::format("{}: GRO is off", object));
    if (addresses_of(socket, device.index).empty()) {
        faults.push_back(fmt::format("{}: it has no address", object));
    }
    for (const Setting& setting : router_settings(config_.device, setup)) {
        if (!is_set(setting)) {
            faults.push_back(fmt::format("namespace {}: {} is not {}", config_.netns, setting.path,
                                         setting.value));
        }
    }
}

std::vector<std::string> DhcpRouter::faults(const RouterSetup& setup) const {
    std::vector<std::string> faults;
    if (!netns()) {
        faults.push_back(fmt::format("namespace {}: it is missing", config_.netns));
    } else if (!is_joined()) {
        faults.push_back(
            fmt::format("device {}: it is missing, or does not lead to {} at {} in "
                        "namespace {}",
                        config_.port, config_.device, config_.gateway, config_.netns));
    } else {
        add_host_faults(setup, faults);
        add_router_faults(setup, faults);
    }
    return faults;
}

void DhcpRouter::make_netns() const {
    if (netns()) return;
    if (netns_exists(config_.netns)) delete_netns(config_.netns);
    create_netns(config_.netns);
}

void DhcpRouter::make_veth() const {
    if (is_joined()) return;
    remove_veth();
    Ends rest = ends();
    if (rest.port) throw port_in_the_way(config_.port);
    if (rest.device) throw device_in_the_way(config_.device, config_.netns);
    if (!rest.netns) {
        throw Error{fmt::format("namespace {}", config_.netns),
                    "somebody removed it while it was set up", "try again"};
    }
    rest.host.create_veth(config_.port, config_.device, *rest.netns);
}

void DhcpRouter::set_up_port(const RouterSetup& setup) const {
    const auto scope = NetnsScope::enter(host_, host_name_);
    NlSocket socket = NlSocket::open();
    const LinkInfo port = socket.get_link(config_.port);
    if (port.mac != config_.port_mac) socket.set_mac(config_.port, config_.port_mac);
    if (port.mtu != setup.mtu) socket.set_mtu(config_.port, setup.mtu);
    set(without_ipv6(config_.port));
    if (!port.up) socket.set_link_up(config_.port);
}

void DhcpRouter::set_up_device(const RouterSetup& setup) const {
    const auto scope = NetnsScope::enter(config_.netns);
    NlSocket socket = NlSocket::open();
    const LinkInfo device = socket.get_link(config_.device);
    if (device.mac != config_.device_mac) socket.set_mac(config_.device, config_.device_mac);
    if (device.mtu != setup.mtu) socket.set_mtu(config_.device, setup.mtu);
    // With the checksum filled in, the port may have XDP, and every client takes the replies.
    if (ethtool::tx_checksum(config_.device)) ethtool::set_tx_checksum(config_.device, false);
    ethtool::set_tx_vlan(config_.device, false);
    // With GRO, XDP may redirect into the veth.
    if (!ethtool::gro(config_.device)) ethtool::set_gro(config_.device, true);
    for (const Setting& setting : router_settings(config_.device, setup))
        set(setting);
    if (addresses_of(socket, device.index).empty()) {
        socket.add_address(config_.device, config_.gateway, config_.subnet.prefix_length());
    }
    if (!socket.get_link("lo").up) socket.set_link_up("lo");
}

void DhcpRouter::make(const RouterSetup& setup) const {
    make_netns();
    make_veth();
    set_up_device(setup);
    set_up_port(setup);
}

void DhcpRouter::bring_up() const {
    const auto scope = NetnsScope::enter(config_.netns);
    NlSocket socket = NlSocket::open();
    if (!socket.get_link(config_.device).up) socket.set_link_up(config_.device);
}

bool DhcpRouter::remove_veth() const {
    // Ours by its MAC, or by being joined: it gets its MAC only after it was made. One end may be
    // there alone, when the other's namespace was deleted, or another device has its name.
    Ends both = ends();
    const auto is_ours = [&](const std::optional<LinkInfo>& link, const Mac& mac) {
        return link && link->kind == kVeth && (both.joined || link->mac == mac);
    };
    const bool port = is_ours(both.port, config_.port_mac);
    const bool device = is_ours(both.device, config_.device_mac);
    if (port) delete_link(both.host, config_.port);
    if (device && both.router) delete_link(*both.router, config_.device);
    return port || device;
}

bool DhcpRouter::remove_netns() const {
    if (!netns_exists(config_.netns)) return false;
    delete_netns(config_.netns);
    return true;
}

}  // namespace xgre
