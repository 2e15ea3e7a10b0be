// SPDX-License-Identifier: GPL-2.0-only
// A layer of a Packet, before what surrounds it is known.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/packet/packet.h"

namespace xgre::test {

// What a layer fills its fields in from.
struct Surroundings {
    const Layer* network;  // the IP header that carries this layer, or null
    const Layer* next;     // null at the end of the packet
    ByteView body;         // the finished bytes of all that follows
};

class Layer {
public:
    virtual ~Layer() = default;

    virtual Start start() const = 0;

    // How the layer in front names this one; nothing for plain bytes.
    virtual std::optional<std::uint16_t> ethertype() const { return {}; }
    virtual std::optional<std::uint8_t> ip_protocol() const { return {}; }

    // Only an IP header has addresses.
    virtual ByteView source() const { return {}; }
    virtual ByteView destination() const { return {}; }

    // Between an IP header and the layer it carries.
    virtual bool is_ip_extension() const { return false; }

    virtual Bytes header(const Surroundings& around) const = 0;
};

}  // namespace xgre::test
