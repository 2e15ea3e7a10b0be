// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace xgre::manual {

struct Page {
    std::string name;  // xgre-port
    std::string text;  // roff
};

// xgre(8) and one page a noun. `document` is docs/commands.md. Throws Error when it lacks a
// section.
std::vector<Page> make_pages(CLI::App& app, std::string_view document, std::string_view date);

}  // namespace xgre::manual
