// SPDX-License-Identifier: GPL-2.0-only
#include "bench/churn.h"

#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "bench/flow.h"
#include "bench/frame_rate.h"

namespace xgre::bench {
namespace {

constexpr std::size_t kLength = 64;
constexpr std::uint32_t kRoom = 1'000'000;  // more than a round has frames
constexpr std::uint32_t kLittleRoom = 1024;
constexpr double kMostNotLearned = 0.02;  // of the frames

Flow with_sources(const Stand& stand, std::uint32_t count) {
    Flow flow = from_wire(stand, kLength);
    flow.traffic.draws[1] = {.count = count, .in_order = true};
    flow.traffic.fields.push_back(
        {.offset = header_length(stand.peer().encap) + kSourceField, .draw = 1});
    flow.expected.fields.push_back(kSourceField);
    return flow;
}

class NewSources : public Probe {
public:
    explicit NewSources(std::unique_ptr<Stand> stand)
        : stand_{std::move(stand)}, meter_{*stand_, with_sources(*stand_, 0)} {}

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        stand_->path().forget();
        const std::uint64_t before = meter_.counter().read().frames;
        const double each = meter_.nanoseconds(slice);
        const std::uint64_t frames = meter_.counter().read().frames - before;
        const std::uint64_t learned = stand_->path().learned();
        if (static_cast<double>(learned) < (1 - kMostNotLearned) * static_cast<double>(frames))
            throw Void{fmt::format("{} addresses of {} frames were learned", learned, frames)};
        return {1e3 / each};
    }

private:
    std::unique_ptr<Stand> stand_;
    FrameMeter meter_;
};

class FullFdb : public Probe {
public:
    explicit FullFdb(std::unique_ptr<Stand> stand)
        : stand_{std::move(stand)}, meter_{*stand_, with_sources(*stand_, 0)} {
        meter_.nanoseconds_of(4 * kLittleRoom);
    }

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        const std::uint64_t before = stand_->path().learned();
        const double each = meter_.nanoseconds(slice);
        const std::uint64_t learned = stand_->path().learned();
        if (before < kLittleRoom / 2 || learned > kLittleRoom)
            throw Void{fmt::format("{} addresses were learned: not full", learned)};
        return {1e3 / each};
    }

private:
    std::unique_ptr<Stand> stand_;
    FrameMeter meter_;
};

std::unique_ptr<Stand> stand_of(const std::string& name, const Peer& peer, std::uint32_t room) {
    return std::make_unique<Stand>(name, peer, Shape{.vms_on_a = 1, .fdb_entries = room});
}

}  // namespace

std::unique_ptr<Probe> make_known_source(const std::string& name, const Peer& peer) {
    auto stand = stand_of(name, peer, kRoom);
    const Flow flow = with_sources(*stand, 1);
    return make_frame_rate(std::move(stand), flow);
}

std::unique_ptr<Probe> make_new_sources(const std::string& name, const Peer& peer) {
    return std::make_unique<NewSources>(stand_of(name, peer, kRoom));
}

std::unique_ptr<Probe> make_full_fdb(const std::string& name, const Peer& peer) {
    return std::make_unique<FullFdb>(stand_of(name, peer, kLittleRoom));
}

}  // namespace xgre::bench
