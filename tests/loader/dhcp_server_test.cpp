// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "tests/loader/dhcp_hosts.h"
#include "tests/loader/killed.h"

namespace xgre {
namespace {

using namespace std::chrono_literals;
using test::Capture;
using test::error_of;
using test::Fate;
using test::Host;
using test::ip;
using test::Lease;
using test::NamedNetns;
using test::Vm;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

namespace fs = std::filesystem;

DhcpSpec spec_of(const std::string& network, std::string_view subnet) {
    DhcpSpec spec;
    spec.network = network;
    spec.subnet = Subnet::parse(subnet).value();
    return spec;
}

DhcpSpec lan() {
    return spec_of("lan", "192.0.2.0/24");
}

DhcpSpec as_before(const std::string& network) {
    DhcpSpec spec;
    spec.network = network;
    return spec;
}

DhcpInfo show(const Host& host, const std::string& network) {
    return show_dhcp(host.session(), network).at(0);
}

std::string read_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream{path, std::ios::binary}.rdbuf();
    return text.str();
}

bool has_device(const std::string& netns, const std::string& device) {
    const auto scope = NetnsScope::enter(netns);
    return NlSocket::open().find_link(device).has_value();
}

bool is_alive(int pid) {
    // A zombie, whose parent is not us, has ended.
    return !read_file(fmt::format("/proc/{}/cmdline", pid)).empty();
}

// Everything on this machine that a host's DHCP servers have.
std::vector<std::string> traces_of(const Host& host) {
    std::vector<std::string> traces;
    for (const std::string& name : list_netns()) {
        if (name.starts_with(host.router_of(""))) traces.push_back("namespace " + name);
    }
    for (const char* root : {"/run/xgre", "/var/lib/xgre"}) {
        const fs::path directory = fs::path{root} / host.session().instance;
        if (fs::exists(directory)) traces.push_back(directory);
    }
    {
        const auto scope = NetnsScope::enter(host.netns());
        for (const LinkInfo& link : NlSocket::open().list_links()) {
            if (link.name.starts_with("xd-")) traces.push_back("device " + link.name);
        }
    }
    for (const PortInfo& port : Instance::view(host.session()).ports()) {
        if (port.device.starts_with("xd-")) traces.push_back("port " + port.device);
    }
    for (const auto& entry : fs::directory_iterator{"/proc"}) {
        const std::string arguments = read_file(entry.path() / "cmdline");
        if (arguments.starts_with("dnsmasq") &&
            arguments.find(host.run_directory("")) != std::string::npos) {
            traces.push_back("process " + entry.path().filename().string());
        }
    }
    return traces;
}

// Two hosts with the network `lan` between them, and a VM at B.
class Dhcp : public ::testing::Test {
protected:
    Dhcp() {
        test::connect(a.netns(), "up0", b.netns(), "up0", true);
        a.attach("198.18.0.1");
        b.attach("198.18.0.2");
        join("lan", 7);
    }

    void join(const std::string& network, std::uint32_t key) const {
        a.add_network(network, key);
        b.add_network(network, key);
        a.add_peer("198.18.0.2", network);
        b.add_peer("198.18.0.1", network);
    }

    Host a{"a"};
    Host b{"b"};
};

// case D01
TEST_F(Dhcp, AVmAtBLeasesFromA) {
    const Vm vm{b, "b1", "lan"};
    DhcpSpec spec = lan();
    spec.dns = {ip("198.51.100.1"), ip("198.51.100.2")};
    ASSERT_EQ(start_dhcp(a.session(), spec).change, Change::made);

    const auto lease = vm.ask();
    ASSERT_TRUE(lease);
    const auto address = Ip4Addr::parse(lease->address);
    ASSERT_TRUE(address);
    EXPECT_GE(*address, ip("192.0.2.2"));
    EXPECT_LE(*address, ip("192.0.2.254"));
    EXPECT_EQ(lease->mask, "255.255.255.0");
    EXPECT_EQ(lease->router, "192.0.2.1");
    // 1500 less IPv4 (20), GRE with a key (8) and Ethernet (14).
    EXPECT_EQ(lease->mtu, "1458");
    EXPECT_EQ(lease->dns, "198.51.100.1 198.51.100.2");

    const DhcpInfo info = show(a, "lan");
    EXPECT_THAT(info.problems, IsEmpty());
    EXPECT_TRUE(info.running);
    EXPECT_EQ(info.mtu, 1458U);
    ASSERT_THAT(info.leases, SizeIs(1));
    EXPECT_EQ(info.leases.at(0).mac, vm.mac());
    EXPECT_EQ(info.leases.at(0).address, address);
    EXPECT_EQ(info.leases.at(0).peer, ip("198.18.0.2"));
    EXPECT_EQ(info.leases.at(0).port, "");
    const auto left = info.leases.at(0).expiry - std::chrono::system_clock::now();
    EXPECT_GT(left, 59min);
    EXPECT_LE(left, 60min);
}

TEST_F(Dhcp, ShowsThePortOfALocalVm) {
    const Vm vm{a, "a1", "lan"};
    start_dhcp(a.session(), lan());
    ASSERT_TRUE(vm.ask());
    const DhcpInfo info = show(a, "lan");
    ASSERT_THAT(info.leases, SizeIs(1));
    EXPECT_EQ(info.leases.at(0).port, vm.port());
    EXPECT_EQ(info.leases.at(0).peer, std::nullopt);
}

TEST_F(Dhcp, WithoutDnsServersNamesNone) {
    const Vm vm{a, "a1", "lan"};
    start_dhcp(a.session(), lan());
    const auto lease = vm.ask();
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->dns, "");
}

TEST_F(Dhcp, AHostHasTheAddressThatWasGivenToItsMac) {
    const Vm vm{b, "b1", "lan"};
    DhcpSpec spec = lan();
    spec.range_first = ip("192.0.2.100");
    spec.range_last = ip("192.0.2.101");
    spec.hosts = {{vm.mac(), ip("192.0.2.7")}};
    start_dhcp(a.session(), spec);
    const auto lease = vm.ask();
    ASSERT_TRUE(lease);
    EXPECT_EQ(lease->address, "192.0.2.7");
}

// RFC 768: the ones' complement of the sum of pseudo header, UDP header and data.
bool has_right_udp_checksum(const std::vector<std::uint8_t>& frame) {
    constexpr std::size_t ethernet = 14;
    const std::size_t udp = ethernet + (frame.at(ethernet) & 0xfU) * 4;
    const std::size_t length = frame.at(udp + 4) * 256U + frame.at(udp + 5);
    if (frame.at(udp + 6) == 0 && frame.at(udp + 7) == 0) return false;  // none was made
    std::vector<std::uint8_t> summed{frame.begin() + ethernet + 12, frame.begin() + ethernet + 20};
    summed.insert(summed.end(), {0, IPPROTO_UDP, frame.at(udp + 4), frame.at(udp + 5)});
    const auto begin = frame.begin() + static_cast<std::ptrdiff_t>(udp);
    summed.insert(summed.end(), begin, begin + static_cast<std::ptrdiff_t>(length));
    if (summed.size() % 2 != 0) summed.push_back(0);
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < summed.size(); i += 2)
        sum += summed.at(i) * 256U + summed.at(i + 1);
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum == 0xffff;
}

bool is_dhcp_reply(const Capture::Frame& frame) {
    const auto& bytes = frame.bytes;
    return !frame.from_vm && bytes.size() > 42 && bytes[12] == 0x08 && bytes[13] == 0x00 &&
           bytes[14] == 0x45 && bytes[23] == IPPROTO_UDP && bytes[34] == 0 && bytes[35] == 67;
}

// case D02
TEST_F(Dhcp, TheRepliesChecksumIsRightAtTheVm) {
    const Vm local{a, "a1", "lan"};
    const Vm remote{b, "b1", "lan"};
    start_dhcp(a.session(), lan());
    for (const Vm* vm : {&local, &remote}) {
        Capture capture{*vm};
        ASSERT_TRUE(vm->ask());
        int replies = 0;
        while (const auto frame = capture.next()) {
            if (!is_dhcp_reply(*frame)) continue;
            ++replies;
            EXPECT_FALSE(frame->checksum_is_missing) << vm->port();
            EXPECT_TRUE(has_right_udp_checksum(frame->bytes)) << vm->port();
        }
        EXPECT_GE(replies, 2) << vm->port();  // offer and acknowledgement
    }
}

// case D03
TEST_F(Dhcp, StartedOrStoppedTwiceIsNoErrorAndNothingIsLeft) {
    EXPECT_EQ(stop_dhcp(a.session(), "lan"), Change::unchanged);

    EXPECT_EQ(start_dhcp(a.session(), lan()).change, Change::made);
    const DhcpInfo first = show(a, "lan");
    ASSERT_TRUE(first.pid);
    for (const DhcpSpec& spec : {lan(), as_before("lan")}) {
        const DhcpStarted again = start_dhcp(a.session(), spec);
        EXPECT_EQ(again.change, Change::unchanged);
        EXPECT_THAT(again.repairs, IsEmpty());
    }
    EXPECT_EQ(show(a, "lan").pid, first.pid);
    EXPECT_THAT(traces_of(a), Not(IsEmpty()));

    EXPECT_EQ(stop_dhcp(a.session(), "lan"), Change::made);
    EXPECT_FALSE(is_alive(*first.pid));
    EXPECT_THAT(traces_of(a), IsEmpty());
    EXPECT_EQ(stop_dhcp(a.session(), "lan"), Change::unchanged);
    EXPECT_THAT(show_dhcp(a.session(), std::nullopt), IsEmpty());
    const auto error = error_of([&] { show_dhcp(a.session(), "lan"); });
    ASSERT_TRUE(error);
    EXPECT_THAT(error->cause(), HasSubstr("no DHCP server"));
}

// case D04
TEST_F(Dhcp, NoLeaseCrossesFromOneNetworkToAnother) {
    join("wan", 8);
    const Vm in_lan{b, "b1", "lan"};
    const Vm in_wan{b, "b2", "wan"};
    in_wan.set_mac(in_lan.mac());  // told apart by nothing but the network
    start_dhcp(a.session(), lan());
    start_dhcp(a.session(), spec_of("wan", "198.51.100.0/24"));

    struct Expected {
        const Vm* vm;
        std::string network;
        Subnet subnet;
        Ip4Addr other_server;
    };
    for (const auto& [vm, network, subnet, other_server] :
         {Expected{&in_lan, "lan", *Subnet::parse("192.0.2.0/24"), ip("198.51.100.1")},
          Expected{&in_wan, "wan", *Subnet::parse("198.51.100.0/24"), ip("192.0.2.1")}}) {
        Capture lan_capture{in_lan};
        Capture wan_capture{in_wan};
        const auto lease = vm->ask();
        ASSERT_TRUE(lease) << network;
        EXPECT_TRUE(subnet.contains(ip(lease->address))) << network;
        const DhcpInfo info = show(a, network);
        ASSERT_THAT(info.leases, SizeIs(1)) << network;
        EXPECT_EQ(info.leases.at(0).address, ip(lease->address)) << network;

        Capture& own = vm == &in_lan ? lan_capture : wan_capture;
        while (const auto frame = own.next()) {
            if (!is_dhcp_reply(*frame)) continue;
            const auto& bytes = frame->bytes;
            EXPECT_NE((Ip4Addr{{bytes[26], bytes[27], bytes[28], bytes[29]}}), other_server);
        }
        Capture& other = vm == &in_lan ? wan_capture : lan_capture;
        while (const auto frame = other.next())
            EXPECT_FALSE(is_dhcp_reply(*frame)) << network;
    }
}

TEST_F(Dhcp, ARouterOfTwoNetworksRoutesBetweenThem) {
    join("wan", 8);
    const Vm one{b, "b1", "lan"};
    const Vm two{b, "b2", "wan"};
    start_dhcp(a.session(), lan());
    DhcpSpec shared = spec_of("wan", "198.51.100.0/24");
    shared.router = "lan";
    start_dhcp(a.session(), shared);
    EXPECT_FALSE(netns_exists(a.router_of("wan")));

    std::vector<Lease> leases;
    for (const Vm* vm : {&one, &two}) {
        const auto lease = vm->ask();
        ASSERT_TRUE(lease);
        const auto scope = vm->enter();
        NlSocket socket = NlSocket::open();
        socket.add_address("eth0", ip(lease->address), 24);
        socket.add_default_route("eth0", ip(lease->router));
        leases.push_back(*lease);
    }
    {
        const auto scope = one.enter();
        EXPECT_EQ(run({{"ping", "-c", "1", "-W", "5", leases.at(1).address}}, 10s).status, 0);
    }
    EXPECT_THAT(show(a, "lan").problems, IsEmpty());
    EXPECT_THAT(show(a, "wan").problems, IsEmpty());

    // The router goes with the last of its networks.
    stop_dhcp(a.session(), "lan");
    EXPECT_THAT(show(a, "wan").problems, IsEmpty());
    EXPECT_TRUE(two.ask());
    stop_dhcp(a.session(), "wan");
    EXPECT_THAT(traces_of(a), IsEmpty());
}

TEST_F(Dhcp, ForwardingIsSwitchedOnInTheRouterOnly) {
    join("wan", 8);
    const auto forwarding_in = [](const std::string& netns) {
        const auto scope = NetnsScope::enter(netns);
        return read_file("/proc/sys/net/ipv4/ip_forward");
    };
    const std::string on_host = forwarding_in(a.netns());
    const std::string here = read_file("/proc/sys/net/ipv4/ip_forward");
    start_dhcp(a.session(), lan());
    DhcpSpec shared = spec_of("wan", "198.51.100.0/24");
    shared.router = "lan";
    start_dhcp(a.session(), shared);
    EXPECT_EQ(forwarding_in(a.router_of("lan")), "1\n");
    EXPECT_EQ(forwarding_in(a.netns()), on_host);
    EXPECT_EQ(read_file("/proc/sys/net/ipv4/ip_forward"), here);
}

TEST_F(Dhcp, DnsmasqHasNoPrivilegeToSpeakOf) {
    start_dhcp(a.session(), lan());
    const int pid = show(a, "lan").pid.value();
    const std::string status = read_file(fmt::format("/proc/{}/status", pid));
    EXPECT_THAT(status, Not(HasSubstr("\nUid:\t0")));
    // CAP_NET_ADMIN, to answer a client that has no address yet.
    EXPECT_THAT(status, HasSubstr("\nCapEff:\t0000000000001000\n"));
}

TEST_F(Dhcp, ThePortTakesXdpFramesAndItsFarEndThoseOfTc) {
    start_dhcp(a.session(), lan());
    const DhcpInfo info = show(a, "lan");
    EXPECT_EQ(info.device, "xd-lan");
    EXPECT_EQ(info.netns, a.router_of("lan"));
    const auto ports = Instance::view(a.session()).ports();
    const auto port = std::ranges::find(ports, "xd-lan", &PortInfo::device);
    ASSERT_NE(port, ports.end());
    EXPECT_TRUE(port->hook.xdp_transmit) << port->hook.transmit_reason;
}

// ---- Repairs -------------------------------------------------------------------------------

struct Damage {
    std::string name;
    std::function<void(const Host&)> damage;
    std::string problem;
};

class DhcpRepairs : public Dhcp, public ::testing::WithParamInterface<Damage> {};

TEST_P(DhcpRepairs, AndKeepsTheLease) {
    const Vm vm{b, "b1", "lan"};
    start_dhcp(a.session(), lan());
    const auto before = vm.ask();
    ASSERT_TRUE(before);

    GetParam().damage(a);
    const DhcpInfo broken = show(a, "lan");
    std::string problems;
    for (const std::string& problem : broken.problems)
        problems += problem + '\n';
    EXPECT_THAT(problems, HasSubstr(GetParam().problem));
    EXPECT_THAT(problems, HasSubstr(fmt::format("run `xgre --instance {} --netns {} dhcp start",
                                                a.session().instance, a.netns())));
    ASSERT_THAT(broken.leases, SizeIs(1));
    EXPECT_EQ(broken.leases.at(0).address, ip(before->address));

    const DhcpStarted repaired = start_dhcp(a.session(), lan());
    EXPECT_EQ(repaired.change, Change::made);
    EXPECT_THAT(repaired.repairs, Not(IsEmpty()));
    EXPECT_THAT(show(a, "lan").problems, IsEmpty());
    ASSERT_THAT(show(a, "lan").leases, SizeIs(1));
    const auto after = vm.ask();
    ASSERT_TRUE(after);
    EXPECT_EQ(after->address, before->address);
    EXPECT_EQ(start_dhcp(a.session(), lan()).change, Change::unchanged);
}

void end_dnsmasq(const Host& host, int signal) {
    const int pid = show(host, "lan").pid.value();
    kill(pid, signal);
    while (is_alive(pid))
        std::this_thread::sleep_for(1ms);
}

void in_router(const Host& host, const std::function<void(NlSocket&)>& action) {
    const auto scope = NetnsScope::enter(host.router_of("lan"));
    NlSocket socket = NlSocket::open();
    action(socket);
}

INSTANTIATE_TEST_SUITE_P(
    Each, DhcpRepairs,
    ::testing::Values(
        Damage{"DnsmasqKilled", [](const Host& host) { end_dnsmasq(host, SIGKILL); },
               "dnsmasq: it is not running"},
        Damage{"DnsmasqEnded", [](const Host& host) { end_dnsmasq(host, SIGTERM); },
               "dnsmasq: it is not running"},
        Damage{"PidFileLost",
               [](const Host& host) { fs::remove(host.run_directory("lan") + "/dnsmasq.pid"); },
               "dnsmasq: it is not running"},
        Damage{"PidOfAnother",
               [](const Host& host) {
                   end_dnsmasq(host, SIGKILL);
                   std::ofstream{host.run_directory("lan") + "/dnsmasq.pid"} << getpid() << '\n';
               },
               "dnsmasq: it is not running"},
        Damage{"NamespaceDeleted", [](const Host& host) { delete_netns(host.router_of("lan")); },
               "it is missing"},
        Damage{"NamespaceMadeAgainByAnother",
               [](const Host& host) {
                   delete_netns(host.router_of("lan"));
                   create_netns(host.router_of("lan"));
               },
               "another namespace"},
        Damage{"VethDeletedInTheRouter",
               [](const Host& host) {
                   in_router(host, [](NlSocket& socket) { socket.delete_link("lan"); });
               },
               "xd-lan: it is missing"},
        Damage{"VethDeletedOnTheHost",
               [](const Host& host) {
                   const auto scope = NetnsScope::enter(host.netns());
                   NlSocket::open().delete_link("xd-lan");
               },
               "xd-lan: it is missing"},
        Damage{"PortDeleted",
               [](const Host& host) { Instance::open(host.session()).delete_port("xd-lan"); },
               "port xd-lan: it is not in network lan"},
        Damage{"PortDown",
               [](const Host& host) {
                   const auto scope = NetnsScope::enter(host.netns());
                   NlSocket::open().set_link_up("xd-lan", false);
               },
               "device xd-lan: it is down"},
        Damage{"RoutersDeviceDown",
               [](const Host& host) {
                   in_router(host, [](NlSocket& socket) { socket.set_link_up("lan", false); });
               },
               "it is down"},
        Damage{"AnotherMtu",
               [](const Host& host) {
                   in_router(host, [](NlSocket& socket) { socket.set_mtu("lan", 1500); });
               },
               "its MTU is 1500, the network's is 1458"},
        Damage{"AnotherMac",
               [](const Host& host) {
                   in_router(host, [](NlSocket& socket) {
                       socket.set_mac("lan", *Mac::parse("02:00:00:00:00:99"));
                   });
               },
               "its MAC is 02:00:00:00:00:99"},
        Damage{"ChecksumsLeftToHardware",
               [](const Host& host) {
                   const auto scope = NetnsScope::enter(host.router_of("lan"));
                   ethtool::set_tx_checksum("lan", true);
               },
               "checksums"},
        Damage{"GroOff",
               [](const Host& host) {
                   const auto scope = NetnsScope::enter(host.router_of("lan"));
                   ethtool::set_gro("lan", false);
               },
               "GRO is off"},
        Damage{"BinaryGarbageAfterTheLeases",
               [](const Host& host) {
                   std::ofstream{host.lease_file("lan"), std::ios::binary | std::ios::app}
                       << std::string_view{"\xff\xfe\0\x01\n\n\x80", 7};
               },
               "lines are damaged"},
        Damage{"GarbageAfterDnsmasqWasKilled",
               [](const Host& host) {
                   end_dnsmasq(host, SIGKILL);
                   const std::string text = read_file(host.lease_file("lan"));
                   std::ofstream{host.lease_file("lan"), std::ios::binary}
                       << std::string_view{"\0\0\0\0\n", 5} << text << "17955687";
               },
               "lines are damaged"},
        Damage{"LastByteOfTheLeasesCut",
               [](const Host& host) {
                   end_dnsmasq(host, SIGKILL);
                   fs::resize_file(host.lease_file("lan"),
                                   fs::file_size(host.lease_file("lan")) - 1);
               },
               "line"},
        Damage{"ConfigurationDamaged",
               [](const Host& host) {
                   std::ofstream{host.run_directory("lan") + "/config.json"} << "{\"format\": 1";
               },
               "config.json: it is damaged"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Dhcp, PutsADamagedLeaseFileAsideAndStopRemovesIt) {
    start_dhcp(a.session(), lan());
    std::ofstream{a.lease_file("lan"), std::ios::app} << "no lease\n";
    start_dhcp(a.session(), lan());
    EXPECT_EQ(read_file(a.lease_file("lan") + ".damaged"), "no lease\n");
    EXPECT_EQ(read_file(a.lease_file("lan")), "");
    stop_dhcp(a.session(), "lan");
    EXPECT_THAT(traces_of(a), IsEmpty());
}

TEST_F(Dhcp, AnotherSpecificationIsAppliedAndLeasesStay) {
    const Vm vm{b, "b1", "lan"};
    start_dhcp(a.session(), lan());
    const auto before = vm.ask();
    ASSERT_TRUE(before);

    DhcpSpec other = lan();
    other.gateway = ip("192.0.2.254");
    other.dns = {ip("198.51.100.1")};
    const DhcpStarted changed = start_dhcp(a.session(), other);
    EXPECT_EQ(changed.change, Change::made);
    EXPECT_THAT(changed.repairs, IsEmpty());
    const DhcpInfo info = show(a, "lan");
    EXPECT_THAT(info.problems, IsEmpty());
    EXPECT_EQ(info.gateway, ip("192.0.2.254"));
    EXPECT_THAT(info.leases, SizeIs(1));
    const auto after = vm.ask();
    ASSERT_TRUE(after);
    EXPECT_EQ(after->address, before->address);
    EXPECT_EQ(after->router, "192.0.2.254");
    EXPECT_EQ(after->dns, "198.51.100.1");

    // To a router of another name, and the old one goes.
    other.router = "gw";
    start_dhcp(a.session(), other);
    EXPECT_FALSE(netns_exists(a.router_of("lan")));
    EXPECT_EQ(show(a, "lan").netns, a.router_of("gw"));
    EXPECT_EQ(show(a, "lan").device, "xd-lan");
    EXPECT_THAT(show(a, "lan").problems, IsEmpty());
    EXPECT_TRUE(vm.ask());
    stop_dhcp(a.session(), "lan");
    EXPECT_THAT(traces_of(a), IsEmpty());
}

TEST_F(Dhcp, FollowsTheMtuOfTheNetwork) {
    const Vm vm{b, "b1", "lan"};
    start_dhcp(a.session(), lan());
    NetworkSpec smaller;
    smaller.name = "lan";
    smaller.key = GreKey::parse("7");
    smaller.mtu = 1400;
    Instance::open(a.session()).add_network(smaller);
    EXPECT_THAT(show(a, "lan").problems, Not(IsEmpty()));
    EXPECT_EQ(start_dhcp(a.session(), lan()).change, Change::made);
    EXPECT_THAT(show(a, "lan").problems, IsEmpty());
    EXPECT_EQ(vm.ask().value().mtu, "1400");
}

TEST_F(Dhcp, ServesTheCurrentNamespaceWhereNoneIsNamed) {
    const Vm vm{a, "a1", "lan"};
    Session here = a.session();
    here.netns.reset();
    const auto scope = NetnsScope::enter(a.netns());
    EXPECT_EQ(start_dhcp(here, lan()).change, Change::made);
    EXPECT_THAT(show_dhcp(here, "lan").at(0).problems, IsEmpty());
    EXPECT_TRUE(vm.ask());
    EXPECT_EQ(stop_dhcp(here, "lan"), Change::made);
    EXPECT_THAT(traces_of(a), IsEmpty());
}

TEST_F(Dhcp, StopAllLeavesNothing) {
    join("wan", 8);
    start_dhcp(a.session(), lan());
    start_dhcp(a.session(), spec_of("wan", "198.51.100.0/24"));
    stop_all_dhcp(a.session());
    // The ports' rows go with the instance.
    Instance::open(a.session()).delete_port("xd-lan");
    Instance::open(a.session()).delete_port("xd-wan");
    EXPECT_THAT(traces_of(a), IsEmpty());
    stop_all_dhcp(a.session());
}

TEST_F(Dhcp, IsStoppedAlsoWhereTheConfigurationIsLost) {
    start_dhcp(a.session(), lan());
    fs::remove_all(a.run_directory("lan"));
    EXPECT_EQ(stop_dhcp(a.session(), "lan"), Change::made);
    EXPECT_THAT(traces_of(a), IsEmpty());
}

// ---- Names ---------------------------------------------------------------------------------

TEST_F(Dhcp, NamesFitWhereTheNetworksNameDoesNot) {
    for (const std::string network : {"a-long-netw.rk1", "a-long-netw.rk2", "lo", "default"}) {
        join(network, network == "lo" ? 100U : static_cast<std::uint32_t>(network.back()));
        const Vm vm{b, "b1", network};
        start_dhcp(a.session(), spec_of(network, "192.0.2.0/24"));
        EXPECT_THAT(show(a, network).problems, IsEmpty()) << network;
        EXPECT_TRUE(show(a, network).device.starts_with("xd-")) << network;
        EXPECT_TRUE(vm.ask()) << network;
        stop_dhcp(a.session(), network);
        EXPECT_THAT(traces_of(a), IsEmpty()) << network;
        Instance::open(b.session()).delete_port(vm.port());
    }
}

TEST_F(Dhcp, APortIsNamedOtherwiseWhereItsNameIsTaken) {
    const NamedNetns elsewhere{"elsewhere"};
    test::connect(a.netns(), "xd-lan", elsewhere.name(), "x", false);
    start_dhcp(a.session(), lan());
    const DhcpInfo info = show(a, "lan");
    EXPECT_THAT(info.problems, IsEmpty());
    EXPECT_NE(info.device, "xd-lan");
    EXPECT_TRUE(info.device.starts_with("xd-lan-")) << info.device;
    stop_dhcp(a.session(), "lan");
    EXPECT_TRUE(has_device(a.netns(), "xd-lan"));
    EXPECT_FALSE(has_device(a.netns(), info.device));
}

// ---- Bad input -----------------------------------------------------------------------------

class DhcpRefuses : public Dhcp {
protected:
    // And everything is as it was before.
    void expect_refused(const DhcpSpec& spec, std::string_view object, std::string_view cause) {
        const auto before = traces_of(a);
        const auto error = error_of([&] { start_dhcp(a.session(), spec); });
        ASSERT_TRUE(error);
        EXPECT_THAT(error->object(), HasSubstr(std::string{object})) << error->what();
        EXPECT_THAT(error->cause(), HasSubstr(std::string{cause})) << error->what();
        EXPECT_EQ(traces_of(a), before);
    }
};

TEST_F(DhcpRefuses, ANetworkThatIsNone) {
    expect_refused(spec_of("wan", "192.0.2.0/24"), "network wan", "none of this name");
    expect_refused(spec_of("../lan", "192.0.2.0/24"), "network ../lan", "not a name");
    expect_refused(spec_of("..", "192.0.2.0/24"), "network ..", "not a name");
    for (const std::string network : {"", ".", "..", "a/b", "a-name-too-long-"})
        EXPECT_TRUE(error_of([&] { stop_dhcp(a.session(), network); })) << network;
}

TEST_F(DhcpRefuses, AnInstanceThatIsNone) {
    Session other = a.session();
    other.instance = "not-attached";
    EXPECT_TRUE(error_of([&] { start_dhcp(other, lan()); }));
    EXPECT_EQ(stop_dhcp(other, "lan"), Change::unchanged);
    EXPECT_THAT(show_dhcp(other, std::nullopt), IsEmpty());
}

TEST_F(DhcpRefuses, ASubnetTooSmall) {
    expect_refused(spec_of("lan", "192.0.2.0/31"), "subnet 192.0.2.0/31", "too small");
}

TEST_F(DhcpRefuses, ASubnetThatAnotherNetworkHas) {
    join("wan", 8);
    start_dhcp(a.session(), lan());
    expect_refused(spec_of("wan", "192.0.2.128/25"), "subnet 192.0.2.128/25",
                   "network lan has 192.0.2.0/24 in use");
    expect_refused(spec_of("wan", "192.0.0.0/16"), "subnet 192.0.0.0/16", "in use");
}

TEST_F(DhcpRefuses, ASubnetThatTheRouterHas) {
    create_netns(a.router_of("gw"));
    {
        const auto scope = NetnsScope::enter(a.router_of("gw"));
        NlSocket socket = NlSocket::open();
        socket.create_veth("out", "out-peer");
        socket.add_address("out", ip("192.0.2.77"), 28);
    }
    DhcpSpec spec = lan();
    spec.router = "gw";
    expect_refused(spec, "subnet 192.0.2.0/24", "192.0.2.64/28 is in use in namespace");

    // A router that somebody else made serves, and stays.
    spec = spec_of("lan", "198.51.100.0/24");
    spec.router = "gw";
    start_dhcp(a.session(), spec);
    EXPECT_THAT(show(a, "lan").problems, IsEmpty());
    stop_dhcp(a.session(), "lan");
    EXPECT_TRUE(has_device(a.router_of("gw"), "out"));
    EXPECT_FALSE(has_device(a.router_of("gw"), "lan"));
    delete_netns(a.router_of("gw"));
}

TEST_F(DhcpRefuses, ANamespaceThatSomebodyElseMade) {
    create_netns(a.router_of("lan"));
    expect_refused(lan(), a.router_of("lan"), "it is there already");
    EXPECT_EQ(stop_dhcp(a.session(), "lan"), Change::unchanged);
    EXPECT_TRUE(netns_exists(a.router_of("lan")));
    delete_netns(a.router_of("lan"));
}

TEST_F(DhcpRefuses, ADeviceInTheWayInTheRouter) {
    create_netns(a.router_of("gw"));
    {
        const auto scope = NetnsScope::enter(a.router_of("gw"));
        NlSocket::open().create_veth("lan", "lan-peer");
    }
    DhcpSpec spec = lan();
    spec.router = "gw";
    expect_refused(spec, "device lan in namespace", "in the way");
    delete_netns(a.router_of("gw"));
}

TEST_F(DhcpRefuses, ToChangeIntoWhatCannotBe) {
    const Vm vm{b, "b1", "lan"};
    start_dhcp(a.session(), lan());
    const int pid = show(a, "lan").pid.value();
    DhcpSpec bad = lan();
    bad.gateway = ip("198.51.100.1");
    expect_refused(bad, "gateway 198.51.100.1", "no host address");
    EXPECT_EQ(show(a, "lan").pid, pid);
    EXPECT_THAT(show(a, "lan").problems, IsEmpty());
}

// What comes only while it is being made, such as a pid file that cannot be written.
TEST_F(DhcpRefuses, ToBeStartedByHalves) {
    const Vm vm{b, "b1", "lan"};
    fs::create_directories(a.lease_file("lan"));  // not a file: dnsmasq cannot open it
    EXPECT_TRUE(error_of([&] { start_dhcp(a.session(), lan()); }));
    fs::remove(a.lease_file("lan"));
    fs::remove(fs::path{a.lease_file("lan")}.parent_path());
    EXPECT_THAT(traces_of(a), IsEmpty());
}

// ---- Killed --------------------------------------------------------------------------------

class DhcpKilled : public Dhcp, public ::testing::WithParamInterface<int> {
protected:
    static constexpr int kShards = 8;  // each takes every eighth system call
};

TEST_P(DhcpKilled, StartIsRepairedByTheNextOrRemovedByStop) {
    Fate fate = Fate::killed;
    for (int nth = GetParam(); fate == Fate::killed; nth += kShards) {
        SCOPED_TRACE(fmt::format("killed at {}", nth));
        fate = test::run_and_kill_at(nth, [&] { start_dhcp(a.session(), lan()); });
        if (nth / kShards % 2 == 0) {
            start_dhcp(a.session(), lan());
            ASSERT_THAT(show(a, "lan").problems, IsEmpty());
            ASSERT_EQ(start_dhcp(a.session(), lan()).change, Change::unchanged);
        }
        stop_dhcp(a.session(), "lan");
        ASSERT_THAT(traces_of(a), IsEmpty());
    }
    EXPECT_EQ(fate, Fate::done);
}

TEST_P(DhcpKilled, StopIsEndedByTheNextOrStartedAgain) {
    Fate fate = Fate::killed;
    for (int nth = GetParam(); fate == Fate::killed; nth += kShards) {
        SCOPED_TRACE(fmt::format("killed at {}", nth));
        start_dhcp(a.session(), lan());
        fate = test::run_and_kill_at(nth, [&] { stop_dhcp(a.session(), "lan"); });
        if (nth / kShards % 2 == 0) {
            start_dhcp(a.session(), lan());
            ASSERT_THAT(show(a, "lan").problems, IsEmpty());
        }
        stop_dhcp(a.session(), "lan");
        ASSERT_THAT(traces_of(a), IsEmpty());
    }
    EXPECT_EQ(fate, Fate::done);
}

TEST_P(DhcpKilled, ChangeIsAppliedByTheNext) {
    start_dhcp(a.session(), lan());
    DhcpSpec other = lan();
    other.gateway = ip("192.0.2.254");
    other.router = "gw";
    Fate fate = Fate::killed;
    for (int nth = GetParam(); fate == Fate::killed; nth += kShards) {
        SCOPED_TRACE(fmt::format("killed at {}", nth));
        fate = test::run_and_kill_at(nth, [&] { start_dhcp(a.session(), other); });
        const DhcpSpec& next = nth / kShards % 2 == 0 ? other : lan();
        start_dhcp(a.session(), next);
        ASSERT_THAT(show(a, "lan").problems, IsEmpty());
        start_dhcp(a.session(), lan());
        ASSERT_THAT(show(a, "lan").problems, IsEmpty());
        ASSERT_FALSE(netns_exists(a.router_of("gw")));
    }
    EXPECT_EQ(fate, Fate::done);
}

INSTANTIATE_TEST_SUITE_P(At, DhcpKilled, ::testing::Range(0, 8));

}  // namespace
}  // namespace xgre
