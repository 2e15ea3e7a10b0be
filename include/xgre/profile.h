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
    // Time of the programs for what it received, and per frame: exact for the uplink, whose
    // programs run for nothing else; what ports have in common is shared out by their frames.
    double cores = 0;
    std::optional<double> ns_per_frame;
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

// A step of a program, and how much of the program's time is spent in it.
struct StepLoad {
    std::string program;
    std::string step;  // "parse", "fdb", ...
    std::string help;
    std::uint64_t samples = 0;
    double share = 0;                  // of the program's samples
    double margin = 0;                 // the share is right to within this, 19 times of 20
    std::optional<double> ns_per_run;  // that share of the program's
};

// Where the programs and the kernel around them spend their time: by samples of what each CPU does.
// Time is in CPUs: 1 is a whole one.
struct Stages {
    std::uint32_t rate = 0;  // samples a second on each CPU
    std::uint32_t cpus = 0;
    std::uint64_t samples = 0;            // of the kernel, not idling
    std::uint64_t lost = 0;               // that there was no room for
    std::optional<double> ns_per_sample;  // what one costs, measured; none when that is too little
    std::vector<StepLoad> steps;          // by program, most samples first
    double in_programs = 0;               // in the instance's programs and what they call
    double after_programs = 0;            // in the kernel's redirect, whoever asked for it
    double other_networking = 0;          // in softirqs, for all else
    double other_kernel = 0;
    bool other_build = false;  // the programs are not those of this tool: lines have no step
};

// One way that functions called each other, and how often it was seen.
struct Stack {
    std::vector<std::string> frames;  // the outermost first; ours begin with "xgre:"
    std::uint64_t samples = 0;
};

// As flamegraph.pl and others read them: `outer;inner count`, a line each.
std::string folded_stacks(const std::vector<Stack>& stacks);
// A picture of them: the wider a function, the more of its time. Tooltips tell names in full.
std::string flame_graph(const std::vector<Stack>& stacks, const std::string& title);

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
    bool jit = true;               // the kernel compiles BPF programs
    std::vector<Advice> advice;    // most important first
    std::optional<Stages> stages;  // when asked for
    std::vector<Stack> stacks;     // likewise
};

struct ProfileSpec {
    std::optional<std::uint32_t> sample_rate;  // a second on each CPU, for `stages`; none: not
};

// Takes the measurements. The kernel's BPF statistics are on while it lives: that costs every BPF
// program of the machine two readings of the clock a run.
class Profiler {
public:
    // Begins to measure. Throws Error when there is no such instance, or without privilege, or when
    // the kernel cannot be sampled.
    static Profiler start(const Session& session, const ProfileSpec& spec = {});

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
