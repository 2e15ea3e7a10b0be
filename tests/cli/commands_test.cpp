// SPDX-License-Identifier: GPL-2.0-only
// Every command, as an operator types it and as a script reads it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "loader/datapath.h"
#include "loader/pins.h"
#include "tests/cli/host.h"

namespace xgre::test {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

class Commands : public Host {
protected:
    // Asked again: says so on stderr, exits 0, changes nothing. case S08
    void expect_unchanged(std::string_view words, std::string_view said) const {
        const Json before = state();
        const Outcome outcome = xgre(words);
        EXPECT_EQ(outcome.exit, 0) << words << ": " << outcome;
        EXPECT_EQ(outcome.out, "");
        EXPECT_EQ(outcome.err, "xgre: " + std::string{said} + ", nothing changed\n");
        EXPECT_EQ(state(), before);
    }
    // The element of a list that has this.
    Json find(std::string_view words, const std::string& field, const Json& value) const {
        for (const Json& element : json(words)) {
            if (element.at(field) == value) return element;
        }
        ADD_FAILURE() << words << ": none has " << field << " " << value;
        return nullptr;
    }
};

TEST_F(Commands, AttachIsShownWithHookAndReason) {
    must("attach uplink0 --local 198.18.0.1 --xdp on");
    const Json show = json("show");
    EXPECT_EQ(show.at("instance"), instance);
    EXPECT_EQ(show.at("uplink"), "uplink0");
    EXPECT_EQ(show.at("local"), "198.18.0.1");
    EXPECT_FALSE(show.at("uplink_gone"));
    EXPECT_NE(show.at("tc"), "none");
    // The wire's far end leaves checksums to hardware that is not there.
    EXPECT_EQ(show.at("xdp"), "none");
    EXPECT_NE(show.at("xdp_reason"), nullptr);
    EXPECT_EQ(show.at("fdb_entries"), 65536);
    EXPECT_GT(show.at("memory"), 0);
    EXPECT_LT(show.at("memory"), 16 << 20);
    std::uint64_t memory = 0;
    for (const Json& map : show.at("maps"))
        memory += map.at("memory").get<std::uint64_t>();
    EXPECT_EQ(show.at("memory"), memory);
    const Outcome table = xgre("show --maps");
    EXPECT_EQ(table.exit, 0);
    EXPECT_THAT(table.out, HasSubstr(show.at("xdp_reason").get<std::string>()));
    EXPECT_THAT(table.out, HasSubstr("memory pinned"));
    EXPECT_THAT(table.out, HasSubstr("fdb"));
}

TEST_F(Commands, AttachTwiceIsOnce) {
    must("attach uplink0 --local 198.18.0.1");
    expect_unchanged("attach uplink0 --local 198.18.0.1",
                     "instance " + instance + " on uplink0: already attached");
}

TEST_F(Commands, AttachUpgradesInPlace) {
    set_up_lan();
    const Json before = state();
    const Outcome outcome = xgre("attach uplink0 --local 198.18.0.1 --upgrade");
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_EQ(state(), before);
}

TEST_F(Commands, AttachTakesItsChoices) {
    must("attach uplink0 --local 198.18.0.1 --xdp off --tc clsact --fdb-size 100");
    const Json show = json("show");
    EXPECT_EQ(show.at("tc"), "clsact");
    EXPECT_EQ(show.at("xdp"), "none");
    EXPECT_EQ(show.at("fdb_entries"), 100);
}

TEST_F(Commands, AttachSpreadsAndShowsOverWhatAndChangesIt) {
    ip("addr add 198.51.100.1/24 dev tap1");
    const std::string attach = "attach tap1 --local 198.51.100.1";
    must(attach);
    EXPECT_EQ(json("show").at("spread"), "auto");
    EXPECT_EQ(json("show").at("spread_cpus"), Json::array());
    EXPECT_THAT(xgre("show").out, HasSubstr("spread           auto: off\n"));
    must(attach + " --spread 0");
    EXPECT_EQ(json("show").at("spread"), "0");
    EXPECT_EQ(json("show").at("spread_cpus"), Json::array({0}));
    EXPECT_EQ(json("show").at("spread_notes"), Json::array());
    EXPECT_THAT(xgre("show").out, HasSubstr("spread           over CPUs 0\n"));
    expect_unchanged(attach, "instance " + instance + " on tap1: already attached");
    expect_unchanged(attach + " --spread 0", "instance " + instance + " on tap1: already attached");

    const Json before = state();
    const Outcome none = xgre(attach + " --spread 0,1023");
    EXPECT_EQ(none.exit, 1);
    EXPECT_THAT(none.err, HasSubstr("CPU 1023: this machine has none of this number; name some"));
    EXPECT_EQ(state(), before);

    must(attach + " --spread all");
    EXPECT_EQ(json("show").at("spread"), "all");
    EXPECT_FALSE(json("show").at("spread_cpus").empty());
    must(attach + " --spread off");
    EXPECT_EQ(json("show").at("spread"), "off");
    EXPECT_EQ(json("show").at("spread_cpus"), Json::array());
    EXPECT_THAT(xgre("show").out, HasSubstr("spread           off\n"));
}

TEST_F(Commands, DetachEndsAnInstanceWithoutNetworks) {
    must("attach uplink0 --local 198.18.0.1");
    must("detach");
    const Outcome again = xgre("detach");
    EXPECT_EQ(again.exit, 0);
    EXPECT_EQ(again.err, "xgre: instance " + instance + ": not there, nothing changed\n");
}

// case E04
TEST_F(Commands, DetachAllEndsAnInstanceWithNetworks) {
    set_up_lan();
    must("detach --all");
    const Outcome again = xgre("detach --all");
    EXPECT_EQ(again.exit, 0);
    EXPECT_EQ(again.err, "xgre: instance " + instance + ": not there, nothing changed\n");
}

TEST_F(Commands, NetworksComeAndGo) {
    must("attach uplink0 --local 198.18.0.1");
    EXPECT_EQ(json("network show"), Json::array());
    EXPECT_EQ(xgre("network show").out, "");
    must("network add lan --key 0xff --mtu 1400 --ageing 60");
    const Json lan = json("network show lan").at(0);
    EXPECT_EQ(lan.at("network"), "lan");
    EXPECT_EQ(lan.at("key"), 255);
    EXPECT_EQ(lan.at("mtu"), 1400);
    EXPECT_EQ(lan.at("mtu_is_set"), true);
    EXPECT_EQ(lan.at("ageing"), 60);
    EXPECT_EQ(lan.at("ports"), 0);
    EXPECT_EQ(lan.at("peers"), 0);
    expect_unchanged("network add lan --key 255", "network lan: already there");
    must("network add lan --key 255 --ageing 30");
    EXPECT_EQ(json("network show lan").at(0).at("ageing"), 30);
    EXPECT_EQ(json("network show lan").at(0).at("mtu"), 1400);
    must("network add plain");
    EXPECT_EQ(json("network show plain").at(0).at("key"), nullptr);
    EXPECT_EQ(json("network show").size(), 2U);
    must("network del lan");
    expect_unchanged("network del lan", "network lan: not there");
    EXPECT_EQ(json("network show").size(), 1U);
}

// case G02
TEST_F(Commands, NetworksTakeTheSmallestAndTheLargestKey) {
    must("attach uplink0 --local 198.18.0.1");
    must("network add least --key 0");
    must("network add most --key 4294967295");
    EXPECT_EQ(json("network show least").at(0).at("key"), 0);
    EXPECT_EQ(json("network show most").at(0).at("key"), 4294967295);
}

TEST_F(Commands, NetworksMayBeNamedLikeCommands) {
    must("attach uplink0 --local 198.18.0.1");
    must("network add show --key 1");
    must("network add add --key 2");
    EXPECT_EQ(json("network show show").size(), 1U);
}

TEST_F(Commands, PortsComeAndGo) {
    set_up_lan();
    const Json tap0 = find("port show", "device", "tap0");
    EXPECT_EQ(tap0.at("network"), "lan");
    EXPECT_EQ(tap0.at("gone"), false);
    EXPECT_NE(tap0.at("tc"), "none");
    EXPECT_EQ(tap0.at("mac_limit"), 0);
    EXPECT_EQ(tap0.at("learning"), true);
    EXPECT_EQ(tap0.at("flood"), true);
    EXPECT_EQ(tap0.at("static_macs"), Json::array());
    EXPECT_EQ(json("port show tap0").size(), 1U);
    EXPECT_EQ(json("port show --network two"), Json::array());
    expect_unchanged("port add tap0 --network lan", "port tap0: already there");
    expect_unchanged("port add tap0", "port tap0: already there");
    must("port del tap0 --network lan");
    expect_unchanged("port del tap0", "port tap0: not there");
    EXPECT_EQ(json("port show"), Json::array());
}

TEST_F(Commands, PortsTakeTheirSettingsAndGiveThemBack) {
    set_up_lan();
    must(
        "port add tap0 --isolated --locked on --no-learning --flood=off --mac-limit 5 "
        "--static 02:00:00:00:00:01 --static 02:00:00:00:00:02");
    Json tap0 = find("port show", "device", "tap0");
    EXPECT_EQ(tap0.at("isolated"), true);
    EXPECT_EQ(tap0.at("locked"), true);
    EXPECT_EQ(tap0.at("learning"), false);
    EXPECT_EQ(tap0.at("flood"), false);
    EXPECT_EQ(tap0.at("mac_limit"), 5);
    EXPECT_THAT(tap0.at("static_macs").get<std::vector<std::string>>(),
                ::testing::UnorderedElementsAre("02:00:00:00:00:01", "02:00:00:00:00:02"));
    expect_unchanged("port add --isolated tap0 --locked", "port tap0: already there");
    must("port add tap0 --isolated off --locked=off --learning --flood on --mac-limit 0");
    tap0 = find("port show", "device", "tap0");
    EXPECT_EQ(tap0.at("isolated"), false);
    EXPECT_EQ(tap0.at("locked"), false);
    EXPECT_EQ(tap0.at("learning"), true);
    EXPECT_EQ(tap0.at("flood"), true);
    EXPECT_EQ(tap0.at("mac_limit"), 0);
}

TEST_F(Commands, PortsTakeLimitsOnWhatTheyFlood) {
    set_up_lan();
    EXPECT_EQ(find("port show", "device", "tap0").at("broadcast_limit"), 0);
    must("port add tap0 --broadcast-limit 100 --unknown-limit 50");
    Json tap0 = find("port show", "device", "tap0");
    EXPECT_EQ(tap0.at("broadcast_limit"), 100);
    EXPECT_EQ(tap0.at("unknown_limit"), 50);
    EXPECT_THAT(xgre("port show").out, HasSubstr("broadcast:100,unknown:50"));
    expect_unchanged("port add tap0 --unknown-limit 50", "port tap0: already there");
    must("port add tap0 --broadcast-limit none --unknown-limit 0");
    tap0 = find("port show", "device", "tap0");
    EXPECT_EQ(tap0.at("broadcast_limit"), 0);
    EXPECT_EQ(tap0.at("unknown_limit"), 0);
}

TEST_F(Commands, PortsTakeGuards) {
    set_up_lan();
    EXPECT_EQ(find("port show", "device", "tap0").at("dhcp_guard"), false);
    must("port add tap0 --dhcp-guard on --ra-guard");
    Json tap0 = find("port show", "device", "tap0");
    EXPECT_EQ(tap0.at("dhcp_guard"), true);
    EXPECT_EQ(tap0.at("ra_guard"), true);
    EXPECT_THAT(xgre("port show").out, HasSubstr("dhcp,ra"));
    expect_unchanged("port add tap0 --dhcp-guard on", "port tap0: already there");
    must("port add tap0 --dhcp-guard off --ra-guard=off");
    tap0 = find("port show", "device", "tap0");
    EXPECT_EQ(tap0.at("dhcp_guard"), false);
    EXPECT_EQ(tap0.at("ra_guard"), false);
}

TEST_F(Commands, PortsAreBoundToLeasesAndAddresses) {
    set_up_lan();  // with a peer, which may have a DHCP server
    must("port add tap0 --lease-bound on --address 192.0.2.7 --address 2001:db8:2::7");
    Json tap0 = find("port show", "device", "tap0");
    EXPECT_EQ(tap0.at("lease_bound"), true);
    EXPECT_EQ(tap0.at("dhcp_guard"), true);
    EXPECT_EQ(tap0.at("addresses"), Json::array({"192.0.2.7", "2001:db8:2::7"}));
    EXPECT_EQ(tap0.at("leases"), Json::array());
    EXPECT_THAT(xgre("port show").out, HasSubstr("dhcp,lease"));
    expect_unchanged("port add tap0 --lease-bound", "port tap0: already there");
    must("port add tap0 --address none");
    EXPECT_EQ(find("port show", "device", "tap0").at("addresses"), Json::array());
    must("port add tap0 --lease-bound off");
    EXPECT_EQ(find("port show", "device", "tap0").at("lease_bound"), false);
}

TEST_F(Commands, PortsAreNotBoundToLeasesThatNobodyGives) {
    set_up_lan();
    must("peer del 198.18.0.2 --network lan");
    const Json before = state();
    const Outcome outcome = xgre("port add tap0 --lease-bound on");
    EXPECT_EQ(outcome.exit, 1);
    EXPECT_EQ(outcome.err,
              "xgre: port tap0: nobody gives leases in network lan: it has neither a DHCP server "
              "here nor a peer; `xgre dhcp start --network lan` or `xgre peer add` first, or name "
              "the port's addresses by --address\n");
    EXPECT_EQ(state(), before);
}

// case E01
TEST_F(Commands, PortsOfAVanishedDeviceWaitForItsReturn) {
    set_up_lan();
    must("port add tap0 --isolated on");
    ip("link del tap0");
    EXPECT_EQ(find("port show", "device", "tap0").at("gone"), true);
    EXPECT_THAT(xgre("port show").out, HasSubstr("gone"));
    ip("tuntap add tap0 mode tap");
    EXPECT_EQ(find("port show", "device", "tap0").at("gone"), true);
    const Outcome again = xgre("port add tap0");
    EXPECT_EQ(again.exit, 0) << again;
    EXPECT_THAT(again.err, ::testing::StartsWith("xgre: repaired: "));  // floods left it out
    const Json tap0 = find("port show", "device", "tap0");
    EXPECT_EQ(tap0.at("gone"), false);
    EXPECT_EQ(tap0.at("network"), "lan");
    EXPECT_EQ(tap0.at("isolated"), true);
}

TEST_F(Commands, PeersComeAndGo) {
    set_up_lan();
    const Json peer = find("peer show", "address", "198.18.0.2");
    EXPECT_EQ(peer.at("network"), "lan");
    EXPECT_EQ(peer.at("ikey"), 7);
    EXPECT_EQ(peer.at("okey"), 7);
    must("peer add 198.18.0.2 --network two");
    EXPECT_EQ(json("peer show 198.18.0.2").size(), 2U);
    EXPECT_EQ(json("peer show --network two").size(), 1U);
    expect_unchanged("peer add 198.18.0.2 --network lan",
                     "peer 198.18.0.2 of network lan: already there");
    must("peer del 198.18.0.2 --network lan");
    expect_unchanged("peer del 198.18.0.2 --network lan",
                     "peer 198.18.0.2 of network lan: not there");
    EXPECT_EQ(json("peer show").size(), 1U);
}

// case M05
TEST_F(Commands, PeersAreShownWithWhatFitsAndWhoSaysSo) {
    set_up_lan();
    const auto peer = [&] { return find("peer show", "address", "198.18.0.2"); };
    EXPECT_EQ(peer().at("mtu"), 1500 - 42);
    EXPECT_EQ(peer().at("mtu_from"), "uplink");
    EXPECT_EQ(peer().at("mtu_left"), nullptr);
    ip("route add 198.18.0.2/32 dev uplink0 mtu 1400");  // which forwarded packets need not fit
    EXPECT_EQ(peer().at("mtu_from"), "uplink");
    ip("route replace 198.18.0.2/32 dev uplink0 mtu lock 1400");
    EXPECT_EQ(peer().at("mtu"), 1400 - 42);
    EXPECT_EQ(peer().at("mtu_from"), "route");
    EXPECT_EQ(peer().at("mtu_left"), nullptr);
    const Datapath datapath = Datapath::open(pins::directory(instance));
    const std::uint32_t id = peer().at("id");
    const auto told = [&](std::uint32_t mtu, std::chrono::seconds left) {
        xgre_peer_state state{};
        state.path_mtu = mtu;
        state.path_until = static_cast<std::uint64_t>(
            std::chrono::nanoseconds{std::chrono::steady_clock::now().time_since_epoch() + left}
                .count());
        datapath.peer_states().put(id, state);
    };
    told(1450, std::chrono::seconds{600});
    EXPECT_EQ(peer().at("mtu_from"), "route");
    told(1300, std::chrono::seconds{600});
    EXPECT_EQ(peer().at("mtu"), 1300 - 42);
    EXPECT_EQ(peer().at("mtu_from"), "path");
    EXPECT_GT(peer().at("mtu_left"), 590);
    EXPECT_LE(peer().at("mtu_left"), 600);
    EXPECT_THAT(xgre("peer show").out, ContainsRegex("1258 +path \\([0-9]+ s\\)"));
    told(1300, std::chrono::seconds{-1});
    EXPECT_EQ(peer().at("mtu_from"), "route");
}

TEST_F(Commands, PeersCanBeToldHowTheyAreSpokenTo) {
    set_up_lan();
    must(
        "peer add 198.18.0.2 --network lan --ikey 42 --okey none --icsum on --oseq on --ttl "
        "inherit --tos 8 "
        "--df unset --rp-filter --mac-limit 12");
    const Json peer = find("peer show", "address", "198.18.0.2");
    EXPECT_EQ(peer.at("ikey"), 42);
    EXPECT_EQ(peer.at("okey"), nullptr);
    EXPECT_EQ(peer.at("icsum"), true);
    EXPECT_EQ(peer.at("iseq"), false);
    EXPECT_EQ(peer.at("oseq"), true);
    EXPECT_EQ(peer.at("ocsum"), false);
    EXPECT_EQ(peer.at("ttl"), "inherit");
    EXPECT_EQ(peer.at("tos"), 8);
    EXPECT_EQ(peer.at("df"), "unset");
    EXPECT_EQ(peer.at("rp_filter"), true);
    EXPECT_EQ(peer.at("mac_limit"), 12);
    EXPECT_EQ(peer.at("learned"), 0);
    EXPECT_EQ(peer.at("encap_limit"), nullptr);
    expect_unchanged("peer add 198.18.0.2 --network lan --ttl inherit",
                     "peer 198.18.0.2 of network lan: already there");
    must("peer add 198.18.0.2 --network lan --ttl 9");
    EXPECT_EQ(find("peer show", "address", "198.18.0.2").at("ttl"), 9);
    EXPECT_EQ(find("peer show", "address", "198.18.0.2").at("ikey"), 42);
}

// case F15
TEST_F(Commands, FdbShowsWhoIsWhere) {
    set_up_lan();
    must("fdb add 02:00:00:00:00:01 --network lan --port tap0");
    must("fdb add 02:00:00:00:00:01 --network lan --vlan 7 --peer 198.18.0.2");
    const Json behind_port = json("fdb show --vlan 0").at(0);
    EXPECT_EQ(behind_port, Json({{"mac", "02:00:00:00:00:01"},
                                 {"network", "lan"},
                                 {"vlan", 0},
                                 {"port", "tap0"},
                                 {"peer", nullptr},
                                 {"static", true},
                                 {"expired", false},
                                 {"age", nullptr}}));
    EXPECT_EQ(json("fdb show --peer 198.18.0.2").at(0).at("vlan"), 7);
    EXPECT_EQ(json("fdb show --port tap0").size(), 1U);
    EXPECT_EQ(json("fdb show --network two"), Json::array());
    EXPECT_EQ(json("fdb show --mac 02:00:00:00:00:01 --network lan").size(), 2U);
    EXPECT_EQ(json("fdb show --mac 02:00:00:00:00:02"), Json::array());
    EXPECT_THAT(xgre("fdb show").out, HasSubstr("static"));
}

// case F06
TEST_F(Commands, FdbEntriesComeAndGo) {
    set_up_lan();
    must("fdb add 02:00:00:00:00:01 --network lan --port tap0");
    expect_unchanged("fdb add 02:00:00:00:00:01 --network lan --port tap0",
                     "fdb entry 02:00:00:00:00:01 of network lan: already there");
    must("fdb add 02:00:00:00:00:01 --network lan --peer 198.18.0.2");
    EXPECT_EQ(json("fdb show").at(0).at("peer"), "198.18.0.2");
    must("fdb del 02:00:00:00:00:01 --network lan");
    expect_unchanged("fdb del 02:00:00:00:00:01 --network lan",
                     "fdb entry 02:00:00:00:00:01 of network lan: not there");
}

// case F07
TEST_F(Commands, FdbFlushSparesWhatIsStatic) {
    set_up_lan();
    must("fdb add 02:00:00:00:00:01 --network lan --port tap0");
    EXPECT_EQ(xgre("fdb flush").out, "0 entries flushed\n");
    EXPECT_EQ(json("fdb flush --network lan --port tap0 --vlan 0").at("flushed"), 0);
    EXPECT_EQ(json("fdb show").size(), 1U);
}

// case D03
TEST_F(Commands, DhcpStartsAndStops) {
    set_up_lan();
    EXPECT_EQ(json("dhcp show"), Json::array());
    must(
        "dhcp start --network lan --subnet 192.0.2.0/24 --range 192.0.2.100-192.0.2.199 "
        "--gateway 192.0.2.254 --dns 198.51.100.1 --host 02:00:00:00:00:01=192.0.2.7 "
        "--lease-time 600");
    const Json lan = json("dhcp show --network lan").at(0);
    EXPECT_EQ(lan.at("network"), "lan");
    EXPECT_EQ(lan.at("subnet"), "192.0.2.0/24");
    EXPECT_EQ(lan.at("range_first"), "192.0.2.100");
    EXPECT_EQ(lan.at("range_last"), "192.0.2.199");
    EXPECT_EQ(lan.at("gateway"), "192.0.2.254");
    EXPECT_EQ(lan.at("dns"), Json({"198.51.100.1"}));
    EXPECT_EQ(lan.at("hosts").at(0),
              Json({{"mac", "02:00:00:00:00:01"}, {"address", "192.0.2.7"}}));
    EXPECT_EQ(lan.at("running"), true);
    EXPECT_EQ(lan.at("problems"), Json::array());
    EXPECT_EQ(lan.at("leases"), Json::array());
    EXPECT_THAT(xgre("dhcp show").out, HasSubstr("192.0.2.100-192.0.2.199"));
    const Outcome again = xgre("dhcp start --network lan");
    EXPECT_EQ(again.exit, 0) << again;
    EXPECT_EQ(again.err, "xgre: dhcp of network lan: already running, nothing changed\n");
    must("dhcp stop --network lan");
    expect_unchanged("dhcp stop --network lan", "dhcp of network lan: not there");
    EXPECT_EQ(json("port show").size(), 1U);
}

TEST_F(Commands, DetachAllFromAnotherHostChangesNothing) {
    set_up_lan();
    must("dhcp start --network lan --subnet 192.0.2.0/24");
    const Json before = json("dhcp show");
    const Outcome outcome = run_xgre({"--instance", instance, "detach", "--all"});
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    EXPECT_EQ(json("dhcp show"), before);
    EXPECT_EQ(json("port show").size(), 2U);
}

// case S09
TEST_F(Commands, StatsHaveEveryVerdictAndCloseTheirSums) {
    set_up_lan();
    const Json stats = json("stats");
    std::uint64_t packets = 0;
    for (const Json& verdict : stats.at("verdicts")) {
        EXPECT_FALSE(verdict.at("help").get<std::string>().empty());
        packets += verdict.at("packets").get<std::uint64_t>();
    }
    const Json& sums = stats.at("sums");
    EXPECT_EQ(sums.at("in"), packets);
    EXPECT_EQ(sums.at("in").get<std::uint64_t>(),
              sums.at("delivered").get<std::uint64_t>() + sums.at("dropped").get<std::uint64_t>());
    EXPECT_EQ(stats.at("ports").at(0).at("rx_packets"), 0);
    EXPECT_EQ(stats.at("peers").at(0).at("tx_bytes"), 0);
    const Outcome quiet = xgre("stats");
    EXPECT_THAT(quiet.out, ::testing::Not(HasSubstr("unknown-peer")));
    EXPECT_THAT(quiet.out, HasSubstr("in 0 "));
    EXPECT_THAT(xgre("stats --all").out, HasSubstr("no peer has this source and key"));
}

TEST_F(Commands, StatsWatchEndsAfterACount) {
    set_up_lan();
    const Outcome outcome = xgre("--json stats --watch 0.1 --count 2");
    EXPECT_EQ(outcome.exit, 0) << outcome.err;
    std::istringstream lines{outcome.out};
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        const Json sample = Json::parse(line);
        EXPECT_EQ(sample.at("ports").at(0).at("rx_packets_per_second"), 0.0);
        EXPECT_GE(sample.at("seconds"), 0.1);
    }
    EXPECT_EQ(count, 2);
    // No control sequences where no terminal is.
    EXPECT_EQ(xgre("stats --watch 0.1 --count 1").out.find('\x1b'), std::string::npos);
}

TEST_F(Commands, StatsWatchEndsWellOnCtrlC) {
    set_up_lan();
    std::vector<std::string> arguments = globals();
    arguments.insert(arguments.end(), {"--json", "stats", "--watch", "0.1"});
    RunningXgre watch{arguments};
    EXPECT_TRUE(Json::accept(watch.line()));
    EXPECT_EQ(watch.end_by(SIGINT), 0);
}

TEST_F(Commands, GlobalsStandAnywhere) {
    set_up_lan();
    const Outcome outcome =
        run_xgre({"network", "--instance", instance, "show", "lan", "--json", "-n", netns});
    EXPECT_EQ(outcome.exit, 0) << outcome;
    EXPECT_EQ(Json::parse(outcome.out).at(0).at("network"), "lan");
}

TEST_F(Commands, VerboseSaysWhatWasDone) {
    must("attach uplink0 --local 198.18.0.1");
    const Outcome outcome = xgre("network add lan --key 7 --verbose");
    EXPECT_EQ(outcome.exit, 0);
    EXPECT_THAT(outcome.err, HasSubstr("xgre: network lan: done\n"));
}

}  // namespace
}  // namespace xgre::test
