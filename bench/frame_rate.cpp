// SPDX-License-Identifier: GPL-2.0-only
#include "bench/frame_rate.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "bench/live_frames.h"

namespace xgre::bench {
namespace {

constexpr std::uint32_t kWarmUp = 8192;  // frames
constexpr double kMost = 50e6;

class FrameRate : public Probe {
public:
    FrameRate(Generator generator, Counter counter)
        : generator_{std::move(generator)}, counter_{std::move(counter)} {}

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        pin_to(processors().back());
        const double frames = static_cast<double>(slice.count()) / nanoseconds_of(kWarmUp);
        return {1e3 / nanoseconds_of(static_cast<std::uint32_t>(std::min(frames, kMost)))};
    }

private:
    // Of one frame that arrived.
    double nanoseconds_of(std::uint32_t frames) {
        const bench_tally before = counter_.read();
        const double each = generator_.send(frames);
        if (const auto fault = counter_.fault_since(before, frames)) throw Void{*fault};
        return each * frames / static_cast<double>(counter_.read().frames - before.frames);
    }

    Generator generator_;
    Counter counter_;
};

Way between_vms(const Vm& from, const Mac& to_mac, Ip4Addr to) {
    return {.source = from.mac, .destination = to_mac, .from = from.address, .to = to};
}

Way between_hosts(const Host& from, const Host& to) {
    return {.source = from.mac, .destination = to.mac, .from = from.address, .to = to.address};
}

}  // namespace

std::unique_ptr<Probe> make_from_wire(const Peer& peer, const World& world, std::size_t length) {
    const Host& host = world.a();
    const Host& far = world.b();
    const Vm& vm = host.vms.at(0);
    const Frame inner = vm_frame(
        {.source = kRemoteMac, .destination = vm.mac, .from = kRemoteAddress, .to = vm.address},
        length);
    return std::make_unique<FrameRate>(
        Generator{far.netns, far.uplink_index,
                  wire_frame(peer.encap, between_hosts(far, host), inner)},
        Counter{vm.netns, vm.index, {.encap = Encap::none, .hosts = {}, .inner = inner}});
}

std::unique_ptr<Probe> make_to_wire(const Peer& peer, const World& world, std::size_t length) {
    const Host& host = world.a();
    const Host& far = world.b();
    const Vm& vm = host.vms.at(0);
    const Frame inner = vm_frame(between_vms(vm, kRemoteMac, kRemoteAddress), length);
    return std::make_unique<FrameRate>(
        Generator{vm.netns, vm.index, inner},
        Counter{far.netns,
                far.uplink_index,
                {.encap = peer.encap, .hosts = between_hosts(host, far), .inner = inner}});
}

std::unique_ptr<Probe> make_port_to_port(const Peer&, const World& world, std::size_t length) {
    const Vm& from = world.a().vms.at(0);
    const Vm& to = world.a().vms.at(1);
    const Frame inner = vm_frame(between_vms(from, to.mac, to.address), length);
    return std::make_unique<FrameRate>(
        Generator{from.netns, from.index, inner},
        Counter{to.netns, to.index, {.encap = Encap::none, .hosts = {}, .inner = inner}});
}

}  // namespace xgre::bench
