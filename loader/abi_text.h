// SPDX-License-Identifier: GPL-2.0-only
// The words of xgre/abi.h, by number.
#pragma once

#include <array>
#include <string_view>

#include "xgre/abi.h"

namespace xgre {

struct VerdictText {
    std::string_view name;
    std::string_view help;
    bool counted;
    bool drop;
};

struct AbiText {
    std::string_view name;
    std::string_view help;
};

namespace detail {
constexpr std::string_view kStep = "STEP";
constexpr std::string_view kDrop = "DROP";
}  // namespace detail

inline constexpr std::array<VerdictText, XGRE_VERDICT_MAX> kVerdictTexts{{
#define X(id, name, fate, help) {name, help, detail::kStep != #fate, detail::kDrop == #fate},
    XGRE_VERDICTS(X)
#undef X
}};

inline constexpr std::array<AbiText, XGRE_NOTE_MAX> kNoteTexts{{
#define X(id, name, help) {name, help},
    XGRE_NOTES(X)
#undef X
}};

inline constexpr std::array<AbiText, XGRE_PROGRAM_MAX> kProgramTexts{{
#define X(id, name, help) {name, help},
    XGRE_PROGRAMS(X)
#undef X
}};

}  // namespace xgre
