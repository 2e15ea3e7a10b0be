// SPDX-License-Identifier: GPL-2.0-only
// What is wrong with an instance and the host under it, and what mends it. Reads only: nothing is
// changed, counted or locked.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "xgre/session.h"

namespace xgre {

enum class Severity : std::uint8_t {
    ok,       // looked at, and as it should be
    note,     // worth to know: what is slower than it could be, or was asked for
    warning,  // traffic may suffer, or does for some
    problem,  // traffic fails
};

// "ok", "note", "warning", "problem".
std::string name_of(Severity severity);

struct Finding {
    Severity severity = Severity::ok;
    std::string check;    // stable: "neighbour"
    std::string object;   // "peer 198.18.0.2"
    std::string found;    // the evidence, a phrase
    std::string way_out;  // commands in backquotes; of what is ok empty
};

struct DoctorSpec {
    // What grows is read twice, so far apart; at 0 once, and totals alone are looked at.
    std::chrono::milliseconds time{1000};
};

// Problems first. Works without an instance, and with one that cannot be opened: then what can be
// said of the host is. Throws Error only for a network namespace that cannot be entered.
std::vector<Finding> examine(const Session& session, const DoctorSpec& spec = {});

}  // namespace xgre
