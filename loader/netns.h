// SPDX-License-Identifier: GPL-2.0-only
// Network namespaces, named the way `ip netns` names them.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "loader/fd.h"

namespace xgre {

// Where the named network namespaces are: one file a namespace.
inline constexpr const char* kNetnsDirectory = "/run/netns";

// The calling thread is in another network namespace while this lives, and back where it was
// afterwards; when it cannot get back, the process ends, because everything it would do next
// would happen to the wrong host. Only the network namespace is entered: /sys/fs/bpf stays the
// caller's. Must be destroyed by the thread that made it.
class NetnsScope {
public:
    // Throws Error when there is no such namespace, or it may not be entered.
    static NetnsScope enter(const std::string& name) { return NetnsScope{name}; }
    // `netns` may be closed once this returns. `object` is what errors call it.
    static NetnsScope enter(const Fd& netns, const std::string& object) {
        return NetnsScope{netns, object};
    }
    // A new one without a name, which ends with the scope and with what was made in it.
    static NetnsScope enter_new();
    NetnsScope(const NetnsScope&) = delete;
    NetnsScope& operator=(const NetnsScope&) = delete;
    ~NetnsScope();

private:
    explicit NetnsScope(const std::string& name);
    NetnsScope(const Fd& netns, const std::string& object);
    explicit NetnsScope(Fd origin);

    Fd origin_;
    pid_t thread_;
};

// A handle on a network namespace, which keeps it alive. Throws Error when there is none.
Fd open_netns(const std::string& name);
Fd open_current_netns();

// What tells the current network namespace from all others: the kernel's cookie, which is
// never used again until the next boot; before Linux 5.14 the namespace's inode number.
std::uint64_t netns_cookie();

// The name of the network namespace that has this cookie; nullopt when none with a name has it.
std::optional<std::string> netns_of_cookie(std::uint64_t cookie);

// As `ip netns add NAME`: seen by `ip netns list`, with only a loopback device that is down.
// The caller stays in its own. Throws Error, also when there is one of that name.
void create_netns(const std::string& name);

// As `ip netns del NAME`: the namespace ends when nobody uses it any more. Throws Error.
void delete_netns(const std::string& name);

// Names, sorted. Empty when no namespace was ever named.
std::vector<std::string> list_netns();
bool netns_exists(const std::string& name);

}  // namespace xgre
