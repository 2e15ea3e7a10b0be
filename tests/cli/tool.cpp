// SPDX-License-Identifier: GPL-2.0-only
#include "tests/cli/tool.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <stdexcept>

#include <fmt/format.h>

namespace xgre::test {
namespace {

// Where a child writes without ever waiting for us.
Fd open_sink() {
    Fd sink{memfd_create("output", MFD_CLOEXEC)};
    if (!sink.is_open()) throw std::runtime_error{"memfd_create failed"};
    return sink;
}

std::string content(const Fd& file) {
    std::string text;
    std::array<char, 65536> chunk{};
    for (off_t at = 0;;) {
        const ssize_t length = pread(file.get(), chunk.data(), chunk.size(), at);
        if (length <= 0) return text;
        text.append(chunk.data(), static_cast<std::size_t>(length));
        at += length;
    }
}

pid_t start(const std::vector<std::string>& argv, int out, int err) {
    std::vector<char*> words;
    for (const std::string& word : argv)
        words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    pid_t pid = -1;
    const int error = posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw std::runtime_error{fmt::format("cannot run {}", argv[0])};
    return pid;
}

int wait_for(pid_t pid) {
    int status = 0;
    if (waitpid(pid, &status, 0) != pid) throw std::runtime_error{"waitpid failed"};
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<std::string> xgre_and(const std::vector<std::string>& arguments) {
    std::vector<std::string> argv{XGRE_BINARY};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return argv;
}

}  // namespace

std::ostream& operator<<(std::ostream& stream, const Outcome& outcome) {
    return stream << "exit " << outcome.exit << "\nstdout: " << outcome.out
                  << "\nstderr: " << outcome.err;
}

Outcome run(const std::vector<std::string>& argv) {
    const Fd out = open_sink();
    const Fd err = open_sink();
    const int exit = wait_for(start(argv, out.get(), err.get()));
    return {exit, content(out), content(err)};
}

Outcome run_xgre(const std::vector<std::string>& arguments) {
    return run(xgre_and(arguments));
}

RunningXgre::RunningXgre(const std::vector<std::string>& arguments) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error{"pipe2 failed"};
    out_ = Fd{ends[0]};
    const Fd in{ends[1]};
    pid_ = start(xgre_and(arguments), in.get(), STDERR_FILENO);
}

RunningXgre::~RunningXgre() {
    if (pid_ > 0) end_by(SIGKILL);
}

std::string RunningXgre::line() {
    std::string text;
    char character = 0;
    while (read(out_.get(), &character, 1) == 1 && character != '\n')
        text += character;
    return text;
}

int RunningXgre::end_by(int signal) {
    const pid_t pid = pid_;
    pid_ = -1;
    kill(pid, signal);
    return wait_for(pid);
}

bool is_error_line(const std::string& text) {
    const std::size_t cause = text.find(": ", sizeof("xgre: ") - 1);
    return text.starts_with("xgre: ") && text.ends_with('\n') &&
           std::count(text.begin(), text.end(), '\n') == 1 && cause != std::string::npos &&
           text.find("; ", cause) != std::string::npos;
}

}  // namespace xgre::test
