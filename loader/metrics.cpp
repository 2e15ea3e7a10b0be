// SPDX-License-Identifier: GPL-2.0-only
// Reading instances for the table of metrics.
#include "xgre/metrics.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "loader/clock.h"
#include "loader/instance_state.h"
#include "loader/instances.h"
#include "loader/metrics_table.h"
#include "loader/netns.h"
#include "loader/pins.h"
#include "loader/words.h"

namespace xgre {
namespace {

MetricInfo info_of(const MetricRow& row) {
    return {std::string{row.name}, row.type, words_of(std::string{row.labels}),
            std::string{row.help}, std::string{row.from}};
}

// By a walk over the table, since static entries are counted nowhere.
std::map<std::string, FdbCount> count_fdb(const Instance::State& state) {
    std::map<std::uint32_t, FdbCount> by_id;
    for (const auto& [id, network] : state.networks())
        by_id[id] = {};
    state.datapath.fdb().for_each([&](const xgre_fdb_key& key, const xgre_fdb_entry& entry) {
        const auto found = by_id.find(key.network);
        if (found == by_id.end()) return;
        const bool is_static = (entry.owner & XGRE_OWNER_STATIC) != 0;
        ++(is_static ? found->second.statics : found->second.learned);
    });
    std::map<std::string, FdbCount> by_name;
    for (const auto& [id, network] : state.networks())
        by_name[text_of(network.name)] = by_id[id];
    return by_name;
}

// While a command repairs, a port whose device vanished and one that has its name now are both
// there, and of two series with the same labels Prometheus takes none.
void keep_one_of_each_name(std::vector<PortInfo>& ports) {
    std::map<std::string, PortInfo> kept;
    for (PortInfo& port : ports) {
        const auto [at, is_new] = kept.try_emplace(port.device, port);
        if (!is_new && at->second.gone) at->second = std::move(port);
    }
    ports.clear();
    for (auto& [name, port] : kept)
        ports.push_back(std::move(port));
}

MetricReading read_instance(const Session& session) {
    const auto begin = monotonic_time();
    MetricReading reading;
    reading.instance = session.instance;
    reading.info = Instance::view(session).show();
    keep_one_of_each_name(reading.info.ports);
    const Instance::State state{session, std::nullopt};
    reading.verdicts = verdict_counts(state.datapath);
    reading.notes = note_counts(state.datapath);
    reading.fdb = count_fdb(state);
    reading.dhcp = show_dhcp(session, std::nullopt);
    reading.took = monotonic_time() - begin;
    reading.up = true;
    return reading;
}

// One that cannot be read may be of another version, and then it is not known whose it is: it is
// told everywhere rather than nowhere.
std::vector<std::string> instances_here(const Session& session) {
    const auto scope = enter(session);
    const std::uint64_t cookie = netns_cookie();
    std::vector<std::string> names;
    for (std::string& name : Instance::list()) {
        const auto row = uplink_of(name);
        if (!row || row->netns_cookie == cookie) names.push_back(std::move(name));
    }
    return names;
}

void add_reading(Metrics& metrics, const MetricReading& reading) {
    for (std::size_t i = 0; i < metric_rows().size(); ++i) {
        const MetricRow& row = metric_rows()[i];
        if (row.name == kBuildInfo || (!reading.up && row.name != kUp)) continue;
        MetricSink sink{metrics.families[i], reading.instance};
        row.collect(reading, sink);
    }
}

Metrics of_the_tool() {
    Metrics metrics;
    for (const MetricRow& row : metric_rows()) {
        metrics.families.push_back({info_of(row), {}});
        MetricSink sink{metrics.families.back(), ""};
        if (row.name == kBuildInfo) row.collect({}, sink);
    }
    return metrics;
}

void add_instance(Metrics& metrics, Session session, const std::string& name, bool may_go) {
    session.instance = name;
    try {
        add_reading(metrics, read_instance(session));
    } catch (const Error& error) {
        // Detached since it was listed: there is nothing to tell.
        if (may_go && !pins::exists(pins::directory(name))) return;
        MetricReading nothing;
        nothing.instance = name;
        add_reading(metrics, nothing);
        metrics.failures.push_back(error);
    }
}

}  // namespace

std::string name_of(MetricType type) {
    return type == MetricType::counter ? "counter" : "gauge";
}

std::vector<MetricInfo> metric_list() {
    std::vector<MetricInfo> list;
    for (const MetricRow& row : metric_rows())
        list.push_back(info_of(row));
    return list;
}

Metrics read_metrics(const Session& session, MetricScope scope) {
    Metrics metrics = of_the_tool();
    if (scope == MetricScope::one_instance) {
        pins::check_instance_name(session.instance);
        add_instance(metrics, session, session.instance, false);
        return metrics;
    }
    for (const std::string& name : instances_here(session))
        add_instance(metrics, session, name, true);
    return metrics;
}

}  // namespace xgre
