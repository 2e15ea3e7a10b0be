// SPDX-License-Identifier: GPL-2.0-only
// Lease-bound ports with a real DHCP server and real clients.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

#include "tests/loader/dhcp_hosts.h"
#include "xgre/abi.h"

namespace xgre {
namespace {

using test::error_of;
using test::Host;
using test::ip;
using test::Vm;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kGateway = "192.0.2.1";

PortSpec bound(const Vm& vm, bool on = true) {
    PortSpec spec;
    spec.device = vm.port();
    spec.lease_bound = on;
    return spec;
}

std::string error_text(const std::function<void()>& action) {
    const auto error = error_of(action);
    return error ? error->what() : "";
}

PortInfo port_of(const Host& host, const Vm& vm) {
    for (const PortInfo& port : Instance::view(host.session()).ports())
        if (port.device == vm.port()) return port;
    ADD_FAILURE() << "no port " << vm.port();
    return {};
}

std::uint64_t not_leased(const Host& host) {
    std::uint64_t packets = 0;
    for (const VerdictCount& count : Instance::view(host.session()).stats().verdicts)
        if (count.verdict == "not-leased") packets += count.packets;
    return packets;
}

void use(const Vm& vm, std::string_view address) {
    const auto scope = vm.enter();
    NlSocket::open().add_address("eth0", ip(address), 24);
}

constexpr const char* kPatience = "5";

// `patience` in seconds, for an answer: short where none is to come.
bool pings(const Vm& vm, std::string_view address, std::string_view source,
           const char* patience = "1") {
    const auto scope = vm.enter();
    const Fd here = open_current_netns();
    return run({{"busybox", "ping", "-c", "1", "-W", patience, "-I", std::string{source},
                 std::string{address}},
                &here},
               std::chrono::seconds{10})
               .status == 0;
}

class LeaseBound : public ::testing::Test {
protected:
    LeaseBound() {
        test::connect(a.netns(), "up0", b.netns(), "up0", true);
        a.attach("198.18.0.1");
        b.attach("198.18.0.2");
        a.add_network("lan", 7);
        b.add_network("lan", 7);
    }
    void join() const {
        a.add_peer("198.18.0.2", "lan");
        b.add_peer("198.18.0.1", "lan");
    }
    static void start_dhcp_at(const Host& host) {
        DhcpSpec spec;
        spec.network = "lan";
        spec.subnet = Subnet::parse("192.0.2.0/24");
        start_dhcp(host.session(), spec);
    }
    // Before, with, and beside a lease.
    static void expect_bound(const Host& host, const Vm& vm) {
        Instance::open(host.session()).add_port(bound(vm));
        use(vm, "192.0.2.250");
        EXPECT_FALSE(pings(vm, kGateway, "192.0.2.250"));
        EXPECT_GE(not_leased(host), 1U);

        const auto lease = vm.ask();
        ASSERT_TRUE(lease);
        use(vm, lease->address);
        EXPECT_TRUE(pings(vm, kGateway, lease->address, kPatience));
        const PortInfo port = port_of(host, vm);
        ASSERT_THAT(port.leases, SizeIs(1));
        EXPECT_EQ(port.leases.at(0).mac, vm.mac());
        EXPECT_EQ(port.leases.at(0).address, ip(lease->address));
        EXPECT_GT(port.leases.at(0).left, std::chrono::minutes{58});
        EXPECT_LE(port.leases.at(0).left, std::chrono::minutes{60});

        EXPECT_FALSE(pings(vm, kGateway, "192.0.2.250"));
    }

    Host a{"a"};
    Host b{"b"};
};

TEST_F(LeaseBound, AVmUsesWhatTheServerAtThePeerGaveIt) {
    join();
    const Vm vm{b, "b1", "lan"};
    start_dhcp_at(a);
    expect_bound(b, vm);
}

TEST_F(LeaseBound, AVmUsesWhatTheServerOfItsHostGaveIt) {
    const Vm vm{a, "a1", "lan"};
    start_dhcp_at(a);
    expect_bound(a, vm);
}

TEST_F(LeaseBound, LeasesOutliveAnUpgrade) {
    const Vm vm{a, "a1", "lan"};
    start_dhcp_at(a);
    Instance::open(a.session()).add_port(bound(vm));
    const auto lease = vm.ask();
    ASSERT_TRUE(lease);
    AttachSpec again;
    again.uplink = "up0";
    again.local = ip("198.18.0.1");
    again.upgrade = true;
    Instance::attach(a.session(), again);
    use(vm, lease->address);
    EXPECT_TRUE(pings(vm, kGateway, lease->address, kPatience));
    EXPECT_THAT(port_of(a, vm).leases, SizeIs(1));
}

TEST_F(LeaseBound, LeasesEndWithTheBond) {
    const Vm vm{a, "a1", "lan"};
    start_dhcp_at(a);
    Instance::open(a.session()).add_port(bound(vm));
    ASSERT_TRUE(vm.ask());
    EXPECT_EQ(Instance::open(a.session()).add_port(bound(vm)), Change::unchanged);
    EXPECT_THAT(port_of(a, vm).leases, SizeIs(1));
    Instance::open(a.session()).add_port(bound(vm, false));
    EXPECT_THAT(port_of(a, vm).leases, IsEmpty());
    Instance::open(a.session()).add_port(bound(vm));
    EXPECT_THAT(port_of(a, vm).leases, IsEmpty());
}

TEST_F(LeaseBound, IsRefusedWhereNobodyGivesLeases) {
    const Vm vm{a, "a1", "lan"};
    const auto bind = [&] { Instance::open(a.session()).add_port(bound(vm)); };
    EXPECT_THAT(error_text(bind), HasSubstr("nobody gives leases in network lan"));
    EXPECT_FALSE(port_of(a, vm).lease_bound);
    start_dhcp_at(a);
    bind();
    EXPECT_TRUE(port_of(a, vm).lease_bound);
    EXPECT_TRUE(port_of(a, vm).dhcp_guard);

    const Vm other{b, "b1", "lan"};
    EXPECT_THAT(error_text([&] { Instance::open(b.session()).add_port(bound(other)); }),
                HasSubstr("nobody gives leases"));
    join();
    Instance::open(b.session()).add_port(bound(other));
    EXPECT_TRUE(port_of(b, other).lease_bound);
}

TEST_F(LeaseBound, NeedsNobodyWhoGivesLeasesWhereAddressesAreNamed) {
    const Vm vm{a, "a1", "lan"};
    PortSpec spec = bound(vm);
    spec.addresses = {*parse_vm_address("192.0.2.9"), *parse_vm_address("2001:db8:2::9")};
    EXPECT_EQ(Instance::open(a.session()).add_port(spec), Change::made);
    EXPECT_EQ(Instance::open(a.session()).add_port(spec), Change::unchanged);
    EXPECT_THAT(port_of(a, vm).addresses,
                ElementsAre(*parse_vm_address("192.0.2.9"), *parse_vm_address("2001:db8:2::9")));
    spec.addresses = {*parse_vm_address("192.0.2.8")};
    EXPECT_EQ(Instance::open(a.session()).add_port(spec), Change::made);
    EXPECT_THAT(port_of(a, vm).addresses, ElementsAre(*parse_vm_address("192.0.2.8")));
    spec.addresses.emplace();
    EXPECT_THAT(error_text([&] { Instance::open(a.session()).add_port(spec); }),
                HasSubstr("nobody gives leases"));
    EXPECT_THAT(port_of(a, vm).addresses, ElementsAre(*parse_vm_address("192.0.2.8")));
}

TEST_F(LeaseBound, AddressesGoWithTheirPort) {
    const Vm vm{a, "a1", "lan"};
    PortSpec spec = bound(vm);
    spec.addresses = {*parse_vm_address("192.0.2.9")};
    Instance::open(a.session()).add_port(spec);
    Instance::open(a.session()).delete_port(vm.port());
    spec = {};
    spec.device = vm.port();
    spec.network = "lan";
    Instance::open(a.session()).add_port(spec);
    EXPECT_THAT(port_of(a, vm).addresses, IsEmpty());
}

TEST_F(LeaseBound, APortHasSoManyAddressesAndNoMore) {
    const Vm vm{a, "a1", "lan"};
    PortSpec spec = bound(vm);
    spec.addresses.emplace();
    for (int i = 1; i <= XGRE_PORT_ADDRESSES; ++i)
        spec.addresses->push_back(*parse_vm_address(fmt::format("192.0.2.{}", i)));
    Instance::open(a.session()).add_port(spec);
    EXPECT_THAT(port_of(a, vm).addresses, SizeIs(XGRE_PORT_ADDRESSES));
    spec.addresses->push_back(*parse_vm_address("198.51.100.1"));
    EXPECT_THAT(error_text([&] { Instance::open(a.session()).add_port(spec); }),
                HasSubstr("at most 64"));
}

}  // namespace
}  // namespace xgre
