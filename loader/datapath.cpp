// SPDX-License-Identifier: GPL-2.0-only
#include "loader/datapath.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <ctime>
#include <fstream>
#include <memory>

#include <fmt/format.h>

#include "loader/limits.h"
#include "loader/pins.h"
#include "loader/spread.h"
#include "xgre.skel.h"

namespace xgre {
namespace {

constexpr const char* kRunAsRoot = "run as root; `xgre --verbose` shows what the kernel said";

struct DestroySkeleton {
    void operator()(xgre_bpf* skeleton) const noexcept { xgre_bpf__destroy(skeleton); }
};
using Skeleton = std::unique_ptr<xgre_bpf, DestroySkeleton>;

Fd duplicate(int fd, const std::string& object) {
    Fd copy{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
    if (!copy.is_open())
        throw Error::from_errno(object, "duplicate descriptor", errno, "try again");
    return copy;
}

bool is_same_map(int one, int other) {
    bpf_map_info a{};
    bpf_map_info b{};
    std::uint32_t a_len = sizeof(a);
    std::uint32_t b_len = sizeof(b);
    return bpf_obj_get_info_by_fd(one, &a, &a_len) == 0 &&
           bpf_obj_get_info_by_fd(other, &b, &b_len) == 0 && a.id == b.id;
}

int at(const std::map<std::string, Fd, std::less<>>& all, std::string_view name) {
    const auto found = all.find(name);
    if (found == all.end())
        throw Error{std::string{name}, "this version of the instance does not have it",
                    "run `xgre attach --upgrade`"};
    return found->second.get();
}

// Names that this tool's own BPF object has, without loading anything.
Skeleton open_skeleton() {
    Skeleton skeleton{xgre_bpf__open()};
    if (!skeleton) throw Error::from_errno("BPF object", "open", errno, kRunAsRoot);
    return skeleton;
}

// The coarse clock goes on with each tick, and says how long that is.
std::uint32_t ticks_of(std::uint64_t ns) {
    timespec tick{};
    if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) != 0 || tick.tv_nsec == 0) return 1;
    return static_cast<std::uint32_t>(
        std::max<std::uint64_t>(ns / static_cast<std::uint64_t>(tick.tv_nsec), 1));
}

void set_flows(xgre_bpf& skeleton, std::uint32_t flows) {
    bpf_map__set_max_entries(skeleton.maps.flows, flows);
    skeleton.rodata->flow_shift = static_cast<std::uint32_t>(64 - std::countr_zero(flows));
    skeleton.rodata->hop_ticks = ticks_of(XGRE_HOP_NS);
    skeleton.rodata->flow_ticks = ticks_of(XGRE_FLOW_NS);
    skeleton.rodata->second_ticks = ticks_of(1'000'000'000);
}

// Not open: an older tool made the instance without it.
Fd open_pin(const std::string& path) {
    Fd fd{bpf_obj_get(path.c_str())};
    if (!fd.is_open() && errno != ENOENT)
        throw Error::from_errno(path, "open pin", errno,
                                errno == EPERM || errno == EACCES
                                    ? "run as root"
                                    : "`xgre detach --all`, and attach again");
    return fd;
}

}  // namespace

std::uint32_t flows_for(std::uint64_t cpus) {
    std::uint32_t flows = XGRE_FLOWS;
    while (flows > XGRE_FLOWS_LEAST && flows * sizeof(xgre_flow) * cpus > XGRE_FLOWS_MEMORY)
        flows /= 2;
    return flows;
}

std::uint64_t MapView::memory() const {
    std::ifstream info{fmt::format("/proc/self/fdinfo/{}", fd_)};
    std::string field;
    std::uint64_t value = 0;
    while (info >> field)
        if (field == "memlock:" && info >> value) return value;
    return 0;
}

bpf_map_info MapView::info() const {
    bpf_map_info info{};
    std::uint32_t len = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd_, &info, &len) != 0) fail("information", errno);
    return info;
}

std::uint32_t MapView::max_entries() const {
    return info().max_entries;
}

std::uint32_t MapView::id() const {
    return info().id;
}

Datapath Datapath::load(const Sizes& sizes) {
    return load(sizes, nullptr);
}

Datapath Datapath::load_on(const Datapath& running) {
    return load(Sizes{}, &running);
}

Datapath Datapath::load(const Sizes& sizes, const Datapath* running) {
    const Skeleton skeleton = open_skeleton();
    bpf_map__set_max_entries(skeleton->maps.fdb, sizes.fdb_entries);
    set_flows(*skeleton, running == nullptr
                             ? flows_for(static_cast<std::uint64_t>(libbpf_num_possible_cpus()))
                             : MapView{running->map_fd("flows"), "flows"}.max_entries());
    bpf_map__set_max_entries(skeleton->maps.cpus, system_cpus("possible").list().back() + 1);
    // Without it, frames that find a CPU's queue full are not counted.
    const bool has_tracepoints =
        libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_RAW_TRACEPOINT, nullptr) == 1;
    bpf_program__set_autoload(skeleton->progs.spread_full, has_tracepoints);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton->obj) {
        if (running == nullptr) break;
        const auto found = running->maps_.find(bpf_map__name(map));
        if (found == running->maps_.end()) continue;
        if (const int error = bpf_map__reuse_fd(map, found->second.get()); error != 0)
            throw Error::from_errno(found->first, "reuse map", -error, kRunAsRoot);
    }
    if (const int error = xgre_bpf__load(skeleton.get()); error != 0)
        throw Error::from_errno("BPF programs", "load", -error, kRunAsRoot);

    Datapath loaded;
    bpf_object__for_each_map(map, skeleton->obj) {
        const std::string name = bpf_map__name(map);
        if (bpf_map__is_internal(map)) continue;
        loaded.maps_.emplace(name, duplicate(bpf_map__fd(map), name));
        if (running != nullptr && running->maps_.contains(name) &&
            !is_same_map(bpf_map__fd(map), running->map_fd(name)))
            throw Error{name, "the new programs did not take over the map",
                        "run `xgre detach --all`, then `xgre attach`"};
    }
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton->obj) {
        if (!bpf_program__autoload(program)) continue;
        const std::string name = bpf_program__name(program);
        loaded.programs_.emplace(name, duplicate(bpf_program__fd(program), name));
    }
    return loaded;
}

Datapath Datapath::open(const std::string& directory) {
    const Skeleton skeleton = open_skeleton();
    Datapath opened;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, skeleton->obj) {
        if (bpf_map__is_internal(map)) continue;
        const std::string name = bpf_map__name(map);
        if (Fd pin = open_pin(directory + "/maps/" + name); pin.is_open())
            opened.maps_.emplace(name, std::move(pin));
    }
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, skeleton->obj) {
        const std::string name = bpf_program__name(program);
        if (Fd pin = open_pin(directory + "/programs/" + name); pin.is_open())
            opened.programs_.emplace(name, std::move(pin));
    }
    return opened;
}

void Datapath::pin(const std::string& directory) const {
    pins::make_directory(directory + "/maps");
    pins::make_directory(directory + "/programs");
    for (const auto& [name, fd] : maps_) {
        const std::string path = directory + "/maps/" + name;
        const Fd pinned{bpf_obj_get(path.c_str())};
        if (!pinned.is_open() || !is_same_map(pinned.get(), fd.get())) pins::put(fd.get(), path);
    }
    for (const auto& [name, fd] : programs_)
        pins::put(fd.get(), directory + "/programs/" + name);
}

int Datapath::program(std::string_view name) const {
    return at(programs_, name);
}

int Datapath::map_fd(std::string_view name) const {
    return at(maps_, name);
}

template <typename Arguments>
void Datapath::run_control(const char* program_name, Arguments& arguments) const {
    static_assert(sizeof(Arguments) >= 14, "a test run wants at least an Ethernet header");
    Arguments out{};
    bpf_test_run_opts options{};
    options.sz = sizeof(options);
    options.data_in = &arguments;
    options.data_size_in = sizeof(arguments);
    options.data_out = &out;
    options.data_size_out = sizeof(out);
    if (bpf_prog_test_run_opts(program(program_name), &options) != 0)
        throw Error::from_errno(program_name, "run", errno, kRunAsRoot);
    if (options.retval != 0)
        throw Error{program_name, "refused its arguments", "run `xgre attach --upgrade`"};
    arguments = out;
}

void Datapath::fdb_put(const xgre_fdb_key& key, xgre_owner owner) const {
    xgre_fdb_put_args arguments{};
    arguments.key = key;
    arguments.owner = owner;
    do {  // EBUSY: the entry changed hands meanwhile, which ends as soon as we win
        run_control("fdb_put", arguments);
    } while (arguments.result == -EBUSY);
    if (arguments.result == -E2BIG || arguments.result == -ENOMEM)
        throw fdb_is_full(fdb().max_entries());
    if (arguments.result != 0)
        throw Error::from_errno("fdb", "add", static_cast<int>(-arguments.result), kRunAsRoot);
}

bool Datapath::fdb_restore(const xgre_fdb_key& key, xgre_owner owner, std::uint64_t age_ns,
                           std::uint32_t limit) const {
    xgre_fdb_restore_args arguments{};
    arguments.key = key;
    arguments.limit = limit;
    arguments.owner = owner;
    arguments.age_ns = age_ns;
    run_control("fdb_restore", arguments);
    return arguments.result == 0;
}

bool Datapath::fdb_delete(const xgre_fdb_key& key) const {
    xgre_fdb_delete_args arguments{};
    arguments.key = key;
    do {
        run_control("fdb_delete", arguments);
    } while (arguments.result == -EBUSY);
    return arguments.result == 0;
}

std::uint32_t Datapath::fdb_flush(const xgre_fdb_flush_args& want) const {
    xgre_fdb_flush_args arguments = want;
    run_control("fdb_flush", arguments);
    return arguments.flushed;
}

std::uint32_t Datapath::fdb_sweep() const {
    xgre_sweep_args arguments{};
    run_control("fdb_sweep", arguments);
    return arguments.removed;
}

void Datapath::forget_flows() const {
    std::array<std::uint64_t, 2> nothing{};
    run_control("flows_forget", nothing);
}

int Datapath::send_probe(std::uint32_t peer, std::uint32_t len) const {
    xgre_probe_send_args arguments{};
    arguments.peer = peer;
    arguments.len = len;
    run_control("probe_send", arguments);
    return static_cast<int>(-arguments.result);
}

bool Datapath::can_spread_tcp() const {
    xgre_probe_args arguments{};
    run_control("spread_probe", arguments);
    return (arguments.flags & XGRE_SPREAD_TCP) != 0;
}

void Datapath::start_sweeper(std::uint64_t interval_ns) const {
    xgre_sweep_args arguments{};
    arguments.interval_ns = interval_ns;
    run_control("sweeper_start", arguments);
    if (arguments.result != 0)
        throw Error::from_errno("sweeper", "start timer", -arguments.result, kRunAsRoot);
}

}  // namespace xgre
