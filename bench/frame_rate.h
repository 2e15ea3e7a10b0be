// SPDX-License-Identifier: GPL-2.0-only
// Frames a second through host a.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "bench/flow.h"
#include "bench/live_frames.h"
#include "bench/row.h"
#include "bench/softirq_clock.h"

namespace xgre::bench {

// A flow's generator and counter, and how long a frame takes from one to the other. The stand's
// data path knows of the counter.
class FrameMeter {
public:
    FrameMeter(const Stand& stand, const Flow& flow);

    // Nanoseconds of one frame, or copy, that arrived, from about so long a run. Generator, host
    // and counter share one processor. Throws Void.
    double nanoseconds(std::chrono::nanoseconds slice);
    // The same, of so many frames sent.
    double nanoseconds_of(std::uint32_t frames);

    Generator& generator() { return generator_; }
    Counter& counter() { return counter_; }

private:
    Generator generator_;
    Counter counter_;
    std::uint32_t copies_;
    SoftirqClock softirqs_;
    double expected_ = 0;  // nanoseconds of a frame, as the last run had it
};

// Frames a second of a flow that was made for the stand; by the means that suit its peer.
std::unique_ptr<Probe> make_frame_rate(std::unique_ptr<Stand> stand, const Flow& flow);

// `length`: bytes of the VM's frame, without the checksum at its end.
std::unique_ptr<Probe> make_from_wire(const std::string& name, const Peer& peer,
                                      std::size_t length);
std::unique_ptr<Probe> make_to_wire(const std::string& name, const Peer& peer, std::size_t length);
std::unique_ptr<Probe> make_port_to_port(const std::string& name, const Peer& peer,
                                         std::size_t length);

}  // namespace xgre::bench
