// SPDX-License-Identifier: GPL-2.0-only
// One printer for tables and JSON: both come from one list of fields for each type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

namespace xgre::cli {

using Json = nlohmann::ordered_json;  // fields stay in the order of their list

// How a table writes a value; JSON has it as it is. A nothing is "-".
using How = std::string (*)(const Json&);
std::string plain(const Json& value);     // lists joined by commas, on and off for booleans
std::string seconds(const Json& value);   // 3.2s, 5m10s, 2d4h
std::string size(const Json& value);      // bytes: 9.5 MiB
std::string bit_rate(const Json& value);  // bits a second: 1.52 Gbit/s
std::string rate(const Json& value);      // a whole number
std::string percent(const Json& value);   // of a share: 0.123 is 12.3%

// Which tables have a field as a column; JSON has it always.
enum View : unsigned { kSetup = 1, kTraffic = 2, kBoth = kSetup | kTraffic };

template <typename T>
struct Field {
    std::string name;     // in JSON: snake_case and stable. Empty: only in tables
    std::string heading;  // in tables. Empty: only in JSON
    std::function<Json(const T&)> get;
    How how = plain;
    unsigned views = kSetup;
    bool (*is_bad)(const Json&) = nullptr;  // which values are a problem: for colours

    bool is_column(View view) const { return !heading.empty() && (views & view) != 0; }
};

template <typename T>
using Fields = std::vector<Field<T>>;

// The fields of a part as fields of the whole.
template <typename Whole, typename Part>
void append(Fields<Whole>& fields, const Fields<Part>& part_fields,
            const Part& (*part)(const Whole&)) {
    for (const Field<Part>& field : part_fields) {
        fields.push_back({field.name, field.heading,
                          [get = field.get, part](const Whole& whole) { return get(part(whole)); },
                          field.how, field.views, field.is_bad});
    }
}

template <typename T>
Json to_json(const Fields<T>& fields, const T& value) {
    Json object = Json::object();
    for (const Field<T>& field : fields) {
        if (!field.name.empty()) object[field.name] = field.get(value);
    }
    return object;
}

template <typename T>
Json to_json(const Fields<T>& fields, const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values)
        list.push_back(to_json(fields, value));
    return list;
}

// An optional as JSON: null when it is empty.
template <typename T>
Json json_or_null(const std::optional<T>& value) {
    if (!value) return nullptr;
    return *value;
}

// For people: none where stdout is no terminal, TERM is `dumb`, or NO_COLOR is set and not empty.
class Colours {
public:
    Colours();
    std::string heading(std::string_view text) const;
    std::string bad(std::string_view text) const;

private:
    std::string paint(const char* how, std::string_view text) const;

    bool wanted_;
};

// Rows in aligned columns, numbers to the right. Rows go out as they come once there are many:
// the first ones decide the widths.
class Table {
public:
    struct Cell {
        std::string text;
        bool to_the_right = false;
        bool bad = false;
    };

    explicit Table(std::vector<std::string> headings) : headings_{std::move(headings)} {}
    void add(std::vector<Cell> row);
    void finish();  // nothing is printed for no rows

private:
    void settle();
    void print(const std::vector<Cell>& row, bool is_heading = false) const;

    std::vector<std::string> headings_;
    std::vector<std::vector<Cell>> rows_;
    std::vector<std::size_t> widths_;  // empty until settled
    Colours colours_;
};

// A JSON array, an element a line, printed as it comes.
class JsonList {
public:
    void add(const Json& element);
    void add_text(std::string_view element);  // JSON already, in one line
    void finish();

private:
    bool any_ = false;
};

// A list of unknown length as a table or as JSON. finish() ends it.
template <typename T>
class List {
public:
    List(bool json, const Fields<T>& fields, View view)
        : json_{json}, fields_{fields}, view_{view}, table_{headings(fields, view)} {}

    void add(const T& value) {
        if (json_) {
            json_list_.add(to_json(fields_, value));
            return;
        }
        std::vector<Table::Cell> row;
        for (const Field<T>& field : fields_) {
            if (!field.is_column(view_)) continue;
            const Json cell = field.get(value);
            row.push_back(
                {field.how(cell), cell.is_number(), field.is_bad != nullptr && field.is_bad(cell)});
        }
        table_.add(std::move(row));
    }
    void finish() { json_ ? json_list_.finish() : table_.finish(); }

private:
    static std::vector<std::string> headings(const Fields<T>& fields, View view) {
        std::vector<std::string> texts;
        for (const Field<T>& field : fields) {
            if (field.is_column(view)) texts.push_back(field.heading);
        }
        return texts;
    }

    bool json_;
    const Fields<T>& fields_;
    View view_;
    Table table_;
    JsonList json_list_;
};

// Writes to stdout. What a command says beside its data goes to stderr: see context.h.
class Printer {
public:
    void use_json(bool json) { json_ = json; }
    bool json() const { return json_; }

    template <typename T>
    void list(const Fields<T>& fields, const std::vector<T>& values, View view = kSetup) const {
        List<T> list = stream(fields, view);
        for (const T& value : values)
            list.add(value);
        list.finish();
    }
    template <typename T>
    List<T> stream(const Fields<T>& fields, View view = kSetup) const {
        return List<T>{json_, fields, view};
    }
    // JSON, or a line a field: `heading  value`.
    template <typename T>
    void object(const Fields<T>& fields, const T& value, View view = kSetup) const {
        if (json_) return json_object(to_json(fields, value));
        const Colours colours;
        std::size_t width = 0;
        for (const Field<T>& field : fields) {
            if (field.is_column(view)) width = std::max(width, field.heading.size());
        }
        for (const Field<T>& field : fields) {
            if (!field.is_column(view)) continue;
            line(colours.heading(field.heading) +
                 std::string(width + 2 - field.heading.size(), ' ') + field.how(field.get(value)));
        }
    }
    void json_object(const Json& object) const;
    void json_line(const Json& object) const;  // in one line: for one of many
    void line(std::string_view text) const;
    void help(std::string_view text) const;  // as CLI11 makes it
    void clear_screen() const;               // of a terminal; nothing elsewhere
    bool is_terminal() const;                // people read it, at once

    // Throws Error when not everything could be written, ReaderGone when nobody reads it any more.
    void finish() const;
    // Throws ReaderGone, without anything to write: for commands that write now and then.
    void check_reader() const;

private:
    bool json_ = false;
};

// Without control characters, which a terminal would obey: names come from clients and files.
std::string printable(std::string_view text);

}  // namespace xgre::cli
