// SPDX-License-Identifier: GPL-2.0-only
// A ping: does a host answer at all?
#pragma once

#include <chrono>
#include <vector>

#include "xgre/ip_addr.h"

namespace xgre {

// Which of these answered an echo request (RFC 792, RFC 4443 section 4.1) in the time; each is
// asked twice. In the current network namespace. Throws Error when it may not ask.
std::vector<bool> answer_echo(const std::vector<IpAddr>& hosts, std::chrono::milliseconds time);

}  // namespace xgre
