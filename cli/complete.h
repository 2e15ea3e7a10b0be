// SPDX-License-Identifier: GPL-2.0-only
// What may come next on a command line: for the shells' completion.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/context.h"

namespace xgre::cli {

// `xgre __complete WORD...` is how the scripts of completion/ ask. It is no command: it is in no
// help, and takes every word as it is.
inline constexpr std::string_view kCompleteWord = "__complete";

// The words behind `xgre`; the last one, which may be empty, is to be completed. Prints a line for
// each word that fits: the word, a tab, what it is. A line `:files` says that a file's name does.
// Silent about everything that is not there.
void complete(CLI::App& app, Context& context, const std::vector<std::string>& words);

}  // namespace xgre::cli
