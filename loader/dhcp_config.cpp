// SPDX-License-Identifier: GPL-2.0-only
#include "loader/dhcp_config.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "xgre/error.h"

namespace xgre {
namespace {

using Json = nlohmann::ordered_json;
using std::chrono::seconds;

constexpr int kFormat = 1;
constexpr seconds kDefaultLeaseTime{3600};
constexpr seconds kShortestLease{120};            // dnsmasq makes shorter ones this long
constexpr seconds kLongestLease{UINT32_MAX - 1};  // dnsmasq takes the next one for endless
constexpr std::size_t kMostDnsServers = 16;       // dnsmasq cuts an option's text at 1024 bytes
constexpr std::uint32_t kMostLeases = 1'000'000;
constexpr std::uint8_t kLongestPrefix = 30;  // the gateway, and one address to lease

struct Range {
    Ip4Addr first;
    Ip4Addr last;
};

Ip4Addr next(Ip4Addr address) {
    return Ip4Addr::from_host_order(address.host_order() + 1);
}
Ip4Addr previous(Ip4Addr address) {
    return Ip4Addr::from_host_order(address.host_order() - 1);
}

bool is_host_of(const Subnet& subnet, Ip4Addr address) {
    return subnet.first() <= address && address <= subnet.last();
}

// All of the subnet that hosts may have, without the gateway at its first or last address.
Range all_but_gateway(const Subnet& subnet, Ip4Addr gateway) {
    Range range{subnet.first(), subnet.last()};
    if (range.first == gateway) range.first = next(range.first);
    if (range.last == gateway) range.last = previous(range.last);
    return range;
}

// A gateway in the middle of the subnet cuts its range in two.
std::vector<Range> without_gateway(const Range& range, Ip4Addr gateway) {
    if (gateway < range.first || range.last < gateway) return {range};
    return {{range.first, previous(gateway)}, {next(gateway), range.last}};
}

void check_subnet(const Subnet& subnet) {
    const std::string object = fmt::format("subnet {}", subnet);
    if (subnet.prefix_length() > kLongestPrefix) {
        throw Error{object, "it is too small for a gateway and an address to lease",
                    fmt::format("give one of /{} or larger", kLongestPrefix)};
    }
    // "This" network, loopback, multicast and reserved: RFC 6890 section 2.2.2, RFC 1112 section 4.
    constexpr std::array reserved{Subnet::parse("0.0.0.0/8"), Subnet::parse("127.0.0.0/8"),
                                  Subnet::parse("224.0.0.0/3")};
    for (const auto& taken : reserved) {
        if (taken && subnet.overlaps(*taken)) {
            throw Error{object, fmt::format("hosts have no addresses of {}", *taken),
                        "give a unicast subnet, such as 192.0.2.0/24"};
        }
    }
}

void check_gateway(const Subnet& subnet, Ip4Addr gateway) {
    if (is_host_of(subnet, gateway)) return;
    throw Error{fmt::format("gateway {}", gateway),
                fmt::format("it is no host address of {}", subnet),
                fmt::format("give one of {} to {}", subnet.first(), subnet.last())};
}

void check_range(const DhcpConfig& config, bool is_default) {
    const std::string object = fmt::format("range {}-{}", config.range_first, config.range_last);
    const std::string way_out =
        fmt::format("give two of {} to {}", config.subnet.first(), config.subnet.last());
    if (config.range_last < config.range_first) {
        throw Error{object, "there is no address in it", "give the lower address first"};
    }
    for (const Ip4Addr end : {config.range_first, config.range_last}) {
        if (!is_host_of(config.subnet, end)) {
            throw Error{object, fmt::format("{} is no host address of {}", end, config.subnet),
                        way_out};
        }
    }
    if (!is_default && config.range_first <= config.gateway &&
        config.gateway <= config.range_last) {
        throw Error{object, fmt::format("the gateway {} is in it", config.gateway),
                    "give a range without it, or another --gateway"};
    }
}

void check_dns(const std::vector<Ip4Addr>& servers) {
    if (servers.size() > kMostDnsServers) {
        throw Error{"DNS servers", fmt::format("there are {} of them", servers.size()),
                    fmt::format("give {} at most", kMostDnsServers)};
    }
    for (const Ip4Addr server : servers) {
        if (server.is_unspecified() || server.is_multicast() || server.is_broadcast() ||
            server.is_loopback()) {
            throw Error{fmt::format("DNS server {}", server), "no VM can reach such an address",
                        "give the address of a DNS server"};
        }
    }
}

void check_hosts(const DhcpConfig& config) {
    std::set<Mac> macs;
    std::set<Ip4Addr> addresses;
    for (const DhcpHost& host : config.hosts) {
        const std::string object = fmt::format("host {}={}", host.mac, host.address);
        if (host.mac.is_group() || host.mac.is_zero()) {
            throw Error{object, "a group or zero address is no host's MAC",
                        "give the MAC of the VM's interface"};
        }
        if (!is_host_of(config.subnet, host.address)) {
            throw Error{
                object, fmt::format("the address is no host address of {}", config.subnet),
                fmt::format("give one of {} to {}", config.subnet.first(), config.subnet.last())};
        }
        if (host.address == config.gateway) {
            throw Error{object, "the address is the gateway's", "give another one"};
        }
        if (!macs.insert(host.mac).second) {
            throw Error{object, "the MAC has an address already", "give each MAC once"};
        }
        if (!addresses.insert(host.address).second) {
            throw Error{object, "the address is another host's", "give each address once"};
        }
    }
}

void check_lease_time(seconds time) {
    if (kShortestLease <= time && time <= kLongestLease) return;
    throw Error{
        fmt::format("lease time of {} s", time.count()), "it is out of range",
        fmt::format("give {} to {} seconds", kShortestLease.count(), kLongestLease.count())};
}

// ---- JSON ----------------------------------------------------------------------------------

std::string text(const Json& json, const char* key) {
    return json.at(key).get<std::string>();
}

// Text that is not what its place asks for.
struct Malformed {};

template <typename T>
T value(const Json& json) {
    const auto parsed = T::parse(json.get<std::string>());
    if (!parsed) throw Malformed{};
    return *parsed;
}

DhcpConfig config_of(const Json& json) {
    DhcpConfig config;
    config.network = text(json, "network");
    config.subnet = value<Subnet>(json.at("subnet"));
    config.gateway = value<Ip4Addr>(json.at("gateway"));
    config.range_first = value<Ip4Addr>(json.at("range").at(0));
    config.range_last = value<Ip4Addr>(json.at("range").at(1));
    for (const Json& server : json.at("dns"))
        config.dns.push_back(value<Ip4Addr>(server));
    for (const Json& host : json.at("hosts"))
        config.hosts.push_back({value<Mac>(host.at("mac")), value<Ip4Addr>(host.at("address"))});
    config.lease_time = seconds{json.at("lease_time").get<std::uint32_t>()};
    config.netns = text(json, "netns");
    config.netns_is_ours = json.at("netns_is_ours").get<bool>();
    config.port = text(json, "port");
    config.device = text(json, "device");
    config.port_mac = value<Mac>(json.at("port_mac"));
    config.device_mac = value<Mac>(json.at("device_mac"));
    return config;
}

}  // namespace

DhcpConfig resolve_dhcp(const DhcpSpec& spec, const std::optional<DhcpConfig>& saved) {
    if (!spec.subnet && !saved) {
        throw Error{fmt::format("network {}", spec.network),
                    "no subnet is known that its DHCP server had before", "give it with --subnet"};
    }
    const bool anew = spec.subnet.has_value();
    DhcpConfig config;
    if (!anew) config = *saved;
    config.network = spec.network;
    if (anew) {
        config.subnet = *spec.subnet;
        config.lease_time = kDefaultLeaseTime;
    }
    check_subnet(config.subnet);

    // Whether the range that was before had been left to us: a new gateway then moves it.
    const auto is_default = [](const DhcpConfig& of) {
        const Range range = all_but_gateway(of.subnet, of.gateway);
        return of.range_first == range.first && of.range_last == range.last;
    };
    const bool default_range =
        !spec.range_first && !spec.range_last && (anew || is_default(*saved));
    config.gateway = spec.gateway.value_or(anew ? config.subnet.first() : config.gateway);
    check_gateway(config.subnet, config.gateway);
    const Range range = anew || default_range ? all_but_gateway(config.subnet, config.gateway)
                                              : Range{config.range_first, config.range_last};
    config.range_first = spec.range_first.value_or(range.first);
    config.range_last = spec.range_last.value_or(range.last);
    check_range(config, default_range);

    if (anew || !spec.dns.empty()) config.dns = spec.dns;
    check_dns(config.dns);
    if (anew || !spec.hosts.empty()) config.hosts = spec.hosts;
    std::ranges::sort(config.hosts, {}, &DhcpHost::mac);
    check_hosts(config);
    config.lease_time = spec.lease_time.value_or(config.lease_time);
    check_lease_time(config.lease_time);
    return config;
}

std::string format_dhcp_config(const DhcpConfig& config) {
    Json dns = Json::array();
    for (const Ip4Addr server : config.dns)
        dns.push_back(server.format());
    Json hosts = Json::array();
    for (const DhcpHost& host : config.hosts)
        hosts.push_back({{"mac", host.mac.format()}, {"address", host.address.format()}});
    const Json json{
        {"format", kFormat},
        {"network", config.network},
        {"subnet", config.subnet.format()},
        {"gateway", config.gateway.format()},
        {"range", {config.range_first.format(), config.range_last.format()}},
        {"dns", dns},
        {"hosts", hosts},
        {"lease_time", config.lease_time.count()},
        {"netns", config.netns},
        {"netns_is_ours", config.netns_is_ours},
        {"port", config.port},
        {"device", config.device},
        {"port_mac", config.port_mac.format()},
        {"device_mac", config.device_mac.format()},
    };
    return json.dump(4) + '\n';
}

std::optional<DhcpConfig> parse_dhcp_config(std::string_view text) {
    try {
        const Json json = Json::parse(text);
        if (json.at("format").get<int>() != kFormat) return std::nullopt;
        return config_of(json);
    } catch (const Json::exception&) {
        return std::nullopt;
    } catch (const Malformed&) {
        return std::nullopt;
    }
}

std::vector<std::string> dnsmasq_arguments(const DhcpConfig& config,
                                           const DnsmasqSurroundings& surroundings) {
    std::vector<std::string> arguments{
        "dnsmasq",
        // Nothing of the host's own dnsmasq.
        "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
        "--port=0",  // no DNS
        "--user=" + surroundings.user, "--group=" + surroundings.group,
        "--pid-file=" + surroundings.pid_file,
        // One device named in full: dnsmasq binds its socket to it, so that a router's servers do
        // not take each other's messages.
        "--interface=" + config.device, "--except-interface=lo", "--bind-interfaces",
        "--dhcp-leasefile=" + surroundings.lease_file,
        fmt::format("--dhcp-lease-max={}", std::min(config.subnet.host_count(), kMostLeases)),
        // It is the only server of this network: it answers at once who asks for an address of
        // another one, and takes the leases that its file lost from the clients that renew them.
        "--dhcp-authoritative",
        // A ping before an offer takes three seconds in which dnsmasq answers nobody else, so
        // that VMs started together would wait for each other. Clients probe what they are
        // offered (RFC 2131 section 4.4.1), and dnsmasq heeds what they decline.
        "--no-ping",
        "--quiet-dhcp",  // syslog gets what goes wrong, not every lease
    };
    for (const Range& range :
         without_gateway({config.range_first, config.range_last}, config.gateway)) {
        arguments.push_back(fmt::format("--dhcp-range={},{},{},{}", range.first, range.last,
                                        config.subnet.netmask(), config.lease_time.count()));
    }
    arguments.push_back(fmt::format("--dhcp-option=option:router,{}", config.gateway));
    // Without a value, the option is not sent.
    std::string dns = "--dhcp-option=option:dns-server";
    for (const Ip4Addr server : config.dns)
        dns += fmt::format(",{}", server);
    arguments.push_back(std::move(dns));
    // Also to clients that do not ask for it, as udhcpc and systemd-networkd by default: what they
    // send must fit into the tunnel.
    arguments.push_back(fmt::format("--dhcp-option-force=option:mtu,{}", surroundings.mtu));
    for (const DhcpHost& host : config.hosts)
        arguments.push_back(fmt::format("--dhcp-host={},{}", host.mac, host.address));
    return arguments;
}

}  // namespace xgre
