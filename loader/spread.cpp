// SPDX-License-Identifier: GPL-2.0-only
#include "loader/spread.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include <fmt/format.h>

#include "loader/instance_state.h"
#include "loader/pins.h"
#include "xgre/error.h"

namespace xgre {
namespace {

static_assert(CpuSet::kMax + 1 == XGRE_SPREAD_CPUS);

constexpr const char* kCounter = "spread_full";
constexpr const char* kTracepoint = "xdp_cpumap_enqueue";
constexpr const char* kWithout = "attach with --spread off";
constexpr std::chrono::seconds kPatience{10};

using CpuMap = Map<std::uint32_t, bpf_cpumap_val>;

// Returns those that it took out.
CpuSet remove_entries(const CpuMap& cpus, const CpuSet& keep) {
    CpuSet removed;
    const std::uint32_t room = cpus.max_entries();
    for (std::uint32_t cpu = 0; cpu < room; ++cpu) {
        if (keep.contains(cpu) || !cpus.find(cpu)) continue;
        cpus.erase(cpu);
        removed.add(cpu);
    }
    return removed;
}

// Is this a thread of the kernel that serves an entry of the CPU map `id`? A process, which may
// call itself anything, has an executable.
bool serves(const std::filesystem::path& process, std::uint32_t id) {
    std::ifstream file{process / "comm"};
    std::string name;
    std::error_code error;
    return std::getline(file, name) && name.starts_with("cpumap/") &&
           name.ends_with(fmt::format("/map:{}", id)) &&
           std::filesystem::read_symlink(process / "exe", error).empty();
}

bool is_served(std::uint32_t id) {
    std::error_code error;
    const std::filesystem::directory_iterator processes{"/proc", error};
    return std::ranges::any_of(processes,
                               [id](const auto& process) { return serves(process.path(), id); });
}

// 0: there is no such link.
std::uint64_t program_of_link(const std::string& path) {
    const Fd link{bpf_obj_get(path.c_str())};
    bpf_link_info info{};
    std::uint32_t len = sizeof(info);
    if (!link.is_open() || bpf_obj_get_info_by_fd(link.get(), &info, &len) != 0) return 0;
    return info.prog_id;
}

}  // namespace

CpuSet system_cpus(const std::string& which) {
    const std::string path = "/sys/devices/system/cpu/" + which;
    std::ifstream file{path};
    std::string text;
    std::getline(file, text);
    const auto cpus = CpuSet::parse(text, std::numeric_limits<std::uint32_t>::max());
    if (!cpus) throw Error{path, "no list of CPUs that xgre can read", "mount sysfs at /sys"};
    return *cpus;
}

Spread spread_of(const xgre_uplink& uplink) {
    CpuSet::Words words{};
    std::ranges::copy(uplink.spread_cpus, words.begin());
    switch (uplink.spread) {
        case XGRE_SPREAD_OFF:
            return {SpreadMode::off, {}};
        case XGRE_SPREAD_ALL:
            return {SpreadMode::all, {}};
        case XGRE_SPREAD_LIST:
            return {SpreadMode::list, CpuSet{words}};
        default:
            return {};
    }
}

void set_spread(const Spread& spread, xgre_uplink& uplink) {
    switch (spread.mode) {
        case SpreadMode::automatic:
            uplink.spread = XGRE_SPREAD_AUTO;
            break;
        case SpreadMode::off:
            uplink.spread = XGRE_SPREAD_OFF;
            break;
        case SpreadMode::all:
            uplink.spread = XGRE_SPREAD_ALL;
            break;
        case SpreadMode::list:
            uplink.spread = XGRE_SPREAD_LIST;
            break;
    }
    std::ranges::copy(spread.cpus.words(), std::begin(uplink.spread_cpus));
}

// An entry's thread ends when its queue is empty and GRO has let go of everything, but some time
// after the entry has gone. Nothing else tells of it. In a PID namespace it is not seen.
void empty_cpus(int map) {
    const CpuMap cpus{map, "cpus"};
    remove_entries(cpus, {});
    const std::uint32_t id = cpus.id();
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (is_served(id)) {
        if (std::chrono::steady_clock::now() > deadline)
            throw Error{fmt::format("kernel threads cpumap/CPU/map:{}", id),
                        "frames still wait for them: they do not get to run",
                        "try again when their CPUs have less to do"};
        std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
}

SpreadPlan plan_spread(const Spread& wanted, bool has_xdp) {
    // As measured, a frame costs more to hand over than to decapsulate: see docs/performance.md.
    if (wanted.mode == SpreadMode::off || wanted.mode == SpreadMode::automatic) return {};
    if (!has_xdp) return {{}, {"the uplink has no XDP, which is what spreads"}};
    const CpuSet online = system_cpus("online");
    if (wanted.mode == SpreadMode::all) return {online, {}};
    SpreadPlan plan{wanted.cpus & online, {}};
    const CpuSet offline = wanted.cpus - online;
    if (!offline.empty()) plan.notes.push_back(fmt::format("not online: {}", offline.format()));
    return plan;
}

bool Spreader::spreads_tcp() const {
    return datapath_.can_spread_tcp();
}

bool Spreader::counts_lost() const {
    return datapath_.programs().contains(kCounter);
}

std::vector<std::string> Spreader::make(const CpuSet& cpus) const {
    std::vector<std::string> done;
    if (cpus.empty()) return done;
    for (const std::uint32_t cpu : cpus.list())
        if (make_entry(cpu)) done.push_back(fmt::format("let CPU {} take frames", cpu));
    if (make_counter()) done.emplace_back("began to count frames that find a CPU's queue full");
    if (make_list(cpus))
        done.push_back(fmt::format("chose CPUs {} to spread frames over", cpus.format()));
    return done;
}

bool Spreader::make_entry(std::uint32_t cpu) const {
    const int program = datapath_.program("uplink_cpu_xdp");
    const auto now = datapath_.cpus().find(cpu);
    if (now && now->qsize == XGRE_SPREAD_QUEUE && now->bpf_prog.id == kernel_id_of_program(program))
        return false;
    bpf_cpumap_val entry{};
    entry.qsize = XGRE_SPREAD_QUEUE;
    entry.bpf_prog.fd = program;
    if (bpf_map_update_elem(datapath_.cpus().fd(), &cpu, &entry, BPF_ANY) != 0)
        throw Error::from_errno(fmt::format("CPU {}", cpu), "take frames", errno, kWithout);
    return true;
}

// Such a link cannot have its program replaced. Rather a moment without than two that both count.
bool Spreader::make_counter() const {
    if (!counts_lost()) return false;
    const int program = datapath_.program(kCounter);
    if (program_of_link(counter_) == kernel_id_of_program(program)) return false;
    pins::remove(counter_);
    const Fd link{bpf_raw_tracepoint_open(kTracepoint, program)};
    if (!link.is_open()) throw Error::from_errno(kTracepoint, "attach to it", errno, kWithout);
    pins::put(link.get(), counter_);
    return true;
}

bool Spreader::make_list(const CpuSet& cpus) const {
    xgre_spread wanted{};
    wanted.map_id = datapath_.cpus().id();
    if (spreads_tcp()) wanted.flags |= XGRE_SPREAD_TCP;
    for (const std::uint32_t cpu : cpus.list())
        wanted.cpu[wanted.count++] = static_cast<__u16>(cpu);
    const auto now = datapath_.spread().find(0);
    if (now && std::memcmp(&*now, &wanted, sizeof(wanted)) == 0) return false;
    datapath_.spread().put(0, wanted);
    return true;
}

std::vector<std::string> Spreader::remove_all_but(const CpuSet& cpus) const {
    std::vector<std::string> done;
    for (const std::uint32_t cpu : remove_entries(datapath_.cpus(), cpus).list())
        done.push_back(fmt::format("let CPU {} take no more frames", cpu));
    if (cpus.empty() && pins::exists(counter_)) pins::remove(counter_);
    return done;
}

}  // namespace xgre
