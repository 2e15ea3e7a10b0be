// SPDX-License-Identifier: GPL-2.0-only
#include "loader/metrics_table.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "xgre/abi.h"

namespace xgre {
namespace {

using std::chrono::system_clock;
using R = MetricReading;
using S = MetricSink;

constexpr MetricType kCounter = MetricType::counter;
constexpr MetricType kGauge = MetricType::gauge;

constexpr std::uint64_t yes(bool is) {
    return is ? 1 : 0;
}

std::string local_of(const R& reading, bool ip6) {
    for (const IpAddr& address : reading.info.locals)
        if (address.is_v6() == ip6) return address.format();
    return "";
}

// ---- One device or peer a sample -------------------------------------------------------------

void each_device(const R& reading, S& sink, std::uint64_t (*value)(const HookInfo&)) {
    const InstanceInfo& info = reading.info;
    sink.add({info.uplink, "uplink", ""}, value(info.hook));
    for (const PortInfo& port : info.ports)
        sink.add({port.device, "port", port.network}, value(port.hook));
}

void each_port(const R& reading, S& sink, std::uint64_t (*value)(const PortInfo&)) {
    for (const PortInfo& port : reading.info.ports)
        sink.add({port.network, port.device}, value(port));
}

void each_peer(const R& reading, S& sink, std::uint64_t (*value)(const PeerInfo&)) {
    for (const PeerInfo& peer : reading.info.peers)
        sink.add({peer.network, peer.address.format()}, value(peer));
}

// One of them is 1: as the text format has states.
void each_peer_state(const R& reading, S& sink) {
    constexpr std::array kStates{PeerState::unknown, PeerState::heard,   PeerState::up,
                                 PeerState::one_way, PeerState::foreign, PeerState::down};
    for (const PeerInfo& peer : reading.info.peers)
        for (const PeerState state : kStates)
            sink.add({peer.network, peer.address.format(), name_of(state)},
                     yes(peer.liveness.state == state));
}

// Of those that have answered.
void each_round_trip(const R& reading, S& sink) {
    for (const PeerInfo& peer : reading.info.peers)
        if (peer.liveness.rtt)
            sink.add({peer.network, peer.address.format()},
                     std::chrono::duration<double>{*peer.liveness.rtt}.count());
}

void each_network(const R& reading, S& sink, std::uint64_t (*value)(const NetworkInfo&)) {
    for (const NetworkInfo& network : reading.info.networks)
        sink.add({network.name}, value(network));
}

// ---- Verdicts --------------------------------------------------------------------------------

// All combinations, also those that are zero: a rate begins with the second sample.
void each_verdict(const R& reading, S& sink, bool drop) {
    for (const VerdictCount& verdict : reading.verdicts)
        if (verdict.drop == drop) sink.add({verdict.program, verdict.verdict}, verdict.packets);
}

// Of a program, or of a reason: what the others of it add up to.
void sum_by(const R& reading, S& sink, bool drop, std::string VerdictCount::* by,
            std::uint64_t VerdictCount::* what) {
    std::map<std::string, std::uint64_t> sums;
    for (const VerdictCount& verdict : reading.verdicts)
        if (verdict.drop == drop) sums[verdict.*by] += verdict.*what;
    for (const auto& [name, sum] : sums)
        sink.add({name}, sum);
}

// ---- DHCP ------------------------------------------------------------------------------------

std::uint64_t leases_that_hold(const DhcpInfo& dhcp) {
    const auto now = system_clock::now();
    return static_cast<std::uint64_t>(std::ranges::count_if(
        dhcp.leases, [now](const DhcpLease& lease) { return lease.expiry > now; }));
}

void dhcp_addresses(const R& reading, S& sink) {
    for (const DhcpInfo& dhcp : reading.dhcp)
        if (dhcp.range_last >= dhcp.range_first && !dhcp.range_first.is_unspecified())
            sink.add({dhcp.network}, std::uint64_t{dhcp.range_last.host_order()} -
                                         dhcp.range_first.host_order() + 1);
}

// ---- The table -------------------------------------------------------------------------------

const std::vector<MetricRow> kInstanceRows{
    {kBuildInfo, kGauge, "version abi_version", "1; the labels say which xgre reads",
     "xgre --version",
     [](const R&, S& sink) { sink.add({XGRE_VERSION, std::to_string(XGRE_ABI_VERSION)}, 1U); }},
    {kUp, kGauge, "", "whether the instance could be read", "xgre show",
     [](const R& r, S& sink) { sink.add({}, yes(r.up)); }},
    {"xgre_info", kGauge, "uplink local local6 abi_version",
     "1; the labels say what the instance is", "xgre show",
     [](const R& r, S& sink) {
         sink.add({r.info.uplink, local_of(r, false), local_of(r, true),
                   std::to_string(r.info.abi_version)},
                  1U);
     }},
    {"xgre_read_seconds", kGauge, "", "how long it took to read the instance", "",
     [](const R& r, S& sink) { sink.add({}, r.took.count()); }},
    {"xgre_uplink_up", kGauge, "device", "whether the uplink's device is there",
     "xgre show, `uplink_gone`",
     [](const R& r, S& sink) { sink.add({r.info.uplink}, yes(!r.info.uplink_gone)); }},
    {"xgre_spread_cpus", kGauge, "", "CPUs that share what comes from the wire; 0: not spread",
     "xgre show, `spread_cpus`",
     [](const R& r, S& sink) { sink.add({}, std::uint64_t{r.info.spread_cpus.size()}); }},
    {"xgre_device_tc_attached", kGauge, "device role network",
     "whether the TC program, which every frame needs, is attached", "xgre show, `TC`",
     [](const R& r, S& sink) {
         each_device(r, sink, [](const HookInfo& hook) { return yes(hook.tc != "none"); });
     }},
    {"xgre_device_xdp_native", kGauge, "device role network",
     "whether XDP takes what the device receives; why not, `xgre show` says", "xgre show, `XDP`",
     [](const R& r, S& sink) {
         each_device(r, sink, [](const HookInfo& hook) { return yes(hook.xdp == "native"); });
     }},
    {"xgre_device_xdp_transmit", kGauge, "device role network",
     "whether XDP may send into the device", "xgre show, `XDP-TX`",
     [](const R& r, S& sink) {
         each_device(r, sink, [](const HookInfo& hook) { return yes(hook.xdp_transmit); });
     }},
    {"xgre_map_memory_bytes", kGauge, "map", "memory that the map has pinned", "xgre show --maps",
     [](const R& r, S& sink) {
         for (const MapInfo& map : r.info.maps)
             sink.add({map.name}, map.memory);
     }},
};

const std::vector<MetricRow> kFrameRows{
    {"xgre_delivered_packets_total", kCounter, "program verdict",
     "frames that went where they should", "xgre stats, verdicts that are no drops",
     [](const R& r, S& sink) { each_verdict(r, sink, false); }},
    {"xgre_delivered_bytes_total", kCounter, "program", "bytes of the frames that were delivered",
     "xgre stats, verdicts that are no drops",
     [](const R& r, S& sink) {
         sum_by(r, sink, false, &VerdictCount::program, &VerdictCount::bytes);
     }},
    {"xgre_dropped_packets_total", kCounter, "program reason",
     "frames that were dropped; the reasons are in `xgre stats`", "xgre stats, drops",
     [](const R& r, S& sink) { each_verdict(r, sink, true); }},
    {"xgre_dropped_bytes_total", kCounter, "program",
     "bytes of the frames that were dropped, as far as they are known", "xgre stats, drops",
     [](const R& r, S& sink) {
         sum_by(r, sink, true, &VerdictCount::program, &VerdictCount::bytes);
     }},
    {"xgre_flood_copies_total", kCounter, "program", "copies of flooded frames that were sent",
     "xgre stats, copies of verdicts that are no drops",
     [](const R& r, S& sink) {
         sum_by(r, sink, false, &VerdictCount::program, &VerdictCount::copies);
     }},
    {"xgre_flood_copies_lost_total", kCounter, "reason",
     "copies of flooded frames that could not be sent", "xgre stats, copies of drops",
     [](const R& r, S& sink) {
         sum_by(r, sink, true, &VerdictCount::verdict, &VerdictCount::copies);
     }},
    {"xgre_notes_total", kCounter, "note", "what happened beside the fate of a frame",
     "xgre stats, notes",
     [](const R& r, S& sink) {
         for (const NoteCount& note : r.notes)
             sink.add({note.name}, note.count);
     }},
};

const std::vector<MetricRow> kNetworkRows{
    {"xgre_network_info", kGauge, "network key mode",
     "1; the labels say what the network is on the wire, no key is empty", "xgre network show",
     [](const R& r, S& sink) {
         for (const NetworkInfo& network : r.info.networks)
             sink.add({network.name, network.key ? network.key->format() : "",
                       network.mode == NetworkMode::nvgre ? "nvgre" : "gre"},
                      1U);
     }},
    {"xgre_network_mtu_bytes", kGauge, "network", "the largest IP packet that VMs may send",
     "xgre network show",
     [](const R& r, S& sink) {
         each_network(r, sink, [](const NetworkInfo& n) -> std::uint64_t { return n.mtu; });
     }},
    {"xgre_network_ports", kGauge, "network", "ports of the network", "xgre network show",
     [](const R& r, S& sink) {
         each_network(r, sink, [](const NetworkInfo& n) -> std::uint64_t { return n.ports; });
     }},
    {"xgre_network_peers", kGauge, "network", "peers of the network", "xgre network show",
     [](const R& r, S& sink) {
         each_network(r, sink, [](const NetworkInfo& n) -> std::uint64_t { return n.peers; });
     }},
    {"xgre_fdb_entries", kGauge, "network kind",
     "entries of the forwarding database, `learned` or `static`, also those about to be removed",
     "xgre fdb show",
     [](const R& r, S& sink) {
         for (const auto& [network, count] : r.fdb) {
             sink.add({network, "learned"}, count.learned);
             sink.add({network, "static"}, count.statics);
         }
     }},
    {"xgre_fdb_capacity_entries", kGauge, "",
     "entries that the forwarding database of all networks has room for",
     "xgre show, `fdb_entries`",
     [](const R& r, S& sink) { sink.add({}, std::uint64_t{r.info.fdb_entries}); }},
};

const std::vector<MetricRow> kPortRows{
    {"xgre_port_up", kGauge, "network device", "whether the port's device is there",
     "xgre port show, `STATE`",
     [](const R& r, S& sink) {
         each_port(r, sink, [](const PortInfo& port) { return yes(!port.gone); });
     }},
    {"xgre_port_receive_packets_total", kCounter, "network device", "frames that the VM sent",
     "xgre stats, `RX` of ports",
     [](const R& r, S& sink) {
         each_port(r, sink, [](const PortInfo& port) { return port.traffic.rx_packets; });
     }},
    {"xgre_port_receive_bytes_total", kCounter, "network device",
     "bytes of frames that the VM sent", "xgre stats, `RX` of ports",
     [](const R& r, S& sink) {
         each_port(r, sink, [](const PortInfo& port) { return port.traffic.rx_bytes; });
     }},
    {"xgre_port_transmit_packets_total", kCounter, "network device",
     "frames that were sent to the VM", "xgre stats, `TX` of ports",
     [](const R& r, S& sink) {
         each_port(r, sink, [](const PortInfo& port) { return port.traffic.tx_packets; });
     }},
    {"xgre_port_transmit_bytes_total", kCounter, "network device",
     "bytes of frames that were sent to the VM", "xgre stats, `TX` of ports",
     [](const R& r, S& sink) {
         each_port(r, sink, [](const PortInfo& port) { return port.traffic.tx_bytes; });
     }},
    {"xgre_port_learned_macs", kGauge, "network device", "MACs that were learned behind the port",
     "xgre port show, `LEARNED`",
     [](const R& r, S& sink) {
         each_port(r, sink, [](const PortInfo& port) { return port.learned; });
     }},
    {"xgre_port_mac_limit", kGauge, "network device",
     "MACs that may be learned behind the port; 0: no limit", "xgre port show, `LIMIT`",
     [](const R& r, S& sink) {
         each_port(r, sink, [](const PortInfo& p) -> std::uint64_t { return p.mac_limit; });
     }},
};

const std::vector<MetricRow> kPeerRows{
    {"xgre_peer_receive_packets_total", kCounter, "network peer", "frames that came from the peer",
     "xgre stats, `RX` of peers",
     [](const R& r, S& sink) {
         each_peer(r, sink, [](const PeerInfo& peer) { return peer.traffic.rx_packets; });
     }},
    {"xgre_peer_receive_bytes_total", kCounter, "network peer",
     "bytes of frames that came from the peer", "xgre stats, `RX` of peers",
     [](const R& r, S& sink) {
         each_peer(r, sink, [](const PeerInfo& peer) { return peer.traffic.rx_bytes; });
     }},
    {"xgre_peer_transmit_packets_total", kCounter, "network peer",
     "frames that were sent to the peer", "xgre stats, `TX` of peers",
     [](const R& r, S& sink) {
         each_peer(r, sink, [](const PeerInfo& peer) { return peer.traffic.tx_packets; });
     }},
    {"xgre_peer_transmit_bytes_total", kCounter, "network peer",
     "bytes of frames that were sent to the peer", "xgre stats, `TX` of peers",
     [](const R& r, S& sink) {
         each_peer(r, sink, [](const PeerInfo& peer) { return peer.traffic.tx_bytes; });
     }},
    {"xgre_peer_learned_macs", kGauge, "network peer", "MACs that were learned behind the peer",
     "xgre peer show, `LEARNED`",
     [](const R& r, S& sink) {
         each_peer(r, sink, [](const PeerInfo& peer) { return peer.learned; });
     }},
    {"xgre_peer_mac_limit", kGauge, "network peer",
     "MACs that may be learned behind the peer; 0: no limit", "xgre peer show, `LIMIT`",
     [](const R& r, S& sink) {
         each_peer(r, sink, [](const PeerInfo& p) -> std::uint64_t { return p.options.mac_limit; });
     }},
    {"xgre_peer_mtu_bytes", kGauge, "network peer",
     "the largest IP packet of a VM that fits the way to the peer; 0: the uplink is gone",
     "xgre peer show, `MTU`",
     [](const R& r, S& sink) {
         each_peer(r, sink, [](const PeerInfo& peer) -> std::uint64_t { return peer.mtu; });
     }},
    {"xgre_peer_path_mtu_lowered", kGauge, "network peer",
     "whether a router on the way has said that it lets less through than the uplink",
     "xgre peer show, `MTU-FROM` is `path`",
     [](const R& r, S& sink) {
         each_peer(r, sink,
                   [](const PeerInfo& peer) { return yes(peer.mtu_from == MtuSource::path); });
     }},
    {"xgre_peer_state", kGauge, "network peer state",
     "1 for the state that the peer is in: it is asked by `xgre peer probe` or `xgre test`",
     "xgre peer show, `STATE`", each_peer_state},
    {"xgre_peer_unanswered_probes", kGauge, "network peer",
     "probes since the peer has answered one", "xgre peer show --json, `unanswered`",
     [](const R& r, S& sink) {
         each_peer(r, sink,
                   [](const PeerInfo& p) -> std::uint64_t { return p.liveness.unanswered; });
     }},
    {"xgre_peer_probe_round_trip_seconds", kGauge, "network peer",
     "round trip of the last probe that the peer has answered", "xgre peer show --json, `rtt_ms`",
     each_round_trip},
};

const std::vector<MetricRow> kDhcpRows{
    {"xgre_dhcp_up", kGauge, "network", "whether the network's dnsmasq runs", "xgre dhcp show",
     [](const R& r, S& sink) {
         for (const DhcpInfo& dhcp : r.dhcp)
             sink.add({dhcp.network}, yes(dhcp.running));
     }},
    {"xgre_dhcp_problems", kGauge, "network",
     "what is wrong with the network's DHCP server, as `xgre dhcp show` tells", "xgre dhcp show",
     [](const R& r, S& sink) {
         for (const DhcpInfo& dhcp : r.dhcp)
             sink.add({dhcp.network}, std::uint64_t{dhcp.problems.size()});
     }},
    {"xgre_dhcp_leases", kGauge, "network", "leases that hold", "xgre dhcp show",
     [](const R& r, S& sink) {
         for (const DhcpInfo& dhcp : r.dhcp)
             sink.add({dhcp.network}, leases_that_hold(dhcp));
     }},
    {"xgre_dhcp_addresses", kGauge, "network", "addresses of the range to lease from",
     "xgre dhcp show, `RANGE`", dhcp_addresses},
};

}  // namespace

void MetricSink::add(const std::vector<std::string>& values,
                     std::variant<std::uint64_t, double> value) {
    MetricSample sample;
    if (!instance_.empty()) sample.labels.emplace_back("xgre_instance", instance_);
    for (std::size_t i = 0; i < family_.info.labels.size(); ++i)
        sample.labels.emplace_back(family_.info.labels[i], values.at(i));
    sample.value = value;
    family_.samples.push_back(std::move(sample));
}

const std::vector<MetricRow>& metric_rows() {
    static const std::vector<MetricRow> rows = [] {
        std::vector<MetricRow> all;
        for (const auto* part :
             {&kInstanceRows, &kFrameRows, &kNetworkRows, &kPortRows, &kPeerRows, &kDhcpRows})
            all.insert(all.end(), part->begin(), part->end());
        return all;
    }();
    return rows;
}

}  // namespace xgre
