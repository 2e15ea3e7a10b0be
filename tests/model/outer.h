// SPDX-License-Identifier: GPL-2.0-only
// The outer headers: what is sent to a peer, and what is taken from one. A part of the model.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "tests/packet/packet.h"
#include "xgre/abi.h"

namespace xgre::test::model {

enum class Route {
    none,        // not by the uplink
    unresolved,  // nobody answers for the next hop's MAC
    resolved,
    to_confirm,  // the next frame is the kernel's to send, and then it is `resolved`
};

enum class DontFragment { set, unset, inherit };

// Everything that the outer headers of a peer depend on.
struct Peer {
    std::uint32_t network = 1;
    Station station{};
    bool over_ip6 = false;
    Route route = Route::resolved;

    std::optional<std::uint32_t> ikey = {};
    std::optional<std::uint32_t> okey = {};
    bool nvgre = false;  // the last byte of a key is of the flow
    bool icsum = false;
    bool iseq = false;
    bool rp_filter = false;
    std::size_t mac_limit = 0;             // 0: none
    std::optional<std::uint8_t> ttl = 64;  // none: of the packet inside
    std::optional<std::uint8_t> tos = 0;
    DontFragment df = DontFragment::set;           // IPv4 alone
    std::optional<std::uint8_t> encap_limit = {};  // IPv6 alone, as the next
    std::optional<std::uint32_t> flow_label = {};  // none: of the flow

    std::optional<std::uint32_t> expected = {};  // the sequence number after the highest that came
};

// Bits of a packet that are the sender's to choose: the hash of a flow, an identification.
struct Free {
    std::size_t offset = 0;
    std::uint8_t mask = 0xff;
    bool of_flow = true;  // else of each packet
};

struct Outgoing {
    Packet packet;
    std::vector<Free> free = {};
};

Outgoing encapsulate(const Station& self, const Peer& peer, ByteView frame);
std::size_t outer_size(const Peer& peer);

// A tunnel packet that was taken apart.
struct Incoming {
    bool over_ip6 = false;
    Bytes source = {};
    std::optional<std::uint32_t> key = {};
    std::optional<std::uint32_t> sequence = {};
    bool has_sum = false;
    bool sum_is_right = true;
    std::uint8_t ecn = 0;
    bool is_fragment = false;  // the first of several, and `inner` the start of a frame
    ByteView inner = {};
};

// docs/concepts.md, "What is taken", up to where the peer is asked for. GO: it has all its headers.
xgre_verdict take_apart(const Station& self, ByteView packet, Incoming& out);

// Are such packets this peer's?
bool is_from(const Peer& peer, const Incoming& packet);

// RFC 6040 section 4.2: writes the inner frame's ECN.
xgre_verdict take_ecn(std::uint8_t outer_ecn, Bytes& frame);

// A SYN says no larger MSS than fits when frames may have `room` bytes.
Bytes with_mss(ByteView frame, std::size_t room);

}  // namespace xgre::test::model
