// SPDX-License-Identifier: GPL-2.0-only
// Writes a manual page in the macros of man(7).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/manual/markdown.h"

namespace xgre::manual {

class Roff {
public:
    // `name` as in `man NAME`.
    Roff(std::string_view name, std::string_view date, std::string_view version);

    void name(std::string_view name, std::string_view about);
    void section(std::string_view title);
    void subsection(std::string_view title);
    // Texts are Markdown: `code` and **bold** become bold, *emphasis* italic, links their text.
    void paragraph(std::string_view text);
    void item(std::string_view text);
    void code(const std::vector<std::string>& lines);
    // A word and, under it and indented, what it is. `tag` is roff: see bold() and italic().
    void term(std::string_view tag, std::string_view text);
    // A line of a synopsis: roff, too.
    void synopsis(std::string_view command, std::string_view rest);
    // Pages, as in SEE ALSO.
    void references(const std::vector<std::string>& pages);

    // A table that is not about options: its first columns are terms, the last one what they are.
    void table(const Table& table);

    const std::string& text() const { return text_; }

    static std::string bold(std::string_view plain);
    static std::string italic(std::string_view plain);
    static std::string inline_of(std::string_view markdown);

private:
    void line(std::string_view text);
    void new_paragraph();

    std::string text_;
};

}  // namespace xgre::manual
