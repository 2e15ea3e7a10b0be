// SPDX-License-Identifier: GPL-2.0-only
// An instance's counters and state as Prometheus takes them. Reads only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "xgre/error.h"
#include "xgre/session.h"

namespace xgre {

enum class MetricType : std::uint8_t { counter, gauge };

// "counter", "gauge".
std::string name_of(MetricType type);

// A metric that there may be: a row of the one table of them.
struct MetricInfo {
    std::string name;
    MetricType type = MetricType::gauge;
    std::vector<std::string> labels;  // beside xgre_instance, which all have but the tool's own
    std::string help;
    std::string from;  // the command that tells the same, and what of it
};

std::vector<MetricInfo> metric_list();

struct MetricSample {
    std::vector<std::pair<std::string, std::string>> labels;
    std::variant<std::uint64_t, double> value;
};

struct MetricFamily {
    MetricInfo info;
    std::vector<MetricSample> samples;  // none: there is nothing of the kind
};

struct Metrics {
    std::vector<MetricFamily> families;  // in the order of metric_list()
    // Instances that cannot be read, as one of another version. Their xgre_up is 0.
    std::vector<Error> failures;
};

enum class MetricScope : std::uint8_t { one_instance, whole_namespace };

// Of the session's instance, or of all in its network namespace. Throws Error when the namespace
// cannot be entered or an instance's name is none.
Metrics read_metrics(const Session& session, MetricScope scope);

// Prometheus' text format, version 0.0.4.
std::string format_metrics(const std::vector<MetricFamily>& families);

// Makes the file, or replaces it as a whole: who reads it sees the one or the other. Everybody may
// read it. Throws Error.
void write_metrics(const std::string& file, std::string_view text);

// Answers the one HTTP request of the connection that is standard input, as systemd's Accept=yes
// hands it over. Whatever is asked is answered, in bounded time. Returns which instances could not
// be read; throws Error when standard input is no connection, when there was nothing to answer
// with, or when the answer could not be sent.
std::vector<Error> serve_metrics(const Session& session, MetricScope scope);

}  // namespace xgre
