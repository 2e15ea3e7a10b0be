// SPDX-License-Identifier: GPL-2.0-only
#include "bench/frame_rate.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "bench/delivered_rate.h"
#include "bench/system.h"

namespace xgre::bench {
namespace {

constexpr std::uint32_t kWarmUp = 8192;  // frames
constexpr std::uint32_t kLeast = 1024;
constexpr std::uint32_t kMost = 50'000'000;

// Room for VXLAN around the largest frame.
constexpr Shape kOneVm{.vms_on_a = 1, .vm_mtu = 1500, .wire_mtu = 1600};
constexpr Shape kTwoVms{.vms_on_a = 2, .vm_mtu = 1500, .wire_mtu = 1600};

class FrameRate : public Probe {
public:
    FrameRate(std::unique_ptr<Stand> stand, const Flow& flow)
        : stand_{std::move(stand)}, meter_{*stand_, flow} {}

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        return {1e3 / meter_.nanoseconds(slice)};
    }

private:
    std::unique_ptr<Stand> stand_;
    FrameMeter meter_;
};

}  // namespace

FrameMeter::FrameMeter(const Stand& stand, const Flow& flow)
    : generator_{flow.source_netns, flow.source, flow.traffic},
      counter_{flow.sink_netns, flow.sinks, flow.expected},
      copies_{flow.copies},
      softirqs_{processors().back()} {
    stand.path().look_again();
}

double FrameMeter::nanoseconds(std::chrono::nanoseconds slice) {
    pin_to(processors().back());
    if (expected_ <= 0) expected_ = generator_.send(std::max(kWarmUp / copies_, kLeast));
    const double frames = static_cast<double>(slice.count()) / expected_;
    const double each =
        nanoseconds_of(static_cast<std::uint32_t>(std::clamp<double>(frames, kLeast, kMost)));
    expected_ = each * copies_;
    return each;
}

double FrameMeter::nanoseconds_of(std::uint32_t frames) {
    pin_to(processors().back());
    const bench_tally before = counter_.read();
    const double softirqs_before = softirqs_.now();
    const double sending = generator_.send(frames) * frames;
    // The generator's clock stands still while another thread does a part of the work.
    const double took = sending + softirqs_.now() - softirqs_before;
    const std::uint64_t copies = std::uint64_t{frames} * copies_;
    if (const auto fault = counter_.fault_since(before, copies)) throw Void{*fault};
    return took / static_cast<double>(counter_.read().frames - before.frames);
}

std::unique_ptr<Probe> make_frame_rate(std::unique_ptr<Stand> stand, const Flow& flow) {
    if (stand->peer().in_user_space) return make_delivered_rate(std::move(stand), flow);
    return std::make_unique<FrameRate>(std::move(stand), flow);
}

std::unique_ptr<Probe> make_from_wire(const std::string& name, const Peer& peer,
                                      std::size_t length) {
    auto stand = std::make_unique<Stand>(name, peer, kOneVm);
    const Flow flow = from_wire(*stand, length);
    return make_frame_rate(std::move(stand), flow);
}

std::unique_ptr<Probe> make_to_wire(const std::string& name, const Peer& peer, std::size_t length) {
    auto stand = std::make_unique<Stand>(name, peer, kOneVm);
    const Flow flow = to_wire(*stand, length);
    return make_frame_rate(std::move(stand), flow);
}

std::unique_ptr<Probe> make_port_to_port(const std::string& name, const Peer& peer,
                                         std::size_t length) {
    auto stand = std::make_unique<Stand>(name, peer, kTwoVms);
    const Flow flow = port_to_port(*stand, length);
    return make_frame_rate(std::move(stand), flow);
}

}  // namespace xgre::bench
