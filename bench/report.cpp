// SPDX-License-Identifier: GPL-2.0-only
#include "bench/report.h"

#include <sys/utsname.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/system.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

constexpr std::string_view kBegin = "<!-- scripts/bench writes from here -->";
constexpr std::string_view kEnd = "<!-- to here -->";
constexpr const char* kNothing = "-";

struct Table {
    std::string caption;
    std::vector<std::vector<std::string>> lines;  // the first is the header
};

struct Spread {
    double low;  // first quartile
    double median;
    double high;  // third quartile
};

// With linear interpolation between neighbours. `values` has at least one.
double quantile(const std::vector<double>& sorted, double part) {
    const double at = part * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(std::floor(at));
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return std::lerp(sorted[below], sorted[above], at - std::floor(at));
}

Spread spread_of(std::vector<double> values) {
    std::ranges::sort(values);
    return {quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)};
}

std::string short_number(double value) {
    if (value >= 100) return fmt::format("{:.0f}", value);
    if (value >= 10) return fmt::format("{:.1f}", value);
    return fmt::format("{:.2f}", value);
}

std::string cell(const Spread& spread) {
    return fmt::format("{} [{}-{}]", short_number(spread.median), short_number(spread.low),
                       short_number(spread.high));
}

bool has_values(const Result* result) {
    return result != nullptr && !result->void_reason && !result->rounds.empty();
}

std::vector<double> values_of(const Result& result, std::size_t metric) {
    std::vector<double> values;
    for (const auto& round : result.rounds)
        values.push_back(round.at(metric));
    return values;
}

// Round by round, since the machine is not the same in each.
std::vector<double> ratios(const Result& result, const Result& base, std::size_t metric) {
    std::vector<double> values;
    for (std::size_t i = 0; i < std::min(result.rounds.size(), base.rounds.size()); ++i) {
        values.push_back(result.rounds[i].at(metric) / base.rounds[i].at(metric));
    }
    return values;
}

const Result* find(const Run& run, const Row& row, std::string_view peer) {
    const auto found = std::ranges::find_if(run.results, [&](const Result& result) {
        return result.row == &row && result.peer->key == peer;
    });
    return found == run.results.end() ? nullptr : &*found;
}

std::vector<const Row*> rows_of(const Run& run) {
    std::vector<const Row*> rows;
    for (const Result& result : run.results) {
        if (std::ranges::find(rows, result.row) == rows.end()) rows.push_back(result.row);
    }
    return rows;
}

std::string title_of(const Row& row, const Metric& metric) {
    return metric.name.empty() ? std::string{row.title}
                               : fmt::format("{}, {}", row.title, metric.name);
}

// A line for each row and metric, a column for each peer. `content` makes a cell.
template <typename Content>
Table table(const Run& run, std::string caption, const Content& content) {
    Table made{std::move(caption), {{"row", "unit"}}};
    for (const Peer& peer : all_peers())
        made.lines[0].emplace_back(peer.title);
    for (const Row* row : rows_of(run)) {
        for (std::size_t metric = 0; metric < row->metrics.size(); ++metric) {
            std::vector<std::string> line{title_of(*row, row->metrics[metric]),
                                          std::string{row->metrics[metric].unit}};
            for (const Peer& peer : all_peers()) {
                line.push_back(content(find(run, *row, peer.key), *row, metric));
            }
            if (std::ranges::any_of(line.begin() + 2, line.end(),
                                    [](const auto& text) { return text != kNothing; })) {
                made.lines.push_back(std::move(line));
            }
        }
    }
    return made;
}

Table ratio_table(const Run& run, std::string_view base_key, std::string_view base_title) {
    Table made =
        table(run, fmt::format("Ratio to {}", base_title),
              [&](const Result* result, const Row& row, std::size_t metric) -> std::string {
                  const Result* base = find(run, row, base_key);
                  if (!has_values(result) || !has_values(base)) return kNothing;
                  return cell(spread_of(ratios(*result, *base, metric)));
              });
    // Its unit says which way is better.
    made.lines[0][1] = "better";
    std::size_t line = 1;
    for (const Row* row : rows_of(run)) {
        if (!has_values(find(run, *row, base_key))) continue;
        for (const Metric& metric : row->metrics) {
            made.lines[line++][1] = metric.more_is_better ? "more" : "less";
        }
    }
    return made;
}

Table absolute_table(const Run& run) {
    return table(run, "Figures",
                 [](const Result* result, const Row&, std::size_t metric) -> std::string {
                     if (result != nullptr && result->void_reason) return "void";
                     if (!has_values(result)) return kNothing;
                     return cell(spread_of(values_of(*result, metric)));
                 });
}

std::vector<Table> tables(const Run& run) {
    std::vector<Table> made;
    for (const std::string_view key : {kVxlan, kLimit, kBridge}) {
        const auto peer = std::ranges::find(all_peers(), key, &Peer::key);
        Table ratio = ratio_table(run, key, peer->title);
        if (ratio.lines.size() > 1) made.push_back(std::move(ratio));
    }
    made.push_back(absolute_table(run));
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
        text += "| --- | --- |";
        for (std::size_t column = 2; column < shown.lines[0].size(); ++column)
            text += " ---: |";
        text += "\n";
    }
    return text;
}

std::string voids(const Run& run) {
    std::string text;
    for (const Result& result : run.results) {
        if (!result.void_reason) continue;
        text += fmt::format("void: {}, {}: {}\n", result.row->title, result.peer->title,
                            *result.void_reason);
    }
    return text;
}

constexpr const char* kLegend = "median [quartiles]; ratios are taken in each round";

std::string first_value(const std::string& file, const std::string& key) {
    std::ifstream input{file};
    for (std::string line; std::getline(input, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with(key) && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown";
}

std::string read_file(const std::string& path) {
    std::ifstream file{path};
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw Error{path, "cannot read it", "see whether it is there"};
    return text.str();
}

}  // namespace

std::string load_averages() {
    std::ifstream file{"/proc/loadavg"};
    std::string one, five, fifteen;
    file >> one >> five >> fifteen;
    return fmt::format("{} {} {}", one, five, fifteen);
}

Machine describe_machine() {
    utsname names{};
    uname(&names);
    return {.processor = first_value("/proc/cpuinfo", "model name"),
            .processors = processors().size(),
            .kernel = fmt::format("{} {}", names.sysname, names.release),
            .load_before = load_averages(),
            .load_after = {}};
}

std::string as_text(const Run& run) {
    std::string text;
    for (const Table& shown : tables(run))
        text += as_text(shown) + "\n";
    text += fmt::format("{}; {} rounds\n{}", kLegend, run.rounds, voids(run));
    text += fmt::format("{}, {} processors, {}; load average {} before, {} after\n",
                        run.machine.processor, run.machine.processors, run.machine.kernel,
                        run.machine.load_before, run.machine.load_after);
    return text;
}

std::string as_json(const Run& run) {
    nlohmann::ordered_json root;
    root["command"] = run.command;
    root["date"] = run.date;
    root["rounds"] = run.rounds;
    root["machine"] = {{"processor", run.machine.processor},
                       {"processors", run.machine.processors},
                       {"kernel", run.machine.kernel},
                       {"load_before", run.machine.load_before},
                       {"load_after", run.machine.load_after}};
    root["results"] = nlohmann::ordered_json::array();
    for (const Result& result : run.results) {
        for (std::size_t metric = 0; metric < result.row->metrics.size(); ++metric) {
            const Metric& what = result.row->metrics[metric];
            nlohmann::ordered_json entry;
            entry["row"] = result.row->key;
            entry["metric"] = what.name;
            entry["unit"] = what.unit;
            entry["better"] = what.more_is_better ? "more" : "less";
            entry["peer"] = result.peer->key;
            entry["void"] = nullptr;
            if (result.void_reason) entry["void"] = *result.void_reason;
            if (has_values(&result)) {
                const auto values = values_of(result, metric);
                entry["median"] = spread_of(values).median;
                entry["values"] = values;
                for (const std::string_view base_key : {kVxlan, kLimit, kBridge}) {
                    const Result* base = find(run, *result.row, base_key);
                    if (!has_values(base)) continue;
                    entry["ratio"][std::string{base_key}] =
                        spread_of(ratios(result, *base, metric)).median;
                }
            }
            root["results"].push_back(std::move(entry));
        }
    }
    return root.dump(2) + "\n";
}

void write_into_markdown(const Run& run, const std::string& file) {
    const std::string old = read_file(file);
    const std::size_t begin = old.find(kBegin);
    const std::size_t end = old.find(kEnd);
    if (begin == std::string::npos || end == std::string::npos || end < begin) {
        throw Error{file, "the marks between which the tables go are missing",
                    fmt::format("write the lines `{}` and `{}` into it", kBegin, kEnd)};
    }
    std::string text = fmt::format(
        "\n{}, {}: `{}` ({} rounds), {} processors ({}), load average {} before and {} after.\n"
        "Cells are {}.\n\n",
        run.date, run.machine.kernel, run.command, run.rounds, run.machine.processors,
        run.machine.processor, run.machine.load_before, run.machine.load_after, kLegend);
    for (const Table& shown : tables(run))
        text += as_markdown(shown) + "\n";
    const std::string failed = voids(run);
    if (!failed.empty()) text += failed + "\n";
    write_file(file, old.substr(0, begin + kBegin.size()) + text + old.substr(end));
}

}  // namespace xgre::bench
