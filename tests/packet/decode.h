// SPDX-License-Identifier: GPL-2.0-only
// Packets as text, for a reader who must see what went wrong.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tests/packet/packet.h"

namespace xgre::test {

struct DecodedLayer {
    std::size_t offset;  // of its first byte in the packet
    std::string text;    // one line, without its end
};

// Reads any bytes, cut off and broken ones too. Works from the bytes alone; of the layers
// a packet was written with it knows only what the first one is.
std::vector<DecodedLayer> decode_layers(ByteView bytes, Start start = Start::Ethernet);

// One line a layer, each ended.
std::string decode(const Packet& packet);
std::string decode(ByteView bytes, Start start = Start::Ethernet);

// Sixteen bytes a line, offsets in front; with `mark`, "^^" under the byte at that offset.
std::string hex_dump(ByteView bytes);
std::string hex_dump(ByteView bytes, std::size_t mark);

// Where the packets part: at a byte, or at the end of the shorter one. Empty if equal.
// Both are shown decoded, with ">" at the layer they part in, and as hex.
std::string difference(const Packet& actual, const Packet& expected);

}  // namespace xgre::test
