// SPDX-License-Identifier: GPL-2.0-only
// The built xgre, run as an operator runs it.
#pragma once

#include <sys/types.h>

#include <ostream>
#include <string>
#include <vector>

#include "loader/fd.h"

namespace xgre::test {

struct Outcome {
    int exit = 0;  // or 128 + the signal
    std::string out;
    std::string err;
};

std::ostream& operator<<(std::ostream& stream, const Outcome& outcome);

// Runs a program to its end; argv[0] is looked up in PATH.
Outcome run(const std::vector<std::string>& argv);

// Runs the built xgre to its end.
Outcome run_xgre(const std::vector<std::string>& arguments);

// The built xgre while it runs; stopped at the latest with this object.
class RunningXgre {
public:
    explicit RunningXgre(const std::vector<std::string>& arguments);
    RunningXgre(const RunningXgre&) = delete;
    RunningXgre& operator=(const RunningXgre&) = delete;
    ~RunningXgre();

    // The next line of its output; waits for it.
    std::string line();
    // Sends a signal and waits for the end: the exit status, or 128 + the signal.
    int end_by(int signal);

private:
    Fd out_;
    pid_t pid_ = -1;
};

// Whether `text` is one line as errors are: `xgre: <object>: <cause>; <way out>`.
bool is_error_line(const std::string& text);

}  // namespace xgre::test
