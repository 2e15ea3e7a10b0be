// SPDX-License-Identifier: GPL-2.0-only
// Hosts ask each other through their tunnels whether they are there.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "loader/datapath.h"
#include "loader/pins.h"
#include "tests/e2e/lab.h"
#include "tests/e2e/tap_host.h"
#include "xgre/error.h"
#include "xgre/probe.h"
#include "xgre/self_test.h"

namespace xgre::test {
namespace {

using std::chrono::milliseconds;

bool always() {
    return true;
}

PeerState state_of(const Session& session) {
    return Instance::view(session).peers().at(0).liveness.state;
}

class ProbesBetweenHosts : public testing::TestWithParam<Path> {
protected:
    ProbesBetweenHosts() { lab.mesh("lan", 7, GetParam()); }

    ProbeResult ask(const ProbeSpec& spec = {.count = 3, .interval = milliseconds{1}}) {
        const auto results = probe(lab.host('a').session(), spec, always);
        EXPECT_EQ(results.size(), 1u);
        return results.at(0);
    }

    Lab lab;
};
INSTANTIATE_TEST_SUITE_P(, ProbesBetweenHosts, kBothPaths, path_name);

TEST_P(ProbesBetweenHosts, AreAnsweredByTheDataPathOfTheOther) {
    EXPECT_EQ(state_of(lab.host('a').session()), PeerState::unknown);
    const ProbeResult result = ask();
    EXPECT_EQ(result.sent, 3u);
    EXPECT_EQ(result.answered, 3u);
    EXPECT_GT(result.least.count(), 0);
    EXPECT_LE(result.least, result.mean);
    EXPECT_LE(result.mean, result.most);
    EXPECT_EQ(result.state, PeerState::up);
    EXPECT_EQ(result.xdp_there, GetParam() == Path::xdp);
    EXPECT_EQ(result.xdp_back, GetParam() == Path::xdp);
    EXPECT_EQ(state_of(lab.host('a').session()), PeerState::up);
    // Who was asked knows who asked.
    EXPECT_EQ(state_of(lab.host('b').session()), PeerState::heard);
    EXPECT_TRUE(lab.host('a').drops().empty());
    EXPECT_TRUE(lab.host('b').drops().empty());
}

TEST_P(ProbesBetweenHosts, NeverReachAVm) {
    Vm& vm = lab.join('b', "vm1", kVmB, "lan");
    Vm& other = lab.join('a', "vm2", kVmA, "lan");
    lab.settle(other, {&vm});
    vm.take();
    EXPECT_EQ(ask().answered, 3u);
    lab.settle(other, {&vm});
    EXPECT_EQ(vm.take(), std::vector<Packet>{});
    EXPECT_EQ(other.take(), std::vector<Packet>{});
}

TEST_P(ProbesBetweenHosts, AreAsLargeAsTheyAreToBe) {
    const std::uint32_t mtu = Instance::view(lab.host('a').session()).peers().at(0).mtu;
    EXPECT_EQ(ask({.count = 1, .mtu = mtu}).answered, 1u);
    const ProbeResult result = ask({.count = 1, .timeout = milliseconds{100}, .mtu = mtu + 1});
    EXPECT_EQ(result.sent, 0u);
    EXPECT_NE(result.refusal.find("larger than its MTU"), std::string::npos) << result.refusal;
    EXPECT_EQ(result.state, PeerState::up);
}

TEST_P(ProbesBetweenHosts, TellAHostWithoutTheTunnelFromOneThatIsDown) {
    lab.host('b').open().delete_peer({.address = lab.host('a').address(), .network = "lan"});
    const ProbeSpec spec{.count = 3, .timeout = milliseconds{50}, .interval = milliseconds{1}};
    ProbeResult result = ask(spec);
    EXPECT_EQ(result.answered, 0u);
    EXPECT_EQ(result.state, PeerState::down);
    EXPECT_EQ(result.host_answers, true);
    EXPECT_EQ(lab.host('b').verdicts("unknown-peer"), 3u);

    lab.host('b').netns().ip("link set uplink0 down");
    result = ask(spec);
    EXPECT_EQ(result.answered, 0u);
    EXPECT_EQ(result.host_answers, false);
}

// Frames come, and no answers: some other implementation of GRE.
TEST_P(ProbesBetweenHosts, TellAPeerThatIsNoXgre) {
    const TapHost host;
    host.build(TapHost::attach_spec());
    ASSERT_TRUE(host.send(TapHost::kWire, from_host_b(eth(kVmC, kVmA) / payload(60))));
    EXPECT_EQ(state_of(host.session()), PeerState::heard);
    const auto results =
        probe(host.session(), {.count = 3, .timeout = milliseconds{1}, .interval = milliseconds{1}},
              always);
    ASSERT_EQ(results.size(), 1u);
    EXPECT_EQ(results[0].state, PeerState::foreign);
    EXPECT_EQ(results[0].host_answers, false);
    EXPECT_EQ(state_of(host.session()), PeerState::foreign);
}

// It is an xgre, as it asks; but what we send it does not arrive.
TEST_P(ProbesBetweenHosts, TellAPeerThatIsHeardAndDoesNotHear) {
    lab.host('b').open().add_peer(
        {.address = lab.host('a').address(), .network = "lan", .ikey = OrNone<GreKey>{gre_key(8)}});
    const auto asked =
        probe(lab.host('b').session(),
              {.count = 1, .timeout = milliseconds{50}, .interval = milliseconds{1}}, always);
    EXPECT_EQ(asked.at(0).answered, 0u);
    // What came before says nothing of now.
    EXPECT_EQ(ask({.count = 3, .timeout = milliseconds{50}, .interval = milliseconds{1}}).state,
              PeerState::down);
    probe(lab.host('b').session(),
          {.count = 1, .timeout = milliseconds{50}, .interval = milliseconds{1}}, always);
    EXPECT_EQ(state_of(lab.host('a').session()), PeerState::one_way);
}

TEST_P(ProbesBetweenHosts, RefuseAnAddressThatIsNoPeer) {
    EXPECT_THROW(ask({.address = Ip4Addr{{198, 18, 0, 99}}}), Error);
    EXPECT_THROW(ask({.network = "nowhere"}), Error);
}

// ---- xgre test ------------------------------------------------------------------------------

class SelfTestOfALab : public ProbesBetweenHosts {
protected:
    SelfTestOfALab() {
        lab.join('a', "vm1", kVmA, "lan");
        lab.join('a', "vm2", kVmC, "lan");
        lab.join('b', "vm3", kVmB, "lan");
    }

    std::vector<SelfCheck> test(const SelfTestSpec& spec = {}) {
        std::vector<SelfCheck> checks;
        self_test(
            lab.host('a').session(), spec,
            [&checks](const SelfCheck& check) { checks.push_back(check); }, always);
        return checks;
    }
    static std::vector<std::string> of(const std::vector<SelfCheck>& checks, CheckResult result) {
        std::vector<std::string> lines;
        for (const SelfCheck& check : checks)
            if (check.result == result)
                lines.push_back(check.object + ", " + check.name + ": expected " + check.expected +
                                ", found " + check.found);
        return lines;
    }
    static bool mentions(const std::vector<std::string>& lines, std::string_view words) {
        return std::ranges::any_of(
            lines, [&](const std::string& line) { return line.find(words) != std::string::npos; });
    }
};
INSTANTIATE_TEST_SUITE_P(, SelfTestOfALab, kBothPaths, path_name);

TEST_P(SelfTestOfALab, PassesAndCountsNothingButItsProbes) {
    const auto before = Instance::view(lab.host('a').session()).stats();
    const auto checks = test({.frames = true, .probes = false});
    const auto after = Instance::view(lab.host('a').session()).stats();
    EXPECT_EQ(of(checks, CheckResult::failed), std::vector<std::string>{});
    EXPECT_EQ(of(checks, CheckResult::skipped), std::vector<std::string>{});
    EXPECT_GT(checks.size(), 20u);
    for (std::size_t i = 0; i < before.verdicts.size(); ++i)
        EXPECT_EQ(before.verdicts[i].packets, after.verdicts[i].packets)
            << before.verdicts[i].program << " " << before.verdicts[i].verdict;
    for (std::size_t i = 0; i < before.notes.size(); ++i)
        EXPECT_EQ(before.notes[i].count, after.notes[i].count) << before.notes[i].name;
}

TEST_P(SelfTestOfALab, KnowsNvgre) {
    for (const char host : {'a', 'b'}) {
        NetworkSpec network;
        network.name = "virtual";
        network.key = gre_key(5001);
        network.mode = NetworkMode::nvgre;
        lab.host(host).open().add_network(network);
        lab.host(host).open().add_peer(
            {.address = lab.host(host == 'a' ? 'b' : 'a').address(), .network = "virtual"});
    }
    lab.join('a', "vm4", kVmD, "virtual");
    const auto checks = test();
    EXPECT_EQ(of(checks, CheckResult::failed), std::vector<std::string>{});
    EXPECT_TRUE(std::ranges::any_of(checks, [](const SelfCheck& check) {
        return check.object.ends_with("of network virtual") &&
               check.result == CheckResult::passed && !check.program.empty();
    }));
    for (const PeerInfo& peer : Instance::view(lab.host('a').session()).peers())
        EXPECT_EQ(peer.options.ikey, gre_key(peer.network == "virtual" ? 5001 : 7));
}

TEST_P(SelfTestOfALab, SaysOnceThatTheUplinkIsDown) {
    lab.host('a').netns().ip("link set uplink0 down");
    const auto failed = of(test({.frames = true, .probes = false}), CheckResult::failed);
    ASSERT_EQ(failed.size(), 1u) << failed.at(1);
    EXPECT_TRUE(mentions(failed, "it is down or has none"));
}

TEST_P(SelfTestOfALab, TriesWhatGuardsAreToRefuse) {
    PortSpec port;
    port.device = Instance::view(lab.host('a').session()).ports().at(0).device;
    port.network = "lan";
    port.locked = port.dhcp_guard = port.ra_guard = true;
    lab.host('a').open().add_port(port);
    const auto checks = test({.frames = true, .probes = false});
    EXPECT_EQ(of(checks, CheckResult::failed), std::vector<std::string>{});
    const auto passed = of(checks, CheckResult::passed);
    for (const char* what : {"a DHCP server's message", "a DHCPv6 server's message",
                             "a router advertisement", "a redirect", "a MAC that is not its own"})
        EXPECT_TRUE(mentions(passed, what)) << what;
}

TEST_P(SelfTestOfALab, AsksThePeerAndTriesTheLargestThatFits) {
    const auto checks = test({.frames = false, .probes = true});
    EXPECT_EQ(of(checks, CheckResult::failed), std::vector<std::string>{});
    ASSERT_EQ(checks.size(), 2u);
    EXPECT_NE(checks[0].name.find("probe through the tunnel"), std::string::npos);
    EXPECT_NE(checks[1].name.find("as large as its MTU"), std::string::npos);
}

TEST_P(SelfTestOfALab, SaysWhatSizePassesWhereTheWayIsNarrow) {
    lab.middle().ip("link set to-b mtu 1400");
    const auto failed = of(test({.frames = false, .probes = true}), CheckResult::failed);
    ASSERT_EQ(failed.size(), 1u);
    // 1400 of the way, without 20 of IPv4, 8 of GRE and 14 of Ethernet.
    EXPECT_TRUE(mentions(failed, "the largest that passes both ways is 1358")) << failed[0];
}

TEST_P(SelfTestOfALab, FailsWhereThePeerIsNotReached) {
    lab.host('a').netns().ip("route add unreachable " + lab.host('b').address().format() + "/32");
    const auto failed = of(test(), CheckResult::failed);
    EXPECT_TRUE(mentions(failed, "found no-route"));
    EXPECT_TRUE(mentions(failed, "0 of 3 answered"));
}

// It has answered before, so it is no other implementation.
TEST_P(SelfTestOfALab, FailsWhereAnXgreHasGone) {
    EXPECT_EQ(ask().state, PeerState::up);
    Instance::detach(lab.host('b').session(), true);
    const auto failed = of(test({.frames = false, .probes = true}), CheckResult::failed);
    EXPECT_TRUE(mentions(failed, "0 of 3 answered; the host answers pings"));
    EXPECT_EQ(state_of(lab.host('a').session()), PeerState::down);
}

// No other implementation: nothing ever came from it.
TEST_P(SelfTestOfALab, FailsWhereThePeerHasAnotherKey) {
    lab.host('b').open().add_peer({.address = lab.host('a').address(),
                                   .network = "lan",
                                   .ikey = OrNone<GreKey>{gre_key(8)},
                                   .okey = OrNone<GreKey>{gre_key(8)}});
    const auto failed = of(test({.frames = false, .probes = true}), CheckResult::failed);
    EXPECT_TRUE(mentions(failed, "0 of 3 answered; the host answers pings"));
}

// The headers that the data path writes are wrong: bytes are compared, not only counters.
TEST_P(SelfTestOfALab, FailsWhereTheOuterHeaderIsWrong) {
    const Datapath datapath = Datapath::open(pins::directory(lab.host('a').session().instance));
    auto peer = datapath.peers().find(1).value();
    reinterpret_cast<std::uint8_t*>(&peer.outer)[15] ^= 1;  // of the source address
    datapath.peers().put(1, peer);
    const auto failed = of(test({.frames = true, .probes = false}), CheckResult::failed);
    EXPECT_TRUE(mentions(failed, "the IPv4 checksum is wrong"));
}

}  // namespace
}  // namespace xgre::test
