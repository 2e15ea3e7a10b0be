// SPDX-License-Identifier: GPL-2.0-only
#include "cli/context.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>

#include "xgre/error.h"

namespace xgre::cli {

Instance Context::open() const {
    Instance instance = Instance::open(session);
    for (const std::string& repair : instance.repairs())
        say("repaired: " + repair);
    return instance;
}

void check_network(const std::vector<NetworkInfo>& networks, const std::string& name) {
    if (std::ranges::none_of(networks, [&](const NetworkInfo& n) { return n.name == name; }))
        throw Error{"network " + name, "no such network",
                    "run `xgre network show` for those there are"};
}

void say(std::string_view words) {
    std::fflush(stdout);  // in the order in which things were said
    fmt::print(stderr, "xgre: {}\n", printable(words));
}

void report(const Context& context, Change change, std::string_view object,
            std::string_view state) {
    if (change == Change::unchanged) {
        say(fmt::format("{}: {}, nothing changed", object, state));
    } else if (context.verbose) {
        say(fmt::format("{}: done", object));
    }
}

}  // namespace xgre::cli
