// SPDX-License-Identifier: GPL-2.0-only
#include "bench/report.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "bench/charts.h"
#include "bench/goals.h"
#include "bench/statistics.h"
#include "bench/system.h"
#include "bench/tables.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBegin = "<!-- scripts/bench writes from here -->";
constexpr std::string_view kEnd = "<!-- to here -->";
constexpr const char* kLegend = "median [quartiles]; ratios are taken in each round";
constexpr const char* kCharts = "performance";  // the charts' directory, beside performance.md

std::string voids(const Run& run) {
    std::string text;
    for (const Result& result : run.results) {
        if (!result.void_reason) continue;
        const std::string_view which = result.row->cases[result.which].title;
        text += fmt::format("void: {}{}{}, {}: {}\n", result.row->title, which.empty() ? "" : ", ",
                            which, result.peer->title, *result.void_reason);
    }
    return text;
}

std::string read_file(const std::string& path) {
    std::ifstream file{path};
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) throw Error{path, "cannot read it", "see whether it is there"};
    return text.str();
}

std::string caption(const Run& run) {
    return fmt::format(
        "{}: `{}`, {} rounds in {:.0f} s.\n"
        "{}, {} processors ({}), {} of memory; load average {} before and {} after.",
        run.date, run.command, run.rounds, run.seconds, run.machine.kernel, run.machine.processors,
        run.machine.processor, run.machine.memory, run.machine.load_before, run.machine.load_after);
}

Json as_json(const Run& run, const Line& line, const Result& result) {
    Json entry;
    entry["row"] = line.row->key;
    entry["case"] = line.row->cases[line.which].title;
    entry["metric"] = line.what().name;
    entry["unit"] = line.what().unit;
    entry["better"] = line.what().more_is_better ? "more" : "less";
    entry["peer"] = result.peer->key;
    entry["void"] = nullptr;
    if (result.void_reason) entry["void"] = *result.void_reason;
    if (find_valid(run, line, result.peer->key) == nullptr) return entry;
    const auto values = values_of(result, line.metric);
    entry["median"] = spread_of(values).median;
    entry["values"] = values;
    for (const std::string_view base : {kVxlan, kLimit, kBridge}) {
        const auto times = ratios_between(run, line, result.peer->key, line, base);
        if (!times.empty()) entry["ratio"][std::string{base}] = spread_of(times).median;
    }
    return entry;
}

Json as_json(const Outcome& outcome) {
    Json entry;
    entry["row"] = outcome.goal->row;
    entry["case"] = outcome.goal->which;
    entry["metric"] = outcome.goal->metric;
    entry["peer"] = outcome.goal->peer;
    entry["wanted"] = outcome.wanted();
    entry["measured"] = nullptr;
    if (outcome.measured) entry["measured"] = outcome.measured->median;
    entry["reached"] = outcome.reached();
    return entry;
}

}  // namespace

std::string as_text(const Run& run) {
    std::string text;
    for (const Table& shown : tables_of(run))
        text += as_text(shown) + "\n";
    text += fmt::format("{}\n{}{}\n", kLegend, voids(run), caption(run));
    return text;
}

std::string as_json(const Run& run) {
    Json root;
    root["command"] = run.command;
    root["date"] = run.date;
    root["seconds"] = run.seconds;
    root["rounds"] = run.rounds;
    root["machine"] = {
        {"processor", run.machine.processor},     {"processors", run.machine.processors},
        {"memory", run.machine.memory},           {"kernel", run.machine.kernel},
        {"load_before", run.machine.load_before}, {"load_after", run.machine.load_after}};
    root["goals"] = Json::array();
    for (const Outcome& outcome : outcomes_of(run, all_goals()))
        root["goals"].push_back(as_json(outcome));
    root["results"] = Json::array();
    for (const Line& line : lines_of(run)) {
        for (const Peer& peer : all_peers()) {
            if (const Result* result = find(run, line, peer.key))
                root["results"].push_back(as_json(run, line, *result));
        }
    }
    return root.dump(2) + "\n";
}

std::string with_results(const std::string& document, const Run& run, const std::string& name) {
    const std::size_t begin = document.find(kBegin);
    const std::size_t end = document.find(kEnd);
    if (begin == std::string::npos || end == std::string::npos || end < begin) {
        throw Error{name, "the marks between which the results go are missing",
                    fmt::format("write the lines `{}` and `{}` into it", kBegin, kEnd)};
    }
    std::string text = fmt::format("\n{}\nCells are {}.\n\n", caption(run), kLegend);
    for (const Table& shown : tables_of(run))
        text += as_markdown(shown) + "\n";
    text += "### Charts\n\n";
    for (const Chart& chart : charts_of(run))
        text += fmt::format("![{}]({}/{}.svg)\n\n", chart.title, kCharts, chart.name);
    const std::string failed = voids(run);
    if (!failed.empty()) text += failed + "\n";
    return document.substr(0, begin + kBegin.size()) + text + document.substr(end);
}

void write_docs(const Run& run, const std::string& directory) {
    const std::string page = directory + "/performance.md";
    const std::string text = with_results(read_file(page), run, page);
    const std::filesystem::path charts = std::filesystem::path{directory} / kCharts;
    std::filesystem::remove_all(charts);  // of an earlier run, with other rows maybe
    std::filesystem::create_directories(charts);
    for (const Chart& chart : charts_of(run))
        write_file(charts / (chart.name + ".svg"), chart.svg);
    write_file(page, text);
}

}  // namespace xgre::bench
