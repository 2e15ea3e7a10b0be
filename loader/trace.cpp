// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/trace.h"

#include <bpf/bpf.h>
#include <linux/if_ether.h>

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "loader/capture_file.h"
#include "loader/frame_words.h"
#include "loader/ingress.h"
#include "loader/outer_header.h"
#include "loader/pins.h"
#include "loader/rehearsal.h"
#include "loader/trace_steps.h"

namespace xgre {
namespace {

constexpr std::size_t kLongest = 65535;  // bytes that a tap takes

void check_frame(std::span<const std::uint8_t> frame) {
    const std::string object = fmt::format("frame of {} bytes", frame.size());
    if (frame.size() < ETH_HLEN)
        throw Error{object, "shorter than an Ethernet header",
                    "give at least 14 bytes: destination, source, type"};
    if (frame.size() > kLongest)
        throw Error{object, "longer than any device takes",
                    fmt::format("give at most {} bytes", kLongest)};
}

// How many frames of which size left by which device.
std::map<std::uint32_t, std::vector<std::size_t>> shape_of(const Rehearsed& played) {
    std::map<std::uint32_t, std::vector<std::size_t>> shape;
    for (const auto& [ifindex, frames] : played.left) {
        for (const StandIn::Frame& frame : frames)
            shape[ifindex].push_back(frame.size());
        std::ranges::sort(shape[ifindex]);
    }
    return shape;
}

// An instance and the namespace that it is in, told by its pins.
Session session_of(const std::string& instance) {
    pins::check_instance_name(instance);
    const std::string path = pins::directory(instance) + "/maps/uplink";
    const Fd map{bpf_obj_get(path.c_str())};
    bpf_map_info info{};
    std::uint32_t len = sizeof(info);
    xgre_uplink row{};
    const std::uint32_t key = 0;
    // What is wrong with it, opening it says.
    if (!map.is_open() || bpf_obj_get_info_by_fd(map.get(), &info, &len) != 0 ||
        info.value_size != sizeof(row) || bpf_map_lookup_elem(map.get(), &key, &row) != 0)
        return {.instance = instance, .netns = std::nullopt};
    return {.instance = instance, .netns = netns_of_cookie(row.netns_cookie)};
}

}  // namespace

TraceFrame frame_of_file(const std::string& path, std::uint32_t number) {
    const CaptureFile::Frame frame = CaptureFile::frame(path, number);
    check_frame(frame);
    return frame;
}

class Tracer::State {
public:
    explicit State(const Session& session) : live_{session, std::nullopt}, rehearsal_{live_} {}

    const Instance::State& live() const { return live_; }

    // To what the instance is by now.
    void follow() { rehearsal_.follow(live_); }

    Trace trace(std::span<const std::uint8_t> frame, const std::string& device) {
        check_frame(frame);
        const Ingress ingress = Ingress::of(live_, device);
        const Rehearsed played = rehearsal_.play(ingress, ingress.has_xdp, frame);
        return compose_trace(live_, rehearsal_, ingress, frame, played);
    }

    // The same without XDP, from the same start.
    void add_tc(Trace& trace, std::span<const std::uint8_t> frame) {
        const Ingress ingress = Ingress::of(live_, trace.device);
        follow();
        const Rehearsed with = rehearsal_.play(ingress, ingress.has_xdp, frame);
        follow();
        const Rehearsed without = rehearsal_.play(ingress, false, frame);
        const Decision decision = decision_of(without);
        const bool is_none = !ingress.is_uplink && !decision.program && !without.held;
        trace.tc_verdict = is_none ? "none" : std::string{kVerdictTexts.at(decision.verdict).name};
        trace.tc_agrees = trace.tc_verdict == trace.verdict && shape_of(with) == shape_of(without);
        trace.steps.push_back(
            {"tc-alone", fmt::format("{}, {}", *trace.tc_verdict,
                                     trace.tc_agrees ? "and the same leaves"
                                                     : "which differs: report this as a bug")});
    }

private:
    Instance::State live_;
    Rehearsal rehearsal_;
};

Tracer::Tracer(const Session& session) : state_{std::make_unique<State>(session)} {}
Tracer::Tracer(Tracer&&) noexcept = default;
Tracer& Tracer::operator=(Tracer&&) noexcept = default;
Tracer::~Tracer() = default;

Trace Tracer::trace(std::span<const std::uint8_t> frame, const std::string& device,
                    const TraceOptions& options) {
    state_->follow();
    Trace trace = state_->trace(frame, device);
    if (options.tc_alone) state_->add_tc(trace, frame);
    return trace;
}

std::vector<Trace> Tracer::trace_all(const std::vector<TraceFrame>& frames,
                                     const std::string& device, const TraceOptions& options) {
    std::vector<Trace> traces;
    state_->follow();
    for (const TraceFrame& frame : frames)
        traces.push_back(state_->trace(frame, device));
    // What came before would be missing from more of them.
    if (options.tc_alone && frames.size() == 1) state_->add_tc(traces.front(), frames.front());
    return traces;
}

std::optional<std::string> Tracer::device_of(std::span<const std::uint8_t> frame) const {
    const auto tunnel = tunnel_of(frame);
    const xgre_uplink& uplink = state_->live().uplink;
    const auto locals = locals_of(uplink);
    if (!tunnel || std::ranges::find(locals, tunnel->destination) == locals.end())
        return std::nullopt;
    return text_of(uplink.name);
}

Mac Tracer::source_behind(const std::string& port, std::uint16_t vlan) const {
    const Ingress ingress = Ingress::of(state_->live(), port);
    if (ingress.is_uplink)
        throw Error{"device " + port, "it is the uplink, and frames of VMs come from ports",
                    "give the bytes of a tunnel packet, or the name of a port"};
    const Datapath& datapath = state_->live().datapath;
    const auto row = datapath.ports().find(ingress.ifindex);
    std::optional<Mac> first;
    datapath.fdb().for_each([&](const xgre_fdb_key& key, const xgre_fdb_entry& entry) {
        const bool is_behind = row && (entry.owner & XGRE_OWNER_KIND_MASK) == XGRE_OWNER_PORT &&
                               static_cast<std::uint32_t>(entry.owner) == ingress.ifindex &&
                               key.network == row->network && key.vlan == vlan;
        const Mac mac{std::to_array(key.mac)};
        if (is_behind && (!first || mac < *first)) first = mac;
    });
    if (first) return *first;
    std::uint32_t hash = 2166136261U;  // FNV-1a
    for (const char letter : port)
        hash = (hash ^ static_cast<std::uint8_t>(letter)) * 16777619U;
    return Mac{{0x02, 0x78, static_cast<std::uint8_t>(hash >> 24),
                static_cast<std::uint8_t>(hash >> 16), static_cast<std::uint8_t>(hash >> 8),
                static_cast<std::uint8_t>(hash)}};
}

void trace_onward(Trace& trace, const std::string& name, const TraceOptions& options) {
    const Session session = session_of(name);
    const Instance::State other{session, std::nullopt};
    const auto locals = locals_of(other.uplink);
    std::vector<TraceFrame> frames;
    for (const TraceDeparture& departure : trace.leaves) {
        if (!departure.peer || std::ranges::find(locals, *departure.peer) == locals.end()) continue;
        frames.push_back(departure.frame);
        // As the last router, or the sender, addresses it.
        std::ranges::copy(other.uplink.mac, frames.back().begin());
    }
    if (frames.empty()) {
        trace.steps.push_back(
            {"onward", fmt::format("nothing leaves for instance {}, whose address is {}", name,
                                   fmt::join(locals, " and "))});
        return;
    }
    trace.onward = Tracer{session}.trace_all(frames, text_of(other.uplink.name), options);
}

}  // namespace xgre
