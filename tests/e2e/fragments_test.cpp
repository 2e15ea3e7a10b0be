// SPDX-License-Identifier: GPL-2.0-only
// Tunnel packets that the kernel of the other host cuts in two, as it does for a gretap with
// `nopmtudisc`.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "tests/e2e/lab.h"
#include "tests/packet/wire.h"
#include "xgre/error.h"

namespace xgre::test {
namespace {

using testing::IsEmpty;

constexpr std::uint32_t kKey = 7;

class Fragments : public testing::TestWithParam<Path> {};
INSTANTIATE_TEST_SUITE_P(, Fragments, kBothPaths, path_name);

// GRE by a host's own stack, which may be cut on its way.
class GreSocket {
public:
    explicit GreSocket(const Host& from)
        : scope_{from.netns().enter()}, socket_{socket(AF_INET, SOCK_RAW, IPPROTO_GRE)} {
        const int never = IP_PMTUDISC_DONT;
        if (!socket_.is_open() ||
            setsockopt(socket_.get(), IPPROTO_IP, IP_MTU_DISCOVER, &never, sizeof(never)) != 0)
            throw Error::from_errno("GRE socket", "open", errno, "run as root");
    }
    void send(Ipv4Address to, const Packet& frame) const {
        const Packet packet = gre({.key = kKey}) / frame;
        sockaddr_in address{};
        address.sin_family = AF_INET;
        std::ranges::copy(to.bytes, reinterpret_cast<std::uint8_t*>(&address.sin_addr));
        if (sendto(socket_.get(), packet.data(), packet.size(), 0,
                   reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0)
            throw Error::from_errno("GRE socket", "send", errno, "look at the route");
    }

private:
    NetnsScope scope_;
    Fd socket_;
};

bool is_fragment(const Packet& packet) {
    return get16(packet.bytes(), 12) == kEtherTypeIpv4 && packet[23] == kProtocolGre &&
           (get16(packet.bytes(), 20) & 0x3fff) != 0;
}

// case M06
TEST_P(Fragments, ThatAKernelMadeOfATunnelPacketArriveAsOneFrame) {
    Lab lab;
    lab.mesh("lan", kKey, GetParam());
    Vm& a1 = lab.join('a', "a1", kVmA, "lan");
    Capture wire{lab.middle(), Lab::wire_of('b')};
    const Packet small = eth(kVmB, kVmA) / payload(46);
    const Packet large = eth(kVmB, kVmA) / payload(1500);
    {
        const GreSocket b{lab.host('b')};
        for (int i = 0; i < 100; ++i) {
            b.send(lab.host('a').ip(), large);
            b.send(lab.host('a').ip(), small);
        }
    }
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(a1.gets(large)) << i;
        EXPECT_TRUE(a1.gets(small)) << i;
    }
    EXPECT_EQ(wire.count(is_fragment), 200u);
    EXPECT_THAT(lab.host('a').drops(), IsEmpty());
}

// case S07
TEST_P(Fragments, OfTheHostsOwnPacketsAreItsOwn) {
    Lab lab;
    lab.mesh("lan", kKey, GetParam());
    EXPECT_TRUE(lab.host('b').netns().ping(lab.host('a').ip(), 4000));
    EXPECT_TRUE(lab.host('a').netns().ping(lab.host('b').ip(), 4000));
    EXPECT_THAT(lab.host('a').drops(), IsEmpty());
    EXPECT_THAT(lab.host('b').drops(), IsEmpty());
}

}  // namespace
}  // namespace xgre::test
