// SPDX-License-Identifier: GPL-2.0-only
// TOML as far as a configuration needs it: tables of fields, with the place of each.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "xgre/config.h"

namespace xgre {

struct RawText {
    std::string type;  // "a string", "an integer", "a boolean"; others have no text
    std::string text;  // on and off for booleans
    Place place;
};

struct RawField {
    std::string name;
    Place place;  // of the name
    bool is_list = false;
    std::vector<RawText> texts;  // one when it is no list
};

struct RawTable {
    std::string noun;
    Place place;
    bool is_one_of_many = false;  // [[noun]], not [noun]
    std::vector<RawField> fields;
};

// What is wrong at a place of a file.
struct Problem {
    Place place;
    std::string object;  // what is there; may be empty
    std::string cause;
    std::string way_out;
};

// What cannot be read is added to `problems`, and left out.
std::vector<RawTable> parse_toml(std::string_view text, std::vector<Problem>& problems);

}  // namespace xgre
