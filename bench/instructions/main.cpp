// SPDX-License-Identifier: GPL-2.0-only
// xgre-bench-guest: what is measured inside the guest, whose nanoseconds are instructions.
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "bench/instructions/datagrams.h"
#include "bench/instructions/program_runs.h"
#include "bench/instructions/stream.h"

namespace xgre::bench {
namespace {

enum Exit { kDone = 0, kFailed = 1, kMisused = 2 };

void print_stream(std::uint64_t bytes, std::size_t slices) {
    const StreamResult result = measure_stream(bytes, slices);
    for (const Slice& slice : result.slices)
        fmt::print("slice {} {}\n", slice.took.count(), slice.idle.count());
    fmt::print("retransmitted {}\n", result.retransmitted);
}

void print_datagrams(std::size_t bytes, std::size_t count, std::size_t runs) {
    for (const std::chrono::nanoseconds time : measure_datagrams(bytes, count, runs))
        fmt::print("{}\n", time.count());
}

void print_programs(const std::vector<std::string>& command) {
    for (const auto& [name, runs] : runs_during(command))
        fmt::print("{} {} {}\n", name, runs.runs, runs.nanoseconds);
}

int run_command_line(int argc, char** argv) {
    CLI::App app{"What is measured inside the guest of `scripts/bench --instructions`."};
    app.require_subcommand(1);
    std::uint64_t bytes = 0;
    std::size_t slices = 0;
    CLI::App* stream = app.add_subcommand(
        "stream", "TCP from VM to VM: a line a slice, its nanoseconds and those of them idle");
    stream->add_option("BYTES", bytes, "of a slice")->required();
    stream->add_option("SLICES", slices, "how many")->required();
    std::size_t size = 0;
    std::size_t count = 0;
    std::size_t runs = 0;
    CLI::App* datagrams =
        app.add_subcommand("datagrams", "UDP from VM to VM: a line a run, its nanoseconds");
    datagrams->add_option("BYTES", size, "of a datagram")->required();
    datagrams->add_option("COUNT", count, "of a run")->required();
    datagrams->add_option("RUNS", runs, "how many")->required();
    std::vector<std::string> command;
    CLI::App* programs = app.add_subcommand(
        "programs", "runs a command: a line a BPF program, its runs and their nanoseconds");
    programs->add_option("COMMAND", command, "with its arguments")->required();
    programs->prefix_command();
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kMisused;
    }
    try {
        if (stream->parsed()) {
            print_stream(bytes, slices);
        } else if (datagrams->parsed()) {
            print_datagrams(size, count, runs);
        } else {
            print_programs(command);
        }
        return kDone;
    } catch (const std::exception& error) {
        fmt::print(stderr, "xgre-bench-guest: {}\n", error.what());
        return kFailed;
    }
}

}  // namespace
}  // namespace xgre::bench

int main(int argc, char** argv) {
    return xgre::bench::run_command_line(argc, argv);
}
