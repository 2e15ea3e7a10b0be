// SPDX-License-Identifier: GPL-2.0-only
// As much of Markdown as docs/commands.md is written in.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace xgre::manual {

struct Heading {
    int level = 0;  // 2 of `## xgre attach`
    std::string text;
};
struct Paragraph {
    std::string text;  // in one line
};
struct Item {  // of a list
    std::string text;
};
struct Code {
    std::vector<std::string> lines;
};
struct Table {
    std::vector<std::string> heading;
    std::vector<std::vector<std::string>> rows;  // as many cells as the heading has
};

using Block = std::variant<Heading, Paragraph, Item, Code, Table>;
using Blocks = std::vector<Block>;

Blocks read_markdown(std::string_view text);

// What is below the heading, to the next one of its level or above; empty without such a heading.
Blocks section(const Blocks& blocks, std::string_view heading);

}  // namespace xgre::manual
