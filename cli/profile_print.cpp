// SPDX-License-Identifier: GPL-2.0-only
#include "cli/profile_print.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>

#include "cli/fields.h"

namespace xgre::cli {
namespace {

// A part of a profile, and how long it was measured.
template <typename T>
struct Row {
    T part;
    double seconds = 0;
};

template <typename T>
std::vector<Row<T>> rows_of(const Profile& profile, const std::vector<T>& parts) {
    std::vector<Row<T>> rows;
    for (const T& part : parts)
        rows.push_back({part, profile.seconds});
    return rows;
}

// Where nothing is spread, nobody wants to read that its program did not run.
std::vector<ProgramLoad> in_use(std::vector<ProgramLoad> programs) {
    std::erase_if(programs, [](const ProgramLoad& load) {
        return load.program == "uplink_cpu_xdp" && load.runs == 0 && load.frames == 0;
    });
    return programs;
}

double per_second(std::uint64_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

Json share_or_null(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return nullptr;
    return share(part, whole);
}

std::string one_decimal(const Json& value) {
    if (!value.is_number()) return plain(value);
    return fmt::format("{:.1f}", value.get<double>());
}

const Fields<Row<ProgramLoad>>& program_fields() {
    using P = Row<ProgramLoad>;
    static const Fields<P> fields{
        {"program", "PROGRAM", [](const P& p) { return p.part.program; }},
        {"help", "", [](const P& p) { return p.part.help; }},
        {"runs", "", [](const P& p) { return p.part.runs; }},
        {"runs_per_second", "RUNS/S", [](const P& p) { return per_second(p.part.runs, p.seconds); },
         rate},
        {"ns_per_run", "NS/RUN", [](const P& p) { return json_or_null(p.part.ns_per_run); }, rate},
        {"cores", "CORE", [](const P& p) { return p.part.cores; }, percent},
        {"frames", "", [](const P& p) { return p.part.frames; }},
        {"frames_per_second", "FRAMES/S",
         [](const P& p) { return per_second(p.part.frames, p.seconds); }, rate},
        {"dropped", "", [](const P& p) { return p.part.dropped; }},
        {"", "DROPS/S", [](const P& p) { return per_second(p.part.dropped, p.seconds); }, rate},
        {"flooded", "", [](const P& p) { return p.part.flooded; }},
        {"", "FLOODED/S", [](const P& p) { return per_second(p.part.flooded, p.seconds); }, rate},
        {"copies", "", [](const P& p) { return p.part.copies; }},
        {"copies_per_flooded", "COPIES-EACH",
         [](const P& p) { return share_or_null(p.part.copies, p.part.flooded); }, one_decimal},
        {"frames_by_cpu", "", [](const P& p) { return Json(p.part.frames_by_cpu); }},
    };
    return fields;
}

const Fields<Row<DeviceLoad>>& device_fields() {
    using D = Row<DeviceLoad>;
    static const Fields<D> fields = [] {
        Fields<D> list{
            {"device", "DEVICE", [](const D& d) { return d.part.device; }},
            {"role", "ROLE", [](const D& d) { return d.part.is_uplink ? "uplink" : "port"; }},
            {"network", "NETWORK",
             [](const D& d) -> Json {
                 if (d.part.is_uplink) return nullptr;
                 return d.part.network;
             }},
            {"gone", "", [](const D& d) { return d.part.gone; }},
            {"large_segments", "", [](const D& d) { return d.part.large_segments; }},
        };
        append<D, HookInfo>(list, hook_fields(),
                            [](const D& d) -> const HookInfo& { return d.part.hook; });
        append<D, Traffic>(list, traffic_fields(),
                           [](const D& d) -> const Traffic& { return d.part.traffic; });
        constexpr double kBits = 8;
        const Fields<D> rates{
            {"rx_packets_per_second", "RX-PPS",
             [](const D& d) { return per_second(d.part.traffic.rx_packets, d.seconds); }, rate},
            {"rx_bits_per_second", "RX-RATE",
             [](const D& d) { return per_second(d.part.traffic.rx_bytes, d.seconds) * kBits; },
             bit_rate},
            {"tx_packets_per_second", "TX-PPS",
             [](const D& d) { return per_second(d.part.traffic.tx_packets, d.seconds); }, rate},
            {"tx_bits_per_second", "TX-RATE",
             [](const D& d) { return per_second(d.part.traffic.tx_bytes, d.seconds) * kBits; },
             bit_rate},
            {"lost_after", "LOST-AFTER", [](const D& d) { return d.part.lost_after; }},
            {"cores", "CORE", [](const D& d) { return d.part.cores; }, percent},
            {"ns_per_frame", "NS/FRAME",
             [](const D& d) { return json_or_null(d.part.ns_per_frame); }, rate},
        };
        list.insert(list.end(), rates.begin(), rates.end());
        return list;
    }();
    return fields;
}

const Fields<Row<Missed>>& missed_fields() {
    using M = Row<Missed>;
    static const Fields<M> fields{
        {"where", "FROM", [](const M& m) { return m.part.where; }},
        {"frames", "FRAMES", [](const M& m) { return m.part.frames; }},
        {"frames_per_second", "", [](const M& m) { return per_second(m.part.frames, m.seconds); },
         rate},
        {"reason", "NOT BY XDP, BECAUSE", [](const M& m) { return m.part.reason; }},
        {"remedy", "",
         [](const M& m) -> Json {
             if (m.part.remedy.empty()) return nullptr;
             return m.part.remedy;
         }},
    };
    return fields;
}

const Fields<Row<CpuLoad>>& cpu_fields() {
    using C = Row<CpuLoad>;
    static const Fields<C> fields{
        {"cpu", "CPU", [](const C& c) { return c.part.cpu; }},
        {"frames", "", [](const C& c) { return c.part.frames; }},
        {"frames_per_second", "FRAMES/S",
         [](const C& c) { return per_second(c.part.frames, c.seconds); }, rate},
        {"share", "OF-FRAMES", [](const C& c) { return c.part.share; }, percent},
        {"busy", "BUSY", [](const C& c) { return c.part.busy; }, percent},
        {"softirq", "NETWORKING", [](const C& c) { return c.part.softirq; }, percent},
        {"backlog_drops", "BACKLOG-DROPS", [](const C& c) { return c.part.backlog_drops; }},
        {"squeezed", "SQUEEZED", [](const C& c) { return c.part.squeezed; }},
    };
    return fields;
}

const Fields<Row<VerdictCount>>& drop_fields() {
    using V = Row<VerdictCount>;
    static const Fields<V> fields{
        {"", "DROPPED AS", [](const V& v) { return v.part.verdict; }},
        {"", "BY", [](const V& v) { return v.part.program; }},
        {"", "FRAMES/S", [](const V& v) { return per_second(v.part.packets, v.seconds); }, rate},
        {"", "COPIES/S", [](const V& v) { return per_second(v.part.copies, v.seconds); }, rate},
        {"", "MEANING", [](const V& v) { return v.part.help; }},
    };
    return fields;
}

const Fields<Advice>& advice_fields() {
    static const Fields<Advice> fields{
        {"id", "", [](const Advice& a) { return a.id; }},
        {"what", "", [](const Advice& a) { return a.what; }},
        {"way_out", "",
         [](const Advice& a) -> Json {
             if (a.way_out.empty()) return nullptr;
             return a.way_out;
         }},
    };
    return fields;
}

std::string with_sign(const Json& value) {
    if (!value.is_number()) return plain(value);
    return fmt::format("+-{:.1f}%", value.get<double>() * 100);
}

const Fields<StepLoad>& step_fields() {
    static const Fields<StepLoad> fields{
        {"program", "PROGRAM", [](const StepLoad& s) { return s.program; }},
        {"step", "STEP", [](const StepLoad& s) { return s.step; }},
        {"samples", "SAMPLES", [](const StepLoad& s) { return s.samples; }},
        {"share", "OF-PROGRAM", [](const StepLoad& s) { return s.share; }, percent},
        {"margin", "MARGIN", [](const StepLoad& s) { return s.margin; }, with_sign},
        {"ns_per_run", "NS/RUN", [](const StepLoad& s) { return json_or_null(s.ns_per_run); },
         rate},
        {"help", "MEANING", [](const StepLoad& s) { return s.help; }},
    };
    return fields;
}

std::optional<double> cost_of(const Stages& stages) {
    if (!stages.ns_per_sample) return std::nullopt;
    return *stages.ns_per_sample * stages.rate / 1e9;
}

Json json_of(const Stages& stages) {
    return {{"rate", stages.rate},
            {"cpus", stages.cpus},
            {"samples", stages.samples},
            {"lost", stages.lost},
            {"ns_per_sample", json_or_null(stages.ns_per_sample)},
            {"cost", json_or_null(cost_of(stages))},
            {"in_programs", stages.in_programs},
            {"after_programs", stages.after_programs},
            {"other_networking", stages.other_networking},
            {"other_kernel", stages.other_kernel},
            {"other_build", stages.other_build},
            {"steps", to_json(step_fields(), stages.steps)}};
}

Json json_of(const FdbUse& fdb) {
    return {{"known", fdb.known},
            {"flooded", fdb.flooded},
            {"known_share", share_or_null(fdb.known, fdb.known + fdb.flooded)},
            {"room", fdb.room}};
}

// ---- Tables ----------------------------------------------------------------------------------

template <typename T>
void section(const Printer& out, const Fields<T>& fields, const std::vector<T>& rows) {
    if (rows.empty()) return;
    out.line("");
    out.list(fields, rows);
}

// The most frequent first; JSON has them all.
std::vector<VerdictCount> top_drops(const Profile& profile) {
    constexpr std::size_t kTop = 5;
    std::vector<VerdictCount> drops;
    for (const VerdictCount& count : profile.verdicts)
        if (count.drop && count.packets + count.copies != 0) drops.push_back(count);
    std::ranges::sort(drops, [](const VerdictCount& a, const VerdictCount& b) {
        return std::tuple{b.packets + b.copies, a.verdict, a.program} <
               std::tuple{a.packets + a.copies, b.verdict, b.program};
    });
    if (drops.size() > kTop) drops.resize(kTop);
    return drops;
}

std::string headline(const Profile& profile) {
    std::string text =
        fmt::format("instance {}, {:.1f} s: {} frames, {:.0f} a second", profile.instance,
                    profile.seconds, profile.frames, per_second(profile.frames, profile.seconds));
    if (profile.frames != 0)
        text += fmt::format("; {:.1f}% decided by XDP",
                            share(profile.fast_frames, profile.frames) * 100);
    return text;
}

std::string fdb_line(const FdbUse& fdb) {
    const std::uint64_t all = fdb.known + fdb.flooded;
    if (all == 0) return "fdb: no frame was looked up";
    return fmt::format(
        "fdb: {:.1f}% of {} frames had a known destination; {} were flooded (broadcast, multicast "
        "and "
        "unknown destinations are counted together)",
        share(fdb.known, all) * 100, all, fdb.flooded);
}

// How it was found out, and what that costs.
std::string method_line(const Stages& stages) {
    std::string text =
        fmt::format("stages: {} samples of the kernel, {} a second on each of {} CPUs",
                    stages.samples, stages.rate, stages.cpus);
    const auto cost = cost_of(stages);
    if (cost && stages.ns_per_sample) {
        text += fmt::format(", of {:.1f} us each: {:.2f}% of each CPU",
                            *stages.ns_per_sample / 1000, *cost * 100);
    } else {
        text += ", whose cost is too little to be measured";
    }
    if (stages.lost != 0) text += fmt::format("; {} more were lost", stages.lost);
    return text;
}

std::string cpus_line(const Stages& stages) {
    return fmt::format(
        "of one CPU: {:.1f}% in these programs and what they call, {:.1f}% in the kernel's "
        "redirect "
        "behind XDP and TC, {:.1f}% in other networking, {:.1f}% elsewhere in the kernel",
        stages.in_programs * 100, stages.after_programs * 100, stages.other_networking * 100,
        stages.other_kernel * 100);
}

void print_stages(const Printer& out, const Stages& stages) {
    out.line("");
    out.line(method_line(stages));
    out.line(cpus_line(stages));
    if (stages.other_build)
        out.line(
            "the programs are of another build than this xgre, so not all of their lines have a "
            "step: "
            "`xgre attach --upgrade`");
    section(out, step_fields(), stages.steps);
}

void print_advice(const Printer& out, const std::vector<Advice>& advice) {
    out.line("");
    out.line("WHAT TO DO");
    for (std::size_t i = 0; i < advice.size(); ++i) {
        out.line(fmt::format("{:>2}. {}", i + 1, printable(advice[i].what)));
        if (!advice[i].way_out.empty()) out.line("    -> " + printable(advice[i].way_out));
    }
}

}  // namespace

Json to_json(const Profile& profile) {
    Json json = {{"instance", profile.instance},
                 {"seconds", profile.seconds},
                 {"frames", profile.frames},
                 {"fast_frames", profile.fast_frames},
                 {"fast_share", share_or_null(profile.fast_frames, profile.frames)},
                 {"programs", to_json(program_fields(), rows_of(profile, profile.programs))},
                 {"devices", to_json(device_fields(), rows_of(profile, profile.devices))},
                 {"missed", to_json(missed_fields(), rows_of(profile, profile.missed))},
                 {"verdicts", to_json(verdict_fields(), profile.verdicts)},
                 {"notes", to_json(note_fields(), profile.notes)},
                 {"fdb", json_of(profile.fdb)},
                 {"cpus", to_json(cpu_fields(), rows_of(profile, profile.cpus))},
                 {"forwards_on_loopback", profile.forwards_on_loopback},
                 {"jit", profile.jit},
                 {"advice", to_json(advice_fields(), profile.advice)}};
    if (profile.stages) json["stages"] = json_of(*profile.stages);
    return json;
}

void print(const Printer& out, const Profile& profile) {
    out.line(headline(profile));
    const std::vector<ProgramLoad> programs = in_use(profile.programs);
    section(out, program_fields(), rows_of(profile, programs));
    section(out, device_fields(), rows_of(profile, profile.devices));
    section(out, cpu_fields(), rows_of(profile, profile.cpus));
    section(out, missed_fields(), rows_of(profile, profile.missed));
    section(out, drop_fields(), rows_of(profile, top_drops(profile)));
    out.line("");
    out.line(fdb_line(profile.fdb));
    if (profile.stages) print_stages(out, *profile.stages);
    print_advice(out, profile.advice);
}

// ---- Replay ----------------------------------------------------------------------------------

namespace {

const Fields<FrameKind>& kind_fields() {
    static const Fields<FrameKind> fields{
        {"kind", "KIND", [](const FrameKind& k) { return k.kind; }},
        {"frames", "FRAMES", [](const FrameKind& k) { return k.frames; }},
        {"share", "OF-FRAMES", [](const FrameKind& k) { return k.share; }, percent},
        {"program", "DECIDED-BY", [](const FrameKind& k) { return k.program; }},
        {"verdict", "VERDICT", [](const FrameKind& k) { return k.verdict; }},
        {"xdp_ns", "XDP-NS", [](const FrameKind& k) { return json_or_null(k.xdp_ns); }, rate},
        {"tc_ns", "TC-NS", [](const FrameKind& k) { return json_or_null(k.tc_ns); }, rate},
        {"ns", "NS", [](const FrameKind& k) { return k.xdp_ns.value_or(0) + k.tc_ns.value_or(0); },
         rate},
        {"time_share", "OF-TIME", [](const FrameKind& k) { return k.time_share; }, percent},
    };
    return fields;
}

std::string headline(const Replay& replay) {
    std::string text = fmt::format(
        "{} frames as if received by {} {}, {} times measured: {:.0f} ns a frame; {:.0f} ns of "
        "measuring are taken off",
        replay.frames, replay.is_uplink ? "uplink" : "port", replay.device, replay.rounds,
        replay.ns_per_frame, replay.ns_of_measuring);
    const auto add = [&text](std::uint64_t count, std::string_view why) {
        if (count != 0) text += fmt::format("; {} not run: {}", count, why);
    };
    add(replay.cut, "the capture does not have them whole");
    add(replay.too_large, "larger than the device's MTU, so an offload still had to cut them");
    add(replay.left_out, "the capture has more than are read");
    return text;
}

}  // namespace

Json to_json(const Replay& replay) {
    return {{"device", replay.device},
            {"role", replay.is_uplink ? "uplink" : "port"},
            {"frames", replay.frames},
            {"cut", replay.cut},
            {"too_large", replay.too_large},
            {"left_out", replay.left_out},
            {"rounds", replay.rounds},
            {"ns_per_frame", replay.ns_per_frame},
            {"ns_of_measuring", replay.ns_of_measuring},
            {"other_build", replay.other_build},
            {"kinds", to_json(kind_fields(), replay.kinds)}};
}

void print(const Printer& out, const Replay& replay) {
    out.line(headline(replay));
    if (replay.other_build)
        out.line(
            "these are this xgre's programs; those that run are of another build: "
            "`xgre attach --upgrade`");
    section(out, kind_fields(), replay.kinds);
}

}  // namespace xgre::cli
