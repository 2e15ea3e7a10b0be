// SPDX-License-Identifier: GPL-2.0-only
// The one table of metrics: what there is, and how each comes from what was read.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "xgre/dhcp.h"
#include "xgre/instance.h"
#include "xgre/metrics.h"

namespace xgre {

struct FdbCount {
    std::uint64_t learned = 0;
    std::uint64_t statics = 0;
};

// An instance, read once.
struct MetricReading {
    std::string instance;
    bool up = false;  // false: nothing below is known
    InstanceInfo info;
    std::vector<VerdictCount> verdicts;
    std::vector<NoteCount> notes;
    std::map<std::string, FdbCount> fdb;  // by network
    std::vector<DhcpInfo> dhcp;
    std::chrono::duration<double> took{0};
};

// Takes the samples of one metric. Values of labels stand in the order of the table's names.
class MetricSink {
public:
    MetricSink(MetricFamily& family, std::string instance)
        : family_{family}, instance_{std::move(instance)} {}

    void add(const std::vector<std::string>& values, std::variant<std::uint64_t, double> value);

private:
    MetricFamily& family_;
    std::string instance_;  // empty: of none
};

struct MetricRow {
    std::string_view name;
    MetricType type;
    std::string_view labels;  // separated by blanks
    std::string_view help;
    std::string_view from;
    void (*collect)(const MetricReading& reading, MetricSink& sink);
};

const std::vector<MetricRow>& metric_rows();

// What is of the tool, not of an instance.
inline constexpr std::string_view kBuildInfo = "xgre_build_info";
// The only one that is known of an instance that cannot be read.
inline constexpr std::string_view kUp = "xgre_up";

}  // namespace xgre
