// SPDX-License-Identifier: GPL-2.0-only
#include "loader/source_lines.h"

#include <algorithm>
#include <array>

namespace xgre {
namespace {

constexpr auto kLines = std::to_array<SourceLine>({
#include "xgre.lines.inc"
});

}  // namespace

std::span<const SourceLine> source_lines() {
    return kLines;
}

const SourceLine* find_source_line(std::string_view file, unsigned line) {
    const auto* const found =
        std::ranges::find_if(kLines, [file, line](const SourceLine& candidate) {
            return candidate.line == line && candidate.file == file;
        });
    return found == kLines.end() ? nullptr : found;
}

}  // namespace xgre
