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
    CLI11_PARSE(app, argc, argv)
    try {
        return scenario ? replay(*scenario) : search(frames, seed);
    } catch (const std::exception& error) {
        fmt::print(stderr, "differential: {}\n", error.what());
        return 1;
    }
}
