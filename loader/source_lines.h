// SPDX-License-Identifier: GPL-2.0-only
// The sources of the BPF programs in this binary, as far as they are functions.
#pragma once

#include <span>
#include <string_view>

namespace xgre {

struct SourceLine {
    const char* file;  // without directories
    unsigned line;
    const char* function;
    const char* text;  // without blanks around it
};

// All of them, those of a file together and in order.
std::span<const SourceLine> source_lines();

// nullptr: no line of a function.
const SourceLine* find_source_line(std::string_view file, unsigned line);

}  // namespace xgre
