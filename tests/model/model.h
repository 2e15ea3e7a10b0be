// SPDX-License-Identifier: GPL-2.0-only
// The specification, in plain C++: what becomes of a frame. Written from docs/concepts.md, and
// sharing nothing with bpf/ and the loader but the names in abi.h. No flows, no hooks, no offloads,
// no clock.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "tests/model/fragments.h"
#include "tests/model/outer.h"
#include "tests/packet/packet.h"
#include "xgre/abi.h"

namespace xgre::test::model {

// What its peers' keys are made of; a network whose number is not there has been removed.
struct Network {
    std::optional<std::uint32_t> key;
    bool nvgre = false;
};

// By number: p0, p1 and so on.
struct Port {
    std::uint32_t network = 1;
    bool learns = true;
    bool takes_floods = true;  // of unknown unicast
    bool isolated = false;
    bool locked = false;
    std::size_t mac_limit = 0;  // 0: none
    bool is_there = true;       // its device is the one that was added
    std::size_t mtu = 1500;
};

struct FdbKey {
    std::uint32_t network;
    std::uint16_t vlan;
    std::array<std::uint8_t, 6> mac;

    auto operator<=>(const FdbKey&) const = default;
};

struct Owner {
    bool is_port;
    std::uint32_t id;

    bool operator==(const Owner&) const = default;
};

enum class Age { fresh, old, expired };  // old: to be refreshed

struct FdbEntry {
    Owner owner{};
    bool is_static = false;
    Age age = Age::fresh;

    bool operator==(const FdbEntry&) const = default;
};

struct FloodList {
    std::vector<std::size_t> ports;
    std::vector<std::uint32_t> peers;
};

struct State {
    Station self;  // the uplink's addresses
    std::size_t mtu = 1500;
    std::map<std::uint32_t, Network> networks;
    std::vector<Port> ports;
    std::map<std::uint32_t, Peer> peers;
    std::map<FdbKey, FdbEntry> fdb;
    std::map<std::uint32_t, FloodList> flood;  // by network
};

struct Count {
    std::uint64_t packets = 0, bytes = 0, copies = 0;
    bool operator==(const Count&) const = default;
};

struct Traffic {
    std::uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
    bool operator==(const Traffic&) const = default;
};

struct Totals {
    std::array<Count, XGRE_VERDICT_MAX> verdicts{};
    std::array<std::uint64_t, XGRE_NOTE_MAX> notes{};
    std::map<std::size_t, Traffic> ports;
    std::map<std::uint32_t, Traffic> peers;
};

constexpr std::size_t kWire = SIZE_MAX;  // the device that is no port

struct Sent {
    std::size_t device = kWire;  // or a port
    Outgoing what;
};

class Model {
public:
    explicit Model(State state) : state_{std::move(state)} {}

    // What leaves for a frame that came by `device`. The host's stack gets what is not ours.
    std::vector<Sent> receive(std::size_t device, ByteView frame);

    const State& state() const { return state_; }
    const Totals& totals() const { return totals_; }
    xgre_verdict last_verdict() const { return verdict_; }

private:
    struct Frame;

    xgre_verdict from_port(std::size_t port, const Frame& frame);
    xgre_verdict from_wire(ByteView packet, Incoming& in, std::optional<std::uint32_t>& peer);
    // nullopt: it is no second fragment of what is held. GO: `whole_` is the packet.
    std::optional<xgre_verdict> reassemble(ByteView packet, Incoming& in,
                                           std::optional<std::uint32_t>& peer);
    xgre_verdict hold(ByteView packet, const Incoming& in, std::uint32_t peer);
    void count(xgre_verdict verdict, std::optional<std::uint32_t> peer, std::size_t bytes);
    xgre_verdict from_peer(std::uint32_t id, const Incoming& in);
    std::optional<std::uint32_t> find_peer(const Incoming& in) const;
    static xgre_verdict check_peer(Peer& peer, const Incoming& in);

    std::optional<Owner> find(std::uint32_t network, std::uint16_t vlan, MacAddress mac) const;
    // nullopt: flood.
    std::optional<Owner> destination(std::uint32_t network, const Frame& frame) const;
    void learn(std::uint32_t network, const Frame& frame, Owner from);

    xgre_verdict send_to_port(std::size_t port, const Frame& frame);
    std::size_t room_to_peers(const std::vector<std::uint32_t>& ids) const;
    xgre_verdict send_to_peer(std::uint32_t id, const Frame& frame, bool as_copy);
    xgre_verdict flood(std::uint32_t network, std::optional<std::size_t> from, const Frame& frame);

    State state_;
    Totals totals_;
    std::vector<Sent> sent_;
    FragmentStore fragments_;
    Bytes whole_;
    xgre_verdict verdict_ = XGRE_PASS;
};

}  // namespace xgre::test::model
