// SPDX-License-Identifier: GPL-2.0-only
#include <memory>

#include <fmt/format.h>

#include "cli/context.h"
#include "xgre/dhcp.h"

namespace xgre::cli {

void add_detach_command(CLI::App& app, Context& context) {
    auto* detach = app.add_subcommand("detach", "end the instance: nothing of it stays");
    auto all = std::make_shared<bool>(false);
    detach->add_flag("--all", *all,
                     "also when it still has networks: remove them, their ports, peers and DHCP");
    detach->footer(
        "Example:\n"
        "  xgre detach --all");
    detach->callback([&context, all] {
        // The instance first: it refuses what it must, while all is as it was.
        const Change change = Instance::detach(context.session, *all);
        if (*all) stop_all_dhcp(context.session);
        report(context, change, fmt::format("instance {}", context.session.instance), "not there");
    });
}

}  // namespace xgre::cli
