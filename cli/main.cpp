// SPDX-License-Identifier: GPL-2.0-only
// xgre: reads the command line, runs one command, says in one line what failed.
#include <algorithm>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/misuse.h"
#include "cli/syntax.h"
#include "xgre/config.h"
#include "xgre/error.h"
#include "xgre/verbose.h"

namespace xgre::cli {
namespace {

constexpr int kMisused = 2;  // others are in Context

constexpr std::string_view kTour =
    R"(xgre joins VMs on different hosts into one Ethernet segment over GRE.

  xgre attach eth0 --local 198.18.0.1         let eth0 carry tunnels
  xgre network add lan --key 7                make a segment
  xgre port add tap0 --network lan            put a VM's interface into it
  xgre peer add 198.18.0.2 --network lan      and another host, which does the same
  xgre show                                   see what runs, and how

`xgre --help` lists all commands, `xgre COMMAND --help` explains one.)";

// CLI11's, without what it says about the number of subcommands.
class HelpFormatter : public CLI::Formatter {
public:
    HelpFormatter() {
        label("Positionals", "Arguments");
        label("SUBCOMMAND", "COMMAND");
        label("REQUIRED", "(required)");
        label("Needs", "with");
        label("Excludes", "not with");
    }
    std::string make_description(const CLI::App* app) const override {
        return app->get_description() + "\n";
    }
};

void add_globals(CLI::App& app, Context& context) {
    add_value(app, "-i,--instance", context.session.instance, instance_syntax(),
              "the instance, where a host has several (default: default)");
    add_value(app, "-n,--netns", context.session.netns, netns_syntax(),
              "the host: a network namespace as in `ip -n` (default: the current one)");
    app.add_flag_callback(
        "-j,--json", [&context] { context.out.use_json(true); }, "data as JSON (default: tables)");
    app.add_flag_callback(
        "-v,--verbose",
        [&context] {
            context.verbose = true;
            set_verbose(true);
        },
        "say what was done, and what the BPF library says (default: silent)");
    app.set_version_flag("-V,--version", "xgre " XGRE_VERSION, "the version, and nothing else");
}

void add_commands(CLI::App& app, Context& context) {
    add_attach_command(app, context);
    add_detach_command(app, context);
    add_network_commands(app, context);
    add_port_commands(app, context);
    add_peer_commands(app, context);
    add_fdb_commands(app, context);
    add_dhcp_commands(app, context);
    add_config_commands(app, context);
    add_show_command(app, context);
    add_stats_command(app, context);
    add_profile_command(app, context);
    add_map_command(app, context);
    add_capture_command(app, context);
    add_monitor_command(app, context);
    add_trace_command(app, context);
    add_test_command(app, context);
    add_top_command(app, context);
    add_metrics_command(app, context);
    add_doctor_command(app, context);
}

void name_group_of_commands(CLI::App& app) {
    for (CLI::App* command : app.get_subcommands({})) {
        command->group("Commands");
        name_group_of_commands(*command);
    }
}

void set_up(CLI::App& app, Context& context) {
    app.formatter(std::make_shared<HelpFormatter>());
    app.set_help_flag("-h,--help", "this text");
    app.fallthrough();  // inherited: globals stand anywhere
    app.require_subcommand(0, 1);
    app.footer("Options above stand anywhere. Exit: 0 done, 1 failed, 2 misuse.");
    add_globals(app, context);
    add_commands(app, context);
    name_group_of_commands(app);
    app.callback([&app, &context] {
        if (app.get_subcommands().empty()) context.out.line(kTour);
    });
}

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
        context.out.line(app.help());
    } catch (const CLI::CallForVersion& version) {
        context.out.line(version.what());
    }
    context.out.finish();
}

int run(CLI::App& app, Context& context, std::vector<std::string> arguments) {
    try {
        set_up(app, context);
        set_verbose(false);
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
    } catch (const std::exception& error) {
        return fail(error, context.exit_failed);
    }
}

}  // namespace
}  // namespace xgre::cli

int main(int argc, char** argv) {
    xgre::cli::Context context;
    CLI::App app{"xgre: Ethernet segments over GRE, in XDP and TC", "xgre"};
    return xgre::cli::run(app, context, {argv + 1, argv + argc});
}
