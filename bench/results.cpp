// SPDX-License-Identifier: GPL-2.0-only
#include "bench/results.h"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "bench/statistics.h"
#include "bench/system.h"

namespace xgre::bench {
namespace {

std::string first_value(const std::string& file, const std::string& key) {
    std::ifstream input{file};
    for (std::string line; std::getline(input, line);) {
        const std::size_t colon = line.find(": ");
        if (line.starts_with(key) && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "unknown";
}

std::string memory() {
    struct sysinfo info{};
    sysinfo(&info);
    const double bytes = static_cast<double>(info.totalram) * info.mem_unit;
    return fmt::format("{:.0f} GiB", bytes / (1024.0 * 1024 * 1024));
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
            .memory = memory(),
            .kernel = fmt::format("{} {}", names.sysname, names.release),
            .load_before = load_averages(),
            .load_after = {}};
}

std::string Line::title() const {
    std::string text{row->title};
    for (const std::string_view part : {row->cases[which].title, what().name}) {
        if (!part.empty()) text += fmt::format(", {}", part);
    }
    return text;
}

std::vector<Line> lines_of(const Run& run) {
    std::vector<Line> lines;
    for (const Result& result : run.results) {
        const auto same_case = [&](const Line& line) {
            return line.row == result.row && line.which == result.which;
        };
        if (std::ranges::any_of(lines, same_case)) continue;
        for (std::size_t metric = 0; metric < result.row->metrics.size(); ++metric)
            lines.push_back({result.row, result.which, metric});
    }
    return lines;
}

const Result* find(const Run& run, const Line& line, std::string_view peer) {
    const auto found = std::ranges::find_if(run.results, [&](const Result& result) {
        return result.row == line.row && result.which == line.which && result.peer->key == peer;
    });
    return found == run.results.end() ? nullptr : &*found;
}

const Result* find_valid(const Run& run, const Line& line, std::string_view peer) {
    const Result* result = find(run, line, peer);
    const bool valid = result != nullptr && !result->void_reason && !result->rounds.empty();
    return valid ? result : nullptr;
}

std::vector<double> values_of(const Result& result, std::size_t metric) {
    std::vector<double> values;
    for (const auto& round : result.rounds)
        values.push_back(round.at(metric));
    return values;
}

std::vector<double> ratios_between(const Run& run, const Line& line, std::string_view peer,
                                   const Line& base_line, std::string_view base_peer) {
    const Result* result = find_valid(run, line, peer);
    const Result* base = find_valid(run, base_line, base_peer);
    if (result == nullptr || base == nullptr) return {};
    return ratios(values_of(*result, line.metric), values_of(*base, base_line.metric));
}

}  // namespace xgre::bench
