// SPDX-License-Identifier: GPL-2.0-only
#include "tests/e2e/stepper.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>

#include "loader/fd.h"

namespace xgre::test {
namespace {

// Newer than Debian 12's header; see uapi/linux/bpf.h.
enum BpfCommand : std::uint64_t {
    kMapUpdate = 2,
    kMapDelete = 3,
    kObjectPin = 6,
    kProgramAttach = 8,
    kProgramDetach = 9,
    kProgramRun = 10,
    kMapDeleteBatch = 27,
    kLinkCreate = 28,
    kLinkUpdate = 29,
    kLinkDetach = 34,
};

template <typename T>
std::optional<T> peek(pid_t thread, std::uint64_t address) {
    T value{};
    iovec here{.iov_base = &value, .iov_len = sizeof(value)};
    iovec there{.iov_base = reinterpret_cast<void*>(address), .iov_len = sizeof(value)};
    if (process_vm_readv(thread, &here, 1, &there, 1, 0) != sizeof(value)) return std::nullopt;
    return value;
}

std::string text_at(pid_t thread, std::uint64_t address) {
    std::string text;
    for (auto byte = peek<char>(thread, address); byte && *byte != 0 && text.size() < 80;
         byte = peek<char>(thread, address + text.size()))
        text += *byte;
    return text;
}

// The name of a map or a program that the thread has open.
std::string object_name(pid_t thread, std::uint64_t attributes) {
    const auto number = peek<std::uint32_t>(thread, attributes);
    if (!number) return {};
    std::ifstream file{fmt::format("/proc/{}/fdinfo/{}", thread, *number)};
    std::string field;
    std::uint32_t id = 0;
    while (file >> field) {
        if ((field != "map_id:" && field != "prog_id:") || !(file >> id)) continue;
        const bool is_map = field == "map_id:";
        const Fd object{is_map ? bpf_map_get_fd_by_id(id) : bpf_prog_get_fd_by_id(id)};
        bpf_map_info map{};
        bpf_prog_info program{};
        std::uint32_t size = is_map ? sizeof(map) : sizeof(program);
        void* const info = is_map ? static_cast<void*>(&map) : &program;
        if (bpf_obj_get_info_by_fd(object.get(), info, &size) != 0) return {};
        return is_map ? map.name : program.name;
    }
    return {};
}

std::optional<std::string> describe_bpf(pid_t thread, std::uint64_t command,
                                        std::uint64_t attributes) {
    switch (command) {
        case kMapUpdate:
            return "bpf map update " + object_name(thread, attributes);
        case kMapDelete:
        case kMapDeleteBatch:
            return "bpf map delete " + object_name(thread, attributes);
        case kObjectPin: {
            const auto path = peek<std::uint64_t>(thread, attributes);
            return "bpf pin " + (path ? text_at(thread, *path) : std::string{});
        }
        case kProgramAttach:
        case kProgramDetach:
            return "bpf program attach or detach";
        case kProgramRun:
            return "bpf program run " + object_name(thread, attributes);
        case kLinkCreate:
            return "bpf link create";
        case kLinkUpdate:
            return "bpf link update";
        case kLinkDetach:
            return "bpf link detach";
        default:  // reads, or makes what only a descriptor holds
            return std::nullopt;
    }
}

// Requests that read have types 2, 6, 10, ... (RTM_GET*).
std::optional<std::string> describe_message(std::optional<nlmsghdr> header) {
    if (!header) return "send";
    if (header->nlmsg_type >= NLMSG_MIN_TYPE && header->nlmsg_type % 4 == 2) return std::nullopt;
    return fmt::format("netlink message {}", header->nlmsg_type);
}

std::optional<nlmsghdr> message_of(pid_t thread, std::uint64_t address) {
    const auto message = peek<msghdr>(thread, address);
    if (!message || message->msg_iovlen == 0) return std::nullopt;
    const auto part = peek<iovec>(thread, reinterpret_cast<std::uint64_t>(message->msg_iov));
    if (!part) return std::nullopt;
    return peek<nlmsghdr>(thread, reinterpret_cast<std::uint64_t>(part->iov_base));
}

std::optional<std::string> describe_open(pid_t thread, std::uint64_t path, std::uint64_t flags) {
    const std::string name = text_at(thread, path);
    if ((flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY || name == "/dev/null")
        return std::nullopt;
    return "open for writing " + name;
}

// nullopt: it changes nothing that outlives the process.
std::optional<std::string> describe(pid_t thread, const __ptrace_syscall_info& call) {
    const auto& arguments = call.entry.args;
    switch (call.entry.nr) {
        case SYS_bpf:
            return describe_bpf(thread, arguments[0], arguments[1]);
        case SYS_sendmsg:
            return describe_message(message_of(thread, arguments[1]));
        case SYS_sendto:
            return describe_message(peek<nlmsghdr>(thread, arguments[1]));
        case SYS_openat:
            return describe_open(thread, arguments[1], arguments[2]);
        case SYS_write:
        case SYS_pwrite64:
        case SYS_writev:
        case SYS_ftruncate:
            if (arguments[0] <= STDERR_FILENO) return std::nullopt;
            return "write";
        case SYS_mkdirat:
            return "mkdir " + text_at(thread, arguments[1]);
        case SYS_unlinkat:
            return "unlink " + text_at(thread, arguments[1]);
        case SYS_renameat:
        case SYS_renameat2:
            return "rename " + text_at(thread, arguments[1]);
#ifdef SYS_mkdir  // newer architectures have only the calls above
        case SYS_mkdir:
            return "mkdir " + text_at(thread, arguments[0]);
        case SYS_rmdir:
            return "rmdir " + text_at(thread, arguments[0]);
        case SYS_unlink:
            return "unlink " + text_at(thread, arguments[0]);
        case SYS_rename:
            return "rename " + text_at(thread, arguments[0]);
        case SYS_open:
            return describe_open(thread, arguments[0], arguments[1]);
        case SYS_chown:
        case SYS_chmod:
        case SYS_fork:
        case SYS_vfork:
            return fmt::format("older system call {}", call.entry.nr);
#endif
        case SYS_fchownat:
        case SYS_fchown:
        case SYS_fchmodat:
        case SYS_fchmod:
        case SYS_mount:
        case SYS_umount2:
        case SYS_ioctl:
        case SYS_unshare:
        case SYS_clone:
        case SYS_clone3:
        case SYS_kill:
            return fmt::format("system call {}", call.entry.nr);
        default:
            return std::nullopt;
    }
}

class Traced {
public:
    Traced(const std::vector<std::string>& argv, std::optional<KillPoint> kill)
        : errors_{memfd_create("errors", MFD_CLOEXEC)}, kill_{kill} {
        start(argv);
    }

    Stepped run() {
        while (!ended_) {
            int status = 0;
            // Its threads, which are of its group; other children of the test are not.
            const pid_t thread = waitpid(-process_, &status, __WALL);
            if (thread < 0 && errno == EINTR) continue;
            if (thread < 0) throw std::runtime_error{"the traced command is lost"};
            handle(thread, status);
        }
        std::array<char, 16384> text{};
        const ssize_t size = pread(errors_.get(), text.data(), text.size(), 0);
        if (size > 0) result_.diagnostics.assign(text.data(), static_cast<std::size_t>(size));
        return std::move(result_);
    }

private:
    void start(const std::vector<std::string>& argv) {
        std::vector<char*> words;
        words.reserve(argv.size() + 1);
        for (const std::string& word : argv)
            words.push_back(const_cast<char*>(word.c_str()));
        words.push_back(nullptr);
        const Fd null{open("/dev/null", O_RDWR | O_CLOEXEC)};
        process_ = fork();
        if (process_ < 0) throw std::runtime_error{"cannot fork"};
        if (process_ == 0) {
            setpgid(0, 0);
            dup2(null.get(), STDIN_FILENO);
            dup2(null.get(), STDOUT_FILENO);
            dup2(errors_.get(), STDERR_FILENO);
            ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
            raise(SIGSTOP);
            execv(words[0], words.data());
            _exit(127);
        }
        int status = 0;
        if (waitpid(process_, &status, __WALL) != process_ || !WIFSTOPPED(status))
            throw std::runtime_error{"cannot trace"};
        // Threads, by CLONE, but no children, which are not the command and outlive it.
        ptrace(PTRACE_SETOPTIONS, process_, nullptr,
               PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
        go_on(process_);
    }

    static void go_on(pid_t thread, int signal = 0) {
        ptrace(PTRACE_SYSCALL, thread, nullptr, static_cast<std::uintptr_t>(signal));
    }

    void handle(pid_t thread, int status) {
        if (!WIFSTOPPED(status)) {
            if (thread != process_) return;
            ended_ = true;
            result_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            return;
        }
        const int signal = WSTOPSIG(status);
        if (signal == (SIGTRAP | 0x80)) {
            at_call(thread);
        } else {
            // SIGSTOP greets a new thread, SIGTRAP a new program.
            go_on(thread, signal == SIGSTOP || signal == SIGTRAP ? 0 : signal);
        }
    }

    void at_call(pid_t thread) {
        __ptrace_syscall_info call{};
        if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(call), &call) <= 0) return go_on(thread);
        if (call.op == PTRACE_SYSCALL_INFO_EXIT && thread == caller_) return shoot();
        if (call.op != PTRACE_SYSCALL_INFO_ENTRY) return go_on(thread);
        if (auto text = describe(thread, call)) {
            result_.calls.push_back(std::move(*text));
            if (kill_ && result_.calls.size() == kill_->call + 1) {
                if (!kill_->after) return shoot();
                caller_ = thread;
            }
        }
        go_on(thread);
    }

    // A thread that is stopped before its call never makes it: SIGKILL comes first.
    void shoot() {
        ::kill(process_, SIGKILL);
        result_.killed = true;
        caller_ = 0;
        kill_.reset();
    }

    Fd errors_;
    std::optional<KillPoint> kill_;
    pid_t process_ = 0;
    pid_t caller_ = 0;  // who made the call after which to kill
    bool ended_ = false;
    Stepped result_;
};

}  // namespace

Stepped step(const std::vector<std::string>& argv, std::optional<KillPoint> kill) {
    return Traced{argv, kill}.run();
}

}  // namespace xgre::test
