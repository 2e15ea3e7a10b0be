// SPDX-License-Identifier: GPL-2.0-only
#include "loader/watcher.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "loader/lock.h"
#include "loader/pins.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::uint64_t kWindowsPerSecond = 1'000'000'000 / XGRE_WATCH_WINDOW_NS;

// A directory that every instance has, so that nothing is left behind. The kernel gives the lock
// back when the process dies.
Fd open_lock(const std::string& instance, WatchKind kind) {
    const std::string path =
        pins::directory(instance) + (kind == WatchKind::capture ? "/maps" : "/programs");
    Fd file{open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!file.is_open()) throw Error::from_errno(path, "open", errno, "run as root");
    return file;
}

// True: it is ours, now or before.
bool has(const Fd& lock) {
    return flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
}

void set_flags(const Instance::State& state, std::uint32_t flags) {
    xgre_uplink row = state.uplink;
    row.flags = flags;
    state.datapath.uplink().put(0, row);
}

void set_watch(const Instance::State& state, const WatchSpec& spec) {
    xgre_watch row{};
    row.bytes = std::min<std::uint32_t>(spec.bytes, XGRE_WATCH_BYTES);
    row.drops_only = spec.drops_only ? 1 : 0;
    if (spec.frames_per_second != 0)
        row.frames = static_cast<std::uint32_t>(
            std::max<std::uint64_t>(spec.frames_per_second / kWindowsPerSecond, 1));
    state.datapath.watch().put(0, row);
}

}  // namespace

Watcher Watcher::take(const Session& session, const Datapath& datapath, WatchKind kind) {
    Fd lock = open_lock(session.instance, kind);
    if (has(lock)) return Watcher{session, kind, datapath.uplink().id(), std::move(lock)};
    const char* name = kind == WatchKind::capture ? "capture" : "monitor";
    const auto holder = holder_of(lock);
    throw Error{"instance " + session.instance, fmt::format("another `xgre {}` watches it", name),
                holder ? fmt::format("end process {} first", *holder) : "end that first"};
}

void Watcher::begin(const WatchSpec& spec) {
    const Instance::State state{session_, InstanceLock::acquire()};
    check(state);
    if (kind_ == WatchKind::capture) set_watch(state, spec);
    set_flags(state, state.uplink.flags | static_cast<std::uint32_t>(kind_));
    has_begun_ = true;
}

void Watcher::end() {
    if (!std::exchange(has_begun_, false)) return;
    const Instance::State state{session_, InstanceLock::acquire()};
    check(state);
    set_flags(state, state.uplink.flags & ~static_cast<std::uint32_t>(kind_));
}

void Watcher::check(const Instance::State& now) const {
    if (now.datapath.uplink().id() == uplink_) return;
    throw Error{
        "instance " + session_.instance, "it was detached and attached anew",
        kind_ == WatchKind::capture ? "start `xgre capture` again" : "start `xgre monitor` again"};
}

Watcher::~Watcher() {
    try {
        end();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
        // The instance has gone, or the next change of it does this.
    }
}

std::uint32_t stale_watch_flags(const std::string& instance) {
    std::uint32_t flags = 0;
    for (const WatchKind kind : {WatchKind::capture, WatchKind::monitor})
        if (has(open_lock(instance, kind))) flags |= static_cast<std::uint32_t>(kind);
    return flags;
}

}  // namespace xgre
