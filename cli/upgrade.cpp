// SPDX-License-Identifier: GPL-2.0-only
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/syntax.h"
#include "xgre/error.h"
#include "xgre/upgrade.h"

namespace xgre::cli {
namespace {

// Each of them, whatever becomes of the others.
void upgrade(const Context& context, const std::vector<std::string>& instances) {
    std::size_t failed = 0;
    for (const std::string& instance : instances) {
        try {
            upgrade_programs({.instance = instance, .netns = context.session.netns});
            say(fmt::format("instance {}: its programs are those of xgre " XGRE_VERSION " now",
                            instance));
        } catch (const Error& error) {
            say(error.what());
            ++failed;
        }
    }
    if (failed != 0)
        throw Error{"upgrade",
                    fmt::format("{} of {} instances go on with the programs that they have", failed,
                                instances.size()),
                    "see above why"};
}

}  // namespace

void add_upgrade_command(CLI::App& app, Context& context) {
    auto* command = app.add_subcommand(
        "upgrade", "replace the programs of running instances by this xgre's, without a pause");
    auto instances = std::make_shared<std::vector<std::string>>();
    add_values(*command, "INSTANCE", *instances, instance_syntax(),
               "the instance (default: all of this machine)")
        ->expected(-1);
    command->footer(
        "Example:\n"
        "  xgre upgrade");
    command->callback([&context, instances] {
        upgrade(context, instances->empty() ? Instance::list() : *instances);
    });
}

}  // namespace xgre::cli
