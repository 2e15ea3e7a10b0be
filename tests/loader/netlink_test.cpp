// SPDX-License-Identifier: GPL-2.0-only
#include "loader/netlink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "loader/process.h"
#include "tests/loader/lab.h"

namespace xgre {
namespace {

using test::expect_error_about;
using test::NamedNetns;
using test::open_tap;

class Netlink : public test::LoaderTest {
protected:
    NlSocket netlink = NlSocket::open();
};

TEST_F(Netlink, FindsNoDeviceThatDoesNotExist) {
    EXPECT_EQ(netlink.find_link("absent").has_value(), false);
    EXPECT_EQ(netlink.find_link(4711).has_value(), false);
    EXPECT_EQ(netlink.find_link(0).has_value(), false);
    EXPECT_EQ(netlink.find_link(-1).has_value(), false);
    EXPECT_EQ(netlink.find_link("").has_value(), false);
    EXPECT_EQ(netlink.find_link("a-name-that-is-too-long").has_value(), false);
}

TEST_F(Netlink, SaysWhichDeviceIsMissing) {
    expect_error_about("absent", [&] { netlink.get_link("absent"); });
    expect_error_about("absent", [&] { netlink.set_link_up("absent"); });
    expect_error_about("absent", [&] { netlink.set_mtu("absent", 1400); });
    expect_error_about("absent", [&] { netlink.set_mac("absent", Mac{}); });
    expect_error_about("absent", [&] { netlink.rename("absent", "present"); });
    expect_error_about("absent", [&] { netlink.delete_link("absent"); });
    expect_error_about("absent", [&] { netlink.move_to_netns("absent", open_current_netns()); });
    expect_error_about("absent", [&] { netlink.add_address("absent", Ip4Addr{}, 24); });
    expect_error_about("absent", [&] { netlink.add_default_route("absent", Ip4Addr{}); });
}

TEST_F(Netlink, ReadsTheLoopbackDevice) {
    const LinkInfo lo = netlink.get_link("lo");
    EXPECT_EQ(lo.index, 1);
    EXPECT_EQ(lo.kind, "");
    EXPECT_FALSE(lo.ethernet);
    EXPECT_TRUE(lo.mac.is_zero());
    EXPECT_EQ(lo.mtu, 65536u);
    EXPECT_FALSE(lo.up);
    EXPECT_EQ(netlink.find_link(1)->name, "lo");
}

TEST_F(Netlink, TellsATapWithVnetHdrFromOneWithout) {
    const Fd plain = open_tap("plain");
    const Fd offloads = open_tap("offloads", IFF_VNET_HDR);
    const LinkInfo without = netlink.get_link("plain");
    EXPECT_EQ(without.kind, "tun");
    EXPECT_TRUE(without.ethernet);
    EXPECT_EQ(without.tun_is_tap, true);
    EXPECT_EQ(without.tun_vnet_hdr, false);
    EXPECT_EQ(netlink.get_link("offloads").tun_vnet_hdr, true);
}

TEST_F(Netlink, TellsATunFromATap) {
    const Fd tun{open("/dev/net/tun", O_RDWR | O_CLOEXEC)};
    ifreq request{};
    std::string{"tun0"}.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    ASSERT_EQ(ioctl(tun.get(), TUNSETIFF, &request), 0);
    const LinkInfo link = netlink.get_link("tun0");
    EXPECT_EQ(link.tun_is_tap, false);
    EXPECT_FALSE(link.ethernet);
}

TEST_F(Netlink, MakesAPairWhoseEndsKnowEachOther) {
    netlink.create_veth("left", "right");
    const LinkInfo left = netlink.get_link("left");
    const LinkInfo right = netlink.get_link("right");
    EXPECT_EQ(left.kind, "veth");
    EXPECT_TRUE(left.ethernet);
    EXPECT_EQ(left.peer_index, right.index);
    EXPECT_EQ(right.peer_index, left.index);
    EXPECT_EQ(left.peer_nsid, std::nullopt);
    EXPECT_EQ(left.tun_vnet_hdr, std::nullopt);
}

TEST_F(Netlink, MakesAPairAcrossNamespaces) {
    const NamedNetns other{"other"};
    const Fd handle = open_netns(other.name());
    netlink.create_veth("left", "right", handle);
    const LinkInfo left = netlink.get_link("left");
    ASSERT_TRUE(left.peer_nsid.has_value());
    EXPECT_EQ(netlink.nsid_of(handle), left.peer_nsid);
    EXPECT_FALSE(netlink.find_link("right").has_value());
    const NetnsScope scope = other.enter();
    EXPECT_EQ(NlSocket::open().get_link("right").index, left.peer_index);
}

TEST_F(Netlink, HasNoNumberForANamespaceItShares_NothingWith) {
    const NamedNetns other{"other"};
    EXPECT_EQ(netlink.nsid_of(open_netns(other.name())), std::nullopt);
}

TEST_F(Netlink, RefusesTheNumberOfAFileThatIsNoNamespace) {
    const Fd file{open("/dev/null", O_RDONLY | O_CLOEXEC)};
    expect_error_about("namespace", [&] { netlink.nsid_of(file); });
}

TEST_F(Netlink, RefusesAPairWhoseNameIsTakenAndMakesNeitherEnd) {
    netlink.create_veth("left", "right");
    expect_error_about("other", [&] { netlink.create_veth("other", "right"); });
    EXPECT_FALSE(netlink.find_link("other").has_value());
}

TEST_F(Netlink, RefusesNamesTheKernelWouldNotKeep) {
    expect_error_about("device ''", [&] { netlink.create_veth("", "right"); });
    expect_error_about("sixteen-letters-",
                       [&] { netlink.create_veth("left", "sixteen-letters-"); });
}

TEST_F(Netlink, ChangesMtuAddressNameAndState) {
    netlink.create_veth("left", "right");
    const Mac mac = *Mac::parse("02:00:5e:10:00:01");
    netlink.set_mtu("left", 1400);
    netlink.set_mac("left", mac);
    netlink.rename("left", "renamed");
    netlink.set_link_up("renamed");
    netlink.set_link_up("right");
    const LinkInfo link = netlink.get_link("renamed");
    EXPECT_EQ(link.mtu, 1400u);
    EXPECT_EQ(link.mac, mac);
    EXPECT_TRUE(link.up);
    EXPECT_TRUE(link.running);
    EXPECT_FALSE(netlink.find_link("left").has_value());
    netlink.set_link_up("renamed", false);
    EXPECT_FALSE(netlink.get_link("renamed").up);
}

TEST_F(Netlink, PassesOnTheKernelsOwnWordsForARefusal) {
    netlink.create_veth("left", "right");
    const auto error = test::error_of([&] { netlink.set_mtu("left", 10); });
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->cause(),
              "cannot set its MTU to 10: Invalid argument (mtu less than device minimum)");
}

TEST_F(Netlink, RefusesAGroupAddressForADevice) {
    netlink.create_veth("left", "right");
    expect_error_about("left", [&] { netlink.set_mac("left", Mac::broadcast()); });
}

TEST_F(Netlink, MovesADeviceToAnotherNamespace) {
    const NamedNetns other{"other"};
    netlink.create_veth("left", "right");
    netlink.move_to_netns("right", open_netns(other.name()));
    EXPECT_FALSE(netlink.find_link("right").has_value());
    const NetnsScope scope = other.enter();
    EXPECT_TRUE(NlSocket::open().find_link("right").has_value());
}

TEST_F(Netlink, DeletesADeviceAndItsFarEnd) {
    netlink.create_veth("left", "right");
    netlink.delete_link("left");
    EXPECT_FALSE(netlink.find_link("left").has_value());
    EXPECT_FALSE(netlink.find_link("right").has_value());
}

TEST_F(Netlink, ListsDevicesByTheHundredWithoutLosingOne) {
    for (int i = 0; i < 60; ++i) {
        netlink.create_veth(fmt::format("left{}", i), fmt::format("right{}", i));
    }
    EXPECT_EQ(netlink.list_links().size(), 121u);
}

TEST_F(Netlink, AddsAndListsAddresses) {
    netlink.create_veth("left", "right");
    const Ip4Addr address = *Ip4Addr::parse("198.18.0.1");
    netlink.add_address("left", address, 24);
    const auto addresses = netlink.list_addresses();
    ASSERT_EQ(addresses.size(), 1u);
    EXPECT_EQ(addresses.front().address, address);
    EXPECT_EQ(addresses.front().prefix_length, 24);
    EXPECT_EQ(addresses.front().ifindex, netlink.get_link("left").index);
    expect_error_about("left", [&] { netlink.add_address("left", address, 24); });
}

TEST_F(Netlink, AddsADefaultRouteOnlyByAGatewayItCanReach) {
    netlink.create_veth("left", "right");
    netlink.set_link_up("left");
    netlink.set_link_up("right");
    const Ip4Addr gateway = *Ip4Addr::parse("198.18.0.254");
    expect_error_about("left", [&] { netlink.add_default_route("left", gateway); });
    netlink.add_address("left", *Ip4Addr::parse("198.18.0.1"), 24);
    netlink.add_default_route("left", gateway);
    // 192.0.2.0/24 is no one's here: only a default route leads there.
    const Ended got = run({{"ip", "route", "get", "192.0.2.1"}}, std::chrono::seconds{10});
    EXPECT_EQ(got.status, 0) << got.diagnostics;
}

TEST_F(Netlink, TellsHowTheKernelWouldSendToAnAddress) {
    const Ip4Addr gateway{{198, 18, 0, 254}};
    const Ip4Addr near{{198, 18, 0, 9}};
    const Ip4Addr far{{203, 0, 113, 9}};
    netlink.set_link_up("lo");  // without a local address the kernel takes no gateway
    netlink.create_veth("left", "right");
    netlink.set_link_up("left");
    netlink.set_link_up("right");
    EXPECT_FALSE(netlink.route_to(near));
    netlink.set_host_route("left", near, std::nullopt);
    netlink.set_host_route("left", far, gateway);  // on the link, whatever the addresses say
    const int left = netlink.get_link("left").index;
    ASSERT_TRUE(netlink.route_to(near));
    EXPECT_EQ(netlink.route_to(near)->ifindex, left);
    EXPECT_FALSE(netlink.route_to(near)->gateway);
    ASSERT_TRUE(netlink.route_to(far));
    EXPECT_EQ(netlink.route_to(far)->gateway, gateway);
    EXPECT_EQ(netlink.route_to(far)->mtu, 0u);
    netlink.set_host_route("left", near, gateway, 1400);  // in the place of the one before
    EXPECT_EQ(netlink.route_to(near)->gateway, gateway);
    EXPECT_EQ(netlink.route_to(near)->mtu, 1400u);
    netlink.delete_host_route("left", near);
    EXPECT_FALSE(netlink.route_to(near));
    expect_error_about("left", [&] { netlink.delete_host_route("left", near); });
    expect_error_about("other", [&] { netlink.set_host_route("other", near, std::nullopt); });
}

TEST_F(Netlink, KnowsANeighbourThatItWasTold) {
    const Ip4Addr address{{198, 18, 0, 9}};
    const Mac mac{{2, 0, 0, 0, 0, 9}};
    netlink.create_veth("left", "right");
    netlink.set_link_up("left");
    const int left = netlink.get_link("left").index;
    EXPECT_FALSE(netlink.neighbour(left, address));
    netlink.add_neighbour("left", address, mac);
    EXPECT_EQ(netlink.neighbour(left, address), mac);
    netlink.delete_neighbour("left", address);
    EXPECT_FALSE(netlink.neighbour(left, address));
    expect_error_about("left", [&] { netlink.delete_neighbour("left", address); });
}

TEST_F(Netlink, KeepsToTheNamespaceItWasOpenedIn) {
    const Fd tap = open_tap("here");
    const NamedNetns other{"other"};
    const NetnsScope scope = other.enter();
    EXPECT_TRUE(netlink.find_link("here").has_value());
    EXPECT_FALSE(NlSocket::open().find_link("here").has_value());
}

TEST_F(Netlink, SeesTheMasterOfABridgePort) {
    const Fd tap = open_tap("port");
    const auto seconds = std::chrono::seconds{10};
    if (run({{"ip", "link", "add", "br0", "type", "bridge"}}, seconds).status != 0) {
        GTEST_SKIP() << "the kernel has no bridge";
    }
    ASSERT_EQ(run({{"ip", "link", "set", "port", "master", "br0"}}, seconds).status, 0);
    const LinkInfo bridge = netlink.get_link("br0");
    EXPECT_EQ(bridge.kind, "bridge");
    EXPECT_EQ(netlink.get_link("port").master, static_cast<std::uint32_t>(bridge.index));
}

}  // namespace
}  // namespace xgre
