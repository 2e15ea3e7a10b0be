// SPDX-License-Identifier: GPL-2.0-only
// Outer packets in two fragments: RFC 791, RFC 8200 section 4.5, RFC 8900.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "tests/bpf/datapath_fixture.h"
#include "tests/packet/wire.h"

namespace xgre::test {
namespace {

constexpr std::size_t kRest = SIZE_MAX;

enum class Underlay : std::uint8_t { ipv4, ipv4_options, ipv6, ipv6_limit };

struct UnderlayName {
    std::string operator()(const ::testing::TestParamInfo<Underlay>& info) const {
        constexpr std::array names{"Ipv4", "Ipv4WithOptions", "Ipv6", "Ipv6WithEncapLimit"};
        return names.at(static_cast<std::size_t>(info.param));
    }
};

// Hosts B and C are peers 1 and 2, over IPv6 peers 3 and 4.
class Reassembly : public DatapathTest, public ::testing::WithParamInterface<Underlay> {
protected:
    Reassembly() {
        use_ipv6();
        peer(3, ip6_of(kHostB), 1, {});
        peer(4, ip6_of(kHostC), 1, {});
        learn(1, kVmA, a.owner());
        ip(fmt::format("link set dev {} mtu 16000\n", a.tap.name()));
    }

    static bool is_v6() { return GetParam() >= Underlay::ipv6; }
    static std::uint32_t peer_id() { return is_v6() ? 3 : 1; }

    static Packet outer(const Station& from, std::uint8_t ds = 0) {
        switch (GetParam()) {
            case Underlay::ipv4:
                return eth(from, kHostA) / ipv4(from, kHostA, {.tos = ds, .df = false});
            case Underlay::ipv4_options:
                return eth(from, kHostA) /
                       ipv4(from, kHostA, {.tos = ds, .df = false, .options = Bytes(12, 1)});
            case Underlay::ipv6:
                return eth(from, kHostA) / ipv6(from, kHostA, {.traffic_class = ds});
            default:
                return eth(from, kHostA) / ipv6(from, kHostA, {.traffic_class = ds}) /
                       ipv6_encap_limit();
        }
    }
    static Packet whole(const Packet& inner, const GreOptions& header = {.key = kKey},
                        const Station& from = kHostB, std::uint8_t ds = 0) {
        return outer(from, ds) / gre(header) / inner;
    }
    static Packet inner(std::size_t size = 1500, std::uint8_t seed = 0) {
        return eth(kVmB, kVmA) / payload(size, seed);
    }

    // As the kernel does it: what XDP leaves, unchanged and not counted, is TC's.
    Result arrive(const Packet& packet) const {
        const Counts before = counts();
        const Result at_xdp = run_from_wire("uplink_xdp", packet);
        EXPECT_EQ(at_xdp.fate, Fate::passed);
        EXPECT_PACKET_EQ(at_xdp.packet, packet);
        EXPECT_EQ(counts(), before);
        return run_from_wire("uplink_tc", packet);
    }
    void expect_held(const Packet& packet) const {
        const Counts before = counts();
        EXPECT_EQ(arrive(packet).fate, Fate::ended);
        EXPECT_EQ(counts(), before);
    }
    void expect_delivered(const Packet& packet, const Packet& as) const {
        const Result result = arrive(packet);
        ASSERT_EQ(result.fate, Fate::redirected);
        EXPECT_PACKET_EQ(result.packet, as);
    }
    void expect_dropped(const Packet& packet, xgre_verdict verdict) const {
        const std::uint64_t before = lost(verdict);
        EXPECT_EQ(arrive(packet).fate, Fate::ended);
        EXPECT_EQ(lost(verdict), before + 1);
    }
    void expect_untouched(const Packet& packet) const {
        const Counts before = counts();
        const Result result = arrive(packet);
        EXPECT_EQ(result.fate, Fate::passed);
        EXPECT_PACKET_EQ(result.packet, packet);
        EXPECT_EQ(counts(), before);
    }
    std::uint64_t lost(xgre_verdict verdict) const {
        return count(XGRE_PROGRAM_UPLINK_TC, verdict).packets;
    }
    std::size_t held() const { return datapath().fragments().entries().size(); }
    void make_all_older(std::chrono::nanoseconds by) const {
        for (auto [key, entry] : datapath().fragments().entries()) {
            entry.came -= static_cast<std::uint64_t>(by.count());
            datapath().fragments().put(key, entry);
        }
    }
};
INSTANTIATE_TEST_SUITE_P(Over, Reassembly,
                         ::testing::Values(Underlay::ipv4, Underlay::ipv4_options, Underlay::ipv6,
                                           Underlay::ipv6_limit),
                         UnderlayName());

// case M06
TEST_P(Reassembly, MakesOneFrameOfTwoFragments) {
    const Packet packet = whole(inner());
    expect_held(fragment_of(packet, 0, 1480));
    expect_delivered(fragment_of(packet, 1480, kRest), inner());
    EXPECT_EQ(held(), 0u);
    EXPECT_EQ(owner(1, kVmB), peer_owner(peer_id()));
}

// case M06
TEST_P(Reassembly, CountsThePacketOnce) {
    const Packet packet = whole(inner());
    arrive(fragment_of(packet, 0, 1480));
    arrive(fragment_of(packet, 1480, kRest));
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 1}}));
    EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_TC, XGRE_TO_PORT).bytes, inner().size());
    EXPECT_EQ(peer_traffic(peer_id()).rx_packets, 1u);
    EXPECT_EQ(peer_traffic(peer_id()).rx_bytes, inner().size());
    EXPECT_EQ(port_traffic(a).tx_packets, 1u);
    EXPECT_EQ(port_traffic(a).tx_bytes, inner().size());
}

// case M06
TEST_P(Reassembly, TakesFragmentsOfEverySize) {
    const Packet frame = inner(700);
    const Packet packet = whole(frame);
    const std::size_t all = 8 + frame.size();
    // From where the headers of a frame are in the first one.
    for (std::size_t first = 64; first < all; first += 8) {
        SCOPED_TRACE(fmt::format("{} bytes in the first", first));
        expect_held(fragment_of(packet, 0, first));
        expect_delivered(fragment_of(packet, first, kRest), frame);
    }
    for (std::size_t size = 1473; size < 1490; ++size) {
        SCOPED_TRACE(fmt::format("{} bytes in all", size + 22));
        const Packet longer = whole(inner(size));
        expect_held(fragment_of(longer, 0, 1480));
        expect_delivered(fragment_of(longer, 1480, kRest), inner(size));
    }
}

TEST_P(Reassembly, CutsOffThePaddingBehindTheSecond) {
    const Packet packet = whole(inner());
    expect_held(padded(fragment_of(packet, 0, 1480), 1600));
    expect_delivered(padded(fragment_of(packet, 1480, kRest), 200), inner());
}

TEST_P(Reassembly, VerifiesTheGreChecksumOverAllOfIt) {
    const Packet packet = whole(inner(), {.key = kKey, .checksum = true});
    const Packet first = fragment_of(packet, 0, 1000), second = fragment_of(packet, 1000, kRest);
    expect_held(first);
    expect_delivered(second, inner());
    expect_held(first);
    expect_dropped(with_byte(second, second.size() - 1, 0xee), XGRE_GRE_CHECKSUM);
    expect_held(with_byte(first, first.size() - 1, 0xee));
    expect_dropped(second, XGRE_GRE_CHECKSUM);
}

TEST_P(Reassembly, ChecksTheSequenceOfWholePackets) {
    peer(5, is_v6() ? ip6_of(kStranger) : ip4_of(kStranger), 1,
         [](PeerOptions& options) { options.iseq = true; });
    const auto numbered = [](std::uint32_t sequence) {
        return whole(inner(), {.key = kKey, .sequence = sequence}, kStranger);
    };
    for (const std::uint32_t sequence : {5u, 6u}) {
        expect_held(fragment_of(numbered(sequence), 0, 1000));
        expect_delivered(fragment_of(numbered(sequence), 1000, kRest), inner());
    }
    expect_held(fragment_of(numbered(5), 0, 1000));
    expect_dropped(fragment_of(numbered(5), 1000, kRest), XGRE_GRE_SEQUENCE);
}

TEST_P(Reassembly, FloodsWhatIsForAll) {
    const Packet frame = eth(kVmB, kBroadcast) / payload(1500);
    ip("link set dev c mtu 16000\n");
    expect_held(fragment_of(whole(frame), 0, 1480));
    arrive(fragment_of(whole(frame), 1480, kRest));
    expect_got(a, {frame});
    expect_got(c, {frame});
    EXPECT_EQ(counts(), (Counts{{"uplink_tc flooded", 1}}));
}

// case M06
TEST_P(Reassembly, LeavesALaterFragmentWithoutItsFirstToTheHost) {
    const Packet packet = whole(inner());
    expect_untouched(fragment_of(packet, 1480, kRest));
    expect_untouched(fragment_of(packet, 8, 8));
    // Of another packet, another sender, or in the order that is not waited for.
    expect_held(fragment_of(packet, 0, 1480, {.id = 1}));
    expect_untouched(fragment_of(packet, 1480, kRest, {.id = 9}));
    expect_untouched(fragment_of(packet, 1480, kRest, {.id = 0x10001 + (is_v6() ? 0u : 8u)}));
    expect_untouched(fragment_of(whole(inner(), {.key = kKey}, kHostC), 1480, kRest, {.id = 1}));
    expect_delivered(fragment_of(packet, 1480, kRest, {.id = 1}), inner());
    expect_untouched(fragment_of(packet, 1480, kRest, {.id = 1}));
}

// case S07
TEST_P(Reassembly, LeavesTheHostsOwnFragmentsToIt) {
    const Packet datagram = outer(kHostB) / udp(53, 53) / payload(3000);
    const Packet other = outer(kHostB) / gre({.protocol = 0x0800}) / payload(3000);
    for (const Packet& packet : {datagram, other}) {
        expect_untouched(fragment_of(packet, 0, 1480));
        expect_untouched(fragment_of(packet, 1480, 1480));
        expect_untouched(fragment_of(packet, 2960, kRest));
    }
    EXPECT_EQ(held(), 0u);
}

// case S01
TEST_P(Reassembly, HoldsNothingOfWhoIsNoPeer) {
    expect_dropped(fragment_of(whole(inner(), {.key = kKey}, kStranger), 0, 1480),
                   XGRE_UNKNOWN_PEER);
    expect_dropped(fragment_of(whole(inner(), {.key = 8}), 0, 1480), XGRE_UNKNOWN_PEER);
    expect_dropped(fragment_of(whole(inner(), {}), 0, 1480), XGRE_UNKNOWN_PEER);
    expect_dropped(fragment_of(whole(inner(), {.key = kKey, .version = 1}), 0, 1480),
                   XGRE_GRE_VERSION);
    EXPECT_EQ(held(), 0u);
}

// case M06
TEST_P(Reassembly, OfFragmentsThatOverlapIsADrop) {
    const Packet packet = whole(inner());
    const Packet second = fragment_of(packet, 1480, kRest);
    for (const std::size_t place : {8u, 1000u, 1472u}) {
        expect_held(fragment_of(packet, 0, 1480));
        expect_dropped(fragment_of(packet, 1480, kRest, {.place = place}), XGRE_FRAGMENT_OVERLAP);
        expect_untouched(second);
    }
    EXPECT_EQ(lost(XGRE_FRAGMENT_OVERLAP), 3u);
    EXPECT_EQ(peer_traffic(peer_id()).rx_packets, 3u);
    EXPECT_EQ(peer_traffic(peer_id()).rx_bytes, 3 * inner().size());
}

// case M06
TEST_P(Reassembly, OfMoreThanTwoFragmentsIsADrop) {
    const Packet packet = whole(inner(3000));
    expect_held(fragment_of(packet, 0, 1480));
    expect_dropped(fragment_of(packet, 1480, 1480), XGRE_FRAGMENT);
    expect_untouched(fragment_of(packet, 2960, kRest));
    // The one in the middle is missing.
    expect_held(fragment_of(packet, 0, 1480));
    expect_dropped(fragment_of(packet, 2960, kRest), XGRE_FRAGMENT);
    // RFC 791: of 8 bytes each, but the last.
    expect_dropped(fragment_of(packet, 0, 1477), XGRE_FRAGMENT);
    EXPECT_EQ(held(), 0u);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc fragment", 3}}));
    EXPECT_EQ(peer_traffic(peer_id()).rx_packets, 3u);
}

// case M06
TEST_P(Reassembly, LongerThanAPacketCanBeIsADrop) {
    const Packet packet = whole(inner(1400));
    expect_held(fragment_of(packet, 0, 800));
    expect_dropped(fragment_of(packet, 800, kRest, {.place = 65528}), XGRE_FRAGMENT);
    EXPECT_EQ(held(), 0u);
}

// case O07
// RFC 3168 section 5.3
TEST_P(Reassembly, HasTheMarkThatOneOfTheFragmentsHas) {
    struct Marks {
        std::uint8_t first = 0;
        std::uint8_t second = 0;
        std::optional<std::uint8_t> inner;
    };
    constexpr std::uint8_t ect1 = 1, ect0 = 2, ce = 3;
    for (const auto& [first, second, wanted] :
         {Marks{0, 0, ect0}, Marks{ect0, ect0, ect0}, Marks{ect1, ect1, ect1}, Marks{ce, ce, ce},
          Marks{ect0, ce, ce}, Marks{ce, ect0, ce}, Marks{ect1, ce, ce}, Marks{ce, ect1, ce},
          Marks{0, ce, {}}, Marks{ce, 0, {}}}) {
        SCOPED_TRACE(fmt::format("{} and {}", first, second));
        const auto marked = [](std::uint8_t tos) {
            return eth(kVmB, kVmA) / ipv4(kVmB, kVmA, {.tos = tos}) / payload(1400);
        };
        // Other bits are the first fragment's, and reach no one.
        const Packet packet = whole(marked(ect0));
        const auto ds = [](std::uint8_t ecn) { return static_cast<std::uint8_t>(0xb8 | ecn); };
        expect_held(fragment_of(packet, 0, 1000, {.ds = ds(first)}));
        const Packet last = fragment_of(packet, 1000, kRest, {.ds = second});
        if (wanted)
            expect_delivered(last, marked(*wanted));
        else
            expect_dropped(last, XGRE_ECN);
    }
}

// case M06
TEST_P(Reassembly, OfOnePeerLeavesRoomForTheOthers) {
    for (std::uint32_t id = 1; id <= 200; ++id)
        EXPECT_EQ(arrive(fragment_of(whole(inner()), 0, 1480, {.id = id})).fate, Fate::ended);
    EXPECT_EQ(held(), std::size_t{XGRE_SOURCE_FRAGMENTS});
    EXPECT_EQ(lost(XGRE_FRAGMENT_STORE_FULL), 200u - XGRE_SOURCE_FRAGMENTS);
    const Packet others = whole(inner(), {.key = kKey}, kHostC);
    expect_held(fragment_of(others, 0, 1480));
    expect_delivered(fragment_of(others, 1480, kRest), inner());
    // The newest of the first peer's are those that are there.
    for (std::uint32_t id = 193; id <= 200; ++id)
        expect_delivered(fragment_of(whole(inner()), 1480, kRest, {.id = id}), inner());
    expect_untouched(fragment_of(whole(inner()), 1480, kRest, {.id = 192}));
    EXPECT_EQ(held(), 0u);
}

// case M06
TEST_P(Reassembly, HoldsNoMoreThanItHasRoomFor) {
    constexpr std::uint32_t kSources = XGRE_FRAGMENTS / XGRE_SOURCE_FRAGMENTS;
    std::vector<Station> sources(kSources + 1, kHostB);
    for (std::uint32_t i = 0; i < sources.size(); ++i) {
        Station& source = sources[i];
        source.ip.bytes[3] = source.ip6.bytes[15] = static_cast<std::uint8_t>(100 + i);
        peer(100 + i, is_v6() ? ip6_of(source) : ip4_of(source), 1, {});
    }
    const auto first = [&](std::uint32_t source, std::uint32_t id) {
        return fragment_of(whole(inner(), {.key = kKey}, sources[source]), 0, 1480, {.id = id});
    };
    for (std::uint32_t source = 0; source < kSources; ++source)
        for (std::uint32_t id = 0; id < XGRE_SOURCE_FRAGMENTS; ++id)
            expect_held(first(source, id));
    EXPECT_EQ(held(), std::size_t{XGRE_FRAGMENTS});
    expect_dropped(first(kSources, 1), XGRE_FRAGMENT_STORE_FULL);
    EXPECT_EQ(peer_traffic(100 + kSources).rx_packets, 1u);
    EXPECT_EQ(peer_traffic(100 + kSources).rx_bytes, 1480u - 8);
    expect_delivered(fragment_of(whole(inner(), {.key = kKey}, sources[3]), 1480, kRest, {.id = 2}),
                     inner());
    expect_held(first(kSources, 1));
}

// case M06
TEST_P(Reassembly, EndsWhenTheSecondDoesNotCome) {
    const Packet packet = whole(inner());
    expect_held(fragment_of(packet, 0, 1480, {.id = 1}));
    datapath().fdb_sweep();
    EXPECT_EQ(held(), 1u);
    make_all_older(1100ms);
    expect_held(fragment_of(packet, 0, 1480, {.id = 2}));
    datapath().fdb_sweep();
    EXPECT_EQ(held(), 1u);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc fragment-timeout", 1}}));
    EXPECT_EQ(count(XGRE_PROGRAM_UPLINK_TC, XGRE_FRAGMENT_TIMEOUT).bytes, 1480u - 8);
    EXPECT_EQ(peer_traffic(peer_id()).rx_packets, 1u);
    datapath().fdb_sweep();
    EXPECT_EQ(lost(XGRE_FRAGMENT_TIMEOUT), 1u);
    expect_delivered(fragment_of(packet, 1480, kRest, {.id = 2}), inner());
}

// The sweep comes once a second; until then a first one may be found that is too old.
// case M06
TEST_P(Reassembly, IsNotMadeOfAFirstFragmentThatIsTooOld) {
    const Packet packet = whole(inner());
    expect_held(fragment_of(packet, 0, 1480));
    make_all_older(1100ms);
    EXPECT_EQ(arrive(fragment_of(packet, 1480, kRest)).fate, Fate::passed);
    EXPECT_EQ(held(), 0u);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc fragment-timeout", 1}}));
    expect_held(fragment_of(packet, 0, 1480));
    make_all_older(1100ms);
    EXPECT_EQ(arrive(fragment_of(packet, 0, 1480)).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc fragment-timeout", 2}}));
    expect_delivered(fragment_of(packet, 1480, kRest), inner());
}

// What is left where the kernel refused to delete.
TEST_P(Reassembly, UsesAnEntryThatIsDoneAgainAndTheSweepTakesItOut) {
    const Packet packet = whole(inner());
    expect_held(fragment_of(packet, 0, 1480));
    const auto finish = [&] {
        for (auto [key, entry] : datapath().fragments().entries()) {
            entry.state = XGRE_FRAGMENT_DONE;
            datapath().fragments().put(key, entry);
        }
    };
    finish();
    expect_untouched(fragment_of(packet, 1480, kRest));
    expect_held(fragment_of(packet, 0, 1480));
    expect_delivered(fragment_of(packet, 1480, kRest), inner());
    expect_held(fragment_of(packet, 0, 1480));
    finish();
    datapath().fdb_sweep();
    EXPECT_EQ(held(), 0u);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 1}}));
}

TEST_P(Reassembly, TakesTheNewestOfFirstFragmentsThatAreAlike) {
    expect_held(fragment_of(whole(inner(1500, 1)), 0, 1480));
    EXPECT_EQ(arrive(fragment_of(whole(inner(1500, 2)), 0, 1480)).fate, Fate::ended);
    EXPECT_EQ(counts(), (Counts{{"uplink_tc fragment-store-full", 1}}));
    expect_delivered(fragment_of(whole(inner(1500, 2)), 1480, kRest), inner(1500, 2));
}

// Each packet becomes whole as it was, or is counted as lost, whichever CPUs have its halves.
// case M06
TEST_P(Reassembly, IsNeverMadeOfHalvesOfDifferentPackets) {
    constexpr std::uint32_t kRounds = 3000, kIds = 4;
    // The sum tells halves apart, where theirs differ: of seeds with one sum, the first.
    constexpr std::size_t kSecondHalf = 12 + 14 + 1500 - 1480;  // GRE, Ethernet, payload
    std::map<std::uint16_t, std::uint8_t> seeds;
    for (std::uint8_t seed = 0; seed < 251; ++seed) {
        const Packet packet = inner(1500, seed);
        seeds.emplace(internet_checksum(ByteView{packet.bytes()}.last(kSecondHalf)), seed);
    }
    std::vector<std::uint8_t> numbers;
    for (const auto& [sum, seed] : seeds)
        numbers.push_back(seed);
    const auto number = [&](std::uint32_t round) { return numbers[round % numbers.size()]; };
    std::atomic<std::uint64_t> firsts = 0, wrong = 0;
    const auto send = [&](std::uint32_t begin) {
        for (std::uint32_t round = begin; round < begin + kRounds; ++round) {
            const CutOptions like{.id = round % kIds};
            const Packet packet =
                whole(inner(1500, number(round)), {.key = kKey, .checksum = true});
            run_from_wire("uplink_tc", fragment_of(packet, 0, 1480, like));
            ++firsts;
            const Result result =
                run_from_wire("uplink_tc", fragment_of(packet, 1480, kRest, like));
            if (result.fate == Fate::redirected &&
                !(result.packet == inner(1500, result.packet[14])))
                ++wrong;
        }
    };
    std::thread other{send, 100};
    send(0);
    other.join();
    EXPECT_EQ(wrong, 0u);
    std::uint64_t counted = 0;
    for (const auto& [cell, n] : counts())
        counted += n;
    EXPECT_EQ(firsts, counted + held());
    EXPECT_GT(lost(XGRE_TO_PORT), kRounds / 10);
    for (const auto& [key, entry] : datapath().fragments().entries())
        EXPECT_EQ(entry.state, std::uint32_t{XGRE_FRAGMENT_HELD});
}

// By the devices' drivers, and what the kernel does between the hooks.
class ReassemblyLive : public DatapathTest, public ::testing::WithParamInterface<Hooks> {
protected:
    ReassemblyLive() {
        use_ipv6();
        peer(3, ip6_of(kHostB), 1, {});
        learn(1, kVmA, a.owner());
        ip("link set dev a mtu 16000\n");
    }
    static std::vector<Packet> wholes(const Packet& inner) {
        return {tunnel(kHostB, inner),
                eth(kHostB, kHostA) / ipv6(kHostB, kHostA) / gre({.key = kKey}) / inner};
    }
    static Packet inner(std::size_t size) {
        return eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(1, 2) / payload(size - 28);
    }
    void send(const Packet& packet, std::size_t first) const {
        ASSERT_TRUE(wire().send(fragment_of(packet, 0, first)));
        ASSERT_TRUE(wire().send(fragment_of(packet, first, kRest)));
    }
};
ON_ALL_HOOKS(ReassemblyLive);

// case M06
TEST_P(ReassemblyLive, MakesFramesThatArriveWhole) {
    attach(GetParam());
    for (const std::size_t size : {100u, 1458u, 1500u, 2900u}) {
        for (const Packet& packet : wholes(inner(size))) {
            send(packet, size < 1480 ? 96 : 1480);
            expect_got(a, {inner(size)});
        }
    }
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", 8}}));
}

// What the kernel lets a frame grow to does not depend on its device's MTU, here 1500.
// case M06
TEST_P(ReassemblyLive, MakesJumboFrames) {
    attach(GetParam());
    std::uint64_t sent = 0;
    for (const std::size_t first : {2952u, 4096u, 8192u, 8928u}) {
        for (const std::size_t second : {1u, 72u, 1448u, 5000u}) {
            SCOPED_TRACE(fmt::format("{} and {} bytes", first, second));
            const Packet frame = inner(first + second - 8 - 14);
            for (const Packet& packet : wholes(frame)) {
                send(packet, first);
                expect_got(a, {frame});
                ++sent;
            }
        }
    }
    EXPECT_EQ(counts(), (Counts{{"uplink_tc to-port", sent}}));
}

TEST_P(ReassemblyLive, DropsByNameWhatIsTooLarge) {
    attach(GetParam());
    const Packet packet = tunnel(kHostB, inner(20000));
    constexpr std::size_t most = (XGRE_FRAGMENT_MAX - 20) / 8 * 8;
    ASSERT_TRUE(wire().send(fragment_of(packet, 0, most + 8)));
    ASSERT_TRUE(wire().send(fragment_of(packet, most + 8, kRest)));  // the host's
    // The kernel has no room for frames of more than 16 KiB.
    ASSERT_TRUE(wire().send(fragment_of(packet, 0, most)));
    ASSERT_TRUE(wire().send(fragment_of(packet, most, 9000, {.more = false})));
    const Counts wanted{{"uplink_tc fragment", 1}, {"uplink_tc rewrite-failed", 1}};
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (counts() != wanted && std::chrono::steady_clock::now() < deadline)
        std::this_thread::yield();
    EXPECT_EQ(counts(), wanted);
    EXPECT_TRUE(datapath().fragments().entries().empty());
}

}  // namespace
}  // namespace xgre::test
