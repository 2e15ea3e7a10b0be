// SPDX-License-Identifier: GPL-2.0-only
#include "loader/hooks.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/membarrier.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <set>

#include <fmt/format.h>

#include "loader/fd.h"
#include "loader/pins.h"
#include "xgre/error.h"

namespace xgre {
namespace {

// uapi/linux/bpf.h, in 6.6 and later; Debian 12's header is older.
constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
constexpr std::uint32_t kBefore = 1U << 3;  // BPF_F_BEFORE, of nothing: first

// Tells our filter from others at a clsact hook.
constexpr std::uint32_t kFilterHandle = 0x7867;
constexpr std::uint32_t kFilterPriority = 1;

constexpr int kLoopback = 1;
constexpr const char* kDoctor = "`xgre doctor` tells what is in the way";

struct LinkState {
    std::uint32_t program;
    int ifindex;  // 0: the device is gone
};

std::optional<LinkState> link_state(int fd) {
    bpf_link_info info{};
    std::uint32_t len = sizeof(info);
    if (bpf_obj_get_info_by_fd(fd, &info, &len) != 0) return std::nullopt;
    // A tcx link's ifindex lies where an XDP link's does.
    return LinkState{info.prog_id, static_cast<int>(info.xdp.ifindex)};
}

std::optional<std::uint32_t> program_of(const std::string& path, int ifindex) {
    const Fd link{bpf_obj_get(path.c_str())};
    if (!link.is_open()) return std::nullopt;
    const auto state = link_state(link.get());
    if (!state || state->ifindex != ifindex) return std::nullopt;
    return state->program;
}

void pin_link(const Fd& link, const std::string& path, const std::string& device) {
    pins::remove(path);  // what is left of a device that had this ifindex before
    if (bpf_obj_pin(link.get(), path.c_str()) != 0)
        throw Error::from_errno(device, "pin link", errno, kDoctor);
}

Fd create_link(int program, int ifindex, bpf_attach_type type, std::uint32_t flags) {
    bpf_link_create_opts options{};
    options.sz = sizeof(options);
    options.flags = flags;
    return Fd{bpf_link_create(program, ifindex, type, &options)};
}

// Off the device now, and then the pin. When only the last reference goes, the kernel detaches some
// time later: the device would still be taken for the next command, and TC might go before XDP.
void detach_link(const std::string& path) {
    const Fd link{bpf_obj_get(path.c_str())};
    // ENOLINK: its device went already.
    if (link.is_open() && bpf_link_detach(link.get()) != 0 && errno != ENOLINK)
        throw Error::from_errno(path, "detach link", errno, kDoctor);
    pins::remove(path);
}

// Programs that were taken off a device may still be at work on a frame. membarrier's global
// command waits until no CPU is in one (synchronize_rcu); where it may not (a CPU runs without the
// timer tick, NOHZ_FULL), the time that detaching from tcx takes has to do.
void wait_for_running_programs() {
    ::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

// False: there is no such link yet.
bool replace_in_link(const std::string& path, int ifindex, int program, const std::string& device) {
    const Fd link{bpf_obj_get(path.c_str())};
    if (!link.is_open()) return false;
    const auto state = link_state(link.get());
    if (!state || state->ifindex != ifindex) return false;
    if (bpf_link_update(link.get(), program, nullptr) != 0)
        throw Error::from_errno(device, "replace program", errno, kDoctor);
    return true;
}

bpf_tc_hook clsact_hook(int ifindex) {
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = ifindex;
    hook.attach_point = BPF_TC_INGRESS;
    return hook;
}

bpf_tc_opts clsact_filter() {
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.handle = kFilterHandle;
    options.priority = kFilterPriority;
    return options;
}

std::string name_of_program(std::uint32_t id) {
    const Fd program{bpf_prog_get_fd_by_id(id)};
    bpf_prog_info info{};
    std::uint32_t size = sizeof(info);
    if (!program.is_open() || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return {};
    return info.name;
}

// The link that holds a device's XDP program; 0: none does, or it cannot be seen.
std::uint32_t xdp_link(const LinkInfo& device) {
    std::uint32_t id = 0;
    while (bpf_link_get_next_id(id, &id) == 0) {
        const Fd link{bpf_link_get_fd_by_id(id)};
        bpf_link_info info{};
        std::uint32_t size = sizeof(info);
        if (!link.is_open() || bpf_obj_get_info_by_fd(link.get(), &info, &size) != 0) continue;
        if (info.type == BPF_LINK_TYPE_XDP && info.prog_id == device.xdp_prog_id &&
            info.xdp.ifindex == static_cast<std::uint32_t>(device.index))
            return id;
    }
    return 0;
}

// Maps that a program uses, by their kernel ids; empty when there is no such program.
std::set<std::uint32_t> maps_of(const Fd& program) {
    std::array<std::uint32_t, 64> ids{};
    bpf_prog_info info{};
    info.nr_map_ids = ids.size();
    info.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
    std::uint32_t size = sizeof(info);
    if (!program.is_open() || bpf_obj_get_info_by_fd(program.get(), &info, &size) != 0) return {};
    return {ids.begin(), ids.begin() + std::min<std::size_t>(info.nr_map_ids, ids.size())};
}

// The filter's program, when it is of the same instance as the marker's: another instance's filter
// has the same handle, and a device of another network namespace may have the same index.
std::optional<std::uint32_t> filter_of(int ifindex, const std::string& marker) {
    const bpf_tc_hook hook = clsact_hook(ifindex);
    bpf_tc_opts filter = clsact_filter();
    if (bpf_tc_query(&hook, &filter) != 0) return std::nullopt;
    const auto marked = maps_of(Fd{bpf_obj_get(marker.c_str())});
    const auto running = maps_of(Fd{bpf_prog_get_fd_by_id(filter.prog_id)});
    const bool ours =
        std::ranges::any_of(running, [&](std::uint32_t map) { return marked.contains(map); });
    return ours ? std::optional{filter.prog_id} : std::nullopt;
}

struct Filter {
    std::uint32_t handle = 0;
    std::uint32_t priority = 0;
    HookedProgram program;
};

std::string text_in(nlattr* attribute) {
    return attribute == nullptr ? std::string{} : std::string{nla_get_string(attribute)};
}

// nullopt: it is the head of a list of filters.
std::optional<Filter> read_filter(const nlmsghdr& answer) {
    const auto* header = static_cast<const tcmsg*>(nlmsg_data(&answer));
    if (header->tcm_handle == 0) return std::nullopt;
    Filter filter{header->tcm_handle, TC_H_MAJ(header->tcm_info) >> 16, {}};
    std::array<nlattr*, TCA_MAX + 1> attributes{};
    std::array<nlattr*, TCA_BPF_MAX + 1> options{};
    if (nlmsg_parse(const_cast<nlmsghdr*>(&answer), sizeof(*header), attributes.data(), TCA_MAX,
                    nullptr) != 0)
        return filter;
    filter.program.name = text_in(attributes[TCA_KIND]);
    if (filter.program.name != "bpf" || attributes[TCA_OPTIONS] == nullptr ||
        nla_parse_nested(options.data(), TCA_BPF_MAX, attributes[TCA_OPTIONS], nullptr) != 0)
        return filter;
    if (options[TCA_BPF_ID] != nullptr) filter.program.id = nla_get_u32(options[TCA_BPF_ID]);
    filter.program.name = name_of_program(filter.program.id);
    return filter;
}

// The filters at one side of a clsact qdisc, in the order in which they run. Of what is there, the
// heads of lists are told, too, before what is in them.
std::vector<std::optional<Filter>> filters_at(NlSocket& socket, int ifindex, std::uint32_t side) {
    const std::unique_ptr<nl_msg, decltype(&nlmsg_free)> message{
        nlmsg_alloc_simple(RTM_GETTFILTER, NLM_F_DUMP), &nlmsg_free};
    tcmsg header{};
    header.tcm_family = AF_UNSPEC;
    header.tcm_ifindex = ifindex;
    header.tcm_parent = TC_H_MAKE(TC_H_CLSACT, side);
    if (!message || nlmsg_append(message.get(), &header, sizeof(header), NLMSG_ALIGNTO) != 0)
        throw Error{"netlink", "no memory for a message", "free memory"};
    std::vector<std::optional<Filter>> filters;
    socket.request(*message,
                   [&](const nlmsghdr& answer) { filters.push_back(read_filter(answer)); });
    return filters;
}

// The qdisc goes with its last filter; with anybody's filter left, it stays.
void drop_unused_clsact(int ifindex) {
    NlSocket socket = NlSocket::open();
    if (!socket.find_link(ifindex)) return;
    for (const std::uint32_t side : {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS})
        if (!filters_at(socket, ifindex, side).empty()) return;
    bpf_tc_hook hook = clsact_hook(ifindex);
    hook.attach_point = static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS);
    bpf_tc_hook_destroy(&hook);  // it is empty: to fail to remove it does no harm
}

void attach_to_clsact(const LinkInfo& device, int program) {
    bpf_tc_hook hook = clsact_hook(device.index);
    if (const int error = bpf_tc_hook_create(&hook); error != 0 && error != -EEXIST)
        throw Error::from_errno(device.name, "create clsact", -error, kDoctor);
    bpf_tc_opts filter = clsact_filter();
    filter.prog_fd = program;
    filter.flags = BPF_TC_F_REPLACE;
    if (const int error = bpf_tc_attach(&hook, &filter); error != 0)
        throw Error::from_errno(device.name, "attach to clsact", -error, kDoctor);
}

}  // namespace

Fd attach_tc(const LinkInfo& device, int program, xgre_tc_hook tc_hook) {
    if (tc_hook != XGRE_TC_HOOK_TCX) {
        attach_to_clsact(device, program);
        return {};
    }
    Fd link = create_link(program, device.index, kTcxIngress, kBefore);
    if (!link.is_open()) throw Error::from_errno(device.name, "attach to tcx", errno, kDoctor);
    return link;
}

Fd attach_xdp(const LinkInfo& device, int program) {
    Fd link = create_link(program, device.index, BPF_XDP, XDP_FLAGS_DRV_MODE);
    if (!link.is_open()) throw Error::from_errno(device.name, "attach XDP", errno, kDoctor);
    return link;
}

bool knows_tcx() {
    std::uint32_t count = 0;
    return bpf_prog_query(kLoopback, kTcxIngress, 0, nullptr, nullptr, &count) == 0;
}

std::optional<HookedProgram> xdp_program(const LinkInfo& device) {
    if (device.xdp_prog_id == 0) return std::nullopt;
    return HookedProgram{device.xdp_prog_id, name_of_program(device.xdp_prog_id), xdp_link(device)};
}

std::vector<std::uint32_t> Hooks::tcx_programs_before(int ifindex) const {
    std::array<std::uint32_t, 64> ids{};  // the most that the kernel takes
    std::uint32_t count = ids.size();
    if (bpf_prog_query(ifindex, kTcxIngress, 0, nullptr, ids.data(), &count) != 0) return {};
    const auto end = ids.begin() + std::min<std::size_t>(count, ids.size());
    // Those of tcx come before all of clsact (sch_handle_ingress() in net/core/dev.c).
    const auto ours = tc_hook_ == XGRE_TC_HOOK_TCX ? tc(ifindex) : std::nullopt;
    return {ids.begin(), ours ? std::find(ids.begin(), end, *ours) : end};
}

std::vector<HookedProgram> Hooks::before(int ifindex) const {
    std::vector<HookedProgram> programs;
    if (!tc(ifindex)) return programs;
    for (const std::uint32_t id : tcx_programs_before(ifindex))
        programs.push_back({id, name_of_program(id), 0});
    if (tc_hook_ == XGRE_TC_HOOK_TCX) return programs;
    NlSocket socket = NlSocket::open();
    for (const auto& filter : filters_at(socket, ifindex, TC_H_MIN_INGRESS)) {
        if (!filter) continue;
        if (filter->handle == kFilterHandle && filter->priority == kFilterPriority) break;
        programs.push_back(filter->program);
    }
    return programs;
}

std::string Hooks::pin(const char* kind, int ifindex) const {
    return fmt::format("{}/{}-{}", directory_, kind, ifindex);
}

std::optional<std::uint32_t> Hooks::tc(int ifindex) const {
    if (tc_hook_ == XGRE_TC_HOOK_TCX) return program_of(pin("tcx", ifindex), ifindex);
    return filter_of(ifindex, pin("clsact", ifindex));
}

std::optional<std::uint32_t> Hooks::xdp(int ifindex) const {
    return program_of(pin("xdp", ifindex), ifindex);
}

std::vector<int> Hooks::devices() const {
    std::set<int> all;
    for (const std::string& name : pins::list(directory_)) {
        const auto dash = name.find('-');
        int ifindex = 0;
        if (dash == std::string::npos) continue;
        std::from_chars(name.data() + dash + 1, name.data() + name.size(), ifindex);
        if (ifindex > 0) all.insert(ifindex);
    }
    return {all.begin(), all.end()};
}

void Hooks::set_tc(const LinkInfo& device, int program) const {
    if (tc_hook_ == XGRE_TC_HOOK_TCX) {
        const std::string path = pin("tcx", device.index);
        if (replace_in_link(path, device.index, program, device.name)) return;
        pin_link(attach_tc(device, program, tc_hook_), path, device.name);
        return;
    }
    // The marker first: killed before the filter is there, it only marks nothing.
    pins::put(program, pin("clsact", device.index));
    attach_to_clsact(device, program);
}

bool Hooks::set_xdp(const LinkInfo& device, int program) const {
    const std::string path = pin("xdp", device.index);
    if (replace_in_link(path, device.index, program, device.name)) return true;
    const Fd link = create_link(program, device.index, BPF_XDP, XDP_FLAGS_DRV_MODE);
    if (!link.is_open()) return false;
    pin_link(link, path, device.name);
    return true;
}

void Hooks::clear_xdp(int ifindex) const {
    detach_link(pin("xdp", ifindex));
}

void Hooks::clear(const std::vector<int>& devices) const {
    bool had_xdp = false;
    for (const int ifindex : devices) {
        had_xdp = had_xdp || pins::exists(pin("xdp", ifindex));
        clear_xdp(ifindex);
    }
    if (had_xdp) wait_for_running_programs();
    for (const int ifindex : devices)
        clear_tc(ifindex);
}

void Hooks::clear_tc(int ifindex) const {
    detach_link(pin("tcx", ifindex));
    const std::string marker = pin("clsact", ifindex);
    if (!pins::exists(marker)) return;
    if (filter_of(ifindex, marker)) {
        const bpf_tc_hook hook = clsact_hook(ifindex);
        bpf_tc_opts filter = clsact_filter();
        if (const int error = bpf_tc_detach(&hook, &filter); error != 0)
            throw Error::from_errno(fmt::format("device {}", ifindex), "remove filter", -error,
                                    kDoctor);
    }
    drop_unused_clsact(ifindex);
    pins::remove(marker);
}

}  // namespace xgre
