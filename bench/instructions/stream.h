// SPDX-License-Identifier: GPL-2.0-only
// One TCP stream from VM to VM, on one processor whose clock counts instructions.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace xgre::bench {

struct Slice {
    std::chrono::nanoseconds took;
    std::chrono::nanoseconds idle;  // of it: nobody had anything to do
};

struct StreamResult {
    std::vector<Slice> slices;
    std::uint32_t retransmitted{};  // segments, from the first byte to the last slice's end
};

// Between the namespaces vm-a and vm-b, which know each other's addresses. A slice is so many bytes
// that arrive and are read; the first ones, in which the stream gets going, are not among them.
// Throws Void when other bytes arrive than were sent, or none.
StreamResult measure_stream(std::uint64_t slice_bytes, std::size_t slices);

}  // namespace xgre::bench
