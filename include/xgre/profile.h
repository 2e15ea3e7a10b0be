// SPDX-License-Identifier: GPL-2.0-only
// Where the time of a running instance goes. Everything here reads: maps, programs, devices and
// settings of the instance stay as they are, and nothing of it outlives the process, however that
// ends. Every function throws xgre::Error.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "xgre/instance.h"
#include "xgre/session.h"

namespace xgre {

// All counts are what came in the time that a Profile is about.

// One program, on all devices that it runs on: the kernel keeps its statistics by program.
struct ProgramLoad {
    std::string program;
    std::string help;
    std::uint64_t runs = 0;            // of the program, also for frames that it only passed on
    std::optional<double> ns_per_run;  // none when it did not run
    double cores = 0;                  // share of one CPU; 1 is a whole one
    std::uint64_t frames = 0;          // whose fate it decided
    std::uint64_t dropped = 0;         // of those
    std::uint64_t flooded = 0;         // of those
    std::uint64_t copies = 0;          // that it made of the flooded ones
    std::vector<std::uint64_t> frames_by_cpu;
};

// The uplink, or a port.
struct DeviceLoad {
    std::string device;
    bool is_uplink = false;
    std::string network;  // of a port
    bool gone = false;
    bool large_segments = false;  // TCP for this port is merged by GRO, and delivered by TC
    HookInfo hook;
    Traffic traffic;               // received: from the VM, or from all peers
    std::uint64_t lost_after = 0;  // given to the device, and dropped there by the kernel
};

struct CpuLoad {
    std::uint32_t cpu = 0;
    std::uint64_t frames = 0;         // of this instance
    double share = 0;                 // of all its frames
    double busy = 0;                  // share of its time that it did not idle
    double softirq = 0;               // share of its time in softirqs, where networking runs
    std::uint64_t backlog_drops = 0;  // frames lost because its backlog was full
    std::uint64_t squeezed = 0;       // times that networking had more to do than it was let
};

// Frames that TC decided, and why XDP did not.
struct Missed {
    std::string where;  // a device, or what several are called
    std::uint64_t frames = 0;
    std::string reason;
    std::string remedy;  // may be empty
};

struct FdbUse {
    std::uint64_t known = 0;    // frames whose destination it knew
    std::uint64_t flooded = 0;  // broadcast, multicast and unknown: these are not told apart
    std::uint32_t room = 0;     // entries that fit
};

// What to do about it.
struct Advice {
    std::string id;    // stable: "port-without-xdp"
    std::string what;  // what was found
    std::string way_out;
};

struct Profile {
    std::string instance;
    double seconds = 0;
    std::uint64_t frames = 0;       // whose fate was decided
    std::uint64_t fast_frames = 0;  // of those, by XDP
    std::vector<ProgramLoad> programs;
    std::vector<DeviceLoad> devices;     // the uplink first
    std::vector<VerdictCount> verdicts;  // all of them, also zero ones
    std::vector<NoteCount> notes;
    std::vector<Missed> missed;  // most frames first
    FdbUse fdb;
    std::vector<CpuLoad> cpus;  // online ones
    bool forwards_on_loopback = true;
    bool jit = true;             // the kernel compiles BPF programs
    std::vector<Advice> advice;  // most important first
};

// Takes the measurements. The kernel's BPF statistics are on while it lives: that costs every BPF
// program of the machine two readings of the clock a run.
class Profiler {
public:
    // Begins to measure. Throws Error when there is no such instance, or without privilege.
    static Profiler start(const Session& session);

    Profiler(const Profiler&) = delete;
    Profiler& operator=(const Profiler&) = delete;
    Profiler(Profiler&&) noexcept;
    Profiler& operator=(Profiler&&) noexcept;
    ~Profiler();

    // What happened since start() or the last call.
    Profile take();

private:
    class Measurement;
    explicit Profiler(std::unique_ptr<Measurement> measurement);

    std::unique_ptr<Measurement> measurement_;
};

}  // namespace xgre
