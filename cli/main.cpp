// SPDX-License-Identifier: GPL-2.0-only
// xgre: reads the command line, runs one command, says in one line what failed.
#include <algorithm>
#include <csignal>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/commands.h"
#include "cli/complete.h"
#include "cli/context.h"
#include "cli/misuse.h"
#include "cli/syntax.h"
#include "xgre/config.h"
#include "xgre/error.h"
#include "xgre/verbose.h"

namespace xgre::cli {
namespace {

constexpr int kMisused = 2;  // others are in Context

// ---- What went wrong ------------------------------------------------------------------------

// The command that the line has reached: `xgre port add`.
const CLI::App& reached(const CLI::App& app) {
    const CLI::App* command = &app;
    while (!command->get_subcommands().empty())
        command = command->get_subcommands().back();
    return *command;
}

std::string path_of(const CLI::App& command) {
    const std::string& name = command.get_name();
    return command.get_parent() == nullptr ? name : path_of(*command.get_parent()) + " " + name;
}

std::string names(const std::vector<const CLI::App*>& commands) {
    std::vector<std::string> list;
    for (const CLI::App* command : commands)
        list.push_back(command->get_name());
    return fmt::format("{}", fmt::join(list, ", "));
}

// CLI11 begins its messages with a capital, or with the name of an option or argument.
std::string decapitalized(std::string text) {
    const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (text.size() > 1 && is_capital(text[0]) && !is_capital(text[1])) text[0] += 'a' - 'A';
    return text;
}

std::string cause_of(const CLI::ParseError& error) {
    const std::string text = error.what();
    // "--key: 1 required N missing"; that a value is too many, add_value sees first.
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
        return text.substr(0, text.find(':')) + " needs a value";
    }
    return decapitalized(text);
}

// The command-line library's error in our words.
Misuse misuse_of(const CLI::App& app, const CLI::ParseError& error) {
    const CLI::App& command = reached(app);
    const bool is_root = &command == &app;
    const std::string path = path_of(command);
    const std::string object = is_root ? "command line" : path.substr(path.find(' ') + 1);
    const std::string help = fmt::format("see `{} --help`", path);

    const std::vector<std::string> extra = app.remaining(true);
    const std::string first = extra.empty() ? "" : extra.front();
    if (first.starts_with('-')) return {object, "no such option: '" + first + "'", help};

    const std::vector<const CLI::App*> commands = command.get_subcommands({});
    if (!commands.empty() && !extra.empty()) {
        return {object, "no such command: '" + first + "'", "give one of " + names(commands)};
    }
    if (!commands.empty() && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
        return {object, "a command is missing", "give one of " + names(commands)};
    }
    if (!extra.empty()) return {object, "no such argument: '" + first + "'", help};
    return {object, cause_of(error), help};
}

int fail(const std::exception& error, int code) {
    say(error.what());
    return code;
}

int fail(const BadConfig& bad, int code) {
    const std::vector<Error>& problems = bad.problems();
    for (std::size_t i = 0; i < std::min(problems.size(), BadConfig::kMost); ++i)
        say(problems[i].what());
    if (problems.size() > BadConfig::kMost)
        say(fmt::format("and {} more", problems.size() - BadConfig::kMost));
    return code;
}

void parse_and_do(CLI::App& app, Context& context, std::vector<std::string> arguments) {
    try {
        app.parse(std::move(arguments));  // runs the command's callback
    } catch (const CLI::CallForHelp&) {
        context.out.help(app.help());
    } catch (const CLI::CallForVersion& version) {
        context.out.line(version.what());
    }
    context.out.finish();
}

int run(CLI::App& app, Context& context, std::vector<std::string> arguments) {
    try {
        define_commands(app, context);
        set_verbose(false);
        if (!arguments.empty() && arguments.front() == kCompleteWord) {
            complete(app, context, {arguments.begin() + 1, arguments.end()});
            return context.exit_done;
        }
        arguments = join_switches(app, std::move(arguments));
        std::reverse(arguments.begin(), arguments.end());  // as App::parse takes a vector
        parse_and_do(app, context, std::move(arguments));
        return context.exit_done;
    } catch (const CLI::ParseError& error) {
        return fail(misuse_of(app, error), kMisused);
    } catch (const Misuse& error) {
        return fail(error, kMisused);
    } catch (const BadConfig& bad) {
        return fail(bad, context.exit_failed);
    } catch (const ReaderGone& gone) {
        // Who watched has switched off what it had on: now it ends as any command does whose
        // reader goes. It goes on only where SIGPIPE is ignored.
        std::raise(SIGPIPE);
        return fail(gone, context.exit_failed);
    } catch (const std::exception& error) {
        return fail(error, context.exit_failed);
    }
}

}  // namespace
}  // namespace xgre::cli

int main(int argc, char** argv) {
    xgre::cli::Context context;
    CLI::App app{std::string{xgre::cli::kAbout}, "xgre"};
    return xgre::cli::run(app, context, {argv + 1, argv + argc});
}
