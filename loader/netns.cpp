// SPDX-License-Identifier: GPL-2.0-only
#include "loader/netns.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <filesystem>
#include <future>

#include <fmt/format.h>

#include "xgre/error.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71  // Linux 5.14
#endif

namespace xgre {
namespace {

constexpr const char* kCurrentNetns = "/proc/thread-self/ns/net";

std::string described(const std::string& name) {
    return fmt::format("namespace {}", name);
}

std::string path_of(const std::string& name) {
    if (name.empty() || name == "." || name == ".." || name.size() > NAME_MAX ||
        name.find('/') != std::string::npos) {
        throw Error{fmt::format("namespace '{}'", name), "that is no name for a namespace",
                    "give a file name without slashes, such as `ip netns list` shows"};
    }
    return fmt::format("{}/{}", kNetnsDirectory, name);
}

// setns() takes us somewhere only for the network; everything else stays the caller's.
void enter(const Fd& netns, const std::string& object) {
    if (setns(netns.get(), CLONE_NEWNET) != 0) {
        const int error = errno;
        throw Error::from_errno(object, "cannot enter it", error,
                                error == EINVAL
                                    ? "give the name of a network namespace: `ip netns list`"
                                    : "run as root");
    }
}

// As iproute2 does it: a shared mount, so that namespaces added or deleted under another mount
// namespace (`ip netns exec`, systemd units) are added and deleted for all.
void share_netns_directory() {
    if (mkdir(kNetnsDirectory, 0755) != 0 && errno != EEXIST) {
        throw Error::from_errno(kNetnsDirectory, "cannot make the directory", errno, "run as root");
    }
    if (mount("", kNetnsDirectory, "none", MS_SHARED | MS_REC, nullptr) == 0) return;
    // EINVAL: it is no mount point yet.
    if (errno != EINVAL) {
        throw Error::from_errno(kNetnsDirectory, "cannot share the mount", errno, "run as root");
    }
    if (mount(kNetnsDirectory, kNetnsDirectory, "none", MS_BIND | MS_REC, nullptr) != 0) {
        throw Error::from_errno(kNetnsDirectory, "cannot bind it to itself", errno, "run as root");
    }
    if (mount("", kNetnsDirectory, "none", MS_SHARED | MS_REC, nullptr) != 0) {
        throw Error::from_errno(kNetnsDirectory, "cannot share the mount", errno, "run as root");
    }
}

// Two commands that both find no mount would bind the directory twice. Recent iproute2 takes
// the same lock.
Fd lock_netns_directory() {
    Fd directory{open(kNetnsDirectory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (directory.is_open()) {
        while (flock(directory.get(), LOCK_EX) != 0 && errno == EINTR) {
        }
    }
    return directory;
}

// In a thread of its own, which is the only one that changes its namespace.
void bind_new_netns(const std::string& path, const std::string& object) {
    if (unshare(CLONE_NEWNET) != 0) {
        throw Error::from_errno(object, "cannot make a namespace", errno, "run as root");
    }
    if (mount(kCurrentNetns, path.c_str(), "none", MS_BIND, nullptr) != 0) {
        throw Error::from_errno(object, "cannot give it its name", errno, "run as root");
    }
}

}  // namespace

Fd open_netns(const std::string& name) {
    Fd netns{open(path_of(name).c_str(), O_RDONLY | O_CLOEXEC)};
    if (!netns.is_open()) {
        throw Error::from_errno(described(name), "cannot open it", errno,
                                "see `ip netns list` for those there are");
    }
    return netns;
}

Fd open_current_netns() {
    Fd netns{open(kCurrentNetns, O_RDONLY | O_CLOEXEC)};
    if (!netns.is_open()) {
        throw Error::from_errno("current namespace", "cannot open it", errno,
                                "check that /proc is mounted");
    }
    return netns;
}

NetnsScope::NetnsScope(const std::string& name) : NetnsScope{open_netns(name), described(name)} {}

NetnsScope::NetnsScope(const Fd& netns, const std::string& object)
    : origin_{open_current_netns()}, thread_{gettid()} {
    xgre::enter(netns, object);
}

NetnsScope::NetnsScope(Fd origin) : origin_{std::move(origin)}, thread_{gettid()} {
    if (unshare(CLONE_NEWNET) != 0)
        throw Error::from_errno("a network namespace", "cannot make one", errno, "run as root");
}

NetnsScope NetnsScope::enter_new() {
    return NetnsScope{open_current_netns()};
}

NetnsScope::~NetnsScope() {
    if (gettid() == thread_ && setns(origin_.get(), CLONE_NEWNET) == 0) return;
    // No way on: whatever ran next would change another host's network.
    std::fputs("xgre: cannot get back to the network namespace it came from\n", stderr);
    std::terminate();
}

std::uint64_t netns_cookie() {
    const Fd any{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!any.is_open()) {
        throw Error::from_errno("current namespace", "cannot open a socket in it", errno,
                                "check the limit on open files");
    }
    std::uint64_t cookie = 0;
    socklen_t size = sizeof(cookie);
    if (getsockopt(any.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0) return cookie;
    if (errno != ENOPROTOOPT) {
        throw Error::from_errno("current namespace", "cannot tell its cookie", errno,
                                "report this as a bug");
    }
    struct stat inode{};
    if (stat(kCurrentNetns, &inode) != 0) {
        throw Error::from_errno("current namespace", "cannot tell its inode", errno,
                                "check that /proc is mounted");
    }
    return inode.st_ino;
}

std::optional<std::string> netns_of_cookie(std::uint64_t cookie) {
    for (std::string& name : list_netns()) {
        try {
            const NetnsScope scope = NetnsScope::enter(name);
            if (netns_cookie() == cookie) return std::move(name);
        } catch (const Error&) {
            continue;  // an ordinary file among the namespaces, or one just deleted
        }
    }
    return std::nullopt;
}

void create_netns(const std::string& name) {
    const std::string path = path_of(name);
    if (mkdir(kNetnsDirectory, 0755) != 0 && errno != EEXIST) {
        throw Error::from_errno(kNetnsDirectory, "cannot make the directory", errno, "run as root");
    }
    const Fd lock = lock_netns_directory();
    share_netns_directory();
    const Fd file{open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0)};
    if (!file.is_open()) {
        const int error = errno;
        throw Error::from_errno(described(name), "cannot create it", error,
                                error == EEXIST
                                    ? fmt::format("use it, or `ip netns del {}` first", name)
                                    : "run as root");
    }
    try {
        std::async(std::launch::async, [&] { bind_new_netns(path, described(name)); }).get();
    } catch (...) {
        unlink(path.c_str());
        throw;
    }
}

void delete_netns(const std::string& name) {
    const std::string path = path_of(name);
    // EINVAL: a file that is no mount, left by a command that was killed; it goes all the same.
    if (umount2(path.c_str(), MNT_DETACH) != 0 && errno != EINVAL) {
        throw Error::from_errno(described(name), "cannot unmount it", errno,
                                "see `ip netns list` for those there are");
    }
    if (unlink(path.c_str()) != 0) {
        throw Error::from_errno(described(name), "cannot remove its name", errno, "run as root");
    }
}

std::vector<std::string> list_netns() {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry{kNetnsDirectory, error}, end;
         !error && entry != end; entry.increment(error)) {
        names.push_back(entry->path().filename());
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        throw Error::from_errno(kNetnsDirectory, "cannot list it", error.value(), "run as root");
    }
    std::sort(names.begin(), names.end());
    return names;
}

bool netns_exists(const std::string& name) {
    struct stat inode{};
    return stat(path_of(name).c_str(), &inode) == 0;
}

}  // namespace xgre
