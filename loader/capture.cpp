// SPDX-License-Identifier: GPL-2.0-only
// Capture: the two records of each run of a program become a frame, and a frame what people want to
// know of it.
#include "xgre/capture.h"

#include <linux/if_ether.h>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "loader/capture_names.h"
#include "loader/clock.h"
#include "loader/frame_label.h"
#include "loader/frame_words.h"
#include "loader/packet_filter.h"
#include "loader/packet_records.h"
#include "loader/pins.h"
#include "loader/time_order.h"
#include "loader/watcher.h"

namespace xgre {
namespace {

using Bytes = std::span<const std::uint8_t>;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kNamesStayValid{1};
constexpr std::size_t kMostWaiting = 64UL << 20;  // bytes

// One record, and what was copied of the frame. A tag that was outside of it is in it.
struct Sight {
    xgre_sighting record{};
    std::vector<std::uint8_t> bytes;
    std::uint32_t length = 0;
};

// A run of a program. Of drops alone, `in` is the only record, and its end; else without `out` its
// end was lost.
struct Frame {
    Sight in;
    std::optional<Sight> out;

    const xgre_sighting& end() const { return out ? out->record : in.record; }
};

Sight sight_of(const xgre_sighting& record, Bytes bytes) {
    constexpr std::size_t kMacs = 2UL * ETH_ALEN;
    Sight sight{record, {bytes.begin(), bytes.end()}, record.len};
    if (record.is_tagged == 0 || bytes.size() < kMacs) return sight;
    const std::array<std::uint8_t, 4> tag{static_cast<std::uint8_t>(record.tag_proto),
                                          static_cast<std::uint8_t>(record.tag_proto >> 8),
                                          static_cast<std::uint8_t>(record.tag >> 8),
                                          static_cast<std::uint8_t>(record.tag)};
    sight.bytes.insert(sight.bytes.begin() + kMacs, tag.begin(), tag.end());
    sight.length += tag.size();
    return sight;
}

// A frame's fate, as xgre/abi.h or we name it.
struct Fate {
    std::string_view name;
    std::string_view help;
    bool is_drop = false;
    bool is_left = false;  // as it was, to a program that is told of, too, or to the host
};

// Verdicts that are steps mean something else to TC than they do to XDP.
Fate fate_of(const xgre_sighting& end) {
    constexpr Fate kLost{"unknown", "the record of its end was lost"};
    constexpr Fate kHeld{"held", "first of two fragments, held until the other comes"};
    constexpr Fate kDetour{"detour", "goes on at detour_tc"};
    constexpr Fate kTold{"too-large", "its sender is told", true};
    if (end.is_end == 0 || end.verdict >= XGRE_VERDICT_MAX) return kLost;
    const bool is_uplink_tc = end.program == XGRE_PROGRAM_UPLINK_TC;
    if (end.verdict == XGRE_PUNT && is_uplink_tc) return kHeld;
    if (end.verdict == XGRE_HANDOVER && (is_uplink_tc || end.program == XGRE_PROGRAM_PORT_TC))
        return kDetour;
    if (end.verdict == XGRE_HANDOVER && end.program == XGRE_PROGRAM_DETOUR_TC) return kTold;
    const VerdictText& text = kVerdictTexts.at(end.verdict);
    return {text.name, text.help, text.drop, end.verdict == XGRE_PASS || end.verdict == XGRE_PUNT};
}

// Where a frame came from and where it went, as far as it is known.
struct Route {
    std::uint8_t verdict = 0;
    std::uint32_t network = 0;
    std::optional<IpAddr> peer;
    std::string from;  // devices
    std::string to;
};

}  // namespace

std::vector<std::string> drop_reasons() {
    std::vector<std::string> names;
    for (const VerdictText& verdict : kVerdictTexts)
        if (verdict.drop) names.emplace_back(verdict.name);
    return names;
}

std::string kind_of(const CapturedPacket& packet) {
    const auto tunnel = tunnel_of(packet.bytes);
    if (!tunnel || tunnel->inner >= packet.bytes.size()) return label_of(packet.bytes);
    return "tunnel: " + label_of(packet.bytes.subspan(tunnel->inner));
}

class Capture::Running {
public:
    Running(const Session& session, const CaptureSpec& spec, const Instance::State& state)
        : session_{session},
          spec_{spec},
          filter_{spec.filter},
          names_{state},
          datapath_{Datapath::open(pins::directory(session.instance))},
          watcher_{Watcher::take(session, datapath_, WatchKind::capture)},
          records_{PacketRecords::open(datapath_)},
          before_{datapath_.watch_cpus().sum(0)} {
        watcher_.begin({.bytes = spec.bytes.value_or(XGRE_WATCH_BYTES),
                        .frames_per_second = spec.rate.value_or(0),
                        .drops_only = spec.drops});
    }

    void read(std::chrono::milliseconds time, const Visit& visit) {
        take(time);
        hand_out(order_.take(), visit);
        try {
            look_again();
        } catch (const Error&) {
            hand_out_rest(visit);
            throw;
        }
    }

    void finish(const Visit& visit) {
        try {
            watcher_.end();
        } catch (const Error&) {
            hand_out_rest(visit);
            throw;
        }
        hand_out_rest(visit);
    }

    CaptureTotals totals() const {
        const xgre_watch_cpu now = datapath_.watch_cpus().sum(0);
        return {frames_, now.lost - before_.lost, now.over - before_.over};
    }

private:
    // Ports and peers come and go, and so may the instance.
    void look_again() {
        if (Clock::now() - looked_ < kNamesStayValid) return;
        looked_ = Clock::now();
        const Instance::State state{session_, std::nullopt};
        watcher_.check(state);
        names_ = CaptureNames{state};
    }

    void take(std::chrono::milliseconds time) {
        order_.begin_round(monotonic_ns());
        records_.read(time, [this](int cpu, const xgre_sighting& record, Bytes bytes) {
            if (spec_.drops) {
                done({sight_of(record, bytes), std::nullopt});
            } else if (record.is_end == 0) {
                begun_[cpu].push_back({sight_of(record, bytes), std::nullopt});
            } else {
                end(begun_[cpu], sight_of(record, bytes));
            }
        });
    }

    // Runs of a CPU end in the order in which they began, but for one inside another.
    void end(std::deque<Frame>& begun, Sight sight) {
        constexpr std::uint64_t kMostNested = 16;
        const std::uint64_t run = sight.record.run;
        const auto found = std::ranges::find_if(
            begun, [run](const Frame& frame) { return frame.in.record.run == run; });
        if (found == begun.end()) return;
        found->out = std::move(sight);
        done(std::move(*found));
        begun.erase(found);
        while (!begun.empty() && begun.front().in.record.run + kMostNested < run) {
            done(std::move(begun.front()));
            begun.pop_front();
        }
    }

    void hand_out_rest(const Visit& visit) {
        take(std::chrono::milliseconds{0});
        for (auto& [cpu, frames] : begun_)
            for (Frame& frame : frames)
                done(std::move(frame));
        begun_.clear();
        hand_out(order_.take_all(), visit);
    }

    void done(Frame frame) {
        const std::uint64_t time = frame.in.record.time;
        const std::size_t bytes =
            sizeof(frame) + frame.in.bytes.size() + (frame.out ? frame.out->bytes.size() : 0);
        order_.add(time, bytes, std::move(frame));
    }

    void hand_out(const std::vector<Frame>& frames, const Visit& visit) {
        shift_ = monotonic_to_real();
        for (const Frame& frame : frames)
            hand_out(frame, visit);
    }

    void hand_out(const Frame& frame, const Visit& visit) {
        const Fate fate = fate_of(frame.end());
        if (fate.is_left || (spec_.reason && fate.name != *spec_.reason)) return;
        const Route route = route_of(frame.end());
        if (!is_wanted(frame, route)) return;
        ++frames_;
        CapturedPacket packet;
        packet.program = kProgramTexts.at(frame.in.record.program).name;
        packet.verdict = fate.name;
        packet.drop = fate.is_drop;
        packet.text = text_of(packet.program, fate, route);
        show(frame.in, route.from, false, packet, visit);
        if (frame.out && !frame.out->bytes.empty()) show(*frame.out, route.to, true, packet, visit);
    }

    void show(const Sight& sight, const std::string& device, bool leaves, CapturedPacket& packet,
              const Visit& visit) const {
        packet.time = std::chrono::nanoseconds{sight.record.time} + shift_;
        packet.device = device;
        packet.leaves = leaves;
        packet.length = sight.length;
        packet.bytes = sight.bytes;
        visit(packet);
    }

    Route route_of(const xgre_sighting& end) const {
        Route route;
        route.verdict = end.verdict;
        route.from = names_.device(end.ifindex);
        route.network = end.network != 0 ? end.network : names_.network_of_port(end.ifindex);
        route.peer = names_.peer(end.peer);
        if (route.verdict == XGRE_TO_PEER) route.to = names_.uplink();
        if (route.verdict == XGRE_TO_PORT) route.to = names_.device(end.target);
        return route;
    }

    bool is_wanted(const Frame& frame, const Route& route) const {
        if (spec_.network && names_.network(route.network) != *spec_.network) return false;
        // A flooded frame goes to all there are in its network.
        const bool to_all = route.verdict == XGRE_FLOODED;
        if (spec_.port && route.from != *spec_.port && route.to != *spec_.port &&
            !(to_all && names_.has_port(route.network, *spec_.port)))
            return false;
        if (spec_.peer && route.peer != spec_.peer &&
            !(to_all && names_.has_peer(route.network, *spec_.peer)))
            return false;
        return matches(frame.in) || (frame.out && matches(*frame.out));
    }

    // Inside of a tunnel packet, too.
    bool matches(const Sight& sight) const {
        if (spec_.filter.empty()) return true;
        if (sight.bytes.empty()) return false;
        if (filter_.matches(sight.bytes, sight.length)) return true;
        const auto tunnel = tunnel_of(sight.bytes);
        if (!tunnel || tunnel->inner >= sight.bytes.size()) return false;
        return filter_.matches(Bytes{sight.bytes}.subspan(tunnel->inner),
                               sight.length - static_cast<std::uint32_t>(tunnel->inner));
    }

    std::string text_of(std::string_view program, const Fate& fate, const Route& route) const {
        const bool to_peer = route.verdict == XGRE_TO_PEER;
        const std::string peer = route.peer ? route.peer->format() : "";
        std::string text =
            fmt::format("{}: {}{}", program, fate.is_drop ? "dropped, " : "", fate.name);
        if (to_peer || route.verdict == XGRE_TO_PORT)
            text += " " + (to_peer ? peer : route.to);
        else
            text += fmt::format(": {}", fate.help);
        if (route.peer && !to_peer) text += ", from peer " + peer;
        if (route.network != 0) text += ", network " + names_.network(route.network);
        return text;
    }

    Session session_;
    CaptureSpec spec_;
    PacketFilter filter_;
    CaptureNames names_;
    Datapath datapath_;
    Clock::time_point looked_ = Clock::now();
    Watcher watcher_;  // `packets` is one reader's: before it is opened, until it is closed
    PacketRecords records_;
    xgre_watch_cpu before_{};                 // what was lost until it began
    std::map<int, std::deque<Frame>> begun_;  // by CPU
    TimeOrder<Frame> order_{kMostWaiting};
    std::chrono::nanoseconds shift_{0};  // of our time to that since 1970
    std::uint64_t frames_ = 0;
};

namespace {

void check_spec(const Instance::State& state, const CaptureSpec& spec) {
    if (spec.network) state.network(*spec.network);
    if (spec.port && !state.port(*spec.port) && *spec.port != text_of(state.uplink.name))
        throw Error{"port " + *spec.port, "there is none of this name",
                    "`xgre port show` lists them"};
    if (spec.peer && !CaptureNames{state}.is_peer(*spec.peer))
        throw Error{"peer " + spec.peer->format(), "there is none of this address",
                    "`xgre peer show` lists them"};
    const auto reasons = drop_reasons();
    if (spec.reason && std::ranges::find(reasons, *spec.reason) == reasons.end())
        throw Error{"drop reason " + *spec.reason, "there is none of this name",
                    fmt::format("give one of {}", fmt::join(reasons, ", "))};
}

}  // namespace

Capture::Capture(std::unique_ptr<Running> running) : running_{std::move(running)} {}
Capture::Capture(Capture&&) noexcept = default;
Capture& Capture::operator=(Capture&&) noexcept = default;
Capture::~Capture() = default;

Capture Capture::start(const Session& session, const CaptureSpec& spec) {
    const Instance::State state{session, std::nullopt};
    check_spec(state, spec);
    return Capture{std::make_unique<Running>(session, spec, state)};
}

void Capture::read(std::chrono::milliseconds time, const Visit& visit) {
    running_->read(time, visit);
}

void Capture::finish(const Visit& visit) {
    running_->finish(visit);
}

CaptureTotals Capture::totals() const {
    return running_->totals();
}

}  // namespace xgre
