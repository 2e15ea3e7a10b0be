// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/map.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/fields.h"
#include "cli/misuse.h"
#include "cli/offer.h"

namespace xgre::cli {
namespace {

struct MapOptions {
    std::string name;
    std::vector<std::string> filters;  // FIELD PATTERN ...
    MapQuery query;
};

// Entries as they come, as a table or as JSON.
class EntryList {
public:
    explicit EntryList(bool json) : json_{json} {}

    void add(std::span<const MapField> fields) {
        if (json_) return add_json(fields);
        if (!table_) table_.emplace(headings(fields));
        table_->add(row(fields));
    }

    void finish() {
        if (json_) return list_.finish();
        if (table_) table_->finish();
    }

private:
    static std::vector<std::string> headings(std::span<const MapField> fields) {
        std::vector<std::string> texts;
        for (const MapField& field : fields)
            texts.push_back(heading_of(field.name));
        return texts;
    }

    static std::string heading_of(std::string_view name) {
        std::string heading{name};
        for (char& letter : heading) {
            if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
            if (letter == '_') letter = '-';
        }
        return heading;
    }

    static std::vector<Table::Cell> row(std::span<const MapField> fields) {
        std::vector<Table::Cell> cells;
        cells.reserve(fields.size());
        for (const MapField& field : fields)
            cells.push_back({printable(field.value), field.is_number});
        return cells;
    }

    void add_json(std::span<const MapField> fields) {
        for (std::size_t i = json_names_.size(); i < fields.size(); ++i)
            json_names_.push_back(Json(fields[i].name).dump() + ":");
        line_ = '{';
        for (std::size_t i = 0; i < fields.size(); ++i) {
            if (i != 0) line_ += ',';
            line_ += json_names_[i];
            line_ += fields[i].value;
        }
        line_ += '}';
        list_.add_text(line_);
    }

    bool json_;
    std::optional<Table> table_;  // when the first entry says what the columns are
    JsonList list_;
    std::vector<std::string> json_names_;
    std::string line_;
};

std::vector<MapFilter> read_filters(const std::vector<std::string>& words) {
    if (words.size() % 2 != 0)
        throw Misuse{"FILTER", "'" + words.back() + "' has no pattern behind it",
                     "give pairs of a field and a pattern, like `mac 02:*`"};
    std::vector<MapFilter> filters;
    for (std::size_t i = 0; i < words.size(); i += 2)
        filters.push_back({words[i], words[i + 1]});
    return filters;
}

void show_entries(const Context& context, const MapOptions& options) {
    MapQuery query = options.query;
    query.filters = read_filters(options.filters);
    query.format = context.out.json() ? MapFormat::json : MapFormat::text;
    EntryList list{context.out.json()};
    for_each_entry(context.session, options.name, query,
                   [&list](std::span<const MapField> fields) { list.add(fields); });
    list.finish();
}

void show_maps(const Context& context, const MapQuery& query) {
    if (query.all || query.per_cpu || query.raw)
        throw Misuse{"map", "--all, --per-cpu and --raw are about the entries of one map",
                     "name the map too"};
    context.out.list(map_description_fields(), describe_maps(context.session));
}

}  // namespace

void add_map_command(CLI::App& app, Context& context) {
    auto* map = app.add_subcommand("map", "the pinned maps, or every entry of one in words");
    auto options = std::make_shared<MapOptions>();
    offer(map->add_option("NAME", options->name, "the map (default: a list of all)"), "<map>")
        ->type_name("");
    map->add_option("FILTER", options->filters,
                    "pairs FIELD PATTERN: only entries whose field is shown as what the pattern "
                    "matches, with * and ? as in the shell")
        ->type_name("");
    map->add_flag("--all", options->query.all, "of arrays, also entries that are all zero");
    map->add_flag("--per-cpu", options->query.per_cpu,
                  "of counters, an entry for each CPU (default: their sum)");
    map->add_flag("--raw", options->query.raw, "key and value as hexadecimal bytes");
    map->footer(
        "Examples:\n"
        "  xgre map\n"
        "  xgre map fdb mac '02:*' network lan\n"
        "  xgre map port_counters --per-cpu --json");
    map->callback([&context, map, options] {
        if (map->count("NAME") == 0) return show_maps(context, options->query);
        show_entries(context, *options);
    });
}

}  // namespace xgre::cli
