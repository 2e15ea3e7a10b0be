// SPDX-License-Identifier: GPL-2.0-only
// What counters grow by in a second, from two samples of them.
#pragma once

#include <cstdint>
#include <vector>

#include "xgre/instance.h"

namespace xgre::cli {

struct Rate {
    double rx_packets = 0;
    double rx_bits = 0;
    double tx_packets = 0;
    double tx_bits = 0;
};

// Zero when the counter was started anew meanwhile.
inline double per_second(std::uint64_t before, std::uint64_t now, double seconds) {
    if (now < before || seconds <= 0) return 0;
    return static_cast<double>(now - before) / seconds;
}

inline Rate rate_of(const Traffic& before, const Traffic& now, double seconds) {
    constexpr double kBits = 8;
    return {.rx_packets = per_second(before.rx_packets, now.rx_packets, seconds),
            .rx_bits = per_second(before.rx_bytes, now.rx_bytes, seconds) * kBits,
            .tx_packets = per_second(before.tx_packets, now.tx_packets, seconds),
            .tx_bits = per_second(before.tx_bytes, now.tx_bytes, seconds) * kBits};
}

inline bool is_same(const PortInfo& a, const PortInfo& b) {
    return a.ifindex == b.ifindex;
}
inline bool is_same(const PeerInfo& a, const PeerInfo& b) {
    return a.id == b.id;
}
inline bool is_same(const VerdictCount& a, const VerdictCount& b) {
    return a.program == b.program && a.verdict == b.verdict;
}

// It in the other sample; nullptr: it was not there.
template <typename Info>
const Info* find(const std::vector<Info>& all, const Info& wanted) {
    for (const Info& info : all) {
        if (is_same(info, wanted)) return &info;
    }
    return nullptr;
}

}  // namespace xgre::cli
