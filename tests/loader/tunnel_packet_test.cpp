// SPDX-License-Identifier: GPL-2.0-only
// What `xgre test` takes for right, beside packets that were made by other code.
#include "loader/tunnel_packet.h"

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>

#include "tests/packet/decode.h"
#include "tests/packet/packet.h"

namespace xgre::test {
namespace {

const Packet kInner =
    eth(kVmA, kVmB) / ipv4(kVmA, kVmB, {.ttl = 17, .tos = 0x28}) / udp(1, 2) / payload(30);

IpAddr v4(const Station& station) {
    return Ip4Addr{station.ip.bytes};
}
IpAddr v6(const Station& station) {
    return Ip6Addr{station.ip6.bytes};
}
TunnelEnds ends4() {
    return {.from = v4(kHostA), .to = v4(kHostB)};
}
TunnelEnds ends6() {
    return {.from = v6(kHostA), .to = v6(kHostB)};
}
PeerOptions with(const std::function<void(PeerOptions&)>& change) {
    PeerOptions options;
    options.ikey = options.okey = GreKey{7};
    change(options);
    return options;
}
std::optional<std::string> fault(const TunnelEnds& ends, const PeerOptions& options,
                                 const Packet& packet) {
    return fault_of_packet(ends, options, packet.bytes(), kInner.bytes());
}
Packet by_ip4(const Ipv4Options& ip, const GreOptions& options) {
    return eth(kHostA, kHostB) / ipv4(kHostA, kHostB, ip) / gre(options) / kInner;
}
Packet by_ip6(const Ipv6Options& ip, const GreOptions& options) {
    return eth(kHostA, kHostB) / ipv6(kHostA.ip6, kHostB.ip6, ip) / gre(options) / kInner;
}
const auto kPlain = [](PeerOptions&) {};

TEST(TunnelPacket, IsRightAsTheOptionsSay) {
    EXPECT_EQ(fault(ends4(), with(kPlain), by_ip4({}, {.key = 7})), std::nullopt);
    EXPECT_EQ(fault(ends4(), with([](auto& o) { o.okey.reset(); }), by_ip4({}, {})), std::nullopt);
    EXPECT_EQ(fault(ends4(), with([](auto& o) { o.ocsum = o.oseq = true; }),
                    by_ip4({}, {.key = 7, .checksum = true, .sequence = 99})),
              std::nullopt);
    EXPECT_EQ(fault(ends4(), with([](auto& o) {
                        o.ttl.reset();
                        o.tos.reset();
                        o.df = DontFragment::unset;
                    }),
                    by_ip4({.ttl = 17, .tos = 0x28, .df = false}, {.key = 7})),
              std::nullopt);
    EXPECT_EQ(fault(ends6(), with([](auto& o) { o.flow_label = 5; }),
                    by_ip6({.flow_label = 5}, {.key = 7})),
              std::nullopt);
    EXPECT_EQ(fault(ends6(), with(kPlain), by_ip6({.flow_label = 77}, {.key = 7})), std::nullopt);
    EXPECT_EQ(fault(ends6(), with([](auto& o) { o.encap_limit = 4; }),
                    eth(kHostA, kHostB) / ipv6(kHostA.ip6, kHostB.ip6) / ipv6_encap_limit() /
                        gre({.key = 7}) / kInner),
              std::nullopt);
    TunnelEnds nvgre = ends4();
    nvgre.mode = NetworkMode::nvgre;
    EXPECT_EQ(fault(nvgre, with(kPlain), by_ip4({}, {.key = nvgre_key(7, 0xab)})), std::nullopt);
}

struct WrongCase {
    std::string name;
    Packet packet;
    std::string words;
};
class WrongTunnelPacket : public testing::TestWithParam<WrongCase> {};

TEST_P(WrongTunnelPacket, IsToldByWhatIsWrong) {
    const auto found = fault(ends4(), with(kPlain), GetParam().packet);
    ASSERT_TRUE(found);
    EXPECT_NE(found->find(GetParam().words), std::string::npos) << *found;
}

INSTANTIATE_TEST_SUITE_P(
    , WrongTunnelPacket,
    testing::Values(
        WrongCase{"Ttl", by_ip4({.ttl = 63}, {.key = 7}), "TTL or hop limit is 63"},
        WrongCase{"Tos", by_ip4({.tos = 4}, {.key = 7}), "TOS"},
        WrongCase{"Df", by_ip4({.df = false}, {.key = 7}), "fragment"},
        WrongCase{"Checksum", by_ip4({.checksum = 1}, {.key = 7}), "IPv4 checksum"},
        WrongCase{"Protocol", by_ip4({.protocol = 4}, {.key = 7}), "IP protocol"},
        WrongCase{"Key", by_ip4({}, {.key = 8}), "GRE key is 8"},
        WrongCase{"NoKey", by_ip4({}, {}), "GRE header begins"},
        WrongCase{"Sequence", by_ip4({}, {.key = 7, .sequence = 1}), "GRE header begins"},
        WrongCase{"GreProtocol", by_ip4({}, {.key = 7, .protocol = 0x0800}), "not 6558"},
        WrongCase{"Addresses",
                  eth(kHostA, kHostB) / ipv4(kHostA, kHostC) / gre({.key = 7}) / kInner,
                  "addresses"},
        WrongCase{"Inside",
                  eth(kHostA, kHostB) / ipv4(kHostA, kHostB) / gre({.key = 7}) / eth(kVmA, kVmB) /
                      payload(50),
                  "what is inside"},
        WrongCase{"Padding", padded(by_ip4({}, {.key = 7}), 200), "total length"},
        WrongCase{"OtherFamily", by_ip6({}, {.key = 7}), "IPv4 packet"},
        WrongCase{"Short", cut(by_ip4({}, {.key = 7}), 20), "IPv4 packet"},
        WrongCase{"Nothing", Packet{}, "IPv4 packet"}),
    [](const auto& param) { return param.param.name; });

TEST(TunnelPacket, OfAPeerIsAsAnotherMakesIt) {
    const Mac to{kHostB.mac.bytes};
    const auto same = [&](const TunnelEnds& ends, const PeerOptions& options,
                          const Packet& wanted) {
        const Bytes made = packet_of_peer(ends, options, 5, to, kInner.bytes());
        // The router's MAC may be any.
        EXPECT_EQ(frame_at(Packet::from_bytes(made), 12), frame_at(wanted, 12)) << decode(wanted);
    };
    same(ends4(), with(kPlain), by_ip4({}, {.key = 7}));
    same(ends4(), with([](auto& o) { o.ikey.reset(); }), by_ip4({}, {}));
    same(ends4(), with([](auto& o) { o.icsum = o.iseq = true; }),
         by_ip4({}, {.key = 7, .checksum = true, .sequence = 5}));
    same(ends6(), with(kPlain), by_ip6({}, {.key = 7}));
    same(ends6(), with([](auto& o) { o.icsum = true; }), by_ip6({}, {.key = 7, .checksum = true}));
    TunnelEnds nvgre = ends4();
    nvgre.mode = NetworkMode::nvgre;
    same(nvgre, with(kPlain), by_ip4({}, {.key = nvgre_key(7)}));
}

}  // namespace
}  // namespace xgre::test
