// SPDX-License-Identifier: GPL-2.0-only
// Tunnel packets in two fragments: what is held of them, and what becomes of the second. A part of
// the model, which has no clock: nothing is held for too long.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "tests/packet/packet.h"
#include "tests/packet/wire.h"
#include "xgre/abi.h"

namespace xgre::test::model {

// A fragment to the uplink's address, whatever it is of.
struct Fragment {
    bool over_ip6 = false;
    Bytes source = {};
    std::uint32_t id = 0;
    std::size_t place = 0;    // bytes, of its payload in the packet's
    std::size_t payload = 0;  // offset
    std::size_t end = 0;      // offset, without padding
    bool more = false;
    std::uint8_t ecn = 0;
};

// nullopt: it is none, or none that can be put together.
std::optional<Fragment> read_fragment(const Station& self, ByteView packet);

// A first fragment that waits.
struct Held {
    Fragment as = {};
    Bytes packet = {};  // with its Ethernet header, without padding
    std::uint32_t peer = 0;
    std::size_t inner_len = 0;
};

class FragmentStore {
public:
    // PUNT: it is held, and what was returned beside had to make room for it.
    std::pair<xgre_verdict, std::optional<Held>> hold(const Held& first);
    // Gone from here, when `second` is of the same packet.
    std::optional<Held> take(const Fragment& second);

private:
    using Key = std::pair<Bytes, std::uint32_t>;
    static Key key_of(const Fragment& fragment) {
        return {fragment.source, fragment.id % XGRE_SOURCE_FRAGMENTS};
    }
    std::map<Key, Held> held_;
};

// GO: `first` has become the whole packet.
xgre_verdict join(Held& first, const Fragment& second, ByteView packet);

}  // namespace xgre::test::model
