// SPDX-License-Identifier: GPL-2.0-only
// What is wrong with a Config that could be read.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "loader/config_fields.h"
#include "loader/config_problems.h"
#include "loader/dhcp_config.h"
#include "loader/dhcp_files.h"
#include "loader/spec_checks.h"
#include "xgre/abi.h"

namespace xgre {
namespace {

// The entries of a noun by their names.
template <typename Spec>
using ByName = std::unordered_map<std::string, const Spec*>;

template <typename Spec>
ByName<Spec> by_name(const Config& config, const Noun<Spec>& noun) {
    ByName<Spec> all;
    for_each_entry(config, noun, [&](const Spec& spec) { all.emplace(noun.name(spec), &spec); });
    return all;
}

class Checker {
public:
    Checker(const Config& config, Problems& problems)
        : config_{config},
          problems_{problems},
          networks_{by_name(config, network_noun())},
          ports_{by_name(config, port_noun())},
          peers_{by_name(config, peer_noun())} {}

    void check() {
        for (const NetworkSpec& network : config_.networks)
            check(network);
        for (const PeerSpec& peer : config_.peers)
            check(peer);
        for (const PortSpec& port : config_.ports)
            check(port);
        for (const FdbSpec& entry : config_.fdb)
            check(entry);
        for (const DhcpSpec& server : config_.dhcp)
            check(server);
    }

private:
    template <typename Spec>
    static const Spec* find(const ByName<Spec>& all, const std::string& name) {
        const auto found = all.find(name);
        return found == all.end() ? nullptr : found->second;
    }

    // Null, and told, when the network is not in the file.
    const NetworkSpec* check_network(const std::string& noun, const std::string& name,
                                     const std::string& network) {
        const NetworkSpec* found = find(networks_, network);
        if (found == nullptr)
            problems_.add(noun, name, "network", fmt::format("there is no network '{}'", network),
                          fmt::format("add a [[network]] of this name, or take out what is in it"));
        return found;
    }

    void check(const NetworkSpec& network) {
        problems_.take("network", network.name, network.key ? "key" : "", [&] {
            check_network_spec(network);
            for (const NetworkSpec& other : config_.networks) {
                if (&other == &network) return;  // the later one tells
                if (collide(other, network))
                    throw Error{"network " + network.name,
                                fmt::format("its packets would look like those of {}", other.name),
                                "give it a `key` of its own"};
            }
        });
    }

    void check(const PeerSpec& peer) {
        const std::string name = peer_noun().name(peer);
        const NetworkSpec* network = check_network("peer", name, peer.network);
        const bool is_v6 = peer.address.is_v6();
        if (config_.uplink &&
            !(is_v6 ? config_.uplink->local6.has_value() : config_.uplink->local.has_value()))
            problems_.add(
                "peer", name, "address",
                fmt::format("the uplink has no {} address for tunnels", is_v6 ? "IPv6" : "IPv4"),
                "add one to `local` of [uplink]");
        if (network == nullptr) return;
        problems_.take("peer", name, "", [&] {
            check_peer_spec(peer, network->mode.value_or(NetworkMode::gre));
            check_tunnel(peer, *network);
        });
    }

    // Two peers that send the same could not be told apart. The later one tells.
    void check_tunnel(const PeerSpec& peer, const NetworkSpec& network) {
        auto& others = tunnels_[peer.address];
        const WireKey key = wire_key_of(peer, network);
        const auto same = std::ranges::find_if(
            others, [&](const auto& other) { return collide(other.first, key); });
        if (same != others.end()) throw not_told_apart(peer.address, same->second);
        others.emplace_back(key, peer.network);
    }

    void check(const PortSpec& port) {
        const std::string network = port.network.value_or("");
        check_network("port", port.device, network);
        if (config_.uplink && config_.uplink->uplink == port.device)
            problems_.add("port", port.device, "device", "is the uplink",
                          "name a VM's tap, or a veth towards a namespace");
        for (const Mac& mac : port.static_macs) {
            problems_.take("port", port.device, "static", [&] { check_mac(mac); });
            check_place("port", port.device, "static", network, mac, Vlan{});
        }
        if (port.addresses && port.addresses->size() > XGRE_PORT_ADDRESSES)
            problems_.add("port", port.device, "address",
                          fmt::format("there are {} of them", port.addresses->size()),
                          fmt::format("give {} at most", XGRE_PORT_ADDRESSES));
        check_leases(port, network);
    }

    void check_leases(const PortSpec& port, const std::string& network) {
        const auto is_here = [&](const auto& spec) { return spec.network == network; };
        if (!port.lease_bound.value_or(false) || (port.addresses && !port.addresses->empty()) ||
            std::ranges::any_of(config_.peers, is_here) ||
            std::ranges::any_of(config_.dhcp, is_here))
            return;
        problems_.add("port", port.device, "lease-bound",
                      fmt::format("nobody gives leases in network {}", network),
                      "add a [[dhcp]] or a [[peer]] of it, or the port's `address`");
    }

    // A MAC is at one place.
    void check_place(const std::string& noun, const std::string& name, const std::string& field,
                     const std::string& network, const Mac& mac, Vlan vlan) {
        if (!places_.insert(fmt::format("{} {} {}", network, mac, vlan)).second)
            problems_.add(noun, name, field, fmt::format("{} is static elsewhere, too", mac),
                          "name it once");
    }

    void check(const FdbSpec& entry) {
        const std::string name = fdb_noun().name(entry);
        const NetworkSpec* network = check_network("fdb", name, entry.network);
        problems_.take("fdb", name, "mac", [&] { check_mac(entry.mac); });
        check_place("fdb", name, "mac", entry.network, entry.mac, entry.vlan);
        if (entry.port.has_value() == entry.peer.has_value())
            return problems_.add("fdb", name, "", "it is behind a port or behind a peer",
                                 "name one `port` or one `peer`");
        if (network == nullptr) return;
        if (entry.port) {
            const PortSpec* port = find(ports_, *entry.port);
            if (port == nullptr || port->network != entry.network)
                problems_.add(
                    "fdb", name, "port",
                    fmt::format("there is no port {} in network {}", *entry.port, entry.network),
                    "add a [[port]], or name another");
        } else {
            const PeerSpec peer{.address = *entry.peer, .network = entry.network};
            if (find(peers_, peer_noun().name(peer)) == nullptr)
                problems_.add("fdb", name, "peer",
                              fmt::format("there is no peer {}", peer_noun().name(peer)),
                              "add a [[peer]], or name another");
        }
    }

    void check(const DhcpSpec& server) {
        const std::string name = dhcp_noun().name(server);
        check_network("dhcp", name, server.network);
        problems_.take("dhcp", name, "", [&] { resolve_dhcp(server, std::nullopt); });
        problems_.take("dhcp", name, "network",
                       [&] { check_dhcp_name("network", server.network); });
        if (server.router)
            problems_.take("dhcp", name, "router",
                           [&] { check_dhcp_name("router", *server.router); });
        for (const DhcpSpec& other : config_.dhcp) {
            if (&other == &server) return;  // the later one tells
            if (other.subnet && server.subnet && other.subnet->overlaps(*server.subnet))
                problems_.add("dhcp", name, "subnet",
                              fmt::format("network {} has {} in use", other.network, *other.subnet),
                              "choose another subnet");
        }
    }

    const Config& config_;
    Problems& problems_;
    ByName<NetworkSpec> networks_;
    ByName<PortSpec> ports_;
    ByName<PeerSpec> peers_;
    std::set<std::string> places_;
    // By the address of a peer: what it sends, and in which network it is.
    std::map<IpAddr, std::vector<std::pair<WireKey, std::string>>> tunnels_;
};

}  // namespace

void check_alone(const Config& config, Problems& problems) {
    Checker{config, problems}.check();
    check_limits(config, problems);
}

}  // namespace xgre
