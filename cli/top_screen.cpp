// SPDX-License-Identifier: GPL-2.0-only
#include "cli/top_screen.h"

#include <algorithm>
#include <functional>
#include <optional>

#include <fmt/format.h>

#include "cli/print.h"
#include "cli/rates.h"
#include "cli/time_of_day.h"

namespace xgre::cli {
namespace {

using Look = TopLine::Look;

constexpr std::size_t kGap = 2;
constexpr double kNearlyFull = 0.9;

// A row of any view: what its cells say, and by what each column is sorted.
struct Row {
    std::vector<std::string> cells;
    std::vector<double> weights;       // of the columns; the first is sorted by its text
    std::vector<std::string> details;  // when the user looks into it
    bool is_alarm = false;
};

double seconds_between(const TopSample& before, const TopSample& now) {
    return std::chrono::duration<double>(now.time - before.time).count();
}

// ---- Rows -----------------------------------------------------------------------------------

void add_rates(Row& row, const Rate& rates) {
    row.cells.insert(row.cells.end(), {rate(rates.rx_packets), bit_rate(rates.rx_bits),
                                       rate(rates.tx_packets), bit_rate(rates.tx_bits)});
    row.weights.insert(row.weights.end(),
                       {rates.rx_packets, rates.rx_bits, rates.tx_packets, rates.tx_bits});
}

std::vector<std::string> totals_of(const Traffic& traffic) {
    return {fmt::format("received  {} frames, {}", traffic.rx_packets, size(traffic.rx_bytes)),
            fmt::format("sent      {} frames, {}", traffic.tx_packets, size(traffic.tx_bytes))};
}

Row row_of(const PortInfo& port, const Rate& rates) {
    Row row;
    row.cells = {printable(port.device)};
    row.weights = {0};
    add_rates(row, rates);
    row.cells.insert(row.cells.end(),
                     {fmt::format("{}", port.learned), port.hook.xdp, printable(port.network)});
    row.weights.insert(row.weights.end(), {static_cast<double>(port.learned), 0, 0});
    row.is_alarm = port.gone;
    row.details = totals_of(port.traffic);
    row.details.push_back(fmt::format("network   {}", printable(port.network)));
    row.details.push_back(fmt::format("hooks     TC {}, XDP {}{}", port.hook.tc, port.hook.xdp,
                                      port.hook.reason.empty() ? "" : ": " + port.hook.reason));
    if (!port.hook.remedy.empty()) row.details.push_back("          " + port.hook.remedy);
    row.details.push_back(
        fmt::format("learned   {} MACs{}", port.learned,
                    port.mac_limit == 0 ? "" : fmt::format(" of {} at most", port.mac_limit)));
    for (const Mac& mac : port.static_macs)
        row.details.push_back("static    " + mac.format());
    if (port.gone) row.details.emplace_back("its device is gone");
    return row;
}

Row row_of(const PeerInfo& peer, const Rate& rates) {
    Row row;
    row.cells = {peer.address.format()};
    row.weights = {0};
    add_rates(row, rates);
    const std::string state = name_of(peer.liveness.state);
    row.cells.insert(row.cells.end(),
                     {fmt::format("{}", peer.learned), state, printable(peer.network)});
    row.weights.insert(row.weights.end(), {static_cast<double>(peer.learned), 0, 0});
    row.is_alarm =
        peer.liveness.state == PeerState::down || peer.liveness.state == PeerState::one_way;
    row.details = totals_of(peer.traffic);
    row.details.push_back(fmt::format("network   {}", printable(peer.network)));
    row.details.push_back(fmt::format("state     {}", state));
    if (peer.liveness.rtt && peer.liveness.answered)
        row.details.push_back(
            fmt::format("answered  a probe in {:.3f} ms, {} ago",
                        std::chrono::duration<double, std::milli>{*peer.liveness.rtt}.count(),
                        seconds(std::chrono::duration<double>{*peer.liveness.answered}.count())));
    row.details.push_back(fmt::format("MTU       {}", peer.mtu));
    row.details.push_back(fmt::format("learned   {} MACs", peer.learned));
    return row;
}

template <typename Info>
std::vector<Row> rows_of(const std::vector<Info>& before, const std::vector<Info>& now,
                         double elapsed) {
    std::vector<Row> rows;
    for (const Info& info : now) {
        const Info* earlier = find(before, info);
        rows.push_back(row_of(
            info, earlier == nullptr ? Rate{} : rate_of(earlier->traffic, info.traffic, elapsed)));
    }
    return rows;
}

// Frames a second; of what was not counted before, zero.
double growth_of(const VerdictCount& now, const Stats& before, double elapsed) {
    const VerdictCount* earlier = find(before.verdicts, now);
    return earlier == nullptr ? 0 : per_second(earlier->packets, now.packets, elapsed);
}

std::vector<Row> rows_of_verdicts(const Stats& before, const Stats& now, double elapsed) {
    std::vector<Row> rows;
    for (const VerdictCount& count : now.verdicts) {
        if (count.packets == 0 && count.copies == 0) continue;
        const double grown = growth_of(count, before, elapsed);
        Row row;
        row.cells = {count.verdict,
                     rate(grown),
                     fmt::format("{}", count.packets),
                     fmt::format("{}", count.copies),
                     count.program,
                     count.drop ? "dropped" : "sent"};
        row.weights = {0,
                       grown,
                       static_cast<double>(count.packets),
                       static_cast<double>(count.copies),
                       0,
                       count.drop ? 1.0 : 0.0};
        row.is_alarm = count.drop && grown > 0;
        row.details = {count.help, fmt::format("decided by {}", count.program),
                       fmt::format("{} frames, {}; {} copies", count.packets, size(count.bytes),
                                   count.copies)};
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<std::string> headings_of(TopView view) {
    switch (view) {
        case TopView::ports:
            return {"PORT", "RX-PPS", "RX-RATE", "TX-PPS", "TX-RATE", "LEARNED", "XDP", "NETWORK"};
        case TopView::peers:
            return {"PEER",    "RX-PPS",  "RX-RATE", "TX-PPS",
                    "TX-RATE", "LEARNED", "STATE",   "NETWORK"};
        case TopView::verdicts:
            return {"VERDICT", "PPS", "PACKETS", "COPIES", "PROGRAM", "FATE"};
    }
    return {};
}

std::vector<Row> rows_of(const TopSample& before, const TopSample& now, TopView view) {
    const double elapsed = seconds_between(before, now);
    switch (view) {
        case TopView::ports:
            return rows_of(before.stats.ports, now.stats.ports, elapsed);
        case TopView::peers:
            return rows_of(before.stats.peers, now.stats.peers, elapsed);
        case TopView::verdicts:
            return rows_of_verdicts(before.stats, now.stats, elapsed);
    }
    return {};
}

void sort(std::vector<Row>& rows, const TopChoice& choice) {
    const std::size_t column = choice.sort;
    // Words up from a, numbers down from the largest, unless it is to be the other way round.
    const auto is_before = [&](const Row& a, const Row& b) {
        if (a.weights[column] != b.weights[column]) return a.weights[column] > b.weights[column];
        if (a.cells[column] != b.cells[column] && a.weights[column] == 0)
            return a.cells[column] < b.cells[column];
        return a.cells[0] < b.cells[0];
    };
    std::ranges::sort(rows, is_before);
    if (choice.upwards) std::ranges::reverse(rows);
}

// ---- Lines ----------------------------------------------------------------------------------

std::string fitted(std::string text, std::size_t width) {
    if (text.size() > width) text.resize(width);
    return text;
}

std::vector<std::size_t> widths_of(const std::vector<std::string>& headings,
                                   const std::vector<Row>& rows) {
    std::vector<std::size_t> widths;
    for (const std::string& heading : headings)
        widths.push_back(heading.size() + 1);  // room for the mark of the sorted one
    for (const Row& row : rows)
        for (std::size_t i = 0; i < widths.size(); ++i)
            widths[i] = std::max(widths[i], row.cells[i].size());
    return widths;
}

// The first column and words to the left, numbers to the right.
std::string line_of(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        const bool is_number = i != 0 && i < cells.size() - 2;
        const std::string pad(widths[i] - cells[i].size(), ' ');
        line += is_number ? pad + cells[i] : cells[i] + pad;
        if (i + 1 != cells.size()) line.append(kGap, ' ');
    }
    return line;
}

struct Sums {  // frames a second
    double all = 0;
    double by_xdp = 0;
    double dropped = 0;
};

Sums sums_of(const TopSample& before, const TopSample& now) {
    const double elapsed = seconds_between(before, now);
    Sums sums;
    for (const VerdictCount& count : now.stats.verdicts) {
        const double grown = growth_of(count, before.stats, elapsed);
        sums.all += grown;
        if (count.program.ends_with("_xdp")) sums.by_xdp += grown;
        if (count.drop) sums.dropped += grown;
    }
    return sums;
}

std::uint64_t learned_in(const Stats& stats) {
    std::uint64_t sum = 0;
    for (const PortInfo& port : stats.ports)
        sum += port.learned;
    for (const PeerInfo& peer : stats.peers)
        sum += peer.learned;
    return sum;
}

std::vector<TopLine> head_of(const TopSample& before, const TopSample& now,
                             const TopChoice& choice) {
    const Sums sums = sums_of(before, now);
    const std::uint64_t learned = learned_in(now.stats);
    const double full = now.fdb_entries == 0 ? 0 : static_cast<double>(learned) / now.fdb_entries;
    const std::string share =
        sums.all == 0 ? "-" : fmt::format("{:.1f}%", 100 * sums.by_xdp / sums.all);
    std::vector<TopLine> lines;
    lines.push_back(
        {fmt::format("xgre {}  uplink {}  {}{}", printable(now.instance), printable(now.uplink),
                     time_of_day(now.clock).substr(0, 8), choice.is_paused ? "  paused" : ""),
         Look::plain});
    lines.push_back({fmt::format("frames {}/s, {} by XDP, dropped {}/s", rate(sums.all), share,
                                 rate(sums.dropped)),
                     sums.dropped > 0 ? Look::alarm : Look::plain});
    lines.push_back(
        {fmt::format("FDB {} learned of {} ({:.1f}%); {} ports, {} peers", learned, now.fdb_entries,
                     100 * full, now.stats.ports.size(), now.stats.peers.size()),
         full > kNearlyFull ? Look::alarm : Look::plain});
    lines.push_back({"", Look::plain});
    return lines;
}

std::vector<TopLine> help_lines() {
    const std::vector<std::string> texts{
        "p ports   e peers   v verdicts and drops",
        "left, right: the column to sort by   r: the other way round",
        "up, down: choose one   enter: look into it   backspace: back",
        "space: pause   h: this   q: end",
    };
    std::vector<TopLine> lines;
    for (const std::string& text : texts)
        lines.push_back({text, Look::plain});
    return lines;
}

std::vector<TopLine> inside_lines(const Row& row) {
    std::vector<TopLine> lines{{row.cells[0], Look::heading}};
    for (const std::string& detail : row.details)
        lines.push_back({detail, Look::plain});
    lines.push_back({"", Look::plain});
    lines.push_back({"backspace: back", Look::plain});
    return lines;
}

// The part of the list that has the selected one in it.
std::vector<TopLine> list_lines(const std::vector<Row>& rows, const TopChoice& choice,
                                std::size_t height) {
    std::vector<std::string> headings = headings_of(choice.view);
    const auto widths = widths_of(headings, rows);
    headings[choice.sort] += choice.upwards ? '^' : 'v';
    std::vector<TopLine> lines{{line_of(headings, widths), Look::heading}};
    const std::size_t room = height > 1 ? height - 1 : 0;
    const std::size_t first =
        choice.selected < room ? 0 : std::min(choice.selected + 1 - room, rows.size());
    for (std::size_t i = first; i < rows.size() && i - first < room; ++i) {
        const Look look = i == choice.selected ? Look::selected
                          : rows[i].is_alarm   ? Look::alarm
                                               : Look::plain;
        lines.push_back({line_of(rows[i].cells, widths), look});
    }
    return lines;
}

std::size_t count_in(const TopSample& sample, TopView view) {
    return rows_of(sample, sample, view).size();
}

void show(TopChoice& choice, TopView view) {
    choice.view = view;
    choice.sort = 1;
    choice.selected = 0;
    choice.is_inside = choice.is_help = choice.upwards = false;
}

}  // namespace

void press(TopChoice& choice, TopKey key, const TopSample& sample) {
    const std::size_t columns = headings_of(choice.view).size();
    switch (key) {
        case TopKey::up:
            if (choice.selected != 0) --choice.selected;
            break;
        case TopKey::down:
            if (choice.selected + 1 < count_in(sample, choice.view)) ++choice.selected;
            break;
        case TopKey::left:
            if (choice.sort != 0) --choice.sort;
            break;
        case TopKey::right:
            if (choice.sort + 1 < columns) ++choice.sort;
            break;
        case TopKey::enter:
            choice.is_inside = count_in(sample, choice.view) != 0;
            break;
        case TopKey::back:
            choice.is_inside = choice.is_help = false;
            break;
        case TopKey::ports:
            return show(choice, TopView::ports);
        case TopKey::peers:
            return show(choice, TopView::peers);
        case TopKey::verdicts:
            return show(choice, TopView::verdicts);
        case TopKey::reverse:
            choice.upwards = !choice.upwards;
            break;
        case TopKey::pause:
            choice.is_paused = !choice.is_paused;
            break;
        case TopKey::help:
            choice.is_help = !choice.is_help;
            break;
        case TopKey::other:
            break;
    }
}

std::vector<TopLine> top_screen(const TopSample& before, const TopSample& now,
                                const TopChoice& choice, std::size_t width, std::size_t height) {
    std::vector<TopLine> lines = head_of(before, now, choice);
    std::vector<Row> rows = rows_of(before, now, choice.view);
    sort(rows, choice);
    TopChoice shown = choice;  // ports and peers may have gone
    if (shown.selected >= rows.size()) shown.selected = rows.empty() ? 0 : rows.size() - 1;
    const std::size_t room = height > lines.size() ? height - lines.size() : 0;
    std::vector<TopLine> body;
    if (choice.is_help)
        body = help_lines();
    else if (choice.is_inside && !rows.empty())
        body = inside_lines(rows[shown.selected]);
    else
        body = list_lines(rows, shown, room);
    lines.insert(lines.end(), body.begin(), body.end());
    lines.resize(std::min(lines.size(), height));
    for (TopLine& line : lines)
        line.text = fitted(std::move(line.text), width);
    return lines;
}

std::vector<TopLine> top_page(const TopSample& before, const TopSample& now) {
    constexpr std::size_t kAll = SIZE_MAX;
    std::vector<TopLine> lines = head_of(before, now, {});
    for (const TopView view : {TopView::ports, TopView::peers, TopView::verdicts}) {
        const TopChoice choice{.view = view};
        std::vector<Row> rows = rows_of(before, now, view);
        sort(rows, choice);
        const std::vector<TopLine> list = list_lines(rows, choice, kAll);
        lines.insert(lines.end(), list.begin(), list.end());
        lines.push_back({"", Look::plain});
    }
    return lines;
}

}  // namespace xgre::cli
