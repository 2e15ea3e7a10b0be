// SPDX-License-Identifier: GPL-2.0-only
// Tunnels in the tunnel: a port may itself carry an overlay, whose frames the kernel has marked as
// encapsulated.
#include <net/if.h>
#include <netinet/in.h>
#include <netpacket/packet.h>
#include <sys/socket.h>

#include "tests/bpf/datapath_fixture.h"

namespace xgre::test {
namespace {

class Nested : public DatapathTest {};

// case O05
TEST_F(Nested, VxlanOfAPortIsSentLikeAnyOtherFrame) {
    ip("link add port type veth peer name vm\n"
       "link set dev vm address 02:00:00:00:0a:01 up\nlink set dev port up\n"
       "address add 192.0.2.11/24 dev vm\n"
       "neigh add 192.0.2.12 lladdr 02:00:00:00:0a:02 dev vm nud permanent\n");
    try {
        ip("link add overlay type vxlan id 5 dstport 4789 remote 192.0.2.12 dev vm\n"
           "link set dev overlay up\n");
    } catch (const Error&) {
        GTEST_SKIP() << "this kernel has no vxlan";
    }
    xgre_port row = datapath().ports().find(a.index()).value();
    const std::uint32_t index = if_nametoindex("port");
    datapath().ports().put(index, row);
    datapath().redirect().put(index, index);
    learn(1, kVmB, peer_owner(1));
    attach_tc(index, datapath().program("port_tc"));

    const Fd overlay{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)};
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(if_nametoindex("overlay"));
    const Packet inner = frame(kVmC, kVmD);
    for (const Packet& packet :
         {inner, eth(kVmC, kVmD) / ipv4(kVmC, kVmD) / udp(1, 2) / payload(9)}) {
        ASSERT_EQ(sendto(overlay.get(), packet.data(), packet.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
                  static_cast<ssize_t>(packet.size()));
        const auto sent = wire().received(1);
        ASSERT_EQ(sent.size(), 1u);
        // IPv4 20, GRE 8; Ethernet 14, IPv4 20, UDP 8, VXLAN 8.
        EXPECT_PACKET_EQ(frame_at(sent[0], 14 + 28 + 14 + 36), packet);
        EXPECT_PACKET_EQ(sent[0], tunnel_to(kHostB, frame_at(sent[0], 14 + 28)));
    }
    EXPECT_EQ(counts(), (Counts{{"port_tc to-peer", 2}}));
}

}  // namespace
}  // namespace xgre::test
