// SPDX-License-Identifier: GPL-2.0-only
#include "bench/fan_out.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bench/flow.h"
#include "bench/frame_rate.h"

namespace xgre::bench {
namespace {

constexpr std::size_t kLength = 64;
// Copies that wait on the wire at a time: a veth holds 256, and drops what is more.
constexpr std::uint32_t kWaiting = 128;

Flow to_all(const Stand& stand) {
    Flow flow = to_wire(stand, kLength);
    for (Frame* frame : {&flow.traffic.frame, &flow.expected.inner})
        std::fill_n(frame->begin(), Mac::kSize, std::uint8_t{0xff});
    flow.copies = flow.expected.peers;
    flow.traffic.batch = std::max(kWaiting / flow.copies, 1U);
    return flow;
}

class FanOut : public Probe {
public:
    explicit FanOut(std::unique_ptr<Stand> stand)
        : stand_{std::move(stand)}, meter_{*stand_, to_all(*stand_)} {}

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        meter_.counter().take_peers_seen();
        const double each = meter_.nanoseconds(slice);
        const std::size_t remotes = stand_->world().shape().remotes;
        if (const auto seen = meter_.counter().take_peers_seen(); seen != remotes)
            throw Void{fmt::format("copies went to {} of {} peers", seen, remotes)};
        return {each};
    }

private:
    std::unique_ptr<Stand> stand_;
    FrameMeter meter_;
};

}  // namespace

std::unique_ptr<Probe> make_fan_out(const std::string& name, const Peer& peer,
                                    std::uint32_t remotes) {
    return std::make_unique<FanOut>(
        std::make_unique<Stand>(name, peer, Shape{.vms_on_a = 1, .remotes = remotes}));
}

}  // namespace xgre::bench
