// SPDX-License-Identifier: GPL-2.0-only
// A frame as it would go through an instance, in a stand-in of it: it comes in by the tap that
// stands for its device, and what leaves is what the other taps are sent. What became of it, the
// stand-in's counters tell.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "loader/ingress.h"
#include "loader/stand_in.h"

namespace xgre {

// What one frame has changed.
struct Rehearsed {
    // Of one program; `copies` and `packets` as in xgre_count.
    struct Verdict {
        xgre_program program = XGRE_PROGRAM_PORT_TC;
        xgre_verdict verdict = XGRE_PASS;
        std::uint64_t packets = 0;
        std::uint64_t copies = 0;
    };
    std::vector<Verdict> verdicts;  // those that rose
    std::map<xgre_note, std::uint64_t> notes;
    std::map<std::uint32_t, std::uint64_t> to_ports;  // frames, by slot
    std::map<std::uint32_t, std::uint64_t> to_peers;  // by id
    std::optional<std::uint32_t> from_peer;
    std::map<std::uint32_t, std::vector<StandIn::Frame>> left;  // by ifindex
    std::uint64_t detours = 0;                                  // frames that took the detour
    bool held = false;      // it is a first fragment, which waits for the second
    bool complete = false;  // everything that was counted has left; else some of it got lost
};

class Rehearsal {
public:
    // Throws Error, as everything here.
    explicit Rehearsal(const Instance::State& state)
        : stand_in_{StandIn::of(state, StandIn::Use::frames)} {}

    const StandIn& stand_in() const { return stand_in_; }
    // The stand-in is what the instance is by now.
    void follow(const Instance::State& state) { stand_in_.follow(state); }
    Rehearsed play(const Ingress& ingress, bool with_xdp, std::span<const std::uint8_t> frame);

    // The next hop's MAC, in what leaves for a hop that has none yet.
    static constexpr Mac kUnknownHop{{0x02, 0, 0, 0, 0, 0}};

private:
    struct Counters {
        std::vector<xgre_count> verdicts;
        std::vector<std::uint64_t> notes;
        std::vector<xgre_traffic> ports, peers;
        std::uint64_t detours = 0;
    };
    // A first fragment.
    struct Held {
        std::uint32_t place = 0;
        std::uint32_t id = 0;
        std::uint64_t came = 0;
        IpAddr source;

        bool operator==(const Held&) const = default;
    };
    Counters counters();
    void size_up();
    void take_what_left(Rehearsed& result) const;
    void wait_for_the_rest(const Counters& before, Rehearsed& result);
    void compare(const Counters& before, const Counters& after, Rehearsed& result) const;
    bool has_all(const Rehearsed& result) const;
    void make_held_older() const;
    std::vector<Held> held() const;

    StandIn stand_in_;
    std::map<std::uint32_t, std::uint32_t> ports_;  // slot, by ifindex
    std::uint32_t uplink_ = 0;
};

}  // namespace xgre
