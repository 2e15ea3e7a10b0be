// SPDX-License-Identifier: GPL-2.0-only
// Colours are for people: on a terminal, and nowhere else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "loader/fd.h"
#include "tests/cli/host.h"
#include "tests/cli/tool.h"

namespace xgre::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kEscape = "\x1b[";

// What the tool writes to a terminal of its own.
std::string on_a_terminal(std::vector<std::string> arguments,
                          const std::vector<std::string>& environment) {
    arguments.insert(arguments.begin(), XGRE_BINARY);
    std::vector<char*> argv;
    for (std::string& word : arguments)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    int terminal = -1;
    const pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
    if (pid == 0) {
        unsetenv("NO_COLOR");
        setenv("TERM", "xterm", 1);
        for (const std::string& variable : environment)
            putenv(const_cast<char*>(variable.c_str()));
        execv(XGRE_BINARY, argv.data());
        _exit(127);
    }
    const Fd fd{terminal};
    std::string text;
    std::array<char, 4096> chunk{};
    // The end of the last writer reads as an error.
    for (ssize_t length = 0; (length = read(fd.get(), chunk.data(), chunk.size())) > 0;)
        text.append(chunk.data(), static_cast<std::size_t>(length));
    int status = 0;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0) << text;
    return text;
}

std::string without_colours(const std::string& text) {
    std::string plain;
    for (std::size_t at = 0; at < text.size();) {
        if (text.compare(at, 2, kEscape) == 0) {
            at = text.find('m', at) + 1;
        } else {
            if (text[at] != '\r') plain += text[at];
            ++at;
        }
    }
    return plain;
}

class ColoursOfTables : public Host {
protected:
    ColoursOfTables() {
        set_up_lan();
        ip("link del tap0");
        arguments = globals();
        arguments.insert(arguments.end(), {"port", "show"});
    }

    std::vector<std::string> arguments;
};

TEST_F(ColoursOfTables, HeadingsAreBoldAndProblemsRedOnATerminal) {
    const std::string text = on_a_terminal(arguments, {});
    EXPECT_THAT(text, HasSubstr("\x1b[1mPORT\x1b[0m"));
    EXPECT_THAT(text, HasSubstr("\x1b[31mgone\x1b[0m"));
}

TEST_F(ColoursOfTables, ColumnsAreWhereTheyAreWithoutColours) {
    EXPECT_EQ(without_colours(on_a_terminal(arguments, {})), run_xgre(arguments).out);
}

TEST_F(ColoursOfTables, ThereAreNoneInAPipe) {
    EXPECT_THAT(run_xgre(arguments).out, Not(HasSubstr(kEscape)));
}

TEST_F(ColoursOfTables, ThereAreNoneWhenTheyAreNotWanted) {
    EXPECT_THAT(on_a_terminal(arguments, {"NO_COLOR=1"}), Not(HasSubstr(kEscape)));
    EXPECT_THAT(on_a_terminal(arguments, {"TERM=dumb"}), Not(HasSubstr(kEscape)));
    EXPECT_THAT(on_a_terminal(arguments, {"NO_COLOR="}), HasSubstr(kEscape));
    arguments.emplace_back("--json");
    EXPECT_THAT(on_a_terminal(arguments, {}), Not(HasSubstr(kEscape)));
}

TEST(ColoursOfHelp, TitlesAreBoldOnATerminalOnly) {
    const std::string text = on_a_terminal({"port", "add", "--help"}, {});
    EXPECT_THAT(text, HasSubstr("\x1b[1mOptions:\x1b[0m"));
    EXPECT_EQ(without_colours(text), run_xgre({"port", "add", "--help"}).out);
}

}  // namespace
}  // namespace xgre::test
