// SPDX-License-Identifier: GPL-2.0-only
// Running other programs, such as dnsmasq: no shell, and nothing of ours leaks into them.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "loader/fd.h"

namespace xgre {

// argv[0] is the program: looked up in PATH unless it has a slash. The program gets its own
// session, /dev/null for input and output, default signals, and no descriptor of ours.
struct Command {
    std::vector<std::string> argv;
    const Fd* netns = nullptr;  // where it runs; the current network namespace when null
};

// The file that a program's name stands for; nullopt: there is none.
std::optional<std::string> find_program(const std::string& program);

// What is left of a program that has ended.
struct Ended {
    int status = 0;           // exit status, or 128 + the signal that killed it
    std::string diagnostics;  // the first 64 KiB of its standard error output
};

// Runs a program to its end, such as one that puts itself in the background when it is ready.
// Throws Error when it cannot be started, or (having killed it) when it takes longer.
Ended run(const Command& command, std::chrono::milliseconds patience);

// Starts a program that stays in the foreground. Throws Error with its diagnostics when it
// ends within `settle`. The caller is its parent. Diagnostics beyond 64 KiB are lost.
pid_t start(const Command& command, std::chrono::milliseconds settle);

// How a process is known again: a pid alone may by now be another program's.
struct ProcessIdentity {
    std::string program;   // the file name of its executable, without directories
    std::string argument;  // one whole argument it was started with; empty: any
};

// The arguments that a process was started with; none of a zombie, or when there is no such
// process.
std::vector<std::string> arguments_of(pid_t pid);

// Whether `pid` is that program, now.
bool is_running(pid_t pid, const ProcessIdentity& identity);

// Ends it: SIGTERM, and SIGKILL after `patience`. False when it is not running (any more), also
// when the pid is another program's, which is left alone. Throws Error when it may not.
bool stop(pid_t pid, const ProcessIdentity& identity,
          std::chrono::milliseconds patience = std::chrono::seconds{5});

}  // namespace xgre
