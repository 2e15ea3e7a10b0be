// SPDX-License-Identifier: GPL-2.0-only
// Sockets of VMs. A socket belongs to the namespace it was made in, whoever uses it.
#pragma once

#include <cstdint>
#include <string>

#include "bench/fd.h"
#include "bench/world.h"

namespace xgre::bench {

enum class Transport : std::uint8_t { udp, tcp };

struct SocketPair {
    Fd near;  // in the first VM
    Fd far;   // in the second
};

// Connected to each other. Calls on them fail after two seconds without an answer.
SocketPair connect(const Vm& near, const Vm& far, Transport transport);

// A server's socket in `far`.
Fd listen_at(const Vm& far);
// A connection to it from the calling thread's network namespace; the same, from its side. Calls
// on them fail after two seconds without an answer.
Fd call(const Vm& far);
Fd accept_from(const Fd& listener);

// Throws Void with the reason in errno.
[[noreturn]] void socket_failed(const std::string& what);

}  // namespace xgre::bench
