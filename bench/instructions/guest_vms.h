// SPDX-License-Identifier: GPL-2.0-only
// The two VMs that `inside/hosts` makes in the guest.
#pragma once

#include <cstdint>
#include <string>

#include "bench/sockets.h"
#include "bench/world.h"

namespace xgre::bench {

inline Vm guest_vm(const std::string& netns, std::uint8_t number) {
    Vm vm;
    vm.netns = netns;
    vm.address = Ip4Addr{{192, 0, 2, number}};
    return vm;
}

// From host A's VM to host B's.
inline SocketPair connect_guest_vms(Transport transport) {
    return connect(guest_vm("vm-a", 1), guest_vm("vm-b", 2), transport);
}

}  // namespace xgre::bench
