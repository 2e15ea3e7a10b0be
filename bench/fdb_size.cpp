// SPDX-License-Identifier: GPL-2.0-only
#include "bench/fdb_size.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "bench/flow.h"
#include "bench/frame_rate.h"

namespace xgre::bench {
namespace {

constexpr std::size_t kLength = 64;
constexpr std::uint32_t kLeastFrames = 8192;
constexpr double kMostFlooded = 0.01;  // of what was sent

Flow to_many(const Stand& stand, std::uint32_t addresses) {
    Flow flow = to_wire(stand, kLength);
    flow.traffic.draws[0] = {.count = addresses};
    flow.expected.fields.push_back(kDestinationField);
    return flow;
}

// With a second VM, to which goes what the data path has no address for.
class FdbSize : public Probe {
public:
    FdbSize(std::unique_ptr<Stand> stand, std::uint32_t addresses)
        : stand_{std::move(stand)},
          meter_{*stand_, to_many(*stand_, addresses)},
          bystander_{second_vm().netns, {second_vm().index}, to_many(*stand_, addresses).expected} {
        if (stand_->peer().key != kLimit) teach_addresses(*stand_, addresses);
    }

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        const std::uint64_t before = meter_.counter().read().frames;
        const std::uint64_t flooded_before = flooded();
        const double each = meter_.nanoseconds(slice);
        const std::uint64_t frames = meter_.counter().read().frames - before;
        const std::uint64_t more = flooded() - flooded_before;
        if (static_cast<double>(more) > kMostFlooded * static_cast<double>(frames))
            throw Void{fmt::format("{} of {} frames were flooded", more, frames)};
        return {1e3 / each};
    }

private:
    const Vm& second_vm() const { return stand_->world().a().vms.at(1); }
    // It counts frames without a tunnel's header as others.
    std::uint64_t flooded() const {
        const bench_tally tally = bystander_.read();
        return tally.frames + tally.others;
    }

    std::unique_ptr<Stand> stand_;
    FrameMeter meter_;
    Counter bystander_;
};

}  // namespace

std::uint32_t room_for(std::uint32_t addresses) {
    return addresses + addresses / 8 + 1024;
}

void teach_addresses(const Stand& stand, std::uint32_t addresses) {
    Flow flow = from_wire(stand, kLength);
    flow.traffic.draws[1] = {.count = addresses, .in_order = true};
    flow.traffic.fields.push_back(
        {.offset = header_length(stand.peer().encap) + kSourceField, .draw = 1});
    flow.expected.fields.push_back(kSourceField);
    FrameMeter meter{stand, flow};
    meter.nanoseconds_of(std::max(addresses, kLeastFrames));
}

std::unique_ptr<Probe> make_fdb_size(const std::string& name, const Peer& peer,
                                     std::uint32_t addresses) {
    Shape shape{.vms_on_a = 2, .addresses = addresses};
    if (room_for(addresses) > 65536) shape.fdb_entries = room_for(addresses);
    return std::make_unique<FdbSize>(std::make_unique<Stand>(name, peer, shape), addresses);
}

}  // namespace xgre::bench
