// SPDX-License-Identifier: GPL-2.0-only
// What stands for VMs, and the devices that lead to them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>

#include "bench/world.h"

namespace xgre::bench {

// Up, with GRO: it gives a veth the poller without which it loses what XDP sends to it. The
// kernel only notes it for the other end when the device is up.
void start_veth(const std::string& device);
// What leaves by it is finished: checksums are filled in and segments are cut.
void finish_frames(const std::string& device);

// Gives the host so many VMs, whose MACs have `mark` in them, and their namespaces to `netns`.
void make_vms(Host& host, std::uint8_t mark, std::size_t count, const Shape& shape,
              std::deque<Netns>& netns);
// Tells the VMs of a host, where they have a stack, the addresses of all others.
void introduce(const Host& host, const Host& other, const Shape& shape);

}  // namespace xgre::bench
