// SPDX-License-Identifier: GPL-2.0-only
// What `xgre top` shows: from two samples of counters to the lines of a screen. Knows no terminal.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "xgre/instance.h"

namespace xgre::cli {

struct TopSample {
    Stats stats;
    std::string instance;
    std::string uplink;
    std::uint32_t fdb_entries = 0;      // that fit
    std::chrono::nanoseconds time{0};   // of a clock that only goes forward
    std::chrono::nanoseconds clock{0};  // since 1970
};

enum class TopView : std::uint8_t { ports, peers, verdicts };

// What the user has chosen.
struct TopChoice {
    TopView view = TopView::ports;
    std::size_t sort = 1;      // column
    bool upwards = false;      // smallest first
    std::size_t selected = 0;  // row, of those shown
    bool is_inside = false;    // looks into the selected one
    bool is_paused = false;
    bool is_help = false;
};

struct TopLine {
    enum class Look : std::uint8_t { plain, heading, selected, alarm };
    std::string text;
    Look look = Look::plain;
};

// A key that was pressed, and what it does.
enum class TopKey : std::uint8_t {
    up,
    down,
    left,  // sort by the column to the left
    right,
    enter,
    back,
    ports,
    peers,
    verdicts,
    reverse,
    pause,
    help,
    other,
};
void press(TopChoice& choice, TopKey key, const TopSample& sample);

// Lines of at most `width` characters, `height` of them at most.
std::vector<TopLine> top_screen(const TopSample& before, const TopSample& now,
                                const TopChoice& choice, std::size_t width, std::size_t height);

// All views one below the other, however large.
std::vector<TopLine> top_page(const TopSample& before, const TopSample& now);

}  // namespace xgre::cli
