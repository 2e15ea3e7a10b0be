// SPDX-License-Identifier: GPL-2.0-only
#include "loader/bpffs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <string>

#include <fmt/format.h>

#include "tests/loader/lab.h"
#include "xgre/error.h"

namespace xgre {
namespace {

TEST(Bpffs, IsThereOnceEnsured) {
    ensure_bpffs();
    ensure_bpffs();
    EXPECT_TRUE(is_bpffs(kBpffsRoot));
}

TEST(Bpffs, IsNoOtherFileSystemAndNoMissingDirectory) {
    EXPECT_FALSE(is_bpffs("/proc"));
    EXPECT_FALSE(is_bpffs("/no/such/directory"));
}

// In a process of its own, because a mount namespace is left only by ending.
int status_in_mount_namespace(const std::function<int()>& action) {
    const pid_t pid = fork();
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) != 0) _exit(101);
        if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) _exit(102);
        _exit(action());
    }
    int status = -1;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(Bpffs, IsNotMountedAnewUnderIpNetnsExec) {
    const test::NamedNetns netns{"exec"};
    const int status = status_in_mount_namespace([&] {
        // What `ip netns exec` does.
        if (setns(open_netns(netns.name()).get(), CLONE_NEWNET) != 0) return 103;
        if (umount2("/sys", MNT_DETACH) != 0) return 104;
        if (mount(netns.name().c_str(), "/sys", "sysfs", 0, nullptr) != 0) return 105;
        try {
            ensure_bpffs();
            return 1;
        } catch (const Error& error) {
            return error.way_out().find("--netns") == std::string::npos ? 2 : 0;
        }
    });
    EXPECT_EQ(status, 0);
}

// Process 1 may be hidden here, so this namespace cannot always be told from the host's; then
// the file system is mounted, and that is seen by nobody else.
TEST(Bpffs, IsMountedOrRefusedWithTheWayOutWhenItIsMissing) {
    const int status = status_in_mount_namespace([] {
        if (umount2(kBpffsRoot, MNT_DETACH) != 0) return 103;
        if (is_bpffs(kBpffsRoot)) return 104;
        try {
            ensure_bpffs();
            return is_bpffs(kBpffsRoot) ? 0 : 1;
        } catch (const Error& error) {
            return error.way_out().empty() ? 2 : 0;
        }
    });
    EXPECT_EQ(status, 0);
}

struct PinName {
    const char* name;
    const char* text;
    bool good;
};
class PinNames : public ::testing::TestWithParam<PinName> {};
TEST_P(PinNames, AreWhatTheKernelTakes) {
    const PinName row = GetParam();
    EXPECT_EQ(is_pin_name(row.text), row.good);
    if (*row.text == '\0') return;
    ensure_bpffs();
    const std::string directory = fmt::format("{}/xgre-test-{}-{}", kBpffsRoot, getpid(), row.text);
    const int made = mkdir(directory.c_str(), 0700);
    EXPECT_EQ(made == 0, row.good);
    if (made == 0) rmdir(directory.c_str());
}
INSTANTIATE_TEST_SUITE_P(Text, PinNames,
                         ::testing::Values(PinName{"Word", "blue", true},
                                           PinName{"DashAndUnderscore", "blue-2_x", true},
                                           PinName{"Dot", "blue.2", false},
                                           PinName{"Slash", "blue/2", false},
                                           PinName{"Empty", "", false}),
                         [](const auto& row) { return std::string{row.param.name}; });

}  // namespace
}  // namespace xgre
