// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/profile.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/profile_print.h"
#include "cli/syntax.h"

namespace xgre::cli {
namespace {

constexpr std::chrono::milliseconds kOnce{5000};
constexpr std::chrono::milliseconds kRefresh{1000};

struct ProfileOptions {
    std::optional<std::chrono::milliseconds> time;
    bool live = false;
    std::optional<std::uint32_t> count;
};

void show(const Printer& out, const Profile& profile, bool is_one_of_many) {
    if (out.json()) {
        is_one_of_many ? out.json_line(to_json(profile)) : out.json_object(to_json(profile));
        return;
    }
    if (is_one_of_many) out.clear_screen();
    print(out, profile);
    if (is_one_of_many) out.line("");
}

// Ctrl-C ends it early, with what was measured until then.
void once(const Context& context, const ProfileOptions& options) {
    const Interrupt interrupt;
    Profiler profiler = Profiler::start(context.session);
    interrupt.wait(options.time.value_or(kOnce));
    show(context.out, profiler.take(), false);
}

void live(const Context& context, const ProfileOptions& options) {
    const Interrupt interrupt;
    Profiler profiler = Profiler::start(context.session);
    for (std::uint32_t shown = 0; !options.count || shown < *options.count; ++shown) {
        if (interrupt.wait(options.time.value_or(kRefresh))) return;
        show(context.out, profiler.take(), true);
        context.out.finish();
    }
}

}  // namespace

void add_profile_command(CLI::App& app, Context& context) {
    auto* profile = app.add_subcommand("profile", "where the time goes, and what to do about it");
    auto options = std::make_shared<ProfileOptions>();
    add_value(*profile, "--seconds", options->time, duration_syntax(),
              "measure for so long (default: 5; with --live, 1)");
    CLI::Option* live_flag =
        profile->add_flag("--live", options->live,
                          "again and again until Ctrl-C, like top; as JSON, one object a line");
    add_value(*profile, "--count", options->count, number_syntax(1, UINT32_MAX),
              "end after this many times")
        ->needs(live_flag);
    profile->footer(
        "It only reads, and costs each BPF program two readings of the clock a run while it "
        "measures.\n"
        "Examples:\n"
        "  xgre profile\n"
        "  xgre profile --live");
    profile->callback(
        [&context, options] { options->live ? live(context, *options) : once(context, *options); });
}

}  // namespace xgre::cli
