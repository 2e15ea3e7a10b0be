// SPDX-License-Identifier: GPL-2.0-only
// Instance: show and stats.
#include "loader/abi_text.h"
#include "loader/instance_state.h"

namespace xgre {

InstanceInfo Instance::show() const {
    const State& state = *state_;
    InstanceInfo info;
    info.instance = state.session.instance;
    info.uplink = text_of(state.uplink.name);
    info.ifindex = static_cast<int>(state.uplink.ifindex);
    info.local = Ip4Addr::from_network_order(state.uplink.local);
    info.abi_version = state.uplink.abi_version;
    {
        const auto scope = state.enter();
        NlSocket netlink = NlSocket::open();
        const auto device = state.find_uplink(netlink);
        info.uplink_gone = !device;
        info.hook = state.hook_info(info.uplink_gone ? nullptr : &*device, true);
    }
    info.fdb_entries = state.datapath.fdb().max_entries();
    for (const auto& [name, fd] : state.datapath.maps()) {
        const MapView map{fd.get(), name};
        info.maps.push_back({name, map.max_entries(), map.memory()});
        info.memory += info.maps.back().memory;
    }
    info.networks = networks();
    info.ports = ports();
    info.peers = peers();
    return info;
}

Stats Instance::stats() const {
    Stats stats;
    const auto counters = state_->datapath.counters();
    for (std::uint32_t program = 0; program < XGRE_PROGRAM_MAX; ++program) {
        for (std::uint32_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict) {
            const VerdictText& text = kVerdictTexts.at(verdict);
            if (!text.counted) continue;
            const xgre_count count = counters.sum(XGRE_COUNTER(program, verdict));
            stats.verdicts.push_back({std::string{kProgramTexts.at(program).name},
                                      std::string{text.name}, std::string{text.help}, text.drop,
                                      count.packets, count.bytes, count.copies});
        }
    }
    const auto notes = state_->datapath.notes();
    for (std::uint32_t note = 0; note < XGRE_NOTE_MAX; ++note)
        stats.notes.push_back({std::string{kNoteTexts.at(note).name},
                               std::string{kNoteTexts.at(note).help}, notes.sum(note)});
    stats.ports = ports();
    stats.peers = peers();
    return stats;
}

}  // namespace xgre
