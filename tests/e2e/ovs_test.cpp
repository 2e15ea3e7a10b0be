// SPDX-License-Identifier: GPL-2.0-only
// Open vSwitch as the other host: what it sends is understood, and what it gets it understands.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>

#include <fmt/format.h>

#include "loader/netlink.h"
#include "loader/process.h"
#include "tests/e2e/ovs.h"
#include "tests/packet/wire.h"
#include "xgre/dhcp.h"

namespace xgre::test {
namespace {

// Room for a checksum and a sequence number too, which only Open vSwitch sends.
constexpr VmOptions kTalker{.with_address = true, .mtu = 1500 - 50};

struct Dialect {
    const char* name;
    Path path;
    std::optional<std::uint32_t> key;
    std::string_view options;
    std::uint16_t flags;  // of the GRE header that Open vSwitch sends
};

class Ovs : public testing::TestWithParam<Dialect> {
protected:
    Lab lab{{.hosts = "a"}};
    Host& a = lab.host('a');
    OvsHost ovs{lab};

    void connect(const Dialect& dialect) {
        lab.mesh("lan", dialect.key, dialect.path);
        a.open().add_peer({.address = ovs.address(), .network = "lan"});
        ovs.add_tunnel(a.address(), dialect.options);
    }
};

// case G01
// case G02
// case G06
// case G08
INSTANTIATE_TEST_SUITE_P(
    , Ovs,
    testing::Values(
        Dialect{"KeyTc", Path::tc, 7, "options:key=7", kGreKeyBit},
        Dialect{"KeyXdp", Path::xdp, 7, "options:key=7", kGreKeyBit},
        Dialect{"NoKeyTc", Path::tc, {}, "", 0}, Dialect{"NoKeyXdp", Path::xdp, {}, "", 0},
        Dialect{"LargestKeyAndChecksumTc", Path::tc, 4294967295U,
                "options:key=4294967295 options:csum=true",
                static_cast<std::uint16_t>(kGreKeyBit | kGreChecksumBit)},
        Dialect{"ChecksumXdp", Path::xdp, {}, "options:csum=true", kGreChecksumBit},
        // Not both: Open vSwitch 3.1 sums before it writes the number, so its sum is wrong.
        Dialect{"KeyAndSequenceTc", Path::tc, 7, "options:key=7 options:seq=true",
                static_cast<std::uint16_t>(kGreKeyBit | kGreSequenceBit)},
        Dialect{"SequenceXdp", Path::xdp, {}, "options:seq=true", kGreSequenceBit}),
    [](const auto& test) { return test.param.name; });

TEST_P(Ovs, PingsTalksTcpAndBroadcastsBothWays) {
    connect(GetParam());
    Vm& a1 = lab.join('a', "a1", kVmA, "lan", kTalker);
    const Netns& o1 = ovs.add_vm("o1", kVmB);
    Capture wire{lab.middle(), Lab::wire_of('o')};

    EXPECT_TRUE(eventually([&] { return o1.ping(kVmA); })) << ovs.describe();
    EXPECT_TRUE(a1.netns().ping(kVmB));
    EXPECT_TRUE(a1.netns().ping(kVmB, 3200));
    EXPECT_TRUE(tcp_arrives_intact(o1, a1.netns(), kVmA, 1 << 20));
    EXPECT_TRUE(tcp_arrives_intact(a1.netns(), o1, kVmB, 1 << 20));

    const Nic eth0{o1, "eth0"};
    const Packet there = eth(kVmA, kBroadcast) / payload(47);
    const Packet back = eth(kVmB, kBroadcast) / payload(47, 1);
    a1.send(there);
    EXPECT_TRUE(eventually([&] {
        const auto received = eth0.receive(std::chrono::milliseconds{100});
        return received && received->frame == there;
    }));
    eth0.send(back);
    EXPECT_TRUE(a1.gets(back));

    // It did speak as asked.
    EXPECT_TRUE(wire.wait_for([&](const Packet& packet) {
        return inner_of(packet) == back && get16(packet.bytes(), 34) == GetParam().flags;
    }));
    EXPECT_THAT(a.drops(), testing::IsEmpty());
}

std::string address_at(const Netns& vm) {
    const NetnsScope scope = vm.enter();
    NlSocket socket = NlSocket::open();
    const int index = socket.get_link("eth0").index;
    for (const AddressInfo& info : socket.list_addresses())
        if (info.ifindex == index) return info.address.format();
    return {};
}

// Asks for a lease as a VM does, a few times.
bool lease(const Netns& vm) {
    return vm.try_run("busybox udhcpc -i eth0 -f -q -n -t 10 -T 1 -O mtu -s " XGRE_SOURCE_DIR
                      "/lab/udhcpc.script");
}

// case D01
TEST_F(Ovs, HasAVmThatLeasesFromOurServer) {
    connect({"", Path::xdp, 7, "options:key=7", 0});
    DhcpSpec spec;
    spec.network = "lan";
    spec.subnet = Subnet::parse("192.0.2.0/24");
    start_dhcp(a.session(), spec);
    const Netns& o1 = ovs.add_vm("o1", kVmB, false);

    EXPECT_TRUE(lease(o1)) << ovs.describe();
    EXPECT_TRUE(address_at(o1).starts_with("192.0.2.")) << address_at(o1);
    EXPECT_TRUE(o1.ping(ip(192, 0, 2, 1)));
    {
        const NetnsScope scope = o1.enter();
        EXPECT_EQ(NlSocket::open().get_link("eth0").mtu, 1458U);
    }
}

// case D01
TEST_F(Ovs, HasAServerThatOurVmLeasesFrom) {
    connect({"", Path::xdp, 7, "options:key=7", 0});
    const Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    const Netns& o1 = ovs.add_vm("o1", kVmB);
    const pid_t server =
        start({{"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0",
                "--user=root", "--interface=eth0", "--bind-interfaces",
                "--pid-file=", "--dhcp-range=192.0.2.100,192.0.2.110,255.255.255.0",
                fmt::format("--dhcp-leasefile={}/leases", ovs.directory())},
               &o1.fd()},
              std::chrono::milliseconds{50});

    EXPECT_TRUE(lease(a1.netns())) << ovs.describe();
    EXPECT_TRUE(address_at(a1.netns()).starts_with("192.0.2.1"));
    EXPECT_TRUE(a1.netns().ping(kVmB));
    kill(server, SIGTERM);
    waitpid(server, nullptr, 0);
}

}  // namespace
}  // namespace xgre::test
