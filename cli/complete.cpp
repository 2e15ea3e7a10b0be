// SPDX-License-Identifier: GPL-2.0-only
#include "cli/complete.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

#include "cli/offer.h"
#include "xgre/names.h"
#include "xgre/session.h"

namespace xgre::cli {
namespace {

constexpr std::string_view kFilesLine = ":files";

// Where a command line has come to.
struct Place {
    CLI::App* command = nullptr;
    CLI::Option* wants = nullptr;  // its value is the next word
    bool value_may_miss = false;   // ... or it has none
    std::size_t arguments = 0;     // of the command, so far
    Session session;
};

std::vector<CLI::Option*> options_of(CLI::App& command, bool positional) {
    return command.get_options(
        [positional](const CLI::Option* option) { return option->get_positional() == positional; });
}

// An option of the command, or of those that it is a command of: these stand anywhere.
CLI::Option* find_option(CLI::App* command, const std::string& name) {
    for (; command != nullptr; command = command->get_parent())
        if (CLI::Option* option = command->get_option_no_throw(name)) return option;
    return nullptr;
}

CLI::App* find_command(CLI::App& command, const std::string& name) {
    for (CLI::App* each : command.get_subcommands({}))
        if (each->get_name() == name) return each;
    return nullptr;
}

bool takes_value(CLI::Option& option) {
    return option.get_items_expected_max() > 0 || !offers_of(option).empty();
}

void note_global(Place& place, const CLI::Option& option, const std::string& value) {
    if (option.check_lname("instance")) place.session.instance = value;
    if (option.check_lname("netns")) place.session.netns = value;
}

void pass_option(Place& place, const std::string& word) {
    const std::size_t equals = word.find('=');
    CLI::Option* option = find_option(place.command, word.substr(0, equals));
    if (option == nullptr) return;
    if (equals != std::string::npos) return note_global(place, *option, word.substr(equals + 1));
    if (!takes_value(*option)) return;
    place.wants = option;
    place.value_may_miss = option->get_items_expected_min() == 0;
}

bool is_offered(CLI::Option& option, const std::string& word) {
    return ("|" + offers_of(option) + "|").find("|" + word + "|") != std::string::npos;
}

void pass(Place& place, const std::string& word) {
    CLI::Option* option = std::exchange(place.wants, nullptr);
    // `--locked tap0`: where a value may miss, only what is offered is one.
    if (option != nullptr && (!place.value_may_miss || is_offered(*option, word))) {
        note_global(place, *option, word);
    } else if (word.starts_with('-') && word.size() > 1) {
        pass_option(place, word);
    } else if (CLI::App* command = find_command(*place.command, word)) {
        place.command = command;
        place.arguments = 0;
    } else {
        ++place.arguments;
    }
}

// Prints what begins as the word does.
class Candidates {
public:
    Candidates(const Printer& out, std::string beginning, std::string in_front)
        : out_{out}, beginning_{std::move(beginning)}, in_front_{std::move(in_front)} {}

    void add(const std::string& word, const std::string& about) {
        if (word.starts_with(beginning_))
            out_.line(printable(in_front_ + word) + "\t" + printable(about));
    }

    void add_files() { out_.line(kFilesLine); }

private:
    const Printer& out_;
    std::string beginning_;
    std::string in_front_;
};

void add_names(Candidates& candidates, const Session& session, NameKind kind) {
    std::vector<Name> names;
    try {
        names = names_of(session, kind);
    } catch (const std::exception&) {
        return;  // no such instance, no privilege: there is nothing to offer
    }
    for (const Name& name : names)
        candidates.add(name.name, name.about);
}

void add_value_of(Candidates& candidates, const Session& session, CLI::Option& option) {
    for_each_offer(offers_of(option), [&](const std::string& word) {
        if (word == kOfferFiles) {
            candidates.add_files();
        } else if (!word.starts_with('<')) {
            candidates.add(word, "");
        } else if (const auto kind = parse_name_kind(word.substr(1, word.size() - 2))) {
            add_names(candidates, session, *kind);
        }
    });
}

void add_commands(Candidates& candidates, CLI::App& command) {
    for (const CLI::App* each : command.get_subcommands({}))
        candidates.add(each->get_name(), each->get_description());
}

void add_options(Candidates& candidates, CLI::App* command) {
    for (; command != nullptr; command = command->get_parent()) {
        for (const CLI::Option* option : options_of(*command, false)) {
            for (const std::string& name : option->get_lnames())
                candidates.add("--" + name, option->get_description());
        }
    }
}

// The argument that comes next; nullptr where there is none.
CLI::Option* next_argument(const Place& place) {
    const std::vector<CLI::Option*> arguments = options_of(*place.command, true);
    if (arguments.empty()) return nullptr;
    if (place.arguments < arguments.size()) return arguments[place.arguments];
    const bool takes_more = arguments.back()->get_items_expected_max() > 1;
    return takes_more ? arguments.back() : nullptr;
}

void add_next(const Printer& out, Place& place, const std::string& word) {
    const std::size_t equals = word.find('=');
    if (word.starts_with("--") && equals != std::string::npos) {
        Candidates candidates{out, word.substr(equals + 1), word.substr(0, equals + 1)};
        CLI::Option* option = find_option(place.command, word.substr(0, equals));
        if (option != nullptr) add_value_of(candidates, place.session, *option);
        return;
    }
    Candidates candidates{out, word, ""};
    if (place.wants != nullptr) {
        add_value_of(candidates, place.session, *place.wants);
        if (!place.value_may_miss) return;
    }
    if (word.starts_with('-')) return add_options(candidates, place.command);
    add_commands(candidates, *place.command);
    if (CLI::Option* argument = next_argument(place)) {
        add_value_of(candidates, place.session, *argument);
    } else if (place.command->get_subcommands({}).empty()) {
        add_options(candidates, place.command);
    }
}

}  // namespace

void complete(CLI::App& app, Context& context, const std::vector<std::string>& words) {
    if (words.empty()) return;
    Place place{.command = &app, .session = context.session};
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
        pass(place, words[i]);
    add_next(context.out, place, words.back());
    context.out.finish();
}

}  // namespace xgre::cli
