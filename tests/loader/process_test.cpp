// SPDX-License-Identifier: GPL-2.0-only
#include "loader/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "tests/loader/lab.h"

namespace xgre {
namespace {

using namespace std::chrono_literals;
using test::expect_error_about;
using test::NamedNetns;

// The script is the test's; the library itself starts no shell.
Command shell(const std::string& script) {
    return {{"/bin/sh", "-c", script}};
}

std::string target_of(const std::string& link) {
    return std::filesystem::read_symlink(link).string();
}

TEST(Run, GivesStatusAndDiagnostics) {
    const Ended ended = run(shell("echo words >&2; exit 3"), 10s);
    EXPECT_EQ(ended.status, 3);
    EXPECT_EQ(ended.diagnostics, "words");
}

TEST(Run, TellsASignalFromAStatus) {
    EXPECT_EQ(run(shell("kill -9 $$"), 10s).status, 128 + 9);
}

TEST(Run, PassesArgumentsAsTheyAre) {
    const std::string argument = "a b; exit 9 $(exit 9) '\"";
    const Ended ended = run({{"/bin/sh", "-c", "printf %s \"$1\" >&2", "sh", argument}}, 10s);
    EXPECT_EQ(ended.status, 0);
    EXPECT_EQ(ended.diagnostics, argument);
}

TEST(Run, KeepsTheBeginningOfEndlessDiagnostics) {
    const Ended ended = run(shell("head -c 1000000 /dev/zero | tr '\\0' x >&2"), 10s);
    EXPECT_EQ(ended.diagnostics, std::string(64 * 1024, 'x'));
}

TEST(Run, SaysWhichProgramIsMissing) {
    expect_error_about("no-such-program", [] { run({{"no-such-program"}}, 10s); });
    expect_error_about("/no/such/program", [] { run({{"/no/such/program"}}, 10s); });
    expect_error_about("/etc/passwd", [] { run({{"/etc/passwd"}}, 10s); });
}

TEST(Run, KillsWhatTakesTooLong) {
    const auto began = std::chrono::steady_clock::now();
    expect_error_about("/bin/sh", [] { run(shell("echo stuck >&2; sleep 60"), 50ms); });
    EXPECT_LT(std::chrono::steady_clock::now() - began, 30s);
}

TEST(Run, IsInTheGivenNamespaceAndWeAreNot) {
    const NamedNetns other{"other"};
    const std::string here = target_of("/proc/thread-self/ns/net");
    const Fd netns = open_netns(other.name());
    Command command = shell("readlink /proc/self/ns/net >&2");
    command.netns = &netns;
    const Ended ended = run(command, 10s);
    EXPECT_EQ(target_of("/proc/thread-self/ns/net"), here);
    const NetnsScope scope = other.enter();
    EXPECT_EQ(ended.diagnostics, target_of("/proc/thread-self/ns/net"));
}

TEST(Run, RefusesANamespaceThatIsNone) {
    const Fd file{open("/dev/null", O_RDONLY | O_CLOEXEC)};
    Command command = shell("exit 0");
    command.netns = &file;
    expect_error_about("/bin/sh", [&] { run(command, 10s); });
}

TEST(Run, LeaksNoDescriptorIntoTheProgram) {
    const Fd careless{open("/dev/null", O_RDONLY)};  // without O_CLOEXEC
    const Ended ended = run(shell("exec >&2; ls /proc/$$/fd"), 10s);
    EXPECT_EQ(ended.diagnostics, "0\n1\n2");
}

TEST(Run, GivesDefaultSignalsToTheProgram) {
    struct sigaction ignored{};
    struct sigaction before{};
    ignored.sa_handler = SIG_IGN;
    ASSERT_EQ(sigaction(SIGUSR1, &ignored, &before), 0);
    const Ended ended = run(shell("kill -USR1 $$"), 10s);
    sigaction(SIGUSR1, &before, nullptr);
    EXPECT_EQ(ended.status, 128 + SIGUSR1);
}

TEST(Start, StopsWhatItStarted) {
    const ProcessIdentity identity{"sleep", "61"};
    const pid_t pid = start({{"sleep", "61"}}, 0ms);
    EXPECT_TRUE(is_running(pid, identity));
    EXPECT_TRUE(stop(pid, identity));
    EXPECT_FALSE(is_running(pid, identity));
    EXPECT_FALSE(stop(pid, identity));
    EXPECT_EQ(waitpid(pid, nullptr, WNOHANG), -1) << "it left a zombie";
}

TEST(Start, ThrowsTheDiagnosticsOfWhatEndsAtOnce) {
    const auto error = test::error_of([] { start(shell("echo bad option >&2; exit 2"), 10s); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->cause(), "it ended with status 2: bad option");
}

TEST(Stop, LeavesAnotherProgramOfThatPidAlone) {
    const pid_t pid = start({{"sleep", "62"}}, 0ms);
    EXPECT_FALSE(is_running(pid, {"dnsmasq", ""}));
    EXPECT_FALSE(stop(pid, {"dnsmasq", ""}));
    EXPECT_FALSE(stop(pid, {"sleep", "6"}));
    EXPECT_TRUE(is_running(pid, {"sleep", ""}));
    EXPECT_TRUE(stop(pid, {"sleep", "62"}));
}

TEST(Stop, KillsWhatDoesNotListen) {
    // It ignores SIGTERM before it makes the file; then it is asked.
    const std::string file = fmt::format("/tmp/xgre-test-{}-ready", getpid());
    const pid_t pid =
        start(shell(fmt::format("trap '' TERM; : > {}; while :; do sleep 1; done", file)), 0ms);
    while (!std::filesystem::exists(file))
        sched_yield();
    const std::string program = std::filesystem::canonical("/bin/sh").filename();
    EXPECT_TRUE(stop(pid, {program, ""}, 100ms));
    EXPECT_FALSE(is_running(pid, {program, ""}));
    std::filesystem::remove(file);
}

TEST(Stop, HasNothingToDoForNoPid) {
    EXPECT_FALSE(stop(0, {"sleep", ""}));
    EXPECT_FALSE(stop(-1, {"sleep", ""}));
}

}  // namespace
}  // namespace xgre
