// SPDX-License-Identifier: GPL-2.0-only
// What frames of a capture cost, in copies of an instance's programs.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "xgre/session.h"

namespace xgre {

struct ReplaySpec {
    std::string capture;                   // a file that libpcap reads: pcap or pcapng, of Ethernet
    std::optional<std::string> device;     // as if received by this port; by the uplink without
    std::chrono::milliseconds time{2000};  // to measure for; once through the capture at least
};

// Frames that are alike, and to which the same happened.
struct FrameKind {
    std::string kind;     // "tunnel: IPv4 TCP", "ARP broadcast"
    std::string program;  // the one that decided
    std::string verdict;  // a name of xgre/abi.h, also "pass" and "handover"
    std::uint64_t frames = 0;
    double share = 0;              // of the frames
    std::optional<double> xdp_ns;  // a frame in the XDP program; none where it does not run
    std::optional<double> tc_ns;   // ... in the TC program; none when XDP had decided
    double time_share = 0;         // of the time of all frames
};

struct Replay {
    std::string device;
    bool is_uplink = false;
    std::uint64_t frames = 0;  // that were run
    std::uint64_t cut = 0;     // not run: the capture does not have them whole
    std::uint64_t too_large =
        0;                       // not run: larger than the device's MTU, or than a test run may be
    std::uint64_t left_out = 0;  // not run: the capture has more frames than are read
    std::uint64_t rounds = 0;    // through the capture, measured
    double ns_per_frame = 0;     // over all
    double ns_of_measuring = 0;  // taken off each time: what an empty program takes
    bool other_build = false;    // the programs that run are not those of this tool
    std::vector<FrameKind> kinds;  // most time first
};

// Loads the programs anew, with maps of their own that are filled from the instance's, in a network
// namespace of their own with stand-ins for its devices; nothing of the instance is touched, and
// nothing of the copies stays. The capture is run once to learn its addresses, then measured.
// Throws Error for a capture that cannot be read, a device that is no port, and without privilege.
Replay replay(const Session& session, const ReplaySpec& spec);

}  // namespace xgre
