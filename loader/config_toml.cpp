// SPDX-License-Identifier: GPL-2.0-only
// The only file that sees toml++, which takes its time to compile.
#include "loader/config_toml.h"

#include <algorithm>
#include <cstddef>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace xgre {
namespace {

Place place_of(const toml::source_region& source) {
    return {source.begin.line, source.begin.column};
}

std::string type_of(const toml::node& node) {
    switch (node.type()) {
        case toml::node_type::string:
            return "a string";
        case toml::node_type::integer:
            return "an integer";
        case toml::node_type::boolean:
            return "a boolean";
        case toml::node_type::floating_point:
            return "a number with a point";
        case toml::node_type::array:
            return "a list";
        case toml::node_type::table:
            return "a table";
        default:
            return "a date or time";
    }
}

RawText text_of(const toml::node& node) {
    RawText raw{type_of(node), "", place_of(node.source())};
    if (const auto* text = node.as_string()) raw.text = text->get();
    if (const auto* number = node.as_integer()) raw.text = fmt::format("{}", number->get());
    if (const auto* is_on = node.as_boolean()) raw.text = is_on->get() ? "on" : "off";
    return raw;
}

RawField field_of(const toml::key& key, const toml::node& node) {
    RawField field;
    field.name = key.str();
    field.place = place_of(key.source());
    const toml::array* list = node.as_array();
    field.is_list = list != nullptr;
    if (list == nullptr) {
        field.texts.push_back(text_of(node));
    } else {
        for (const toml::node& element : *list)
            field.texts.push_back(text_of(element));
    }
    return field;
}

RawTable table_of(const toml::key& key, const toml::table& table, bool is_one_of_many) {
    RawTable raw{std::string{key.str()}, place_of(table.source()), is_one_of_many, {}};
    for (const auto& [name, node] : table)
        raw.fields.push_back(field_of(name, node));
    return raw;
}

std::string_view line_of(std::string_view text, std::size_t number) {
    for (; number > 1 && !text.empty(); --number)
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    return text.substr(0, text.find('\n'));
}

// The value of a line without its blanks and comment.
std::string_view value_of(std::string_view line) {
    constexpr std::string_view kBlanks = " \t\r";
    line.remove_prefix(std::min(line.find('=') + 1, line.size()));
    line = line.substr(0, line.find('#'));
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
    return line.substr(0, line.find_last_not_of(kBlanks) + 1);
}

// What people forget, who know other files: the quotes around words.
std::string way_out_of(std::string_view line) {
    const std::string_view value = value_of(line);
    const bool has_quotes = value.find_first_of("\"'[{") != std::string_view::npos;
    const bool is_word =
        !value.empty() && value.find_first_not_of("0123456789.+-_") != std::string_view::npos;
    if (line.find('=') == std::string_view::npos || has_quotes || !is_word)
        return "see toml.io for how it is written";
    return fmt::format("a value that is no number is in quotes: \"{}\"", value);
}

}  // namespace

std::vector<RawTable> parse_toml(std::string_view text, std::vector<Problem>& problems) {
    std::vector<RawTable> tables;
    toml::table file;
    try {
        file = toml::parse(text);
    } catch (const toml::parse_error& error) {
        problems.push_back({place_of(error.source()), "TOML", std::string{error.description()},
                            way_out_of(line_of(text, error.source().begin.line))});
        return tables;
    }
    for (const auto& [key, node] : file) {
        if (const auto* table = node.as_table()) {
            tables.push_back(table_of(key, *table, false));
        } else if (node.is_array_of_tables()) {
            for (const toml::node& element : *node.as_array())
                tables.push_back(table_of(key, *element.as_table(), true));
        } else {
            problems.push_back({place_of(key.source()), std::string{key.str()},
                                "is in front of all tables",
                                "put it below the [uplink] or the [[...]] that it belongs to"});
        }
    }
    return tables;
}

}  // namespace xgre
