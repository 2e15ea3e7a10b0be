// SPDX-License-Identifier: GPL-2.0-only
// A run as people and programs read it.
#pragma once

#include <string>

#include "bench/results.h"

namespace xgre::bench {

std::string as_text(const Run& run);
std::string as_json(const Run& run);
// `document` with tables and links to charts between its two marks. Throws Error, with `name` as
// the object, when they are not there.
std::string with_results(const std::string& document, const Run& run, const std::string& name);
// Puts tables into performance.md of `directory`, and charts into performance/, which has nothing
// else.
void write_docs(const Run& run, const std::string& directory);

}  // namespace xgre::bench
