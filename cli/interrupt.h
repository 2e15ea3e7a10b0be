// SPDX-License-Identifier: GPL-2.0-only
// Ctrl-C, a terminal that closes or a reader that goes, as the ordinary end of a command that
// watches: what it switched on is switched off.
#pragma once

#include <chrono>

namespace xgre::cli {

// While this lives, SIGINT, SIGTERM and SIGHUP do not end the process, and neither does SIGPIPE:
// who writes gets an error then, ReaderGone. Under nohup, SIGHUP stays ignored. One at a time.
class Interrupt {
public:
    Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;
    ~Interrupt();

    // Waits; true when a signal came meanwhile or before.
    bool wait(std::chrono::milliseconds time) const;

private:
    using Handler = void (*)(int);
    Handler hang_up_;  // as they were
    Handler pipe_;
};

}  // namespace xgre::cli
