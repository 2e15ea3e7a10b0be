// SPDX-License-Identifier: GPL-2.0-only
#include "bench/process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "xgre/error.h"

namespace xgre::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 5s;  // with a daemon that is told to end

// Where a child's output goes, and where we read it after it has ended.
Fd memory_file() {
    return Fd{memfd_create("output", MFD_CLOEXEC)};
}

std::string read_all(const Fd& file) {
    std::string text;
    std::array<char, 65536> chunk{};
    off_t offset = 0;
    while (true) {
        const ssize_t got = pread(file.get(), chunk.data(), chunk.size(), offset);
        if (got <= 0) return text;
        text.append(chunk.data(), static_cast<std::size_t>(got));
        offset += got;
    }
}

pid_t spawn(const std::vector<std::string>& words, const Fd& output) {
    std::vector<char*> argv;
    for (const std::string& word : words) {
        argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);

    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, output.get(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, output.get(), STDERR_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    pid_t child = 0;
    const int error = posix_spawnp(&child, argv[0], &files, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (error != 0) {
        throw Error::from_errno(words[0], "cannot start it", error, "run `scripts/setup lab`");
    }
    return child;
}

Fd output_of(const std::vector<std::string>& words) {
    Fd output = memory_file();
    const pid_t child = spawn(words, output);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output;
    throw Error{fmt::format("`{}`", fmt::join(words, " ")), "it failed: " + read_all(output),
                "see whether the kernel has what it asks for"};
}

// A kernel may end with us only what it has been told to when it was started, and by whom.
std::vector<std::string> bound_to_us(const std::vector<std::string>& words,
                                     const std::vector<int>& processors) {
    std::vector<std::string> all{"setpriv",    "--pdeathsig",
                                 "TERM",       "taskset",
                                 "--cpu-list", fmt::format("{}", fmt::join(processors, ","))};
    all.insert(all.end(), words.begin(), words.end());
    return all;
}

}  // namespace

void run(const std::vector<std::string>& words) {
    output_of(words);
}

std::size_t count_lines(const std::vector<std::string>& words) {
    const std::string text = read_all(output_of(words));
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

void run_batch(const std::string& tool, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    const std::string text = fmt::format("{}\n", fmt::join(lines, "\n"));
    const Fd input = memory_file();
    if (write(input.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        throw Error::from_errno(tool, "cannot tell it what to do", errno,
                                "see how much memory is free");
    }
    run({tool, "-batch", fmt::format("/proc/{}/fd/{}", getpid(), input.get())});
}

Daemon::Daemon(const std::vector<std::string>& words, const std::vector<int>& processors)
    : name_{words[0]}, output_{memory_file()} {
    pid_ = spawn(bound_to_us(words, processors), output_);
}

Daemon::Daemon(Daemon&& other) noexcept
    : pid_{std::exchange(other.pid_, 0)},
      name_{std::move(other.name_)},
      output_{std::move(other.output_)} {}

Daemon::~Daemon() {
    if (pid_ == 0) return;
    kill(pid_, SIGTERM);
    const auto end = std::chrono::steady_clock::now() + kPatience;
    while (waitpid(pid_, nullptr, WNOHANG) == 0) {
        if (std::chrono::steady_clock::now() > end) kill(pid_, SIGKILL);
        std::this_thread::sleep_for(5ms);
    }
}

void Daemon::check() const {
    siginfo_t ended{};
    const int error = waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (error == 0 && ended.si_pid == 0) return;
    throw Error{name_, "it has ended: " + read_all(output_), "see what it says"};
}

}  // namespace xgre::bench
