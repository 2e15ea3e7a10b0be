// SPDX-License-Identifier: GPL-2.0-only
// xgre-bench: xgre beside the kernel's own means, on the same wire, round by round.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "bench/peers.h"
#include "bench/report.h"
#include "bench/rounds.h"
#include "bench/rows.h"
#include "bench/system.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

enum Exit { kDone = 0, kFailed = 1, kMisused = 2, kInterrupted = 130 };

struct Options {
    std::vector<std::string> rows;
    std::vector<std::string> peers;
    std::string json;
    std::string docs;
    bool quick = false;
    bool list = false;
    std::size_t rounds = 0;  // 0: by `quick`

    std::size_t number_of_rounds() const {
        if (rounds != 0) return rounds;
        return quick ? 3 : 11;
    }
    bool wants(const Row& row) const { return wants(rows, row.key); }
    bool wants(const Peer& peer) const { return wants(peers, peer.key); }

private:
    static bool wants(const std::vector<std::string>& keys, std::string_view key) {
        return keys.empty() || std::ranges::find(keys, key) != keys.end();
    }
};

std::string now() {
    const std::time_t seconds = std::time(nullptr);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &utc);
    return text.data();
}

std::string command_of(const Options& options) {
    std::string command = "scripts/bench";
    if (options.quick) command += " --quick";
    if (options.rounds != 0) command += fmt::format(" --rounds {}", options.rounds);
    for (const std::string& row : options.rows)
        command += " --only " + row;
    for (const std::string& peer : options.peers)
        command += " --peer " + peer;
    return command;
}

Run run_all(const Options& options) {
    Run run;
    run.command = command_of(options);
    run.date = now();
    run.rounds = options.number_of_rounds();
    run.machine = describe_machine();
    Plan plan{.peers = {}, .rounds = run.rounds, .stretch = options.quick ? 1.0 : 2.0};
    for (const Peer& peer : all_peers()) {
        if (options.wants(peer)) plan.peers.push_back(&peer);
    }
    std::vector<const Row*> rows;
    for (const Row& row : all_rows()) {
        if (options.wants(row)) rows.push_back(&row);
    }
    const auto begin = std::chrono::steady_clock::now();
    Progress progress;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        progress.row(*rows[i], i + 1, rows.size());
        const std::vector<Result> results = measure(*rows[i], plan, progress);
        run.results.insert(run.results.end(), results.begin(), results.end());
    }
    progress.done();
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    run.machine.load_after = load_averages();
    return run;
}

void list() {
    fmt::print("rows:\n");
    for (const Row& row : all_rows())
        fmt::print("  {:<10} {}\n", row.key, row.title);
    fmt::print("peers:\n");
    for (const Peer& peer : all_peers())
        fmt::print("  {:<10} {}\n", peer.key, peer.title);
}

template <typename Entries>
std::vector<std::string> keys_of(const Entries& entries) {
    std::vector<std::string> keys;
    for (const auto& entry : entries)
        keys.emplace_back(entry.key);
    return keys;
}

int bench(const Options& options) {
    if (options.list) {
        list();
        return kDone;
    }
    if (geteuid() != 0) {
        throw Error{"xgre-bench", "not root: it makes network namespaces", "use sudo"};
    }
    catch_interrupts();
    remove_leftovers();
    setpriority(PRIO_PROCESS, 0, -15);  // others disturb it less; where it is refused, more
    const Run run = run_all(options);
    fmt::print("{}", as_text(run));
    if (!options.json.empty()) write_file(options.json, as_json(run));
    if (!options.docs.empty()) write_docs(run, options.docs);
    const bool all_valid = std::ranges::none_of(
        run.results, [](const Result& result) { return result.void_reason.has_value(); });
    return all_valid ? kDone : kFailed;
}

int run_command_line(int argc, char** argv) {
    Options options;
    CLI::App app{"xgre beside the kernel's own means, on the same wire and the same frames."};
    app.name("scripts/bench");
    app.add_flag("--quick", options.quick, "fewer and shorter rounds: under 5 minutes");
    app.add_option("--only", options.rows, "only this row; may be given again")
        ->check(CLI::IsMember(keys_of(all_rows())))
        ->type_name("ROW");
    app.add_option("--peer", options.peers, "only this peer; may be given again")
        ->check(CLI::IsMember(keys_of(all_peers())))
        ->type_name("PEER");
    app.add_option("--rounds", options.rounds, "so many rounds")
        ->check(CLI::Range(1, 1000))
        ->type_name("N");
    app.add_flag("--list", options.list, "show rows and peers, and measure nothing");
    app.add_option("--json", options.json, "write all values into this file")->type_name("FILE");
    app.add_option("--docs", options.docs, "put tables and charts into the pages there")
        ->type_name("DIRECTORY");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? kDone : kMisused;
    }
    try {
        return bench(options);
    } catch (const Interrupted&) {
        fmt::print(stderr, "\nbench: interrupted; all that it made is removed\n");
        return kInterrupted;
    } catch (const std::exception& error) {
        fmt::print(stderr, "\nbench: {}\n", error.what());
        return kFailed;
    }
}

}  // namespace
}  // namespace xgre::bench

int main(int argc, char** argv) {
    return xgre::bench::run_command_line(argc, argv);
}
