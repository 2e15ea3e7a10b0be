// SPDX-License-Identifier: GPL-2.0-only
// What every command works with.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/print.h"
#include "xgre/instance.h"
#include "xgre/session.h"

namespace xgre::cli {

struct Context {
    Session session;
    Printer out;
    bool verbose = false;
    // Where a command has codes of its own.
    int exit_done = 0;
    int exit_failed = 1;

    // For a change: what open() repaired is said.
    Instance open() const;
    // For a show.
    Instance view() const { return Instance::view(session); }
};

// Throws Error when none of them has that name.
void check_network(const std::vector<NetworkInfo>& networks, const std::string& name);

// A line for the operator, on stderr: `xgre: <words>`.
void say(std::string_view words);

// What became of a change of `object`. Like `ip`, a change that was made is silent, unless
// --verbose; one that was not needed says `state`: "already there" or "not there".
void report(const Context& context, Change change, std::string_view object, std::string_view state);

// Each adds the commands of its noun. `context` must outlive the parsing.
void add_attach_command(CLI::App& app, Context& context);
void add_detach_command(CLI::App& app, Context& context);
void add_upgrade_command(CLI::App& app, Context& context);
void add_network_commands(CLI::App& app, Context& context);
void add_port_commands(CLI::App& app, Context& context);
void add_peer_commands(CLI::App& app, Context& context);
void add_fdb_commands(CLI::App& app, Context& context);
void add_dhcp_commands(CLI::App& app, Context& context);
void add_config_commands(CLI::App& app, Context& context);  // apply, diff, export
void add_show_command(CLI::App& app, Context& context);
void add_stats_command(CLI::App& app, Context& context);
void add_profile_command(CLI::App& app, Context& context);
void add_map_command(CLI::App& app, Context& context);
void add_capture_command(CLI::App& app, Context& context);
void add_monitor_command(CLI::App& app, Context& context);
void add_trace_command(CLI::App& app, Context& context);
void add_test_command(CLI::App& app, Context& context);
void add_top_command(CLI::App& app, Context& context);
void add_metrics_command(CLI::App& app, Context& context);
void add_doctor_command(CLI::App& app, Context& context);

}  // namespace xgre::cli
