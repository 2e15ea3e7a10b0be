// SPDX-License-Identifier: GPL-2.0-only
#include "loader/netns.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>

#include "loader/bpffs.h"
#include "loader/process.h"
#include "tests/loader/lab.h"

namespace xgre {
namespace {

using test::expect_error_about;
using test::FreshNetns;
using test::NamedNetns;

ino_t inode_of(const Fd& file) {
    struct stat inode{};
    EXPECT_EQ(fstat(file.get(), &inode), 0);
    return inode.st_ino;
}
ino_t current() {
    return inode_of(open_current_netns());
}

TEST(NetnsScope, IsInTheNamespaceAndReturns) {
    const NamedNetns other{"other"};
    const ino_t here = current();
    {
        const NetnsScope scope = other.enter();
        EXPECT_EQ(current(), inode_of(open_netns(other.name())));
        EXPECT_NE(current(), here);
    }
    EXPECT_EQ(current(), here);
}

TEST(NetnsScope, ReturnsAfterAnException) {
    const NamedNetns other{"other"};
    const ino_t here = current();
    EXPECT_THROW(
        {
            const NetnsScope scope = other.enter();
            throw std::runtime_error{"inside"};
        },
        std::runtime_error);
    EXPECT_EQ(current(), here);
}

TEST(NetnsScope, ReturnsToTheOuterScopeWhenNested) {
    const NamedNetns outer{"outer"};
    const NamedNetns inner{"inner"};
    const NetnsScope in_outer = outer.enter();
    const ino_t there = current();
    {
        const NetnsScope in_inner = inner.enter();
    }
    EXPECT_EQ(current(), there);
}

TEST(NetnsScope, OutlivesTheHandleItWasGiven) {
    const NamedNetns other{"other"};
    const ino_t here = current();
    {
        Fd handle = open_netns(other.name());
        const NetnsScope scope = NetnsScope::enter(handle, "the other one");
        handle = Fd{};
        EXPECT_NE(current(), here);
    }
    EXPECT_EQ(current(), here);
}

TEST(NetnsScope, LeavesOtherThreadsWhereTheyAre) {
    const NamedNetns other{"other"};
    const ino_t here = current();
    const NetnsScope scope = other.enter();
    ino_t seen = 0;
    std::thread{[&] {
        seen = inode_of(Fd{open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)});
    }}.join();
    // /proc/self is the process: its first thread, which is this one.
    EXPECT_EQ(seen, current());
    EXPECT_NE(seen, here);
}

TEST(NetnsScope, LeavesTheBpfFileSystemVisible) {
    ensure_bpffs();
    const NamedNetns other{"other"};
    const NetnsScope scope = other.enter();
    EXPECT_TRUE(is_bpffs(kBpffsRoot));
}

TEST(NetnsScope, RefusesANamespaceThatDoesNotExistAndStays) {
    const ino_t here = current();
    expect_error_about("xgre-test-none", [] { NetnsScope::enter("xgre-test-none"); });
    EXPECT_EQ(current(), here);
}

TEST(NetnsScope, RefusesAFileThatIsNoNamespaceAndStays) {
    const ino_t here = current();
    const Fd file{open("/dev/null", O_RDONLY | O_CLOEXEC)};
    expect_error_about("a file", [&] { NetnsScope::enter(file, "a file"); });
    EXPECT_EQ(current(), here);
}

TEST(NetnsScopeDeathTest, EndsTheProcessInAnotherThreadThanItBeganIn) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            auto* const scope =
                new NetnsScope{NetnsScope::enter(open_current_netns(), "the current one")};
            std::thread{[=] { delete scope; }}.join();
        },
        "cannot get back");
}

TEST(Netns, CreatedIsListedUsableAndGoneAfterDeletion) {
    std::string name;
    {
        const NamedNetns fresh{"fresh"};
        name = fresh.name();
        EXPECT_TRUE(netns_exists(name));
        const auto names = list_netns();
        EXPECT_TRUE(std::binary_search(names.begin(), names.end(), name));
        const NetnsScope scope = fresh.enter();
        const auto links = NlSocket::open().list_links();
        ASSERT_EQ(links.size(), 1u);
        EXPECT_EQ(links.front().name, "lo");
        EXPECT_FALSE(links.front().up);
    }
    EXPECT_FALSE(netns_exists(name));
}

TEST(Netns, CreationLeavesTheCallerWhereItIs) {
    const ino_t here = current();
    const NamedNetns fresh{"fresh"};
    EXPECT_EQ(current(), here);
}

TEST(Netns, CreatedHereIsOneThatIpCanUseAndDelete) {
    const NamedNetns fresh{"fresh"};
    const auto seconds = std::chrono::seconds{10};
    const Ended used = run({{"ip", "-n", fresh.name(), "link", "set", "lo", "up"}}, seconds);
    EXPECT_EQ(used.status, 0) << used.diagnostics;
    const Ended deleted = run({{"ip", "netns", "del", fresh.name()}}, seconds);
    EXPECT_EQ(deleted.status, 0) << deleted.diagnostics;
    EXPECT_FALSE(netns_exists(fresh.name()));
}

TEST(Netns, CreatedByIpIsOneThatWeCanEnterAndDelete) {
    const std::string name = fmt::format("xgre-test-{}-ip", getpid());
    const Ended added = run({{"ip", "netns", "add", name}}, std::chrono::seconds{10});
    ASSERT_EQ(added.status, 0) << added.diagnostics;
    {
        const NetnsScope scope = NetnsScope::enter(name);
    }
    delete_netns(name);
    EXPECT_FALSE(netns_exists(name));
}

TEST(Netns, RefusesToCreateOneThatExistsAndKeepsIt) {
    const NamedNetns fresh{"fresh"};
    const ino_t before = inode_of(open_netns(fresh.name()));
    expect_error_about(fresh.name(), [&] { create_netns(fresh.name()); });
    EXPECT_EQ(inode_of(open_netns(fresh.name())), before);
}

TEST(Netns, RefusesToDeleteOneThatDoesNotExist) {
    expect_error_about("xgre-test-none", [] { delete_netns("xgre-test-none"); });
}

TEST(Netns, DeletesAlsoAFileThatACommandLeftWithoutANamespace) {
    const std::string name = fmt::format("xgre-test-{}-stale", getpid());
    {
        const NamedNetns makes_the_directory{"fresh"};
    }
    {
        const Fd file{open((std::string{kNetnsDirectory} + "/" + name).c_str(), O_CREAT, 0)};
    }
    ASSERT_TRUE(netns_exists(name));
    delete_netns(name);
    EXPECT_FALSE(netns_exists(name));
}

class BadNetnsName : public ::testing::TestWithParam<const char*> {};
TEST_P(BadNetnsName, IsRefusedEverywhere) {
    const std::string name = GetParam();
    expect_error_about("namespace", [&] { create_netns(name); });
    expect_error_about("namespace", [&] { delete_netns(name); });
    expect_error_about("namespace", [&] { open_netns(name); });
    expect_error_about("namespace", [&] { netns_exists(name); });
}
INSTANTIATE_TEST_SUITE_P(Text, BadNetnsName,
                         ::testing::Values("", ".", "..", "a/b", "../etc/passwd"));

TEST(NetnsCookie, IsTheSameInOneNamespaceAndDiffersInAnother) {
    const std::uint64_t here = netns_cookie();
    EXPECT_EQ(netns_cookie(), here);
    const FreshNetns other;
    EXPECT_NE(netns_cookie(), here);
}

}  // namespace
}  // namespace xgre
