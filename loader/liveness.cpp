// SPDX-License-Identifier: GPL-2.0-only
#include "loader/liveness.h"

#include "loader/clock.h"
#include "loader/datapath.h"

namespace xgre {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// One that is lost says nothing yet.
constexpr std::uint32_t kLostInARow = 3;

// Longer than neighbours keep silent: ARP and ND ask again within half a minute or so.
constexpr std::uint64_t kLately = 60'000'000'000;

// What an answer says of a peer that was not asked since.
constexpr std::uint64_t kAnswerHolds = 600'000'000'000;

std::optional<milliseconds> since(std::uint64_t then, std::uint64_t now) {
    if (then == 0) return std::nullopt;
    return duration_cast<milliseconds>(nanoseconds{nanoseconds_since(then, now)});
}

bool is_within(std::uint64_t then, std::uint64_t now, std::uint64_t time) {
    return then != 0 && nanoseconds_since(then, now) < time;
}

// One that has never answered, and was asked in vain.
PeerState state_of_stranger(bool is_heard) {
    return is_heard ? PeerState::foreign : PeerState::down;
}

// One that would answer, and was asked in vain. What came before it was asked says nothing: it may
// have died since. What has come long after may be the sign that all is well again.
PeerState state_of_silent(const xgre_liveness& row, bool is_heard, std::uint64_t now) {
    if (row.heard <= row.asked) return PeerState::down;
    if (is_within(row.asked, now, kLately)) return PeerState::one_way;
    return is_heard ? PeerState::heard : PeerState::unknown;
}

PeerState state_of(const xgre_liveness& row, std::uint64_t now) {
    const bool is_heard = is_within(row.heard, now, kLately);
    const bool is_lost = row.unanswered >= kLostInARow;
    if (is_within(row.answered, now, kAnswerHolds) && !is_lost) return PeerState::up;
    if (!is_lost) return is_heard ? PeerState::heard : PeerState::unknown;
    return row.is_xgre != 0 ? state_of_silent(row, is_heard, now) : state_of_stranger(is_heard);
}

}  // namespace

std::string name_of(PeerState state) {
    switch (state) {
        case PeerState::unknown:
            return "unknown";
        case PeerState::heard:
            return "heard";
        case PeerState::up:
            return "up";
        case PeerState::one_way:
            return "one-way";
        case PeerState::foreign:
            return "foreign";
        case PeerState::down:
            return "down";
    }
    return "";
}

Liveness liveness_of(const Datapath& datapath, std::uint32_t peer) {
    return liveness_of(datapath.liveness().find(peer).value_or(xgre_liveness{}), monotonic_ns());
}

Liveness liveness_of(const xgre_liveness& row, std::uint64_t now) {
    Liveness live;
    live.state = state_of(row, now);
    live.asked = since(row.asked, now);
    live.answered = since(row.answered, now);
    live.heard = since(row.heard, now);
    live.unanswered = row.unanswered;
    live.is_xgre = row.is_xgre != 0;
    if (row.answered == 0) return live;
    live.rtt = nanoseconds{row.rtt};
    live.xdp_there = (row.path & XGRE_PROBE_XDP_THERE) != 0;
    live.xdp_back = (row.path & XGRE_PROBE_XDP_BACK) != 0;
    return live;
}

}  // namespace xgre
