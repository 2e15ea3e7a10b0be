// SPDX-License-Identifier: GPL-2.0-only
// Lease-bound ports: what DHCP gave to whom, and that nobody uses anything else.
#include <algorithm>
#include <ostream>
#include <string>
#include <utility>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr Ipv4Address kNone = ip(0, 0, 0, 0);
constexpr Ipv4Address kOther = ip(192, 0, 2, 77);
constexpr std::uint8_t kDiscover = 1;
constexpr std::uint8_t kOffer = 2;
constexpr std::uint8_t kDecline = 4;
constexpr std::uint8_t kAcknowledge = 5;
constexpr std::uint8_t kRefuse = 6;
constexpr std::uint8_t kRelease = 7;
constexpr std::uint32_t kHour = 3600;

// RFC 2131 section 2.
struct Dhcp {
    std::uint8_t operation = 1;
    std::uint8_t type = kDiscover;
    MacAddress client = kVmA.mac;
    Ipv4Address has = kNone;    // ciaddr
    Ipv4Address given = kNone;  // yiaddr
    Ipv4Address relay = kNone;  // giaddr
    Bytes options = {};         // behind the type
};

Packet dhcp(const Dhcp& message) {
    Bytes bytes{message.operation, 1, 6, 0, 1, 2, 3, 4, 0, 0, 0, 0};
    put(bytes, message.has.bytes);
    put(bytes, message.given.bytes);
    put(bytes, kNone.bytes);
    put(bytes, message.relay.bytes);
    put(bytes, message.client.bytes);
    bytes.resize(236);
    put32(bytes, 0x63825363);
    put(bytes, Bytes{53, 1, message.type});
    put(bytes, message.options);
    put8(bytes, 255);
    return raw(std::move(bytes));
}

Bytes lease_time(std::uint32_t seconds) {
    Bytes option{51, 4};
    put32(option, seconds);
    return option;
}

Bytes wants(Ipv4Address address) {
    Bytes option{50, 4};
    put(option, address.bytes);
    return option;
}

// From the server, which is kVmB behind host B.
Dhcp acknowledgement(std::uint32_t seconds = kHour) {
    return {.operation = 2, .type = kAcknowledge, .given = kVmA.ip, .options = lease_time(seconds)};
}

Packet reply(const Dhcp& message, MacAddress to = kVmA.mac) {
    return eth(kVmB, to) / ipv4(kVmB, kVmA) / udp(67, 68) / dhcp(message);
}

Packet request(const Dhcp& message, Ipv4Address source = kNone) {
    return eth(kVmA, kVmB) / ipv4(source, kIpBroadcast) / udp(68, 67) / dhcp(message);
}

Packet said(MacAddress mac, Ipv4Address address) {
    return eth(mac, kVmB) / ipv4(address, kVmB) / udp(1000, 2000) / payload(20);
}

class LeaseTest : public DatapathTest {
protected:
    LeaseTest() {
        learn(1, kVmA, a.owner());
        learn(1, kVmB, peer_owner(1));
        set_port_flags(a, XGRE_PORT_XDP_XMIT | XGRE_PORT_LEASE_BOUND);
    }
    void bind(const Dhcp& message = acknowledgement()) const {
        EXPECT_EQ(run_from_wire("uplink_tc", tunnel(kHostB, reply(message))).fate,
                  Fate::redirected);
    }
    void list(const Port& port, std::uint32_t family, ByteView address) const {
        xgre_address key{};
        key.slot = port.slot;
        key.family = family;
        std::ranges::copy(address, std::begin(key.address));
        datapath().addresses().put(key, 1);
    }
    std::size_t leases() const { return datapath().bindings().entries().size(); }
    std::uint64_t counted(const Port& port) const {
        return datapath().bound().find(port.slot).value();
    }
    void expect_let_in(const Packet& frame) const {
        const std::uint64_t before = count(XGRE_PROGRAM_PORT_TC, XGRE_NOT_LEASED).packets;
        EXPECT_EQ(run("port_xdp", frame, a.index()).fate, Fate::passed);
        EXPECT_EQ(run("port_tc", frame, a.index()).fate, Fate::redirected)
            << ::testing::PrintToString(frame);
        EXPECT_EQ(count(XGRE_PROGRAM_PORT_TC, XGRE_NOT_LEASED).packets, before);
    }
    void expect_dropped(const Packet& frame) const { expect_dropped(frame, a); }
    void expect_dropped(const Packet& frame, const Port& port) const {
        const std::uint64_t before = count(XGRE_PROGRAM_PORT_TC, XGRE_NOT_LEASED).packets;
        EXPECT_EQ(run("port_xdp", frame, port.index()).fate, Fate::passed);
        EXPECT_EQ(run("port_tc", frame, port.index()).fate, Fate::ended)
            << ::testing::PrintToString(frame);
        EXPECT_EQ(count(XGRE_PROGRAM_PORT_TC, XGRE_NOT_LEASED).packets, before + 1);
    }
};

// ---- Before a lease -------------------------------------------------------------------------

TEST_F(LeaseTest, DropsWhatIsNoDhcpBeforeThereIsALease) {
    expect_dropped(said(kVmA.mac, kVmA.ip));
    expect_dropped(said(kVmA.mac, kNone));
    expect_dropped(eth(kVmA, kVmB) / arp_request(kVmA, kVmA, kVmB));
    expect_dropped(eth(kVmA, kVmB) / arp_request(kVmA, kNone, kVmA));
    expect_dropped(eth(kVmA, kVmB) / payload(46));
    expect_dropped(eth(kVmA, kVmB) / vlan(5) / ipv4(kVmA, kVmB) / udp(1, 2));
    EXPECT_EQ(port_traffic(a).rx_packets, 6u);
}

TEST_F(LeaseTest, LetsDhcpClientsSpeak) {
    learn(1, kVmB, peer_owner(1), 5);
    expect_let_in(request({.type = kDiscover}));
    expect_let_in(request({.type = 3, .options = wants(kVmA.ip)}));
    expect_let_in(eth(kVmA, kVmB) / vlan(5) / ipv4(kNone, kIpBroadcast) / udp(68, 67) / dhcp({}));
    // A lease that was given before the port was bound can be had again.
    expect_let_in(request({.type = 3, .has = kVmA.ip}, kVmA.ip));
}

TEST_F(LeaseTest, DropsWhatIsNoDhcpClientsOwnMessage) {
    expect_dropped(request({.operation = 2}));
    expect_dropped(request({.client = kVmC.mac}));
    expect_dropped(request({.has = kOther}));
    expect_dropped(request({.relay = kOther}));
    expect_dropped(request({}, kVmA.ip));
    expect_dropped(eth(kVmA, kVmB) / ipv4(kNone, kIpBroadcast) / udp(5000, 67) / dhcp({}));
    expect_dropped(eth(kVmA, kVmB) / ipv4(kNone, kIpBroadcast) / udp(68, 67) / payload(20));
    expect_dropped(eth(kVmA, kVmB) / ipv4(kNone, kIpBroadcast, {.more_fragments = true}) /
                   udp(68, 67) / dhcp({}));
    expect_dropped(eth(kVmA, kVmB) / ipv4(kNone, kIpBroadcast, {.frag_offset = 100}) / raw({1, 2}));
}

// A release of another VM's lease, say.
TEST_F(LeaseTest, DropsMessagesToServersInAnothersName) {
    bind();
    expect_dropped(request({.type = kRelease, .client = kVmC.mac, .has = kVmC.ip}, kVmA.ip));
    expect_dropped(request({.type = kRelease, .has = kOther}, kVmA.ip));
    // Under the identifier that the other VM gave the server.
    expect_dropped(request({.type = kRelease, .has = kOther}, kOther));
}

TEST_F(LeaseTest, IsGuardedAgainstDhcpServers) {
    EXPECT_EQ(
        run("port_tc", eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(67, 68) / dhcp({}), a.index()).fate,
        Fate::ended);
    EXPECT_EQ(counts(), (Counts{{"port_tc dhcp-guard", 1}}));
}

// ---- With a lease ---------------------------------------------------------------------------

TEST_F(LeaseTest, LetsInWhatDhcpGaveAndNothingElse) {
    bind();
    ASSERT_EQ(leases(), 1u);
    EXPECT_EQ(counted(a), 1u);
    expect_let_in(said(kVmA.mac, kVmA.ip));
    expect_let_in(eth(kVmA, kVmB) / vlan(0) / ipv4(kVmA, kVmB) / udp(1, 2));
    expect_let_in(eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.frag_offset = 100}) / raw({1, 2}));
    expect_let_in(eth(kVmA, kVmB) / arp_request(kVmA, kVmA, kVmB));
    expect_let_in(eth(kVmA, kVmB) / arp_reply(kVmA, kVmA, kVmB, kVmB));
    expect_let_in(eth(kVmA, kVmB) / arp_request(kVmA, kNone, kVmA));  // RFC 5227

    expect_dropped(said(kVmA.mac, kOther));
    expect_dropped(said(mac(2, 9, 9, 9, 9, 9), kVmA.ip));
    expect_dropped(eth(kVmA, kVmB) / arp_request(kVmA, kOther, kVmB));
    expect_dropped(eth(kVmA, kVmB) / arp_request(kVmA, kNone, kOther));
    expect_dropped(eth(kVmA, kVmB) / arp_request(kVmC, kVmA, kVmB));
    expect_dropped(eth(kVmA, kVmB) / arp_reply(kVmA, kOther, kVmB, kVmB));
    expect_dropped(cut(eth(kVmA, kVmB) / arp_request(kVmA, kVmA, kVmB), 34));
    expect_dropped(eth(kVmA, kVmB) / payload(46));
}

TEST_F(LeaseTest, IsOfOnePort) {
    set_port_flags(c, XGRE_PORT_XDP_XMIT | XGRE_PORT_LEASE_BOUND);
    bind();
    expect_dropped(said(kVmA.mac, kVmA.ip), c);
    EXPECT_EQ(counted(c), 0u);
}

// A flow is told by its MACs alone.
TEST_F(LeaseTest, HoldsForEachFrameOfAKnownFlow) {
    const OnOneCpu pinned;
    bind();
    for (int i = 0; i < 3; ++i) {
        expect_let_in(said(kVmA.mac, kVmA.ip));
        expect_dropped(said(kVmA.mac, kOther));
    }
}

TEST_F(LeaseTest, EndsWithItsTime) {
    bind();
    auto [key, binding] = datapath().bindings().entries().at(0);
    binding.until = 1;
    datapath().bindings().put(key, binding);
    expect_dropped(said(kVmA.mac, kVmA.ip));
    EXPECT_EQ(leases(), 1u);
    datapath().fdb_sweep();
    EXPECT_EQ(leases(), 0u);
    EXPECT_EQ(counted(a), 0u);
}

TEST_F(LeaseTest, LastsAsLongAsTheServerSays) {
    const auto until = [this] { return datapath().bindings().entries().at(0).second.until; };
    bind(acknowledgement(60));
    const std::uint64_t first = until();
    bind(acknowledgement(120));
    EXPECT_GE(until(), first + 60'000'000'000);
    EXPECT_LE(until(), first + 120'000'000'000);
    bind(acknowledgement(UINT32_MAX));  // for ever
    EXPECT_GT(until(), first + 4'000'000'000'000'000'000);
    expect_let_in(said(kVmA.mac, kVmA.ip));
    datapath().fdb_sweep();
    EXPECT_EQ(leases(), 1u);
    EXPECT_EQ(counted(a), 1u);
}

TEST_F(LeaseTest, IsRenewedByAKnownFlow) {
    const OnOneCpu pinned;
    bind();
    for (const auto& [key, binding] : datapath().bindings().entries())
        datapath().bindings().erase(key);
    bind();
    EXPECT_EQ(leases(), 1u);
}

TEST_F(LeaseTest, EndsWhenItIsGivenBack) {
    bind();
    expect_let_in(request({.type = kRelease, .has = kVmA.ip}, kVmA.ip));
    EXPECT_EQ(leases(), 0u);
    EXPECT_EQ(counted(a), 0u);
    expect_dropped(said(kVmA.mac, kVmA.ip));

    bind();
    expect_dropped(request({.type = kDecline, .options = wants(kOther)}));
    EXPECT_EQ(leases(), 1u);
    expect_let_in(request({.type = kDecline, .options = wants(kVmA.ip)}));
    EXPECT_EQ(leases(), 0u);
}

TEST_F(LeaseTest, EndsWithItsPort) {
    bind();
    set_port_flags(a, XGRE_PORT_XDP_XMIT);
    datapath().fdb_sweep();
    EXPECT_EQ(leases(), 0u);
    EXPECT_EQ(counted(a), 0u);
    set_port_flags(a, XGRE_PORT_LEASE_BOUND);
    bind();
    datapath().redirect().erase(a.index());
    datapath().fdb_sweep();
    EXPECT_EQ(leases(), 0u);
}

// ---- What is no lease -----------------------------------------------------------------------

TEST_F(LeaseTest, IsOnlyWhatAServerAcknowledges) {
    const auto expect_none = [this](const Packet& inner) {
        run_from_wire("uplink_tc", tunnel(kHostB, inner));
        EXPECT_EQ(leases(), 0u) << ::testing::PrintToString(inner);
    };
    Dhcp message = acknowledgement();
    message.type = kOffer;
    expect_none(reply(message));
    message.type = kRefuse;
    expect_none(reply(message));
    message = acknowledgement();
    message.operation = 1;
    expect_none(reply(message));
    message = acknowledgement();
    message.given = kNone;  // to an INFORM
    expect_none(reply(message));
    message = acknowledgement();
    message.options = {};
    expect_none(reply(message));
    expect_none(eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(68, 67) / dhcp(acknowledgement()));
    expect_none(eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.more_fragments = true}) / udp(67, 68) /
                dhcp(acknowledgement()));
    expect_none(cut(reply(acknowledgement()), 14 + 20 + 8 + 100));
    expect_none(with_byte(reply(acknowledgement()), 14 + 20 + 8 + 236, 0));  // the cookie
}

TEST_F(LeaseTest, IsNoneOfAMacThatIsBehindNoLeaseBoundPort) {
    Dhcp message = acknowledgement();
    message.client = kVmC.mac;  // unknown
    bind(message);
    learn(1, kVmC, c.owner());  // behind a port that is not bound
    bind(message);
    learn(1, kVmC, peer_owner(2));
    bind(message);
    EXPECT_EQ(leases(), 0u);
}

// Not even for itself: its neighbour, which is bound too, does not believe it.
TEST_F(LeaseTest, IsNeverGivenByALeaseBoundPort) {
    set_port_flags(c, XGRE_PORT_XDP_XMIT | XGRE_PORT_LEASE_BOUND);
    for (const MacAddress to : {kVmA.mac, kBroadcast})
        EXPECT_EQ(run("port_tc", reply(acknowledgement(), to), c.index()).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{"port_tc dhcp-guard", 2}}));
    EXPECT_EQ(leases(), 0u);
}

TEST_F(LeaseTest, FindsItsTimeBehindOtherOptionsAndPadding) {
    Dhcp message = acknowledgement();
    message.options = {0, 0, 1, 4, 255, 255, 255, 0, 15, 3, 'l', 'a', 'n'};
    put(message.options, lease_time(kHour));
    bind(message);
    EXPECT_EQ(leases(), 1u);
}

TEST_F(LeaseTest, IsNotLookedForBeyondABound) {
    Dhcp message = acknowledgement();
    message.options = Bytes(200, 0);
    put(message.options, lease_time(kHour));
    bind(message);
    EXPECT_EQ(leases(), 0u);
}

TEST_F(LeaseTest, IsNotedForSoManyOfOnePort) {
    Dhcp message = acknowledgement();
    for (std::uint32_t i = 0; i < XGRE_PORT_BINDINGS + 3; ++i) {
        message.given = xgre::test::ip(192, 0, 2, static_cast<std::uint8_t>(100 + i));
        bind(message);
    }
    EXPECT_EQ(leases(), std::size_t{XGRE_PORT_BINDINGS});
    EXPECT_EQ(counted(a), std::uint64_t{XGRE_PORT_BINDINGS});
    EXPECT_EQ(notes().at("lease-limit"), 3u);
}

// ---- Addresses that were named --------------------------------------------------------------

TEST_F(LeaseTest, AddressesThatWereNamedNeedNone) {
    list(a, 4, kVmA.ip.bytes);
    expect_let_in(said(kVmA.mac, kVmA.ip));
    expect_let_in(eth(kVmA, kVmB) / arp_request(kVmA, kVmA, kVmB));
    expect_dropped(said(kVmA.mac, kOther));
    set_port_flags(c, XGRE_PORT_LEASE_BOUND);
    expect_dropped(said(kVmC.mac, kVmA.ip), c);
}

// ---- IPv6 -----------------------------------------------------------------------------------

// RFC 4291 appendix A, of kVmA's 02:00:00:00:0a:01.
constexpr Ipv6Address kLinkLocal = ip6({0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 0x0a01});
constexpr Ipv6Address kOtherLinkLocal = ip6({0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 0x0a02});
constexpr Ipv6Address kNone6 = ip6({0, 0, 0, 0, 0, 0, 0, 0});
constexpr Ipv6Address kAllNodes = ip6({0xff02, 0, 0, 0, 0, 0, 0, 1});

Bytes link_layer(std::uint8_t type, MacAddress mac) {
    Bytes option{type, 1};
    put(option, mac.bytes);
    return option;
}

// ICMPv6 of a type of neighbour discovery: what is behind the first eight bytes.
Packet nd(std::uint8_t type, Ipv6Address source, Bytes target = {}, const Bytes& options = {}) {
    put(target, options);
    return eth(kVmA, kVmB) / ipv6(source, kAllNodes, {.hop_limit = 255}) / icmpv6({.type = type}) /
           raw(std::move(target));
}

Bytes address(Ipv6Address value) {
    return {value.bytes.begin(), value.bytes.end()};
}

struct Case6 {
    const char* name;
    bool let_in;
    Packet frame;
};

void PrintTo(const Case6& test, std::ostream* out) {
    *out << test.name;
}

class LeaseOfIpv6 : public LeaseTest, public ::testing::WithParamInterface<Case6> {};

TEST_P(LeaseOfIpv6, IsTheLinkLocalAddressOfItsMacAndWhatWasNamed) {
    list(a, 6, kVmA.ip6.bytes);
    GetParam().let_in ? expect_let_in(GetParam().frame) : expect_dropped(GetParam().frame);
}

Packet from6(Ipv6Address source) {
    return eth(kVmA, kVmB) / ipv6(source, kVmB) / udp(1000, 2000) / payload(20);
}

INSTANTIATE_TEST_SUITE_P(
    , LeaseOfIpv6,
    ::testing::Values(
        Case6{"OwnLinkLocal", true, from6(kLinkLocal)}, Case6{"Named", true, from6(kVmA.ip6)},
        Case6{"NamedInALaterFragment", true,
              eth(kVmA, kVmB) / ipv6(kVmA.ip6, kVmB) / ipv6_fragment({.frag_offset = 100}) /
                  raw({1, 2, 3, 4})},
        Case6{"OtherLinkLocal", false, from6(kOtherLinkLocal)},
        Case6{"NotNamed", false, from6(kVmC.ip6)}, Case6{"Unspecified", false, from6(kNone6)},
        Case6{"AnotherMacsLinkLocal", false,
              eth(kVmC, kVmB) / ipv6(kLinkLocal, kVmB) / udp(1, 2) / payload(20)},
        Case6{"ListenerReportOfUnspecified", true, nd(143, kNone6)},
        Case6{"ListenerReport", true, nd(143, kLinkLocal)},
        Case6{"EchoOfUnspecified", false, nd(128, kNone6)},
        Case6{"RouterSolicitationOfUnspecified", false, nd(133, kNone6)},
        Case6{"RouterSolicitation", true, nd(133, kLinkLocal, {}, link_layer(1, kVmA.mac))},
        Case6{"RouterSolicitationWithAnothersMac", false,
              nd(133, kLinkLocal, {}, link_layer(1, kVmC.mac))},
        Case6{"DuplicateDetection", true, nd(135, kNone6, address(kLinkLocal))},
        Case6{"DuplicateDetectionOfNamed", true, nd(135, kNone6, address(kVmA.ip6))},
        Case6{"DuplicateDetectionOfOther", false, nd(135, kNone6, address(kVmC.ip6))},
        Case6{"Solicitation", true, nd(135, kVmA.ip6, address(kVmB.ip6), link_layer(1, kVmA.mac))},
        Case6{"SolicitationWithAnothersMac", false,
              nd(135, kVmA.ip6, address(kVmB.ip6), link_layer(1, kVmC.mac))},
        Case6{"Advertisement", true,
              nd(136, kLinkLocal, address(kVmA.ip6), link_layer(2, kVmA.mac))},
        Case6{"AdvertisementWithoutOption", true, nd(136, kLinkLocal, address(kLinkLocal))},
        Case6{"AdvertisementOfOther", false,
              nd(136, kLinkLocal, address(kVmC.ip6), link_layer(2, kVmA.mac))},
        Case6{"AdvertisementWithAnothersMac", false,
              nd(136, kLinkLocal, address(kVmA.ip6), link_layer(2, kVmC.mac))},
        Case6{"AdvertisementWithAnothersMacInASecondOption", false,
              nd(136, kLinkLocal, address(kVmA.ip6),
                 {14, 1, 0, 0, 0, 0, 0, 0, 2, 1, 2, 0, 0, 0, 0x0a, 3})},
        Case6{"AdvertisementWithAnOptionOfNoLength", false,
              nd(136, kLinkLocal, address(kVmA.ip6), {2, 0, 0, 0, 0, 0, 0, 0})},
        Case6{"AdvertisementInAFragment", false,
              eth(kVmA, kVmB) / ipv6(kLinkLocal, kAllNodes) / ipv6_fragment({}) /
                  icmpv6({.type = 136}) / raw(address(kVmA.ip6))},
        Case6{"AdvertisementCutInItsTarget", false,
              cut(nd(136, kLinkLocal, address(kVmA.ip6)), 14 + 40 + 8 + 8)}),
    [](const auto& test) { return test.param.name; });

// ---- On every hook --------------------------------------------------------------------------

class LeaseOnAnyHook : public DatapathTest, public ::testing::WithParamInterface<Hooks> {
protected:
    LeaseOnAnyHook() {
        learn(1, kVmA, a.owner());
        learn(1, kVmB, peer_owner(1));
        set_port_flags(a, XGRE_PORT_XDP_XMIT | XGRE_PORT_LEASE_BOUND);
        attach(GetParam());
    }
    void expect_leased() {
        a.tap.received();
        wire().received();
        c.tap.received();
        ASSERT_EQ(datapath().bindings().entries().size(), 1u);
        ASSERT_TRUE(a.tap.send(said(kVmA.mac, kVmA.ip)));
        expect_on_wire({tunnel_to(kHostB, said(kVmA.mac, kVmA.ip))});
        ASSERT_TRUE(a.tap.send(said(kVmA.mac, kOther)));
        EXPECT_EQ(count(XGRE_PROGRAM_PORT_TC, XGRE_NOT_LEASED).packets, 1u);
    }
};
ON_ALL_HOOKS(LeaseOnAnyHook);

TEST_P(LeaseOnAnyHook, IsSeenOnItsWayFromAPeer) {
    ASSERT_TRUE(wire().send(tunnel(kHostB, reply(acknowledgement()))));
    expect_leased();
}

TEST_P(LeaseOnAnyHook, IsSeenInABroadcastFromAPeer) {
    ASSERT_TRUE(wire().send(tunnel(kHostB, reply(acknowledgement(), kBroadcast))));
    expect_leased();
}

TEST_P(LeaseOnAnyHook, IsSeenOnItsWayFromAnotherPort) {
    ASSERT_TRUE(
        c.tap.send(eth(kVmC, kVmA) / ipv4(kVmC, kVmA) / udp(67, 68) / dhcp(acknowledgement())));
    expect_leased();
}

TEST_P(LeaseOnAnyHook, IsSeenInABroadcastFromAnotherPort) {
    ASSERT_TRUE(c.tap.send(eth(kVmC, kBroadcast) / ipv4(kVmC, kVmA) / udp(67, 68) /
                           dhcp(acknowledgement())));
    expect_leased();
}

TEST_P(LeaseOnAnyHook, IsSeenUnderATag) {
    learn(1, kVmA, a.owner(), 5);
    ASSERT_TRUE(wire().send(tunnel(kHostB, eth(kVmB, kVmA) / vlan(5) / ipv4(kVmB, kVmA) /
                                               udp(67, 68) / dhcp(acknowledgement()))));
    expect_leased();
}

}  // namespace
}  // namespace xgre::test
