// SPDX-License-Identifier: GPL-2.0-only
#include "tests/e2e/vlan_device.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <net/if.h>

#include <array>
#include <cstddef>
#include <span>
#include <stdexcept>

#include <fmt/format.h>

namespace xgre::test {
namespace {

constexpr bpf_insn call(bpf_func_id helper) {
    return {BPF_JMP | BPF_CALL, 0, 0, 0, static_cast<std::int32_t>(helper)};
}

constexpr bpf_insn set(std::uint8_t reg, std::int32_t value) {
    return {BPF_ALU64 | BPF_MOV | BPF_K, static_cast<std::uint8_t>(reg & 0xf), 0, 0, value};
}

constexpr bpf_insn copy(std::uint8_t to, std::uint8_t from) {
    return {BPF_ALU64 | BPF_MOV | BPF_X, static_cast<std::uint8_t>(to & 0xf),
            static_cast<std::uint8_t>(from & 0xf), 0, 0};
}

constexpr bpf_insn load(std::uint8_t to, std::uint8_t from, std::int16_t offset) {
    return {BPF_LDX | BPF_W | BPF_MEM, static_cast<std::uint8_t>(to & 0xf),
            static_cast<std::uint8_t>(from & 0xf), offset, 0};
}

// Over so many instructions, if it holds.
constexpr bpf_insn jump(std::uint8_t how, std::uint8_t reg, std::int32_t value, std::int16_t over) {
    return {static_cast<std::uint8_t>(BPF_JMP | BPF_K | how), static_cast<std::uint8_t>(reg & 0xf),
            0, over, value};
}

constexpr bpf_insn kExit{BPF_JMP | BPF_EXIT, 0, 0, 0, 0};

void attach(std::span<const bpf_insn> code, int ifindex) {
    const Fd program{bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "vlan_device", "GPL", code.data(),
                                   code.size(), nullptr)};
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = ifindex;
    hook.attach_point = BPF_TC_INGRESS;
    bpf_tc_opts options{};
    options.sz = sizeof(options);
    options.prog_fd = program.get();
    if (!program.is_open() || bpf_tc_hook_create(&hook) != 0 || bpf_tc_attach(&hook, &options) != 0)
        throw std::runtime_error{"a VLAN device's program does not attach"};
}

// The tag goes into the metadata: bpf_skb_vlan_push puts into the bytes only what was there.
void send_tagged(int from, int to, std::uint16_t vlan) {
    const std::array<bpf_insn, 7> code{{set(2, htons(ETH_P_8021Q)), set(3, vlan),
                                        call(BPF_FUNC_skb_vlan_push), set(1, to), set(2, 0),
                                        call(BPF_FUNC_redirect), kExit}};
    attach(code, from);
}

void receive_tagged(int from, int to, std::uint16_t vlan) {
    const std::array<bpf_insn, 14> code{{copy(6, 1),
                                         load(2, 6, offsetof(__sk_buff, vlan_present)),
                                         jump(BPF_JEQ, 2, 0, 9),
                                         load(2, 6, offsetof(__sk_buff, vlan_tci)),
                                         {BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xfff},
                                         jump(BPF_JNE, 2, vlan, 6),
                                         copy(1, 6),
                                         call(BPF_FUNC_skb_vlan_pop),
                                         set(1, to),
                                         set(2, 0),
                                         call(BPF_FUNC_redirect),
                                         kExit,
                                         set(0, TC_ACT_UNSPEC),
                                         kExit}};
    attach(code, from);
}

}  // namespace

void add_vlan_device(const Netns& netns, const std::string& lower, const std::string& name,
                     std::uint16_t vlan, std::uint32_t mtu) {
    const std::string inside = fmt::format("{}-in", name);
    netns.ip(fmt::format("link add {} address {} mtu {} type veth peer name {} mtu {}", name,
                         Mac{netns.mac_of(lower).bytes}.format(), mtu, inside, mtu));
    netns.ip(fmt::format("link set {} up", inside));
    const NetnsScope scope = netns.enter();
    const auto index = [](const std::string& device) {
        return static_cast<int>(if_nametoindex(device.c_str()));
    };
    send_tagged(index(inside), index(lower), vlan);
    receive_tagged(index(lower), index(inside), vlan);
}

}  // namespace xgre::test
