// SPDX-License-Identifier: GPL-2.0-only
// What completion offers for the value of an option: kept with its definition.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>

namespace xgre::cli {

inline constexpr std::string_view kOfferFiles = "<file>";

// Words separated by `|`, <file>, or the <kind> of names that there are, see xgre/names.h. Takes
// the place of what was offered before; nothing is offered for an empty text.
CLI::Option* offer(CLI::Option* option, const std::string& offers);

void for_each_offer(const std::string& offers,
                    const std::function<void(const std::string&)>& visit);

// Empty: nothing.
std::string offers_of(CLI::Option& option);

}  // namespace xgre::cli
