// SPDX-License-Identifier: GPL-2.0-only
#include "loader/bpffs.h"

#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <sstream>
#include <vector>

#include <fmt/format.h>

#include "loader/netns.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::uint32_t kBpfFsMagic = 0xcafe4a11;  // BPF_FS_MAGIC of linux/magic.h

// Whether /sys is the fresh one of `ip netns exec NAME`, which carries NAME as its source in
// /proc/self/mountinfo: `42 23 0:39 / /sys rw - sysfs NAME rw`.
bool is_netns_exec() {
    std::ifstream mounts{"/proc/self/mountinfo"};
    std::string source;
    for (std::string line; std::getline(mounts, line);) {
        std::istringstream fields{line};
        std::string id, parent, device, root, place, field, type, from;
        fields >> id >> parent >> device >> root >> place;
        while (fields >> field && field != "-") {
        }
        fields >> type >> from;
        if (place == "/sys" && type == "sysfs") source = from;
    }
    const std::vector<std::string> names = list_netns();
    return std::binary_search(names.begin(), names.end(), source);
}

// A BPF file system mounted in a mount namespace of our own would be another than everybody
// else's: the pins would seem to be gone, and ours would be lost.
bool mounts_are_private() {
    struct stat own{};
    struct stat first{};
    // A sandbox may hide process 1.
    const bool differ = stat("/proc/self/ns/mnt", &own) == 0 &&
                        stat("/proc/1/ns/mnt", &first) == 0 && own.st_ino != first.st_ino;
    return differ || is_netns_exec();
}

}  // namespace

bool is_bpffs(const std::string& directory) {
    struct statfs info{};
    if (statfs(directory.c_str(), &info) != 0) return false;
    return static_cast<std::uint32_t>(info.f_type) == kBpfFsMagic;
}

void ensure_bpffs() {
    if (is_bpffs(kBpffsRoot)) return;
    if (mounts_are_private()) {
        throw Error{kBpffsRoot, "the BPF file system is hidden in this mount namespace",
                    "run `xgre --netns NAME ...` instead of `ip netns exec NAME xgre ...`"};
    }
    struct stat directory{};
    if (stat(kBpffsRoot, &directory) != 0) {
        throw Error::from_errno(kBpffsRoot, "no place for the BPF file system", errno,
                                "run `mount -t sysfs sysfs /sys`, on a kernel with "
                                "CONFIG_BPF_SYSCALL");
    }
    if (mount("bpf", kBpffsRoot, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0) {
        throw Error::from_errno(kBpffsRoot, "cannot mount the BPF file system", errno,
                                fmt::format("run `mount -t bpf bpf {}` as root", kBpffsRoot));
    }
}

bool is_pin_name(std::string_view name) {
    return !name.empty() && name.size() <= NAME_MAX &&
           std::none_of(name.begin(), name.end(), [](char c) { return c == '.' || c == '/'; });
}

}  // namespace xgre
