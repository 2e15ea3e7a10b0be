// SPDX-License-Identifier: GPL-2.0-only
// Every checksum in what was on a wire, looked at: IPv4 headers, GRE, TCP, UDP, ICMP and ICMPv6,
// under VLAN tags, behind IPv6 extension headers, inside tunnels, and of what came in fragments.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "tests/packet/packet.h"

namespace xgre::test {

class SumReader {
public:
    // Reads one more frame, and says what is wrong with it; nothing where all is right. UDP
    // without a checksum is wrong, and so is a packet that ends too soon.
    std::vector<std::string> read(const Packet& frame);

    // How many checksums were right, by what they are of: "GRE", "inner TCP/IPv6".
    const std::map<std::string, std::size_t>& right() const { return right_; }
    std::size_t right(const std::string& name) const;
    // Packets of which some fragments are missing still.
    std::size_t incomplete() const { return pieces_.size(); }

private:
    struct Address {
        ByteView source;
        ByteView destination;
    };
    struct Pieces {
        std::map<std::size_t, Bytes> by_place;
        std::size_t size = 0;  // of the whole; 0 until the last one has come
    };

    void read_ethernet(ByteView frame);
    void read_ipv4(ByteView packet);
    void read_ipv6(ByteView packet);
    void read_transport(const Address& address, std::uint8_t protocol, ByteView data);
    void read_gre(ByteView data);
    void read_piece(const Address& address, std::uint8_t protocol, std::uint32_t id,
                    std::uint16_t place_and_more, ByteView data);
    void note(const std::string& what, bool is_right);
    std::string named(const std::string& what) const;

    std::map<std::string, std::size_t> right_;
    std::map<Bytes, Pieces> pieces_;
    std::vector<std::string> wrong_;
    bool is_inside_ = false;
};

}  // namespace xgre::test
