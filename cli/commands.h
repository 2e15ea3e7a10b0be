// SPDX-License-Identifier: GPL-2.0-only
// All commands, with their options and what is said about them. The tool runs them; its manual
// pages and its completion are made of the same definitions.
#pragma once

#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/context.h"

namespace xgre::cli {

inline constexpr std::string_view kAbout = "xgre: Ethernet segments over GRE, in XDP and TC";

// What it says when it is run without arguments.
inline constexpr std::string_view kTour =
    R"(xgre joins VMs on different hosts into one Ethernet segment over GRE.

  xgre attach eth0 --local 198.18.0.1         let eth0 carry tunnels
  xgre network add lan --key 7                make a segment
  xgre port add tap0 --network lan            put a VM's interface into it
  xgre peer add 198.18.0.2 --network lan      and another host, which does the same
  xgre show                                   see what runs, and how

`xgre --help` lists all commands, `xgre COMMAND --help` explains one.)";

// `context` must outlive `app`.
void define_commands(CLI::App& app, Context& context);

}  // namespace xgre::cli
