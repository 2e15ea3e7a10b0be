// SPDX-License-Identifier: GPL-2.0-only
// Packets for tests, written the way a diagram shows them:
//
//   const Packet frame = eth(kGateway, kHostA) / ipv4(kHostB, kHostA) / gre({.key = 7})
//                      / eth(kVmB, kVmA) / payload(46);
//
// Addresses and ports are always "from, to". What follows a layer fills in its EtherType,
// protocol, lengths and checksums, unless its options say otherwise: an option that is set
// is written as it is, right or wrong. Options are designated initialisers and stand in the
// order in which the struct lists them.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tests/packet/address_types.h"
#include "tests/packet/addresses.h"
#include "tests/packet/wire.h"

namespace xgre::test {

class Layer;

// What a run of bytes begins with, which the bytes alone do not tell.
enum class Start {
    Ethernet,
    Vlan,
    Arp,
    Ipv4,
    Ipv6,
    Ipv6Destination,
    Ipv6Fragment,
    Gre,
    Udp,
    Tcp,
    Icmp,
    Icmpv6,
    Data
};

// One packet: the layers it was written with, and their bytes. Two packets are equal when
// their bytes are.
class Packet {
public:
    Packet() = default;
    explicit Packet(std::shared_ptr<const Layer> layer);

    // A frame that came from elsewhere, as bytes that begin with an Ethernet header.
    static Packet from_bytes(ByteView bytes);

    const Bytes& bytes() const& { return bytes_; }
    Bytes bytes() && { return std::move(bytes_); }
    const std::uint8_t* data() const { return bytes_.data(); }
    std::size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }
    std::uint8_t operator[](std::size_t offset) const { return bytes_.at(offset); }

    Start start() const;

    friend Packet operator/(const Packet& outer, const Packet& inner);
    friend bool operator==(const Packet& a, const Packet& b) { return a.bytes_ == b.bytes_; }

    // The same start with other bytes, which nothing fills in again: what an outer layer
    // needs to know about it stays, so `gre() / cut(frame, 20)` still says 0x6558.
    Packet with_bytes(Bytes bytes) const;

private:
    std::vector<std::shared_ptr<const Layer>> layers_;
    Bytes bytes_;
};

// For GoogleTest's messages: decoded, then as hex.
void PrintTo(const Packet& packet, std::ostream* out);

// ---- Link layer ----

struct EthOptions {
    std::optional<std::uint16_t> type = {};
};
// In front of raw bytes the EtherType is 0x88b5, local experimental.
Packet eth(MacAddress from, MacAddress to, EthOptions options = {});

struct VlanOptions {
    std::uint8_t pcp = 0;
    bool dei = false;
    std::uint16_t tpid = kEtherTypeVlan;  // goes into the layer in front
    std::optional<std::uint16_t> type = {};
};
Packet vlan(std::uint16_t vid, VlanOptions options = {});

Packet arp_request(MacAddress sender_mac, Ipv4Address sender, Ipv4Address wanted);
Packet arp_reply(MacAddress sender_mac, Ipv4Address sender, MacAddress target_mac,
                 Ipv4Address target);

// ---- Network layer ----

// The defaults are xgre's outer header.
struct Ipv4Options {
    std::uint8_t ttl = 64;
    std::uint8_t tos = 0;
    std::uint16_t id = 0;
    bool df = true;
    std::uint16_t frag_offset = 0;  // in units of 8 bytes, as on the wire
    bool more_fragments = false;
    Bytes options = {};  // filled up with zeros to a multiple of 4 bytes
    std::optional<std::uint16_t> checksum = {};
    std::optional<std::uint16_t> total_length = {};
    std::optional<std::uint8_t> protocol = {};
};
Packet ipv4(Ipv4Address from, Ipv4Address to, Ipv4Options options = {});

struct Ipv6Options {
    std::uint8_t hop_limit = 64;
    std::uint8_t traffic_class = 0;
    std::uint32_t flow_label = 0;
    std::optional<std::uint16_t> payload_length = {};
    std::optional<std::uint8_t> next_header = {};
};
Packet ipv6(Ipv6Address from, Ipv6Address to, Ipv6Options options = {});

// RFC 2473 section 4.1.1, with the padding Linux's ip6gretap puts after it: 8 bytes.
struct EncapLimitOptions {
    std::uint8_t limit = 4;
    std::optional<std::uint8_t> next_header = {};
};
Packet ipv6_encap_limit(EncapLimitOptions options = {});

struct Ipv6FragmentOptions {
    std::uint16_t frag_offset = 0;  // in units of 8 bytes
    bool more_fragments = false;
    std::uint32_t id = 0;
    std::optional<std::uint8_t> next_header = {};
};
Packet ipv6_fragment(Ipv6FragmentOptions options = {});

// ---- GRE (RFC 2784, RFC 2890) ----

// `true`: C bit and the right sum; a number: C bit and that number; `false`: neither.
class GreChecksum {
public:
    constexpr GreChecksum() = default;
    template <std::same_as<bool> T>
    constexpr GreChecksum(T present) : present_(present) {}
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    constexpr GreChecksum(T value) : present_(true), value_(static_cast<std::uint16_t>(value)) {}

    constexpr bool present() const { return present_; }
    constexpr std::optional<std::uint16_t> value() const { return value_; }

private:
    bool present_ = false;
    std::optional<std::uint16_t> value_;
};

struct GreOptions {
    std::optional<std::uint32_t> key = {};
    GreChecksum checksum = {};
    std::optional<std::uint32_t> sequence = {};
    std::uint16_t flags_extra = 0;  // or-ed into the first 16 bits; adds no field
    std::uint8_t version = 0;
    std::optional<std::uint16_t> protocol = {};  // else from what follows; raw bytes: 0x6558
    std::uint16_t reserved1 = 0;                 // written only beside a checksum
};
Packet gre(GreOptions options = {});

// RFC 7637 section 3.2: the key field of NVGRE.
constexpr std::uint32_t nvgre_key(std::uint32_t vsid, std::uint8_t flow_id = 0) {
    return vsid << 8 | flow_id;
}

// ---- Transport ----

struct UdpOptions {
    std::optional<std::uint16_t> checksum = {};
    std::optional<std::uint16_t> length = {};
};
Packet udp(std::uint16_t from, std::uint16_t to, UdpOptions options = {});

inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kPsh = 0x08;
inline constexpr std::uint8_t kAck = 0x10;
inline constexpr std::uint8_t kUrg = 0x20;
inline constexpr std::uint8_t kEce = 0x40;
inline constexpr std::uint8_t kCwr = 0x80;

struct TcpOptions {
    std::uint8_t flags = kAck;
    std::uint32_t seq = 1;
    std::uint32_t ack = 1;
    std::uint16_t window = 65535;
    std::optional<std::uint16_t> mss = {};
    Bytes options = {};  // after the MSS; filled up with zeros to a multiple of 4 bytes
    std::optional<std::uint16_t> checksum = {};
};
Packet tcp(std::uint16_t from, std::uint16_t to, TcpOptions options = {});

struct EchoOptions {
    std::uint16_t id = 1;
    std::uint16_t sequence = 1;
    std::optional<std::uint16_t> checksum = {};
};
Packet icmp_echo_request(EchoOptions options = {});
Packet icmp_echo_reply(EchoOptions options = {});
Packet icmpv6_echo_request(EchoOptions options = {});
Packet icmpv6_echo_reply(EchoOptions options = {});

// Errors; the packet they are about follows as the next layer.
Packet icmp_frag_needed(std::uint16_t mtu);
Packet icmpv6_packet_too_big(std::uint32_t mtu);

struct IcmpOptions {
    std::uint8_t type = 0;
    std::uint8_t code = 0;
    std::uint32_t rest = 0;  // the second 32 bits
    std::optional<std::uint16_t> checksum = {};
};
Packet icmp(IcmpOptions options);
Packet icmpv6(IcmpOptions options);

// ---- Bytes ----

Packet raw(Bytes bytes);

// `size` bytes, always the same ones for a seed: (seed + i) mod 251, whose period is that of
// no word, line or page.
Packet payload(std::size_t size, std::uint8_t seed = 0);

// ---- Taking packets apart. The results are bytes: nothing is filled in again. ----

// The first `size` bytes; the header fields go on claiming the rest.
Packet cut(const Packet& packet, std::size_t size);

// All but the first `offset` bytes, which begin with an Ethernet header.
Packet frame_at(const Packet& packet, std::size_t offset);

struct CutOptions {
    std::uint32_t id = 1;
    std::optional<bool> more = {};          // else whether something follows in the whole packet
    std::optional<std::size_t> place = {};  // bytes; else where the piece begins
    std::optional<std::uint8_t> ds = {};    // TOS or traffic class; else the whole packet's
};
// A fragment (RFC 791, RFC 8200 section 4.5) of an Ethernet frame with a whole IP packet: `size`
// bytes, or as many as there are, from `begin` of what is behind the IP header on. Of IPv6, an
// encapsulation limit belongs to what is in front of every fragment.
Packet fragment_of(const Packet& whole, std::size_t begin, std::size_t size,
                   const CutOptions& options = {});

Packet with_byte(const Packet& packet, std::size_t offset, std::uint8_t value);

// `head` and `tail` side by side, when `head`'s lengths shall not count `tail`.
Packet concat(const Packet& head, const Packet& tail);

// Zeros behind the packet up to `size`, as a NIC pads a short frame; IP does not count them.
Packet padded(const Packet& packet, std::size_t size = 60);

}  // namespace xgre::test
