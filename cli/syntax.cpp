// SPDX-License-Identifier: GPL-2.0-only
#include "cli/syntax.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace xgre::cli {
namespace {

bool is_on_or_off(std::string_view text) {
    return text == "on" || text == "off";
}

}  // namespace

Syntax<std::string> text_syntax(const std::string& placeholder, const std::string& is_a,
                                const std::string& offers) {
    return {placeholder, is_a, "a text that is not empty",
            [](std::string_view text) -> std::optional<std::string> {
                if (text.empty()) return std::nullopt;
                return std::string{text};
            },
            offers};
}

Syntax<std::string> file_syntax() {
    return text_syntax("FILE", "the name of a file", "<file>");
}

void refuse_several(const std::string& option, std::size_t times) {
    if (times > 1) {
        throw Misuse{option, fmt::format("given {} times", times), "give it once"};
    }
}

CLI::Option* add_switch(CLI::App& app, const std::string& name, std::optional<bool>& target,
                        const std::string& help) {
    const Syntax<bool> syntax = switch_syntax();
    // A flag, so that a device's name behind it is not taken for its value.
    return add_value(app, name, target, syntax, help)->expected(0)->option_text(syntax.placeholder);
}

std::vector<std::string> join_switches(const CLI::App& app, std::vector<std::string> arguments) {
    const std::string placeholder = switch_syntax().placeholder;
    const auto is_switch = [&app, &placeholder](const std::string& text) {
        const auto has = [&text, &placeholder](const CLI::App* command) {
            const CLI::Option* option = command->get_option_no_throw(text);
            return option != nullptr && option->get_option_text() == placeholder;
        };
        const auto search = [&has](const auto& self, const CLI::App* command) -> bool {
            const auto commands = command->get_subcommands({});
            return has(command) || std::any_of(commands.begin(), commands.end(),
                                               [&](const CLI::App* c) { return self(self, c); });
        };
        return search(search, &app);
    };
    std::vector<std::string> joined;
    for (std::string& argument : arguments) {
        if (!joined.empty() && is_on_or_off(argument) && is_switch(joined.back())) {
            joined.back() += "=" + argument;
        } else {
            joined.push_back(std::move(argument));
        }
    }
    return joined;
}

}  // namespace xgre::cli
