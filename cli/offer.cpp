// SPDX-License-Identifier: GPL-2.0-only
#include "cli/offer.h"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

#include "xgre/names.h"

namespace xgre::cli {
namespace {

// CLI11 keeps nothing of ours with an option but validators, which have names. This one takes
// everything, and has no description, which the help would show.
constexpr std::string_view kMark = "offers ";

CLI::Validator* find_mark(CLI::Option& option) {
    for (int i = 0;; ++i) {
        try {
            CLI::Validator* validator = option.get_validator(i);
            if (validator->get_name().starts_with(kMark)) return validator;
        } catch (const CLI::OptionNotFound&) {
            return nullptr;
        }
    }
}

// A slip in a definition, which any command then shows.
void check(const std::string& word) {
    if (!word.starts_with('<') || word == kOfferFiles) return;
    if (!parse_name_kind(std::string_view{word}.substr(1, word.size() - 2)))
        throw std::logic_error{"no such kind of names: " + word};
}

}  // namespace

void for_each_offer(const std::string& offers,
                    const std::function<void(const std::string&)>& visit) {
    for (std::size_t at = 0; at < offers.size();) {
        const std::size_t end = std::min(offers.find('|', at), offers.size());
        visit(offers.substr(at, end - at));
        at = end + 1;
    }
}

CLI::Option* offer(CLI::Option* option, const std::string& offers) {
    for_each_offer(offers, check);
    std::string name = std::string{kMark} + offers;
    if (CLI::Validator* mark = find_mark(*option)) {
        mark->name(std::move(name));
    } else {
        option->check(CLI::Validator{}.name(std::move(name)));
    }
    return option;
}

std::string offers_of(CLI::Option& option) {
    const CLI::Validator* mark = find_mark(option);
    return mark == nullptr ? "" : mark->get_name().substr(kMark.size());
}

}  // namespace xgre::cli
