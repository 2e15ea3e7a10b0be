// SPDX-License-Identifier: GPL-2.0-only
// xgre-manual: writes the manual pages at build time. Commands, options and examples are those of
// the tool itself; what else is said about them is in docs/commands.md.
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/manual/pages.h"
#include "xgre/error.h"

namespace {

std::string content_of(const std::string& path) {
    std::ifstream file{path};
    if (!file) throw xgre::Error{path, "cannot read it", "name docs/commands.md"};
    return {std::istreambuf_iterator<char>{file}, {}};
}

void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream file{path};
    file << text;
    file.close();
    if (!file) throw xgre::Error{path, "cannot write it", "name a directory to write to"};
}

void run(const std::string& document, const std::filesystem::path& directory,
         const std::string& date) {
    xgre::cli::Context context;
    CLI::App app{std::string{xgre::cli::kAbout}, "xgre"};
    xgre::cli::define_commands(app, context);
    std::filesystem::create_directories(directory);
    for (const xgre::manual::Page& page : xgre::manual::make_pages(app, content_of(document), date))
        write(directory / (page.name + ".8"), page.text);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        fmt::print(stderr, "usage: xgre-manual COMMANDS.MD DIRECTORY DATE\n");
        return 2;
    }
    try {
        run(argv[1], argv[2], argv[3]);
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "xgre-manual: {}\n", error.what());
        return 1;
    }
}
