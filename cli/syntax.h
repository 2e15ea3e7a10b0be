// SPDX-License-Identifier: GPL-2.0-only
// What options take: text becomes a value here, once, or a Misuse that says what was expected.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "cli/misuse.h"
#include "cli/offer.h"
#include "xgre/syntax.h"

namespace xgre::cli {

template <typename T>
T read_value(const std::string& option, const std::string& text, const Syntax<T>& syntax) {
    const std::optional<T> value = syntax.parse(text);
    if (!value) throw Misuse{option, "'" + text + "' is not " + syntax.is_a, "give " + syntax.give};
    return *value;
}

// Any text that is not empty.
Syntax<std::string> text_syntax(const std::string& placeholder, const std::string& is_a,
                                const std::string& offers = "");
Syntax<std::string> file_syntax();  // the name of a file

void refuse_several(const std::string& option, std::size_t times);

// An option `--name`, or an argument when the name has no dashes. `target` is a T or an optional
// of one; it must live until the command line is parsed.
template <typename T, typename Target>
CLI::Option* add_value(CLI::App& app, const std::string& name, Target& target,
                       const Syntax<T>& syntax, const std::string& help) {
    const std::string shown = name.substr(name.rfind(',') + 1);  // "-n,--netns" is --netns
    CLI::Option* option = app.add_option(
        name,
        [&target, shown, syntax](const CLI::results_t& texts) {
            refuse_several(shown, texts.size());
            target = read_value(shown, texts.front(), syntax);
            return true;
        },
        help);
    return offer(option, syntax.offers)
        ->type_name(name.starts_with('-') ? syntax.placeholder : "")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);  // to refuse them in our words
}

// An option that may be given several times.
template <typename T>
CLI::Option* add_values(CLI::App& app, const std::string& name, std::vector<T>& target,
                        const Syntax<T>& syntax, const std::string& help) {
    CLI::Option* option = app.add_option(
        name,
        [&target, name, syntax](const CLI::results_t& texts) {
            for (const std::string& text : texts) {
                target.push_back(read_value(name, text, syntax));
            }
            return true;
        },
        help + " (may be repeated)");
    return offer(option, syntax.offers)
        ->type_name(name.starts_with('-') ? syntax.placeholder : "")
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

// A setting `--name`, `--name on` or `--name off`, with or without `=`.
CLI::Option* add_switch(CLI::App& app, const std::string& name, std::optional<bool>& target,
                        const std::string& help);

// Arguments for the parser, which takes the value of a switch only behind `=`: joins `--name on`,
// for the names that add_switch made.
std::vector<std::string> join_switches(const CLI::App& app, std::vector<std::string> arguments);

}  // namespace xgre::cli
