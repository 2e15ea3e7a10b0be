// SPDX-License-Identifier: GPL-2.0-only
// Are the peers there? Each is asked through its tunnel; where xgre runs, the data path answers.
// The frames are described in docs/concepts.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "xgre/instance.h"

namespace xgre {

struct ProbeSpec {
    // Who is asked: all that match what is given.
    std::optional<IpAddr> address = {};
    std::optional<std::string> network = {};
    std::uint32_t count = 3;                  // probes to each, one after the other
    std::chrono::milliseconds timeout{1000};  // for each answer
    std::chrono::milliseconds interval{200};  // from one answer, or its absence, to the next
    std::optional<std::uint32_t> mtu = {};    // as large as an IP packet of so many bytes;
                                              // without: as small as a frame can be
};

struct ProbeResult {
    IpAddr address;
    std::string network;
    std::uint32_t sent = 0;
    std::uint32_t answered = 0;
    // Round trips, in the kernel: from where the probe leaves to where its answer arrives.
    std::chrono::nanoseconds least{0};
    std::chrono::nanoseconds mean{0};
    std::chrono::nanoseconds most{0};
    bool xdp_there = false;                // XDP saw the last probe that was answered, at the peer
    bool xdp_back = false;                 // ... and its answer, here
    PeerState state = PeerState::unknown;  // afterwards
    bool was_heard = false;                // something has come from it, ever
    bool is_xgre = false;                  // it has answered a probe, or sent one, ever
    // Where nothing came: does the host answer an ICMP echo, outside the tunnel?
    std::optional<bool> host_answers;
    std::string refusal;  // why probes could not be sent; else empty
};

// Whether to go on.
using ProbeGoesOn = std::function<bool()>;

// Asks, waits and tells. Counts as any frame does: from detour_tc to the peer, and its answer as
// `probe`. Throws Error when no peer matches, or there are no probes to be had of this instance.
std::vector<ProbeResult> probe(const Session& session, const ProbeSpec& spec,
                               const ProbeGoesOn& goes_on);

}  // namespace xgre
