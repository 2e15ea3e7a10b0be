// SPDX-License-Identifier: GPL-2.0-only
#include "cli/manual/pages.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/manual/markdown.h"
#include "cli/manual/roff.h"
#include "xgre/error.h"

namespace xgre::manual {
namespace {

constexpr std::string_view kVersion = "xgre " XGRE_VERSION;
constexpr std::string_view kGlobals = "Options of every command";
constexpr std::string_view kRules = "Rules for all commands";

using Options = std::vector<const CLI::Option*>;

Options options_of(const CLI::App& command, bool positional) {
    return command.get_options([&command, positional](const CLI::Option* option) {
        return option->get_positional() == positional && option != command.get_help_ptr();
    });
}

std::string path_of(const CLI::App& command) {
    const std::string& name = command.get_name();
    return command.get_parent() == nullptr ? name : path_of(*command.get_parent()) + " " + name;
}

std::string page_of(const CLI::App& noun) {
    return "xgre-" + noun.get_name();
}

// Its commands, or itself where it has none.
std::vector<const CLI::App*> verbs_of(const CLI::App& noun) {
    std::vector<const CLI::App*> verbs = noun.get_subcommands({});
    if (verbs.empty()) verbs.push_back(&noun);
    return verbs;
}

Blocks told_about(const Blocks& document, const std::string& heading) {
    Blocks blocks = section(document, heading);
    if (blocks.empty())
        throw Error{"docs/commands.md", "it has no section `" + heading + "`", "write it"};
    return blocks;
}

// ---- Options ----------------------------------------------------------------------------------

std::string placeholder_of(const CLI::Option& option) {
    const std::string& text = option.get_option_text();
    return text.empty() && option.get_type_size() != 0 ? option.get_type_name() : text;
}

std::string in_italics(const std::string& placeholder) {
    return placeholder.empty() ? "" : " " + Roff::italic(placeholder);
}

// -w, --write FILE
std::string tag_of(const CLI::Option& option) {
    if (option.get_positional()) return Roff::italic(option.get_name(true));
    std::vector<std::string> names;
    for (const std::string& name : option.get_snames())
        names.push_back(Roff::bold("-" + name));
    for (const std::string& name : option.get_lnames())
        names.push_back(Roff::bold("--" + name));
    return fmt::format("{}{}", fmt::join(names, ", "), in_italics(placeholder_of(option)));
}

bool names_option(std::string_view cell, const std::string& name) {
    for (std::size_t at = cell.find(name); at != std::string_view::npos;
         at = cell.find(name, at + 1)) {
        const char before = at == 0 ? ' ' : cell[at - 1];
        const char behind = at + name.size() < cell.size() ? cell[at + name.size()] : ' ';
        if (before == '`' && (behind == '`' || behind == ' ')) return true;
    }
    return false;
}

// What the document says about it is more than what its help has room for.
std::string told_in(const Table* table, const CLI::Option& option) {
    const std::string name =
        option.get_positional() ? option.get_name(true) : "--" + option.get_lnames().front();
    if (table != nullptr) {
        for (const std::vector<std::string>& row : table->rows)
            if (names_option(row.front(), name)) return row.back();
    }
    return option.get_description();
}

void write_options(Roff& roff, const CLI::App& command, const Table* table) {
    for (const bool positional : {true, false})
        for (const CLI::Option* option : options_of(command, positional))
            roff.term(tag_of(*option), told_in(table, *option));
}

bool is_about_options(const Table& table) {
    return table.heading.front() == "Option" || table.heading.front().starts_with("Argument");
}

// ---- Parts of pages ---------------------------------------------------------------------------

void write_block(Roff& roff, const Block& block) {
    if (const auto* heading = std::get_if<Heading>(&block)) roff.subsection(heading->text);
    if (const auto* paragraph = std::get_if<Paragraph>(&block)) roff.paragraph(paragraph->text);
    if (const auto* item = std::get_if<Item>(&block)) roff.item(item->text);
    if (const auto* code = std::get_if<Code>(&block)) roff.code(code->lines);
    if (const auto* table = std::get_if<Table>(&block)) roff.table(*table);
}

// xgre port add DEV [--network NAME] ...
void write_synopsis(Roff& roff, const CLI::App& command) {
    std::string rest;
    const auto add = [&rest](const std::string& words, bool required) {
        rest += required ? words + " " : "[" + words + "] ";
    };
    for (const CLI::Option* option : options_of(command, true))
        add(tag_of(*option), option->get_required());
    for (const CLI::Option* option : options_of(command, false))
        if (option->get_required()) add(tag_of(*option), true);
    if (std::ranges::any_of(options_of(command, false),
                            [](const CLI::Option* option) { return !option->get_required(); }))
        add(Roff::italic("OPTIONS"), false);
    if (!rest.empty()) rest.pop_back();
    roff.synopsis(path_of(command), rest);
}

void write_command(Roff& roff, const CLI::App& command, const Blocks& document) {
    bool has_options = false;
    for (const Block& block : told_about(document, path_of(command))) {
        const auto* table = std::get_if<Table>(&block);
        if (table != nullptr && !has_options && is_about_options(*table)) {
            write_options(roff, command, table);
            has_options = true;
        } else {
            write_block(roff, block);
        }
    }
    if (!has_options) write_options(roff, command, nullptr);
}

// The lines of the help that begin with two blanks.
std::vector<std::string> examples_of(const CLI::App& command) {
    std::vector<std::string> examples;
    const std::string footer = command.get_footer();
    for (std::size_t at = 0; at < footer.size();) {
        const std::size_t end = std::min(footer.find('\n', at), footer.size());
        const std::string line = footer.substr(at, end - at);
        if (line.starts_with("  ")) examples.push_back(line.substr(2));
        at = end + 1;
    }
    return examples;
}

void write_examples(Roff& roff, const std::vector<const CLI::App*>& verbs) {
    roff.section("EXAMPLES");
    for (const CLI::App* verb : verbs)
        roff.code(examples_of(*verb));
}

void write_exit_status(Roff& roff, const Blocks& rules) {
    roff.section("EXIT STATUS");
    for (const Block& block : rules) {
        const auto* table = std::get_if<Table>(&block);
        if (table != nullptr && table->heading.front() == "Exit code") roff.table(*table);
    }
}

Page make_page(const CLI::App& noun, const Blocks& document, std::string_view date) {
    const std::string name = page_of(noun);
    const std::vector<const CLI::App*> verbs = verbs_of(noun);
    Roff roff{name, date, kVersion};
    roff.name(name, noun.get_description());
    roff.section("SYNOPSIS");
    for (const CLI::App* verb : verbs)
        write_synopsis(roff, *verb);
    for (const CLI::App* verb : verbs) {
        roff.section(verb == &noun ? "DESCRIPTION" : path_of(*verb));
        write_command(roff, *verb, document);
    }
    write_examples(roff, verbs);
    write_exit_status(roff, told_about(document, std::string{kRules}));
    roff.section("SEE ALSO");
    roff.references({"xgre"});
    return {name, roff.text()};
}

// ---- xgre(8) ----------------------------------------------------------------------------------

void write_commands(Roff& roff, const CLI::App& app) {
    roff.section("COMMANDS");
    for (const CLI::App* noun : app.get_subcommands({}))
        roff.term(Roff::bold(noun->get_name()),
                  noun->get_description() + "; see " + page_of(*noun) + "(8)");
}

// The rules, but for what has a place of its own in a manual page.
void write_rules(Roff& roff, const CLI::App& app, const Blocks& rules) {
    for (const Block& block : rules) {
        if (const auto* heading = std::get_if<Heading>(&block)) {
            roff.section(heading->text == kGlobals ? "OPTIONS" : heading->text);
            continue;
        }
        const auto* table = std::get_if<Table>(&block);
        if (table != nullptr && is_about_options(*table)) {
            write_options(roff, app, table);
            const CLI::Option* help = app.get_help_ptr();
            roff.term(tag_of(*help), told_in(table, *help));
        } else if (table != nullptr && table->heading.front() == "Exit code") {
            roff.section("EXIT STATUS");
            roff.table(*table);
        } else {
            write_block(roff, block);
        }
    }
}

// Paragraphs, of which those with an indentation are commands.
void write_tour(Roff& roff, std::string_view tour) {
    std::vector<std::string> commands;
    for (std::size_t at = 0; at < tour.size();) {
        const std::size_t end = std::min(tour.find('\n', at), tour.size());
        const std::string_view line = tour.substr(at, end - at);
        at = end + 1;
        if (line.starts_with("  ")) {
            commands.emplace_back(line.substr(2));
            continue;
        }
        if (!commands.empty()) roff.code(std::exchange(commands, {}));
        if (!line.empty()) roff.paragraph(line);
    }
}

Page make_overview(const CLI::App& app, const Blocks& document, std::string_view tour,
                   std::string_view date) {
    const std::string& name = app.get_name();
    const std::string about = app.get_description();
    Roff roff{name, date, kVersion};
    roff.name(name, about.substr(about.find(": ") + 2));
    roff.section("SYNOPSIS");
    roff.synopsis(name, fmt::format("[{}] {} [{}]", Roff::italic("OPTIONS"),
                                    Roff::italic("COMMAND"), Roff::italic("ARGUMENTS")));
    roff.section("DESCRIPTION");
    write_tour(roff, tour);
    write_commands(roff, app);
    roff.section("RULES");
    write_rules(roff, app, told_about(document, std::string{kRules}));
    std::vector<std::string> pages;
    for (const CLI::App* noun : app.get_subcommands({}))
        pages.push_back(page_of(*noun));
    roff.section("SEE ALSO");
    roff.references(pages);
    return {name, roff.text()};
}

}  // namespace

std::vector<Page> make_pages(CLI::App& app, std::string_view document, std::string_view date) {
    const Blocks blocks = read_markdown(document);
    std::vector<Page> pages{make_overview(app, blocks, cli::kTour, date)};
    for (const CLI::App* noun : app.get_subcommands({}))
        pages.push_back(make_page(*noun, blocks, date));
    return pages;
}

}  // namespace xgre::manual
