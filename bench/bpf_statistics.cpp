// SPDX-License-Identifier: GPL-2.0-only
#include "bench/bpf_statistics.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "xgre/error.h"

namespace xgre::bench {
namespace {

// r0 = 0; exit
constexpr std::array<bpf_insn, 2> kNothing{
    {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
     {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}}};

std::uint64_t runs_of(const Fd& program) {
    bpf_prog_info info{};
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0)
        throw Error::from_errno("BPF program", "information", errno, "run as root");
    return info.run_cnt;
}

}  // namespace

BpfStatistics::BpfStatistics()
    : program_{bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "nothing", "GPL", kNothing.data(),
                             kNothing.size(), nullptr)} {
    if (!program_.is_open())
        throw Error::from_errno("BPF program", "cannot load it", errno, "run as root");
}

bool BpfStatistics::are_on() const {
    const std::array<std::uint8_t, 64> frame{};
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = frame.data();
    options.data_size_in = frame.size();
    options.repeat = 1;
    const std::uint64_t before = runs_of(program_);
    const int error = bpf_prog_test_run_opts(program_.get(), &options);
    if (error != 0) throw Error::from_errno("BPF program", "cannot run it", -error, "run as root");
    return runs_of(program_) != before;
}

}  // namespace xgre::bench
