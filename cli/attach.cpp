// SPDX-License-Identifier: GPL-2.0-only
#include <memory>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/syntax.h"
#include "xgre/abi.h"

namespace xgre::cli {

void add_attach_command(CLI::App& app, Context& context) {
    auto* attach = app.add_subcommand("attach", "let an interface carry tunnels");
    auto spec = std::make_shared<AttachSpec>();
    add_value(*attach, "UPLINK", spec->uplink, device_syntax(), "the interface towards the peers")
        ->required();
    add_value(*attach, "--local", spec->local, address_syntax(),
              "the address of UPLINK that tunnels have at this end")
        ->required();
    add_value(*attach, "--fdb-size", spec->fdb_entries, number_syntax(1, XGRE_FDB_LIMIT),
              fmt::format("room for this many FDB entries (default: {}, at most {})",
                          XGRE_FDB_DEFAULT, XGRE_FDB_LIMIT));
    attach->add_flag("--upgrade", spec->upgrade,
                     "replace the programs of a running instance by this xgre's, without a pause");
    add_value(*attach, "--xdp", spec->xdp, xdp_syntax(),
              "where XDP runs: auto, where it can and pays; on, where it can; or off");
    add_value(*attach, "--tc", spec->tc_hook, tc_syntax(),
              "tcx, clsact or auto: tcx where the kernel has it (default: auto)");
    add_value(*attach, "--spread", spec->spread, spread_syntax(),
              "the CPUs to spread what one tunnel carries over, by the flows inside: all, a list "
              "as 0-3,5, off or auto (default: auto, or as it is)");
    attach->footer(
        "Examples:\n"
        "  xgre attach eth0 --local 198.18.0.1\n"
        "  xgre attach eth0 --local 198.18.0.1 --upgrade\n"
        "  xgre attach eth0 --local 198.18.0.1 --spread 1-3");
    attach->callback([&context, spec] {
        report(context, Instance::attach(context.session, *spec),
               fmt::format("instance {} on {}", context.session.instance, spec->uplink),
               "already attached");
    });
}

}  // namespace xgre::cli
