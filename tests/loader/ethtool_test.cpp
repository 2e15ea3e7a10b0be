// SPDX-License-Identifier: GPL-2.0-only
#include "loader/ethtool.h"

#include <gtest/gtest.h>

#include "tests/loader/lab.h"

namespace xgre {
namespace {

using test::expect_error_about;
using test::open_tap;

class Ethtool : public test::LoaderTest {
protected:
    Ethtool() { NlSocket::open().create_veth("left", "right"); }
};

TEST_F(Ethtool, SwitchesTxChecksumOffAndOnAndTsoFollows) {
    EXPECT_TRUE(ethtool::tx_checksum("left"));
    EXPECT_TRUE(ethtool::tso("left"));
    ethtool::set_tx_checksum("left", false);
    EXPECT_FALSE(ethtool::tx_checksum("left"));
    EXPECT_FALSE(ethtool::tso("left"));
    EXPECT_TRUE(ethtool::tx_checksum("right"));
    ethtool::set_tx_checksum("left", true);
    EXPECT_TRUE(ethtool::tx_checksum("left"));
}

TEST_F(Ethtool, SwitchesVlanTagsBesideTheBytesOffAndOn) {
    EXPECT_TRUE(ethtool::tx_vlan("left"));
    ethtool::set_tx_vlan("left", false);
    EXPECT_FALSE(ethtool::tx_vlan("left"));
    EXPECT_TRUE(ethtool::tx_vlan("right"));
    EXPECT_TRUE(ethtool::rx_vlan("left"));
    ethtool::set_tx_vlan("left", true);
    EXPECT_TRUE(ethtool::tx_vlan("left"));
}

TEST_F(Ethtool, SwitchesGroOnAndOff) {
    ethtool::set_gro("left", true);
    EXPECT_TRUE(ethtool::gro("left"));
    ethtool::set_gro("left", false);
    EXPECT_FALSE(ethtool::gro("left"));
}

TEST_F(Ethtool, NamesTheDriver) {
    const Fd tap = open_tap("tap0");
    EXPECT_EQ(ethtool::driver("left"), "veth");
    EXPECT_EQ(ethtool::driver("tap0"), "tun");
}

TEST_F(Ethtool, SaysWhichDeviceIsMissing) {
    expect_error_about("absent", [] { ethtool::tx_checksum("absent"); });
    expect_error_about("absent", [] { ethtool::set_tx_checksum("absent", false); });
    expect_error_about("absent", [] { ethtool::gro("absent"); });
    expect_error_about("absent", [] { ethtool::set_gro("absent", true); });
    expect_error_about("absent", [] { ethtool::tso("absent"); });
    expect_error_about("absent", [] { ethtool::driver("absent"); });
}

TEST_F(Ethtool, RefusesNamesThatWouldBeCut) {
    // Its first 15 characters are those of a device.
    const Fd tap = open_tap("fifteen-letters");
    expect_error_about("fifteen-letters-", [] { ethtool::gro("fifteen-letters-"); });
    expect_error_about("device", [] { ethtool::gro(""); });
}

TEST_F(Ethtool, SaysThatASettingOfTheLoopbackDeviceCannotChange) {
    expect_error_about("lo", [] { ethtool::set_tx_checksum("lo", false); });
}

}  // namespace
}  // namespace xgre
