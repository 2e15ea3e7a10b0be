// SPDX-License-Identifier: GPL-2.0-only
// Ctrl-C as the ordinary end of a command that watches.
#pragma once

#include <chrono>

namespace xgre::cli {

// While this lives, SIGINT and SIGTERM do not end the process. One at a time.
class Interrupt {
public:
    Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    ~Interrupt();

    // Waits; true when a signal came meanwhile or before.
    bool wait(std::chrono::milliseconds time) const;
};

}  // namespace xgre::cli
