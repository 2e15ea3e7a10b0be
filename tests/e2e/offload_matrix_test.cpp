// SPDX-License-Identifier: GPL-2.0-only
// Every combination of what a VM leaves to others, the port it is behind, the families inside and
// outside and the GRE checksum: what arrives is what was sent, and no checksum on the wire is
// wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "tests/e2e/lab.h"
#include "tests/e2e/tap_vm.h"
#include "tests/e2e/vlan_device.h"
#include "tests/packet/sums.h"

namespace xgre::test {
namespace {

using testing::IsEmpty;

constexpr std::uint32_t kKey = 7;
constexpr std::size_t kStream = 256 << 10;
// Of the longest outer headers, with their inner Ethernet header and its tag.
constexpr std::uint32_t kOverhead = 40 + 12 + 14 + 4;

// What a VM is connected by, and what it leaves to others.
enum class Port : std::uint8_t {
    veth,           // checksums and segments are the VM's own work
    veth_no_large,  // likewise, and the port takes no large segments
    veth_gro,       // likewise, but the port merges what it gets from the VM
    veth_offloads,  // open checksums, TSO, USO, tags outside the bytes
    tap,            // no vnet_hdr
    tap_vnet,       // with vnet_hdr, and what veth_offloads has
};

struct Kind {
    const char* name;
    Port a;
    Port b;
    Path path;
    bool wire_offloads = false;
    bool uplink_merges_udp = false;
    std::uint32_t wire_mtu = 1500;
    std::uint32_t vm_mtu = 1500 - kOverhead;
};

constexpr std::uint32_t kJumbo = 9000;

constexpr Kind kKinds[] = {
    {"VethsWithoutOffloadsTc", Port::veth, Port::veth_no_large, Path::tc},
    {"VethsWithoutOffloadsXdp", Port::veth, Port::veth_no_large, Path::xdp},
    {"VethsWithOffloads", Port::veth_offloads, Port::veth_offloads, Path::tc},
    {"VethWithOffloadsAndOneWithoutXdp", Port::veth_offloads, Port::veth, Path::xdp},
    {"VethsThatMerge", Port::veth_gro, Port::veth_gro, Path::tc, false, true},
    {"TapsWithVnetHdr", Port::tap_vnet, Port::tap_vnet, Path::tc},
    {"TapsWithVnetHdrOfWireMtu", Port::tap_vnet, Port::tap_vnet, Path::tc, false, true, 1500, 1500},
    {"TapWithVnetHdrAndOneWithoutXdp", Port::tap_vnet, Port::tap, Path::xdp},
    {"TapWithVnetHdrAndVethXdp", Port::tap_vnet, Port::veth, Path::xdp},
    {"TapsWithoutVnetHdrTc", Port::tap, Port::tap, Path::tc},
    {"TapAndVethWithoutOffloadsXdp", Port::tap, Port::veth, Path::xdp},
    {"TapWithVnetHdrAndVethByWireOffloads", Port::tap_vnet, Port::veth_offloads, Path::tc, true},
    {"JumboVethsWithOffloads", Port::veth_offloads, Port::veth_offloads, Path::tc, false, false,
     kJumbo, kJumbo - kOverhead},
    {"JumboVethsWithoutOffloadsXdp", Port::veth, Port::veth, Path::xdp, false, false, kJumbo,
     kJumbo - kOverhead},
    {"JumboTapWithVnetHdrAndVethXdp", Port::tap_vnet, Port::veth, Path::xdp, false, false, kJumbo,
     kJumbo - kOverhead},
};

struct Cell {
    Kind kind;
    bool over_ipv6;
};

std::vector<Cell> cells() {
    std::vector<Cell> all;
    for (const Kind& kind : kKinds)
        for (const bool over_ipv6 : {false, true})
            all.push_back({kind, over_ipv6});
    return all;
}

std::string name_of(const testing::TestParamInfo<Cell>& info) {
    return fmt::format("{}OverIpv{}", info.param.kind.name, info.param.over_ipv6 ? 6 : 4);
}

bool has_offloads(Port port) {
    return port == Port::veth_offloads || port == Port::tap_vnet;
}

// A VM of either kind, with addresses of both families, outside and inside of VLAN 5.
class Machine {
public:
    Machine(Lab& lab, char letter, Port port, const Kind& kind)
        : host_{lab.host(letter)}, kind_{port}, letter_{letter}, mtu_{kind.vm_mtu} {
        const Station& station = letter == 'a' ? kVmA : kVmB;
        if (port == Port::tap || port == Port::tap_vnet) {
            tap_ = std::make_unique<TapVm>(
                lab.host(letter), std::string{letter}, station,
                TapVmOptions{port == Port::tap_vnet, kind.vm_mtu, kind.wire_mtu});
        } else {
            veth_ = &lab.vm(letter, std::string{letter}, station,
                            {.offloads = port == Port::veth_offloads,
                             .port_offloads = port != Port::veth_no_large,
                             .mtu = kind.vm_mtu});
            const Netns& host = lab.host(letter).netns();
            host.ip(fmt::format("link set {} mtu {}", this->port(), kind.wire_mtu));
            if (port == Port::veth_gro)
                host.offloads(this->port(), "gro on rx-udp-gro-forwarding on");
        }
        Lab::join(lab.host(letter), this->port(), "lan");
    }

    // From now on it speaks: IPv6 by itself.
    void add_addresses() const {
        const Netns& vm = netns();
        add_vlan_device(vm, "eth0", "eth0.5", 5, mtu_);
        vm.sysctl("net/ipv6/conf/default/accept_dad", "0");
        for (const std::string device : {"eth0", "eth0.5"}) {
            vm.sysctl(fmt::format("net/ipv6/conf/{}/disable_ipv6", device), "0");
            const bool tagged = device != "eth0";
            vm.ip(fmt::format("address add {}/24 dev {}", text(false, tagged), device));
            vm.ip(fmt::format("address add {}/80 dev {} nodad", text(true, tagged), device));
            vm.ip(fmt::format("link set {} up", device));
        }
    }

    const Netns& netns() const { return tap_ ? tap_->netns() : veth_->netns(); }
    const std::string& port() const { return tap_ ? tap_->port() : veth_->port(); }
    const Host& host() const { return host_; }
    const TapVm* tap() const { return tap_.get(); }
    Port kind() const { return kind_; }
    IpAddr address(bool v6, bool tagged) const { return *IpAddr::parse(text(v6, tagged)); }

private:
    std::string text(bool v6, bool tagged) const {
        const int last = letter_ == 'a' ? 11 : 12;
        if (v6) return fmt::format("2001:db8:2:0:{}::{}", tagged ? 5 : 1, last);
        return fmt::format("{}.{}", tagged ? "198.51.100" : "192.0.2", last);
    }

    const Host& host_;
    Port kind_;
    char letter_;
    std::uint32_t mtu_;
    std::unique_ptr<TapVm> tap_;
    const Vm* veth_ = nullptr;
};

IpAddr outer_address(char letter, bool v6) {
    if (!v6) return Ip4Addr{(letter == 'a' ? kHostA : kHostB).ip.bytes};
    return Ip6Addr{(letter == 'a' ? kHostA : kHostB).ip6.bytes};
}

// Both hosts with the network, and with each other as its peer.
void make_network(Lab& lab, const Cell& cell) {
    for (const char letter : {'a', 'b'}) {
        const Host& host = lab.host(letter);
        AttachSpec spec;
        spec.uplink = "uplink0";
        spec.xdp = cell.kind.path == Path::xdp ? XdpUse::on : XdpUse::off;
        const IpAddr local = outer_address(letter, cell.over_ipv6);
        if (cell.over_ipv6) {
            host.netns().sysctl("net/ipv6/conf/uplink0/disable_ipv6", "0");
            host.netns().ip(fmt::format("address add {}/64 dev uplink0 nodad", local.format()));
            spec.local6 = local.v6();
        } else {
            spec.local = local.v4();
        }
        if (cell.kind.uplink_merges_udp)
            host.netns().offloads("uplink0", "rx-udp-gro-forwarding on");
        Instance::attach(host.session(), spec);
        NetworkSpec network;
        network.name = "lan";
        network.key = gre_key(kKey);
        host.open().add_network(network);
        host.open().add_peer({.address = outer_address(letter == 'a' ? 'b' : 'a', cell.over_ipv6),
                              .network = "lan"});
    }
}

// Both send GRE checksums first, and then want them.
void ask_for_checksums(Lab& lab, bool over_ipv6) {
    for (const bool wanted : {false, true})
        for (const char letter : {'a', 'b'}) {
            PeerSpec peer;
            peer.address = outer_address(letter == 'a' ? 'b' : 'a', over_ipv6);
            peer.network = "lan";
            (wanted ? peer.icsum : peer.ocsum) = true;
            lab.host(letter).open().add_peer(peer);
        }
}

// What one host sent.
class Wire {
public:
    Wire(const Lab& lab, char letter) : capture_{lab.middle(), Lab::wire_of(letter)} {}
    // Of what has come since the last time.
    void expect_sound(std::size_t mtu) {
        const std::vector<Received>& frames = capture_.frames();
        for (; read_ < frames.size(); ++read_) {
            const Received& received = frames[read_];
            EXPECT_FALSE(received.checksum_open);
            EXPECT_LE(received.frame.size(), mtu + 14);
            // One is enough to read.
            ASSERT_THAT(sums_.read(received.frame), IsEmpty())
                << testing::PrintToString(received.frame);
        }
    }
    const SumReader& sums() const { return sums_; }

private:
    Capture capture_;
    std::size_t read_ = 0;
    SumReader sums_;
};

class Matrix : public testing::TestWithParam<Cell> {
protected:
    Matrix() : lab_{{.wire_offloads = kind().wire_offloads, .wire_mtu = kind().wire_mtu}} {
        make_network(lab_, GetParam());
        a_ = std::make_unique<Machine>(lab_, 'a', kind().a, kind());
        b_ = std::make_unique<Machine>(lab_, 'b', kind().b, kind());
        a_->add_addresses();
        b_->add_addresses();
    }

    static const Kind& kind() { return GetParam().kind; }

    void transfer(const Machine& from, const Machine& to) {
        const std::size_t at_once = has_offloads(from.kind()) ? 40 : 1;
        for (const bool v6 : {false, true})
            for (const bool tagged : {false, true}) {
                SCOPED_TRACE(fmt::format("{} to {}, IPv{}{}", from.port(), to.port(), v6 ? 6 : 4,
                                         tagged ? " in VLAN 5" : ""));
                const IpAddr address = to.address(v6, tagged);
                EXPECT_TRUE(tcp_arrives_intact(from.netns(), to.netns(), address, kStream));
                EXPECT_TRUE(udp_arrives_intact(from.netns(), to.netns(), address,
                                               {.number = 120, .size = 1001, .at_once = at_once}));
                // Larger than any packet: in fragments.
                EXPECT_TRUE(udp_arrives_intact(from.netns(), to.netns(), address,
                                               {.number = 4, .size = 20001}));
                look_at_wires();
            }
    }

    void look_at_wires() const {
        if (kind().wire_offloads) return;  // what a NIC would put right is open there
        wire_a_->expect_sound(kind().wire_mtu);
        wire_b_->expect_sound(kind().wire_mtu);
    }

    // That the wires had what this cell is about.
    static void expect_seen(const SumReader& sums, bool gre_checksum) {
        EXPECT_EQ(sums.right("outer IPv4") > 0, !GetParam().over_ipv6);
        EXPECT_EQ(sums.right("GRE") > 0, gre_checksum);
        for (const char* what :
             {"inner IPv4", "inner TCP/IPv4", "inner TCP/IPv6", "inner UDP/IPv4", "inner UDP/IPv6"})
            EXPECT_GT(sums.right(what), 50U) << what;
        EXPECT_TRUE(sums.incomplete() == 0 || has_too_large());
    }

    // Some of what VMs send fits no tunnel: it is cut, or its sender told.
    static bool has_too_large() { return kind().vm_mtu + kOverhead > kind().wire_mtu; }

    void expect_no_drops() {
        for (const char letter : {'a', 'b'}) {
            auto drops = lab_.host(letter).drops();
            if (has_too_large()) drops.erase("too-large");
            EXPECT_THAT(drops, IsEmpty());
        }
    }

    Lab lab_;
    std::unique_ptr<Machine> a_;
    std::unique_ptr<Machine> b_;
    std::unique_ptr<Wire> wire_a_;
    std::unique_ptr<Wire> wire_b_;
};
INSTANTIATE_TEST_SUITE_P(, Matrix, testing::ValuesIn(cells()), name_of);

// What a VM at a veth hands to the port, and how.
void expect_uncut_at_veth(const Machine& from, const Machine& to) {
    Capture port{from.host().netns(), from.port()};
    EXPECT_TRUE(tcp_arrives_intact(from.netns(), to.netns(), to.address(true, true), kStream));
    EXPECT_TRUE(udp_arrives_intact(from.netns(), to.netns(), to.address(false, false),
                                   {.number = 120, .size = 1001, .at_once = 40}));
    std::size_t tagged_bytes = 0;
    std::size_t large_tagged = 0;
    std::size_t large = 0;
    std::size_t open = 0;
    for (const Received& received : port.frames()) {
        const bool is_large = received.frame.size() > 10000;
        tagged_bytes += received.tag_outside ? received.frame.size() : 0;
        large_tagged += received.tag_outside && is_large ? 1 : 0;
        large += !received.tag_outside && is_large ? 1 : 0;
        open += received.checksum_open ? 1 : 0;
    }
    EXPECT_GT(large, 1U);
    EXPECT_GT(open, 0U);
    if (from.kind() != Port::veth_offloads) return;
    // Not how many: TCP sends more at once on a busy machine.
    EXPECT_GE(tagged_bytes, kStream);
    EXPECT_GT(large_tagged, 2U);
}

void expect_uncut_at_tap(const TapVm& vm, bool gets_merged) {
    const Crossed& sent = vm.sent();
    EXPECT_GT(sent.tagged, 20U);
    EXPECT_GT(sent.checksum_open, 40U);
    EXPECT_GT(sent.large_tcp4, 4U);
    EXPECT_GT(sent.large_tcp6, 4U);
    EXPECT_EQ(sent.large_udp > 8, vm.has_uso());
    if (!gets_merged) return;
    EXPECT_GT(vm.got().large_tcp4, 4U);
    EXPECT_GT(vm.got().large_tcp6, 4U);
}

// That what is left to others was.
void expect_uncut(const Machine& from, const Machine& to, Path path) {
    if (from.kind() == Port::veth_offloads || from.kind() == Port::veth_gro)
        expect_uncut_at_veth(from, to);
    // XDP hands over to GRO what comes in numbers, as it does from a veth.
    if (from.kind() == Port::tap_vnet)
        expect_uncut_at_tap(*from.tap(), path == Path::xdp && to.kind() == Port::veth);
}

// An uplink that merges datagrams gives tunnel packets to TC that are several.
void expect_merged_datagrams(const Machine& from, const Machine& to) {
    Capture uplink{to.host().netns(), "uplink0"};
    EXPECT_TRUE(udp_arrives_intact(from.netns(), to.netns(), to.address(false, false),
                                   {.number = 120, .size = 1001, .at_once = 40}));
    EXPECT_TRUE(std::ranges::any_of(
        uplink.frames(), [](const Received& received) { return received.frame.size() > 3000; }));
}

// case A01
// case A02
// case A03
TEST_P(Matrix, WhatIsSentArrivesAndNoChecksumIsWrong) {
    for (const bool gre_checksum : {false, true}) {
        SCOPED_TRACE(gre_checksum ? "with GRE checksums" : "without GRE checksums");
        if (gre_checksum) ask_for_checksums(lab_, GetParam().over_ipv6);
        wire_a_ = std::make_unique<Wire>(lab_, 'a');
        wire_b_ = std::make_unique<Wire>(lab_, 'b');
        transfer(*a_, *b_);
        transfer(*b_, *a_);
        if (kind().uplink_merges_udp && !gre_checksum) expect_merged_datagrams(*a_, *b_);
        expect_no_drops();
        if (kind().wire_offloads) continue;
        expect_seen(wire_a_->sums(), gre_checksum);
        expect_seen(wire_b_->sums(), gre_checksum);
    }
    expect_uncut(*a_, *b_, kind().path);
    expect_uncut(*b_, *a_, kind().path);
}

}  // namespace
}  // namespace xgre::test
