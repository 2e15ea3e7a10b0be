// SPDX-License-Identifier: GPL-2.0-only
// Checks of the host: what there has to be before anything can be attached.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "loader/doctor.h"

namespace xgre::doctor {
namespace {

constexpr const char* kHost = "host";

// Those that a program reads without leaving the CPU.
constexpr std::array<std::string_view, 6> kFastClocks{
    "tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page", "timebase", "xen"};

void privileges(const HostFacts& host, Report& report) {
    if (host.missing_capabilities.empty()) return report.fine(kHost, "all privileges it takes");
    report.problem(kHost,
                   fmt::format("not allowed to see or change BPF maps: {} missing",
                               fmt::join(host.missing_capabilities, ", ")),
                   "run as root, in a container with these capabilities");
}

void bpf_file_system(const HostFacts& host, Report& report) {
    if (host.has_bpffs) return report.fine(kHost, "the BPF file system is mounted");
    report.problem(kHost, "no BPF file system at /sys/fs/bpf, where all state of xgre is",
                   "`mount -t bpf bpf /sys/fs/bpf`; inside of `ip netns exec`, which hides it, "
                   "use `xgre --netns NAME` or `nsenter --net` instead");
}

void kernel_types(const HostFacts& host, Report& report) {
    if (host.has_btf) return report.fine(kHost, "the kernel tells its types (BTF)");
    report.problem(kHost, "no /sys/kernel/btf/vmlinux, by which programs are fitted to the kernel",
                   "use a kernel built with CONFIG_DEBUG_INFO_BTF, as distributions' are");
}

void kernel_features(const HostFacts& host, Report& report) {
    bool all = true;
    for (const KernelFeature& feature : host.features) {
        if (feature.there) continue;
        all = false;
        report.problem(kHost, fmt::format("the kernel has no {}: {}", feature.name, feature.use),
                       "use Linux 6.1 or later");
    }
    if (all && !host.features.empty())
        report.fine(kHost, fmt::format("the kernel has all {} features that were probed",
                                       host.features.size()));
}

void tcx(const HostFacts& host, Report& report) {
    if (host.has_tcx) return report.fine(kHost, "the kernel has tcx");
    report.note(kHost, "the kernel has no tcx: programs are attached by clsact filters",
                "nothing is lost; Linux 6.6 has it");
}

void jit(const HostFacts& host, Report& report) {
    if (host.has_jit) return report.fine(kHost, "the kernel compiles BPF programs");
    report.warning(kHost,
                   "net.core.bpf_jit_enable is 0: the kernel interprets BPF programs, which takes "
                   "several times as long",
                   "`sysctl net.core.bpf_jit_enable=1`, then `xgre attach --upgrade`");
}

void clock(const HostFacts& host, Report& report) {
    if (host.clock.empty()) return;
    if (std::ranges::find(kFastClocks, host.clock) != kFastClocks.end())
        return report.fine(kHost, fmt::format("clock source {}", host.clock));
    const auto better = std::ranges::find_first_of(host.clocks, kFastClocks);
    report.warning(
        kHost,
        fmt::format("clock source {}: each reading of the clock takes as long as a whole frame",
                    host.clock),
        better == host.clocks.end()
            ? std::string{"see with `dmesg` why the kernel does not trust the CPU's counter"}
            : fmt::format(
                  "`echo {} >/sys/devices/system/clocksource/clocksource0/current_clocksource`, "
                  "and `clocksource={}` on the kernel's command line",
                  *better, *better));
}

void bpf_statistics(const HostFacts& host, Report& report) {
    if (!host.times_programs) return report.fine(kHost, "programs run without being timed");
    report.note(kHost, "kernel.bpf_stats_enabled is 1: each run of a program is timed, which costs",
                "`sysctl kernel.bpf_stats_enabled=0` when nobody looks at it");
}

void dhcp_program(const HostFacts& host, Report& report) {
    if (host.has_dnsmasq) return report.fine(kHost, "dnsmasq is there");
    report.note(kHost, "there is no dnsmasq, which `xgre dhcp` takes",
                "`apt-get install dnsmasq-base`");
}

constexpr std::array<Check<HostFacts>, 9> kChecks{{
    {"privileges", privileges},
    {"bpf-file-system", bpf_file_system},
    {"btf", kernel_types},
    {"kernel-features", kernel_features},
    {"tcx", tcx},
    {"jit", jit},
    {"clock", clock},
    {"bpf-statistics", bpf_statistics},
    {"dnsmasq", dhcp_program},
}};

}  // namespace

HostChecks host_checks() {
    return kChecks;
}

}  // namespace xgre::doctor
