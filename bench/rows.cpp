// SPDX-License-Identifier: GPL-2.0-only
#include "bench/rows.h"

#include <array>
#include <cstddef>

#include "bench/frame_rate.h"
#include "bench/round_trips.h"
#include "bench/tcp_stream.h"

namespace xgre::bench {
namespace {

constexpr Shape kOneVm{.vms_on_a = 1, .vms_on_b = 0, .offloads = false};
constexpr Shape kTwoVms{.vms_on_a = 2, .vms_on_b = 0, .offloads = false};
constexpr Shape kVmToVm{.vms_on_a = 1, .vms_on_b = 1, .offloads = false};
constexpr Shape kVmToVmOffloads{.vms_on_a = 1, .vms_on_b = 1, .offloads = true};

const std::vector<Metric> kRate{{"", "Mpps", true}};
const std::vector<Metric> kThroughput{{"", "Gb/s", true}};
const std::vector<Metric> kLatency{{"p50", "us", false}, {"p99", "us", false}};

template <std::size_t length>
std::unique_ptr<Probe> from_wire(const Peer& peer, const World& world) {
    return make_from_wire(peer, world, length);
}
template <std::size_t length>
std::unique_ptr<Probe> to_wire(const Peer& peer, const World& world) {
    return make_to_wire(peer, world, length);
}
template <std::size_t length>
std::unique_ptr<Probe> port_to_port(const Peer& peer, const World& world) {
    return make_port_to_port(peer, world, length);
}
std::unique_ptr<Probe> tcp_stream(const Peer&, const World& world) {
    return make_tcp_stream(world);
}
std::unique_ptr<Probe> udp_round_trips(const Peer&, const World& world) {
    return make_round_trips(world, Transport::udp);
}
std::unique_ptr<Probe> tcp_round_trips(const Peer&, const World& world) {
    return make_round_trips(world, Transport::tcp);
}

}  // namespace

const std::vector<Row>& all_rows() {
    static const std::vector<Row> rows{
        {"rx64", "64 B, uplink to port", kRate, kOneVm, 0.1, from_wire<64>},
        {"tx64", "64 B, port to uplink", kRate, kOneVm, 0.1, to_wire<64>},
        {"local64", "64 B, port to port", kRate, kTwoVms, 0.1, port_to_port<64>},
        {"tcp", "TCP, one stream, offloads at the VMs", kThroughput, kVmToVmOffloads, 0.6,
         tcp_stream},
        {"tcp-plain", "TCP, one stream, no offloads", kThroughput, kVmToVm, 0.6, tcp_stream},
        {"rr-udp", "UDP request and response", kLatency, kVmToVmOffloads, 0.3, udp_round_trips},
        {"rr-tcp", "TCP request and response", kLatency, kVmToVmOffloads, 0.3, tcp_round_trips},
    };
    return rows;
}

}  // namespace xgre::bench
