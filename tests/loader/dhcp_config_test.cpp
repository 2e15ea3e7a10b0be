// SPDX-License-Identifier: GPL-2.0-only
#include "loader/dhcp_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/loader/lab.h"

namespace xgre {
namespace {

using namespace std::chrono_literals;
using test::error_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

Ip4Addr ip(std::string_view text) {
    return Ip4Addr::parse(text).value();
}
Mac mac(std::string_view text) {
    return Mac::parse(text).value();
}

DhcpSpec lan(std::string_view subnet = "192.0.2.0/24") {
    DhcpSpec spec;
    spec.network = "lan";
    spec.subnet = Subnet::parse(subnet).value();
    return spec;
}

// As start_dhcp() completes it.
DhcpConfig settled(DhcpConfig config) {
    config.netns = "xgre-default-lan";
    config.port = "xd-lan";
    config.device = "lan";
    config.port_mac = mac("02:00:00:00:00:01");
    config.device_mac = mac("02:00:00:00:00:02");
    return config;
}

DhcpConfig config_of(const DhcpSpec& spec) {
    return settled(resolve_dhcp(spec, std::nullopt));
}

std::vector<std::string> arguments_of(const DhcpSpec& spec, std::uint32_t mtu = 1458) {
    return dnsmasq_arguments(config_of(spec), {"dnsmasq", "nogroup", "/run/x/dnsmasq.pid",
                                               "/var/lib/x/lan.leases", mtu});
}

TEST(DhcpConfig, LeasesAllOfTheSubnetButTheGatewayForAnHour) {
    const DhcpConfig config = config_of(lan());
    EXPECT_EQ(config.gateway, ip("192.0.2.1"));
    EXPECT_EQ(config.range_first, ip("192.0.2.2"));
    EXPECT_EQ(config.range_last, ip("192.0.2.254"));
    EXPECT_EQ(config.lease_time, 1h);
}

TEST(DhcpConfig, LeasesUpToAGatewayAtTheEnd) {
    DhcpSpec spec = lan();
    spec.gateway = ip("192.0.2.254");
    const DhcpConfig config = config_of(spec);
    EXPECT_EQ(config.range_first, ip("192.0.2.1"));
    EXPECT_EQ(config.range_last, ip("192.0.2.253"));
}

TEST(DhcpConfig, TheSmallestSubnetLeasesOneAddress) {
    const DhcpConfig config = config_of(lan("192.0.2.4/30"));
    EXPECT_EQ(config.gateway, ip("192.0.2.5"));
    EXPECT_EQ(config.range_first, ip("192.0.2.6"));
    EXPECT_EQ(config.range_last, ip("192.0.2.6"));
}

TEST(DhcpConfig, HostsAreTheSameInAnyOrder) {
    const DhcpHost one{mac("02:00:00:00:00:0a"), ip("192.0.2.10")};
    const DhcpHost two{mac("02:00:00:00:00:0b"), ip("192.0.2.9")};
    DhcpSpec forward = lan();
    forward.hosts = {one, two};
    DhcpSpec backward = lan();
    backward.hosts = {two, one};
    EXPECT_EQ(format_dhcp_config(config_of(forward)), format_dhcp_config(config_of(backward)));
}

TEST(DhcpConfig, WithoutASubnetEverythingIsAsBefore) {
    DhcpSpec first = lan();
    first.range_first = ip("192.0.2.100");
    first.range_last = ip("192.0.2.199");
    first.dns = {ip("198.51.100.1")};
    first.hosts = {{mac("02:00:00:00:00:0a"), ip("192.0.2.10")}};
    first.lease_time = 10min;
    const DhcpConfig saved = config_of(first);
    DhcpSpec again;
    again.network = "lan";
    EXPECT_EQ(format_dhcp_config(settled(resolve_dhcp(again, saved))), format_dhcp_config(saved));

    again.lease_time = 5min;
    const DhcpConfig changed = resolve_dhcp(again, saved);
    EXPECT_EQ(changed.lease_time, 5min);
    EXPECT_EQ(changed.dns, first.dns);
    EXPECT_EQ(changed.range_first, first.range_first);
}

TEST(DhcpConfig, ANewGatewayMovesARangeThatWasLeftToUs) {
    DhcpSpec moved;
    moved.network = "lan";
    moved.gateway = ip("192.0.2.254");
    const DhcpConfig config = resolve_dhcp(moved, config_of(lan()));
    EXPECT_EQ(config.range_first, ip("192.0.2.1"));
    EXPECT_EQ(config.range_last, ip("192.0.2.253"));
}

TEST(DhcpConfig, WithASubnetNothingOfBeforeStays) {
    DhcpSpec first = lan();
    first.dns = {ip("198.51.100.1")};
    first.lease_time = 10min;
    const DhcpConfig config = resolve_dhcp(lan(), config_of(first));
    EXPECT_TRUE(config.dns.empty());
    EXPECT_EQ(config.lease_time, 1h);
}

TEST(DhcpConfig, ComesBackFromItsFileAsItWas) {
    DhcpSpec spec = lan();
    spec.dns = {ip("198.51.100.2"), ip("198.51.100.1")};
    spec.hosts = {{mac("02:00:00:00:00:0a"), ip("192.0.2.10")}};
    DhcpConfig config = config_of(spec);
    config.netns_is_ours = false;
    const std::string text = format_dhcp_config(config);
    const auto back = parse_dhcp_config(text);
    ASSERT_TRUE(back);
    EXPECT_EQ(format_dhcp_config(*back), text);
    EXPECT_EQ(back->hosts.at(0).address, ip("192.0.2.10"));
    EXPECT_FALSE(back->netns_is_ours);
}

TEST(DhcpConfig, ACutOrForeignFileIsNone) {
    const std::string text = format_dhcp_config(config_of(lan()));
    for (std::size_t length = 0; length + 2 < text.size(); ++length)
        EXPECT_FALSE(parse_dhcp_config(text.substr(0, length))) << length;
    std::string other = text;
    other.replace(other.find("192.0.2.0/24"), 12, "192.0.2.9/24");
    EXPECT_FALSE(parse_dhcp_config(other));
    EXPECT_FALSE(parse_dhcp_config("{}"));
    EXPECT_FALSE(parse_dhcp_config("[1, 2]"));
    EXPECT_FALSE(parse_dhcp_config(std::string{"\0\xff\xfe", 3}));
}

// ---- dnsmasq's arguments -------------------------------------------------------------------

TEST(DnsmasqArguments, AreAllOfThese) {
    EXPECT_THAT(
        arguments_of(lan()),
        ElementsAre("dnsmasq", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--port=0",
                    "--user=dnsmasq", "--group=nogroup", "--pid-file=/run/x/dnsmasq.pid",
                    "--interface=lan", "--except-interface=lo", "--bind-interfaces",
                    "--dhcp-leasefile=/var/lib/x/lan.leases", "--dhcp-lease-max=254",
                    "--dhcp-authoritative", "--no-ping", "--quiet-dhcp",
                    "--dhcp-range=192.0.2.2,192.0.2.254,255.255.255.0,3600",
                    "--dhcp-option=option:router,192.0.2.1", "--dhcp-option=option:dns-server",
                    "--dhcp-option-force=option:mtu,1458"));
}

struct ArgumentsCase {
    std::string name;
    std::function<void(DhcpSpec&)> change;
    std::vector<std::string> added;
};

class DnsmasqArgumentsOf : public ::testing::TestWithParam<ArgumentsCase> {};

TEST_P(DnsmasqArgumentsOf, HaveWhatWasAskedFor) {
    DhcpSpec spec = lan();
    GetParam().change(spec);
    for (const std::string& argument : GetParam().added)
        EXPECT_THAT(arguments_of(spec), Contains(argument));
}

INSTANTIATE_TEST_SUITE_P(
    Each, DnsmasqArgumentsOf,
    ::testing::Values(
        ArgumentsCase{"Range",
                      [](DhcpSpec& spec) {
                          spec.range_first = ip("192.0.2.100");
                          spec.range_last = ip("192.0.2.199");
                      },
                      {"--dhcp-range=192.0.2.100,192.0.2.199,255.255.255.0,3600"}},
        ArgumentsCase{"GatewayInTheMiddleCutsTheRange",
                      [](DhcpSpec& spec) { spec.gateway = ip("192.0.2.128"); },
                      {"--dhcp-range=192.0.2.1,192.0.2.127,255.255.255.0,3600",
                       "--dhcp-range=192.0.2.129,192.0.2.254,255.255.255.0,3600",
                       "--dhcp-option=option:router,192.0.2.128"}},
        ArgumentsCase{"DnsInItsOrder",
                      [](DhcpSpec& spec) { spec.dns = {ip("198.51.100.2"), ip("198.51.100.1")}; },
                      {"--dhcp-option=option:dns-server,198.51.100.2,198.51.100.1"}},
        ArgumentsCase{"Hosts",
                      [](DhcpSpec& spec) {
                          spec.hosts = {{mac("02:00:00:00:00:0b"), ip("192.0.2.9")},
                                        {mac("02:00:00:00:00:0a"), ip("192.0.2.10")}};
                      },
                      {"--dhcp-host=02:00:00:00:00:0a,192.0.2.10",
                       "--dhcp-host=02:00:00:00:00:0b,192.0.2.9"}},
        ArgumentsCase{"LeaseTime",
                      [](DhcpSpec& spec) { spec.lease_time = 2min; },
                      {"--dhcp-range=192.0.2.2,192.0.2.254,255.255.255.0,120"}},
        ArgumentsCase{
            "ALargeSubnet",
            [](DhcpSpec& spec) { spec.subnet = Subnet::parse("10.0.0.0/8"); },
            {"--dhcp-range=10.0.0.2,10.255.255.254,255.0.0.0,3600", "--dhcp-lease-max=1000000"}}),
    [](const auto& test) { return test.param.name; });

TEST(DnsmasqArguments, CarryTheMtuOfTheNetwork) {
    EXPECT_THAT(arguments_of(lan(), 8958), Contains("--dhcp-option-force=option:mtu,8958"));
}

TEST(DnsmasqArguments, NameNoDnsServerOfItsOwn) {
    EXPECT_THAT(
        arguments_of(lan()),
        Not(Contains(AllOf(StartsWith("--dhcp-option=option:dns-server"), HasSubstr(",")))));
}

// ---- Bad input -----------------------------------------------------------------------------

struct RefusedCase {
    std::string name;
    std::function<void(DhcpSpec&)> change;
    std::string object;
    std::string cause;
};

class DhcpConfigRefuses : public ::testing::TestWithParam<RefusedCase> {};

TEST_P(DhcpConfigRefuses, AndSaysWhy) {
    DhcpSpec spec = lan();
    GetParam().change(spec);
    const auto error = error_of([&] { resolve_dhcp(spec, std::nullopt); });
    ASSERT_TRUE(error);
    EXPECT_THAT(error->object(), HasSubstr(GetParam().object));
    EXPECT_THAT(error->cause(), HasSubstr(GetParam().cause));
    EXPECT_FALSE(error->way_out().empty());
}

void set_subnet(DhcpSpec& spec, std::string_view text) {
    spec.subnet = Subnet::parse(text).value();
}

void set_range(DhcpSpec& spec, std::string_view first, std::string_view last) {
    spec.range_first = ip(first);
    spec.range_last = ip(last);
}

void add_host(DhcpSpec& spec, std::string_view hardware, std::string_view address) {
    spec.hosts.push_back({mac(hardware), ip(address)});
}

INSTANTIATE_TEST_SUITE_P(
    Each, DhcpConfigRefuses,
    ::testing::Values(
        RefusedCase{"NoSubnet", [](DhcpSpec& spec) { spec.subnet.reset(); }, "network lan",
                    "no subnet"},
        RefusedCase{"ASubnetOfTwo", [](DhcpSpec& spec) { set_subnet(spec, "192.0.2.0/31"); },
                    "subnet 192.0.2.0/31", "too small"},
        RefusedCase{"ASubnetOfOne", [](DhcpSpec& spec) { set_subnet(spec, "192.0.2.1/32"); },
                    "subnet 192.0.2.1/32", "too small"},
        RefusedCase{"Loopback", [](DhcpSpec& spec) { set_subnet(spec, "127.0.0.0/24"); },
                    "subnet 127.0.0.0/24", "127.0.0.0/8"},
        RefusedCase{"Multicast", [](DhcpSpec& spec) { set_subnet(spec, "224.0.1.0/24"); },
                    "subnet 224.0.1.0/24", "224.0.0.0/3"},
        RefusedCase{"Everything", [](DhcpSpec& spec) { set_subnet(spec, "0.0.0.0/0"); },
                    "subnet 0.0.0.0/0", "0.0.0.0/8"},
        RefusedCase{"AGatewayElsewhere", [](DhcpSpec& spec) { spec.gateway = ip("192.0.3.1"); },
                    "gateway 192.0.3.1", "192.0.2.0/24"},
        RefusedCase{"TheNetworkAddressAsGateway",
                    [](DhcpSpec& spec) { spec.gateway = ip("192.0.2.0"); }, "gateway 192.0.2.0",
                    "no host address"},
        RefusedCase{"TheBroadcastAddressAsGateway",
                    [](DhcpSpec& spec) { spec.gateway = ip("192.0.2.255"); }, "gateway 192.0.2.255",
                    "no host address"},
        RefusedCase{"ARangeElsewhere",
                    [](DhcpSpec& spec) { set_range(spec, "192.0.2.200", "192.0.3.9"); },
                    "range 192.0.2.200-192.0.3.9", "192.0.3.9 is no host address"},
        RefusedCase{"ARangeBackwards",
                    [](DhcpSpec& spec) { set_range(spec, "192.0.2.20", "192.0.2.10"); },
                    "range 192.0.2.20-192.0.2.10", "no address in it"},
        RefusedCase{"ARangeWithTheBroadcastAddress",
                    [](DhcpSpec& spec) { set_range(spec, "192.0.2.20", "192.0.2.255"); },
                    "range 192.0.2.20-192.0.2.255", "192.0.2.255"},
        RefusedCase{"ARangeWithTheGateway",
                    [](DhcpSpec& spec) { set_range(spec, "192.0.2.1", "192.0.2.9"); },
                    "range 192.0.2.1-192.0.2.9", "gateway 192.0.2.1"},
        RefusedCase{"AHostElsewhere",
                    [](DhcpSpec& spec) { add_host(spec, "02:00:00:00:00:01", "192.0.3.1"); },
                    "host 02:00:00:00:00:01=192.0.3.1", "192.0.2.0/24"},
        RefusedCase{"AHostWithTheGatewaysAddress",
                    [](DhcpSpec& spec) { add_host(spec, "02:00:00:00:00:01", "192.0.2.1"); },
                    "host 02:00:00:00:00:01=192.0.2.1", "gateway"},
        RefusedCase{"AGroupAddressAsHost",
                    [](DhcpSpec& spec) { add_host(spec, "01:00:5e:00:00:01", "192.0.2.9"); },
                    "host 01:00:5e:00:00:01", "group"},
        RefusedCase{"TheZeroAddressAsHost",
                    [](DhcpSpec& spec) { add_host(spec, "00:00:00:00:00:00", "192.0.2.9"); },
                    "host 00:00:00:00:00:00", "zero"},
        RefusedCase{"AMacTwice",
                    [](DhcpSpec& spec) {
                        add_host(spec, "02:00:00:00:00:01", "192.0.2.8");
                        add_host(spec, "02:00:00:00:00:01", "192.0.2.9");
                    },
                    "host 02:00:00:00:00:01", "already"},
        RefusedCase{"AnAddressTwice",
                    [](DhcpSpec& spec) {
                        add_host(spec, "02:00:00:00:00:01", "192.0.2.9");
                        add_host(spec, "02:00:00:00:00:02", "192.0.2.9");
                    },
                    "host 02:00:00:00:00:02=192.0.2.9", "another host's"},
        RefusedCase{"AGroupAddressAsDns", [](DhcpSpec& spec) { spec.dns = {ip("224.0.0.1")}; },
                    "DNS server 224.0.0.1", "no VM"},
        RefusedCase{"TooManyDnsServers",
                    [](DhcpSpec& spec) { spec.dns.assign(17, ip("198.51.100.1")); }, "DNS servers",
                    "17"},
        RefusedCase{"AShortLease", [](DhcpSpec& spec) { spec.lease_time = 119s; },
                    "lease time of 119 s", "out of range"}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace xgre
