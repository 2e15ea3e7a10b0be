// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <istream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace xgre {

// What blanks and ends of lines separate.
inline std::vector<std::string> words_of(std::istream& text) {
    return {std::istream_iterator<std::string>{text}, {}};
}
inline std::vector<std::string> words_of(const std::string& text) {
    std::istringstream stream{text};
    return words_of(stream);
}

}  // namespace xgre
