// SPDX-License-Identifier: GPL-2.0-only
// The flags by which the data path tells what it does: see bpf/watch.h. One watcher of each kind.
#pragma once

#include <cstdint>
#include <utility>

#include "loader/datapath.h"
#include "loader/fd.h"
#include "loader/instance_state.h"
#include "xgre/abi.h"
#include "xgre/session.h"

namespace xgre {

// As the flags of `uplink` are.
enum class WatchKind : std::uint32_t {
    capture = XGRE_UPLINK_CAPTURED,
    monitor = XGRE_UPLINK_MONITORED,
};

// What is wanted of frames, for a capture.
struct WatchSpec {
    std::uint32_t bytes = XGRE_WATCH_BYTES;  // of each, at most
    std::uint32_t frames_per_second = 0;     // 0: as many as come
    bool drops_only = false;
};

// Between begin() and end() the flag is set. When the process is killed, the next change of the
// instance takes the flag away.
class Watcher {
public:
    // Nobody else is to watch the instance so while it lives. Throws Error when somebody does.
    // `datapath` is what is read.
    static Watcher take(const Session& session, const Datapath& datapath, WatchKind kind);

    // Each takes the instance's lock for a moment, and throws Error when the instance has gone, or
    // was attached anew: another one may have its flags by then.
    void begin(const WatchSpec& spec);
    void end();

    // Throws Error when `now` is not what is read: it was detached, and attached anew. An upgrade
    // keeps the maps.
    void check(const Instance::State& now) const;

    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    Watcher(Watcher&& other) noexcept
        : session_{std::move(other.session_)},
          kind_{other.kind_},
          uplink_{other.uplink_},
          lock_{std::move(other.lock_)},
          has_begun_{std::exchange(other.has_begun_, false)} {}
    Watcher& operator=(Watcher&&) noexcept = delete;
    ~Watcher();  // ends it

private:
    Watcher(Session session, WatchKind kind, std::uint32_t uplink, Fd lock)
        : session_{std::move(session)}, kind_{kind}, uplink_{uplink}, lock_{std::move(lock)} {}

    Session session_;
    WatchKind kind_;
    std::uint32_t uplink_;  // the kernel's number of the map
    Fd lock_;
    bool has_begun_ = false;
};

// Flags of watchers that are no more: who holds the instance's lock may take them away.
// Tried for a moment, so only to be asked where flags are set.
std::uint32_t stale_watch_flags(const std::string& instance);

}  // namespace xgre
