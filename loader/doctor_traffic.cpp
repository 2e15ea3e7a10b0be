// SPDX-License-Identifier: GPL-2.0-only
// Checks of what becomes of frames: drops, and the CPUs that do the work.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "loader/doctor.h"
#include "loader/drop_texts.h"

namespace xgre::doctor {
namespace {

// What a port was told to be kept from, and what happens in a network that is as it should be.
constexpr std::array kInOrder{
    XGRE_LOCKED,        XGRE_SAME_PORT,  XGRE_SPLIT_HORIZON, XGRE_ISOLATED,
    XGRE_NO_TARGET,     XGRE_PEER_GONE,  XGRE_BAD_SOURCE,    XGRE_BROADCAST_LIMIT,
    XGRE_UNKNOWN_LIMIT, XGRE_DHCP_GUARD, XGRE_RA_GUARD,      XGRE_NOT_LEASED,
};

constexpr double kOneCpu = 0.8;          // of the packets, on one of several CPUs
constexpr double kManyPackets = 10'000;  // a second: below that, one CPU is enough
constexpr double kBusySoftirq = 0.5;     // of a CPU's time

bool is_in_order(std::string_view verdict) {
    return std::ranges::any_of(
        kInOrder, [&](xgre_verdict one) { return kVerdictTexts.at(one).name == verdict; });
}

std::uint64_t lost(const VerdictCount& count) {
    return count.packets + count.copies;
}

void drops(const InstanceFacts& facts, Report& report) {
    const auto then = drops_of(facts.first.verdicts);
    bool any = false;
    for (const VerdictCount& drop : drops_of(facts.second.verdicts)) {
        const auto before = std::ranges::find(then, drop.verdict, &VerdictCount::verdict);
        const std::uint64_t now =
            lost(drop) - (before == then.end() ? std::uint64_t{0} : lost(*before));
        any = true;
        const std::string found =
            now == 0 || facts.seconds <= 0
                ? fmt::format("{} frames since it was attached: {}", lost(drop), drop.help)
                : fmt::format("{} frames in {:.1f} s, {} in all: {}", now, facts.seconds,
                              lost(drop), drop.help);
        const bool matters = now != 0 && facts.seconds > 0 && !is_in_order(drop.verdict);
        report.add(matters ? Severity::warning : Severity::note, "drop " + drop.verdict, found,
                   std::string{way_out_of_drop(drop.verdict)});
    }
    if (!any) report.fine("drops", "none since it was attached");
}

void one_cpu(const InstanceFacts& facts, Report& report) {
    const auto& then = facts.first.from_wire_by_cpu;
    const auto& now = facts.second.from_wire_by_cpu;
    std::uint64_t all = 0;
    std::uint64_t most = 0;
    std::uint32_t busiest = 0;
    for (const auto& [cpu, packets] : now) {
        const auto before = then.find(cpu);
        const std::uint64_t came = packets - (before == then.end() ? 0 : before->second);
        all += came;
        if (came <= most) continue;
        most = came;
        busiest = cpu;
    }
    if (facts.seconds <= 0 || now.size() < 2) return;
    const double rate = static_cast<double>(all) / facts.seconds;
    if (rate < kManyPackets || static_cast<double>(most) < kOneCpu * static_cast<double>(all) ||
        !facts.info.spread_cpus.empty())
        return report.fine("cpus", fmt::format("{:.0f} packets a second from the wire", rate));
    const CpuTimes a =
        facts.first.cpu_times.contains(busiest) ? facts.first.cpu_times.at(busiest) : CpuTimes{};
    const CpuTimes b =
        facts.second.cpu_times.contains(busiest) ? facts.second.cpu_times.at(busiest) : CpuTimes{};
    const double softirq = b.total == a.total ? 0
                                              : static_cast<double>(b.softirq - a.softirq) /
                                                    static_cast<double>(b.total - a.total);
    report.add(
        softirq < kBusySoftirq ? Severity::note : Severity::warning, "cpus",
        fmt::format("CPU {} took {:.0f} % of {:.0f} packets a second from the wire, and spent "
                    "{:.0f} % of its time on networking, of {} CPUs: a tunnel between two "
                    "hosts is one flow to the NIC",
                    busiest, 100 * static_cast<double>(most) / static_cast<double>(all), rate,
                    100 * softirq, now.size()),
        report.xgre(fmt::format("attach {} --local ADDR --spread all", facts.uplink().name)) +
            " with the arguments that it had, where XDP runs; else RPS, "
            "/sys/class/net/DEV/queues/rx-0/rps_cpus");
}

void watched(const InstanceFacts& facts, Report& report) {
    for (const std::string& watcher : facts.watched_by_nobody)
        report.note(
            "programs",
            fmt::format("they tell of frames to an `xgre {}` that was killed, which costs "
                        "each frame up to some hundred nanoseconds",
                        watcher),
            report.xgre(watcher + " --seconds 0.1") + ", or any command that changes the instance");
    if (facts.watched_by_nobody.empty()) report.fine("programs", "they tell nobody in vain");
}

constexpr std::array<Check<InstanceFacts>, 3> kChecks{{
    {"drops", drops},
    {"one-cpu", one_cpu},
    {"watched", watched},
}};

}  // namespace

InstanceChecks traffic_checks() {
    return kChecks;
}

}  // namespace xgre::doctor
