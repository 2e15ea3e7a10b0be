// SPDX-License-Identifier: GPL-2.0-only
// Each check of `xgre doctor` on made-up facts: a host and an instance with which nothing is wrong,
// one thing that is changed, and the one finding that has to come of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "loader/doctor.h"
#include "loader/host_settings.h"

namespace xgre::doctor {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int kUplink = 2;
constexpr int kPort = 3;

LinkInfo link(int index, const char* name, std::uint32_t mtu) {
    LinkInfo info;
    info.index = index;
    info.name = name;
    info.ethernet = true;
    info.mac = Mac{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(index)}};
    info.mtu = mtu;
    info.up = info.running = true;
    return info;
}

HookInfo hooked() {
    HookInfo hook;
    hook.tc = "tcx";
    hook.xdp = "native";
    hook.xdp_transmit = true;
    return hook;
}

VerdictCount drop(const char* verdict, std::uint64_t packets) {
    return {"uplink_tc", verdict, "what it is", true, packets, packets * 100, 0};
}

MacFacts mac(std::uint8_t last, const char* owner, std::uint16_t vlan = 0) {
    return {"lan", vlan, Mac{{2, 0, 0, 0, 1, last}}, owner, false, false};
}

void count_everywhere(Facts& facts, const NoteCount& then, const NoteCount& now) {
    facts.instance->first.notes.push_back(then);
    facts.instance->second.notes.push_back(now);
}

DhcpInfo server() {
    DhcpInfo info;
    info.network = "lan";
    info.device = "tap0";
    return info;
}

InstanceFacts healthy_instance() {
    InstanceFacts facts;
    facts.info.instance = "default";
    facts.info.uplink = "eth0";
    facts.info.fdb_entries = 100;
    NetworkInfo network;
    network.name = "lan";
    network.mtu = 1458;
    network.ports = network.peers = 1;
    facts.info.networks.push_back(network);
    PortInfo port;
    port.device = "tap0";
    port.network = "lan";
    port.mac_limit = 10;
    port.hook = hooked();
    facts.info.ports.push_back(port);
    DeviceFacts uplink;
    uplink.name = "eth0";
    uplink.is_uplink = true;
    uplink.link = link(kUplink, "eth0", 1500);
    uplink.hook = hooked();
    DeviceFacts device;
    device.name = "tap0";
    device.network = "lan";
    device.link = link(kPort, "tap0", 1458);
    device.hook = hooked();
    facts.devices = {uplink, device};
    PeerFacts peer;
    peer.info.id = 1;
    peer.info.address = *IpAddr::parse("198.18.0.2");
    peer.info.network = "lan";
    peer.info.mtu = 1458;
    peer.info.options.mac_limit = 50;
    peer.info.traffic = {.rx_packets = 100, .rx_bytes = 10000, .tx_packets = 100, .tx_bytes = 1};
    peer.route = RouteInfo{kUplink, std::nullopt, 0};
    peer.route_device = "eth0";
    peer.neighbour = NeighbourInfo{Mac{{2, 0, 0, 0, 0, 0xaa}}, false, false};
    facts.info.peers.push_back(peer.info);
    facts.peers = {peer};
    for (Reading* reading : {&facts.first, &facts.second}) {
        reading->peers = {{1, peer.info.traffic}};
        reading->from_wire_by_cpu = {{0, 100}, {1, 0}};
        reading->macs = {mac(1, "port tap0"), mac(2, "peer 198.18.0.2")};
    }
    facts.seconds = 1;
    return facts;
}

Facts healthy() {
    Facts facts;
    facts.host.clock = "tsc";
    facts.host.features = {{"maps of type ringbuf", "for `xgre monitor`", true}};
    facts.instances = {"default"};
    facts.instance = healthy_instance();
    return facts;
}

std::vector<Finding> not_fine(const Facts& facts) {
    std::vector<Finding> findings = findings_of(facts);
    std::erase_if(findings, [](const Finding& f) { return f.severity == Severity::ok; });
    return findings;
}

struct Sickness {
    const char* name;
    std::function<void(Facts&)> make;
    Severity severity;
    const char* check;
    const char* object;
    const char* found;
    const char* way_out;
};

void PrintTo(const Sickness& sickness, std::ostream* stream) {
    *stream << sickness.name;
}

class Finds : public testing::TestWithParam<Sickness> {};

TEST(Doctor, FindsNothingWhereNothingIsWrong) {
    for (const Finding& finding : not_fine(healthy()))
        ADD_FAILURE() << finding.check << ": " << finding.object << ": " << finding.found;
}

TEST(Doctor, TellsWhatItFoundFine) {
    std::vector<std::string> checks;
    for (const Finding& finding : findings_of(healthy())) {
        checks.push_back(finding.check);
        EXPECT_THAT(finding.object, testing::Not(IsEmpty()));
        EXPECT_THAT(finding.found, testing::Not(IsEmpty()));
        EXPECT_THAT(finding.way_out, IsEmpty()) << finding.check;
    }
    EXPECT_THAT(checks, testing::IsSupersetOf({"privileges", "instance", "hooks", "carrier",
                                               "neighbour", "route", "fdb-room", "drops"}));
}

TEST_P(Finds, ExactlyThat) {
    const Sickness& sickness = GetParam();
    Facts facts = healthy();
    sickness.make(facts);
    const std::vector<Finding> findings = not_fine(facts);
    std::string all;
    for (const Finding& finding : findings)
        all += finding.check + ": " + finding.object + ": " + finding.found + '\n';
    ASSERT_EQ(findings.size(), 1U) << all;
    const Finding& finding = findings.front();
    EXPECT_EQ(finding.severity, sickness.severity) << name_of(finding.severity);
    EXPECT_EQ(finding.check, sickness.check);
    EXPECT_THAT(finding.object, HasSubstr(sickness.object));
    EXPECT_THAT(finding.found, HasSubstr(sickness.found));
    EXPECT_THAT(finding.way_out, HasSubstr(sickness.way_out));
}

std::string name_of_sickness(const testing::TestParamInfo<Sickness>& info) {
    return info.param.name;
}

DeviceFacts& uplink_of(Facts& facts) {
    return facts.instance->devices[0];
}
DeviceFacts& port_of(Facts& facts) {
    return facts.instance->devices[1];
}
PeerFacts& peer_of(Facts& facts) {
    return facts.instance->peers[0];
}

INSTANTIATE_TEST_SUITE_P(
    OfTheHost, Finds,
    testing::Values(
        Sickness{"MissingPrivileges", [](Facts& f) { f.host.missing_capabilities = {"CAP_BPF"}; },
                 Severity::problem, "privileges", "host", "CAP_BPF missing", "as root"},
        Sickness{"NoBpfFileSystem", [](Facts& f) { f.host.has_bpffs = false; }, Severity::problem,
                 "bpf-file-system", "host", "/sys/fs/bpf", "mount -t bpf"},
        Sickness{"NoBtf", [](Facts& f) { f.host.has_btf = false; }, Severity::problem, "btf",
                 "host", "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"},
        Sickness{
            "AFeatureThatTheKernelLacks",
            [](Facts& f) { f.host.features.push_back({"helper bpf_loop", "for copies", false}); },
            Severity::problem, "kernel-features", "host", "no helper bpf_loop: for copies", "6.1"},
        Sickness{"NoTcx", [](Facts& f) { f.host.has_tcx = false; }, Severity::note, "tcx", "host",
                 "clsact", "6.6"},
        Sickness{"NoJit", [](Facts& f) { f.host.has_jit = false; }, Severity::warning, "jit",
                 "host", "bpf_jit_enable is 0", "sysctl net.core.bpf_jit_enable=1"},
        Sickness{"ASlowClock",
                 [](Facts& f) {
                     f.host.clock = "hpet";
                     f.host.clocks = {"hpet", "acpi_pm", "tsc"};
                 },
                 Severity::warning, "clock", "host", "clock source hpet", "`echo tsc >"},
        Sickness{"ASlowClockAndNoBetterOne",
                 [](Facts& f) {
                     f.host.clock = "acpi_pm";
                     f.host.clocks = {"acpi_pm"};
                 },
                 Severity::warning, "clock", "host", "clock source acpi_pm", "dmesg"},
        Sickness{"TimedPrograms", [](Facts& f) { f.host.times_programs = true; }, Severity::note,
                 "bpf-statistics", "host", "bpf_stats_enabled", "sysctl"},
        Sickness{"NoDnsmasq", [](Facts& f) { f.host.has_dnsmasq = false; }, Severity::note,
                 "dnsmasq", "host", "dnsmasq", "apt-get install dnsmasq-base"}),
    name_of_sickness);

INSTANTIATE_TEST_SUITE_P(OfTheInstance, Finds,
                         testing::Values(Sickness{"NoInstance",
                                                  [](Facts& f) {
                                                      f.instance.reset();
                                                      f.instances.clear();
                                                  },
                                                  Severity::note, "instance", "instance default",
                                                  "not attached",
                                                  "`xgre attach UPLINK --local ADDR`"},
                                         Sickness{"OnlyAnotherInstance",
                                                  [](Facts& f) {
                                                      f.instance.reset();
                                                      f.instances = {"blue"};
                                                  },
                                                  Severity::note, "instance", "instance default",
                                                  "there is blue", "`xgre --instance blue doctor`"},
                                         Sickness{"AnInstanceThatCannotBeOpened",
                                                  [](Facts& f) {
                                                      f.instance.reset();
                                                      f.unopened.emplace("instance default",
                                                                         "of version 3", "detach");
                                                  },
                                                  Severity::problem, "instance", "instance default",
                                                  "of version 3", "detach"}),
                         name_of_sickness);

INSTANTIATE_TEST_SUITE_P(
    OfDevices, Finds,
    testing::Values(
        Sickness{"AGoneUplink", [](Facts& f) { uplink_of(f).link.reset(); }, Severity::problem,
                 "device-gone", "uplink eth0", "gone", "xgre detach --all"},
        Sickness{"AGonePort", [](Facts& f) { port_of(f).link.reset(); }, Severity::problem,
                 "device-gone", "port tap0", "gone", "`xgre port add tap0`"},
        Sickness{"AnUplinkThatIsDown",
                 [](Facts& f) { uplink_of(f).link->up = uplink_of(f).link->running = false; },
                 Severity::problem, "carrier", "uplink eth0", "set down", "`ip link set eth0 up`"},
        Sickness{"AnUplinkWithoutCarrier", [](Facts& f) { uplink_of(f).link->running = false; },
                 Severity::problem, "carrier", "uplink eth0", "no carrier", "cable"},
        Sickness{"APortWithoutVm", [](Facts& f) { port_of(f).link->running = false; },
                 Severity::note, "carrier", "port tap0", "no carrier", "start the VM"},
        Sickness{"ALostLocalAddress",
                 [](Facts& f) { f.instance->missing_locals = {*IpAddr::parse("198.18.0.1")}; },
                 Severity::problem, "local-address", "uplink eth0", "198.18.0.1",
                 "`ip addr add 198.18.0.1/24 dev eth0`"},
        Sickness{"APortInABridge", [](Facts& f) { port_of(f).master = "br0"; }, Severity::problem,
                 "bridge", "port tap0", "belongs to br0", "`ip link set tap0 nomaster`"},
        Sickness{"AnUplinkInABridge", [](Facts& f) { uplink_of(f).master = "br0"; },
                 Severity::warning, "bridge", "uplink eth0", "belongs to br0", "nomaster"},
        Sickness{"IptablesOnABridgeThatIsTheUplink",
                 [](Facts& f) {
                     uplink_of(f).link->kind = "bridge";
                     f.instance->bridge_calls_iptables = true;
                 },
                 Severity::warning, "bridge", "uplink eth0", "bridge-nf-call-iptables",
                 "`sysctl net.bridge.bridge-nf-call-iptables=0`"},
        Sickness{"AHookThatIsMissing", [](Facts& f) { port_of(f).hook.tc = "none"; },
                 Severity::problem, "hooks", "port tap0", "took our TC program off",
                 "`xgre port add tap0`"},
        Sickness{"ADetourThatIsMissing", [](Facts& f) { f.instance->has_detour = false; },
                 Severity::problem, "hooks", "detour", "gone or down", "`xgre attach eth0"},
        Sickness{"AProgramBeforeOurs", [](Facts& f) { uplink_of(f).before = {{12, "shaper", 0}}; },
                 Severity::warning, "programs-before", "uplink eth0", "shaper (id 12)",
                 "bpftool net show dev eth0"},
        Sickness{"AForeignXdpProgram",
                 [](Facts& f) { uplink_of(f).foreign_xdp = {{12, "filter", 0}}; },
                 Severity::warning, "foreign-xdp", "uplink eth0", "filter (id 12)",
                 "`ip link set eth0 xdp off`"},
        Sickness{"AForeignXdpProgramInALink",
                 [](Facts& f) { uplink_of(f).foreign_xdp = {{12, "filter", 7}}; },
                 Severity::warning, "foreign-xdp", "uplink eth0", "held by link 7",
                 "`bpftool link detach id 7`"},
        Sickness{"ADriverWithoutXdp",
                 [](Facts& f) {
                     uplink_of(f).hook.xdp = "none";
                     uplink_of(f).hook.reason = "its driver has no XDP";
                 },
                 Severity::note, "xdp", "uplink eth0", "its driver has no XDP", ""},
        Sickness{"XdpOnADeviceThatIsUnfitByNow",
                 [](Facts& f) {
                     port_of(f).hook.reason = "its far end sends frames with checksums to fill in";
                     port_of(f).hook.remedy = "ethtool -K eth0 tx off";
                 },
                 Severity::problem, "xdp", "port tap0", "checksums", "ethtool -K eth0 tx off"},
        Sickness{"ADeviceThatXdpCannotSendInto",
                 [](Facts& f) {
                     port_of(f).hook.xdp_transmit = false;
                     port_of(f).hook.transmit_reason = "its far end has no GRO";
                     port_of(f).hook.transmit_remedy = "ethtool -K eth0 gro on";
                 },
                 Severity::note, "xdp", "port tap0", "no GRO", "gro on"},
        Sickness{"NoForwardingAtLoopback",
                 [](Facts& f) { f.instance->forwards_on_loopback = false; }, Severity::problem,
                 "loopback-forwarding", "host", "off at lo", "`xgre attach eth0"},
        Sickness{"AChainOfNftables",
                 [](Facts& f) { uplink_of(f).chains = {{"guard", "in", {"eth0"}, true}}; },
                 Severity::note, "netfilter", "uplink eth0", "chain in of nftables' table guard",
                 "xgre port add"},
        Sickness{"AGretap", [](Facts& f) { f.instance->gretaps = {"gre1"}; }, Severity::note,
                 "kernel-tunnels", "gre1", "gretap", "`ip link del gre1`"}),
    name_of_sickness);

INSTANTIATE_TEST_SUITE_P(
    OfPaths, Finds,
    testing::Values(
        Sickness{"APeerWithoutRoute", [](Facts& f) { peer_of(f).route.reset(); }, Severity::problem,
                 "route", "peer 198.18.0.2 of network lan", "no route",
                 "`ip route add 198.18.0.2 dev eth0`"},
        Sickness{"ARouteByAnotherDevice",
                 [](Facts& f) {
                     peer_of(f).route->ifindex = 9;
                     peer_of(f).route_device = "eth1";
                 },
                 Severity::problem, "route", "peer 198.18.0.2", "by eth1, not by the uplink eth0",
                 "ip route add"},
        Sickness{"APeerWithReversePathFilterAndAnotherRoute",
                 [](Facts& f) {
                     peer_of(f).route->ifindex = 9;
                     peer_of(f).info.options.rp_filter = true;
                 },
                 Severity::problem, "route", "peer 198.18.0.2", "nothing is taken from it either",
                 "ip route add"},
        Sickness{"ANeighbourThatFailed",
                 [](Facts& f) { peer_of(f).neighbour = NeighbourInfo{{}, false, true}; },
                 Severity::problem, "neighbour", "peer 198.18.0.2", "it does not answer to ARP",
                 "ping 198.18.0.2"},
        Sickness{"AGatewayThatFailed",
                 [](Facts& f) {
                     peer_of(f).route->gateway = IpAddr::parse("198.18.0.254");
                     peer_of(f).neighbour = NeighbourInfo{{}, false, true};
                 },
                 Severity::problem, "neighbour", "peer 198.18.0.2", "198.18.0.254", "ping"},
        Sickness{"ANeighbourThatIsBeingAsked",
                 [](Facts& f) { peer_of(f).neighbour = NeighbourInfo{{}, true, false}; },
                 Severity::warning, "neighbour", "peer 198.18.0.2", "not answered yet", "again"},
        Sickness{"APeerThatDoesNotAnswerProbes",
                 [](Facts& f) {
                     peer_of(f).info.liveness.state = PeerState::down;
                     peer_of(f).info.liveness.unanswered = 4;
                 },
                 Severity::problem, "probes", "peer 198.18.0.2", "the last 4 probes",
                 "peer probe 198.18.0.2"},
        Sickness{"APeerThatIsHeardAndDoesNotHear",
                 [](Facts& f) { peer_of(f).info.liveness.state = PeerState::one_way; },
                 Severity::problem, "probes", "peer 198.18.0.2", "its frames come", "peer show"},
        Sickness{"APeerThatNeverSaidAWord",
                 [](Facts& f) { f.instance->second.peers[1].rx_packets = 0; }, Severity::warning,
                 "answers", "peer 198.18.0.2", "none ever came", "protocol 47"},
        Sickness{"APeerThatSaysNothingNow",
                 [](Facts& f) { f.instance->second.peers[1].tx_packets += 1000; }, Severity::note,
                 "answers", "peer 198.18.0.2",
                 "1000 packets were sent to it in "
                 "1.0 s",
                 "protocol 47"},
        Sickness{"APathMtuThatARouterLowered",
                 [](Facts& f) {
                     peer_of(f).info.mtu_from = MtuSource::path;
                     peer_of(f).info.mtu = 1358;
                 },
                 Severity::warning, "path-mtu", "peer 198.18.0.2", "1358",
                 "`xgre network add lan --mtu 1358`"},
        Sickness{"ARouteMtu",
                 [](Facts& f) {
                     peer_of(f).info.mtu_from = MtuSource::route;
                     peer_of(f).info.mtu = 1358;
                 },
                 Severity::note, "path-mtu", "peer 198.18.0.2", "1358", "--mtu 1358"},
        Sickness{"ANetworkThatSaysMoreThanFits",
                 [](Facts& f) {
                     uplink_of(f).link->mtu = 1442;
                     peer_of(f).info.mtu = 1400;
                 },
                 Severity::warning, "network-mtu", "network lan", "its MTU is 1458, and 1400 fit",
                 "`ip link set eth0 mtu 1500`"},
        Sickness{"APortThatTakesLessThanItsNetwork", [](Facts& f) { port_of(f).link->mtu = 1400; },
                 Severity::warning, "port-mtu", "port tap0", "1400", "`ip link set tap0 mtu 1458`"},
        Sickness{"APortThatTakesMoreThanItsNetwork", [](Facts& f) { port_of(f).link->mtu = 1500; },
                 Severity::note, "port-mtu", "network lan", "tap0", "1458"}),
    name_of_sickness);

TEST(Doctor, FindsThatAPeersPacketsAreTakenForAStrangers) {
    Facts facts = healthy();
    facts.instance->second.peers[1].rx_packets = 0;
    for (Reading* reading : {&facts.instance->first, &facts.instance->second})
        reading->verdicts = {drop("unknown-peer", 70)};
    const auto findings = not_fine(facts);
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].check, "answers");
    EXPECT_EQ(findings[0].severity, Severity::problem);
    EXPECT_THAT(findings[0].found, HasSubstr("70 came that are of no peer"));
    EXPECT_THAT(findings[0].way_out, HasSubstr("compare the keys"));
    EXPECT_EQ(findings[1].object, "drop unknown-peer");
    EXPECT_EQ(findings[1].severity, Severity::note);
}

INSTANTIATE_TEST_SUITE_P(
    OfTables, Finds,
    testing::Values(
        Sickness{"AFdbThatRefuses",
                 [](Facts& f) { count_everywhere(f, {"fdb-full", "", 3}, {"fdb-full", "", 4}); },
                 Severity::problem, "fdb-room", "fdb", "2 of 100", "--fdb-size"},
        Sickness{"AnFdbThatWasFull",
                 [](Facts& f) { count_everywhere(f, {"fdb-full", "", 3}, {"fdb-full", "", 3}); },
                 Severity::note, "fdb-room", "fdb", "full before, for 3 frames", "--fdb-size"},
        Sickness{"AnFdbThatIsNearlyFull", [](Facts& f) { f.instance->info.fdb_entries = 2; },
                 Severity::problem, "fdb-room", "fdb", "2 of 2", "--fdb-size"},
        Sickness{"APortAtItsMacLimit", [](Facts& f) { f.instance->info.ports[0].learned = 10; },
                 Severity::warning, "mac-limit", "port tap0", "10 of 10",
                 "`xgre port add tap0 --mac-limit N`"},
        Sickness{"APeerAtItsMacLimit", [](Facts& f) { f.instance->info.peers[0].learned = 50; },
                 Severity::warning, "mac-limit", "peer 198.18.0.2 of network lan", "50 of 50",
                 "`xgre peer add 198.18.0.2 --network lan --mac-limit N`"},
        Sickness{"AMacThatFlaps",
                 [](Facts& f) {
                     count_everywhere(f, {"moved", "", 0}, {"moved", "", 9});
                     f.instance->second.macs[0].owner = "peer 198.18.0.2";
                 },
                 Severity::warning, "moves", "fdb",
                 "9 times in 1.0 s: 02:00:00:00:01:01 from port tap0 to peer 198.18.0.2",
                 "`xgre monitor --only fdb`"},
        Sickness{"AMacInTwoPlaces",
                 [](Facts& f) { f.instance->second.macs.push_back(mac(2, "port tap0", 5)); },
                 Severity::note, "twins", "network lan", "02:00:00:00:01:02",
                 "xgre fdb show --mac 02:00:00:00:01:02"},
        Sickness{"TheUnderlayInANetwork",
                 [](Facts& f) { f.instance->second.macs[0].mac = Mac{{2, 0, 0, 0, 0, 0xaa}}; },
                 Severity::warning, "loop", "network lan", "the MAC of peer 198.18.0.2",
                 "port tap0"},
        Sickness{"ANetworkWithoutPorts", [](Facts& f) { f.instance->info.networks[0].ports = 0; },
                 Severity::note, "networks", "network lan", "no port",
                 "`xgre port add DEV --network lan`"},
        Sickness{"ANetworkWithoutPeers", [](Facts& f) { f.instance->info.networks[0].peers = 0; },
                 Severity::note, "networks", "network lan", "no peer",
                 "`xgre peer add ADDR --network lan`"},
        Sickness{"ADhcpServerThatIsDead",
                 [](Facts& f) {
                     f.instance->dhcp.push_back(server());
                     f.instance->dhcp[0].problems = {"dnsmasq does not run; run `xgre dhcp start`"};
                 },
                 Severity::problem, "dhcp", "dhcp of network lan", "dnsmasq does not run",
                 "`xgre dhcp start`"},
        Sickness{"ADhcpServerBehindAGuardedPort",
                 [](Facts& f) {
                     f.instance->dhcp.push_back(server());
                     f.instance->info.ports[0].dhcp_guard = true;
                 },
                 Severity::problem, "dhcp", "dhcp of network lan", "port tap0",
                 "`xgre port add tap0 --dhcp-guard off`"}),
    name_of_sickness);

INSTANTIATE_TEST_SUITE_P(
    OfTraffic, Finds,
    testing::Values(
        Sickness{"DropsThatRise",
                 [](Facts& f) {
                     f.instance->first.verdicts = {drop("no-route", 5)};
                     f.instance->second.verdicts = {drop("no-route", 12)};
                 },
                 Severity::warning, "drops", "drop no-route", "7 frames in 1.0 s, 12 in all",
                 "ip route get PEER"},
        Sickness{"DropsThatWereAskedFor",
                 [](Facts& f) { f.instance->second.verdicts = {drop("isolated", 12)}; },
                 Severity::note, "drops", "drop isolated", "12 frames", "--isolated off"},
        Sickness{
            "DropsOfBefore",
            [](Facts& f) {
                f.instance->first.verdicts = f.instance->second.verdicts = {drop("too-large", 12)};
            },
            Severity::note, "drops", "drop too-large", "12 frames since it was attached", "MTU"},
        Sickness{"OneCpuThatDoesItAll",
                 [](Facts& f) {
                     f.instance->second.from_wire_by_cpu[1] += 50000;
                     f.instance->first.cpu_times[1] = {.total = 100, .softirq = 10};
                     f.instance->second.cpu_times[1] = {.total = 200, .softirq = 100};
                 },
                 Severity::warning, "one-cpu", "cpus", "CPU 1 took 100 % of 50000", "--spread all"},
        Sickness{"OneCpuThatHasTimeLeft",
                 [](Facts& f) { f.instance->second.from_wire_by_cpu[1] += 50000; }, Severity::note,
                 "one-cpu", "cpus", "CPU 1 took 100 % of 50000", "--spread all"},
        Sickness{"ACaptureThatWasKilled",
                 [](Facts& f) { f.instance->watched_by_nobody = {"capture"}; }, Severity::note,
                 "watched", "programs", "to an `xgre capture` that was killed",
                 "`xgre capture --seconds 0.1`"},
        Sickness{"AMonitorThatWasKilled",
                 [](Facts& f) { f.instance->watched_by_nobody = {"monitor"}; }, Severity::note,
                 "watched", "programs", "to an `xgre monitor` that was killed",
                 "`xgre monitor --seconds 0.1`"}),
    name_of_sickness);

TEST(Doctor, TellsNoCpuThatWorksAloneWhereFramesAreSpread) {
    Facts facts = healthy();
    facts.instance->second.from_wire_by_cpu[1] += 50000;
    facts.instance->info.spread_cpus = {0, 1};
    EXPECT_THAT(not_fine(facts), IsEmpty());
}

TEST(Doctor, TellsProblemsFirst) {
    Facts facts = healthy();
    facts.host.has_tcx = false;
    facts.host.has_jit = false;
    uplink_of(facts).link->running = false;
    const auto findings = findings_of(facts);
    EXPECT_EQ(findings[0].check, "carrier");
    EXPECT_EQ(findings[1].check, "jit");
    EXPECT_EQ(findings[2].check, "tcx");
    EXPECT_EQ(findings[3].severity, Severity::ok);
}

TEST(Doctor, WritesCommandsForTheInstanceAndTheHostThatItExamined) {
    Facts facts = healthy();
    facts.session = {.instance = "blue", .netns = "host-a"};
    port_of(facts).link->up = false;
    EXPECT_EQ(not_fine(facts).at(0).way_out,
              "`nsenter --net=/run/netns/host-a ip link set tap0 up`");
    port_of(facts).link->up = true;
    port_of(facts).hook.tc = "none";
    EXPECT_THAT(not_fine(facts).at(0).way_out,
                HasSubstr("`xgre --instance blue --netns host-a port add tap0`"));
}

TEST(MissingCapabilities, AreReadFromTheStatusOfAThread) {
    const auto missing = [](const char* status) {
        std::istringstream stream{status};
        return missing_capabilities(stream);
    };
    EXPECT_THAT(missing("Name:\txgre\nCapEff:\t000001ffffffffff\nSeccomp:\t0\n"), IsEmpty());
    EXPECT_THAT(missing("CapEff:\t0000000000001000\n"),
                testing::ElementsAre("CAP_BPF", "CAP_SYS_ADMIN"));
    EXPECT_THAT(missing("Name:\txgre\n"), testing::SizeIs(3));
}

}  // namespace
}  // namespace xgre::doctor
