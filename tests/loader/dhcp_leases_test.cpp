// SPDX-License-Identifier: GPL-2.0-only
#include "loader/dhcp_leases.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace xgre {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

// As dnsmasq 2.90 writes them.
const std::string kFirst = "1795568775 4e:bd:0e:cb:6b:5b 192.0.2.23 * 01:4e:bd:0e:cb:6b:5b\n";
const std::string kSecond = "1795568799 02:00:00:00:00:01 192.0.2.24 web-1 *\n";

TEST(Leases, AreReadAsDnsmasqWroteThem) {
    const LeaseFile file = parse_leases(kFirst + kSecond);
    EXPECT_EQ(file.damaged, 0U);
    ASSERT_EQ(file.leases.size(), 2U);
    const LeaseLine& first = file.leases.at(0);
    EXPECT_EQ(first.mac, Mac::parse("4e:bd:0e:cb:6b:5b"));
    EXPECT_EQ(first.address, Ip4Addr::parse("192.0.2.23"));
    EXPECT_EQ(first.name, "");
    EXPECT_EQ(first.expiry, system_clock::time_point{seconds{1795568775}});
    EXPECT_EQ(file.leases.at(1).name, "web-1");
    EXPECT_EQ(file.text(), kFirst + kSecond);
}

TEST(Leases, OfNoFileAreNone) {
    const LeaseFile file = parse_leases("");
    EXPECT_EQ(file.damaged, 0U);
    EXPECT_TRUE(file.leases.empty());
}

TEST(Leases, WithoutEndNeverExpire) {
    const LeaseFile file = parse_leases("0 02:00:00:00:00:01 192.0.2.24 * *\n");
    ASSERT_EQ(file.leases.size(), 1U);
    EXPECT_EQ(file.leases.at(0).expiry, system_clock::time_point::max());
}

// A client says what hardware it has, and how long its address is.
TEST(Leases, OfOtherHardwareStayInTheFile) {
    const std::string text =
        "1795568775 06-02:00:00:00:00:01 192.0.2.23 * *\n"
        "1795568775 01- 192.0.2.24 * ff:00\n"
        "1795568775 02:00:00:00:00:01:02:03 192.0.2.25 * *\n";
    const LeaseFile file = parse_leases(text);
    EXPECT_EQ(file.damaged, 0U);
    ASSERT_EQ(file.leases.size(), 3U);
    for (const LeaseLine& lease : file.leases)
        EXPECT_FALSE(lease.mac);
    EXPECT_EQ(file.text(), text);
}

struct DamagedCase {
    std::string name;
    std::string line;
};

class DamagedLease : public ::testing::TestWithParam<DamagedCase> {};

TEST_P(DamagedLease, IsCountedAndTheOthersAreKept) {
    const LeaseFile file = parse_leases(kFirst + GetParam().line + '\n' + kSecond);
    EXPECT_EQ(file.damaged, 1U);
    EXPECT_EQ(file.text(), kFirst + kSecond);
}

INSTANTIATE_TEST_SUITE_P(
    Each, DamagedLease,
    ::testing::Values(
        DamagedCase{"Empty", ""}, DamagedCase{"Zeros", std::string(64, '\0')},
        DamagedCase{"Binary", "\xff\xfe\x80 \x01\x02 \xc3\x28 \xa0\xa1 *"},
        DamagedCase{"Words", "this is no lease at all"},
        DamagedCase{"AFieldMissing", "1795568775 02:00:00:00:00:02 192.0.2.25 *"},
        DamagedCase{"AFieldTooMany", "1795568775 02:00:00:00:00:02 192.0.2.25 * * *"},
        DamagedCase{"TwoSpaces", "1795568775  02:00:00:00:00:02 192.0.2.25 * *"},
        DamagedCase{"ExpiryNoNumber", "17955687x5 02:00:00:00:00:02 192.0.2.25 * *"},
        DamagedCase{"ExpiryTooLarge", "99999999999999999999 02:00:00:00:00:02 192.0.2.25 * *"},
        DamagedCase{"ExpiryNegative", "-1 02:00:00:00:00:02 192.0.2.25 * *"},
        DamagedCase{"MacNoHexadecimal", "1795568775 02:00:00:00:00:0g 192.0.2.25 * *"},
        DamagedCase{"MacCutInAByte", "1795568775 02:00:00:00:00:0 192.0.2.25 * *"},
        DamagedCase{"MacEndsInColon", "1795568775 02:00:00:00:00: 192.0.2.25 * *"},
        DamagedCase{"AddressOutOfRange", "1795568775 02:00:00:00:00:02 192.0.2.256 * *"},
        DamagedCase{"NameWithAControl", "1795568775 02:00:00:00:00:02 192.0.2.25 a\x1b[2J *"},
        DamagedCase{"ClientIdNoBytes", "1795568775 02:00:00:00:00:02 192.0.2.25 * 01:zz"},
        DamagedCase{"TheAddressOfAnother", "1795568775 02:00:00:00:00:02 192.0.2.23 * *"}),
    [](const auto& test) { return test.param.name; });

// dnsmasq writes the file in place: a machine that stops may leave any beginning of it.
TEST(Leases, OfAFileCutAnywhereAreKeptAsFarAsTheyAreSure) {
    const std::string whole = kSecond + kFirst;
    const std::size_t address_ends = kSecond.size() + kFirst.find(" *") + 1;
    for (std::size_t length = kSecond.size(); length < whole.size(); ++length) {
        const LeaseFile file = parse_leases(whole.substr(0, length));
        EXPECT_EQ(file.damaged, length == kSecond.size() ? 0U : 1U) << length;
        EXPECT_EQ(file.text(), length < address_ends
                                   ? kSecond
                                   : kSecond + "1795568775 4e:bd:0e:cb:6b:5b 192.0.2.23 * *\n")
            << length;
    }
}

TEST(Leases, KeepTheNameWhereOnlyTheClientIdIsCut) {
    const LeaseFile file = parse_leases("1795568775 4e:bd:0e:cb:6b:5b 192.0.2.23 web-1 01:4e:b");
    EXPECT_EQ(file.text(), "1795568775 4e:bd:0e:cb:6b:5b 192.0.2.23 web-1 *\n");
    EXPECT_EQ(file.damaged, 1U);
}

// What was kept is whole: the next look finds nothing to do.
TEST(Leases, AreWholeOnceMended) {
    for (const std::string& text : {kFirst + std::string("\0\xff\n\n garbage", 12) + kSecond,
                                    kFirst + kSecond.substr(0, 40)}) {
        const LeaseFile mended = parse_leases(parse_leases(text).text());
        EXPECT_EQ(mended.damaged, 0U);
        EXPECT_FALSE(mended.leases.empty());
    }
}

}  // namespace
}  // namespace xgre
