// SPDX-License-Identifier: GPL-2.0-only
// Profiler: looks at the counters of an instance, and at the kernel's statistics of its programs.
#include "xgre/profile.h"

#include <bpf/bpf.h>

#include <algorithm>

#include "loader/abi_text.h"
#include "loader/host_settings.h"
#include "loader/instance_state.h"
#include "loader/loopback.h"
#include "loader/profile_growth.h"
#include "loader/profile_stages.h"

namespace xgre {
namespace {

using Clock = std::chrono::steady_clock;

// How a device is hooked changes rarely, and to find out takes a look at all processes.
constexpr std::chrono::seconds kHooksStayValid{10};

Fd enable_statistics() {
    Fd statistics{bpf_enable_stats(BPF_STATS_RUN_TIME)};
    if (!statistics.is_open())
        throw Error::from_errno("BPF statistics", "switch on", errno,
                                errno == EPERM ? "run as root" : "use Linux 5.8 or later");
    return statistics;
}

std::array<ProgramRuns, XGRE_PROGRAM_MAX> read_runs(const Datapath& datapath) {
    std::array<ProgramRuns, XGRE_PROGRAM_MAX> all{};
    for (std::size_t i = 0; i < all.size(); ++i) {
        bpf_prog_info info{};
        std::uint32_t len = sizeof(info);
        if (bpf_obj_get_info_by_fd(datapath.program(kProgramTexts.at(i).name), &info, &len) != 0)
            throw Error::from_errno(std::string{kProgramTexts.at(i).name}, "information", errno,
                                    "run as root");
        all.at(i) = {info.id, info.run_cnt, info.run_time_ns};
    }
    return all;
}

void add(const xgre_traffic& part, xgre_traffic& sum) {
    sum.rx_packets += part.rx_packets;
    sum.rx_bytes += part.rx_bytes;
    sum.tx_packets += part.tx_packets;
    sum.tx_bytes += part.tx_bytes;
}

}  // namespace

class Profiler::Measurement {
public:
    Measurement(Session session, const ProfileSpec& spec)
        : session_{std::move(session)}, statistics_{enable_statistics()}, last_{look()} {
        if (!spec.sample_rate) return;
        read_code();
        symbols_ = KernelSymbols::read();
        sample_cost_ = measure_sample_cost();
        sampler_ = PerfSampler::start(*spec.sample_rate);
        last_ = look();  // that took a while
    }

    Profile take() {
        std::optional<Samples> samples;
        if (sampler_) samples = sampler_->take();
        Snapshot now = look();
        Profile profile = growth(last_, now);
        profile.instance = session_.instance;
        profile.missed = missed_of(profile);
        profile.advice = advice_for(profile);
        if (samples) add_stages(*samples, profile);
        last_ = std::move(now);
        return profile;
    }

private:
    // Programs of before an upgrade are kept: samples may still be theirs.
    void read_code() {
        const Instance::State state{session_, std::nullopt};
        for (const auto& [name, fd] : state.datapath.programs()) {
            const auto id = static_cast<std::uint32_t>(kernel_id_of_program(fd.get()));
            if (std::ranges::find(code_, id, &ProgramCode::id) == code_.end())
                code_.push_back(ProgramCode::read(fd.get(), name));
        }
    }

    void add_stages(const Samples& samples, Profile& profile) {
        read_code();
        Stages stages = stages_of(samples, code_, symbols_);
        stages.ns_per_sample = sample_cost_;
        for (StepLoad& step : stages.steps) {
            for (const ProgramLoad& program : profile.programs)
                if (program.program == step.program && program.ns_per_run)
                    step.ns_per_run = *program.ns_per_run * step.share;
        }
        profile.stages = std::move(stages);
        profile.stacks = stacks_of(samples, code_, symbols_);
    }

    // The instance anew each time: it may have been upgraded, or attached again.
    Snapshot look() {
        const Instance::State state{session_, std::nullopt};
        const auto scope = state.enter();
        Snapshot snapshot;
        snapshot.fdb_room = state.datapath.fdb().max_entries();
        snapshot.jit = has_jit();
        snapshot.forwards_on_loopback = forwards_on_loopback();
        look_at_devices(state, snapshot);
        // What grows comes last and together.
        snapshot.time = Clock::now();
        read_counters(state, snapshot);
        return snapshot;
    }

    static void read_counters(const Instance::State& state, Snapshot& snapshot) {
        const Datapath& datapath = state.datapath;
        snapshot.programs = read_runs(datapath);
        snapshot.cells = datapath.counters().all();
        snapshot.cpus = datapath.counters().cpus();
        for (const auto& [ifindex, port] : state.ports())
            if (const auto found = snapshot.devices.find(ifindex); found != snapshot.devices.end())
                found->second.traffic = datapath.port_counters().sum(port.slot);
        xgre_traffic& uplink = snapshot.devices.at(state.uplink.ifindex).traffic;
        for (const auto& [id, peer] : state.peers())
            add(datapath.peer_counters().sum(id), uplink);
        for (std::uint32_t note = 0; note < XGRE_NOTE_MAX; ++note)
            snapshot.notes.at(note) = datapath.notes().sum(note);
        snapshot.cpu_times = read_cpu_times();
    }

    void look_at_devices(const Instance::State& state, Snapshot& snapshot) {
        if (Clock::now() - hooks_read_ > kHooksStayValid) {
            hooks_.clear();
            hooks_read_ = Clock::now();
        }
        NlSocket netlink = NlSocket::open();
        const auto networks = state.networks();
        for (const auto& [ifindex, port] : state.ports()) {
            auto link = netlink.find_link(static_cast<int>(ifindex));
            if (!state.is_live(ifindex)) link.reset();
            DeviceSample sample = sample_of(state, ifindex, link, false);
            sample.device.device = text_of(port.name);
            sample.device.large_segments = (port.flags & XGRE_PORT_OFFLOADS) != 0;
            if (const auto found = networks.find(port.network); found != networks.end())
                sample.device.network = text_of(found->second.name);
            snapshot.devices.insert_or_assign(ifindex, std::move(sample));
        }
        DeviceSample uplink =
            sample_of(state, state.uplink.ifindex, state.find_uplink(netlink), true);
        uplink.device.device = text_of(state.uplink.name);
        snapshot.devices.insert_or_assign(state.uplink.ifindex, std::move(uplink));
    }

    DeviceSample sample_of(const Instance::State& state, std::uint32_t ifindex,
                           const std::optional<LinkInfo>& link, bool is_uplink) {
        DeviceSample sample;
        sample.device.is_uplink = is_uplink;
        sample.device.gone = !link;
        sample.device.hook = hook(state, ifindex, link ? &*link : nullptr, is_uplink);
        if (link) sample.tx_dropped = link->tx_dropped;
        return sample;
    }

    const HookInfo& hook(const Instance::State& state, std::uint32_t ifindex, const LinkInfo* link,
                         bool is_uplink) {
        const auto known = hooks_.find(ifindex);
        if (known != hooks_.end()) return known->second;
        return hooks_.emplace(ifindex, state.hook_info(link, is_uplink)).first->second;
    }

    Session session_;
    Fd statistics_;
    std::map<std::uint32_t, HookInfo> hooks_;
    Clock::time_point hooks_read_{};
    Snapshot last_;  // after what look() uses
    std::vector<ProgramCode> code_;
    KernelSymbols symbols_;  // what is loaded later has no name
    std::optional<double> sample_cost_;
    std::optional<PerfSampler> sampler_;
};

Profiler::Profiler(std::unique_ptr<Measurement> measurement)
    : measurement_{std::move(measurement)} {}
Profiler::Profiler(Profiler&&) noexcept = default;
Profiler& Profiler::operator=(Profiler&&) noexcept = default;
Profiler::~Profiler() = default;

Profiler Profiler::start(const Session& session, const ProfileSpec& spec) {
    return Profiler{std::make_unique<Measurement>(session, spec)};
}

Profile Profiler::take() {
    return measurement_->take();
}

}  // namespace xgre
