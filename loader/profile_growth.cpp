// SPDX-License-Identifier: GPL-2.0-only
#include "loader/profile_growth.h"

#include <algorithm>

#include "loader/abi_text.h"

namespace xgre {
namespace {

// A counter that is lower than before was started anew.
std::uint64_t grown(std::uint64_t before, std::uint64_t now) {
    return now >= before ? now - before : 0;
}

double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

Traffic grown(const xgre_traffic& before, const xgre_traffic& now) {
    return {grown(before.rx_packets, now.rx_packets), grown(before.rx_bytes, now.rx_bytes),
            grown(before.tx_packets, now.tx_packets), grown(before.tx_bytes, now.tx_bytes)};
}

class Growth {
public:
    Growth(const Snapshot& before, const Snapshot& now) : before_{before}, now_{now} {
        profile_.seconds = std::chrono::duration<double>(now.time - before.time).count();
        profile_.fdb.room = now.fdb_room;
        profile_.forwards_on_loopback = now.forwards_on_loopback;
        profile_.jit = now.jit;
    }

    Profile run() {
        for (std::uint32_t program = 0; program < XGRE_PROGRAM_MAX; ++program)
            add_program(program);
        for (std::uint32_t note = 0; note < XGRE_NOTE_MAX; ++note)
            profile_.notes.push_back({std::string{kNoteTexts.at(note).name},
                                      std::string{kNoteTexts.at(note).help},
                                      grown(before_.notes.at(note), now_.notes.at(note))});
        for (const auto& [ifindex, sample] : now_.devices)
            add_device(ifindex, sample);
        std::ranges::sort(profile_.devices, [](const DeviceLoad& a, const DeviceLoad& b) {
            return std::pair{!a.is_uplink, a.device} < std::pair{!b.is_uplink, b.device};
        });
        share_out_time();
        for (const auto& [cpu, times] : now_.cpu_times)
            add_cpu(cpu, times);
        return std::move(profile_);
    }

private:
    xgre_count cell(std::uint32_t program, std::uint32_t verdict, std::size_t cpu) const {
        const std::size_t index = XGRE_COUNTER(program, verdict) * now_.cpus + cpu;
        const xgre_count& now = now_.cells.at(index);
        if (before_.cells.size() != now_.cells.size()) return now;
        const xgre_count& before = before_.cells.at(index);
        return {grown(before.packets, now.packets), grown(before.bytes, now.bytes),
                grown(before.copies, now.copies)};
    }

    void add_program(std::uint32_t program) {
        ProgramLoad load;
        load.program = kProgramTexts.at(program).name;
        load.help = kProgramTexts.at(program).help;
        load.frames_by_cpu.resize(now_.cpus);
        add_runs(program, load);
        for (std::uint32_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict)
            if (kVerdictTexts.at(verdict).counted) add_verdict(program, verdict, load);
        profile_.frames += load.frames;
        if (load.program.ends_with("_xdp")) profile_.fast_frames += load.frames;
        profile_.programs.push_back(std::move(load));
    }

    void add_runs(std::uint32_t program, ProgramLoad& load) const {
        const ProgramRuns& now = now_.programs.at(program);
        // An upgrade has put another program in its place, which began at zero.
        ProgramRuns before = before_.programs.at(program);
        if (before.id != now.id) before = {};
        load.runs = grown(before.runs, now.runs);
        const std::uint64_t ns = grown(before.ns, now.ns);
        if (load.runs != 0) load.ns_per_run = share(ns, load.runs);
        if (profile_.seconds > 0) load.cores = static_cast<double>(ns) / 1e9 / profile_.seconds;
    }

    void add_verdict(std::uint32_t program, std::uint32_t verdict, ProgramLoad& load) {
        const VerdictText& text = kVerdictTexts.at(verdict);
        VerdictCount count{
            load.program, std::string{text.name}, std::string{text.help}, text.drop, 0, 0, 0};
        for (std::size_t cpu = 0; cpu < now_.cpus; ++cpu) {
            const xgre_count one = cell(program, verdict, cpu);
            count.packets += one.packets;
            count.bytes += one.bytes;
            count.copies += one.copies;
            load.frames_by_cpu[cpu] += one.packets;
        }
        load.frames += count.packets;
        if (text.drop) load.dropped += count.packets;
        if (verdict == XGRE_FLOODED) {
            load.flooded += count.packets;
            load.copies += count.copies;
        }
        add_to_fdb(verdict, count.packets);
        profile_.verdicts.push_back(std::move(count));
    }

    // Verdicts that follow a look-up of the destination, by what it gave.
    void add_to_fdb(std::uint32_t verdict, std::uint64_t packets) {
        switch (verdict) {
            case XGRE_FLOODED:
            case XGRE_NO_TARGET:
                profile_.fdb.flooded += packets;
                break;
            case XGRE_TO_PORT:
            case XGRE_TO_PEER:
            case XGRE_SAME_PORT:
            case XGRE_SPLIT_HORIZON:
            case XGRE_ISOLATED:
                profile_.fdb.known += packets;
                break;
            default:
                break;
        }
    }

    void add_device(std::uint32_t ifindex, const DeviceSample& sample) {
        DeviceLoad load = sample.device;
        // One that was not there before has no time that it could be measured over.
        if (const auto found = before_.devices.find(ifindex); found != before_.devices.end()) {
            load.traffic = grown(found->second.traffic, sample.traffic);
            load.lost_after = grown(found->second.tx_dropped, sample.tx_dropped);
        }
        profile_.devices.push_back(std::move(load));
    }

    // A port without XDP had port_tc for each of its frames; a port with XDP had port_xdp for each,
    // and port_tc for a part that is not known, and is taken to be the same for all of them.
    void share_out_time() {
        std::uint64_t with_xdp = 0;
        std::uint64_t without_xdp = 0;
        for (const DeviceLoad& device : profile_.devices)
            if (!device.is_uplink)
                (device.hook.xdp == "native" ? with_xdp : without_xdp) += device.traffic.rx_packets;
        const auto& programs = profile_.programs;
        const ProgramLoad& port_tc = programs.at(XGRE_PROGRAM_PORT_TC);
        const double tc_frames =
            static_cast<double>(std::max(port_tc.frames, without_xdp));  // > 0 where it matters
        for (DeviceLoad& device : profile_.devices) {
            const auto frames = static_cast<double>(device.traffic.rx_packets);
            if (device.is_uplink) {
                device.cores = programs.at(XGRE_PROGRAM_UPLINK_XDP).cores +
                               programs.at(XGRE_PROGRAM_UPLINK_TC).cores;
            } else if (frames > 0 && device.hook.xdp == "native") {
                const double part = frames / static_cast<double>(with_xdp);
                const double left = tc_frames - static_cast<double>(without_xdp);
                device.cores = programs.at(XGRE_PROGRAM_PORT_XDP).cores * part;
                if (tc_frames > 0) device.cores += port_tc.cores * part * left / tc_frames;
            } else if (frames > 0) {
                device.cores = port_tc.cores * frames / tc_frames;
            }
            if (frames > 0) device.ns_per_frame = device.cores * 1e9 * profile_.seconds / frames;
        }
    }

    void add_cpu(std::uint32_t cpu, const CpuTimes& now) {
        const auto found = before_.cpu_times.find(cpu);
        if (found == before_.cpu_times.end()) return;
        const CpuTimes& before = found->second;
        const std::uint64_t total = grown(before.total, now.total);
        CpuLoad load;
        load.cpu = cpu;
        if (total != 0) load.busy = 1 - std::min(1.0, share(grown(before.idle, now.idle), total));
        load.softirq = share(grown(before.softirq, now.softirq), total);
        load.backlog_drops = grown(before.backlog_drops, now.backlog_drops);
        load.squeezed = grown(before.squeezed, now.squeezed);
        for (const ProgramLoad& program : profile_.programs)
            if (cpu < program.frames_by_cpu.size()) load.frames += program.frames_by_cpu[cpu];
        load.share = share(load.frames, profile_.frames);
        profile_.cpus.push_back(load);
    }

    const Snapshot& before_;
    const Snapshot& now_;
    Profile profile_;
};

}  // namespace

Profile growth(const Snapshot& before, const Snapshot& now) {
    return Growth{before, now}.run();
}

}  // namespace xgre
