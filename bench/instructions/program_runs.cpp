// SPDX-License-Identifier: GPL-2.0-only
#include "bench/instructions/program_runs.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "bench/fd.h"
#include "bench/process.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

constexpr int kEmptyRuns = 10'000;

bpf_prog_info info_of(const Fd& program) {
    bpf_prog_info info{};
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0) {
        throw Error::from_errno("BPF program", "cannot ask for its runs", errno, "run as root");
    }
    return info;
}

std::map<std::string, ProgramRuns> runs_so_far() {
    std::map<std::string, ProgramRuns> all;
    std::uint32_t id = 0;
    while (bpf_prog_get_next_id(id, &id) == 0) {
        const Fd program{bpf_prog_get_fd_by_id(id)};
        if (!program.is_open()) continue;  // it is gone
        const bpf_prog_info info = info_of(program);
        ProgramRuns& runs = all[info.name];
        runs.runs += info.run_cnt;
        runs.nanoseconds += info.run_time_ns;
    }
    return all;
}

// What a run of a program takes that does nothing.
std::uint64_t cost_of_measuring() {
    const std::array<bpf_insn, 2> nothing{
        bpf_insn{.code = BPF_ALU64 | BPF_MOV | BPF_K,
                 .dst_reg = BPF_REG_0,
                 .src_reg = 0,
                 .off = 0,
                 .imm = XDP_PASS},
        bpf_insn{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    };
    const Fd empty{
        bpf_prog_load(BPF_PROG_TYPE_XDP, "empty", "GPL", nothing.data(), nothing.size(), nullptr)};
    if (!empty.is_open()) {
        throw Error::from_errno("empty BPF program", "cannot load it", errno, "run as root");
    }
    std::array<std::uint8_t, 64> frame{};
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame.data();
    options.data_size_in = frame.size();
    options.repeat = kEmptyRuns;
    if (const int error = bpf_prog_test_run_opts(empty.get(), &options); error != 0) {
        throw Error::from_errno("empty BPF program", "cannot run it", -error, "run as root");
    }
    const bpf_prog_info info = info_of(empty);
    return info.run_time_ns / std::max<std::uint64_t>(info.run_cnt, 1);
}

}  // namespace

std::map<std::string, ProgramRuns> runs_during(const std::vector<std::string>& command) {
    const Fd statistics{bpf_enable_stats(BPF_STATS_RUN_TIME)};
    if (!statistics.is_open()) {
        throw Error::from_errno("BPF statistics", "cannot switch them on", errno, "run as root");
    }
    const std::uint64_t cost = cost_of_measuring();
    const std::map<std::string, ProgramRuns> before = runs_so_far();
    run(command);
    std::map<std::string, ProgramRuns> during;
    for (auto [name, runs] : runs_so_far()) {
        if (const auto found = before.find(name); found != before.end()) {
            runs.runs -= found->second.runs;
            runs.nanoseconds -= found->second.nanoseconds;
        }
        if (runs.runs == 0) continue;
        runs.nanoseconds -= std::min(runs.nanoseconds, runs.runs * cost);
        during[name] = runs;
    }
    return during;
}

}  // namespace xgre::bench
