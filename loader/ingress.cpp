// SPDX-License-Identifier: GPL-2.0-only
#include "loader/ingress.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "loader/abi_text.h"

namespace xgre {
namespace {

bool same_code(int one, int other) {
    bpf_prog_info a{};
    bpf_prog_info b{};
    std::uint32_t a_len = sizeof(a);
    std::uint32_t b_len = sizeof(b);
    return bpf_obj_get_info_by_fd(one, &a, &a_len) == 0 &&
           bpf_obj_get_info_by_fd(other, &b, &b_len) == 0 && std::ranges::equal(a.tag, b.tag);
}

}  // namespace

Ingress Ingress::of(const Instance::State& state, const std::optional<std::string>& device) {
    const auto scope = state.enter();
    Ingress ingress;
    const std::string uplink = text_of(state.uplink.name);
    if (!device || *device == uplink) {
        ingress.device = uplink;
        ingress.ifindex = state.uplink.ifindex;
        ingress.is_uplink = true;
    } else {
        const auto port = state.port(*device);
        if (!port)
            throw Error{"device " + *device, "is neither the uplink nor a port of this instance",
                        "`xgre show` lists them"};
        if (!state.is_live(port->first))
            throw Error{"port " + *device, "its device is gone",
                        fmt::format("`xgre port add {}` when it is there again", *device)};
        ingress.device = *device;
        ingress.ifindex = port->first;
        ingress.xdp = XGRE_PROGRAM_PORT_XDP;
        ingress.tc = XGRE_PROGRAM_PORT_TC;
    }
    constexpr std::size_t kHeaderAndTags = 14 + 4 * 4;
    const auto link = NlSocket::open().find_link(static_cast<int>(ingress.ifindex));
    if (!link)
        throw Error{"device " + ingress.device, "is gone", "`xgre show` lists what is there"};
    ingress.longest = link->mtu + kHeaderAndTags;
    ingress.has_xdp = state.hooks.xdp(static_cast<int>(ingress.ifindex)).has_value();
    return ingress;
}

bool is_other_build(const Instance::State& state, const Datapath& datapath,
                    const Ingress& ingress) {
    return std::ranges::any_of(std::array{ingress.xdp, ingress.tc}, [&](xgre_program program) {
        const std::string_view name = kProgramTexts.at(program).name;
        return !same_code(datapath.program(name), state.datapath.program(name));
    });
}

}  // namespace xgre
