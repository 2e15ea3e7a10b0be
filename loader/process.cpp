// SPDX-License-Identifier: GPL-2.0-only
#include "loader/process.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "xgre/error.h"

namespace xgre {
namespace {

// Where daemons are; an ordinary user's PATH lacks these.
constexpr std::string_view kSystemPath = "/usr/local/sbin:/usr/sbin:/sbin";

}  // namespace

std::optional<std::string> find_program(const std::string& program) {
    if (program.find('/') != std::string::npos) return program;
    const char* const path = std::getenv("PATH");
    std::string directories = path == nullptr ? std::string{"/usr/bin:/bin"} : path;
    directories += ':';
    directories += kSystemPath;
    for (std::size_t begin = 0; begin <= directories.size();) {
        const std::size_t end = std::min(directories.find(':', begin), directories.size());
        // An empty part would mean the working directory: not for a program run by root.
        if (end > begin) {
            std::string file = directories.substr(begin, end - begin) + '/' + program;
            if (access(file.c_str(), X_OK) == 0) return file;
        }
        begin = end + 1;
    }
    return std::nullopt;
}

namespace {

constexpr off_t kDiagnosticsSize = 64 * 1024;

// Not <sys/pidfd.h>: in glibc 2.36 (Debian 12) it declares these as C++ functions.
int open_pidfd(pid_t pid) noexcept {
    return static_cast<int>(syscall(SYS_pidfd_open, pid, 0U));
}
int send_signal(const Fd& pidfd, int signal) noexcept {
    return static_cast<int>(syscall(SYS_pidfd_send_signal, pidfd.get(), signal, nullptr, 0U));
}

std::string described(const Command& command) {
    return fmt::format("program {}", command.argv.at(0));
}

// Found before fork(), which leaves little that may be called.
std::string executable_of(const Command& command) {
    const std::string& program = command.argv.at(0);
    if (auto file = find_program(program)) return *std::move(file);
    throw Error{described(command), "there is no such program",
                fmt::format("install {}, or give its path", program)};
}

// Standard error output of a program: a file in memory that cannot grow. A pipe would break
// under a daemon when we go, and one that nobody reads would stop it.
Fd make_diagnostics(const std::string& object) {
    Fd file{memfd_create("xgre-diagnostics", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    if (!file.is_open() || ftruncate(file.get(), kDiagnosticsSize) != 0 ||
        fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) != 0) {
        throw Error::from_errno(object, "cannot keep its diagnostics", errno,
                                "check the limit on open files");
    }
    return file;
}

std::string read_diagnostics(const Fd& file) {
    std::string text(static_cast<std::size_t>(kDiagnosticsSize), '\0');
    const ssize_t length = pread(file.get(), text.data(), text.size(), 0);
    text.resize(length < 0 ? 0 : static_cast<std::size_t>(length));
    text.resize(std::min(text.find('\0'), text.size()));
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

// What the child could not do, for the parent to throw.
enum class Step : int { session, netns, descriptors, exec };

std::string_view to_string(Step step) {
    switch (step) {
        case Step::session:
            return "cannot make a session for it";
        case Step::netns:
            return "cannot enter its namespace";
        case Step::descriptors:
            return "cannot set up its descriptors";
        case Step::exec:
            return "cannot execute it";
    }
    return "cannot start it";
}

struct Failure {
    Step step;
    int error;
};

[[noreturn]] void give_up(int report, Step step) noexcept {
    const Failure failure{step, errno};
    // Shorter than PIPE_BUF: written whole or not at all.
    const ssize_t written = write(report, &failure, sizeof(failure));
    _exit(written == static_cast<ssize_t>(sizeof(failure)) ? 127 : 126);
}

// Only what may be called between fork() and exec().
[[noreturn]] void become(const char* file, char* const* argv, int netns, int null, int diagnostics,
                         int report) noexcept {
    if (setsid() < 0) give_up(report, Step::session);
    if (netns >= 0 && setns(netns, CLONE_NEWNET) != 0) give_up(report, Step::netns);
    if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
        dup2(diagnostics, STDERR_FILENO) < 0 ||
        // Also those that a library opened without O_CLOEXEC. `report` closes with exec.
        close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) != 0) {
        give_up(report, Step::descriptors);
    }
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number)
        sigaction(number, &standard, nullptr);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    execv(file, argv);
    give_up(report, Step::exec);
}

// A descriptor above the standard ones, or dup2() in the child would overwrite it when the
// caller was started with those closed.
Fd above_standard(Fd fd, const std::string& object) {
    Fd moved{fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1)};
    if (!moved.is_open()) {
        throw Error::from_errno(object, "cannot set up its descriptors", errno,
                                "check the limit on open files");
    }
    return moved;
}

int wait_for_status(pid_t pid) noexcept {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

struct Child {
    pid_t pid;
    Fd handle;  // pidfd
    Fd diagnostics;
};

Child spawn(const Command& command) {
    const std::string object = described(command);
    const std::string file = executable_of(command);
    std::vector<std::string> arguments = command.argv;
    std::vector<char*> argv;
    for (std::string& argument : arguments)
        argv.push_back(argument.data());
    argv.push_back(nullptr);

    Fd diagnostics = above_standard(make_diagnostics(object), object);
    const Fd null = above_standard(Fd{open("/dev/null", O_RDWR | O_CLOEXEC)}, object);
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw Error::from_errno(object, "cannot make a pipe", errno,
                                "check the limit on open files");
    }
    const Fd report = above_standard(Fd{ends[0]}, object);
    Fd report_end = above_standard(Fd{ends[1]}, object);

    const pid_t pid = fork();
    if (pid < 0) {
        throw Error::from_errno(object, "cannot fork", errno, "check the limit on processes");
    }
    if (pid == 0) {
        become(file.c_str(), argv.data(), command.netns == nullptr ? -1 : command.netns->get(),
               null.get(), diagnostics.get(), report_end.get());
    }
    report_end = Fd{};
    Failure failure{};
    ssize_t length = 0;
    do {
        length = read(report.get(), &failure, sizeof(failure));
    } while (length < 0 && errno == EINTR);
    if (length != 0) {
        wait_for_status(pid);
        throw Error::from_errno(
            object, to_string(failure.step), failure.error,
            failure.step == Step::exec ? "check that the program can be run" : "run as root");
    }
    Fd handle{open_pidfd(pid)};
    if (!handle.is_open()) {
        const int error = errno;
        kill(pid, SIGKILL);
        wait_for_status(pid);
        throw Error::from_errno(object, "cannot get a handle on it", error,
                                "use Linux 5.3 or later");
    }
    return {pid, std::move(handle), std::move(diagnostics)};
}

// Whether the process of a pidfd ended within `patience`.
bool ends_within(const Fd& handle, std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd wanted{handle.get(), POLLIN, 0};
        const int ready = poll(&wanted, 1, static_cast<int>(std::max<long>(left.count(), 0)));
        if (ready > 0) return true;
        if (ready == 0) return false;
        if (errno != EINTR) {
            throw Error::from_errno("process", "cannot wait for it", errno, "report this as a bug");
        }
    }
}

std::string words_of(const Ended& ended) {
    return fmt::format("it ended with status {}{}{}", ended.status,
                       ended.diagnostics.empty() ? "" : ": ", ended.diagnostics);
}

std::string program_of(pid_t pid) {
    std::error_code error;
    std::string file =
        std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), error).filename();
    // How the kernel marks an executable that was replaced, by an upgrade.
    constexpr std::string_view mark = " (deleted)";
    if (file.ends_with(mark)) file.resize(file.size() - mark.size());
    return file;
}

bool matches(pid_t pid, const ProcessIdentity& identity) {
    if (program_of(pid) != identity.program) return false;
    if (identity.argument.empty()) return true;
    const auto arguments = arguments_of(pid);
    return std::find(arguments.begin(), arguments.end(), identity.argument) != arguments.end();
}

}  // namespace

std::vector<std::string> arguments_of(pid_t pid) {
    std::ifstream file{fmt::format("/proc/{}/cmdline", pid), std::ios::binary};
    std::vector<std::string> arguments;
    for (std::string argument; std::getline(file, argument, '\0');)
        arguments.push_back(argument);
    return arguments;
}

Ended run(const Command& command, std::chrono::milliseconds patience) {
    const Child child = spawn(command);
    if (!ends_within(child.handle, patience)) {
        kill(-child.pid, SIGKILL);  // it leads its own session, and so its group
        wait_for_status(child.pid);
        const std::string diagnostics = read_diagnostics(child.diagnostics);
        throw Error{described(command),
                    fmt::format("it did not end within {} ms{}{}", patience.count(),
                                diagnostics.empty() ? "" : ": ", diagnostics),
                    fmt::format("run `{}` by hand", fmt::join(command.argv, " "))};
    }
    const int status = wait_for_status(child.pid);
    return {status, read_diagnostics(child.diagnostics)};
}

pid_t start(const Command& command, std::chrono::milliseconds settle) {
    const Child child = spawn(command);
    if (ends_within(child.handle, settle)) {
        const int status = wait_for_status(child.pid);
        throw Error{described(command), words_of({status, read_diagnostics(child.diagnostics)}),
                    fmt::format("run `{}` by hand", fmt::join(command.argv, " "))};
    }
    return child.pid;
}

bool is_running(pid_t pid, const ProcessIdentity& identity) {
    return pid > 0 && matches(pid, identity);
}

bool stop(pid_t pid, const ProcessIdentity& identity, std::chrono::milliseconds patience) {
    if (pid <= 0) return false;
    const std::string object = fmt::format("process {}", pid);
    // The handle comes first: whoever it is that is checked next is the one that is ended, also
    // when the pid is used again in between.
    const Fd handle{open_pidfd(pid)};
    if (!handle.is_open()) {
        if (errno == ESRCH) return false;
        throw Error::from_errno(object, "cannot get a handle on it", errno,
                                "use Linux 5.3 or later");
    }
    if (!matches(pid, identity)) return false;
    for (const int signal : {SIGTERM, SIGKILL}) {
        if (send_signal(handle, signal) != 0) {
            if (errno == ESRCH) return true;
            throw Error::from_errno(object, "cannot end it", errno, "run as root");
        }
        if (ends_within(handle, patience)) {
            // Ours when the same command started it; init's otherwise.
            waitpid(pid, nullptr, WNOHANG);
            return true;
        }
    }
    throw Error{object, "it does not end, not even when killed",
                fmt::format("see in `cat /proc/{}/stack` what holds it", pid)};
}

}  // namespace xgre
