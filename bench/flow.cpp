// SPDX-License-Identifier: GPL-2.0-only
#include "bench/flow.h"

namespace xgre::bench {
namespace {

Way between_hosts(const Host& from, const Host& to) {
    return {.source = from.mac, .destination = to.mac, .from = from.address, .to = to.address};
}

Way between_vms(const Vm& from, const Mac& to_mac, Ip4Addr to) {
    return {.source = from.mac, .destination = to_mac, .from = from.address, .to = to};
}

}  // namespace

Flow from_wire(const Stand& stand, std::size_t length) {
    const Host& host = stand.world().a();
    const Host& far = stand.world().b();
    const Vm& vm = host.vms.at(0);
    const Encap encap = stand.peer().encap;
    Way outer = between_hosts(far, host);
    outer.from = stand.world().segments_of(host)[0].remotes.at(0).address;
    const Frame inner = vm_frame(
        {.source = kRemoteMac, .destination = vm.mac, .from = kRemoteAddress, .to = vm.address},
        length);
    Flow flow;
    flow.source_netns = far.netns;
    flow.source = far.uplink_index;
    flow.traffic = all_the_same(wire_frame(encap, outer, inner), header_length(encap));
    flow.sink_netns = vm.netns;
    flow.sinks = {vm.index};
    flow.expected.inner = inner;
    return flow;
}

Flow to_wire(const Stand& stand, std::size_t length) {
    const Host& host = stand.world().a();
    const Host& far = stand.world().b();
    const Vm& vm = host.vms.at(0);
    const std::vector<Remote> remotes = stand.world().segments_of(host)[0].remotes;
    Flow flow;
    flow.expected.encap = stand.peer().encap;
    flow.expected.hosts = between_hosts(host, far);
    flow.expected.hosts.to = remotes.at(0).address;
    flow.expected.peers = static_cast<std::uint32_t>(remotes.size());
    flow.expected.inner = vm_frame(between_vms(vm, kRemoteMac, kRemoteAddress), length);
    flow.source_netns = vm.netns;
    flow.source = vm.index;
    flow.traffic = all_the_same(flow.expected.inner, 0);
    flow.sink_netns = far.netns;
    flow.sinks = {far.uplink_index};
    return flow;
}

Flow port_to_port(const Stand& stand, std::size_t length) {
    const Vm& from = stand.world().a().vms.at(0);
    const Vm& to = stand.world().a().vms.at(1);
    Flow flow;
    flow.expected.inner = vm_frame(between_vms(from, to.mac, to.address), length);
    flow.source_netns = from.netns;
    flow.source = from.index;
    flow.traffic = all_the_same(flow.expected.inner, 0);
    flow.sink_netns = to.netns;
    flow.sinks = {to.index};
    return flow;
}

}  // namespace xgre::bench
