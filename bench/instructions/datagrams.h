// SPDX-License-Identifier: GPL-2.0-only
// UDP datagrams from VM to VM, one after another, on one processor whose clock counts instructions.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

namespace xgre::bench {

// Between the namespaces vm-a and vm-b, which know each other's addresses: the time of each run of
// `count` datagrams of `bytes` bytes, which routers may cut. Throws Void when one does not arrive
// as it was sent.
std::vector<std::chrono::nanoseconds> measure_datagrams(std::size_t bytes, std::size_t count,
                                                        std::size_t runs);

}  // namespace xgre::bench
