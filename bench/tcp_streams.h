// SPDX-License-Identifier: GPL-2.0-only
// TCP streams from the VM on host a to the one on host b, all senders on one processor and all
// receivers on another.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "bench/row.h"
#include "bench/stand.h"

namespace xgre::bench {

std::unique_ptr<Probe> make_tcp_streams(const std::string& name, const Peer& peer, VmKind vms,
                                        std::size_t count);
std::unique_ptr<Probe> make_tcp_streams(std::unique_ptr<Stand> stand, std::size_t count);

}  // namespace xgre::bench
