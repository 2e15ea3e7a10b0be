// SPDX-License-Identifier: GPL-2.0-only
// A run that nobody measured, with rows of its own.
#pragma once

#include <string>
#include <vector>

#include "bench/results.h"

namespace xgre::bench::test {

// Two cases, one metric; one case, two metrics, of which less is better.
inline const std::vector<Row>& rows() {
    static const std::vector<Row> all{
        {"speed",
         "frames",
         "frames",
         {{"", "Mpps", true}},
         {kVxlan, kXgre},
         0.1,
         {{"small", nullptr}, {"large", nullptr}}},
        {"delay",
         "round trips",
         "latency",
         {{"p50", "us", false}, {"p99", "us", false}},
         {kVxlan, kXgre},
         0.1,
         {{"", nullptr}}},
    };
    return all;
}

inline Result result(std::size_t row, std::size_t which, std::string_view peer,
                     std::vector<std::vector<double>> rounds) {
    Result made;
    made.row = &rows()[row];
    made.which = which;
    made.peer = &peer_of(peer);
    made.rounds = std::move(rounds);
    return made;
}

inline Result void_result(std::size_t row, std::size_t which, std::string_view peer,
                          std::string reason) {
    Result made = result(row, which, peer, {});
    made.void_reason = std::move(reason);
    return made;
}

inline Run run_of(std::vector<Result> results) {
    Run made;
    made.command = "scripts/bench --made-up";
    made.date = "2000-01-01 00:00 UTC";
    made.rounds = 3;
    made.machine = {"a processor", 2, "4 GiB", "Linux 6.1", "0.1 0.2 0.3", "0.4 0.5 0.6"};
    made.results = std::move(results);
    return made;
}

}  // namespace xgre::bench::test
