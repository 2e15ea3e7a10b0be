// SPDX-License-Identifier: GPL-2.0-only
#include "loader/kernel_features.h"

#include <bpf/libbpf.h>

#include <array>

#include <fmt/format.h>

namespace xgre {
namespace {

struct MapType {
    bpf_map_type type;
    const char* name;
    const char* use;
};
constexpr std::array kMapTypes{
    MapType{BPF_MAP_TYPE_DEVMAP_HASH, "devmap_hash", "by which XDP sends"},
    MapType{BPF_MAP_TYPE_CPUMAP, "cpumap", "by which frames are spread over CPUs"},
    MapType{BPF_MAP_TYPE_RINGBUF, "ringbuf", "for `xgre monitor`"},
    MapType{BPF_MAP_TYPE_PERF_EVENT_ARRAY, "perf_event_array", "for `xgre capture`"},
};

struct ProgramType {
    bpf_prog_type type;
    const char* name;
    const char* use;
};
constexpr std::array kProgramTypes{
    ProgramType{BPF_PROG_TYPE_SCHED_CLS, "sched_cls", "the slow path"},
    ProgramType{BPF_PROG_TYPE_XDP, "xdp", "the fast path"},
};

struct Helper {
    bpf_prog_type program;
    bpf_func_id id;
    const char* name;
    const char* use;
};
constexpr std::array kHelpers{
    Helper{BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_redirect_neigh, "bpf_redirect_neigh",
           "by which TC sends to peers"},
    Helper{BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_redirect_peer, "bpf_redirect_peer",
           "for `port add --direct`"},
    Helper{BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_check_mtu, "bpf_check_mtu", "for what fits"},
    Helper{BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_timer_init, "bpf_timer_init", "for addresses to age"},
    Helper{BPF_PROG_TYPE_SCHED_CLS, BPF_FUNC_loop, "bpf_loop", "for copies of flooded frames"},
    Helper{BPF_PROG_TYPE_XDP, BPF_FUNC_fib_lookup, "bpf_fib_lookup",
           "by which next hops are found"},
    Helper{BPF_PROG_TYPE_XDP, BPF_FUNC_xdp_get_buff_len, "bpf_xdp_get_buff_len",
           "for jumbo frames"},
};

}  // namespace

std::vector<KernelFeature> probe_kernel_features() {
    std::vector<KernelFeature> features;
    // 1 is there, 0 is not there, less is an error.
    const auto add = [&](int answer, std::string name, const char* use) {
        if (answer >= 0) features.push_back({std::move(name), use, answer != 0});
    };
    for (const MapType& map : kMapTypes)
        add(libbpf_probe_bpf_map_type(map.type, nullptr), fmt::format("maps of type {}", map.name),
            map.use);
    for (const ProgramType& program : kProgramTypes)
        add(libbpf_probe_bpf_prog_type(program.type, nullptr),
            fmt::format("programs of type {}", program.name), program.use);
    for (const Helper& helper : kHelpers)
        add(libbpf_probe_bpf_helper(helper.program, helper.id, nullptr),
            fmt::format("helper {}", helper.name), helper.use);
    return features;
}

}  // namespace xgre
