// SPDX-License-Identifier: GPL-2.0-only
#include "cli/manual/markdown.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

namespace xgre::manual {
namespace {

constexpr std::string_view kFence = "```";
constexpr std::string_view kItem = "- ";
constexpr std::string_view kComment = "<!--";

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::string_view stripped(std::string_view text) {
    const std::size_t first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

int heading_level(std::string_view line) {
    const std::size_t level = std::min(line.find_first_not_of('#'), line.size());
    return level < line.size() && line[level] == ' ' ? static_cast<int>(level) : 0;
}

// `| a | b \| c |`
std::vector<std::string> cells_of(std::string_view line) {
    std::vector<std::string> cells;
    std::string cell;
    for (std::size_t i = 1; i < line.size(); ++i) {
        if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
            cell += line[++i];
        } else if (line[i] == '|') {
            cells.emplace_back(stripped(cell));
            cell.clear();
        } else {
            cell += line[i];
        }
    }
    return cells;
}

class Reader {
public:
    explicit Reader(std::string_view text) : lines_{lines_of(text)} {}

    Blocks read() {
        while (at_ < lines_.size())
            read_block();
        return std::move(blocks_);
    }

private:
    void read_block() {
        const std::string_view line = lines_[at_];
        const std::string_view bare = stripped(line);
        if (bare.empty() || bare.starts_with(kComment)) {
            ++at_;
        } else if (bare.starts_with(kFence)) {
            read_code(line.find(kFence));
        } else if (const int level = heading_level(line)) {
            const auto text = stripped(line.substr(static_cast<std::size_t>(level)));
            blocks_.emplace_back(Heading{level, std::string{text}});
            ++at_;
        } else if (bare.starts_with('|')) {
            read_table();
        } else {
            read_text();
        }
    }

    void read_code(std::size_t indentation) {
        Code code;
        for (++at_; at_ < lines_.size() && !stripped(lines_[at_]).starts_with(kFence); ++at_)
            code.lines.emplace_back(lines_[at_].substr(std::min(indentation, lines_[at_].size())));
        ++at_;
        blocks_.emplace_back(std::move(code));
    }

    void read_table() {
        Table table{cells_of(lines_[at_]), {}};
        at_ += 2;  // the line under the heading, too
        for (; at_ < lines_.size() && lines_[at_].starts_with('|'); ++at_) {
            table.rows.push_back(cells_of(lines_[at_]));
            table.rows.back().resize(table.heading.size());
        }
        blocks_.emplace_back(std::move(table));
    }

    void read_text() {
        const bool is_item = stripped(lines_[at_]).starts_with(kItem);
        std::string text{stripped(lines_[at_])};
        for (++at_; at_ < lines_.size() && goes_on(lines_[at_]); ++at_)
            text.append(" ").append(stripped(lines_[at_]));
        if (is_item)
            blocks_.emplace_back(Item{text.substr(kItem.size())});
        else
            blocks_.emplace_back(Paragraph{std::move(text)});
    }

    static bool goes_on(std::string_view line) {
        const std::string_view bare = stripped(line);
        return !bare.empty() && !bare.starts_with(kFence) && !bare.starts_with(kItem) &&
               !bare.starts_with(kComment) && !bare.starts_with('|') && heading_level(line) == 0;
    }

    std::vector<std::string_view> lines_;
    std::size_t at_ = 0;
    Blocks blocks_;
};

}  // namespace

Blocks read_markdown(std::string_view text) {
    return Reader{text}.read();
}

Blocks section(const Blocks& blocks, std::string_view heading) {
    Blocks found;
    std::optional<int> level;
    for (const Block& block : blocks) {
        const auto* const head = std::get_if<Heading>(&block);
        if (head != nullptr && level && head->level <= *level) break;
        if (level)
            found.push_back(block);
        else if (head != nullptr && head->text == heading)
            level = head->level;
    }
    return found;
}

}  // namespace xgre::manual
