// SPDX-License-Identifier: GPL-2.0-only
// Runs a capture through a stand-in of an instance. A frame goes the way it would go in the
// instance: to the XDP program where its device has one, and to the TC program when XDP leaves it.
// The kernel says how long each run took; what happened to the frame, the stand-in's counters tell.
#include "xgre/replay.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "loader/capture_file.h"
#include "loader/frame_label.h"
#include "loader/ingress.h"
#include "loader/outer_header.h"
#include "loader/stand_in.h"

namespace xgre {
namespace {

using Clock = std::chrono::steady_clock;
using Frame = CaptureFile::Frame;

constexpr std::size_t kMostFrames = 100'000;
constexpr std::size_t kFramesBetweenDrains = 500;  // a tap's queue holds a thousand
constexpr std::size_t kMostTimes = 100'000;        // of one kind; more would tell no more

// The calling thread stays on the CPU that it is on, so that caches and per-CPU maps stay the same.
class OneCpu {
public:
    OneCpu() {
        CPU_ZERO(&before_);
        if (sched_getaffinity(0, sizeof(before_), &before_) != 0) return;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
        pinned_ = sched_setaffinity(0, sizeof(one), &one) == 0;
    }
    OneCpu(const OneCpu&) = delete;
    OneCpu& operator=(const OneCpu&) = delete;
    ~OneCpu() {
        if (pinned_) sched_setaffinity(0, sizeof(before_), &before_);
    }

private:
    cpu_set_t before_{};
    bool pinned_ = false;
};

struct Run {
    std::uint32_t action = 0;
    bool handed_over = false;  // XDP left metadata with it
    double ns = 0;
};

// nullopt: the kernel makes no test run of a frame of this length.
std::optional<Run> test_run(int program, bool is_xdp, const Frame& frame, std::uint32_t ingress) {
    xdp_md xdp{};
    xdp.data_end = static_cast<std::uint32_t>(frame.size());
    xdp.ingress_ifindex = ingress;
    xdp_md xdp_out{};
    __sk_buff skb{};
    skb.ifindex = ingress;
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame.data();
    options.data_size_in = static_cast<std::uint32_t>(frame.size());
    if (is_xdp) {
        options.ctx_in = &xdp;
        options.ctx_size_in = sizeof(xdp);
        options.ctx_out = &xdp_out;
        options.ctx_size_out = sizeof(xdp_out);
    } else {
        options.ctx_in = &skb;
        options.ctx_size_in = sizeof(skb);
    }
    if (bpf_prog_test_run_opts(program, &options) != 0) {
        if (errno == EINVAL) return std::nullopt;
        throw Error::from_errno("BPF program", "test run", errno, "run as root");
    }
    return Run{options.retval, xdp_out.data != 0, static_cast<double>(options.duration)};
}

Fd load_empty_program(bool is_xdp) {
    const std::array<bpf_insn, 2> code{{
        {.code = BPF_ALU64 | BPF_MOV, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    }};
    Fd program{bpf_prog_load(is_xdp ? BPF_PROG_TYPE_XDP : BPF_PROG_TYPE_SCHED_CLS, "xgre_empty",
                             "GPL", code.data(), code.size(), nullptr)};
    if (!program.is_open()) throw Error::from_errno("BPF program", "load", errno, "run as root");
    return program;
}

double median(std::vector<double>& times) {
    if (times.empty()) return 0;
    const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
    std::nth_element(times.begin(), middle, times.end());
    return *middle;
}

// What became of one frame.
struct Fate {
    xgre_program program = XGRE_PROGRAM_UPLINK_TC;
    std::uint32_t verdict = XGRE_PASS;
    Run xdp;  // as far as they were run
    Run tc;
    bool by_tc = false;

    bool is_same(const Fate& other) const {
        return by_tc == other.by_tc && xdp.action == other.xdp.action &&
               xdp.handed_over == other.xdp.handed_over && tc.action == other.tc.action;
    }
};

class Replayer {
public:
    Replayer(const Instance::State& state, const ReplaySpec& spec)
        : spec_{spec},
          ingress_{Ingress::of(state, spec.device)},
          capture_{CaptureFile::read(spec.capture, kMostFrames)},
          stand_in_{StandIn::of(state)},
          locals_{locals_of(state.uplink)} {
        result_.device = ingress_.device;
        result_.is_uplink = ingress_.is_uplink;
        result_.cut = capture_.cut;
        result_.left_out = capture_.left_out;
        result_.other_build = is_other_build(state, stand_in_.datapath(), ingress_);
    }

    Replay run() {
        const OneCpu one_cpu;
        const auto scope = stand_in_.enter();
        learn();
        if (frames_.empty())
            throw Error{spec_.capture, "it has no frame that can be run",
                        "capture whole frames: `tcpdump -s 0 -w FILE`"};
        measure_empty_program();
        look_at_fates();
        measure();
        summarize();
        return std::move(result_);
    }

private:
    struct Known {
        const Frame* frame = nullptr;
        Fate fate;
        std::size_t kind = 0;
    };
    struct Times {
        std::vector<double> xdp;
        std::vector<double> tc;
    };

    int fd_of(xgre_program program) const {
        return stand_in_.datapath().program(kProgramTexts.at(program).name);
    }

    // nullopt: the kernel makes no such run.
    std::optional<Fate> run_frame(const Frame& frame) {
        if (++runs_ % kFramesBetweenDrains == 0) stand_in_.drain();
        Fate fate;
        if (ingress_.has_xdp) {
            const auto xdp = test_run(fd_of(ingress_.xdp), true, frame, ingress_.ifindex);
            if (!xdp) return std::nullopt;
            fate.xdp = *xdp;
            if (xdp->action != XDP_PASS || xdp->handed_over) return fate;
        }
        const auto tc = test_run(fd_of(ingress_.tc), false, frame, ingress_.ifindex);
        if (!tc) return std::nullopt;
        fate.tc = *tc;
        fate.by_tc = true;
        return fate;
    }

    // Once through the capture, for what the programs learn of it.
    void learn() {
        for (const Frame& frame : capture_.frames) {
            if (frame.size() <= ingress_.longest && run_frame(frame)) {
                frames_.push_back({&frame, {}, 0});
            } else {
                ++result_.too_large;
            }
        }
        result_.frames = frames_.size();
    }

    // Packets by verdict, of the programs that this is about.
    std::vector<std::uint64_t> counts() const {
        std::vector<std::uint64_t> packets;
        const auto counters = stand_in_.datapath().counters();
        for (const xgre_program program : {ingress_.xdp, ingress_.tc})
            for (const xgre_count& count :
                 counters.sums(XGRE_COUNTER(program, 0), XGRE_VERDICT_MAX))
                packets.push_back(count.packets);
        return packets;
    }

    // Once more, to see what becomes of each frame.
    void look_at_fates() {
        std::map<std::tuple<std::string, xgre_program, std::uint32_t>, std::size_t> known;
        auto before = counts();
        for (Known& frame : frames_) {
            frame.fate = run_frame(*frame.frame).value_or(Fate{});
            auto after = counts();
            name_fate(before, after, frame.fate);
            before = std::move(after);
            const std::string label = ingress_.is_uplink ? label_of_arrival(*frame.frame, locals_)
                                                         : label_of(*frame.frame);
            const auto [entry, is_new] = known.try_emplace(
                {label, frame.fate.program, frame.fate.verdict}, result_.kinds.size());
            if (is_new) {
                FrameKind kind;
                kind.kind = label;
                kind.program = kProgramTexts.at(frame.fate.program).name;
                kind.verdict = kVerdictTexts.at(frame.fate.verdict).name;
                result_.kinds.push_back(std::move(kind));
            }
            frame.kind = entry->second;
            ++result_.kinds[frame.kind].frames;
        }
        times_.resize(result_.kinds.size());
    }

    void name_fate(const std::vector<std::uint64_t>& before,
                   const std::vector<std::uint64_t>& after, Fate& fate) const {
        fate.program = fate.by_tc ? ingress_.tc : ingress_.xdp;
        if (fate.xdp.handed_over) fate.verdict = XGRE_HANDOVER;
        for (std::uint32_t i = 0; i < after.size(); ++i)
            if (after[i] != before[i]) fate.verdict = i % XGRE_VERDICT_MAX;
    }

    void measure_empty_program() {
        constexpr int kRuns = 2000;
        for (const bool is_xdp : {true, false}) {
            const Fd program = load_empty_program(is_xdp);
            std::vector<double> times;
            for (int i = 0; i < kRuns; ++i)
                if (const auto run =
                        test_run(program.get(), is_xdp, *frames_.front().frame, ingress_.ifindex))
                    times.push_back(run->ns);
            (is_xdp ? empty_xdp_ : empty_tc_) = median(times);
        }
        result_.ns_of_measuring = ingress_.has_xdp ? empty_xdp_ : empty_tc_;
    }

    // A frame to which something else happens now and then (the kernel is asked for a next hop
    // every few seconds) is left out where it does.
    void measure() {
        const auto end = Clock::now() + spec_.time;
        do {
            for (const Known& frame : frames_) {
                const auto fate = run_frame(*frame.frame);
                if (!fate || !fate->is_same(frame.fate)) continue;
                Times& times = times_[frame.kind];
                if (ingress_.has_xdp && times.xdp.size() < kMostTimes)
                    times.xdp.push_back(fate->xdp.ns);
                if (fate->by_tc && times.tc.size() < kMostTimes) times.tc.push_back(fate->tc.ns);
            }
            ++result_.rounds;
        } while (Clock::now() < end);
        stand_in_.drain();
    }

    void summarize() {
        double all = 0;
        for (std::size_t i = 0; i < result_.kinds.size(); ++i) {
            FrameKind& kind = result_.kinds[i];
            Times& times = times_[i];
            const auto net = [](std::vector<double>& list, double empty) -> std::optional<double> {
                if (list.empty()) return std::nullopt;
                return std::max(0.0, median(list) - empty);
            };
            kind.xdp_ns = net(times.xdp, empty_xdp_);
            kind.tc_ns = net(times.tc, empty_tc_);
            kind.share = static_cast<double>(kind.frames) / static_cast<double>(result_.frames);
            kind.time_share = static_cast<double>(kind.frames) *
                              (kind.xdp_ns.value_or(0) + kind.tc_ns.value_or(0));
            all += kind.time_share;
        }
        result_.ns_per_frame = all / static_cast<double>(result_.frames);
        for (FrameKind& kind : result_.kinds)
            kind.time_share = all > 0 ? kind.time_share / all : 0;
        std::ranges::sort(result_.kinds, [](const FrameKind& a, const FrameKind& b) {
            return std::tie(b.time_share, a.kind, a.verdict) <
                   std::tie(a.time_share, b.kind, b.verdict);
        });
    }

    ReplaySpec spec_;
    Ingress ingress_;
    CaptureFile capture_;
    StandIn stand_in_;
    std::vector<IpAddr> locals_;
    std::vector<Known> frames_;
    std::vector<Times> times_;  // by kind
    std::size_t runs_ = 0;
    double empty_xdp_ = 0;
    double empty_tc_ = 0;
    Replay result_;
};

}  // namespace

Replay replay(const Session& session, const ReplaySpec& spec) {
    const Instance::State state{session, std::nullopt};
    return Replayer{state, spec}.run();
}

}  // namespace xgre
