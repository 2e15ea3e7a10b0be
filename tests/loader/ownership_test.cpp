// SPDX-License-Identifier: GPL-2.0-only
// Fd and Undo: what is owned is given back, also when something throws.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "loader/fd.h"
#include "loader/undo.h"

namespace xgre {
namespace {

bool is_open(int fd) {
    return fcntl(fd, F_GETFD) >= 0;
}
Fd open_null() {
    return Fd{open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

static_assert(!std::is_convertible_v<Fd, int> && !std::is_convertible_v<int, Fd>);
static_assert(!std::is_copy_constructible_v<Fd> && !std::is_copy_assignable_v<Fd>);

TEST(Fd, ClosesAtTheEndOfItsLife) {
    int number = -1;
    {
        const Fd fd = open_null();
        number = fd.get();
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(Fd, MovedFromOwnsNothing) {
    Fd from = open_null();
    const int number = from.get();
    const Fd to = std::move(from);
    EXPECT_FALSE(from.is_open());
    EXPECT_EQ(to.get(), number);
    EXPECT_TRUE(is_open(number));
}

TEST(Fd, ClosesWhatItHadWhenAnotherIsAssigned) {
    Fd fd = open_null();
    const int number = fd.get();
    fd = Fd{};
    EXPECT_FALSE(is_open(number));
}

TEST(Fd, LeavesToTheCallerWhatIsReleased) {
    int number = -1;
    {
        Fd fd = open_null();
        number = fd.release();
    }
    EXPECT_TRUE(is_open(number));
    close(number);
}

TEST(Undo, RunsTheStepsInReverseWhenAChangeFails) {
    std::vector<std::string> undone;
    try {
        Undo undo;
        undo.add([&] { undone.emplace_back("first"); });
        undo.add([&] { undone.emplace_back("second"); });
        throw std::runtime_error{"third"};
    } catch (const std::runtime_error&) {
    }
    EXPECT_EQ(undone, (std::vector<std::string>{"second", "first"}));
}

TEST(Undo, RunsNothingAfterCommit) {
    bool undone = false;
    {
        Undo undo;
        undo.add([&] { undone = true; });
        undo.commit();
    }
    EXPECT_FALSE(undone);
}

TEST(Undo, GoesOnAfterAStepThatCannotBeUndoneAndReportsIt) {
    bool undone = false;
    std::string reported;
    {
        Undo undo{[&](const std::exception& error) { reported = error.what(); }};
        undo.add([&] { undone = true; });
        undo.add([] { throw std::runtime_error{"stuck"}; });
    }
    EXPECT_TRUE(undone);
    EXPECT_EQ(reported, "stuck");
}

}  // namespace
}  // namespace xgre
