// SPDX-License-Identifier: GPL-2.0-only
// Where the kernel is, so many times a second on each CPU: by perf's clock event, which needs no
// hardware counters.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace xgre {

// Addresses, the innermost first. Behind the first one they are where calls return to.
using CallChain = std::vector<std::uint64_t>;

struct Samples {
    std::map<CallChain, std::uint64_t> chains;  // of the kernel, idling included; how often each
    std::uint64_t lost = 0;                     // that nobody had room for
    double seconds = 0;
    std::uint32_t cpus = 0;
    std::uint32_t rate = 0;  // a second on each CPU
};

// Samples while it lives, in a thread of its own that takes what the kernel has written.
class PerfSampler {
public:
    // Throws Error when the kernel refuses, or keeps its addresses to itself.
    static PerfSampler start(std::uint32_t rate);

    PerfSampler(const PerfSampler&) = delete;
    PerfSampler& operator=(const PerfSampler&) = delete;
    PerfSampler(PerfSampler&&) noexcept;
    PerfSampler& operator=(PerfSampler&&) noexcept;
    ~PerfSampler();

    // Since start() or the last call.
    Samples take();

private:
    class Running;
    explicit PerfSampler(std::unique_ptr<Running> running);

    std::unique_ptr<Running> running_;
};

// What one sample costs the CPU that it is taken on, nanoseconds: measured on a BPF program of no
// consequence, run with and without sampling. nullopt: too little to be told from noise.
std::optional<double> measure_sample_cost();

}  // namespace xgre
