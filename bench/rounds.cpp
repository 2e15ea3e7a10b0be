// SPDX-License-Identifier: GPL-2.0-only
#include "bench/rounds.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "bench/bpf_statistics.h"
#include "bench/system.h"

namespace xgre::bench {
namespace {

constexpr std::chrono::seconds kPatience{20};  // with somebody who profiles

// One case with one peer.
class Contender {
public:
    // Where setting it up shows that frames do not arrive, it is void from the start.
    Contender(const std::string& name, const Row& row, std::size_t which, const Peer& peer) {
        result_.row = &row;
        result_.which = which;
        result_.peer = &peer;
        guard([&] { probe_ = row.cases[which].make(name, peer); });
    }

    void measure(std::chrono::nanoseconds slice, bool warm_up, const BpfStatistics& statistics) {
        if (result_.void_reason) return;
        guard([&] {
            std::vector<double> values = measure_undisturbed(slice, statistics);
            if (!warm_up) result_.rounds.push_back(std::move(values));
        });
    }

    const Result& result() const { return result_; }

private:
    // Not while somebody has BPF programs timed. Throws Void when that does not end.
    std::vector<double> measure_undisturbed(std::chrono::nanoseconds slice,
                                            const BpfStatistics& statistics) {
        const auto end = std::chrono::steady_clock::now() + kPatience;
        while (std::chrono::steady_clock::now() < end) {
            check_interrupt();
            if (statistics.are_on()) {
                std::this_thread::sleep_for(std::chrono::milliseconds{100});
                continue;
            }
            std::vector<double> values = probe_->measure(slice);
            if (!statistics.are_on()) return values;
        }
        throw Void{
            "BPF run-time statistics are on, which slow all programs: end the profiler, or set "
            "sysctl kernel.bpf_stats_enabled=0"};
    }

    template <typename Work>
    void guard(const Work& work) {
        try {
            work();
        } catch (const Void& reason) {
            check_interrupt();
            result_.void_reason = reason.what();
        }
    }

    std::unique_ptr<Probe> probe_;
    Result result_;
};

bool takes_part(const Peer& peer, const Row& row, std::size_t which) {
    const std::vector<std::string_view>& without = row.cases[which].without;
    return std::ranges::find(row.peers, peer.key) != row.peers.end() &&
           std::ranges::find(without, peer.key) == without.end();
}

// Two characters, as a World's name has to be.
std::string short_name(std::size_t number) {
    constexpr const char* digits = "0123456789abcdefghijklmnopqrstuvwxyz";
    return {digits[number / 36 % 36], digits[number % 36]};
}

}  // namespace

Progress::Progress()
    : terminal_{isatty(STDERR_FILENO) != 0}, begin_{std::chrono::steady_clock::now()} {}

void Progress::row(const Row& row, std::size_t number, std::size_t of) {
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin_;
    title_ = fmt::format("{}/{} {} ({:.0f} s)", number, of, row.title, passed.count());
    if (!terminal_) fmt::print(stderr, "bench: {}\n", title_);
}

void Progress::step(const std::string& what) const {
    if (terminal_) fmt::print(stderr, "\r\033[Kbench: {}: {}", title_, what);
}

void Progress::done() const {
    if (terminal_) fmt::print(stderr, "\r\033[K");
}

std::vector<Result> measure(const Row& row, const Plan& plan, const Progress& progress) {
    std::vector<std::unique_ptr<Contender>> contenders;
    for (std::size_t which = 0; which < row.cases.size(); ++which) {
        for (const Peer* peer : plan.peers) {
            if (!takes_part(*peer, row, which)) continue;
            check_interrupt();
            progress.step(fmt::format("set up {} {}", peer->title, row.cases[which].title));
            contenders.push_back(
                std::make_unique<Contender>(short_name(contenders.size()), row, which, *peer));
        }
    }
    const BpfStatistics statistics;
    const auto slice = std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(row.slice * plan.stretch));
    for (std::size_t round = 0; round <= plan.rounds; ++round) {  // the first warms up
        progress.step(fmt::format("round {} of {}", round, plan.rounds));
        for (const auto& contender : contenders) {
            check_interrupt();
            contender->measure(slice, round == 0, statistics);
        }
    }
    std::vector<Result> results;
    for (const auto& contender : contenders)
        results.push_back(contender->result());
    return results;
}

}  // namespace xgre::bench
