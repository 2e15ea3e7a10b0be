// SPDX-License-Identifier: GPL-2.0-only
#include "loader/lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "tests/loader/lab.h"

namespace xgre {
namespace {

using namespace std::chrono_literals;
using test::expect_error_about;

// A directory of the test's own: the real one is locked by whatever else runs on this machine.
class Lock : public ::testing::Test {
protected:
    Lock() {
        std::string path = "/tmp/xgre-test-XXXXXX";
        directory = mkdtemp(path.data());
    }
    ~Lock() override { std::filesystem::remove(directory); }

    std::string directory;
};

TEST_F(Lock, IsFreeAgainAfterItsLife) {
    {
        const InstanceLock lock = InstanceLock::acquire(directory, 0ms);
    }
    const InstanceLock again = InstanceLock::acquire(directory, 0ms);
    EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(Lock, HeldTooLongIsAnErrorThatNamesTheHolder) {
    const InstanceLock lock = InstanceLock::acquire(directory, 0ms);
    const auto error = test::error_of([&] { InstanceLock::acquire(directory, 50ms); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->object(), directory);
    EXPECT_EQ(error->way_out(), fmt::format("wait for process {}, or end it", getpid()));
}

TEST_F(Lock, IsWaitedFor) {
    auto lock = std::make_unique<InstanceLock>(InstanceLock::acquire(directory, 0ms));
    auto waiting =
        std::async(std::launch::async, [&] { return InstanceLock::acquire(directory, 10s); });
    EXPECT_EQ(waiting.wait_for(60ms), std::future_status::timeout);
    lock.reset();
    const InstanceLock other = waiting.get();
}

TEST_F(Lock, DiesWithItsProcess) {
    std::array<int, 2> ends{};
    ASSERT_EQ(pipe(ends.data()), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const InstanceLock lock = InstanceLock::acquire(directory, 0ms);
        const ssize_t written = write(ends[1], "x", 1);
        pause();
        _exit(written == 1 ? 0 : 1);
    }
    char ready = 0;
    ASSERT_EQ(read(ends[0], &ready, 1), 1);
    expect_error_about(directory, [&] { InstanceLock::acquire(directory, 0ms); });
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    const InstanceLock lock = InstanceLock::acquire(directory, 0ms);
    close(ends[0]);
    close(ends[1]);
}

TEST_F(Lock, WorksOnTheBpfFileSystem) {
    ensure_bpffs();
    const InstanceLock lock = InstanceLock::acquire();
    expect_error_about(kBpffsRoot, [] { InstanceLock::acquire(kBpffsRoot, 0ms); });
}

TEST_F(Lock, NeedsADirectory) {
    expect_error_about("/no/such", [] { InstanceLock::acquire("/no/such", 0ms); });
}

}  // namespace
}  // namespace xgre
