// SPDX-License-Identifier: GPL-2.0-only
// What happens in an instance, as it happens.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "xgre/instance.h"
#include "xgre/ip_addr.h"
#include "xgre/mac.h"
#include "xgre/session.h"

namespace xgre {

enum class EventType : std::uint8_t {
    learned,  // an entry of the FDB is new
    moved,    // to another port or peer
    aged,     // the sweep removed it
    dropped,  // a frame
    network_added,
    network_removed,
    port_added,
    port_removed,
    port_gone,  // its device vanished
    port_back,
    peer_added,
    peer_removed,
    peer_state,  // by traffic, probes and time: a peer is up, down, or what else
};

// "learned", "port-added".
std::string name_of(EventType type);

// Who has an address: one of the two. None: it is not known, or no more.
struct EventOwner {
    std::string port;
    std::optional<IpAddr> peer;
};

struct Event {
    std::chrono::nanoseconds time{0};  // since 1970
    EventType type = EventType::learned;
    std::string network;  // empty: not known
    // Of an entry of the FDB:
    std::optional<Mac> mac;
    std::uint16_t vlan = 0;
    EventOwner owner;  // also the port or peer that was added or removed
    EventOwner old;    // with `moved`
    // With `peer_state`:
    PeerState state = PeerState::unknown;
    PeerState old_state = PeerState::unknown;
    // Of a dropped frame:
    std::string device;  // that it came in by
    std::string program;
    std::string verdict;
    std::string help;
    std::uint32_t length = 0;
};

struct MonitorTotals {
    std::uint64_t lost = 0;            // events that nobody read in time
    std::uint64_t drops_left_out = 0;  // more than XGRE_DROPS_TOLD in a tenth of a second
};

// The data path tells it while it lives. One at a time for an instance.
class Monitor {
public:
    using Visit = std::function<void(const Event& event)>;

    // Throws Error, also when another one watches the instance.
    static Monitor start(const Session& session);

    Monitor(const Monitor&) = delete;
    Monitor& operator=(const Monitor&) = delete;
    Monitor(Monitor&&) noexcept;
    Monitor& operator=(Monitor&&) noexcept;
    ~Monitor();

    // Waits up to so long for events, and hands them out. Throws Error when the instance has gone,
    // or was attached anew.
    void read(std::chrono::milliseconds time, const Visit& visit);

    MonitorTotals totals() const;

private:
    class Running;
    explicit Monitor(std::unique_ptr<Running> running);

    std::unique_ptr<Running> running_;
};

}  // namespace xgre
