// SPDX-License-Identifier: GPL-2.0-only
// Which frames TC had to decide, and why. The counters tell how many TC decided and what became of
// them; which of several reasons it was for one frame they do not tell, and then all are named.
#include <algorithm>
#include <string_view>
#include <tuple>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "loader/profile_growth.h"

namespace xgre {
namespace {

constexpr std::string_view kFlooding =
    "to be copied: broadcast, multicast, or a destination that the FDB does not know; copies are "
    "made by TC";

std::uint64_t packets(const Profile& profile, std::uint32_t program,
                      std::initializer_list<std::uint32_t> verdicts) {
    std::uint64_t sum = 0;
    for (const VerdictCount& count : profile.verdicts) {
        if (count.program != kProgramTexts.at(program).name) continue;
        for (const std::uint32_t verdict : verdicts)
            if (count.verdict == kVerdictTexts.at(verdict).name) sum += count.packets;
    }
    return sum;
}

std::uint64_t frames_of(const Profile& profile, std::uint32_t program) {
    for (const ProgramLoad& load : profile.programs)
        if (load.program == kProgramTexts.at(program).name) return load.frames;
    return 0;
}

bool has_xdp(const DeviceLoad& device) {
    return device.hook.xdp == "native";
}

template <typename Test>
std::vector<std::string> names_of(const Profile& profile, Test test) {
    std::vector<std::string> names;
    for (const DeviceLoad& device : profile.devices)
        if (!device.gone && test(device)) names.push_back(device.device);
    return names;
}

std::string joined(const std::vector<std::string>& names) {
    constexpr std::size_t kEnough = 4;
    if (names.size() <= kEnough) return fmt::format("{}", fmt::join(names, ", "));
    return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kEnough, ", "),
                       names.size() - kEnough);
}

class Search {
public:
    explicit Search(const Profile& profile) : profile_{profile} {}

    std::vector<Missed> run() {
        for (const DeviceLoad& device : profile_.devices)
            if (device.is_uplink) from_the_wire(device);
        from_ports();
        std::ranges::sort(all_, [](const Missed& a, const Missed& b) {
            return std::tie(b.frames, a.where, a.reason) < std::tie(a.frames, b.where, b.reason);
        });
        return std::move(all_);
    }

private:
    void add(std::string where, std::uint64_t frames, std::string reason, std::string remedy = {}) {
        if (frames == 0) return;
        all_.push_back({std::move(where), frames, std::move(reason), std::move(remedy)});
    }

    void from_the_wire(const DeviceLoad& uplink) {
        const std::uint64_t all = frames_of(profile_, XGRE_PROGRAM_UPLINK_TC);
        if (!has_xdp(uplink)) {
            add(uplink.device, all, uplink.hook.reason, uplink.hook.remedy);
            return;
        }
        const auto flooded =
            packets(profile_, XGRE_PROGRAM_UPLINK_TC, {XGRE_FLOODED, XGRE_NO_TARGET});
        const auto delivered =
            packets(profile_, XGRE_PROGRAM_UPLINK_TC, {XGRE_TO_PORT, XGRE_PORT_GONE});
        add(uplink.device, flooded, std::string{kFlooding});
        add(uplink.device, delivered, why_delivered_by_tc());
        add(uplink.device, all - std::min(all, flooded + delivered),
            "dropped by TC, after XDP had left them to it: see the drop reasons");
    }

    std::string why_delivered_by_tc() const {
        std::vector<std::string> reasons;
        const auto merging = names_of(profile_, [](const DeviceLoad& device) {
            return !device.is_uplink && device.large_segments;
        });
        const auto no_transmit = names_of(profile_, [](const DeviceLoad& device) {
            return !device.is_uplink && !device.hook.xdp_transmit;
        });
        if (!merging.empty())
            reasons.push_back(
                fmt::format("TCP, decapsulated by XDP and then merged by GRO, for {}, which takes "
                            "large segments",
                            joined(merging)));
        if (!no_transmit.empty())
            reasons.push_back(fmt::format("decapsulated by XDP, which may not send into {}",
                                          joined(no_transmit)));
        reasons.emplace_back("tunnel packets with a GRE checksum, or padded, or to another MAC");
        return fmt::format("{}", fmt::join(reasons, "; or "));
    }

    void from_ports() {
        std::uint64_t without_xdp = 0;
        for (const DeviceLoad& device : profile_.devices) {
            if (device.is_uplink || device.gone || has_xdp(device)) continue;
            add(device.device, device.traffic.rx_packets, device.hook.reason, device.hook.remedy);
            without_xdp += device.traffic.rx_packets;
        }
        const auto with_xdp = names_of(profile_, [](const DeviceLoad& device) {
            return !device.is_uplink && has_xdp(device);
        });
        const std::uint64_t all = frames_of(profile_, XGRE_PROGRAM_PORT_TC);
        if (with_xdp.empty() || all <= without_xdp) return;
        // Verdicts are counted by program: only when no port is without XDP they are all of these.
        if (without_xdp != 0) {
            add(joined(with_xdp), all - without_xdp,
                fmt::format("{}; or {}", kFlooding, why_sent_by_tc()));
            return;
        }
        split_by_verdict(joined(with_xdp), all);
    }

    void split_by_verdict(const std::string& where, std::uint64_t all) {
        const auto flooded =
            packets(profile_, XGRE_PROGRAM_PORT_TC, {XGRE_FLOODED, XGRE_NO_TARGET});
        const auto to_port = packets(profile_, XGRE_PROGRAM_PORT_TC, {XGRE_TO_PORT});
        const auto to_peer = packets(profile_, XGRE_PROGRAM_PORT_TC, {XGRE_TO_PEER});
        add(where, flooded, std::string{kFlooding});
        add(where, to_port, why_sent_to_port_by_tc());
        add(where, to_peer, why_sent_by_tc());
        add(where, all - std::min(all, flooded + to_port + to_peer),
            "dropped by TC, after XDP had left them to it: see the drop reasons");
    }

    std::string why_sent_to_port_by_tc() const {
        const auto no_transmit = names_of(profile_, [](const DeviceLoad& device) {
            return !device.is_uplink && !device.hook.xdp_transmit;
        });
        if (no_transmit.empty()) return "the port that they went to has changed meanwhile";
        return fmt::format("XDP may not send into {}", joined(no_transmit));
    }

    std::string why_sent_by_tc() const {
        for (const DeviceLoad& device : profile_.devices)
            if (device.is_uplink && !device.hook.xdp_transmit)
                return fmt::format("XDP may not send into {}: {}", device.device,
                                   device.hook.transmit_reason);
        if (!profile_.forwards_on_loopback)
            return "the kernel looks no next hop up for XDP while net.ipv4.conf.lo.forwarding is 0";
        return "the peer's next hop was not resolved, or it was time to have the kernel confirm it "
               "(one frame a peer, every 5 seconds)";
    }

    const Profile& profile_;
    std::vector<Missed> all_;
};

}  // namespace

std::vector<Missed> missed_of(const Profile& profile) {
    return Search{profile}.run();
}

}  // namespace xgre
