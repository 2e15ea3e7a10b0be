// SPDX-License-Identifier: GPL-2.0-only
// Every frame cut after every byte, with its length fields as they were and with right ones, and
// with every byte changed: always a verdict of the table, never a byte from beyond the IP length.
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

constexpr std::size_t kOuterIp = 14;

struct Fixture {
    std::string name;
    Packet packet;
    std::size_t headers;  // bytes in front of the inner frame
};

std::vector<Fixture> from_wire() {
    const auto tunneled = [](const Packet& inner, const GreOptions& header = {.key = 7},
                             const Ipv4Options& ip_header = {}) {
        const Packet outer = eth(kHostB, kHostA) / ipv4(kHostB, kHostA, ip_header) / gre(header);
        return Fixture{.name = {}, .packet = outer / inner, .headers = outer.size()};
    };
    const Packet udp_frame = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) / udp(1, 2) / payload(21);
    const Packet tcp_frame = eth(kVmB, kVmA) / ipv4(kVmB, kVmA) /
                             tcp(40000, 80, {.mss = 1400, .options = {1, 1, 1, 1}}) / payload(30);
    std::vector<Fixture> all{
        tunneled(udp_frame),
        tunneled(tcp_frame),
        tunneled(eth(kVmB, kVmA) / ipv6(kVmB, kVmA) / tcp(40000, 80) / payload(9)),
        tunneled(eth(kVmB, kVmA) / vlan(5) / vlan(6) / ipv4(kVmB, kVmA) / udp(1, 2)),
        tunneled(eth(kVmB, kBroadcast) / arp_request(kVmB, kVmB, kVmA)),
        tunneled(udp_frame, {.key = 7, .checksum = true, .sequence = 5}),
        tunneled(udp_frame, {.key = 7, .sequence = 5}),
        tunneled(udp_frame, {.key = 7}, {.options = Bytes(12, 1)}),
        tunneled(udp_frame, {.key = 7, .checksum = true}, {.options = Bytes(40, 1)}),
        tunneled(udp_frame, {.key = 9}),
    };
    for (std::size_t i = 0; i < all.size(); ++i)
        all[i].name = "from wire " + std::to_string(i);
    return all;
}

std::vector<Fixture> from_vm() {
    std::vector<Fixture> all{
        {"udp", eth(kVmA, kVmB) / ipv4(kVmA, kVmB) / udp(1, 2) / payload(21), 0},
        {"tcp6", eth(kVmA, kVmB) / ipv6(kVmA, kVmB) / tcp(1, 2) / payload(21), 0},
        {"tagged", eth(kVmA, kVmB) / vlan(5) / vlan(6) / ipv4(kVmA, kVmB) / tcp(1, 2), 0},
        {"arp", eth(kVmA, kBroadcast) / arp_request(kVmA, kVmA, kVmB), 0},
    };
    return all;
}

// The outer total length, and its checksum, made to say that the packet ends where it does.
Packet with_right_length(const Packet& packet) {
    Bytes bytes = packet.bytes();
    if (bytes.size() < kOuterIp + 20) return packet;
    const std::size_t header = std::size_t{bytes[kOuterIp]} % 16 * 4;
    set16(bytes, kOuterIp + 2, static_cast<std::uint16_t>(bytes.size() - kOuterIp));
    if (bytes.size() >= kOuterIp + header) {
        set16(bytes, kOuterIp + 10, 0);
        set16(bytes, kOuterIp + 10, internet_checksum(ByteView{bytes}.subspan(kOuterIp, header)));
    }
    return packet.with_bytes(bytes);
}

class Cut : public DatapathTest {
protected:
    Cut() {
        for (const std::uint16_t vid : {std::uint16_t{0}, std::uint16_t{5}}) {
            datapath().fdb_put(fdb_key(1, kVmA, vid), as_static(a.owner()));
            datapath().fdb_put(fdb_key(1, kVmB, vid), as_static(peer_owner(1)));
        }
    }
    std::uint64_t total() const {
        const Counts all = counts();
        return std::accumulate(
            all.begin(), all.end(), std::uint64_t{0},
            [](std::uint64_t sum, const auto& cell) { return sum + cell.second; });
    }
    // Runs it; nullopt when the kernel does not.
    std::optional<Result> run_counted(const char* program, const Packet& packet,
                                      std::uint32_t ingress, const std::string& what) const {
        const std::uint64_t before = total();
        auto result = try_run(program, packet, ingress);
        if (!result) return result;
        EXPECT_NE(result->fate, Fate::unknown) << what << ", action " << result->action;
        EXPECT_EQ(total() - before, result->fate == Fate::passed ? 0u : 1u) << what;
        return result;
    }
};

// case S02
// case S03
TEST_F(Cut, OnTheWireWithItsLengthUnchangedIsNeverDelivered) {
    for (const char* program : {"uplink_xdp", "uplink_tc"})
        for (const Fixture& fixture : from_wire())
            for (std::size_t size = 14; size < fixture.packet.size(); ++size) {
                const std::string what = fixture.name + " at " + std::to_string(size);
                const Packet packet = cut(fixture.packet, size);
                const auto result = run_counted(program, packet, wire().index(), what);
                if (!result) continue;
                EXPECT_NE(result->fate, Fate::redirected) << what;
                EXPECT_PACKET_EQ(result->packet, packet) << what;
            }
    for (const auto& [cell, n] : counts())
        EXPECT_TRUE(cell.ends_with(" truncated")) << cell << " " << n;
    EXPECT_EQ(copies(), Counts{});
    EXPECT_EQ(datapath().fdb().entries().size(), 4u);
}

// case S02
TEST_F(Cut, OnTheWireWithARightLengthIsDeliveredUpToThatLength) {
    for (const char* program : {"uplink_xdp", "uplink_tc"})
        for (const Fixture& fixture : from_wire())
            for (std::size_t size = 14; size <= fixture.packet.size(); ++size) {
                const std::string what = fixture.name + " at " + std::to_string(size);
                const Packet packet = with_right_length(cut(fixture.packet, size));
                for (const std::size_t padding : {0u, 3u}) {
                    const auto result = run_counted(program, concat(packet, payload(padding, 0xee)),
                                                    wire().index(), what);
                    if (!result || result->fate != Fate::redirected) continue;
                    EXPECT_PACKET_EQ(result->packet, frame_at(packet, fixture.headers)) << what;
                }
                wire().received();
                // Flooded to both ports, and nothing of the padding.
                for (const Packet& copy : a.tap.received())
                    EXPECT_PACKET_EQ(copy, frame_at(packet, fixture.headers)) << what;
                for (const Packet& copy : c.tap.received())
                    EXPECT_PACKET_EQ(copy, frame_at(packet, fixture.headers)) << what;
            }
}

// case S02
TEST_F(Cut, OnTheWireIsNeverDeliveredByTheAttachedProgramsEither) {
    attach(Hooks::native_xdp);
    for (const Fixture& fixture : from_wire())
        for (std::size_t size = 14; size < fixture.packet.size(); ++size) {
            ASSERT_TRUE(wire().send(cut(fixture.packet, size)));
            expect_got(a, {});
            expect_got(c, {});
        }
    for (const auto& [cell, n] : counts())
        EXPECT_TRUE(cell.ends_with(" truncated")) << cell << " " << n;
}

// case S02
TEST_F(Cut, OfAVmIsSentAsItIsOrRefusedByName) {
    for (const char* program : {"port_xdp", "port_tc"})
        for (const Fixture& fixture : from_vm())
            for (std::size_t size = 14; size <= fixture.packet.size(); ++size) {
                const std::string what = fixture.name + " at " + std::to_string(size);
                const Packet packet = cut(fixture.packet, size);
                const auto result = run_counted(program, packet, a.index(), what);
                if (!result) continue;
                if (result->fate == Fate::redirected) {
                    EXPECT_PACKET_EQ(result->packet, tunnel_to(kHostB, packet)) << what;
                }
                for (const Packet& copy : c.tap.received())
                    EXPECT_PACKET_EQ(copy, packet) << what;
                for (const Packet& copy : wire().received())
                    EXPECT_PACKET_EQ(frame_at(copy, 14 + 28), packet) << what;
            }
}

// case S02
TEST_F(Cut, OrNotAFrameWithAnyByteChangedHasAVerdictOfTheTable) {
    for (const char* program : {"uplink_xdp", "uplink_tc"})
        for (const Fixture& fixture : from_wire())
            for (std::size_t at = 0; at < fixture.packet.size(); ++at)
                for (const int change : {0x01, 0x80, 0xff}) {
                    const std::string what = fixture.name + " changed at " + std::to_string(at);
                    const Packet packet = with_byte(
                        fixture.packet, at, static_cast<std::uint8_t>(fixture.packet[at] ^ change));
                    const auto result = run_counted(program, packet, wire().index(), what);
                    if (!result || result->fate != Fate::redirected) continue;
                    EXPECT_LE(result->packet.size(), packet.size() - fixture.headers) << what;
                }
    a.tap.received();
    c.tap.received();
}

}  // namespace
}  // namespace xgre::test
