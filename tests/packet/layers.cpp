// SPDX-License-Identifier: GPL-2.0-only
// Every kind of layer packet.h offers.
#include <utility>

#include "tests/packet/layer.h"
#include "tests/packet/packet.h"

namespace xgre::test {
namespace {

std::uint16_t ethertype_of(const Layer* next, std::uint16_t otherwise) {
    return next != nullptr ? next->ethertype().value_or(otherwise) : otherwise;
}

std::uint8_t ip_protocol_of(const Layer* next) {
    return next != nullptr ? next->ip_protocol().value_or(kProtocolExperimental)
                           : kProtocolExperimental;
}

void fill_to_words(Bytes& bytes) {
    while (bytes.size() % 4 != 0)
        bytes.push_back(0);
}

Bytes joined(ByteView a, ByteView b) {
    Bytes out(a.begin(), a.end());
    put(out, b);
    return out;
}

// The sum over pseudo header, header and body. Without an IP header in front there is no
// pseudo header, and the sum is over the rest.
std::uint16_t transport_checksum(const Surroundings& around, std::uint8_t protocol,
                                 ByteView header) {
    Bytes covered;
    if (around.network != nullptr) {
        covered = pseudo_header(around.network->source(), around.network->destination(), protocol,
                                header.size() + around.body.size());
    }
    put(covered, header);
    put(covered, around.body);
    return internet_checksum(covered);
}

class Ethernet final : public Layer {
public:
    Ethernet(MacAddress from, MacAddress to, EthOptions options)
        : from_(from), to_(to), options_(options) {}

    Start start() const override { return Start::Ethernet; }
    std::optional<std::uint16_t> ethertype() const override {
        return kEtherTypeTransparentBridging;
    }
    std::optional<std::uint8_t> ip_protocol() const override { return kProtocolEthernet; }

    Bytes header(const Surroundings& around) const override {
        Bytes out;
        put(out, to_.bytes);
        put(out, from_.bytes);
        put16(out, options_.type.value_or(ethertype_of(around.next, kEtherTypeExperimental)));
        return out;
    }

private:
    MacAddress from_;
    MacAddress to_;
    EthOptions options_;
};

class Vlan final : public Layer {
public:
    Vlan(std::uint16_t vid, VlanOptions options) : vid_(vid), options_(options) {}

    Start start() const override { return Start::Vlan; }
    std::optional<std::uint16_t> ethertype() const override { return options_.tpid; }

    Bytes header(const Surroundings& around) const override {
        Bytes out;
        put16(out, static_cast<std::uint16_t>((options_.pcp & 7) << 13 |
                                              (options_.dei ? 1 : 0) << 12 | (vid_ & 0xfff)));
        put16(out, options_.type.value_or(ethertype_of(around.next, kEtherTypeExperimental)));
        return out;
    }

private:
    std::uint16_t vid_;
    VlanOptions options_;
};

class Arp final : public Layer {
public:
    enum class Operation : std::uint16_t { Request = 1, Reply = 2 };

    Arp(Operation operation, MacAddress sender_mac, Ipv4Address sender, MacAddress target_mac,
        Ipv4Address target)
        : operation_(operation),
          sender_mac_(sender_mac),
          sender_(sender),
          target_mac_(target_mac),
          target_(target) {}

    Start start() const override { return Start::Arp; }
    std::optional<std::uint16_t> ethertype() const override { return kEtherTypeArp; }

    Bytes header(const Surroundings&) const override {
        Bytes out;
        put16(out, 1);  // Ethernet
        put16(out, kEtherTypeIpv4);
        put8(out, static_cast<std::uint8_t>(sender_mac_.bytes.size()));
        put8(out, static_cast<std::uint8_t>(sender_.bytes.size()));
        put16(out, static_cast<std::uint16_t>(operation_));
        put(out, sender_mac_.bytes);
        put(out, sender_.bytes);
        put(out, target_mac_.bytes);
        put(out, target_.bytes);
        return out;
    }

private:
    Operation operation_;
    MacAddress sender_mac_;
    Ipv4Address sender_;
    MacAddress target_mac_;
    Ipv4Address target_;
};

class Ipv4 final : public Layer {
public:
    Ipv4(Ipv4Address from, Ipv4Address to, Ipv4Options options)
        : from_(from), to_(to), options_(std::move(options)) {
        fill_to_words(options_.options);
    }

    Start start() const override { return Start::Ipv4; }
    std::optional<std::uint16_t> ethertype() const override { return kEtherTypeIpv4; }
    std::optional<std::uint8_t> ip_protocol() const override { return kProtocolIpv4; }
    ByteView source() const override { return from_.bytes; }
    ByteView destination() const override { return to_.bytes; }

    Bytes header(const Surroundings& around) const override {
        const std::size_t size = 20 + options_.options.size();
        Bytes out;
        put8(out, static_cast<std::uint8_t>(0x40 | (size / 4 & 0x0f)));
        put8(out, options_.tos);
        put16(out, options_.total_length.value_or(
                       static_cast<std::uint16_t>(size + around.body.size())));
        put16(out, options_.id);
        put16(out, static_cast<std::uint16_t>((options_.df ? 0x4000 : 0) |
                                              (options_.more_fragments ? 0x2000 : 0) |
                                              (options_.frag_offset & 0x1fff)));
        put8(out, options_.ttl);
        put8(out, options_.protocol.value_or(ip_protocol_of(around.next)));
        put16(out, 0);
        put(out, from_.bytes);
        put(out, to_.bytes);
        put(out, options_.options);
        set16(out, 10, options_.checksum.value_or(internet_checksum(out)));
        return out;
    }

private:
    Ipv4Address from_;
    Ipv4Address to_;
    Ipv4Options options_;
};

class Ipv6 final : public Layer {
public:
    Ipv6(Ipv6Address from, Ipv6Address to, Ipv6Options options)
        : from_(from), to_(to), options_(options) {}

    Start start() const override { return Start::Ipv6; }
    std::optional<std::uint16_t> ethertype() const override { return kEtherTypeIpv6; }
    std::optional<std::uint8_t> ip_protocol() const override { return kProtocolIpv6; }
    ByteView source() const override { return from_.bytes; }
    ByteView destination() const override { return to_.bytes; }

    Bytes header(const Surroundings& around) const override {
        Bytes out;
        put32(out, 0x60000000u | static_cast<std::uint32_t>(options_.traffic_class) << 20 |
                       (options_.flow_label & 0xfffffu));
        put16(out,
              options_.payload_length.value_or(static_cast<std::uint16_t>(around.body.size())));
        put8(out, options_.next_header.value_or(ip_protocol_of(around.next)));
        put8(out, options_.hop_limit);
        put(out, from_.bytes);
        put(out, to_.bytes);
        return out;
    }

private:
    Ipv6Address from_;
    Ipv6Address to_;
    Ipv6Options options_;
};

class EncapLimit final : public Layer {
public:
    explicit EncapLimit(EncapLimitOptions options) : options_(options) {}

    Start start() const override { return Start::Ipv6Destination; }
    std::optional<std::uint8_t> ip_protocol() const override { return kProtocolIpv6Destination; }
    bool is_ip_extension() const override { return true; }

    Bytes header(const Surroundings& around) const override {
        const std::uint8_t next = options_.next_header.value_or(ip_protocol_of(around.next));
        // Next header, length 0 (8 bytes); tunnel encapsulation limit; PadN of 3 bytes.
        return {next, 0, 4, 1, options_.limit, 1, 1, 0};
    }

private:
    EncapLimitOptions options_;
};

class Ipv6Fragment final : public Layer {
public:
    explicit Ipv6Fragment(Ipv6FragmentOptions options) : options_(options) {}

    Start start() const override { return Start::Ipv6Fragment; }
    std::optional<std::uint8_t> ip_protocol() const override { return kProtocolIpv6Fragment; }
    bool is_ip_extension() const override { return true; }

    Bytes header(const Surroundings& around) const override {
        Bytes out;
        put8(out, options_.next_header.value_or(ip_protocol_of(around.next)));
        put8(out, 0);
        put16(out, static_cast<std::uint16_t>((options_.frag_offset & 0x1fff) << 3 |
                                              (options_.more_fragments ? 1 : 0)));
        put32(out, options_.id);
        return out;
    }

private:
    Ipv6FragmentOptions options_;
};

class Gre final : public Layer {
public:
    explicit Gre(GreOptions options) : options_(options) {}

    Start start() const override { return Start::Gre; }
    std::optional<std::uint8_t> ip_protocol() const override { return kProtocolGre; }

    Bytes header(const Surroundings& around) const override {
        Bytes out;
        put16(out, static_cast<std::uint16_t>(
                       (options_.checksum.present() ? kGreChecksumBit : 0) |
                       (options_.key ? kGreKeyBit : 0) | (options_.sequence ? kGreSequenceBit : 0) |
                       options_.flags_extra | (options_.version & kGreVersionMask)));
        put16(out,
              options_.protocol.value_or(ethertype_of(around.next, kEtherTypeTransparentBridging)));
        if (options_.checksum.present()) {
            put16(out, 0);
            put16(out, options_.reserved1);
        }
        if (options_.key) put32(out, *options_.key);
        if (options_.sequence) put32(out, *options_.sequence);
        if (options_.checksum.present()) {
            // RFC 2784 section 2.5: over the GRE header and the payload, with the field zero.
            set16(out, 4,
                  options_.checksum.value().value_or(internet_checksum(joined(out, around.body))));
        }
        return out;
    }

private:
    GreOptions options_;
};

class Udp final : public Layer {
public:
    Udp(std::uint16_t from, std::uint16_t to, UdpOptions options)
        : from_(from), to_(to), options_(options) {}

    Start start() const override { return Start::Udp; }
    std::optional<std::uint8_t> ip_protocol() const override { return kProtocolUdp; }

    Bytes header(const Surroundings& around) const override {
        Bytes out;
        put16(out, from_);
        put16(out, to_);
        put16(out, options_.length.value_or(static_cast<std::uint16_t>(8 + around.body.size())));
        put16(out, 0);
        const std::uint16_t sum = transport_checksum(around, kProtocolUdp, out);
        // RFC 768: 0 on the wire means no checksum, so a sum of 0 is sent as its other form.
        set16(out, 6, options_.checksum.value_or(sum == 0 ? std::uint16_t{0xffff} : sum));
        return out;
    }

private:
    std::uint16_t from_;
    std::uint16_t to_;
    UdpOptions options_;
};

class Tcp final : public Layer {
public:
    Tcp(std::uint16_t from, std::uint16_t to, TcpOptions options)
        : from_(from), to_(to), options_(std::move(options)) {}

    Start start() const override { return Start::Tcp; }
    std::optional<std::uint8_t> ip_protocol() const override { return kProtocolTcp; }

    Bytes header(const Surroundings& around) const override {
        Bytes tail;
        if (options_.mss) {
            put8(tail, 2);
            put8(tail, 4);
            put16(tail, *options_.mss);
        }
        put(tail, options_.options);
        fill_to_words(tail);

        Bytes out;
        put16(out, from_);
        put16(out, to_);
        put32(out, options_.seq);
        put32(out, options_.ack);
        put8(out, static_cast<std::uint8_t>((20 + tail.size()) / 4 << 4));
        put8(out, options_.flags);
        put16(out, options_.window);
        put16(out, 0);  // checksum
        put16(out, 0);  // urgent pointer
        put(out, tail);
        set16(out, 16, options_.checksum.value_or(transport_checksum(around, kProtocolTcp, out)));
        return out;
    }

private:
    std::uint16_t from_;
    std::uint16_t to_;
    TcpOptions options_;
};

class Icmp final : public Layer {
public:
    enum class Version { V4, V6 };

    Icmp(Version version, IcmpOptions options) : version_(version), options_(options) {}

    Start start() const override { return version_ == Version::V4 ? Start::Icmp : Start::Icmpv6; }
    std::optional<std::uint8_t> ip_protocol() const override {
        return version_ == Version::V4 ? kProtocolIcmp : kProtocolIcmpv6;
    }

    Bytes header(const Surroundings& around) const override {
        Bytes out;
        put8(out, options_.type);
        put8(out, options_.code);
        put16(out, 0);
        put32(out, options_.rest);
        // RFC 4443 section 2.3: ICMPv6 counts the pseudo header, ICMP does not.
        const std::uint16_t sum = version_ == Version::V4
                                      ? internet_checksum(joined(out, around.body))
                                      : transport_checksum(around, kProtocolIcmpv6, out);
        set16(out, 2, options_.checksum.value_or(sum));
        return out;
    }

private:
    Version version_;
    IcmpOptions options_;
};

class Raw final : public Layer {
public:
    explicit Raw(Bytes bytes) : bytes_(std::move(bytes)) {}

    Start start() const override { return Start::Data; }
    Bytes header(const Surroundings&) const override { return bytes_; }

private:
    Bytes bytes_;
};

template <typename L, typename... Arguments>
Packet made(Arguments&&... arguments) {
    return Packet{std::make_shared<L>(std::forward<Arguments>(arguments)...)};
}

IcmpOptions echo(std::uint8_t type, const EchoOptions& options) {
    return {.type = type,
            .rest = static_cast<std::uint32_t>(options.id) << 16 | options.sequence,
            .checksum = options.checksum};
}

}  // namespace

Packet eth(MacAddress from, MacAddress to, EthOptions options) {
    return made<Ethernet>(from, to, options);
}

Packet vlan(std::uint16_t vid, VlanOptions options) {
    return made<Vlan>(vid, options);
}

Packet arp_request(MacAddress sender_mac, Ipv4Address sender, Ipv4Address wanted) {
    return made<Arp>(Arp::Operation::Request, sender_mac, sender, MacAddress{}, wanted);
}

Packet arp_reply(MacAddress sender_mac, Ipv4Address sender, MacAddress target_mac,
                 Ipv4Address target) {
    return made<Arp>(Arp::Operation::Reply, sender_mac, sender, target_mac, target);
}

Packet ipv4(Ipv4Address from, Ipv4Address to, Ipv4Options options) {
    return made<Ipv4>(from, to, std::move(options));
}

Packet ipv6(Ipv6Address from, Ipv6Address to, Ipv6Options options) {
    return made<Ipv6>(from, to, options);
}

Packet ipv6_encap_limit(EncapLimitOptions options) {
    return made<EncapLimit>(options);
}

Packet ipv6_fragment(Ipv6FragmentOptions options) {
    return made<Ipv6Fragment>(options);
}

Packet gre(GreOptions options) {
    return made<Gre>(options);
}

Packet udp(std::uint16_t from, std::uint16_t to, UdpOptions options) {
    return made<Udp>(from, to, options);
}

Packet tcp(std::uint16_t from, std::uint16_t to, TcpOptions options) {
    return made<Tcp>(from, to, std::move(options));
}

Packet icmp_echo_request(EchoOptions options) {
    return icmp(echo(8, options));
}
Packet icmp_echo_reply(EchoOptions options) {
    return icmp(echo(0, options));
}
Packet icmpv6_echo_request(EchoOptions options) {
    return icmpv6(echo(128, options));
}
Packet icmpv6_echo_reply(EchoOptions options) {
    return icmpv6(echo(129, options));
}

Packet icmp_frag_needed(std::uint16_t mtu) {
    return icmp({.type = 3, .code = 4, .rest = mtu});
}
Packet icmpv6_packet_too_big(std::uint32_t mtu) {
    return icmpv6({.type = 2, .rest = mtu});
}

Packet icmp(IcmpOptions options) {
    return made<Icmp>(Icmp::Version::V4, options);
}
Packet icmpv6(IcmpOptions options) {
    return made<Icmp>(Icmp::Version::V6, options);
}

Packet raw(Bytes bytes) {
    return made<Raw>(std::move(bytes));
}

Packet payload(std::size_t size, std::uint8_t seed) {
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = static_cast<std::uint8_t>((seed + i) % 251);
    return raw(std::move(bytes));
}

}  // namespace xgre::test
