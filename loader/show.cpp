// SPDX-License-Identifier: GPL-2.0-only
// Instance: show and stats.
#include "loader/abi_text.h"
#include "loader/instance_state.h"
#include "loader/outer_header.h"
#include "loader/pins.h"
#include "loader/spread.h"

namespace xgre {
namespace {

void show_spread(const Instance::State& state, InstanceInfo& info) {
    info.spread = spread_of(state.uplink);
    info.spread_notes = plan_spread(info.spread, info.hook.xdp != "none").notes;
    if ((state.uplink.flags & XGRE_UPLINK_SPREAD) == 0) return;
    const xgre_spread now = state.datapath.spread().find(0).value_or(xgre_spread{});
    info.spread_cpus.assign(now.cpu, now.cpu + now.count);
    const Spreader spreader{state.datapath, pins::links(state.session.instance)};
    if ((now.flags & XGRE_SPREAD_TCP) == 0)
        info.spread_notes.emplace_back(
            "but for TCP: this kernel merges it only on the CPU that it came in on");
    if (!spreader.counts_lost())
        info.spread_notes.emplace_back(
            "frames that find a queue full are not counted: this kernel has no raw tracepoints");
}

}  // namespace

MapInfo map_info(const MapView& map) {
    return {map.name(), map.max_entries(), map.memory()};
}

InstanceInfo Instance::show() const {
    const State& state = *state_;
    InstanceInfo info;
    info.instance = state.session.instance;
    info.uplink = text_of(state.uplink.name);
    info.ifindex = static_cast<int>(state.uplink.ifindex);
    info.locals = locals_of(state.uplink);
    info.abi_version = state.uplink.abi_version;
    {
        const auto scope = state.enter();
        NlSocket netlink = NlSocket::open();
        const auto device = state.find_uplink(netlink);
        info.uplink_gone = !device;
        info.hook = state.hook_info(info.uplink_gone ? nullptr : &*device, true);
    }
    show_spread(state, info);
    info.fdb_entries = state.datapath.fdb().max_entries();
    for (const auto& [name, fd] : state.datapath.maps()) {
        info.maps.push_back(map_info(MapView{fd.get(), name}));
        info.memory += info.maps.back().memory;
    }
    info.networks = networks();
    info.ports = ports();
    info.peers = peers();
    return info;
}

std::vector<VerdictCount> verdict_counts(const Datapath& datapath) {
    std::vector<VerdictCount> verdicts;
    const auto counters = datapath.counters();
    for (std::uint32_t program = 0; program < XGRE_PROGRAM_MAX; ++program) {
        for (std::uint32_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict) {
            const VerdictText& text = kVerdictTexts.at(verdict);
            if (!text.counted) continue;
            const xgre_count count = counters.sum(XGRE_COUNTER(program, verdict));
            verdicts.push_back({std::string{kProgramTexts.at(program).name}, std::string{text.name},
                                std::string{text.help}, text.drop, count.packets, count.bytes,
                                count.copies});
        }
    }
    return verdicts;
}

std::vector<NoteCount> note_counts(const Datapath& datapath) {
    std::vector<NoteCount> counts;
    const auto notes = datapath.notes();
    for (std::uint32_t note = 0; note < XGRE_NOTE_MAX; ++note)
        counts.push_back({std::string{kNoteTexts.at(note).name},
                          std::string{kNoteTexts.at(note).help}, notes.sum(note)});
    return counts;
}

Stats Instance::stats() const {
    return {verdict_counts(state_->datapath), note_counts(state_->datapath), ports(), peers()};
}

}  // namespace xgre
