// SPDX-License-Identifier: GPL-2.0-only
// `xgre top`, in a pipe and in a terminal.
#include <gmock/gmock.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "loader/fd.h"
#include "tests/cli/host.h"

namespace xgre::test {
namespace {

using testing::HasSubstr;

// The tool in a terminal of 100 columns and 24 lines, whose screen a test reads and whose keys it
// presses.
class InATerminal {
public:
    InATerminal(const std::vector<std::string>& arguments, const char* term) {
        std::vector<char*> argv{const_cast<char*>(XGRE_BINARY)};
        for (const std::string& argument : arguments)
            argv.push_back(const_cast<char*>(argument.c_str()));
        argv.push_back(nullptr);
        winsize size{};
        size.ws_col = 100;
        size.ws_row = 24;
        int terminal = -1;
        pid_ = ::forkpty(&terminal, nullptr, nullptr, &size);
        if (pid_ == 0) {
            ::setenv("TERM", term, 1);
            ::execv(XGRE_BINARY, argv.data());
            ::_exit(127);
        }
        terminal_ = Fd{terminal};
    }
    InATerminal(const InATerminal&) = delete;
    InATerminal& operator=(const InATerminal&) = delete;
    ~InATerminal() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
    }

    void press(const std::string& keys) const {
        ASSERT_EQ(::write(terminal_.get(), keys.data(), keys.size()),
                  static_cast<ssize_t>(keys.size()));
    }
    // Until it shows these words; false when it does not, within some seconds.
    bool shows(const std::string& words) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (seen_.find(words) == std::string::npos) {
            if (std::chrono::steady_clock::now() > end || !read()) return false;
        }
        seen_.clear();
        return true;
    }
    int exit_code() {
        while (read()) {
        }
        int status = 0;
        ::waitpid(pid_, &status, 0);
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    const std::string& seen() const { return seen_; }

private:
    bool read() {
        pollfd wait{terminal_.get(), POLLIN, 0};
        if (::poll(&wait, 1, 10000) <= 0) return false;
        std::array<char, 4096> bytes{};
        const ssize_t got = ::read(terminal_.get(), bytes.data(), bytes.size());
        if (got <= 0) return false;
        seen_.append(bytes.data(), static_cast<std::size_t>(got));
        return true;
    }

    Fd terminal_;
    pid_t pid_ = -1;
    std::string seen_;
};

class TopCommand : public Host {
protected:
    TopCommand() { set_up_lan(); }

    std::vector<std::string> words(const std::vector<std::string>& more) const {
        std::vector<std::string> all = globals();
        all.insert(all.end(), more.begin(), more.end());
        return all;
    }
};

TEST_F(TopCommand, PrintsPortsPeersAndVerdictsInAPipe) {
    const Outcome outcome = xgre("top -n 1 -d 0.1");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    for (const char* part : {"uplink uplink0", "FDB 0 learned of", "RX-PPSv", "tap0", "198.18.0.2",
                             "VERDICT", "unknown"})
        EXPECT_THAT(outcome.out, HasSubstr(part));
}

TEST_F(TopCommand, ShowsAScreenAndObeysKeys) {
    InATerminal top{words({"top", "-d", "0.2"}), "xterm"};
    ASSERT_TRUE(top.shows("RX-PPSv")) << top.seen();
    top.press("\r");
    ASSERT_TRUE(top.shows("hooks     TC")) << top.seen();
    top.press("e");
    ASSERT_TRUE(top.shows("198.18.0.2")) << top.seen();
    top.press("v");
    ASSERT_TRUE(top.shows("VERDICT")) << top.seen();
    top.press("h");
    ASSERT_TRUE(top.shows("look into it")) << top.seen();
    top.press(" ");
    ASSERT_TRUE(top.shows("paused")) << top.seen();
    top.press("q");
    EXPECT_EQ(top.exit_code(), 0);
}

TEST_F(TopCommand, SortsByTheColumnThatIsChosen) {
    InATerminal top{words({"top", "-d", "0.2"}), "xterm"};
    ASSERT_TRUE(top.shows("RX-PPSv")) << top.seen();
    top.press(">");
    ASSERT_TRUE(top.shows("RX-RATEv")) << top.seen();
    top.press("r");
    ASSERT_TRUE(top.shows("^")) << top.seen();
}

TEST_F(TopCommand, EndsByItselfAfterSoManyScreens) {
    InATerminal top{words({"top", "-d", "0.1", "-n", "2"}), "vt100"};
    EXPECT_EQ(top.exit_code(), 0);
}

TEST_F(TopCommand, SaysWhenTheTerminalIsUnknown) {
    InATerminal top{words({"top"}), "no-such-terminal"};
    EXPECT_EQ(top.exit_code(), 1);
    EXPECT_THAT(top.seen(), HasSubstr("--batch"));
}

TEST_F(TopCommand, HasNoJson) {
    const Outcome outcome = xgre("top --json");
    EXPECT_EQ(outcome.exit, 2) << outcome;
    EXPECT_THAT(outcome.err, HasSubstr("stats --watch"));
}

}  // namespace
}  // namespace xgre::test
