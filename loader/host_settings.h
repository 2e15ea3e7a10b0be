// SPDX-License-Identifier: GPL-2.0-only
// How the machine is set up, as far as it concerns BPF programs.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace xgre {

// The first word of a file; nullopt: it cannot be read, or is empty.
std::optional<std::string> first_word(const std::string& file);
std::vector<std::string> words_of_file(const std::string& file);

// The kernel compiles BPF programs.
bool has_jit();

// What the calling thread lacks of the capabilities that xgre takes, from the text of
// /proc/thread-self/status: "CAP_BPF".
std::vector<std::string> missing_capabilities(std::istream& status);
std::vector<std::string> missing_capabilities();

}  // namespace xgre
