// SPDX-License-Identifier: GPL-2.0-only
// `xgre top`: the screen of top_screen.h in a terminal, by ncurses; or line by line in a pipe.
#define NCURSES_NOMACROS  // functions, which do not collide with ours
#include <curses.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/misuse.h"
#include "cli/syntax.h"
#include "cli/top_screen.h"
#include "xgre/error.h"

namespace xgre::cli {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

struct TopOptions {
    milliseconds interval{1000};
    std::optional<std::uint32_t> count;
    bool batch = false;
};

TopSample take_sample(const Context& context) {
    const Instance instance = context.view();
    TopSample sample;
    sample.stats = instance.stats();
    const InstanceInfo info = instance.show();
    sample.instance = info.instance;
    sample.uplink = info.uplink;
    sample.fdb_entries = info.fdb_entries;
    sample.time = std::chrono::steady_clock::now().time_since_epoch();
    sample.clock = std::chrono::system_clock::now().time_since_epoch();
    return sample;
}

// ---- In a pipe ------------------------------------------------------------------------------

void print_screens(const Context& context, const TopOptions& options) {
    const Interrupt interrupt;
    TopSample before = take_sample(context);
    for (std::uint32_t shown = 0; !options.count || shown < *options.count; ++shown) {
        if (interrupt.wait(options.interval)) return;
        TopSample now = take_sample(context);
        for (const TopLine& line : top_page(before, now))
            context.out.line(line.text);
        context.out.finish();
        before = std::move(now);
    }
}

// ---- In a terminal --------------------------------------------------------------------------

// The whole screen, until it is destroyed. One at a time.
class Terminal {
public:
    Terminal() : screen_{newterm(nullptr, stdout, stdin)} {
        if (screen_ == nullptr)
            throw Error{"terminal", "it cannot show a screen",
                        "set TERM to what it is, or use `xgre top --batch`"};
        cbreak();
        noecho();
        keypad(stdscr, TRUE);
        curs_set(0);
        if (has_colors() && std::getenv("NO_COLOR") == nullptr) {
            start_color();
            use_default_colors();
            init_pair(kRed, COLOR_RED, -1);
            has_colors_ = true;
        }
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal() {
        endwin();
        delscreen(screen_);
    }

    static std::size_t width() { return static_cast<std::size_t>(COLS); }
    static std::size_t height() { return static_cast<std::size_t>(LINES); }

    void show(const std::vector<TopLine>& lines) const {
        erase();
        int row = 0;
        for (const TopLine& line : lines) {
            const int look = attribute_of(line.look);
            attron(look);
            mvaddnstr(row++, 0, line.text.c_str(), static_cast<int>(line.text.size()));
            attroff(look);
        }
        refresh();
    }

    // nullopt: none within the time.
    static std::optional<int> key(milliseconds patience) {
        timeout(static_cast<int>(patience.count()));
        const int key = getch();
        return key == ERR ? std::nullopt : std::optional{key};
    }

private:
    static constexpr short kRed = 1;

    int attribute_of(TopLine::Look look) const {
        switch (look) {
            case TopLine::Look::heading:
                return static_cast<int>(A_BOLD);
            case TopLine::Look::selected:
                return static_cast<int>(A_REVERSE);
            case TopLine::Look::alarm:
                return has_colors_ ? COLOR_PAIR(kRed) : static_cast<int>(A_BOLD);
            case TopLine::Look::plain:
                break;
        }
        return static_cast<int>(A_NORMAL);
    }

    SCREEN* screen_;
    bool has_colors_ = false;
};

TopKey key_of(int key) {
    constexpr int kDelete = 127;
    switch (key) {
        case KEY_UP:
        case 'k':
            return TopKey::up;
        case KEY_DOWN:
        case 'j':
            return TopKey::down;
        case KEY_LEFT:
        case '<':
            return TopKey::left;
        case KEY_RIGHT:
        case '>':
            return TopKey::right;
        case '\n':
        case '\r':
        case KEY_ENTER:
            return TopKey::enter;
        case KEY_BACKSPACE:
        case '\b':
        case kDelete:
            return TopKey::back;
        case 'p':
            return TopKey::ports;
        case 'e':
            return TopKey::peers;
        case 'v':
            return TopKey::verdicts;
        case 'r':
            return TopKey::reverse;
        case ' ':
            return TopKey::pause;
        case 'h':
        case '?':
            return TopKey::help;
        default:
            return TopKey::other;
    }
}

void run_screen(const Context& context, const TopOptions& options) {
    const Interrupt interrupt;
    TopSample before = take_sample(context);
    TopSample now = before;
    TopChoice choice;
    const Terminal terminal;
    auto next = std::chrono::steady_clock::now() + options.interval;
    for (std::uint32_t shown = 0; !interrupt.wait(milliseconds{0});) {
        terminal.show(top_screen(before, now, choice, Terminal::width(), Terminal::height()));
        const auto left =
            std::chrono::duration_cast<milliseconds>(next - std::chrono::steady_clock::now());
        if (const auto key = Terminal::key(std::max(milliseconds{1}, left))) {
            if (*key == 'q') return;
            press(choice, key_of(*key), now);
            continue;
        }
        next = std::chrono::steady_clock::now() + options.interval;
        if (choice.is_paused) continue;
        if (options.count && ++shown > *options.count) return;
        before = std::exchange(now, take_sample(context));
    }
}

// Where keys come from and a screen can be drawn.
bool is_for_a_screen(const Printer& out) {
    const char* term = std::getenv("TERM");
    return out.is_terminal() && ::isatty(STDIN_FILENO) != 0 &&
           (term == nullptr || std::string_view{term} != "dumb");
}

}  // namespace

void add_top_command(CLI::App& app, Context& context) {
    auto* top = app.add_subcommand("top", "a live screen: ports, peers, rates and drops");
    auto options = std::make_shared<TopOptions>();
    add_value(*top, "-d,--delay", options->interval, interval_syntax(),
              "seconds from one screen to the next (default: 1)");
    add_value(*top, "-n,--count", options->count, number_syntax(1, UINT32_MAX),
              "end after so many screens (default: with q, or Ctrl-C)");
    top->add_flag("-b,--batch", options->batch, "print screens one below the other, as in a pipe");
    top->footer(
        "Keys: p ports, e peers, v verdicts; left and right: the column to sort by, r: the other\n"
        "way round; up, down and enter: look into one; space: pause, h: help, q: end.\n"
        "Examples:\n"
        "  xgre top\n"
        "  xgre top -b -n 1");
    top->callback([&context, options] {
        if (context.out.json())
            throw Misuse{"top", "it is for people and has no JSON",
                         "use `xgre stats --watch --json`"};
        if (options->batch || !is_for_a_screen(context.out))
            print_screens(context, *options);
        else
            run_screen(context, *options);
    });
}

}  // namespace xgre::cli
