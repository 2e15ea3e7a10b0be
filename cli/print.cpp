// SPDX-License-Identifier: GPL-2.0-only
#include "cli/print.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "xgre/error.h"

namespace xgre::cli {
namespace {

constexpr const char* kNothing = "-";
constexpr const char* kStandardOutput = "standard output";
constexpr std::size_t kRowsBeforeSettling = 1000;
constexpr std::size_t kGap = 2;
constexpr const char* kBold = "\x1b[1m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kPlain = "\x1b[0m";

// Invalid UTF-8, in a name from a client, becomes the replacement character.
std::string dump(const Json& value, int indent) {
    return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

std::string joined(const Json& list) {
    std::string text;
    for (const Json& element : list) {
        if (!text.empty()) text += ',';
        text += plain(element);
    }
    return text.empty() ? kNothing : text;
}

std::string scaled(double value, double step, const std::array<const char*, 5>& units) {
    std::size_t unit = 0;
    while (value >= step && unit + 1 < units.size()) {
        value /= step;
        ++unit;
    }
    return unit == 0 ? fmt::format("{:.0f} {}", value, units[unit])
                     : fmt::format("{:.3g} {}", value, units[unit]);
}

}  // namespace

std::string printable(std::string_view text) {
    std::string safe;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            safe += fmt::format("\\x{:02x}", byte);
        } else {
            safe += c;
        }
    }
    return safe;
}

std::string plain(const Json& value) {
    if (value.is_null()) return kNothing;
    if (value.is_array()) return joined(value);
    if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
    if (!value.is_string()) return dump(value, -1);
    const auto& text = value.get_ref<const std::string&>();
    return text.empty() ? kNothing : printable(text);
}

std::string seconds(const Json& value) {
    constexpr double kMinute = 60;
    if (!value.is_number()) return plain(value);
    const auto number = value.get<double>();
    if (number < kMinute) {
        return value.is_number_integer() ? fmt::format("{}s", value.get<std::int64_t>())
                                         : fmt::format("{:.1f}s", number);
    }
    const auto whole = static_cast<std::uint64_t>(number);
    struct Unit {
        std::uint64_t seconds;
        char letter;
    };
    // The two largest units say enough.
    constexpr std::array<Unit, 4> units{{{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}}};
    const auto* const large = std::find_if(units.begin(), units.end() - 2,
                                           [whole](const Unit& u) { return whole >= u.seconds; });
    const auto* const small = large + 1;
    const std::uint64_t rest = whole % large->seconds / small->seconds;
    std::string text = fmt::format("{}{}", whole / large->seconds, large->letter);
    if (rest != 0) text += fmt::format("{}{}", rest, small->letter);
    return text;
}

std::string size(const Json& value) {
    if (!value.is_number()) return plain(value);
    return scaled(value.get<double>(), 1024, {"B", "KiB", "MiB", "GiB", "TiB"});
}

std::string bit_rate(const Json& value) {
    if (!value.is_number()) return plain(value);
    return scaled(value.get<double>(), 1000, {"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"});
}

std::string rate(const Json& value) {
    if (!value.is_number()) return plain(value);
    return fmt::format("{:.0f}", value.get<double>());
}

std::string percent(const Json& value) {
    if (!value.is_number()) return plain(value);
    return fmt::format("{:.1f}%", value.get<double>() * 100);
}

Colours::Colours() {
    const auto value = [](const char* name) {
        const char* text = std::getenv(name);
        return std::string_view{text == nullptr ? "" : text};
    };
    wanted_ = isatty(STDOUT_FILENO) != 0 && value("NO_COLOR").empty() && value("TERM") != "dumb";
}

std::string Colours::heading(std::string_view text) const {
    return paint(kBold, text);
}

std::string Colours::bad(std::string_view text) const {
    return paint(kRed, text);
}

std::string Colours::paint(const char* how, std::string_view text) const {
    if (!wanted_) return std::string{text};
    return fmt::format("{}{}{}", how, text, kPlain);
}

void Table::add(std::vector<Cell> row) {
    if (!widths_.empty()) return print(row);
    rows_.push_back(std::move(row));
    if (rows_.size() == kRowsBeforeSettling) settle();
}

void Table::finish() {
    if (!rows_.empty()) settle();
}

void Table::settle() {
    for (const std::string& heading : headings_)
        widths_.push_back(heading.size());
    std::vector<Cell> top;
    for (std::size_t i = 0; i < headings_.size(); ++i) {
        bool to_the_right = false;
        for (const std::vector<Cell>& row : rows_) {
            widths_[i] = std::max(widths_[i], row[i].text.size());
            to_the_right = to_the_right || row[i].to_the_right;
        }
        top.push_back({headings_[i], to_the_right});
        for (std::vector<Cell>& row : rows_)
            row[i].to_the_right = to_the_right;
    }
    print(top, true);
    for (const std::vector<Cell>& row : rows_)
        print(row);
    rows_.clear();
}

void Table::print(const std::vector<Cell>& row, bool is_heading) const {
    std::string text;
    for (std::size_t i = 0; i < row.size(); ++i) {
        const Cell& cell = row[i];
        const std::size_t blanks = widths_[i] - std::min(widths_[i], cell.text.size());
        if (i != 0) text.append(kGap, ' ');
        if (cell.to_the_right) text.append(blanks, ' ');
        // Colours take no room: the blanks are those of the bare text.
        if (is_heading) {
            text += colours_.heading(cell.text);
        } else {
            text += cell.bad ? colours_.bad(cell.text) : cell.text;
        }
        if (!cell.to_the_right && i + 1 < row.size()) text.append(blanks, ' ');
    }
    text += '\n';
    std::fwrite(text.data(), 1, text.size(), stdout);
}

void JsonList::add(const Json& element) {
    add_text(dump(element, -1));
}

void JsonList::add_text(std::string_view element) {
    std::fputs(any_ ? ",\n  " : "[\n  ", stdout);
    std::fwrite(element.data(), 1, element.size(), stdout);
    any_ = true;
}

void JsonList::finish() {
    std::fputs(any_ ? "\n]\n" : "[]\n", stdout);
}

void Printer::json_object(const Json& object) const {
    line(dump(object, 2));
}

void Printer::json_line(const Json& object) const {
    line(dump(object, -1));
}

void Printer::line(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
}

bool Printer::is_terminal() const {
    return isatty(STDOUT_FILENO) != 0;
}

void Printer::help(std::string_view text) const {
    const Colours colours;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view one = text.substr(0, end);
        const bool is_title = !one.starts_with(' ') && one.ends_with(':');
        line(is_title ? colours.heading(one) : one);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

void Printer::clear_screen() const {
    if (is_terminal()) std::fputs("\x1b[H\x1b[2J", stdout);
}

void Printer::finish() const {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
    const int error = errno;
    check_reader();  // the error may be that of an earlier write
    throw Error::from_errno(kStandardOutput, "cannot write everything", error,
                            "make room for it, or send it elsewhere");
}

void Printer::check_reader() const {
    pollfd output{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
    if (::poll(&output, 1, 0) > 0 && (output.revents & POLLERR) != 0)
        throw ReaderGone{kStandardOutput};
}

}  // namespace xgre::cli
