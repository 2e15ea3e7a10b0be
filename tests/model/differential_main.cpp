// SPDX-License-Identifier: GPL-2.0-only
// scripts/differential: the programs beside the model, for as many frames as one has time for.
#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <random>
#include <string>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "tests/model/search.h"

namespace {

using Clock = std::chrono::steady_clock;

int search(std::uint64_t frames, std::uint64_t seed) {
    xgre::test::model::Search search;
    const auto begin = Clock::now();
    auto next_report = begin;
    const auto rate = [&search, begin] {
        const std::chrono::duration<double> time = Clock::now() - begin;
        return static_cast<double>(search.frames()) / time.count();
    };
    fmt::print("differential: {} frames, seed {}\n", frames, seed);
    while (search.frames() < frames) {
        if (const auto difference = search.play(seed++)) {
            fmt::print("{}differential: a difference after {} frames\n", *difference,
                       search.frames());
            return 1;
        }
        if (Clock::now() < next_report) continue;
        next_report += std::chrono::seconds{10};
        fmt::print("differential: {} frames, {:.0f} a second\n", search.frames(), rate());
        static_cast<void>(std::fflush(stdout));
    }
    fmt::print("differential: {} frames, {:.0f} a second; XDP took {}; no difference\n",
               search.frames(), rate(), search.taken_by_xdp());
    return 0;
}

// Half of them where XDP runs, half where it does not; a thread is on one host at a time.
int search_traces(std::uint64_t frames, std::uint64_t seed) {
    fmt::print("differential: {} frames, each traced first, seed {}\n", frames, seed);
    for (const auto hooks : {xgre::test::Hooks::native_xdp, xgre::test::Hooks::tc}) {
        const auto begin = Clock::now();
        xgre::test::model::TraceSearch search{hooks};
        const auto difference = search.play_many(seed, frames / 2);
        const std::chrono::duration<double> time = Clock::now() - begin;
        const auto traced = search.rig().traced();
        fmt::print(
            "{}differential: {}: {} frames traced, {:.0f} a second; the program that decided "
            "was foretold of {}; {}\n",
            difference.value_or(""), hooks == xgre::test::Hooks::tc ? "TC alone" : "XDP and TC",
            traced, static_cast<double>(traced) / time.count(),
            search.rig().traced_by_same_program(), difference ? "a difference" : "no difference");
        if (difference) return 1;
    }
    return 0;
}

int replay_traces(std::uint64_t scenario) {
    for (const auto hooks : {xgre::test::Hooks::native_xdp, xgre::test::Hooks::tc}) {
        const auto difference = xgre::test::model::TraceSearch{hooks}.play(scenario);
        fmt::print("{}", difference.value_or("differential: no difference\n"));
        if (difference) return 1;
    }
    return 0;
}

int replay(std::uint64_t scenario) {
    const auto difference = xgre::test::model::Search{}.play(scenario);
    fmt::print("{}", difference.value_or("differential: no difference\n"));
    return difference ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"The programs beside the model"};
    std::uint64_t frames = 100'000;
    std::uint64_t seed = std::random_device{}();
    std::optional<std::uint64_t> scenario;
    app.add_option("FRAMES", frames, "how many");
    app.add_option("--seed", seed, "of the first scenario; else a random one");
    app.add_option("--scenario", scenario, "play one scenario again");
    bool trace = false;
    app.add_flag("--trace", trace, "what `xgre trace` says of each frame, beside what happens");
    CLI11_PARSE(app, argc, argv)
    try {
        if (trace) return scenario ? replay_traces(*scenario) : search_traces(frames, seed);
        return scenario ? replay(*scenario) : search(frames, seed);
    } catch (const std::exception& error) {
        fmt::print(stderr, "differential: {}\n", error.what());
        return 1;
    }
}
