// SPDX-License-Identifier: GPL-2.0-only
#include "loader/lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <fstream>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::chrono::milliseconds kBetweenTries{20};

}  // namespace

// /proc/locks has lines like `1: FLOCK  ADVISORY  WRITE 4711 00:1f:1 0 EOF`.
std::optional<long> holder_of(const Fd& file) {
    struct stat inode{};
    if (fstat(file.get(), &inode) != 0) return std::nullopt;
    const std::string wanted =
        fmt::format("{:02x}:{:02x}:{}", major(inode.st_dev), minor(inode.st_dev), inode.st_ino);
    std::ifstream locks{"/proc/locks"};
    std::string number, type, mode, access, where, rest;
    long pid = 0;
    while (locks >> number >> type >> mode >> access >> pid >> where && std::getline(locks, rest)) {
        if (type == "FLOCK" && where == wanted && pid > 0) return pid;
    }
    return std::nullopt;
}

InstanceLock InstanceLock::acquire(const std::string& directory,
                                   std::chrono::milliseconds patience) {
    Fd file{open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!file.is_open()) {
        throw Error::from_errno(directory, "cannot open it to lock it", errno,
                                "run as root, with the BPF file system mounted");
    }
    // flock() has no time limit of its own, and a signal to end its wait would be the whole
    // process's.
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EINTR) continue;
        if (errno != EWOULDBLOCK) {
            throw Error::from_errno(directory, "cannot lock it", errno, "run as root");
        }
        if (std::chrono::steady_clock::now() >= deadline) {
            const auto holder = holder_of(file);
            throw Error{
                directory,
                fmt::format("another command has held the lock for {} ms", patience.count()),
                holder ? fmt::format("wait for process {}, or end it", *holder)
                       : std::string{"find the other command with `fuser -v "} + directory + "`"};
        }
        std::this_thread::sleep_for(kBetweenTries);
    }
    return InstanceLock{std::move(file)};
}

}  // namespace xgre
