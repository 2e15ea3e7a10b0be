// SPDX-License-Identifier: GPL-2.0-only
// kill -9 in the middle of a change: exactly at a system call, so that a test meets every one.
#pragma once

#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <exception>
#include <functional>
#include <stdexcept>

namespace xgre::test {

enum class Fate { killed, done, failed };

namespace detail {

template <typename T>
T peek(pid_t pid, std::uint64_t address) {
    T value{};
    iovec here{&value, sizeof(value)};
    iovec there{reinterpret_cast<void*>(address), sizeof(value)};
    process_vm_readv(pid, &here, 1, &there, 1, 0);
    return value;
}

// A question to rtnetlink is no change; its numbers are 2 modulo 4.
inline bool asks_only(pid_t pid, std::uint64_t message_address) {
    const auto message = peek<msghdr>(pid, message_address);
    const auto part = peek<iovec>(pid, reinterpret_cast<std::uint64_t>(message.msg_iov));
    const auto header = peek<nlmsghdr>(pid, reinterpret_cast<std::uint64_t>(part.iov_base));
    return header.nlmsg_type >= RTM_BASE && header.nlmsg_type % 4 == 2;
}

inline bool changes_state(pid_t pid, const __ptrace_syscall_info& call) {
    const auto& arguments = call.entry.args;
    switch (call.entry.nr) {
        case SYS_bpf:
            switch (arguments[0]) {
                case BPF_MAP_UPDATE_ELEM:
                case BPF_MAP_DELETE_ELEM:
                case BPF_OBJ_PIN:
                case BPF_PROG_TEST_RUN:
                case BPF_LINK_CREATE:
                case BPF_LINK_UPDATE:
                    return true;
                default:
                    return false;
            }
        case SYS_sendmsg:
            return !asks_only(pid, arguments[1]);
        case SYS_openat:
            return (arguments[2] & O_CREAT) != 0;
        case SYS_clone:
        case SYS_clone3:
        case SYS_ioctl:
        case SYS_link:
        case SYS_mkdir:
        case SYS_mount:
        case SYS_pidfd_send_signal:
        case SYS_rename:
        case SYS_rmdir:
        case SYS_umount2:
        case SYS_unlink:
        case SYS_unshare:
        case SYS_write:
            return true;
        default:
            return false;
    }
}

}  // namespace detail

// Runs `action` in a child process and kills that as it enters its `nth` (from 0) system call that
// may change the kernel's or the file system's state. What it starts is not killed with it.
inline Fate run_and_kill_at(int nth, const std::function<void()>& action) {
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error{"cannot fork"};
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        try {
            action();
        } catch (const std::exception&) {
            _exit(1);
        }
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ptrace(PTRACE_SETOPTIONS, child, nullptr,
           PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE);
    ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    for (;;) {
        const pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0) {
            if (errno == EINTR) continue;
            throw std::runtime_error{"lost the child"};
        }
        if (!WIFSTOPPED(status)) {
            if (thread != child) continue;
            if (WIFSIGNALED(status)) return Fate::killed;
            return WEXITSTATUS(status) == 0 ? Fate::done : Fate::failed;
        }
        long signal = 0;
        if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            __ptrace_syscall_info call{};
            ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(call), &call);
            if (call.op == PTRACE_SYSCALL_INFO_ENTRY && detail::changes_state(thread, call) &&
                nth-- == 0) {
                kill(child, SIGKILL);
            }
        } else if (status >> 8 != (SIGTRAP | PTRACE_EVENT_CLONE << 8) &&
                   WSTOPSIG(status) != SIGSTOP) {
            signal = WSTOPSIG(status);
        }
        ptrace(PTRACE_SYSCALL, thread, nullptr, signal);
    }
}

}  // namespace xgre::test
