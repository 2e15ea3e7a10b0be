// SPDX-License-Identifier: GPL-2.0-only
#include "loader/device_probe.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <optional>
#include <string>

#include "loader/ethtool.h"
#include "loader/process.h"
#include "tests/loader/lab.h"

namespace xgre {
namespace {

using test::expect_error_about;
using test::FreshNetns;
using test::NamedNetns;
using test::open_tap;

class DeviceProbe : public test::LoaderTest {
protected:
    LinkInfo link(const char* name) { return NlSocket::open().get_link(name); }
};

TEST_F(DeviceProbe, GivesATapWithoutVnetHdrAPortProgram) {
    const Fd tap = open_tap("tap0");
    EXPECT_TRUE(probe_device(link("tap0")).xdp.ok);
    EXPECT_TRUE(probe_device(link("tap0")).transmit.ok);
}

TEST_F(DeviceProbe, GivesATapWithVnetHdrNoPortProgramButXdpFrames) {
    const Fd tap = open_tap("tap0", IFF_VNET_HDR);
    const XdpFitness port = probe_device(link("tap0")).xdp;
    EXPECT_FALSE(port.ok);
    EXPECT_FALSE(port.reason.empty());
    EXPECT_FALSE(port.remedy.empty());
    EXPECT_TRUE(probe_device(link("tap0")).transmit.ok);
}

TEST_F(DeviceProbe, GivesAVethAPortProgramOnlyWhenItsFarEndFinishesChecksumsAndTags) {
    NlSocket::open().create_veth("left", "right");
    const XdpFitness before = probe_device(link("left")).xdp;
    EXPECT_FALSE(before.ok);
    EXPECT_EQ(before.remedy, "ethtool -K right tx off txvlan off tx-vlan-stag-hw-insert off");
    // Its own setting is about what it sends, and says nothing.
    ethtool::set_tx_checksum("left", false);
    EXPECT_FALSE(probe_device(link("left")).xdp.ok);
    ethtool::set_tx_checksum("right", false);
    EXPECT_EQ(probe_device(link("left")).xdp.remedy,
              "ethtool -K right txvlan off tx-vlan-stag-hw-insert off");
    ethtool::set_tx_vlan("right", false);
    EXPECT_TRUE(probe_device(link("left")).xdp.ok);
}

TEST_F(DeviceProbe, LooksThroughANamedNamespaceAtAVethsFarEnd) {
    const NamedNetns other{"other"};
    NlSocket::open().create_veth("left", "right", open_netns(other.name()));
    const XdpFitness before = probe_device(link("left")).xdp;
    EXPECT_FALSE(before.ok);
    EXPECT_EQ(before.remedy,
              fmt::format("nsenter --net=/run/netns/{} ethtool -K right tx off txvlan off "
                          "tx-vlan-stag-hw-insert off",
                          other.name()));
    {
        const NetnsScope scope = other.enter();
        ethtool::set_tx_checksum("right", false);
        ethtool::set_tx_vlan("right", false);
    }
    const std::uint64_t here = netns_cookie();
    EXPECT_TRUE(probe_device(link("left")).xdp.ok);
    EXPECT_EQ(netns_cookie(), here);
}

// An index of the far namespace says nothing here: both have a device of that number.
TEST_F(DeviceProbe, DoesNotTakeADeviceOfTheSameNumberHereForTheFarEnd) {
    const NamedNetns other{"other"};
    NlSocket netlink = NlSocket::open();
    netlink.create_veth("left", "right", open_netns(other.name()));
    const int number = *link("left").peer_index;
    while (!netlink.find_link(number)) {
        const std::string name = fmt::format("more{}", netlink.list_links().size());
        netlink.create_veth(name, name + "x");
    }
    const auto end = far_end(link("left"));
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->name, "right");
}

TEST_F(DeviceProbe, LooksThroughAProcessAtAFarEndInANamelessNamespace) {
    NlSocket::open().create_veth("left", "right");
    const Fd here = open_current_netns();
    pid_t child = -1;
    {
        const FreshNetns nameless;
        child = start({{"sleep", "60"}}, std::chrono::milliseconds{0});
        const Fd there = open_current_netns();
        const NetnsScope back = NetnsScope::enter(here, "the first one");
        NlSocket::open().move_to_netns("right", there);
    }
    const auto end = far_end(link("left"));
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->netns_path, fmt::format("/proc/{}/ns/net", child));
    EXPECT_TRUE(stop(child, {"sleep", "60"}));
}

TEST_F(DeviceProbe, GivesAVethNoPortProgramWhenItsFarEndCannotBeSeen) {
    NlSocket::open().create_veth("left", "right");
    const Fd here = open_current_netns();
    std::optional<Fd> only_this;  // keeps a namespace with no name and no process
    {
        const FreshNetns hidden;
        only_this = open_current_netns();
        const NetnsScope back = NetnsScope::enter(here, "the first one");
        NlSocket::open().move_to_netns("right", *only_this);
    }
    EXPECT_FALSE(far_end(link("left")).has_value());
    EXPECT_FALSE(probe_device(link("left")).xdp.ok);
    EXPECT_FALSE(probe_device(link("left")).xdp.remedy.empty());
    EXPECT_FALSE(probe_device(link("left")).transmit.ok);
}

TEST_F(DeviceProbe, RedirectsIntoAVethOnlyWhenItsFarEndPolls) {
    NlSocket netlink = NlSocket::open();
    netlink.create_veth("left", "right");
    netlink.set_link_up("left");
    netlink.set_link_up("right");
    const XdpFitness before = probe_device(link("left")).transmit;
    EXPECT_FALSE(before.ok);
    EXPECT_EQ(before.remedy, "ethtool -K right gro on");
    // The near end's GRO is about frames it gets.
    ethtool::set_gro("left", true);
    EXPECT_FALSE(probe_device(link("left")).transmit.ok);
    ethtool::set_gro("right", true);
    EXPECT_TRUE(probe_device(link("left")).transmit.ok);
}

TEST_F(DeviceProbe, FarEndReportsGroAndChecksumOfTheOtherEnd) {
    NlSocket::open().create_veth("left", "right");
    ethtool::set_gro("right", true);
    ethtool::set_tx_checksum("right", false);
    ethtool::set_tx_vlan("right", false);
    const auto end = far_end(link("left"));
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->name, "right");
    EXPECT_EQ(end->netns_path, "");
    EXPECT_TRUE(end->gro);
    EXPECT_FALSE(end->tx_checksum);
    EXPECT_FALSE(end->tx_vlan);
    EXPECT_FALSE(end->has_xdp);
}

TEST_F(DeviceProbe, OnlyAVethHasAFarEnd) {
    const Fd tap = open_tap("tap0");
    EXPECT_FALSE(far_end(link("tap0")).has_value());
    EXPECT_FALSE(far_end(link("lo")).has_value());
}

TEST_F(DeviceProbe, RefusesADeviceWithoutEthernetFrames) {
    EXPECT_FALSE(probe_device(link("lo")).xdp.ok);
    EXPECT_FALSE(probe_device(link("lo")).transmit.ok);
}

TEST_F(DeviceProbe, RefusesAKindItKnowsNothingOfAndNamesIt) {
    const auto seconds = std::chrono::seconds{10};
    if (run({{"ip", "link", "add", "br0", "type", "bridge"}}, seconds).status != 0) {
        GTEST_SKIP() << "the kernel has no bridge";
    }
    const XdpFitness port = probe_device(link("br0")).xdp;
    EXPECT_FALSE(port.ok);
    EXPECT_NE(port.reason.find("bridge"), std::string::npos) << port.reason;
    EXPECT_FALSE(probe_device(link("br0")).transmit.ok);
}

TEST_F(DeviceProbe, ReadsTheXdpFeaturesOfATapWhereTheKernelTellsThem) {
    const Fd tap = open_tap("tap0");
    const auto features = xdp_features(link("tap0").index);
    if (!features) GTEST_SKIP() << "the kernel has no netdev netlink family";
    EXPECT_EQ(*features & (kXdpBasic | kXdpRedirect | kXdpNdoXmit),
              kXdpBasic | kXdpRedirect | kXdpNdoXmit);
}

TEST_F(DeviceProbe, SaysThatADeviceIsMissingWhereTheKernelTellsXdpFeatures) {
    if (!xdp_features(1)) GTEST_SKIP() << "the kernel has no netdev netlink family";
    expect_error_about("4711", [] { xdp_features(4711); });
}

}  // namespace
}  // namespace xgre
