// SPDX-License-Identifier: GPL-2.0-only
#include "bench/many_networks.h"

#include <utility>

#include "bench/flow.h"
#include "bench/frame_rate.h"

namespace xgre::bench {
namespace {

constexpr std::size_t kLength = 64;
constexpr std::size_t kNetwork = 0;  // draws
constexpr std::size_t kRemote = 1;

// Each VM behind an endpoint has a source address of its own.
Flow from_crowd(const Stand& stand, const Crowd& crowd) {
    const Encap encap = stand.peer().encap;
    Flow flow = from_wire(stand, kLength);
    Traffic& traffic = flow.traffic;
    traffic.draws[kNetwork] = {.count = crowd.networks, .train = crowd.train};
    traffic.draws[kRemote] = {.count = crowd.remotes};
    traffic.fields = {{.offset = header_length(encap) + kDestinationField, .draw = kNetwork},
                      {.offset = header_length(encap) + kSourceField, .draw = kRemote}};
    if (encap != Encap::none) {
        traffic.fields.push_back({.offset = network_field(encap), .draw = kNetwork});
        traffic.fields.push_back({.offset = kOuterSourceField, .draw = kRemote});
        traffic.outer_source_draw = kRemote;
    }
    flow.expected.fields = {kDestinationField, kSourceField};
    flow.sinks.clear();
    for (const Vm& vm : stand.world().a().vms) {
        const auto number = static_cast<std::uint32_t>(flow.sinks.size());
        flow.sinks.push_back(vm.index);
        flow.expected.places.emplace_back(vm.index, number);
    }
    return flow;
}

}  // namespace

std::unique_ptr<Probe> make_many_networks(const std::string& name, const Peer& peer,
                                          const Crowd& crowd) {
    const Shape shape{.vms_on_a = crowd.networks,
                      .vms = VmKind::bare,
                      .networks = crowd.networks,
                      .remotes = crowd.remotes};
    auto stand = std::make_unique<Stand>(name, peer, shape);
    const Flow flow = from_crowd(*stand, crowd);
    return make_frame_rate(std::move(stand), flow);
}

}  // namespace xgre::bench
