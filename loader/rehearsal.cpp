// SPDX-License-Identifier: GPL-2.0-only
#include "loader/rehearsal.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <ranges>
#include <thread>

#include "loader/frame_words.h"
#include "loader/row_address.h"

namespace xgre {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLongest{1000};  // that anything takes which is not lost

std::uint64_t sum_of(const std::map<std::uint32_t, std::uint64_t>& counts) {
    const auto values = std::views::values(counts);
    return std::accumulate(values.begin(), values.end(), std::uint64_t{0});
}

}  // namespace

Rehearsed Rehearsal::play(const Ingress& ingress, bool with_xdp,
                          std::span<const std::uint8_t> frame) {
    stand_in_.drain();
    stand_in_.set_xdp(ingress.ifindex, with_xdp);
    size_up();
    const Counters before = counters();
    make_held_older();
    const auto held_before = held();
    stand_in_.send(ingress.ifindex, frame);
    Rehearsed result;
    wait_for_the_rest(before, result);
    const auto held_now = held();
    result.held = std::ranges::any_of(held_now, [&](const Held& fragment) {
        return std::ranges::find(held_before, fragment) == held_before.end();
    });
    return result;
}

// What there is to count.
void Rehearsal::size_up() {
    const Datapath& datapath = stand_in_.datapath();
    uplink_ = datapath.uplink().find(0).value_or(xgre_uplink{}).ifindex;
    ports_.clear();
    datapath.ports().for_each([this](std::uint32_t ifindex, const xgre_port& port) {
        ports_.emplace(ifindex, port.slot);
    });
}

Rehearsal::Counters Rehearsal::counters() {
    const Datapath& datapath = stand_in_.datapath();
    return {.verdicts = datapath.counters().sums(0, XGRE_COUNTERS),
            .notes = datapath.notes().sums(0, XGRE_NOTE_MAX),
            .ports = datapath.port_counters().sums(0, stand_in_.copy().slots()),
            .peers = datapath.peer_counters().sums(0, stand_in_.copy().peers()),
            .detours = stand_in_.detours()};
}

// By a nanosecond: so that the same fragment, held once more in the same tick, is told from it.
void Rehearsal::make_held_older() const {
    std::vector<std::pair<xgre_fragment_key, xgre_fragment>> all;
    const auto fragments = stand_in_.datapath().fragments();
    fragments.for_each_of_few([&all](const xgre_fragment_key& key, const xgre_fragment& fragment) {
        all.emplace_back(key, fragment);
    });
    for (auto& [key, fragment] : all) {
        --fragment.came;
        fragments.put(key, fragment);
    }
}

std::vector<Rehearsal::Held> Rehearsal::held() const {
    std::vector<Held> all;
    stand_in_.datapath().fragments().for_each_of_few(
        [&all](const xgre_fragment_key& key, const xgre_fragment& fragment) {
            if (fragment.state == XGRE_FRAGMENT_HELD)
                all.push_back({key.place, fragment.id, fragment.came, from_row(key.source, true)});
        });
    return all;
}

void Rehearsal::take_what_left(Rehearsed& result) const {
    const auto take = [&](std::uint32_t ifindex) {
        for (StandIn::Frame& frame : stand_in_.received(ifindex))
            // The kernel itself asks for MACs there.
            if (ifindex != uplink_ || tunnel_of(frame)) result.left[ifindex].push_back(frame);
    };
    take(uplink_);
    for (const auto& [ifindex, slot] : ports_)
        if (stand_in_.is_known(ifindex)) take(ifindex);
}

// Taps have it all when the write returns, but for the detour and for what the kernel has to
// resolve first: those are its softirqs' work.
void Rehearsal::wait_for_the_rest(const Counters& before, Rehearsed& result) {
    const auto deadline = Clock::now() + kLongest;
    bool answered = false;
    for (;;) {
        take_what_left(result);
        compare(before, counters(), result);
        result.complete = has_all(result);
        if (result.complete || Clock::now() > deadline) break;
        if (!answered) stand_in_.answer_for_silent_hops(kUnknownHop);
        answered = true;
        std::this_thread::yield();
    }
    if (answered) stand_in_.be_silent_again();
}

void Rehearsal::compare(const Counters& before, const Counters& after, Rehearsed& result) const {
    result.verdicts.clear();
    for (std::uint32_t cell = 0; cell < after.verdicts.size(); ++cell) {
        const std::uint64_t packets = after.verdicts[cell].packets - before.verdicts[cell].packets;
        const std::uint64_t copies = after.verdicts[cell].copies - before.verdicts[cell].copies;
        if (packets + copies != 0)
            result.verdicts.push_back({static_cast<xgre_program>(cell / XGRE_VERDICT_ROOM),
                                       static_cast<xgre_verdict>(cell % XGRE_VERDICT_ROOM), packets,
                                       copies});
    }
    for (std::uint32_t which = 0; which < after.notes.size(); ++which)
        if (after.notes[which] != before.notes[which])
            result.notes[static_cast<xgre_note>(which)] = after.notes[which] - before.notes[which];
    for (std::uint32_t slot = 0; slot < after.ports.size(); ++slot)
        if (after.ports[slot].tx_packets != before.ports[slot].tx_packets)
            result.to_ports[slot] = after.ports[slot].tx_packets - before.ports[slot].tx_packets;
    for (std::uint32_t id = 0; id < after.peers.size(); ++id) {
        if (after.peers[id].tx_packets != before.peers[id].tx_packets)
            result.to_peers[id] = after.peers[id].tx_packets - before.peers[id].tx_packets;
        if (after.peers[id].rx_packets != before.peers[id].rx_packets) result.from_peer = id;
    }
    result.detours = after.detours - before.detours;
}

bool Rehearsal::has_all(const Rehearsed& result) const {
    std::uint64_t passed = 0;  // through the detour: each is counted there, once
    for (const Rehearsed::Verdict& verdict : result.verdicts)
        if (verdict.program == XGRE_PROGRAM_DETOUR_TC) passed += verdict.packets + verdict.copies;
    if (passed < result.detours) return false;
    const auto has_left = [&](std::uint32_t ifindex, std::uint64_t count) {
        if (!stand_in_.is_ready(ifindex)) return true;  // lost there
        const auto frames = result.left.find(ifindex);
        return count == 0 || (frames != result.left.end() && frames->second.size() >= count);
    };
    for (const auto& [ifindex, slot] : ports_)
        if (const auto count = result.to_ports.find(slot);
            count != result.to_ports.end() && !has_left(ifindex, count->second))
            return false;
    return has_left(uplink_, sum_of(result.to_peers));
}

}  // namespace xgre
