// SPDX-License-Identifier: GPL-2.0-only
#include "cli/manual/roff.h"

#include <cstddef>

#include <fmt/format.h>

namespace xgre::manual {
namespace {

// Characters that roff takes for its own, and those that it would make typographic.
std::string escaped(std::string_view plain) {
    std::string text;
    for (const char c : plain) {
        switch (c) {
            case '\\':
                text += "\\e";
                break;
            case '-':
                text += "\\-";
                break;
            case '\'':
                text += "\\(aq";
                break;
            case '`':
                text += "\\(ga";
                break;
            case '^':
                text += "\\(ha";
                break;
            case '~':
                text += "\\(ti";
                break;
            case '"':
                text += "\\(dq";
                break;  // in an argument of a macro it would end it
            default:
                text += c;
        }
    }
    return text;
}

std::string upper(std::string_view plain) {
    std::string text{plain};
    for (char& c : text)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return text;
}

// A line that begins so would be a request.
bool looks_like_request(std::string_view line) {
    return line.starts_with('.') || line.starts_with('\'');
}

// From `at`, a piece that ends with `mark`; empty when it does not end.
std::string_view up_to(std::string_view text, std::size_t at, std::string_view mark) {
    const std::size_t end = text.find(mark, at);
    return end == std::string_view::npos ? std::string_view{} : text.substr(at, end - at);
}

struct Link {
    std::string_view text;
    std::size_t length = 0;  // of all of it
};

// `[text](target)` at the beginning.
Link link_at(std::string_view text) {
    const std::string_view label = up_to(text, 1, "](");
    if (label.empty() || label.find('[') != std::string_view::npos) return {};
    const std::size_t target = label.size() + 3;
    const std::size_t end = text.find(')', target);
    if (end == std::string_view::npos) return {};
    return {label, end + 1};
}

}  // namespace

std::string Roff::bold(std::string_view plain) {
    return "\\fB" + escaped(plain) + "\\fR";
}

std::string Roff::italic(std::string_view plain) {
    return "\\fI" + escaped(plain) + "\\fR";
}

std::string Roff::inline_of(std::string_view markdown) {
    std::string text;
    std::string plain;
    const auto flush = [&] {
        text += escaped(plain);
        plain.clear();
    };
    for (std::size_t at = 0; at < markdown.size();) {
        const std::string_view rest = markdown.substr(at);
        const std::string_view mark = rest.starts_with("**")  ? "**"
                                      : rest.starts_with('`') ? "`"
                                      : rest.starts_with('*') ? "*"
                                                              : "";
        if (rest.starts_with('[')) {
            if (const Link link = link_at(rest); link.length != 0) {
                flush();
                text += inline_of(link.text);
                at += link.length;
                continue;
            }
        } else if (!mark.empty()) {
            const std::string_view inside = up_to(markdown, at + mark.size(), mark);
            if (!inside.empty()) {
                flush();
                text += mark == "*" ? italic(inside) : bold(inside);
                at += 2 * mark.size() + inside.size();
                continue;
            }
        }
        plain += rest[0];
        ++at;
    }
    flush();
    return text;
}

Roff::Roff(std::string_view name, std::string_view date, std::string_view version) {
    line(
        "."
        R"(\" SPDX-License-Identifier: GPL-2.0-only)");
    line(
        "."
        R"(\" Made by xgre-manual of the definitions of the commands and docs/commands.md.)");
    line(fmt::format(R"(.TH {} 8 {} "{}" "xgre")", upper(name), date, version));
}

void Roff::line(std::string_view text) {
    text_ += text;
    text_ += '\n';
}

void Roff::name(std::string_view name, std::string_view about) {
    section("NAME");
    line(fmt::format("{} \\- {}", escaped(name), inline_of(about)));
}

void Roff::section(std::string_view title) {
    line(fmt::format(".SH \"{}\"", escaped(upper(title))));
}

void Roff::subsection(std::string_view title) {
    line(fmt::format(".SS \"{}\"", inline_of(title)));
}

// A title begins one by itself.
void Roff::new_paragraph() {
    const std::size_t last = text_.rfind('\n', text_.size() - 2) + 1;
    const std::string_view before = std::string_view{text_}.substr(last);
    if (!before.starts_with(".SH") && !before.starts_with(".SS")) line(".PP");
}

void Roff::paragraph(std::string_view text) {
    new_paragraph();
    const std::string body = inline_of(text);
    line((looks_like_request(body) ? "\\&" : "") + body);
}

void Roff::item(std::string_view text) {
    line(".IP \\(bu 2");
    const std::string body = inline_of(text);
    line((looks_like_request(body) ? "\\&" : "") + body);
}

void Roff::code(const std::vector<std::string>& lines) {
    new_paragraph();
    line(".RS 4");
    line(".nf");
    for (const std::string& each : lines) {
        const std::string body = escaped(each);
        line((body.empty() || looks_like_request(body) ? "\\&" : "") + body);
    }
    line(".fi");
    line(".RE");
}

void Roff::term(std::string_view tag, std::string_view text) {
    line(".TP");
    line(tag);
    const std::string body = inline_of(text);
    line((body.empty() || looks_like_request(body) ? "\\&" : "") + body);
}

void Roff::synopsis(std::string_view command, std::string_view rest) {
    new_paragraph();
    line(fmt::format("{} {}", bold(command), rest));
}

void Roff::references(const std::vector<std::string>& pages) {
    for (std::size_t i = 0; i < pages.size(); ++i)
        line(fmt::format(".BR {} (8){}", escaped(pages[i]), i + 1 < pages.size() ? "," : ""));
}

void Roff::table(const Table& table) {
    for (const std::vector<std::string>& row : table.rows) {
        std::string tag;
        for (std::size_t i = 0; i + 1 < row.size(); ++i) {
            if (row[i].empty()) continue;
            if (!tag.empty()) tag += " / ";
            tag += inline_of(row[i]);
        }
        term(tag, row.back());
    }
}

}  // namespace xgre::manual
