// SPDX-License-Identifier: GPL-2.0-only
// Frames that differ from one to the next.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "bench/frame.h"

namespace xgre::bench {

// A number that is drawn for each frame.
struct Draw {
    std::uint32_t count = 1;  // 0 to count - 1; 0: all there are in 32 bits
    std::uint32_t train = 0;  // log2 of how many frames in a row have the same
    bool in_order = false;    // one after another, instead of at random
};

// Four bytes of a frame, a number in network order, to which a draw is added.
struct Field {
    std::size_t offset = 0;
    std::size_t draw = 0;
};

// What is sent: `frame`, but for its fields. Where nothing is to differ, the destination gets a
// draw of one, so that making a frame takes as long in every row.
struct Traffic {
    Frame frame;
    std::array<Draw, 2> draws{};
    std::vector<Field> fields;
    // Of the outer source: its lower 16 bits take the draw without a carry.
    std::optional<std::size_t> outer_source_draw;
    std::uint32_t batch = 0;  // frames that are sent before the first is received; 0: the kernel's
};

// `frame` has `front` bytes in front of the VM's frame.
inline Traffic all_the_same(Frame frame, std::size_t front) {
    Traffic traffic;
    traffic.frame = std::move(frame);
    traffic.fields.push_back({.offset = front + kDestinationField, .draw = 0});
    return traffic;
}

// What is to arrive.
struct Expected {
    Encap encap = Encap::none;
    Way hosts;                // of the tunnel's header
    std::uint32_t peers = 1;  // how many it may go to, in a row from hosts.to
    Frame inner;
    std::vector<std::size_t> fields;  // offsets in `inner`: not compared
    // By ifindex, where frames for several devices are counted: the draw in their destination.
    std::vector<std::pair<int, std::uint32_t>> places;
};

}  // namespace xgre::bench
