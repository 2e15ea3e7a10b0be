// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/profile.h"

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "cli/context.h"
#include "cli/interrupt.h"
#include "cli/profile_print.h"
#include "cli/syntax.h"
#include "xgre/replay.h"

namespace xgre::cli {
namespace {

constexpr std::chrono::milliseconds kOnce{5000};
constexpr std::chrono::milliseconds kRefresh{1000};
constexpr std::chrono::milliseconds kReplay{2000};
constexpr std::uint32_t kRate = 997;  // not in step with the kernel's own ticks
constexpr std::uint32_t kMostRate = 50'000;
constexpr const char* kPicture = ".svg";
constexpr const char* kText = ".folded";

struct ProfileOptions {
    std::optional<std::chrono::milliseconds> time;
    bool live = false;
    std::optional<std::uint32_t> count;
    bool stages = false;
    std::optional<std::string> flame;
    std::uint32_t rate = kRate;
    std::optional<std::string> replay;
    std::optional<std::string> as;

    ProfileSpec spec() const {
        if (!stages && !flame) return {};
        return {.sample_rate = rate};
    }
};

// Where stacks go. Opened before the time of measuring, so that a mistake costs none.
class FlameFile {
public:
    explicit FlameFile(std::string path) : path_{std::move(path)}, file_{path_} {
        if (!file_) fail("open");
    }

    void write(const Profile& profile) {
        const std::string title =
            fmt::format("xgre instance {}, {:.1f} s", profile.instance, profile.seconds);
        file_ << (path_.ends_with(kPicture) ? flame_graph(profile.stacks, title)
                                            : folded_stacks(profile.stacks))
              << std::flush;
        if (!file_) fail("write");
    }

private:
    [[noreturn]] void fail(const char* what) const {
        throw Error::from_errno(path_, what, errno, "give a file that can be written");
    }

    std::string path_;
    std::ofstream file_;
};

Syntax<std::string> flame_syntax() {
    return {"FILE", "the name of a flame graph", "a name that ends in .svg or .folded",
            [](std::string_view text) -> std::optional<std::string> {
                if (!text.ends_with(kPicture) && !text.ends_with(kText)) return std::nullopt;
                return std::string{text};
            },
            "<file>"};
}

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
    Profiler profiler = Profiler::start(context.session, options.spec());
    std::optional<FlameFile> flame;  // last: what is refused empties no file
    if (options.flame) flame.emplace(*options.flame);
    interrupt.wait(options.time.value_or(kOnce));
    const Profile profile = profiler.take();
    if (flame) flame->write(profile);
    show(context.out, profile, false);
}

void live(const Context& context, const ProfileOptions& options) {
    const Interrupt interrupt;
    Profiler profiler = Profiler::start(context.session, options.spec());
    for (std::uint32_t shown = 0; !options.count || shown < *options.count; ++shown) {
        if (interrupt.wait(options.time.value_or(kRefresh))) return;
        show(context.out, profiler.take(), true);
        context.out.finish();
    }
}

void run_capture(const Context& context, const ProfileOptions& options) {
    const Replay result =
        replay(context.session, {.capture = options.replay.value_or(std::string{}),
                                 .device = options.as,
                                 .time = options.time.value_or(kReplay)});
    if (context.out.json()) return context.out.json_object(to_json(result));
    print(context.out, result);
}

void add_replay(CLI::App& profile, ProfileOptions& options,
                const std::vector<CLI::Option*>& others) {
    CLI::Option* file =
        add_value(profile, "--replay", options.replay, file_syntax(),
                  "instead: what the frames of a capture cost, in copies of the programs and maps");
    offer(add_value(profile, "--as", options.as, device_syntax(),
                    "with --replay: as if they came in by this port (default: by the uplink)"),
          "<port>")
        ->needs(file);
    for (CLI::Option* other : others)
        file->excludes(other);
}

}  // namespace

void add_profile_command(CLI::App& app, Context& context) {
    auto* profile = app.add_subcommand("profile", "where the time goes, and what to do about it");
    auto options = std::make_shared<ProfileOptions>();
    add_value(*profile, "--seconds", options->time, duration_syntax(),
              "measure for so long (default: 5; with --live, 1; with --replay, 2)");
    CLI::Option* live_flag =
        profile->add_flag("--live", options->live,
                          "again and again until Ctrl-C, like top; as JSON, one object a line");
    CLI::Option* count = add_value(*profile, "--count", options->count,
                                   number_syntax(1, UINT32_MAX), "end after this many times");
    count->needs(live_flag);
    CLI::Option* stages = profile->add_flag(
        "--stages", options->stages,
        "also where inside the programs the time goes, by samples of what CPUs do");
    CLI::Option* flame =
        add_value(*profile, "--flame", options->flame, flame_syntax(),
                  "write the sampled stacks: FILE.svg is a flame graph, FILE.folded text");
    flame->excludes(live_flag);
    CLI::Option* rate = add_value(*profile, "--rate", options->rate, number_syntax(1, kMostRate),
                                  fmt::format("samples a second on each CPU (default: {})", kRate));
    add_replay(*profile, *options, {live_flag, count, stages, flame, rate});
    profile->footer(
        "It only reads, and costs each BPF program two readings of the clock a run while it "
        "measures;\nwhat sampling costs, --stages tells.\n"
        "Examples:\n"
        "  xgre profile\n"
        "  xgre profile --live\n"
        "  xgre profile --stages --flame xgre.svg --seconds 10\n"
        "  xgre profile --replay tap0.pcap --as tap0");
    profile->callback([&context, options, rate] {
        if (rate->count() != 0 && !options->stages && !options->flame)
            throw Misuse{"--rate", "nothing is sampled", "give --stages or --flame, too"};
        if (options->replay) return run_capture(context, *options);
        options->live ? live(context, *options) : once(context, *options);
    });
}

}  // namespace xgre::cli
