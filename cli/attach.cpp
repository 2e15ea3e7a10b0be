// SPDX-License-Identifier: GPL-2.0-only
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/misuse.h"
#include "cli/syntax.h"
#include "xgre/abi.h"

namespace xgre::cli {
namespace {

template <typename Address>
void set_local(const Address& address, std::optional<Address>& target) {
    if (target && *target != address)
        throw Misuse{"--local", fmt::format("{} and {} are of the same family", *target, address),
                     "give one address of IPv4, one of IPv6, or both"};
    target = address;
}

void set_locals(const std::vector<IpAddr>& locals, AttachSpec& spec) {
    for (const IpAddr& local : locals) {
        if (local.is_v6())
            set_local(local.v6(), spec.local6);
        else
            set_local(local.v4(), spec.local);
    }
}

}  // namespace

void add_attach_command(CLI::App& app, Context& context) {
    auto* attach = app.add_subcommand("attach", "let an interface carry tunnels");
    auto spec = std::make_shared<AttachSpec>();
    add_value(*attach, "UPLINK", spec->uplink, device_syntax(), "the interface towards the peers")
        ->required();
    auto locals = std::make_shared<std::vector<IpAddr>>();
    offer(add_values(*attach, "--local", *locals, address_syntax(),
                     "the address of UPLINK that tunnels have at this end: one of IPv4, one of "
                     "IPv6, or both"),
          "<address>")
        ->required();
    add_value(*attach, "--fdb-size", spec->fdb_entries, fdb_size_syntax(),
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
        "  xgre attach eth0 --local 198.18.0.1 --local 2001:db8:1::1\n"
        "  xgre attach eth0 --local 198.18.0.1 --upgrade\n"
        "  xgre attach eth0 --local 198.18.0.1 --spread 1-3");
    attach->callback([&context, spec, locals] {
        set_locals(*locals, *spec);
        report(context, Instance::attach(context.session, *spec),
               fmt::format("instance {} on {}", context.session.instance, spec->uplink),
               "already attached");
    });
}

}  // namespace xgre::cli
