// SPDX-License-Identifier: GPL-2.0-only
// Reads what the data path tells `packets`: see bpf/watch.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "loader/datapath.h"

namespace xgre {

// What is told while it lives is kept for read(), until there is no room.
class PacketRecords {
public:
    using Visit = std::function<void(int cpu, const xgre_sighting& sighting,
                                     std::span<const std::uint8_t> bytes)>;

    // Throws Error.
    static PacketRecords open(const Datapath& datapath);

    PacketRecords(const PacketRecords&) = delete;
    PacketRecords& operator=(const PacketRecords&) = delete;
    PacketRecords(PacketRecords&&) noexcept;
    PacketRecords& operator=(PacketRecords&&) noexcept;
    ~PacketRecords();

    // Waits until there is much to read, or for so long; then hands out what there is, CPU by CPU,
    // in the order in which it happened on each. `bytes` are gone when `visit` returns. Throws what
    // `visit` throws.
    void read(std::chrono::milliseconds time, const Visit& visit);

private:
    class Buffers;
    explicit PacketRecords(std::unique_ptr<Buffers> buffers);

    std::unique_ptr<Buffers> buffers_;
};

}  // namespace xgre
