// SPDX-License-Identifier: GPL-2.0-only
#include "bench/rows.h"

#include <cstddef>

#include "bench/churn.h"
#include "bench/connections.h"
#include "bench/fan_out.h"
#include "bench/fdb_size.h"
#include "bench/frame_rate.h"
#include "bench/life_cycle.h"
#include "bench/many_networks.h"
#include "bench/round_trips.h"
#include "bench/spread.h"
#include "bench/tap_transfer.h"
#include "bench/tcp_streams.h"

namespace xgre::bench {
namespace {

using MakeFrameRate = std::unique_ptr<Probe> (*)(const std::string&, const Peer&, std::size_t);

std::vector<Case> frame_sizes(MakeFrameRate make) {
    const auto of_size = [make](std::size_t length) {
        return [make, length](const std::string& name, const Peer& peer) {
            return make(name, peer, length);
        };
    };
    return {
        {"64 B", of_size(64)}, {"512 B", of_size(512), {kOvs}}, {"1500 B", of_size(1500), {kOvs}}};
}

auto tcp_streams(VmKind vms, std::size_t count) {
    return [vms, count](const std::string& name, const Peer& peer) {
        return make_tcp_streams(name, peer, vms, count);
    };
}

auto round_trips(Transport transport) {
    return [transport](const std::string& name, const Peer& peer) {
        return make_round_trips(name, peer, transport);
    };
}

auto fdb_size(std::uint32_t addresses) {
    return [addresses](const std::string& name, const Peer& peer) {
        return make_fdb_size(name, peer, addresses);
    };
}

auto crowd(const Crowd& of) {
    return [of](const std::string& name, const Peer& peer) {
        return make_many_networks(name, peer, of);
    };
}

auto fan_out(std::uint32_t remotes) {
    return [remotes](const std::string& name, const Peer& peer) {
        return make_fan_out(name, peer, remotes);
    };
}

std::vector<Row> make_rows() {
    const std::vector<Metric> frames{{"", "Mpps", true}};
    const std::vector<Metric> bytes{{"", "Gb/s", true}};
    const std::vector<Metric> latency{
        {"p50", "us", false}, {"p99", "us", false}, {"p99.9", "us", false}};
    const std::vector<Metric> connections{{"", "thousand/s", true}};
    const std::vector<Metric> copy{{"", "ns a copy", false}};
    const std::vector<Metric> segments{{"", "Gb/s", true}, {"received frame", "kB", true}};

    // Without offloads all can take part, with them those that finish what a VM leaves undone.
    const std::vector<std::string_view> all{kLimit, kBridge, kVxlan, kOvs, kXgreTc, kXgre};
    const std::vector<std::string_view> with_offloads{kBridge, kVxlan, kXgreTc, kXgre};
    const std::vector<std::string_view> tunnels_and_limit{kLimit, kVxlan, kXgreTc, kXgre};
    const std::vector<std::string_view> tunnels{kVxlan, kXgreTc, kXgre};

    return {
        {"rx", "uplink to port", "frames", frames, all, 0.1, frame_sizes(make_from_wire)},
        {"tx", "port to uplink", "frames", frames, all, 0.1, frame_sizes(make_to_wire)},
        {"local", "port to port", "frames", frames, all, 0.1, frame_sizes(make_port_to_port)},
        {"tcp",
         "TCP, offloads at the VMs",
         "bulk",
         bytes,
         with_offloads,
         0.5,
         {{"1 stream", tcp_streams(VmKind::offloads, 1)},
          {"8 streams", tcp_streams(VmKind::offloads, 8)}}},
        {"tcp-plain",
         "TCP, no offloads",
         "bulk",
         bytes,
         all,
         0.5,
         {{"1 stream", tcp_streams(VmKind::stack, 1)},
          {"8 streams", tcp_streams(VmKind::stack, 8), {kOvs}}}},
        {"tap",
         "large segments, tap to tap",
         "bulk",
         segments,
         with_offloads,
         0.2,
         {{"", make_tap_transfer}}},
        {"spread", "64 B through one tunnel", "spread", frames, tunnels, 0.2, spread_frames()},
        {"spread-tcp", "TCP through one tunnel", "spread", bytes, tunnels, 0.5, spread_streams()},
        {"rr-udp",
         "UDP request and response",
         "latency",
         latency,
         with_offloads,
         0.3,
         {{"", round_trips(Transport::udp)}}},
        {"rr-tcp",
         "TCP request and response",
         "latency",
         latency,
         with_offloads,
         0.3,
         {{"", round_trips(Transport::tcp)}}},
        {"connections",
         "new TCP connections",
         "connections",
         connections,
         with_offloads,
         0.3,
         {{"", make_connections}}},
        {"fdb",
         "port to uplink, random destinations",
         "scale",
         frames,
         {kLimit, kBridge, kVxlan, kXgreTc, kXgre},
         0.1,
         {{"FDB of 10", fdb_size(10)},
          {"FDB of 10 000", fdb_size(10'000)},
          {"FDB of 1 000 000", fdb_size(1'000'000)}}},
        {"peers",
         "uplink to port, by peers",
         "scale",
         frames,
         tunnels_and_limit,
         0.1,
         {{"1 peer", crowd({})},
          {"100 peers", crowd({.remotes = 100})},
          {"4 000 peers", crowd({.networks = 20, .remotes = 200, .train = 6})}}},
        {"broadcast",
         "broadcast",
         "fan-out",
         copy,
         tunnels,
         0.1,
         {{"2 peers", fan_out(2)}, {"16 peers", fan_out(16)}, {"128 peers", fan_out(128)}}},
        {"learning",
         "uplink to port, learning",
         "scale",
         frames,
         tunnels,
         0.1,
         {{"known source", make_known_source},
          {"new sources", make_new_sources},
          {"new sources, FDB full", make_full_fdb, {kVxlan}}}},
        {"setup", "one instance", "", life_cycle_metrics(), {kXgre}, 0, {{"", make_life_cycle}}},
        {"networks",
         "uplink to port, by networks",
         "scale",
         frames,
         tunnels_and_limit,
         0.1,
         {{"1 network", crowd({})},
          {"100 networks", crowd({.networks = 100})},
          {"1 000 networks", crowd({.networks = 1000}), {kVxlan}},
          {"1 000 in trains of 64 frames", crowd({.networks = 1000, .train = 6}), {kVxlan}}}},
    };
}

}  // namespace

const std::vector<Row>& all_rows() {
    static const std::vector<Row> rows = make_rows();
    return rows;
}

}  // namespace xgre::bench
