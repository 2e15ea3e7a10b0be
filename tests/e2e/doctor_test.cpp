// SPDX-License-Identifier: GPL-2.0-only
// `xgre doctor` on hosts of which one thing is sick.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <functional>
#include <future>
#include <optional>
#include <ostream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "loader/netlink.h"
#include "loader/pins.h"
#include "tests/e2e/lab.h"
#include "tests/e2e/tap_host.h"
#include "xgre/abi.h"
#include "xgre/dhcp.h"
#include "xgre/doctor.h"
#include "xgre/map.h"

namespace xgre::test {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);  // uapi/linux/bpf.h, Linux 6.6
constexpr std::uint32_t kFirst = 1U << 3;                       // BPF_F_BEFORE
constexpr milliseconds kNoWait{0};

// Of the machine itself, which is as it is.
const std::set<std::string> kOfTheMachine{"tcx", "jit", "clock", "bpf-statistics", "dnsmasq"};

// Warnings and problems of the instance: check and finding.
std::multimap<std::string, Finding> sicknesses(const Session& session,
                                               milliseconds time = kNoWait) {
    std::multimap<std::string, Finding> found;
    for (Finding& finding : examine(session, {.time = time}))
        if (finding.severity >= Severity::warning && !kOfTheMachine.contains(finding.check))
            found.emplace(finding.check, std::move(finding));
    return found;
}

std::string text_of(const std::multimap<std::string, Finding>& findings) {
    std::string text;
    for (const auto& [check, finding] : findings)
        text += fmt::format("{} {}: {}: {} -> {}\n", name_of(finding.severity), check,
                            finding.object, finding.found, finding.way_out);
    return text;
}

std::set<std::string> checks_of(const std::multimap<std::string, Finding>& findings) {
    std::set<std::string> checks;
    for (const auto& [check, finding] : findings)
        checks.insert(check);
    return checks;
}

// r0 = -1 (TC: to the next program); exit
Fd load_tc(const char* name) {
    const std::array<bpf_insn, 2> code{
        {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}}};
    return Fd{
        bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, name, "GPL", code.data(), code.size(), nullptr)};
}

// Two hosts with a VM each, which have talked.
class Sick {
public:
    explicit Sick(Path path, const LabOptions& options = {}, TcHook hook = TcHook::automatic)
        : lab{options} {
        lab.mesh("lan", 7, path, hook);
        vm_a = &lab.join('a', "a1", kVmA, "lan", {.with_address = true, .mtu = 1458});
        vm_b = &lab.join('b', "b1", kVmB, "lan", {.with_address = true, .mtu = 1458});
        EXPECT_TRUE(vm_a->netns().ping(kVmB.ip));
    }

    Host& a() { return lab.host('a'); }
    Host& b() { return lab.host('b'); }
    const Netns& netns() { return a().netns(); }
    int ifindex(const std::string& device) {
        const auto scope = netns().enter();
        return NlSocket::open().get_link(device).index;
    }

    // Goes with the test.
    void keep(Fd fd) { kept_.push_back(std::move(fd)); }

    Lab lab;
    Vm* vm_a = nullptr;
    Vm* vm_b = nullptr;

private:
    std::vector<Fd> kept_;
};

// ---- Healthy ones --------------------------------------------------------------------------

struct Healthy {
    const char* name;
    Path path;
    TcHook hook;
    Middle middle;
};

void PrintTo(const Healthy& healthy, std::ostream* stream) {
    *stream << healthy.name;
}

class DoctorOf : public testing::TestWithParam<Healthy> {};

TEST_P(DoctorOf, AHealthyLabFindsNothing) {
    Sick lab{GetParam().path, {.middle = GetParam().middle}, GetParam().hook};
    EXPECT_TRUE(tcp_arrives_intact(lab.vm_a->netns(), lab.vm_b->netns(), kVmB.ip, 1 << 20));
    for (const char letter : {'a', 'b'}) {
        const auto found = sicknesses(lab.lab.host(letter).session(), milliseconds{200});
        EXPECT_THAT(checks_of(found), IsEmpty()) << text_of(found);
    }
}

INSTANTIATE_TEST_SUITE_P(
    , DoctorOf,
    testing::Values(Healthy{"ByTcx", Path::tc, TcHook::automatic, Middle::one_subnet},
                    Healthy{"ByClsact", Path::tc, TcHook::clsact, Middle::one_subnet},
                    Healthy{"ByXdp", Path::xdp, TcHook::automatic, Middle::one_subnet},
                    Healthy{"BehindRouters", Path::xdp, TcHook::automatic, Middle::router}),
    [](const auto& test) { return test.param.name; });

// ---- Sick ones -----------------------------------------------------------------------------

struct Sickness {
    const char* name;
    Path path;
    std::function<void(Sick&)> make;
    std::set<std::string> checks;  // all that has to be found; the first of `what` below
    const char* check;
    Severity severity;
    const char* object;
    const char* found;
    Middle middle = Middle::one_subnet;
    TcHook hook = TcHook::automatic;
};

void PrintTo(const Sickness& sickness, std::ostream* stream) {
    *stream << sickness.name;
}

class DoctorFinds : public testing::TestWithParam<Sickness> {};

TEST_P(DoctorFinds, ItAndNothingElse) {
    const Sickness& sickness = GetParam();
    Sick lab{sickness.path, {.middle = sickness.middle}, sickness.hook};
    sickness.make(lab);
    // What the kernel finds out by itself, as that nobody answers, takes a while.
    std::multimap<std::string, Finding> found;
    eventually([&] {
        found = sicknesses(lab.a().session());
        return checks_of(found) == sickness.checks;
    });
    EXPECT_EQ(checks_of(found), sickness.checks) << text_of(found);
    const auto finding = found.find(sickness.check);
    ASSERT_NE(finding, found.end()) << text_of(found);
    EXPECT_EQ(finding->second.severity, sickness.severity) << text_of(found);
    EXPECT_THAT(finding->second.object, HasSubstr(sickness.object));
    EXPECT_THAT(finding->second.found, HasSubstr(sickness.found));
    EXPECT_THAT(finding->second.way_out, testing::Not(IsEmpty()));
}

void detach_link(const std::string& pin) {
    const Fd link{bpf_obj_get(pin.c_str())};
    ASSERT_EQ(bpf_link_detach(link.get()), 0) << pin;
}

void attach_before_ours(Sick& lab, const char* device) {
    const Fd program = load_tc("shaper");
    const auto scope = lab.netns().enter();
    bpf_link_create_opts options{};
    options.sz = sizeof(options);
    options.flags = kFirst;
    Fd link{bpf_link_create(program.get(), lab.ifindex(device), kTcxIngress, &options)};
    ASSERT_TRUE(link.is_open());
    lab.keep(std::move(link));
}

void filter_before_ours(Sick& lab, const char* device) {
    const Fd program = load_tc("shaper");
    const auto scope = lab.netns().enter();
    bpf_tc_hook hook{};
    hook.sz = sizeof(hook);
    hook.ifindex = lab.ifindex(device);
    hook.attach_point = BPF_TC_INGRESS;
    bpf_tc_opts filter{};
    filter.sz = sizeof(filter);
    filter.prog_fd = program.get();
    filter.handle = 1;
    filter.priority = 1;  // as ours; the newest runs first
    ASSERT_EQ(bpf_tc_attach(&hook, &filter), 0);
}

void set_detour_down(Sick& lab) {
    const auto scope = lab.netns().enter();
    NlSocket netlink = NlSocket::open();
    for (const LinkInfo& link : netlink.list_links())
        if (link.name.starts_with("xg-") && link.name.ends_with("-in"))
            netlink.set_link_up(link.name, false);
}

// Only a change reaches the devices.
void forward_and_stop(Sick& lab) {
    lab.netns().sysctl("net/ipv4/ip_forward", "1");
    lab.netns().sysctl("net/ipv4/ip_forward", "0");
}

void set_mtu_of_network(Sick& lab, std::uint32_t mtu) {
    NetworkSpec spec;
    spec.name = "lan";
    spec.mtu = mtu;
    lab.a().open().add_network(spec);
}

INSTANTIATE_TEST_SUITE_P(
    OfDevices, DoctorFinds,
    testing::Values(Sickness{"AnUplinkThatIsDown",
                             Path::tc,
                             [](Sick& lab) { lab.netns().ip("link set uplink0 down"); },
                             {"carrier", "route"},
                             "carrier",
                             Severity::problem,
                             "uplink uplink0",
                             "set down"},
                    Sickness{"AnUplinkWithoutCarrier",
                             Path::tc,
                             [](Sick& lab) { lab.lab.middle().ip("link set to-a down"); },
                             {"carrier"},
                             "carrier",
                             Severity::problem,
                             "uplink uplink0",
                             "no carrier"},
                    Sickness{"AnUplinkThatIsGone",
                             Path::tc,
                             [](Sick& lab) { lab.netns().ip("link del uplink0"); },
                             {"device-gone"},
                             "device-gone",
                             Severity::problem,
                             "uplink uplink0",
                             "gone"},
                    Sickness{"ALostAddress",
                             Path::tc,
                             [](Sick& lab) { lab.netns().ip("addr flush dev uplink0"); },
                             {"local-address", "route"},
                             "local-address",
                             Severity::problem,
                             "uplink uplink0",
                             "198.18.0.1"},
                    Sickness{"APortThatIsDown",
                             Path::tc,
                             [](Sick& lab) { lab.netns().ip("link set v-a1 down"); },
                             {"carrier"},
                             "carrier",
                             Severity::problem,
                             "port v-a1",
                             "set down"},
                    Sickness{"APortThatIsGone",
                             Path::tc,
                             [](Sick& lab) { lab.netns().ip("link del v-a1"); },
                             {"device-gone"},
                             "device-gone",
                             Severity::problem,
                             "port v-a1",
                             "gone"},
                    Sickness{"APortInABridge",
                             Path::tc,
                             [](Sick& lab) {
                                 lab.netns().ip("link add br0 type bridge");
                                 lab.netns().ip("link set v-a1 master br0");
                             },
                             {"bridge"},
                             "bridge",
                             Severity::problem,
                             "port v-a1",
                             "br0"},
                    Sickness{"AHookThatSomebodyTookOff",
                             Path::tc,
                             [](Sick& lab) {
                                 detach_link(fmt::format("{}/tcx-{}",
                                                         pins::links(lab.a().session().instance),
                                                         lab.ifindex("v-a1")));
                             },
                             {"hooks"},
                             "hooks",
                             Severity::problem,
                             "port v-a1",
                             "took our TC program off"},
                    Sickness{
                        "AFilterThatSomebodyDeleted",
                        Path::tc,
                        [](Sick& lab) { lab.netns().run("tc filter del dev uplink0 ingress"); },
                        {"hooks"},
                        "hooks",
                        Severity::problem,
                        "uplink uplink0",
                        "took our TC program off",
                        Middle::one_subnet,
                        TcHook::clsact},
                    Sickness{"ADetourThatIsDown",
                             Path::tc,
                             [](Sick& lab) { set_detour_down(lab); },
                             {"hooks"},
                             "hooks",
                             Severity::problem,
                             "detour",
                             "gone or down"},
                    Sickness{"AProgramOfTcxBeforeOurs",
                             Path::tc,
                             [](Sick& lab) { attach_before_ours(lab, "uplink0"); },
                             {"programs-before"},
                             "programs-before",
                             Severity::warning,
                             "uplink uplink0",
                             "shaper (id"},
                    Sickness{"AFilterBeforeOurs",
                             Path::tc,
                             [](Sick& lab) { filter_before_ours(lab, "v-a1"); },
                             {"programs-before"},
                             "programs-before",
                             Severity::warning,
                             "port v-a1",
                             "shaper (id",
                             Middle::one_subnet,
                             TcHook::clsact},
                    Sickness{"AProgramOfTcxBeforeOurFilter",
                             Path::tc,
                             [](Sick& lab) { attach_before_ours(lab, "v-a1"); },
                             {"programs-before"},
                             "programs-before",
                             Severity::warning,
                             "port v-a1",
                             "shaper (id",
                             Middle::one_subnet,
                             TcHook::clsact},
                    Sickness{"AForeignXdpProgram",
                             Path::tc,
                             [](Sick& lab) { lab.keep(attach_xdp_pass(lab.netns(), "uplink0")); },
                             {"foreign-xdp"},
                             "foreign-xdp",
                             Severity::warning,
                             "uplink uplink0",
                             "pass (id"},
                    Sickness{"XdpOnAPortWhoseVmLeavesChecksums",
                             Path::xdp,
                             [](Sick& lab) { lab.vm_a->netns().offloads("eth0", "tx on"); },
                             {"xdp"},
                             "xdp",
                             Severity::problem,
                             "port v-a1",
                             "checksums to be filled in"},
                    Sickness{"NoForwardingAtLoopback",
                             Path::tc,
                             [](Sick& lab) { forward_and_stop(lab); },
                             {"loopback-forwarding"},
                             "loopback-forwarding",
                             Severity::problem,
                             "host",
                             "off at lo"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    OfPaths, DoctorFinds,
    testing::Values(Sickness{"ARouteByAnotherDevice",
                             Path::tc,
                             [](Sick& lab) {
                                 lab.netns().ip("link add other0 type veth peer name other1");
                                 lab.netns().ip("link set other0 up");
                                 lab.netns().ip("link set other1 up");
                                 lab.netns().ip("route add 198.18.0.2 dev other0");
                             },
                             {"route"},
                             "route",
                             Severity::problem,
                             "peer 198.18.0.2 of network lan",
                             "by other0, not by the uplink uplink0"},
                    Sickness{"NoRoute",
                             Path::tc,
                             [](Sick& lab) { lab.netns().ip("route del default"); },
                             {"route"},
                             "route",
                             Severity::problem,
                             "peer 198.18.0.129",
                             "no route",
                             Middle::router},
                    Sickness{"APeerThatIsOff",
                             Path::tc,
                             [](Sick& lab) {
                                 lab.b().netns().ip("link set uplink0 down");
                                 lab.netns().ip("neigh flush dev uplink0");
                                 lab.netns().try_run("ping -n -q -c 1 -W 4 198.18.0.2");
                             },
                             {"neighbour"},
                             "neighbour",
                             Severity::problem,
                             "peer 198.18.0.2",
                             "does not answer to ARP"},
                    Sickness{"ALowerPathMtu",
                             Path::tc,
                             [](Sick& lab) {
                                 lab.lab.middle().ip("link set to-b mtu 1400");
                                 lab.b().netns().ip("link set uplink0 mtu 1400");
                                 lab.vm_a->send(eth(kVmA, kVmB) / payload(1450));
                             },
                             {"path-mtu"},
                             "path-mtu",
                             Severity::warning,
                             "peer 198.18.0.129",
                             "1358",
                             Middle::router},
                    Sickness{"AnUplinkWhoseMtuWasLowered",
                             Path::tc,
                             [](Sick& lab) {
                                 set_mtu_of_network(lab, 1458);
                                 lab.netns().ip("link set uplink0 mtu 1400");
                             },
                             {"network-mtu"},
                             "network-mtu",
                             Severity::warning,
                             "network lan",
                             "its MTU is 1458, and 1358 fit"},
                    Sickness{"AnUplinkThatLeavesNoRoomForIp6",
                             Path::tc,
                             [](Sick& lab) { lab.netns().ip("link set uplink0 mtu 1300"); },
                             {"path-mtu"},
                             "path-mtu",
                             Severity::warning,
                             "peer 198.18.0.2",
                             "IPv6 of VMs needs 1280"},
                    Sickness{"APortWithASmallMtu",
                             Path::tc,
                             [](Sick& lab) { lab.netns().ip("link set v-a1 mtu 1300"); },
                             {"port-mtu"},
                             "port-mtu",
                             Severity::warning,
                             "port v-a1",
                             "its MTU is 1300"}),
    [](const auto& test) { return test.param.name; });

void kill_dhcp_server(Sick& lab) {
    DhcpSpec spec;
    spec.network = "lan";
    spec.subnet = Subnet::parse("192.0.2.0/24");
    start_dhcp(lab.a().session(), spec);
    const auto server = show_dhcp(lab.a().session(), "lan").at(0);
    kill(server.pid.value(), SIGKILL);
    eventually([&] { return !show_dhcp(lab.a().session(), "lan").at(0).running; });
}

void send_from(const Vm& vm, std::uint8_t macs) {
    for (std::uint8_t i = 0; i < macs; ++i) {
        Station stranger = kVmC;
        stranger.mac.bytes[5] = static_cast<std::uint8_t>(0x40 + i);
        vm.send(eth(stranger.mac, kBroadcast) / payload(60));
    }
}

INSTANTIATE_TEST_SUITE_P(
    OfTables, DoctorFinds,
    testing::Values(Sickness{"APortAtItsMacLimit",
                             Path::tc,
                             [](Sick& lab) {
                                 PortSpec spec;
                                 spec.device = "v-a1";
                                 spec.mac_limit = 3;
                                 lab.a().open().add_port(spec);
                                 send_from(*lab.vm_a, 5);
                             },
                             {"mac-limit"},
                             "mac-limit",
                             Severity::warning,
                             "port v-a1",
                             "3 of 3"},
                    Sickness{"TheUnderlayInANetwork",
                             Path::tc,
                             [](Sick& lab) {
                                 const MacAddress uplink = lab.netns().mac_of("uplink0");
                                 lab.vm_a->send(eth(uplink, kBroadcast) / payload(60));
                             },
                             {"loop"},
                             "loop",
                             Severity::warning,
                             "network lan",
                             "the MAC of the uplink"},
                    Sickness{"ADhcpServerThatIsDead",
                             Path::tc,
                             kill_dhcp_server,
                             {"dhcp"},
                             "dhcp",
                             Severity::problem,
                             "dhcp of network lan",
                             "dnsmasq"},
                    Sickness{"ADhcpServerThatMayNotAnswer",
                             Path::tc,
                             [](Sick& lab) {
                                 DhcpSpec spec;
                                 spec.network = "lan";
                                 spec.subnet = Subnet::parse("192.0.2.0/24");
                                 start_dhcp(lab.a().session(), spec);
                                 PortSpec port;
                                 port.device = show_dhcp(lab.a().session(), "lan").at(0).device;
                                 port.dhcp_guard = true;
                                 lab.a().open().add_port(port);
                             },
                             {"dhcp"},
                             "dhcp",
                             Severity::problem,
                             "dhcp of network lan",
                             "--dhcp-guard"}),
    [](const auto& test) { return test.param.name; });

// ---- What grows ----------------------------------------------------------------------------

// Traffic goes on while the doctor looks.
std::multimap<std::string, Finding> sicknesses_under(const Session& session,
                                                     const std::function<void()>& traffic) {
    auto found =
        std::async(std::launch::async, [&] { return sicknesses(session, milliseconds{500}); });
    while (found.wait_for(milliseconds{5}) != std::future_status::ready)
        traffic();
    return found.get();
}

TEST(Doctor, FindsAMacThatFlaps) {
    Sick lab{Path::tc};
    Vm& twin = lab.lab.join('a', "a2", kVmC, "lan", {.mtu = 1458});
    const auto found = sicknesses_under(lab.a().session(), [&] {
        lab.vm_a->send(eth(kVmD, kBroadcast) / payload(60));
        twin.send(eth(kVmD, kBroadcast) / payload(60));
    });
    EXPECT_EQ(checks_of(found), std::set<std::string>{"moves"}) << text_of(found);
    EXPECT_THAT(text_of(found), HasSubstr("addresses moved to another port or peer"));
}

TEST(Doctor, FindsAnFdbThatIsFull) {
    TapHost host;
    AttachSpec spec = TapHost::attach_spec();
    spec.fdb_entries = 4;
    host.build(spec);
    for (std::uint8_t i = 0; i < 8; ++i) {
        Station stranger = kVmC;
        stranger.mac.bytes[5] = static_cast<std::uint8_t>(0x40 + i);
        ASSERT_TRUE(host.send(TapHost::kVm0, eth(stranger.mac, kBroadcast) / payload(60)));
    }
    const auto found = sicknesses(host.session());
    EXPECT_TRUE(found.contains("fdb-room")) << text_of(found);
    EXPECT_THAT(text_of(found), HasSubstr("new addresses are not learned"));
}

TEST(Doctor, FindsAPeerWithAnotherKey) {
    Sick lab{Path::tc};
    PeerSpec peer{.address = lab.a().address(), .network = "lan"};
    peer.okey = OrNone<GreKey>{gre_key(9)};
    lab.b().open().add_peer(peer);
    const auto found = sicknesses_under(lab.a().session(), [&] {
        lab.vm_b->send(eth(kVmB, kBroadcast) / payload(60));
        lab.vm_a->send(eth(kVmA, kBroadcast) / payload(60));
    });
    EXPECT_EQ(checks_of(found), (std::set<std::string>{"answers", "drops"})) << text_of(found);
    EXPECT_THAT(text_of(found), HasSubstr("drop unknown-peer"));
}

TEST(Doctor, ComparesTheKeysOfAPeerThatIsNotHeard) {
    Lab lab;
    lab.mesh("lan", 7, Path::tc);
    PeerSpec peer{.address = lab.host('a').address(), .network = "lan"};
    peer.okey = OrNone<GreKey>{gre_key(9)};
    lab.host('b').open().add_peer(peer);
    Vm& a = lab.join('a', "a1", kVmA, "lan", {.mtu = 1458});
    Vm& b = lab.join('b', "b1", kVmB, "lan", {.mtu = 1458});
    const auto found = sicknesses_under(lab.host('a').session(), [&] {
        a.send(eth(kVmA, kBroadcast) / payload(60));
        b.send(eth(kVmB, kBroadcast) / payload(60));
    });
    EXPECT_THAT(text_of(found), HasSubstr("problem answers: peer 198.18.0.2 of network lan: "));
    EXPECT_THAT(text_of(found), HasSubstr("compare the keys"));
}

// ---- Firewalls -----------------------------------------------------------------------------

// What a host's firewall says is not asked about tunnel packets and frames of VMs, and so it is a
// note that it is there.
class Firewall : public testing::TestWithParam<Path> {};
INSTANTIATE_TEST_SUITE_P(, Firewall, kBothPaths, path_name);

TEST_P(Firewall, IsToldAndStopsNothing) {
    Sick lab{GetParam()};
    const auto drop_all = [&](std::string_view table, std::string_view hook) {
        lab.netns().run(fmt::format("nft add table {}", table));
        lab.netns().run(
            fmt::format("nft add chain {} c {{ type filter hook {} priority 0 ; policy drop ; }}",
                        table, hook));
    };
    drop_all("netdev a", "egress device v-a1");
    drop_all("netdev b", "ingress device v-a1");
    drop_all("inet c", "forward");
    drop_all("inet d", "input");
    drop_all("inet e", "output");
    EXPECT_TRUE(lab.vm_a->netns().ping(kVmB.ip));
    EXPECT_TRUE(lab.vm_a->netns().ping(kVmB.ip, 1400));

    std::vector<std::string> told;
    for (const Finding& finding : examine(lab.a().session(), {.time = kNoWait}))
        if (finding.check == "netfilter")
            told.push_back(name_of(finding.severity) + " " + finding.object + " " +
                           finding.found.substr(0, finding.found.find(" is at its ") + 18));
    EXPECT_THAT(told,
                testing::UnorderedElementsAre(
                    HasSubstr("note port v-a1 chain c of nftables' table a is at its egress"),
                    HasSubstr("note port v-a1 chain c of nftables' table b is at its ingress")))
        << testing::PrintToString(told);
}

// ---- What keeps it from looking ------------------------------------------------------------

TEST(Doctor, ExaminesTheHostWhereThereIsNoInstance) {
    const Netns netns{"bare"};
    const Session session{.instance = fmt::format("none{}", getpid() % 100000),
                          .netns = netns.name()};
    const auto findings = examine(session, {.time = kNoWait});
    const auto instance = std::ranges::find(findings, "instance", &Finding::check);
    ASSERT_NE(instance, findings.end());
    EXPECT_EQ(instance->severity, Severity::note);
    EXPECT_THAT(instance->found, HasSubstr("not attached"));
    EXPECT_NE(std::ranges::find(findings, "kernel-features", &Finding::check), findings.end());
    EXPECT_THAT(checks_of(sicknesses(session)), IsEmpty());
}

TEST(Doctor, FindsAnInstanceOfAnotherVersion) {
    TapHost host;
    host.build(TapHost::attach_spec());
    const Fd map{bpf_obj_get((pins::directory(host.session().instance) + "/maps/uplink").c_str())};
    const std::uint32_t key = 0;
    xgre_uplink row{};
    ASSERT_EQ(bpf_map_lookup_elem(map.get(), &key, &row), 0);
    row.abi_version += 1;
    ASSERT_EQ(bpf_map_update_elem(map.get(), &key, &row, BPF_ANY), 0);
    const auto found = sicknesses(host.session());
    row.abi_version -= 1;
    ASSERT_EQ(bpf_map_update_elem(map.get(), &key, &row, BPF_ANY), 0);
    EXPECT_EQ(checks_of(found), std::set<std::string>{"instance"}) << text_of(found);
    EXPECT_THAT(text_of(found), HasSubstr("problem instance: "));
    EXPECT_THAT(text_of(found), HasSubstr(fmt::format("of version {}", XGRE_ABI_VERSION + 1)));
}

TEST(Doctor, FindsThatAnInstanceIsOfAnotherNamespace) {
    TapHost host;
    host.build(TapHost::attach_spec());
    const Netns other{"other"};
    const auto found = sicknesses({.instance = host.session().instance, .netns = other.name()});
    EXPECT_EQ(checks_of(found), std::set<std::string>{"instance"}) << text_of(found);
    EXPECT_THAT(text_of(found), HasSubstr("add --netns " + host.netns().name()));
}

// Each entry of each map, as bytes, and of per-CPU maps each CPU's.
std::map<std::string, std::string> everything_in_maps(const Session& session) {
    std::map<std::string, std::string> maps;
    for (const MapDescription& map : describe_maps(session)) {
        if (map.type == "ringbuf" || map.type == "perf_event_array") continue;  // not to be read
        MapQuery query;
        query.all = query.raw = true;
        query.per_cpu = map.type.starts_with("percpu");
        for_each_entry(session, map.map.name, query, [&](std::span<const MapField> fields) {
            std::string& text = maps[map.map.name];
            for (const MapField& field : fields)
                text += fmt::format(" {}={}", field.name, field.value);
            text += '\n';
        });
    }
    return maps;
}

TEST(Doctor, ChangesNothing) {
    TapHost host;
    host.build(TapHost::attach_spec());
    host.must_xgre("port add vm1 --network lan");
    ASSERT_TRUE(host.carries_traffic());
    const std::string state = host.state();
    auto before = everything_in_maps(host.session());
    EXPECT_TRUE(before.contains("counters"));
    examine(host.session(), {.time = milliseconds{100}});
    auto after = everything_in_maps(host.session());
    // The sweep counts it up, which runs by itself every second.
    before.erase("generation");
    after.erase("generation");
    for (const auto& [name, entries] : after)
        EXPECT_TRUE(before[name] == entries) << name << " has changed";
    EXPECT_EQ(host.state(), state);
    EXPECT_THAT(host.repairs(), IsEmpty());
}

}  // namespace
}  // namespace xgre::test
