// SPDX-License-Identifier: GPL-2.0-only
// Both ends of the 64-byte rows: a generator of live XDP frames, a counter that drops them, and
// the program that only redirects.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "bench/bpf/traffic.h"
#include "bench/frame.h"

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
    Generator(std::string netns, int device, Frame frame);

    // Sends so many, and returns when all have gone as far as the calling processor takes them.
    // Nanoseconds a frame by the kernel's own clock, which stands still while other processes
    // run, and before and after: setting up waits for grace periods, longer than the frames take.
    double send(std::uint32_t frames);

private:
    std::string netns_;
    int device_;
    Frame frame_;
    BpfPtr<bench_generator_bpf> skeleton_;
};

class Counter {
public:
    struct Expected {
        Encap encap = Encap::none;
        Way hosts;  // of the tunnel's header
        Frame inner;
    };
    // Takes all frames that arrive at `device` of the namespace `netns`.
    Counter(const std::string& netns, int device, Expected expected);

    bench_tally read() const;
    // What is wrong with the frames since `before`, of which `sent` were to arrive.
    std::optional<std::string> fault_since(const bench_tally& before, std::uint64_t sent) const;

private:
    Expected expected_;
    BpfPtr<bench_counter_bpf> skeleton_;
    BpfPtr<bpf_link> link_;
};

// Two devices, each with an XDP program that sends what comes in by it out by the other.
class Redirector {
public:
    Redirector(const std::string& netns, int one, int other);

private:
    BpfPtr<bench_redirector_bpf> skeleton_;
    BpfPtr<bpf_link> one_;
    BpfPtr<bpf_link> other_;
};

}  // namespace xgre::bench
