// SPDX-License-Identifier: GPL-2.0-only
// Fields of maps as text or as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include <fmt/format.h>

#include "loader/instance_state.h"
#include "loader/map_plan.h"
#include "xgre/map.h"

namespace xgre {

// What numbers in maps stand for, as of one moment.
struct MapNames {
    struct Name {
        std::string text;
        std::string json;
    };
    using Table = std::unordered_map<std::uint32_t, Name>;

    static MapNames of(const Instance::State& state);
    static Name named(const std::string& text);

    Table networks;         // by id
    Table peers;            // by id: the address
    Table devices;          // by ifindex
    Table ports;            // by ifindex, as the row calls it
    Table slots;            // the ports by their slots
    std::uint64_t now = 0;  // CLOCK_MONOTONIC, ns
};

// A JSON string. Invalid UTF-8 becomes the replacement character.
std::string json_string(std::string_view text);

// Appends values to a buffer.
class MapText {
public:
    // Both must live as long.
    MapText(const MapNames& names, MapFormat format, fmt::memory_buffer& out)
        : names_{names}, json_{format == MapFormat::json}, out_{out} {}

    void write(const PlannedField& field, const Parts& parts);

private:
    void write_list(const PlannedField& field, const std::byte* part);
    void write_number(const PlannedField& field, const std::byte* part, std::uint64_t number);
    void write_bytes(const PlannedField& field, const std::byte* part);
    void write_address(const PlannedField& field, const std::byte* part);
    void write_owner(Show show, std::uint64_t owner);
    void write_flags(const PlannedField& field, std::uint64_t flags);
    void write_word(const NumberNames& names, std::uint64_t number);

    void nothing() { append(json_ ? "null" : "-"); }
    void number(std::uint64_t number);
    void seconds(std::uint64_t ns, bool negative = false);
    void hex(std::uint64_t number, std::uint32_t digits);
    void yes_no(bool yes);
    void quoted(std::string_view text);  // no character of it needs an escape
    void any_text(std::string_view text);
    void name_or_number(const MapNames::Table& table, std::uint64_t number);
    void next_element(bool& first);
    void append(std::string_view text) { out_.append(text.data(), text.data() + text.size()); }

    const MapNames& names_;
    bool json_;
    fmt::memory_buffer& out_;
};

}  // namespace xgre
