// SPDX-License-Identifier: GPL-2.0-only
// What cannot be done: one clear line, exit 1, and everything as it was before.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "loader/fd.h"
#include "loader/netns.h"
#include "tests/cli/host.h"
#include "xgre/abi.h"

namespace xgre::test {
namespace {

struct Case {
    const char* name;
    const char* words;
    std::vector<const char*> said;
};

void PrintTo(const Case& bad, std::ostream* stream) {
    *stream << bad.words;
}

void expect_refused(const Outcome& outcome, const std::vector<const char*>& said) {
    EXPECT_EQ(outcome.exit, 1) << outcome;
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(is_error_line(outcome.err)) << outcome;
    for (const char* part : said) {
        EXPECT_NE(outcome.err.find(part), std::string::npos) << part << "\n" << outcome;
    }
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

// ---- On a host with a network ---------------------------------------------------------------

class Refused : public Host, public ::testing::WithParamInterface<Case> {};

TEST_P(Refused, InOneLineAndNothingIsChanged) {
    set_up_lan();
    const Json before = state();
    expect_refused(xgre(GetParam().words), GetParam().said);
    EXPECT_EQ(state(), before);
}

INSTANTIATE_TEST_SUITE_P(
    Attach, Refused,
    ::testing::Values(
        Case{"WithAnotherLocalAddress", "attach uplink0 --local 198.18.0.9", {"198.18.0.9"}},
        Case{"ToAnotherUplink", "attach tap1 --local 198.18.0.1", {"198.18.0.1"}},
        Case{"WithAnotherFdbSize",
             "attach uplink0 --local 198.18.0.1 --fdb-size 7",
             {"FDB", "65536"}},
        Case{"SpreadWithoutXdp",
             "attach uplink0 --local 198.18.0.1 --spread all",
             {"--spread", "XDP", "uplink0", "--xdp on"}},
        Case{"SpreadWhereXdpMustNotRun",
             "attach uplink0 --local 198.18.0.1 --spread 0 --xdp on",
             {"--spread", "XDP", "uplink0", "checksum"}},
        Case{"DetachWithNetworks", "detach", {"networks", "--all"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Network, Refused,
    ::testing::Values(
        Case{"DuplicateKey", "network add three --key 7", {"three", "lan", "key 7"}},
        Case{"DuplicateName", "network add lan --key 9", {"lan", "key 7"}},
        Case{"NvgreWithoutAKey", "network add three --mode nvgre", {"three", "--key"}},
        Case{"NvgreWithAKeyOf32Bits",
             "network add three --mode nvgre --key 16777216",
             {"three", "16777216", "VSID"}},
        Case{"NvgreInPlaceOfGre", "network add lan --mode nvgre --key 5000", {"lan", "key 7"}},
        Case{"MtuLargerThanTheTunnel", "network add three --key 9 --mtu 1500", {"1500"}},
        Case{"MtuSmallerThanIpv6Needs",
             "network add three --key 9 --mtu 1279",
             {"three", "1279", "IPv6", "1280"}},
        Case{"DelWithPorts", "network del lan", {"lan", "tap0"}},
        Case{"ShowOfNone", "network show nix", {"nix"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Port, Refused,
    ::testing::Values(
        Case{"MissingDevice", "port add nix --network lan", {"nix"}},
        Case{"MissingNetwork", "port add tap1 --network nix", {"network nix"}},
        Case{"WithoutANetwork", "port add tap1", {"tap1", "--network"}},
        Case{"InTwoNetworks", "port add tap0 --network two", {"tap0", "another network"}},
        Case{"TheUplink", "port add uplink0 --network lan", {"uplink0", "uplink"}},
        Case{"Loopback", "port add lo --network lan", {"lo"}},
        Case{"StaticGroupMac",
             "port add tap1 --network lan --static 01:00:5e:00:00:01",
             {"01:00:5e:00:00:01"}},
        Case{"StaticZeroMac",
             "port add tap1 --network lan --static 00:00:00:00:00:00",
             {"00:00:00:00:00:00"}},
        Case{"DelFromAnotherNetwork", "port del tap0 --network two", {"tap0", "lan", "two"}},
        Case{"ShowOfNone", "port show tap1", {"tap1"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Peer, Refused,
    ::testing::Values(
        Case{"MissingNetwork", "peer add 198.18.0.3 --network nix", {"network nix"}},
        Case{"Group", "peer add 224.0.0.1 --network lan", {"224.0.0.1"}},
        Case{"Broadcast", "peer add 255.255.255.255 --network lan", {"255.255.255.255"}},
        Case{"BroadcastOfTheSubnet", "peer add 198.18.0.255 --network lan", {"198.18.0.255"}},
        Case{"Unspecified", "peer add 0.0.0.0 --network lan", {"0.0.0.0"}},
        Case{"Loopback", "peer add 127.0.0.1 --network lan", {"127.0.0.1"}},
        Case{"ThisHost", "peer add 198.18.0.1 --network lan", {"198.18.0.1", "this host"}},
        Case{"OfAFamilyThatTheUplinkHasNot",
             "peer add 2001:db8:1::2 --network lan",
             {"2001:db8:1::2", "uplink0", "no IPv6 address", "--local"}},
        Case{"V6Group", "peer add ff02::1 --network lan", {"ff02::1"}},
        Case{"V6LinkLocal", "peer add fe80::1 --network lan", {"fe80::1"}},
        Case{"MappedV4", "peer add ::ffff:198.18.0.2 --network lan", {"198.18.0.2"}},
        Case{"FlowLabelOverIpv4",
             "peer add 198.18.0.3 --network lan --flow-label 1",
             {"198.18.0.3", "flow label"}},
        Case{"EncapLimitOverIpv4",
             "peer add 198.18.0.3 --network lan --encap-limit 4",
             {"198.18.0.3", "encapsulation limit"}},
        Case{"TosWithEcn", "peer add 198.18.0.3 --network lan --tos 9", {"TOS 9", "ECN"}},
        Case{"TtlZero", "peer add 198.18.0.2 --network lan --ttl 0", {"TTL", "1 to 255"}},
        // Its packets with key 7 are those of network lan.
        Case{"WithTheKeyOfItsOther",
             "peer add 198.18.0.2 --network two --ikey 7",
             {"198.18.0.2", "lan", "--ikey"}},
        Case{"ShowOfNone", "peer show 198.18.0.9", {"198.18.0.9"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Fdb, Refused,
    ::testing::Values(
        Case{"GroupMac",
             "fdb add 01:00:5e:00:00:01 --network lan --port tap0",
             {"01:00:5e:00:00:01"}},
        Case{"BroadcastMac",
             "fdb add ff:ff:ff:ff:ff:ff --network lan --port tap0",
             {"ff:ff:ff:ff:ff:ff"}},
        Case{"ZeroMac",
             "fdb add 00:00:00:00:00:00 --network lan --port tap0",
             {"00:00:00:00:00:00"}},
        Case{"MissingNetwork",
             "fdb add 02:00:00:00:00:01 --network nix --port tap0",
             {"network nix"}},
        Case{"MissingPort", "fdb add 02:00:00:00:00:01 --network lan --port tap1", {"port tap1"}},
        Case{"MissingPeer",
             "fdb add 02:00:00:00:00:01 --network lan --peer 198.18.0.9",
             {"peer 198.18.0.9"}},
        Case{"PortOfAnotherNetwork",
             "fdb add 02:00:00:00:00:01 --network two --port tap0",
             {"tap0", "two"}},
        Case{"PeerOfAnotherNetwork",
             "fdb add 02:00:00:00:00:01 --network two --peer 198.18.0.2",
             {"198.18.0.2"}},
        Case{"ShowOfAMissingNetwork", "fdb show --network nix", {"network nix"}},
        Case{"PortsOfAMissingNetwork", "port show --network nix", {"network nix"}},
        Case{"PeersOfAMissingNetwork", "peer show --network nix", {"network nix"}},
        Case{"FlushOfAMissingPort", "fdb flush --port tap1", {"port tap1"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Dhcp, Refused,
    ::testing::Values(
        Case{"MissingNetwork", "dhcp start --network nix --subnet 192.0.2.0/24", {"nix"}},
        Case{"WithoutASubnet", "dhcp start --network lan", {"--subnet"}},
        Case{"SubnetTooSmall", "dhcp start --network lan --subnet 192.0.2.0/31", {"192.0.2.0/31"}},
        Case{"GatewayOutside",
             "dhcp start --network lan --subnet 192.0.2.0/24 --gateway 203.0.113.1",
             {"203.0.113.1"}},
        Case{"RangeOutside",
             "dhcp start --network lan --subnet 192.0.2.0/24 --range 203.0.113.1-203.0.113.9",
             {"203.0.113.1"}},
        Case{"HostOutside",
             "dhcp start --network lan --subnet 192.0.2.0/24 --host 02:00:00:00:00:01=203.0.113.1",
             {"203.0.113.1"}},
        Case{"HostOfAGroup",
             "dhcp start --network lan --subnet 192.0.2.0/24 --host 01:00:5e:00:00:01=192.0.2.7",
             {"01:00:5e:00:00:01"}},
        Case{"ShowOfNone", "dhcp show --network lan", {"lan"}}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Map, Refused,
    ::testing::Values(
        Case{"OfNone", "map netwroks", {"map netwroks", "`networks` is near", "fdb, flood"}},
        Case{"FilterOfNoField",
             "map fdb mak 02:*",
             {"field mak", "map fdb", "`mac` is near", "network, vlan, mac, owner_kind"}},
        Case{"FilterOfTheCpuOfASum", "map counters cpu 0", {"field cpu", "program, verdict"}},
        Case{"PerCpuOfAnother", "map fdb --per-cpu", {"map fdb", "--per-cpu"}}),
    name_of);

// ---- Before there is an instance --------------------------------------------------------------

class RefusedBefore : public Host, public ::testing::WithParamInterface<Case> {};

TEST_P(RefusedBefore, InOneLineAndNothingIsMade) {
    expect_refused(xgre(GetParam().words), GetParam().said);
    const Outcome show = xgre("show");
    EXPECT_EQ(show.exit, 1);
    EXPECT_NE(show.err.find("not attached"), std::string::npos) << show;
}

INSTANTIATE_TEST_SUITE_P(
    ThereIsAnInstance, RefusedBefore,
    ::testing::Values(
        Case{"AttachToAMissingDevice", "attach nix --local 198.18.0.1", {"nix"}},
        Case{"AttachToLoopback", "attach lo --local 127.0.0.1", {"lo"}},
        Case{"AttachWithAnAddressThatIsNotLocal",
             "attach uplink0 --local 198.18.0.9",
             {"198.18.0.9", "uplink0"}},
        Case{"AttachWithAnAddressOfAnotherDevice",
             "attach tap0 --local 198.18.0.1",
             {"198.18.0.1", "tap0"}},
        Case{"AttachWithAGroupAddress", "attach uplink0 --local 224.0.0.1", {"224.0.0.1"}},
        Case{"NetworkAdd", "network add lan", {"not attached", "xgre attach"}},
        Case{"PortAdd", "port add tap0 --network lan", {"not attached"}},
        Case{"PeerAdd", "peer add 198.18.0.2 --network lan", {"not attached"}},
        Case{"FdbShow", "fdb show", {"not attached"}},
        Case{"DhcpStart", "dhcp start --network lan --subnet 192.0.2.0/24", {"not attached"}},
        Case{"Stats", "stats", {"not attached"}}, Case{"Map", "map", {"not attached"}},
        Case{"MapOfAName", "map fdb", {"not attached"}}),
    name_of);

// ---- What takes more than words ---------------------------------------------------------------

class BadInput : public Host {
protected:
    // The command as a shell line, after `prefix`.
    Outcome xgre_after(const std::string& prefix, const std::string& words) const {
        return run({"sh", "-c",
                    fmt::format("{} {} --instance {} --netns {} {}", prefix, XGRE_BINARY, instance,
                                netns, words)});
    }
    void ethtool(const std::string& words) const {
        const Outcome outcome =
            run({"sh", "-c", fmt::format("ip netns exec {} ethtool {}", netns, words)});
        ASSERT_EQ(outcome.exit, 0) << outcome;
    }
};

TEST_F(BadInput, NamespaceThatIsNotThere) {
    expect_refused(run_xgre({"--instance", instance, "--netns", "nix", "attach", "uplink0",
                             "--local", "198.18.0.1"}),
                   {"nix"});
}

TEST_F(BadInput, NoPrivilege) {
    const Outcome outcome =
        xgre_after("setpriv --bounding-set=-all", "attach uplink0 --local 198.18.0.1");
    expect_refused(outcome, {"root"});
}

TEST_F(BadInput, NoPrivilegeForAChange) {
    set_up_lan();
    const Json before = state();
    expect_refused(xgre_after("setpriv --bounding-set=-all", "port del tap0"), {"root"});
    expect_refused(xgre_after("setpriv --bounding-set=-all", "map fdb"), {"root"});
    EXPECT_EQ(state(), before);
}

// `ip netns exec` mounts a fresh /sys, without the BPF file system that all others see.
TEST_F(BadInput, NoBpfFileSystem) {
    expect_refused(run({"ip", "netns", "exec", netns, XGRE_BINARY, "--instance", instance, "attach",
                        "uplink0", "--local", "198.18.0.1"}),
                   {"/sys/fs/bpf", "--netns"});
}

// Only the driver knows: XDP on a veth wants as many queues as its far end sends by.
TEST_F(BadInput, SpreadWhereTheDriverRefusesXdp) {
    ip("link add few numrxqueues 1 type veth peer name many numtxqueues 2");
    ip("addr add 203.0.113.1/24 dev few");
    for (const char* device : {"few", "many"}) {
        ip(fmt::format("link set {} up", device));
        ethtool(fmt::format("-K {} tx off txvlan off tx-vlan-stag-hw-insert off", device));
    }
    ethtool("-L many tx 2");
    expect_refused(xgre("attach few --local 203.0.113.1 --xdp on --spread all"),
                   {"--spread", "XDP", "few"});
    EXPECT_NE(xgre("show").err.find("not attached"), std::string::npos);

    must("attach few --local 203.0.113.1 --xdp on");
    const Json before = state();
    expect_refused(xgre("attach few --local 203.0.113.1 --spread all"), {"--spread", "XDP", "few"});
    EXPECT_EQ(state(), before);
}

TEST_F(BadInput, SubnetInUse) {
    set_up_lan();
    must("dhcp start --network lan --subnet 192.0.2.0/24");
    const Json before = json("dhcp show");
    expect_refused(xgre("dhcp start --network two --subnet 192.0.2.128/25"), {"192.0.2.128/25"});
    EXPECT_EQ(json("dhcp show"), before);
    EXPECT_EQ(json("port show").size(), 2U);
}

TEST_F(BadInput, FullFdb) {
    must("attach uplink0 --local 198.18.0.1 --fdb-size 1");
    must("network add lan");
    must("port add tap0 --network lan");
    Outcome outcome;
    int added = 0;
    // A hash may hold a few more than it was made for: one cache of free entries for each CPU.
    for (; added < 1000 && outcome.exit == 0; ++added) {
        outcome = xgre(fmt::format("fdb add 02:00:00:00:{:02x}:{:02x} --network lan --port tap0",
                                   added / 256, added % 256));
    }
    expect_refused(outcome, {"full"});
    EXPECT_EQ(json("fdb show").size(), static_cast<std::size_t>(added - 1));
}

TEST_F(BadInput, ForeignXdpProgramOnThePort) {
    set_up_lan();
    const NetnsScope scope = NetnsScope::enter(netns);
    const std::array<bpf_insn, 2> pass{{
        {.code = BPF_ALU64 | BPF_MOV | BPF_K,
         .dst_reg = BPF_REG_0,
         .src_reg = 0,
         .off = 0,
         .imm = XDP_PASS},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    }};
    const Fd foreign{
        bpf_prog_load(BPF_PROG_TYPE_XDP, "foreign", "GPL", pass.data(), pass.size(), nullptr)};
    const int tap1 = static_cast<int>(if_nametoindex("tap1"));
    ASSERT_EQ(bpf_xdp_attach(tap1, foreign.get(), 0, nullptr), 0);
    const Json before = state();
    expect_refused(xgre("port add tap1 --network lan"), {"tap1", "XDP"});
    EXPECT_EQ(state(), before);
    std::uint32_t attached = 0;
    ASSERT_EQ(bpf_xdp_query_id(tap1, 0, &attached), 0);
    EXPECT_NE(attached, 0U);
}

TEST_F(BadInput, PinsOfAnotherVersion) {
    set_up_lan();
    const Fd map{bpf_obj_get(fmt::format("/sys/fs/bpf/xgre/{}/maps/uplink", instance).c_str())};
    const std::uint32_t zero = 0;
    xgre_uplink row{};
    ASSERT_EQ(bpf_map_lookup_elem(map.get(), &zero, &row), 0);
    row.abi_version += 1;
    ASSERT_EQ(bpf_map_update_elem(map.get(), &zero, &row, BPF_ANY), 0);
    for (const char* words :
         {"show", "map", "map fdb", "port del tap0", "attach uplink0 --local 198.18.0.1",
          "attach uplink0 --local 198.18.0.1 --upgrade"}) {
        expect_refused(xgre(words), {"version", "detach --all"});
    }
    must("detach --all");
}

}  // namespace
}  // namespace xgre::test
