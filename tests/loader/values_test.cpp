// SPDX-License-Identifier: GPL-2.0-only
// Text becomes a value at the edge, once, or it is no value.
#include <gtest/gtest.h>

#include <string>

#include <fmt/format.h>

#include "xgre/error.h"
#include "xgre/gre_key.h"
#include "xgre/ip_addr.h"
#include "xgre/mac.h"
#include "xgre/vlan.h"
#include "xgre/vm_address.h"

namespace xgre {
namespace {

struct Text {
    const char* name;
    const char* text;
};
void PrintTo(const Text& row, std::ostream* out) {
    *out << '"' << row.text << '"';
}
std::string name_of(const ::testing::TestParamInfo<Text>& info) {
    return info.param.name;
}

class BadMac : public ::testing::TestWithParam<Text> {};
TEST_P(BadMac, IsNoAddress) {
    EXPECT_EQ(Mac::parse(GetParam().text), std::nullopt);
}
INSTANTIATE_TEST_SUITE_P(
    Text, BadMac,
    ::testing::Values(Text{"Empty", ""}, Text{"FiveBytes", "02:00:5e:10:00"},
                      Text{"SevenBytes", "02:00:5e:10:00:01:02"},
                      Text{"OneDigit", "2:00:5e:10:00:01"}, Text{"Letter", "02:00:5e:10:00:0x"},
                      Text{"Dashes", "02-00-5e-10-00-01"}, Text{"Dots", "0200.5e10.0001"},
                      Text{"NoColons", "02005e100001"}, Text{"Blank", " 02:00:5e:10:00:1"},
                      Text{"TrailingColon", "02:00:5e:10:00:"}),
    name_of);

class BadIp4Addr : public ::testing::TestWithParam<Text> {};
TEST_P(BadIp4Addr, IsNoAddress) {
    EXPECT_EQ(Ip4Addr::parse(GetParam().text), std::nullopt);
}
INSTANTIATE_TEST_SUITE_P(
    Text, BadIp4Addr,
    ::testing::Values(Text{"Empty", ""}, Text{"ThreeNumbers", "192.0.2"},
                      Text{"FiveNumbers", "192.0.2.1.1"}, Text{"TooLarge", "192.0.2.256"},
                      Text{"FarTooLarge", "192.0.2.4294967297"}, Text{"Octal", "192.0.2.010"},
                      Text{"Hexadecimal", "192.0.2.0x1"}, Text{"Negative", "192.0.2.-1"},
                      Text{"LeadingDot", ".192.0.2.1"}, Text{"TrailingDot", "192.0.2.1."},
                      Text{"Gap", "192..2.1"}, Text{"Blank", "192.0.2.1 "},
                      Text{"Prefix", "192.0.2.1/24"}, Text{"Ip6", "2001:db8::1"},
                      Text{"Name", "localhost"}),
    name_of);

class BadVmAddress : public ::testing::TestWithParam<Text> {};
TEST_P(BadVmAddress, IsNoAddress) {
    EXPECT_EQ(parse_vm_address(GetParam().text), std::nullopt);
}
INSTANTIATE_TEST_SUITE_P(
    Text, BadVmAddress,
    ::testing::Values(Text{"Empty", ""}, Text{"ThreeNumbers", "192.0.2"},
                      Text{"Prefix", "192.0.2.1/24"}, Text{"Broadcast", "255.255.255.255"},
                      Text{"Multicast", "224.0.0.1"}, Text{"Multicast6", "ff02::1"},
                      Text{"Unspecified", "0.0.0.0"}, Text{"Unspecified6", "::"},
                      Text{"Zone", "fe80::1%eth0"}, Text{"Name", "localhost"}),
    name_of);

TEST(VmAddress, IsOfEitherFamily) {
    EXPECT_EQ(parse_vm_address("192.0.2.7")->is_v6(), false);
    EXPECT_EQ(parse_vm_address("192.0.2.7")->format(), "192.0.2.7");
    EXPECT_EQ(parse_vm_address("2001:DB8:2::7")->is_v6(), true);
    EXPECT_EQ(parse_vm_address("2001:DB8:2:0::7")->format(), "2001:db8:2::7");
    EXPECT_LT(*parse_vm_address("198.51.100.1"), *parse_vm_address("2001:db8:2::7"));
}

class BadSubnet : public ::testing::TestWithParam<Text> {};
TEST_P(BadSubnet, IsNoSubnet) {
    EXPECT_EQ(Subnet::parse(GetParam().text), std::nullopt);
}
INSTANTIATE_TEST_SUITE_P(
    Text, BadSubnet,
    ::testing::Values(Text{"Empty", ""}, Text{"NoLength", "192.0.2.0"},
                      Text{"EmptyLength", "192.0.2.0/"}, Text{"EmptyAddress", "/24"},
                      Text{"TooLong", "192.0.2.0/33"}, Text{"HostBits", "192.0.2.1/24"},
                      Text{"Netmask", "192.0.2.0/255.255.255.0"},
                      Text{"TwoLengths", "192.0.2.0/24/24"}, Text{"Negative", "192.0.2.0/-1"},
                      Text{"LeadingZero", "192.0.2.0/024"}),
    name_of);

class BadGreKey : public ::testing::TestWithParam<Text> {};
TEST_P(BadGreKey, IsNoKey) {
    EXPECT_EQ(GreKey::parse(GetParam().text), std::nullopt);
}
INSTANTIATE_TEST_SUITE_P(Text, BadGreKey,
                         ::testing::Values(Text{"Empty", ""}, Text{"OneTooLarge", "4294967296"},
                                           Text{"TwoTo64", "18446744073709551616"},
                                           Text{"HexTooLarge", "0x100000000"},
                                           Text{"BareHexPrefix", "0x"},
                                           Text{"HexWithoutPrefix", "ff"}, Text{"Octal", "010"},
                                           Text{"Negative", "-1"}, Text{"Plus", "+1"},
                                           Text{"LeadingBlank", " 1"}, Text{"TrailingBlank", "1 "},
                                           Text{"DottedQuad", "0.0.0.1"}, Text{"Fraction", "1.5"}),
                         name_of);

class BadVlan : public ::testing::TestWithParam<Text> {};
TEST_P(BadVlan, IsNoVlan) {
    EXPECT_EQ(Vlan::parse(GetParam().text), std::nullopt);
}
INSTANTIATE_TEST_SUITE_P(Text, BadVlan,
                         ::testing::Values(Text{"Empty", ""}, Text{"Reserved", "4095"},
                                           Text{"Wraps16Bits", "65536"},
                                           Text{"Wraps32Bits", "4294967296"},
                                           Text{"Negative", "-1"}, Text{"Hexadecimal", "0x1"},
                                           Text{"LeadingZero", "01"}),
                         name_of);

TEST(Mac, FormatsWhatItParses) {
    EXPECT_EQ(Mac::parse("02:00:5E:10:00:Ff")->format(), "02:00:5e:10:00:ff");
    EXPECT_EQ(fmt::format("{:>20}", Mac{}), "   00:00:00:00:00:00");
}

TEST(Ip4Addr, FormatsWhatItParses) {
    EXPECT_EQ(Ip4Addr::parse("255.0.2.199")->format(), "255.0.2.199");
    EXPECT_EQ(fmt::format("{}", Ip4Addr{}), "0.0.0.0");
}

TEST(Ip4Addr, KeepsTheOrderOfTheWire) {
    const Ip4Addr address = *Ip4Addr::parse("192.0.2.7");
    EXPECT_EQ(address.network_order(), __builtin_bswap32(0xc0000207));
    EXPECT_EQ(address.host_order(), 0xc0000207u);
}

TEST(Subnet, FormatsWhatItParses) {
    EXPECT_EQ(fmt::format("{}", *Subnet::parse("192.0.2.128/25")), "192.0.2.128/25");
}

TEST(Subnet, OfTwoAddressesHasTwoHosts) {
    const Subnet subnet = *Subnet::parse("192.0.2.2/31");
    EXPECT_EQ(subnet.first().format(), "192.0.2.2");
    EXPECT_EQ(subnet.last().format(), "192.0.2.3");
}

TEST(GreKey, FormatsInDecimalAlsoWhatItParsesInHexadecimal) {
    EXPECT_EQ(fmt::format("{}", *GreKey::parse("0xFFffFFff")), "4294967295");
    EXPECT_EQ(GreKey::parse("0x0000000007")->value(), 7u);
}

TEST(Vlan, FormatsWhatItParses) {
    EXPECT_EQ(fmt::format("{}", *Vlan::parse("4094")), "4094");
}

TEST(Error, IsOneLineOfObjectCauseAndWayOut) {
    const Error error{"port tap0", "it is in network blue", "remove it there first"};
    EXPECT_STREQ(error.what(), "port tap0: it is in network blue; remove it there first");
}

TEST(Error, NamesWhatFailedAndTheSystemsWordsForIt) {
    const Error error =
        Error::from_errno("map fdb", "cannot create it", ENOMEM, "use a smaller one");
    EXPECT_EQ(error.object(), "map fdb");
    EXPECT_EQ(error.cause(), "cannot create it: Cannot allocate memory");
    EXPECT_EQ(error.way_out(), "use a smaller one");
}

}  // namespace
}  // namespace xgre
