// SPDX-License-Identifier: GPL-2.0-only
#include "cli/commands.h"

#include <memory>
#include <string>

#include "cli/syntax.h"
#include "xgre/verbose.h"

namespace xgre::cli {
namespace {

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
    add_upgrade_command(app, context);
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

}  // namespace

void define_commands(CLI::App& app, Context& context) {
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

}  // namespace xgre::cli
