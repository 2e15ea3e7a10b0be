// SPDX-License-Identifier: GPL-2.0-only
// Does a running instance do what the specification says? Frames of each kind go through the loaded
// programs on copies of its maps, from and to each port and peer; what comes of them is compared,
// byte for byte, with what the RFCs and the configuration say. Then each peer is asked through its
// tunnel. Traffic does not notice, and no counter changes but those of the probes.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "xgre/session.h"

namespace xgre {

enum class CheckResult : std::uint8_t { passed, failed, skipped };

// "passed".
std::string name_of(CheckResult result);

struct SelfCheck {
    std::string object;  // "port tap0", "peer 198.18.0.2 of network lan"
    std::string name;    // "udp4 to peer 198.18.0.2"
    CheckResult result = CheckResult::passed;
    std::string program;   // that decided; empty: none, or a probe
    std::string expected;  // a sentence; where it failed or was skipped, these two
    std::string found;
    std::chrono::nanoseconds time{0};  // that it took
};

struct SelfTestSpec {
    bool frames = true;  // through the programs
    bool probes = true;  // through the tunnels
};

using SelfCheckVisit = std::function<void(const SelfCheck& check)>;

// Each check as it is made; `goes_on` is asked between them. Throws Error.
void self_test(const Session& session, const SelfTestSpec& spec, const SelfCheckVisit& visit,
               const std::function<bool()>& goes_on);

}  // namespace xgre
