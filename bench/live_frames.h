// SPDX-License-Identifier: GPL-2.0-only
// Both ends of rows that count frames: a generator of live XDP frames, a counter that drops them,
// and the program that only redirects.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/bpf/traffic.h"
#include "bench/traffic.h"

struct bench_generator_bpf;
struct bench_counter_bpf;
struct bench_redirector_bpf;
struct bpf_link;

namespace xgre::bench {

// Destroys a skeleton, a link: what libbpf gave.
struct BpfDeleter {
    void operator()(bench_generator_bpf* skeleton) const;
    void operator()(bench_counter_bpf* skeleton) const;
    void operator()(bench_redirector_bpf* skeleton) const;
    void operator()(bpf_link* link) const;
};
template <typename T>
using BpfPtr = std::unique_ptr<T, BpfDeleter>;

class Generator {
public:
    // Sends out of `device` of the namespace `netns`.
    Generator(std::string netns, int device, const Traffic& traffic);

    // Sends so many, and returns when all have gone as far as the calling processor takes them.
    // Nanoseconds a frame by the kernel's own clock, which stands still while other processes
    // run, and before and after: setting up waits for grace periods, longer than the frames take.
    double send(std::uint32_t frames);
    // Draws in order begin anew.
    void rewind();
    // The next frame, made and not sent.
    Frame make();

private:
    std::string netns_;
    int device_;
    Frame frame_;
    std::uint32_t batch_;
    BpfPtr<bench_generator_bpf> skeleton_;
};

class Counter {
public:
    // Takes all frames that arrive at `devices` of the namespace `netns`.
    Counter(const std::string& netns, const std::vector<int>& devices, Expected expected);

    bench_tally read() const;
    // What is wrong with the frames since `before`, of which `sent` were to arrive; with those
    // that did, when none are said to have been sent.
    std::optional<std::string> fault_since(const bench_tally& before,
                                           std::optional<std::uint64_t> sent) const;
    // How many peers tunnel packets were seen to go to since the last call.
    std::uint32_t take_peers_seen();

private:
    std::optional<std::string> fault_of_sample() const;

    Expected expected_;
    BpfPtr<bench_counter_bpf> skeleton_;
    std::vector<BpfPtr<bpf_link>> links_;
};

// Programs that send what comes in by one device out by another.
class Redirector {
public:
    // Between two.
    Redirector(const std::string& netns, int one, int other);
    // Out of the first into the second, what is for one of `count` addresses from `first` on.
    Redirector(const std::string& netns, int from, int to, const Mac& first, std::uint32_t count);
    // From one to many, by the destination's last four bytes, from those of `first` on.
    Redirector(const std::string& netns, int from, const std::vector<int>& to, const Mac& first);

private:
    BpfPtr<bench_redirector_bpf> skeleton_;
    std::vector<BpfPtr<bpf_link>> links_;
};

}  // namespace xgre::bench
