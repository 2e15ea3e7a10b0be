// SPDX-License-Identifier: GPL-2.0-only
#include "bench/tables.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bench/goals.h"

namespace xgre::bench {
namespace {

constexpr const char* kNothing = "-";

std::string cell(const Spread& spread) {
    return fmt::format("{} [{}-{}]", short_number(spread.median), short_number(spread.low),
                       short_number(spread.high));
}

std::string cell(const std::vector<double>& values) {
    return values.empty() ? kNothing : cell(spread_of(values));
}

Table goal_table(const Run& run) {
    Table made{"Goals", {{"row", "peer", "goal", "", "measured"}}, 4};
    for (const Outcome& outcome : outcomes_of(run, all_goals())) {
        made.lines.push_back({outcome.line.title(), std::string{peer_of(outcome.goal->peer).title},
                              outcome.wanted(), outcome.reached() ? "reached" : "not reached",
                              outcome.measured ? cell(*outcome.measured) : "void"});
    }
    return made;
}

// The peers of the run, in their usual order.
std::vector<const Peer*> peers_of(const Run& run) {
    std::vector<const Peer*> peers;
    for (const Peer& peer : all_peers()) {
        if (std::ranges::find(run.results, &peer, &Result::peer) != run.results.end())
            peers.push_back(&peer);
    }
    return peers;
}

// A line for each row, case and metric, a column for each peer. `second` and `content` make the
// second column and a cell; lines with nothing in them are left out.
template <typename Second, typename Content>
Table table(const Run& run, std::string caption, const char* second_title, const Second& second,
            const Content& content) {
    Table made{std::move(caption), {{"row", second_title}}, 2};
    const std::vector<const Peer*> peers = peers_of(run);
    for (const Peer* peer : peers)
        made.lines[0].emplace_back(peer->title);
    for (const Line& line : lines_of(run)) {
        std::vector<std::string> cells{line.title(), std::string{second(line)}};
        for (const Peer* peer : peers)
            cells.push_back(content(line, peer->key));
        if (std::ranges::any_of(cells.begin() + 2, cells.end(),
                                [](const auto& text) { return text != kNothing; })) {
            made.lines.push_back(std::move(cells));
        }
    }
    return made;
}

std::string_view better(const Line& line) {
    return line.what().more_is_better ? "more" : "less";
}

Table ratio_to_peer(const Run& run, std::string_view base) {
    return table(run, fmt::format("Ratio to {}", peer_of(base).title), "better", better,
                 [&](const Line& line, std::string_view peer) {
                     return cell(ratios_between(run, line, peer, line, base));
                 });
}

// How a peer fares as the row's cases grow.
Table ratio_to_first_case(const Run& run) {
    return table(run, "Ratio to the first case of the same row", "better", better,
                 [&](const Line& line, std::string_view peer) -> std::string {
                     if (line.which == 0) return kNothing;
                     const Line first{line.row, 0, line.metric};
                     return cell(ratios_between(run, line, peer, first, peer));
                 });
}

Table figures(const Run& run) {
    return table(
        run, "Figures", "unit", [](const Line& line) { return line.what().unit; },
        [&](const Line& line, std::string_view peer) -> std::string {
            const Result* result = find(run, line, peer);
            if (result == nullptr) return kNothing;
            if (result->void_reason) return "void";
            return cell(values_of(*result, line.metric));
        });
}

}  // namespace

std::string short_number(double value) {
    if (value >= 100) return fmt::format("{:.0f}", value);
    if (value >= 10) return fmt::format("{:.1f}", value);
    if (value >= 1) return fmt::format("{:.2f}", value);
    return fmt::format("{:.3f}", value);
}

std::vector<Table> tables_of(const Run& run) {
    std::vector<Table> made{goal_table(run)};
    for (const std::string_view base : {kVxlan, kLimit, kBridge})
        made.push_back(ratio_to_peer(run, base));
    made.push_back(ratio_to_first_case(run));
    made.push_back(figures(run));
    std::erase_if(made, [](const Table& shown) { return shown.lines.size() == 1; });
    return made;
}

std::string as_text(const Table& shown) {
    std::vector<std::size_t> widths(shown.lines[0].size());
    for (const auto& line : shown.lines) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            widths[i] = std::max(widths[i], line[i].size());
        }
    }
    std::string text = shown.caption + "\n";
    for (const auto& line : shown.lines) {
        std::string written = " ";
        for (std::size_t i = 0; i < line.size(); ++i) {
            written += fmt::format(" {:<{}} ", line[i], widths[i]);
        }
        written.erase(written.find_last_not_of(' ') + 1);
        text += written + "\n";
    }
    return text;
}

std::string as_markdown(const Table& shown) {
    std::string text = fmt::format("### {}\n\n", shown.caption);
    for (std::size_t i = 0; i < shown.lines.size(); ++i) {
        text += fmt::format("| {} |\n", fmt::join(shown.lines[i], " | "));
        if (i != 0) continue;
        text += "|";
        for (std::size_t column = 0; column < shown.lines[0].size(); ++column)
            text += column < shown.words ? " --- |" : " ---: |";
        text += "\n";
    }
    return text;
}

}  // namespace xgre::bench
