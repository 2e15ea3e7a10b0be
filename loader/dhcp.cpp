// SPDX-License-Identifier: GPL-2.0-only
// start, stop and show. The configuration is written before anything is made and removed after
// everything is gone, so that a killed command leaves nothing that the next one does not find.
#include "xgre/dhcp.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "loader/dhcp_config.h"
#include "loader/dhcp_files.h"
#include "loader/dhcp_router.h"
#include "loader/dhcp_service.h"
#include "loader/dnsmasq.h"
#include "loader/lock.h"
#include "loader/netns.h"
#include "loader/session_command.h"
#include "loader/undo.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::uint32_t kSmallestMtu = 68;  // RFC 2132 section 5.1, RFC 791

Mac random_mac() {
    Mac::Bytes bytes{};
    if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
        throw Error::from_errno("random MAC", "the kernel gives no random numbers", errno,
                                "try again");
    }
    bytes[0] = static_cast<std::uint8_t>((bytes[0] & 0xfc) | 0x02);  // local, no group
    return Mac{bytes};
}

bool is_attached(const Session& session) {
    return std::ranges::count(Instance::list(), session.instance) != 0;
}

std::uint32_t mtu_of(const Instance& instance, const std::string& network) {
    for (const NetworkInfo& info : instance.networks()) {
        if (info.name != network) continue;
        if (info.mtu < kSmallestMtu) {
            throw Error{fmt::format("network {}", network),
                        fmt::format("IPv4 does not work with its MTU of {}", info.mtu),
                        "give the network a larger --mtu, or bring the uplink back"};
        }
        return info.mtu;
    }
    throw Error{fmt::format("network {}", network), "there is none of this name",
                fmt::format("make it with `xgre network add {}`", network)};
}

// Configurations of one instance, by network.
std::map<std::string, DhcpConfig> configs_of(const std::string& instance) {
    std::map<std::string, DhcpConfig> configs;
    for (const std::string& network : DhcpFiles::networks(instance)) {
        if (auto config = DhcpFiles{instance, network}.config()) {
            configs.emplace(network, std::move(*config));
        }
    }
    return configs;
}

// Configurations of other networks of the instance that have this router.
std::vector<DhcpConfig> others_behind(const std::string& instance, const std::string& netns,
                                      const std::string& network) {
    std::vector<DhcpConfig> others;
    for (auto& [name, config] : configs_of(instance)) {
        if (name != network && config.netns == netns) others.push_back(config);
    }
    return others;
}

// Names of namespaces are the whole machine's: `a-b` with `c` and `a` with `b-c` have the same.
std::optional<std::string> other_instance_behind(const std::string& instance,
                                                 const std::string& netns) {
    for (const std::string& other : DhcpFiles::instances()) {
        if (other != instance && !others_behind(other, netns, "").empty()) return other;
    }
    return std::nullopt;
}

// One network's server: its namespace, veth, port, dnsmasq and files.
class Server {
public:
    // `instance` may be null, when there is none any more; `mtu` is 0 when it is not known.
    Server(const Session& session, Instance* instance, const DhcpConfig& config, std::uint32_t mtu)
        : session_{session},
          instance_{instance},
          config_{config},
          mtu_{mtu},
          files_{session.instance, config.network},
          router_{session, config},
          dnsmasq_{files_.pid_file()} {}

    // What is not as the configuration says, one sentence each.
    std::vector<std::string> faults() const;
    // Makes it so.
    void make();
    // Everything but the files. Whether there was anything.
    bool take_down();

private:
    bool is_port(const PortInfo& port) const {
        return port.device == config_.port && port.network == config_.network;
    }
    bool has_port() const;
    bool is_shared() const {
        return !others_behind(session_.instance, config_.netns, config_.network).empty();
    }
    RouterSetup setup() const { return {mtu_, is_shared()}; }
    std::vector<std::string> arguments() const;
    bool dnsmasq_is_right() const;
    void add_port();

    const Session& session_;
    Instance* instance_;
    DhcpConfig config_;
    std::uint32_t mtu_;
    DhcpFiles files_;
    DhcpRouter router_;
    Dnsmasq dnsmasq_;
};

bool Server::has_port() const {
    if (instance_ == nullptr) return false;
    const auto ports = instance_->ports();
    return std::ranges::any_of(ports,
                               [&](const PortInfo& port) { return is_port(port) && !port.gone; });
}

std::vector<std::string> Server::arguments() const {
    const auto [user, group] = Dnsmasq::account();
    return dnsmasq_arguments(config_, {user, group, files_.pid_file(), files_.lease_file(), mtu_});
}

bool Server::dnsmasq_is_right() const {
    const auto pid = dnsmasq_.pid();
    const auto netns = router_.netns();
    return pid && netns && Dnsmasq::is_as_asked(*pid, arguments(), *netns);
}

std::vector<std::string> Server::faults() const {
    std::vector<std::string> faults = router_.faults(setup());
    if (!has_port()) {
        faults.push_back(
            fmt::format("port {}: it is not in network {}", config_.port, config_.network));
    }
    if (auto fault = files_.lease_fault()) faults.push_back(std::move(*fault));
    if (!dnsmasq_.pid()) {
        faults.emplace_back("dnsmasq: it is not running");
    } else if (!dnsmasq_is_right()) {
        faults.emplace_back("dnsmasq: it runs with other settings, or in another namespace");
    }
    return faults;
}

void Server::add_port() {
    PortSpec port;
    port.device = config_.port;
    port.network = config_.network;
    // A port whose device vanished has its static MAC still, and brings it back.
    const auto ports = instance_->ports();
    const bool is_gone = std::ranges::any_of(
        ports, [&](const PortInfo& known) { return is_port(known) && known.gone; });
    if (is_gone) instance_->add_port(port);
    // A command that was killed may have left the MAC to a port that is none any more.
    bool is_stale = false;
    FdbFilter filter;
    filter.network = config_.network;
    filter.vlan = Vlan{};
    filter.mac = config_.device_mac;
    instance_->fdb(filter, [&](const FdbInfo& entry) {
        is_stale = entry.is_static && entry.port != config_.port;
    });
    if (is_stale) {
        FdbSpec entry;
        entry.mac = config_.device_mac;
        entry.network = config_.network;
        instance_->delete_fdb(entry);
    }
    // Static: no VM takes the gateway's traffic by using its address.
    port.static_macs = {config_.device_mac};
    instance_->add_port(port);
}

void Server::make() {
    // It holds on to the device and the lease file that it started with.
    const LeaseFile leases = files_.leases();
    if (!router_.is_joined() || leases.damaged > 0 || !dnsmasq_is_right()) dnsmasq_.stop();
    router_.make(setup());
    add_port();
    router_.bring_up();
    files_.make_lease_directory();
    if (leases.damaged > 0) files_.mend_leases(leases);
    if (!dnsmasq_is_right()) {
        dnsmasq_.stop();
        const auto netns = router_.netns();
        if (!netns) {
            throw Error{fmt::format("namespace {}", config_.netns),
                        "somebody removed it while it was set up", "try again"};
        }
        dnsmasq_.start(arguments(), *netns);
    }
}

bool Server::take_down() {
    bool any = dnsmasq_.stop();
    any = router_.remove_veth() || any;
    if (instance_ != nullptr) {
        const auto ports = instance_->ports();
        if (std::ranges::any_of(ports, [&](const PortInfo& port) { return is_port(port); })) {
            any = instance_->delete_port(config_.port) == Change::made || any;
        }
    }
    const bool is_in_use =
        is_shared() || other_instance_behind(session_.instance, config_.netns).has_value();
    if (config_.netns_is_ours && !is_in_use) any = router_.remove_netns() || any;
    return any;
}

// ---- What a configuration must not meet ----------------------------------------------------

void check_subnet_is_free(const Session& session, const DhcpConfig& wanted) {
    const std::string object = fmt::format("subnet {}", wanted.subnet);
    for (const auto& [network, other] : configs_of(session.instance)) {
        if (network != wanted.network && other.subnet.overlaps(wanted.subnet)) {
            throw Error{object, fmt::format("network {} has {} in use", network, other.subnet),
                        "choose another subnet"};
        }
    }
    for (const Subnet& used : DhcpRouter::subnets(wanted.netns, wanted.device)) {
        if (used.overlaps(wanted.subnet)) {
            throw Error{object, fmt::format("{} is in use in namespace {}", used, wanted.netns),
                        "choose another subnet, or another --router"};
        }
    }
}

// Whether the namespace is removed at the end. One that is there already is taken only when it is
// a router of this instance, or was named by the user.
bool is_netns_ours(const Session& session, const DhcpSpec& spec, const DhcpConfig& wanted,
                   bool has_veth) {
    const std::string object = fmt::format("namespace {}", wanted.netns);
    if (const auto other = other_instance_behind(session.instance, wanted.netns)) {
        throw Error{object, fmt::format("it is a router of instance {}", *other),
                    "choose another name with --router"};
    }
    const auto others = others_behind(session.instance, wanted.netns, wanted.network);
    if (!others.empty()) return others.front().netns_is_ours;
    if (!find_netns(wanted.netns) || has_veth) return true;
    if (spec.router) return false;
    throw Error{object, "it is there already, and is no router of this instance",
                fmt::format("remove it with `ip netns del {}`, or take another with --router",
                            wanted.netns)};
}

// The namespace, the devices' names and their MACs; kept when they are there already.
void settle(const Session& session, const DhcpSpec& spec, const std::optional<DhcpConfig>& saved,
            DhcpConfig& config) {
    if (spec.router) check_dhcp_name("router", *spec.router);
    const bool as_before = saved && !spec.subnet && !spec.router;
    config.netns = as_before ? saved->netns
                             : router_netns(session.instance, spec.router.value_or(spec.network));
    config.port_mac = saved ? saved->port_mac : random_mac();
    config.device_mac = saved ? saved->device_mac : random_mac();
    if (saved && saved->netns == config.netns) {
        config.netns_is_ours = saved->netns_is_ours;
        config.port = saved->port;
        config.device = saved->device;
    } else {
        const bool has_veth = DhcpRouter::find_names(session, config);
        config.netns_is_ours = is_netns_ours(session, spec, config, has_veth);
        DhcpRouter::choose_names(session, config);
        if (saved) config.port = saved->port;
    }
    check_subnet_is_free(session, config);
}

// From the old configuration to the new one; back to the old one, or to none, when that fails.
void change(const Session& session, Instance& instance, const std::optional<DhcpConfig>& saved,
            const DhcpConfig& wanted, std::uint32_t mtu) {
    const DhcpFiles files{session.instance, wanted.network};
    Server next{session, &instance, wanted, mtu};
    Undo undo;
    undo.add([&] {
        if (saved) {
            if (saved->netns != wanted.netns) next.take_down();
            files.write_config(*saved);
            Server{session, &instance, *saved, mtu}.make();
        } else {
            next.take_down();
            files.remove();
        }
    });
    if (saved && saved->netns != wanted.netns) {
        Server{session, &instance, *saved, mtu}.take_down();
    }
    files.write_config(wanted);
    next.make();
    undo.commit();
}

// `instance` is null where there is none any more.
bool remove_all(const Session& session, Instance* instance, const std::string& network) {
    const DhcpFiles files{session.instance, network};
    DhcpConfig config;
    if (const auto saved = files.config()) {
        config = *saved;
    } else {
        // Lost, or never there: only what shows that it is ours is removed.
        config.network = network;
        config.netns = router_netns(session.instance, network);
        config.port_mac = random_mac();  // nobody's
        config.device_mac = random_mac();
        const bool has_veth = DhcpRouter::find_names(session, config);
        config.netns_is_ours = has_veth || files.has_config();
        if (!has_veth && !files.exist()) return false;
    }
    const bool any = Server{session, instance, config, 0}.take_down();
    return files.remove() || any;
}

// What has to be asked for to get this.
DhcpSpec spec_of(const Session& session, const DhcpConfig& config) {
    DhcpSpec spec;
    spec.network = config.network;
    spec.subnet = config.subnet;
    spec.range_first = config.range_first;
    spec.range_last = config.range_last;
    spec.gateway = config.gateway;
    spec.dns = config.dns;
    spec.hosts = config.hosts;
    spec.lease_time = config.lease_time;
    const std::string prefix = router_netns(session.instance, "");
    const std::string router = config.netns.substr(std::min(prefix.size(), config.netns.size()));
    if (router != config.network) spec.router = router;
    return spec;
}

// ---- Show ----------------------------------------------------------------------------------

// `instance`: where the network is; none where it is in none.
void add_leases(const Instance* instance, DhcpInfo& info, const LeaseFile& file) {
    std::map<Mac, FdbInfo> places;
    for (const LeaseLine& line : file.leases) {
        if (line.mac) places.try_emplace(*line.mac);
    }
    if (instance != nullptr && !places.empty()) {
        FdbFilter filter;
        filter.network = info.network;
        filter.vlan = Vlan{};
        instance->fdb(filter, [&](const FdbInfo& entry) {
            const auto place = places.find(entry.mac);
            if (place != places.end() && !entry.expired) place->second = entry;
        });
    }
    for (const LeaseLine& line : file.leases) {
        const Mac mac = line.mac.value_or(Mac{});
        const auto place = places.find(mac);
        const FdbInfo where = place == places.end() ? FdbInfo{} : place->second;
        info.leases.push_back({mac, line.address, line.name, line.expiry, where.port, where.peer});
    }
    std::ranges::sort(info.leases, {}, &DhcpLease::address);
}

DhcpInfo describe(const Session& session, Instance* instance, const std::string& network) {
    const DhcpFiles files{session.instance, network};
    DhcpInfo info;
    info.network = network;
    const auto networks = instance == nullptr ? std::vector<NetworkInfo>{} : instance->networks();
    const auto found = std::ranges::find(networks, network, &NetworkInfo::name);
    add_leases(found == networks.end() ? nullptr : instance, info, files.leases());
    const auto saved = files.config();
    std::vector<std::string> faults;
    if (!saved) {
        faults.push_back(files.has_config() ? files.config_file() + ": it is damaged"
                                            : files.config_file() + ": it is missing");
        for (const std::string& fault : faults) {
            info.problems.push_back(fmt::format(
                "{}; run `{}`", fault,
                command_of(session,
                           fmt::format("dhcp start --network {} --subnet CIDR", network))));
        }
        return info;
    }
    info.subnet = saved->subnet;
    info.range_first = saved->range_first;
    info.range_last = saved->range_last;
    info.gateway = saved->gateway;
    info.dns = saved->dns;
    info.hosts = saved->hosts;
    info.netns = saved->netns;
    info.device = saved->port;
    info.pid = Dnsmasq{files.pid_file()}.pid();
    info.running = info.pid.has_value();

    if (found == networks.end()) {
        info.problems.push_back(
            fmt::format("network {}: it does not exist any more; run `{}`", network,
                        command_of(session, fmt::format("dhcp stop --network {}", network))));
    } else {
        info.mtu = found->mtu;
        const std::string mend =
            command_of(session, fmt::format("dhcp start --network {}", network));
        for (const std::string& fault : Server{session, instance, *saved, info.mtu}.faults())
            info.problems.push_back(fmt::format("{}; run `{}`", fault, mend));
    }
    return info;
}

}  // namespace

DhcpStarted start_dhcp(const Session& session, const DhcpSpec& spec) {
    const DhcpFiles checks_the_names{session.instance, spec.network};
    Instance instance = Instance::open(session);  // and until the end, no other command
    DhcpStarted started = start_dhcp(session, instance, spec);
    const auto& before = instance.repairs();
    started.repairs.insert(started.repairs.begin(), before.begin(), before.end());
    return started;
}

DhcpStarted start_dhcp(const Session& session, Instance& instance, const DhcpSpec& spec) {
    const DhcpFiles files{session.instance, spec.network};
    DhcpStarted started;
    const std::uint32_t mtu = mtu_of(instance, spec.network);
    Dnsmasq::account();

    const auto saved = files.config();
    DhcpConfig wanted = resolve_dhcp(spec, saved);
    settle(session, spec, saved, wanted);

    const bool same = saved && format_dhcp_config(*saved) == format_dhcp_config(wanted);
    std::vector<std::string> faults;
    if (saved) {
        faults = Server{session, &instance, *saved, mtu}.faults();
    } else {
        if (files.has_config()) faults.push_back(files.config_file() + ": it is damaged");
        if (auto fault = files.lease_fault()) faults.push_back(std::move(*fault));
    }
    if (same) {
        Server{session, &instance, wanted, mtu}.make();
    } else {
        change(session, instance, saved, wanted, mtu);
    }
    for (const std::string& fault : faults)
        started.repairs.push_back(fault + "; mended");
    started.change = same && faults.empty() ? Change::unchanged : Change::made;
    return started;
}

Change stop_dhcp(const Session& session, const std::string& network) {
    const DhcpFiles checks_the_names{session.instance, network};
    // Either holds the lock.
    std::optional<Instance> instance;
    std::optional<InstanceLock> lock;
    if (is_attached(session)) {
        instance = Instance::open(session);
    } else {
        lock = InstanceLock::acquire();
    }
    const bool any = remove_all(session, instance ? &*instance : nullptr, network);
    DhcpFiles::tidy(session.instance);
    return any ? Change::made : Change::unchanged;
}

Change stop_dhcp(const Session& session, Instance& instance, const std::string& network) {
    const bool any = remove_all(session, &instance, network);
    DhcpFiles::tidy(session.instance);
    return any ? Change::made : Change::unchanged;
}

DhcpKept keep_dhcp(const Session& session, const std::string& network) {
    const DhcpFiles files{session.instance, network};
    return {network, files.config(), files.leases()};
}

void start_dhcp_again(const Session& session, Instance& instance, const DhcpKept& kept,
                      const DhcpSpec& spec) {
    const DhcpFiles files{session.instance, kept.network};
    if (kept.config && !files.exist()) {
        files.write_config(*kept.config);
        files.write_leases(kept.leases);
    }
    start_dhcp(session, instance, spec);
}

void put_back_leases(const Session& session, const DhcpKept& kept) {
    const DhcpFiles files{session.instance, kept.network};
    if (!kept.config && !files.exist()) files.write_leases(kept.leases);
}

std::vector<DhcpAsked> asked_dhcp(const Session& session, Instance& instance) {
    std::vector<DhcpAsked> all;
    const auto networks = instance.networks();
    for (const auto& [network, config] : configs_of(session.instance)) {
        DhcpAsked asked{spec_of(session, config), config.port, {}};
        const auto found = std::ranges::find(networks, network, &NetworkInfo::name);
        if (found != networks.end())
            asked.faults = Server{session, &instance, config, found->mtu}.faults();
        all.push_back(std::move(asked));
    }
    return all;
}

void stop_all_dhcp(const Session& session) {
    // Without the instance, whose maps may be of another version: its ports go with it.
    const InstanceLock lock = InstanceLock::acquire();
    for (const std::string& network : DhcpFiles::networks(session.instance))
        remove_all(session, nullptr, network);
    DhcpFiles::tidy(session.instance);
}

std::vector<DhcpInfo> show_dhcp(const Session& session, const std::optional<std::string>& network) {
    std::optional<Instance> instance;
    if (is_attached(session)) instance = Instance::view(session);
    std::vector<std::string> networks{};
    if (!network) {
        networks = DhcpFiles::networks(session.instance);
    } else if (DhcpFiles{session.instance, *network}.exist()) {
        networks = {*network};
    } else {
        throw Error{fmt::format("network {}", *network), "it has no DHCP server",
                    fmt::format("start one with `{}`",
                                command_of(session, fmt::format("dhcp start --network {} "
                                                                "--subnet CIDR",
                                                                *network)))};
    }
    std::vector<DhcpInfo> infos;
    infos.reserve(networks.size());
    for (const std::string& name : networks)
        infos.push_back(describe(session, instance ? &*instance : nullptr, name));
    return infos;
}

}  // namespace xgre
