// SPDX-License-Identifier: GPL-2.0-only
#include "cli/interrupt.h"

#include <algorithm>
#include <csignal>
#include <thread>

namespace xgre::cli {
namespace {

// A signal handler can reach nothing but a global.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
volatile std::sig_atomic_t signalled = 0;

void remember(int /*signal*/) {
    signalled = 1;
}

}  // namespace

Interrupt::Interrupt()
    : hang_up_{std::signal(SIGHUP, SIG_IGN)}, pipe_{std::signal(SIGPIPE, SIG_IGN)} {
    signalled = 0;
    if (hang_up_ != SIG_IGN) std::signal(SIGHUP, remember);
    std::signal(SIGINT, remember);
    std::signal(SIGTERM, remember);
}

Interrupt::~Interrupt() {
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
    std::signal(SIGHUP, hang_up_);
    std::signal(SIGPIPE, pipe_);
}

bool Interrupt::wait(std::chrono::milliseconds time) const {
    // sleep_until goes on after a signal: so in steps that a human takes for immediate.
    constexpr std::chrono::milliseconds kStep{50};
    const auto end = std::chrono::steady_clock::now() + time;
    while (signalled == 0 && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_until(std::min(end, std::chrono::steady_clock::now() + kStep));
    }
    return signalled != 0;
}

}  // namespace xgre::cli
