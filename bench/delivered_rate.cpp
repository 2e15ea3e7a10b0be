// SPDX-License-Identifier: GPL-2.0-only
#include "bench/delivered_rate.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include "bench/live_frames.h"
#include "bench/system.h"

namespace xgre::bench {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kWarmUp = 8192;  // frames
constexpr double kMost = 50e6;
constexpr auto kPatience = 2s;  // for the first frame, and for the last

class DeliveredRate : public Probe {
public:
    DeliveredRate(std::unique_ptr<Stand> stand, const Flow& flow)
        : stand_{std::move(stand)},
          generator_{flow.source_netns, flow.source, flow.traffic},
          counter_{flow.sink_netns, flow.sinks, flow.expected} {
        stand_->path().look_again();
    }

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        double each = 0;
        offer([&] { each = generator_.send(kWarmUp); }).join();
        wait_until_quiet();

        // For twice as long, so that none is missing before the time is over.
        const auto frames = static_cast<std::uint32_t>(
            std::min(2 * static_cast<double>(slice.count()) / each, kMost));
        const bench_tally start = counter_.read();
        Worker offering = offer([&, frames] { generator_.send(frames); });
        wait_for_frames(start.frames);
        const bench_tally before = counter_.read();
        const auto begin = Clock::now();
        std::this_thread::sleep_for(slice);
        const std::uint64_t arrived = counter_.read().frames - before.frames;
        const std::chrono::duration<double, std::micro> took = Clock::now() - begin;
        offering.join();
        wait_until_quiet();
        if (const auto fault = counter_.fault_since(start, {})) throw Void{*fault};
        return {static_cast<double>(arrived) / took.count()};
    }

private:
    template <typename Work>
    static Worker offer(Work work) {
        return Worker{[work] {
            pin_to(processors().back());
            work();
        }};
    }

    void wait_for_frames(std::uint64_t before) const {
        const auto end = Clock::now() + kPatience;
        while (counter_.read().frames == before) {
            if (Clock::now() > end) return;  // what that means, the count will say
            check_interrupt();
            std::this_thread::sleep_for(1ms);
        }
    }

    // What waits in queues belongs to this run.
    void wait_until_quiet() const {
        const auto end = Clock::now() + kPatience;
        std::uint64_t before = 0;
        do {
            check_interrupt();
            before = counter_.read().frames;
            std::this_thread::sleep_for(10ms);
        } while (counter_.read().frames != before && Clock::now() < end);
    }

    std::unique_ptr<Stand> stand_;
    Generator generator_;
    Counter counter_;
};

}  // namespace

std::unique_ptr<Probe> make_delivered_rate(std::unique_ptr<Stand> stand, const Flow& flow) {
    return std::make_unique<DeliveredRate>(std::move(stand), flow);
}

}  // namespace xgre::bench
