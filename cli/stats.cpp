// SPDX-License-Identifier: GPL-2.0-only
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/fields.h"
#include "cli/interrupt.h"
#include "cli/rates.h"
#include "cli/syntax.h"

namespace xgre::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct StatsOptions {
    bool all = false;
    bool watch = false;
    std::chrono::milliseconds interval{1000};
    std::optional<std::uint32_t> count;
};

struct Sample {
    Stats stats;
    Clock::time_point time;
};

// Every frame has one fate, so what came in is what was delivered and what was dropped.
struct Sums {
    std::uint64_t from_ports = 0;
    std::uint64_t from_wire = 0;
    std::uint64_t by_detour = 0;  // from either
    std::uint64_t delivered = 0;
    std::uint64_t dropped = 0;
    std::uint64_t copies_sent = 0;
    std::uint64_t copies_lost = 0;
};

Sums sums_of(const Stats& stats) {
    Sums sums;
    for (const VerdictCount& verdict : stats.verdicts) {
        if (verdict.program.starts_with("detour"))
            sums.by_detour += verdict.packets;
        else
            (verdict.program.starts_with("uplink") ? sums.from_wire : sums.from_ports) +=
                verdict.packets;
        (verdict.drop ? sums.dropped : sums.delivered) += verdict.packets;
        (verdict.drop ? sums.copies_lost : sums.copies_sent) += verdict.copies;
    }
    return sums;
}

const Fields<Sums>& sums_fields() {
    static const Fields<Sums> fields{
        {"in", "", [](const Sums& s) { return s.from_ports + s.from_wire + s.by_detour; }},
        {"from_ports", "", [](const Sums& s) { return s.from_ports; }},
        {"from_wire", "", [](const Sums& s) { return s.from_wire; }},
        {"by_detour", "", [](const Sums& s) { return s.by_detour; }},
        {"delivered", "", [](const Sums& s) { return s.delivered; }},
        {"dropped", "", [](const Sums& s) { return s.dropped; }},
        {"copies_sent", "", [](const Sums& s) { return s.copies_sent; }},
        {"copies_lost", "", [](const Sums& s) { return s.copies_lost; }},
    };
    return fields;
}

std::string sums_line(const Sums& sums) {
    return fmt::format(
        "in {} (from ports {}, from the wire {}{}) = delivered {} + dropped {}; "
        "flood copies: sent {}, lost {}",
        sums.from_ports + sums.from_wire + sums.by_detour, sums.from_ports, sums.from_wire,
        sums.by_detour != 0 ? fmt::format(", by detour {}", sums.by_detour) : "", sums.delivered,
        sums.dropped, sums.copies_sent, sums.copies_lost);
}

// ---- Rates: what grew between two samples ----------------------------------------------------

template <typename Info>
struct Rated {
    Info info;
    std::optional<Rate> rate;  // none for what was not there before
};

struct RatedVerdict {
    VerdictCount count;
    std::optional<double> packets;
};

double elapsed(const Sample& before, const Sample& now) {
    return std::chrono::duration<double>(now.time - before.time).count();
}

template <typename Info>
std::vector<Rated<Info>> rated(const std::vector<Info>& before, const std::vector<Info>& now,
                               double seconds) {
    std::vector<Rated<Info>> list;
    for (const Info& info : now) {
        Rated<Info> row{info, std::nullopt};
        if (const Info* earlier = find(before, info))
            row.rate = rate_of(earlier->traffic, info.traffic, seconds);
        list.push_back(row);
    }
    return list;
}

std::vector<RatedVerdict> rated(const std::vector<VerdictCount>& before,
                                const std::vector<VerdictCount>& now, double seconds) {
    std::vector<RatedVerdict> list;
    for (const VerdictCount& count : now) {
        RatedVerdict row{count, std::nullopt};
        if (const VerdictCount* earlier = find(before, count)) {
            row.packets = per_second(earlier->packets, count.packets, seconds);
        }
        list.push_back(row);
    }
    return list;
}

template <typename Info>
Field<Rated<Info>> rate_field(std::string name, std::string heading, double Rate::* part, How how) {
    return {std::move(name), std::move(heading),
            [part](const Rated<Info>& row) -> Json {
                if (!row.rate) return nullptr;
                return (*row.rate).*part;
            },
            how, kTraffic};
}

template <typename Info>
Fields<Rated<Info>> with_rates(const Fields<Info>& fields) {
    Fields<Rated<Info>> list;
    append<Rated<Info>, Info>(list, fields,
                              [](const Rated<Info>& row) -> const Info& { return row.info; });
    list.push_back(rate_field<Info>("rx_packets_per_second", "RX-PPS", &Rate::rx_packets, rate));
    list.push_back(rate_field<Info>("rx_bits_per_second", "RX-RATE", &Rate::rx_bits, bit_rate));
    list.push_back(rate_field<Info>("tx_packets_per_second", "TX-PPS", &Rate::tx_packets, rate));
    list.push_back(rate_field<Info>("tx_bits_per_second", "TX-RATE", &Rate::tx_bits, bit_rate));
    return list;
}

Fields<RatedVerdict> with_rates(const Fields<VerdictCount>& fields) {
    Fields<RatedVerdict> list;
    append<RatedVerdict, VerdictCount>(
        list, fields, [](const RatedVerdict& row) -> const VerdictCount& { return row.count; });
    const auto meaning = list.end() - 1;  // the longest column stays last
    list.insert(meaning, {"packets_per_second", "PPS",
                          [](const RatedVerdict& row) { return json_or_null(row.packets); }, rate,
                          kTraffic});
    return list;
}

// ---- Printing --------------------------------------------------------------------------------

bool is_shown(const VerdictCount& count) {
    return count.packets != 0 || count.copies != 0;
}
bool is_shown(const RatedVerdict& row) {
    return is_shown(row.count);
}
bool is_shown(const NoteCount& note) {
    return note.count != 0;
}

template <typename T>
void section(const Printer& out, const Fields<T>& fields, std::vector<T> rows, bool all) {
    if constexpr (requires(const T& row) { is_shown(row); }) {
        if (!all) std::erase_if(rows, [](const T& row) { return !is_shown(row); });
    }
    if (rows.empty()) return;
    out.list(fields, rows, kTraffic);
    out.line("");
}

Json json_of(const Stats& stats) {
    return {{"verdicts", to_json(verdict_fields(), stats.verdicts)},
            {"notes", to_json(note_fields(), stats.notes)},
            {"ports", to_json(port_fields(), stats.ports)},
            {"peers", to_json(peer_fields(), stats.peers)},
            {"sums", to_json(sums_fields(), sums_of(stats))}};
}

void print(const Printer& out, const Stats& stats, bool all) {
    if (out.json()) return out.json_object(json_of(stats));
    section(out, port_fields(), stats.ports, all);
    section(out, peer_fields(), stats.peers, all);
    section(out, verdict_fields(), stats.verdicts, all);
    section(out, note_fields(), stats.notes, all);
    out.line(sums_line(sums_of(stats)));
}

void print_growth(const Printer& out, const Sample& before, const Sample& now, bool all) {
    const double seconds = elapsed(before, now);
    const auto ports = rated(before.stats.ports, now.stats.ports, seconds);
    const auto peers = rated(before.stats.peers, now.stats.peers, seconds);
    const auto verdicts = rated(before.stats.verdicts, now.stats.verdicts, seconds);
    if (out.json()) {
        Json json = json_of(now.stats);
        json["ports"] = to_json(with_rates(port_fields()), ports);
        json["peers"] = to_json(with_rates(peer_fields()), peers);
        json["verdicts"] = to_json(with_rates(verdict_fields()), verdicts);
        json["seconds"] = seconds;
        return out.json_line(json);
    }
    out.clear_screen();
    section(out, with_rates(port_fields()), ports, all);
    section(out, with_rates(peer_fields()), peers, all);
    section(out, with_rates(verdict_fields()), verdicts, all);
    section(out, note_fields(), now.stats.notes, all);
    out.line(sums_line(sums_of(now.stats)));
}

// The instance anew each time: it may be attached again meanwhile.
Sample take_sample(const Context& context) {
    return {context.view().stats(), Clock::now()};
}

void watch(const Context& context, const StatsOptions& options) {
    const Interrupt interrupt;
    Sample before = take_sample(context);
    for (std::uint32_t shown = 0; !options.count || shown < *options.count; ++shown) {
        if (interrupt.wait(options.interval)) return;
        const Sample now = take_sample(context);
        print_growth(context.out, before, now, options.all);
        context.out.finish();
        before = now;
    }
}

}  // namespace

void add_stats_command(CLI::App& app, Context& context) {
    auto* stats = app.add_subcommand("stats", "what became of every frame, and traffic");
    auto options = std::make_shared<StatsOptions>();
    stats->add_flag("--all", options->all, "also counters that are zero; JSON always has them");
    CLI::Option* watching =
        add_value(*stats, "--watch", options->interval, interval_syntax(),
                  "again every SECONDS, with rates, until Ctrl-C (default: 1); as JSON, one object "
                  "a line")
            ->expected(0, 1)
            ->default_str("1");
    add_value(*stats, "--count", options->count, number_syntax(1, UINT32_MAX),
              "end after this many times")
        ->needs(watching);
    stats->footer(
        "Examples:\n"
        "  xgre stats\n"
        "  xgre stats --watch 2");
    stats->callback([&context, options, watching] {
        if (watching->count() != 0) return watch(context, *options);
        print(context.out, context.view().stats(), options->all);
    });
}

}  // namespace xgre::cli
