// SPDX-License-Identifier: GPL-2.0-only
// Guards: what a port does not let in, however it is wrapped.
#include <ostream>
#include <string>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr std::uint32_t kBoth = XGRE_PORT_DHCP_GUARD | XGRE_PORT_RA_GUARD;

struct GuardCase {
    const char* name;
    Packet frame;  // from kVmA to kVmB
};

void PrintTo(const GuardCase& guard_case, std::ostream* out) {
    *out << guard_case.name;
}

struct CaseName {
    std::string operator()(const ::testing::TestParamInfo<GuardCase>& info) const {
        return info.param.name;
    }
};

Packet ethernet(EthOptions options = {}) {
    return eth(kVmA, kVmB, options);
}

Packet v4(Ipv4Options options = {}) {
    return ipv4(kVmA, kVmB, std::move(options));
}

Packet v6(Ipv6Options options = {}) {
    return ipv6(kVmA, kVmB, options);
}

Packet offer() {
    return udp(67, 68) / payload(240);
}

Packet advertisement() {
    return icmpv6({.type = 134}) / payload(8);
}

// In an 802.3 frame: a length, and the type behind LLC and SNAP (RFC 1042).
Packet in_snap(const Packet& packet) {
    Bytes bytes{0xaa, 0xaa, 3, 0, 0, 0, 8, 0};
    put(bytes, packet.bytes());
    const auto size = static_cast<std::uint16_t>(bytes.size());
    return ethernet({.type = size}) / raw(std::move(bytes));
}

// An IPv6 extension header of 8 bytes.
Packet extension(std::uint8_t next, std::uint8_t len = 0) {
    return raw({next, len, 1, 4, 0, 0, 0, 0});
}

Packet options(int count, std::uint8_t last) {
    Packet all = extension(last);
    for (int i = 1; i < count; ++i)
        all = concat(extension(kProtocolIpv6Destination), all);
    return all;
}

class Guard : public DatapathTest {
protected:
    Guard() {
        learn(1, kVmB, peer_owner(1));
        set_port_flags(a, XGRE_PORT_XDP_XMIT | kBoth);
    }
    void expect_dropped(const Packet& frame, const char* reason) const {
        EXPECT_EQ(run("port_xdp", frame, a.index()).fate, Fate::passed);
        EXPECT_EQ(counts(), Counts{});
        const Result result = run("port_tc", frame, a.index());
        EXPECT_EQ(result.fate, Fate::ended);
        EXPECT_EQ(counts(), (Counts{{std::string{"port_tc "} + reason, 1}}));
        EXPECT_EQ(port_traffic(a).rx_packets, 1u);
        EXPECT_EQ(owner(1, kVmA), 0u);  // what is not let in teaches nothing
    }
    void expect_let_in(const Packet& frame) const {
        EXPECT_EQ(run("port_xdp", frame, a.index()).fate, Fate::passed);
        const Result result = run("port_tc", frame, a.index());
        EXPECT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, tunnel_to(kHostB, frame));
        EXPECT_EQ(counts(), (Counts{{"port_tc to-peer", 1}}));
    }
};

// ---- DHCP -----------------------------------------------------------------------------------

class DhcpGuard : public Guard, public ::testing::WithParamInterface<GuardCase> {};

TEST_P(DhcpGuard, DropsWhatOnlyAServerSays) {
    set_port_flags(a, XGRE_PORT_DHCP_GUARD);
    expect_dropped(GetParam().frame, "dhcp-guard");
}

TEST_P(DhcpGuard, IsNoneWhereItIsOff) {
    set_port_flags(a, XGRE_PORT_XDP_XMIT);
    EXPECT_NE(run("port_tc", GetParam().frame, a.index()).fate, Fate::unknown);
    EXPECT_EQ(count(XGRE_PROGRAM_PORT_TC, XGRE_DHCP_GUARD).packets, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    , DhcpGuard,
    ::testing::Values(
        GuardCase{"Offer", ethernet() / v4() / offer()},
        GuardCase{"FromAnotherPort", ethernet() / v4() / udp(4011, 68) / payload(240)},
        GuardCase{"WithIpOptions", ethernet() / v4({.options = {1, 1, 1, 0}}) / offer()},
        GuardCase{"WithTheMostIpOptions", ethernet() / v4({.options = Bytes(40, 1)}) / offer()},
        GuardCase{"UnderATag", ethernet() / vlan(5) / v4() / offer()},
        GuardCase{"UnderAPriorityTag", ethernet() / vlan(0) / v4() / offer()},
        GuardCase{"UnderTwoTags",
                  ethernet() / vlan(5, {.tpid = kEtherTypeServiceVlan}) / vlan(6) / v4() / offer()},
        GuardCase{"UnderMoreTagsThanAreLookedAt", ethernet() / vlan(1) / vlan(2) / vlan(3) /
                                                      vlan(4) / vlan(5) / vlan(6) / v4() / offer()},
        GuardCase{"InSnap", in_snap(v4() / offer())},
        GuardCase{"FirstFragment",
                  ethernet() / v4({.df = false, .more_fragments = true}) / offer()},
        GuardCase{"CutBeforeItsPorts", ethernet() / v4({.protocol = kProtocolUdp}) / raw({0, 67})},
        GuardCase{"OfAnImpossibleHeaderLength", with_byte(ethernet() / v4() / offer(), 14, 0x44)},
        GuardCase{"Advertise6", ethernet() / v6() / udp(547, 546) / payload(40)},
        GuardCase{"Under6Tag", ethernet() / vlan(5) / v6() / udp(547, 546) / payload(40)},
        GuardCase{"Behind6Options",
                  ethernet() / v6() / ipv6_encap_limit() / udp(547, 546) / payload(40)},
        GuardCase{"First6Fragment", ethernet() / v6() / ipv6_fragment({.more_fragments = true}) /
                                        udp(547, 546) / payload(40)},
        GuardCase{"Cut6BeforeItsPorts",
                  ethernet() / v6({.next_header = kProtocolUdp}) / raw({2, 35})}),
    CaseName());

// ---- Routers --------------------------------------------------------------------------------

class RaGuard : public Guard, public ::testing::WithParamInterface<GuardCase> {};

TEST_P(RaGuard, DropsWhatOnlyARouterSays) {
    set_port_flags(a, XGRE_PORT_RA_GUARD);
    expect_dropped(GetParam().frame, "ra-guard");
}

TEST_P(RaGuard, IsNoneWhereItIsOff) {
    set_port_flags(a, XGRE_PORT_XDP_XMIT);
    EXPECT_NE(run("port_tc", GetParam().frame, a.index()).fate, Fate::unknown);
    EXPECT_EQ(count(XGRE_PROGRAM_PORT_TC, XGRE_RA_GUARD).packets, 0u);
}

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kAuthentication = 51;

INSTANTIATE_TEST_SUITE_P(
    , RaGuard,
    ::testing::Values(
        GuardCase{"Advertisement", ethernet() / v6() / advertisement()},
        GuardCase{"Redirect", ethernet() / v6() / icmpv6({.type = 137}) / payload(32)},
        GuardCase{"UnderATag", ethernet() / vlan(5) / v6() / advertisement()},
        GuardCase{"UnderTwoTags", ethernet() / vlan(5) / vlan(6) / v6() / advertisement()},
        GuardCase{"BehindDestinationOptions",
                  ethernet() / v6() / ipv6_encap_limit() / advertisement()},
        GuardCase{"BehindHopByHopOptions", ethernet() / v6({.next_header = kHopByHop}) /
                                               concat(extension(kProtocolIcmpv6), advertisement())},
        GuardCase{"BehindARoutingHeader", ethernet() / v6({.next_header = kRouting}) /
                                              concat(extension(kProtocolIcmpv6), advertisement())},
        // RFC 4302: its length is in words of 4 bytes, less 2.
        GuardCase{
            "BehindAuthentication",
            ethernet() / v6({.next_header = kAuthentication}) /
                concat(concat(extension(kProtocolIcmpv6, 1), raw({0, 0, 0, 0})), advertisement())},
        GuardCase{"BehindSeveralHeaders", ethernet() /
                                              v6({.next_header = kProtocolIpv6Destination}) /
                                              concat(options(6, kProtocolIcmpv6), advertisement())},
        GuardCase{"BehindMoreHeadersThanAreLookedAt",
                  ethernet() / v6({.next_header = kProtocolIpv6Destination}) /
                      concat(options(9, kProtocolIcmpv6), advertisement())},
        GuardCase{"FirstFragment",
                  ethernet() / v6() / ipv6_fragment({.more_fragments = true}) / advertisement()},
        // RFC 7113 section 2.1: a first fragment without all of the headers.
        GuardCase{
            "UndeterminedFirstFragment",
            ethernet() / v6() /
                ipv6_fragment({.more_fragments = true, .next_header = kProtocolIpv6Destination}) /
                extension(kProtocolIcmpv6, 3)},
        GuardCase{"CutInsideAHeader",
                  ethernet() / v6({.next_header = kProtocolIpv6Destination}) / raw({58, 0})},
        GuardCase{"CutBeforeItsType", ethernet() / v6({.next_header = kProtocolIcmpv6})}),
    CaseName());

// ---- What is let in -------------------------------------------------------------------------

class GuardedPort : public Guard, public ::testing::WithParamInterface<GuardCase> {};

TEST_P(GuardedPort, LetsInWhatIsNotGuardedAgainst) {
    expect_let_in(GetParam().frame);
}

INSTANTIATE_TEST_SUITE_P(
    , GuardedPort,
    ::testing::Values(
        GuardCase{"DhcpRequest", ethernet() / v4() / udp(68, 67) / payload(240)},
        GuardCase{"Dhcp6Request", ethernet() / v6() / udp(546, 547) / payload(40)},
        GuardCase{"Udp", ethernet() / v4() / udp(67, 53) / payload(40)},
        GuardCase{"Tcp", ethernet() / v4() / tcp(67, 68)},
        GuardCase{"LaterFragment",
                  ethernet() / v4({.df = false, .frag_offset = 185, .protocol = kProtocolUdp}) /
                      raw({0, 67, 0, 68, 0, 8, 0, 0})},
        GuardCase{"Later6Fragment",
                  ethernet() / v6() /
                      ipv6_fragment({.frag_offset = 185, .next_header = kProtocolIcmpv6}) /
                      raw({134, 0, 0, 0})},
        GuardCase{"Echo6", ethernet() / v6() / icmpv6_echo_request() / payload(40)},
        GuardCase{"RouterSolicitation", ethernet() / v6() / icmpv6({.type = 133})},
        GuardCase{"NeighbourSolicitation", ethernet() / v6() / icmpv6({.type = 135}) / payload(16)},
        GuardCase{"NoNextHeader", ethernet() / v6({.next_header = 59})},
        GuardCase{"Arp", ethernet() / arp_request(kVmA, kVmA, kVmB)},
        GuardCase{"AnotherEtherType", ethernet() / payload(46)},
        GuardCase{"An8023Frame", ethernet({.type = 38}) / raw(Bytes(38, 0x42))}),
    CaseName());

TEST_F(Guard, OfTheOneKindIsNoneOfTheOther) {
    const Packet bad_offer = ethernet() / v4() / offer();
    const Packet bad_advertisement = ethernet() / v6() / advertisement();
    set_port_flags(a, XGRE_PORT_RA_GUARD);
    EXPECT_EQ(run("port_tc", bad_offer, a.index()).fate, Fate::redirected);
    set_port_flags(a, XGRE_PORT_DHCP_GUARD);
    EXPECT_EQ(run("port_tc", bad_advertisement, a.index()).fate, Fate::redirected);
}

// ---- Flows ----------------------------------------------------------------------------------

// A flow is told by its MACs alone.
TEST_F(Guard, LooksAtEachFrameOfAKnownFlow) {
    const OnOneCpu pinned;
    const Packet good = ethernet() / v4() / udp(1000, 2000) / payload(250);
    const Packet bad = ethernet() / v4() / offer();
    for (std::uint64_t i = 1; i <= 3; ++i) {
        EXPECT_EQ(run("port_xdp", good, a.index()).fate, Fate::passed);
        EXPECT_EQ(run("port_tc", good, a.index()).fate, Fate::redirected);
        EXPECT_EQ(run("port_xdp", bad, a.index()).fate, Fate::passed);
        EXPECT_EQ(run("port_tc", bad, a.index()).fate, Fate::ended);
        EXPECT_EQ(counts(), (Counts{{"port_tc to-peer", i}, {"port_tc dhcp-guard", i}}));
        EXPECT_EQ(port_traffic(a).rx_packets, 2 * i);
    }
}

TEST_F(Guard, BeginsAndEndsWithTheNextFrameOfAKnownFlow) {
    const OnOneCpu pinned;
    const Packet bad = ethernet() / v4() / offer();
    set_port_flags(a, XGRE_PORT_XDP_XMIT);
    EXPECT_EQ(run("port_xdp", bad, a.index()).fate, Fate::redirected);
    set_port_flags(a, XGRE_PORT_XDP_XMIT | kBoth);
    EXPECT_EQ(run("port_xdp", bad, a.index()).fate, Fate::passed);
    EXPECT_EQ(run("port_tc", bad, a.index()).fate, Fate::ended);
    set_port_flags(a, XGRE_PORT_XDP_XMIT);
    EXPECT_EQ(run("port_xdp", bad, a.index()).fate, Fate::redirected);
}

TEST_F(Guard, HoldsForFloodsAndOtherPorts) {
    EXPECT_EQ(run("port_tc", eth(kVmA, kBroadcast) / v4() / offer(), a.index()).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{"port_tc dhcp-guard", 1}}));
    run("port_tc", eth(kVmC, kBroadcast) / v4() / offer(), c.index());
    EXPECT_EQ(counts(), (Counts{{"port_tc dhcp-guard", 1}, {"port_tc flooded", 1}}));
}

// What others send to the port is not looked at.
TEST_F(Guard, LetsThePortReceive) {
    learn(1, kVmA, a.owner());
    const Packet frame = eth(kVmB, kVmA) / v4() / offer();
    for (const char* hook : {"uplink_xdp", "uplink_tc"})
        EXPECT_EQ(run_from_wire(hook, tunnel(kHostB, frame)).fate, Fate::redirected);
}

class GuardOnAnyHook : public DatapathTest, public ::testing::WithParamInterface<Hooks> {};
ON_ALL_HOOKS(GuardOnAnyHook);

// case S09
TEST_P(GuardOnAnyHook, DropsByNameAndLetsTheRestPass) {
    learn(1, kVmB, peer_owner(1));
    set_port_flags(a, XGRE_PORT_XDP_XMIT | kBoth);
    attach(GetParam());
    const Packet good = ethernet() / v4() / udp(68, 67) / payload(250);
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(a.tap.send(ethernet() / v4() / offer()));
        ASSERT_TRUE(a.tap.send(ethernet() / v6() / advertisement()));
        ASSERT_TRUE(a.tap.send(good));
    }
    expect_on_wire({tunnel_to(kHostB, good), tunnel_to(kHostB, good)});
    EXPECT_EQ(counts(),
              (Counts{{"port_tc dhcp-guard", 2}, {"port_tc ra-guard", 2}, {"port_tc to-peer", 2}}));
}

}  // namespace
}  // namespace xgre::test
