// SPDX-License-Identifier: GPL-2.0-only
// Commands and daemons.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "bench/fd.h"

namespace xgre::bench {

// Runs a command to its end, in the calling thread's network namespace; out of a terminal's
// reach, so that a Ctrl-C does not end a clean-up. Throws Error with what it printed.
void run(const std::vector<std::string>& words);
// The same; returns how many lines it printed.
std::size_t count_lines(const std::vector<std::string>& words);

// Runs `ip -batch` or `bridge -batch` with these lines. Nothing without lines.
void run_batch(const std::string& tool, const std::vector<std::string>& lines);

// A process that runs until this is destroyed, or until we end, however that happens.
class Daemon {
public:
    // On the processors of `processors`, in the calling thread's network namespace.
    Daemon(const std::vector<std::string>& words, const std::vector<int>& processors);
    Daemon(Daemon&& other) noexcept;
    Daemon& operator=(Daemon&& other) = delete;
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();

    // Throws Error, with what it printed, when it has ended.
    void check() const;

private:
    pid_t pid_ = 0;
    std::string name_;
    Fd output_;
};

}  // namespace xgre::bench
