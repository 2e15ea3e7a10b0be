// SPDX-License-Identifier: GPL-2.0-only
// Monitor: events that the data path tells, and changes of the rows, which commands make.
#include "xgre/monitor.h"

#include <bpf/libbpf.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <vector>

#include "loader/abi_text.h"
#include "loader/capture_names.h"
#include "loader/clock.h"
#include "loader/liveness.h"
#include "loader/outer_header.h"
#include "loader/pins.h"
#include "loader/watcher.h"

namespace xgre {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kBetweenLooks{500};

struct FreeRing {
    void operator()(ring_buffer* ring) const noexcept { ring_buffer__free(ring); }
};

// What there is of rows, by what they are called.
struct Census {
    struct Port {
        std::string network;
        bool live = false;
    };

    std::map<std::string, bool> networks;
    std::map<std::string, Port> ports;
    std::map<std::pair<std::string, IpAddr>, PeerState> peers;  // network, address

    static Census of(const Instance::State& state, const CaptureNames& names);
};

Census Census::of(const Instance::State& state, const CaptureNames& names) {
    Census census;
    for (const auto& [id, network] : state.networks())
        census.networks.emplace(text_of(network.name), true);
    for (const auto& [ifindex, port] : state.ports())
        census.ports.insert_or_assign(text_of(port.name),
                                      Port{names.network(port.network), state.is_live(ifindex)});
    for (const auto& [id, peer] : state.peers())
        census.peers.emplace(std::pair{names.network(peer.network), remote_of(peer)},
                             liveness_of(state.datapath, id).state);
    return census;
}

// Calls for each key of `these` that `those` has not.
template <typename Map, typename Visit>
void for_each_missing(const Map& these, const Map& those, Visit visit) {
    for (const auto& [key, value] : these)
        if (!those.contains(key)) visit(key, value);
}

Mac mac_of(const xgre_fdb_key& key) {
    Mac::Bytes bytes{};
    std::copy(std::begin(key.mac), std::end(key.mac), bytes.begin());
    return Mac{bytes};
}

}  // namespace

std::string name_of(EventType type) {
    constexpr std::array<const char*, 13> kNames{
        "learned",         "moved",        "aged",         "dropped",   "network-added",
        "network-removed", "port-added",   "port-removed", "port-gone", "port-back",
        "peer-added",      "peer-removed", "peer-state"};
    return kNames.at(static_cast<std::size_t>(type));
}

class Monitor::Running {
public:
    Running(const Session& session, const Instance::State& state)
        : session_{session},
          names_{state},
          census_{Census::of(state, names_)},
          datapath_{Datapath::open(pins::directory(session.instance))},
          watcher_{Watcher::take(session, datapath_, WatchKind::monitor)},
          ring_{ring_buffer__new(datapath_.map_fd("events"), take, this, nullptr)},
          before_{datapath_.watch_cpus().sum(0)} {
        if (!ring_)
            throw Error::from_errno("map events", "open", errno, "run as root, and try again");
        // What one before us left unread.
        ring_buffer__consume(ring_.get());
        told_.clear();
        watcher_.begin({});
    }

    void read(std::chrono::milliseconds time, const Visit& visit) {
        const int result = ring_buffer__poll(ring_.get(), static_cast<int>(time.count()));
        if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
        if (result < 0 && result != -EINTR)
            throw Error::from_errno("map events", "read", -result, "try again");
        look_at_rows();
        const auto shift = monotonic_to_real();
        for (const xgre_event& event : std::exchange(told_, {}))
            visit(event_of(event, shift));
        for (const Event& event : std::exchange(changes_, {}))
            visit(event);
    }

    MonitorTotals totals() const {
        const xgre_watch_cpu now = datapath_.watch_cpus().sum(0);
        return {now.events_lost - before_.events_lost, now.drops_over - before_.drops_over};
    }

private:
    // libbpf calls it, and knows no exceptions.
    static int take(void* self, void* data, std::size_t size) {
        auto* running = static_cast<Running*>(self);
        xgre_event event{};
        std::memcpy(&event, data, std::min(size, sizeof(event)));
        try {
            running->told_.push_back(event);
            return 0;
        } catch (...) {
            running->failure_ = std::current_exception();
            return -ENOMEM;
        }
    }

    EventOwner owner_of(xgre_owner owner) const {
        const auto id = static_cast<std::uint32_t>(owner);
        switch (owner & XGRE_OWNER_KIND_MASK) {
            case XGRE_OWNER_PORT:
                return {names_.device(id), {}};
            case XGRE_OWNER_PEER:
                return {{}, names_.peer(id)};
            default:
                return {};
        }
    }

    Event event_of(const xgre_event& told, std::chrono::nanoseconds shift) const {
        Event event;
        event.time = std::chrono::nanoseconds{told.time} + shift;
        event.type = static_cast<EventType>(told.type);
        event.network = names_.network(told.key.network);
        if (told.type != XGRE_EVENT_DROPPED) {
            event.mac = mac_of(told.key);
            event.vlan = told.key.vlan;
            event.owner = owner_of(told.owner);
            event.old = owner_of(told.old);
            return event;
        }
        const VerdictText& verdict = kVerdictTexts.at(told.verdict);
        event.device = names_.device(told.ifindex);
        event.owner.peer = names_.peer(told.peer);
        event.program = kProgramTexts.at(told.program).name;
        event.verdict = verdict.name;
        event.help = verdict.help;
        event.length = told.len;
        if (event.network.empty())
            event.network = names_.network(names_.network_of_port(told.ifindex));
        return event;
    }

    void look_at_rows() {
        if (Clock::now() - looked_ < kBetweenLooks) return;
        looked_ = Clock::now();
        const Instance::State state{session_, std::nullopt};
        watcher_.check(state);
        names_ = CaptureNames{state};
        Census now = Census::of(state, names_);
        compare(census_, now);
        census_ = std::move(now);
    }

    void compare(const Census& then, const Census& now) {
        for_each_missing(then.peers, now.peers, [&](const auto& peer, PeerState) {
            note(EventType::peer_removed, peer.first, {{}, peer.second});
        });
        for_each_missing(then.ports, now.ports, [&](const auto& name, const auto& port) {
            note(EventType::port_removed, port.network, {name, {}});
        });
        for_each_missing(then.networks, now.networks, [&](const auto& name, bool) {
            note(EventType::network_removed, name, {});
        });
        for_each_missing(now.networks, then.networks,
                         [&](const auto& name, bool) { note(EventType::network_added, name, {}); });
        for_each_missing(now.ports, then.ports, [&](const auto& name, const auto& port) {
            note(EventType::port_added, port.network, {name, {}});
        });
        for_each_missing(now.peers, then.peers, [&](const auto& peer, PeerState) {
            note(EventType::peer_added, peer.first, {{}, peer.second});
        });
        for (const auto& [name, port] : now.ports) {
            const auto before = then.ports.find(name);
            if (before == then.ports.end() || before->second.live == port.live) continue;
            note(port.live ? EventType::port_back : EventType::port_gone, port.network, {name, {}});
        }
        for (const auto& [peer, state] : now.peers) {
            const auto before = then.peers.find(peer);
            if (before == then.peers.end() || before->second == state) continue;
            Event& event = note(EventType::peer_state, peer.first, {{}, peer.second});
            event.state = state;
            event.old_state = before->second;
        }
    }

    Event& note(EventType type, const std::string& network, EventOwner owner) {
        Event event;
        event.time = std::chrono::system_clock::now().time_since_epoch();
        event.type = type;
        event.network = network;
        event.owner = std::move(owner);
        return changes_.emplace_back(std::move(event));
    }

    Session session_;
    CaptureNames names_;
    Census census_;
    Datapath datapath_;
    Clock::time_point looked_ = Clock::now();
    Watcher watcher_;
    std::unique_ptr<ring_buffer, FreeRing> ring_;
    xgre_watch_cpu before_{};  // what was lost until it began
    std::vector<xgre_event> told_;
    std::vector<Event> changes_;
    std::exception_ptr failure_;
};

Monitor::Monitor(std::unique_ptr<Running> running) : running_{std::move(running)} {}
Monitor::Monitor(Monitor&&) noexcept = default;
Monitor& Monitor::operator=(Monitor&&) noexcept = default;
Monitor::~Monitor() = default;

Monitor Monitor::start(const Session& session) {
    const Instance::State state{session, std::nullopt};
    return Monitor{std::make_unique<Running>(session, state)};
}

void Monitor::read(std::chrono::milliseconds time, const Visit& visit) {
    running_->read(time, visit);
}

MonitorTotals Monitor::totals() const {
    return running_->totals();
}

}  // namespace xgre
