// SPDX-License-Identifier: GPL-2.0-only
#include "bench/spread.h"

#include <utility>

#include <fmt/format.h>

#include "bench/delivered_rate.h"
#include "bench/flow.h"
#include "bench/process.h"
#include "bench/system.h"
#include "bench/tcp_streams.h"
#include "xgre/cpu_set.h"
#include "xgre/instance.h"

namespace xgre::bench {
namespace {

constexpr std::size_t kFrameLength = 64;
constexpr std::size_t kPortsField = 14 + 20;  // of a UDP datagram in the VM's frame

// A generator runs on the last processor, and what it sends comes in there.
CpuSet processors_of(Over over) {
    CpuSet set;
    const std::vector<int> all = processors();
    for (const int processor : all) {
        const bool is_generators = all.size() > 1 && processor == all.back();
        if (over == Over::all || !is_generators) set.add(static_cast<std::uint32_t>(processor));
    }
    return set;
}

void spread_by_rps(const Host& host, const std::string& device, const CpuSet& over) {
    std::string mask;  // 32 bits a word, the lowest last
    for (const std::uint64_t word : over.words()) {
        const std::string part = fmt::format("{:08x},{:08x}", word >> 32, word & 0xffffffff);
        mask = mask.empty() ? part : part + "," + mask;
    }
    const NetnsScope scope{host.netns};
    const std::string file = fmt::format("/sys/class/net/{}/queues/rx-0/rps_cpus", device);
    // The namespace's own /sys, which `ip netns exec` mounts. The kernel takes no more words
    // than it has processors for.
    const std::size_t words = static_cast<std::size_t>(processors().back()) / 32 + 1;
    mask = mask.substr(mask.size() - (9 * words - 1));
    run({"ip", "netns", "exec", host.netns, "sh", "-c", fmt::format("echo {} > {}", mask, file)});
}

void spread_by_xgre(const Host& host, const Session& session, const CpuSet& over) {
    AttachSpec attach;
    attach.uplink = host.uplink;
    attach.local = host.address;
    attach.spread = xgre::Spread{SpreadMode::list, over};
    Instance::attach(session, attach);
}

void spread(const Host& host, const Peer& peer, const CpuSet& over) {
    if (peer.key == kXgre) return spread_by_xgre(host, {host.netns, host.netns}, over);
    spread_by_rps(host, peer.key == kVxlan ? "vxlan0" : host.uplink, over);
}

std::unique_ptr<Stand> spread_stand(const std::string& name, const Peer& peer, const Shape& shape,
                                    Over over) {
    auto stand = std::make_unique<Stand>(name, peer, shape);
    if (over == Over::one) return stand;
    for (const Host* host : {&stand->world().a(), &stand->world().b()})
        if (!host->vms.empty()) spread(*host, peer, processors_of(over));
    return stand;
}

}  // namespace

std::unique_ptr<Probe> make_spread_frames(const std::string& name, const Peer& peer, Over over,
                                          std::uint32_t flows) {
    auto stand = spread_stand(name, peer, {.vms_on_a = 1, .vm_mtu = 1500, .wire_mtu = 1600}, over);
    Flow flow = from_wire(*stand, kFrameLength);
    flow.traffic.draws[0] = {.count = flows, .train = 0, .in_order = true};
    flow.traffic.fields = {{.offset = header_length(peer.encap) + kPortsField, .draw = 0}};
    flow.expected.fields = {kPortsField};
    return make_delivered_rate(std::move(stand), flow);
}

std::unique_ptr<Probe> make_spread_streams(const std::string& name, const Peer& peer, Over over,
                                           std::size_t streams) {
    return make_tcp_streams(
        spread_stand(name, peer, {.vms_on_a = 1, .vms_on_b = 1, .vms = VmKind::offloads}, over),
        streams);
}

std::vector<Case> spread_frames() {
    const auto with = [](Over over, std::uint32_t flows) {
        return [over, flows](const std::string& name, const Peer& peer) {
            return make_spread_frames(name, peer, over, flows);
        };
    };
    return {{"1 flow", with(Over::one, 1)},
            {"1 flow, over all", with(Over::all, 1)},
            {"2 flows", with(Over::one, 2)},
            {"2 flows, over all", with(Over::all, 2)},
            {"64 flows", with(Over::one, 64)},
            {"64 flows, over all", with(Over::all, 64)},
            {"64 flows, over the other", with(Over::others, 64)}};
}

std::vector<Case> spread_streams() {
    const auto with = [](Over over, std::size_t streams) {
        return [over, streams](const std::string& name, const Peer& peer) {
            return make_spread_streams(name, peer, over, streams);
        };
    };
    return {{"1 stream", with(Over::one, 1)},  {"1 stream, over all", with(Over::all, 1)},
            {"2 streams", with(Over::one, 2)}, {"2 streams, over all", with(Over::all, 2)},
            {"8 streams", with(Over::one, 8)}, {"8 streams, over all", with(Over::all, 8)}};
}

}  // namespace xgre::bench
