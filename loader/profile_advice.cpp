// SPDX-License-Identifier: GPL-2.0-only
// What to do about what a profile shows. A rule is a function that looks at a Profile and adds what
// it finds; the order of rules is the order of importance.
#include <algorithm>
#include <array>
#include <optional>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "loader/drop_texts.h"
#include "loader/profile_growth.h"

namespace xgre {
namespace {

// Below these a finding costs too little to be worth a word.
constexpr double kWorthAWord = 0.01;  // of all frames
constexpr double kMuchFlooding = 0.1;
constexpr double kManyFloods = 10;    // a second
constexpr double kOneCpu = 0.8;       // of the frames, on one of several CPUs
constexpr double kBusySoftirq = 0.5;  // of a CPU's time
constexpr double kManyMoves = 1;      // a second

using Advices = std::vector<Advice>;

double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string percent(double part) {
    return fmt::format("{:.3g} %", part * 100);
}

std::uint64_t note(const Profile& profile, xgre_note which) {
    for (const NoteCount& count : profile.notes)
        if (count.name == kNoteTexts.at(which).name) return count.count;
    return 0;
}

// ---- Nothing to measure ---------------------------------------------------------------------

void no_frames(const Profile& profile, Advices& advices) {
    if (profile.frames != 0) return;
    std::uint64_t runs = 0;
    for (const ProgramLoad& program : profile.programs)
        runs += program.runs;
    advices.push_back({"no-frames",
                       fmt::format("no frame of a network was seen in {:.1f} s{}", profile.seconds,
                                   runs == 0 ? "" : ", only traffic that is not xgre's"),
                       "send some, or measure for longer with --seconds"});
}

void no_jit(const Profile& profile, Advices& advices) {
    if (profile.jit) return;
    advices.push_back({"no-jit",
                       "the kernel interprets BPF programs, which takes several times as long",
                       "`sysctl net.core.bpf_jit_enable=1`, then `xgre attach --upgrade`"});
}

// ---- Losses ---------------------------------------------------------------------------------

void drops(const Profile& profile, Advices& advices) {
    for (const VerdictCount& drop : drops_of(profile.verdicts)) {
        const double part = share(drop.packets + drop.copies, profile.frames);
        if (part < kWorthAWord) continue;
        std::string lost;
        if (drop.packets != 0) lost = fmt::format("{} frames", drop.packets);
        if (drop.copies != 0)
            lost += fmt::format("{}{} copies of flooded frames", lost.empty() ? "" : " and ",
                                drop.copies);
        advices.push_back(
            {"drops-" + drop.verdict,
             fmt::format("{} dropped as {} ({}): {}", lost, drop.verdict, percent(part), drop.help),
             std::string{way_out_of_drop(drop.verdict)}});
    }
}

void lost_after(const Profile& profile, Advices& advices) {
    for (const DeviceLoad& device : profile.devices) {
        const std::uint64_t given = device.traffic.tx_packets;
        if (share(device.lost_after, given) < kWorthAWord) continue;
        advices.push_back(
            {"device-drops",
             fmt::format("{} dropped {} of {} frames that it was given", device.device,
                         device.lost_after, given),
             device.is_uplink
                 ? fmt::format("look at `ip -s link show {0}` and `tc -s qdisc show dev {0}`",
                               device.device)
                 : fmt::format(
                       "give the VM behind it more CPU time, or {} a longer queue: `ip link "
                       "set {} txqueuelen 10000`",
                       device.device, device.device)});
    }
}

void backlog(const Profile& profile, Advices& advices) {
    std::uint64_t drops = 0;
    for (const CpuLoad& cpu : profile.cpus)
        drops += cpu.backlog_drops;
    if (drops == 0) return;
    advices.push_back(
        {"backlog-drops",
         fmt::format("the machine lost {} frames before any program saw them: a CPU's "
                     "backlog was full",
                     drops),
         "`sysctl net.core.netdev_max_backlog=10000`, and spread the load over CPUs"});
}

// ---- What makes frames slow -----------------------------------------------------------------

void without_xdp(const Profile& profile, Advices& advices) {
    for (const DeviceLoad& device : profile.devices) {
        const bool matters = share(device.traffic.rx_packets, profile.frames) >= kWorthAWord;
        if (device.gone || !matters || device.hook.reason.empty() || !device.hook.xdp_pays)
            continue;
        const bool runs = device.hook.xdp == "native";
        advices.push_back(
            {runs               ? "xdp-unfit"
             : device.is_uplink ? "uplink-without-xdp"
                                : "port-without-xdp",
             runs ? fmt::format("{}: {}", device.device, device.hook.reason)
                  : fmt::format("all {} frames from {} went by TC: {}", device.traffic.rx_packets,
                                device.device, device.hook.reason),
             device.hook.remedy});
    }
}

void without_transmit(const Profile& profile, Advices& advices) {
    for (const DeviceLoad& device : profile.devices) {
        const bool matters = share(device.traffic.tx_packets, profile.frames) >= kWorthAWord;
        if (device.gone || !matters || device.hook.transmit_reason.empty()) continue;
        // Where no XDP program runs, none could send.
        const bool any_xdp = std::ranges::any_of(
            profile.devices, [](const DeviceLoad& d) { return d.hook.xdp == "native"; });
        if (!any_xdp) continue;
        advices.push_back(
            {"no-xdp-transmit",
             fmt::format("XDP may not send into {}, which was sent {} frames: {}", device.device,
                         device.traffic.tx_packets, device.hook.transmit_reason),
             device.hook.transmit_remedy});
    }
}

void loopback_forwarding(const Profile& profile, Advices& advices) {
    if (profile.forwards_on_loopback) return;
    advices.push_back({"no-next-hop",
                       "net.ipv4.conf.lo.forwarding is 0, so XDP sends nothing into tunnels",
                       "`xgre attach` with the arguments that it had sets it again; find out what "
                       "reset it"});
}

void flooding(const Profile& profile, Advices& advices) {
    const std::uint64_t looked_up = profile.fdb.known + profile.fdb.flooded;
    const double part = share(profile.fdb.flooded, looked_up);
    const bool many = static_cast<double>(profile.fdb.flooded) >= kManyFloods * profile.seconds;
    if (part < kMuchFlooding || !many) return;
    std::uint64_t copies = 0;
    for (const ProgramLoad& program : profile.programs)
        copies += program.copies;
    advices.push_back(
        {"flooding",
         fmt::format("{} of the frames were flooded, by TC, in {} copies", percent(part), copies),
         "for a destination that never sends, `xgre fdb add` or a longer `xgre network add "
         "--ageing`; "
         "for broadcasts look at who sends them, and split the network"});
}

void fdb_full(const Profile& profile, Advices& advices) {
    if (note(profile, XGRE_NOTE_FDB_FULL) == 0) return;
    advices.push_back(
        {"fdb-full",
         fmt::format("the FDB is full ({} entries): new addresses are not learned, and "
                     "what goes to them is flooded",
                     profile.fdb.room),
         "attach again with a larger --fdb-size, shorten the ageing time, or limit ports "
         "and peers with --mac-limit"});
}

void mac_limit(const Profile& profile, Advices& advices) {
    const std::uint64_t refused = note(profile, XGRE_NOTE_MAC_LIMIT);
    if (share(refused, profile.frames) < kWorthAWord) return;
    advices.push_back(
        {"mac-limit",
         fmt::format(
             "{} frames came from addresses beyond their port's or peer's MAC limit; answers "
             "to them are flooded",
             refused),
         "see LEARNED and LIMIT in `xgre port show` and `xgre peer show`; --mac-limit N of "
         "`xgre port add` and `xgre peer add` raises one"});
}

void moves(const Profile& profile, Advices& advices) {
    const std::uint64_t moved = note(profile, XGRE_NOTE_MOVED);
    if (profile.seconds <= 0) return;
    if (static_cast<double>(moved) / profile.seconds < kManyMoves) return;
    advices.push_back(
        {"moving-macs", fmt::format("addresses moved to another port or peer {} times", moved),
         "look for a loop between two ports, or two VMs with one MAC: `xgre fdb show` "
         "twice tells which"});
}

// ---- CPUs -----------------------------------------------------------------------------------

std::optional<CpuLoad> busiest(const Profile& profile) {
    const auto most = std::ranges::max_element(profile.cpus, {}, &CpuLoad::frames);
    if (most == profile.cpus.end()) return std::nullopt;
    return *most;
}

void one_cpu(const Profile& profile, Advices& advices) {
    const auto cpu = busiest(profile);
    if (!cpu || profile.cpus.size() < 2) return;
    if (cpu->share < kOneCpu || cpu->softirq < kBusySoftirq) return;
    advices.push_back(
        {"one-cpu",
         fmt::format("CPU {} took {} of the frames and spent {} of its time on networking, of {} "
                     "CPUs: a tunnel between two hosts is one flow to the NIC",
                     cpu->cpu, percent(cpu->share), percent(cpu->softirq), profile.cpus.size()),
         "hand frames on to idle CPUs: those that XDP decides by `xgre attach` with --spread, "
         "those "
         "that TC does by RPS, /sys/class/net/DEV/queues/rx-0/rps_cpus"});
}

void squeezed(const Profile& profile, Advices& advices) {
    for (const CpuLoad& cpu : profile.cpus) {
        if (cpu.squeezed == 0 || cpu.softirq < kBusySoftirq) continue;
        advices.push_back(
            {"squeezed",
             fmt::format("CPU {} had more frames to work off than it was let, {} times", cpu.cpu,
                         cpu.squeezed),
             "keep VMs and other work off that CPU, or spread the load"});
    }
}

void nothing_found(const Profile& /*profile*/, Advices& advices) {
    if (!advices.empty()) return;
    advices.push_back({"nothing", "nothing stands out",
                       "--stages looks inside the programs, and --replay at captured frames"});
}

using Rule = void (*)(const Profile& profile, Advices& advices);

constexpr std::array kRules{
    Rule{no_frames},   Rule{no_jit},           Rule{drops},
    Rule{lost_after},  Rule{backlog},          Rule{fdb_full},
    Rule{without_xdp}, Rule{without_transmit}, Rule{loopback_forwarding},
    Rule{flooding},    Rule{mac_limit},        Rule{moves},
    Rule{one_cpu},     Rule{squeezed},         Rule{nothing_found},
};

}  // namespace

std::vector<Advice> advice_for(const Profile& profile) {
    Advices advices;
    for (const Rule rule : kRules)
        rule(profile, advices);
    return advices;
}

}  // namespace xgre
