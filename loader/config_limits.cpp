// SPDX-License-Identifier: GPL-2.0-only
// Whether there is more in a Config than an instance has room for.
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "loader/config_fields.h"
#include "loader/config_problems.h"
#include "loader/limits.h"
#include "xgre/abi.h"

namespace xgre {
namespace {

// How many there are, and the first that was one too many.
class Count {
public:
    template <typename Spec>
    void add(std::uint32_t most, const Noun<Spec>& noun, const Spec& spec, std::size_t more = 1) {
        const bool fitted = total_ <= most;
        total_ += more;
        if (total_ <= most) return;
        over_ = total_ - most;
        if (fitted) first_ = {noun.noun, noun.name(spec)};
    }
    // In the loader's words, but for the way out: that is `way_out`, behind how many to take out.
    void tell(const Error& error, const std::string& way_out, Problems& problems) const {
        if (over_ == 0) return;
        problems.add(
            first_.first, first_.second, "",
            Error{error.object(), error.cause(), fmt::format("take out {}{}", over_, way_out)});
    }

private:
    std::size_t total_ = 0;
    std::size_t over_ = 0;
    std::pair<std::string, std::string> first_;  // noun and name
};

class Room {
public:
    explicit Room(const Config& config)
        : config_{config},
          fdb_entries_{config.uplink ? config.uplink->fdb_entries.value_or(XGRE_FDB_DEFAULT)
                                     : XGRE_FDB_LIMIT} {
        for (const NetworkSpec& network : config.networks)
            networks_.add(kNetworks.most, network_noun(), network);
        for (const PeerSpec& peer : config.peers) {
            peers_.add(kPeers.most, peer_noun(), peer);
            peers_of_[peer.network].add(kPeersOfNetwork.most, peer_noun(), peer);
        }
        // A server has a port, and the gateway's MAC there is static. It comes before the others.
        for (const DhcpSpec& server : config.dhcp)
            count_port(dhcp_noun(), server, server.network, 1);
        for (const PortSpec& port : config.ports) {
            count_port(port_noun(), port, port.network.value_or(""), port.static_macs.size());
            if (port.addresses)
                addresses_.add(XGRE_ADDRESSES, port_noun(), port, port.addresses->size());
        }
        for (const FdbSpec& entry : config.fdb)
            statics_.add(fdb_entries_, fdb_noun(), entry);
    }

    void tell(Problems& problems) const {
        const std::string servers = config_.dhcp.empty() ? "" : "; a DHCP server has a port, too";
        networks_.tell(no_room(kNetworks), "", problems);
        peers_.tell(no_room(kPeers), "", problems);
        ports_.tell(no_room(kPorts), servers, problems);
        for (const auto& [network, count] : peers_of_)
            count.tell(no_room(kPeersOfNetwork, network), "", problems);
        for (const auto& [network, count] : ports_of_)
            count.tell(no_room(kPortsOfNetwork, network), servers, problems);
        statics_.tell(fdb_is_full(fdb_entries_), ", or give a larger `fdb-size`", problems);
        addresses_.tell(
            {"addresses of ports", fmt::format("all {} are in use", XGRE_ADDRESSES), ""}, "",
            problems);
    }

private:
    template <typename Spec>
    void count_port(const Noun<Spec>& noun, const Spec& spec, const std::string& network,
                    std::size_t statics) {
        ports_.add(kPorts.most, noun, spec);
        ports_of_[network].add(kPortsOfNetwork.most, noun, spec);
        statics_.add(fdb_entries_, noun, spec, statics);
    }

    const Config& config_;
    std::uint32_t fdb_entries_;
    Count networks_;
    Count peers_;
    Count ports_;
    Count statics_;
    Count addresses_;
    std::map<std::string, Count> peers_of_;  // a network
    std::map<std::string, Count> ports_of_;
};

}  // namespace

void check_limits(const Config& config, Problems& problems) {
    Room{config}.tell(problems);
}

}  // namespace xgre
