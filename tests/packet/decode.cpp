// SPDX-License-Identifier: GPL-2.0-only
#include "tests/packet/decode.h"

#include <algorithm>
#include <array>
#include <utility>

namespace xgre::test {
namespace {

std::string hex_digits(std::uint32_t value, int digits) {
    std::string out;
    for (int i = digits - 1; i >= 0; --i)
        out += "0123456789abcdef"[value >> (4 * i) & 0xf];
    return out;
}

std::string hex(std::uint32_t value, int digits = 4) {
    return "0x" + hex_digits(value, digits);
}

std::string mac_text(ByteView bytes) {
    std::string out;
    for (const std::uint8_t byte : bytes.first(6)) {
        if (!out.empty()) out += ':';
        out += hex_digits(byte, 2);
    }
    return out;
}

std::string ipv4_text(ByteView bytes) {
    std::string out;
    for (const std::uint8_t byte : bytes.first(4)) {
        if (!out.empty()) out += '.';
        out += std::to_string(byte);
    }
    return out;
}

// RFC 5952: the longest run of two or more zero groups becomes "::".
std::string ipv6_text(ByteView bytes) {
    std::size_t best = 8;
    std::size_t best_length = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t length = 0;
        while (i + length < 8 && get16(bytes, 2 * (i + length)) == 0)
            ++length;
        if (length > best_length) {
            best = i;
            best_length = length;
        }
    }
    std::string out;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == best) {
            out += "::";
            i += best_length - 1;
            continue;
        }
        if (!out.empty() && out.back() != ':') out += ':';
        std::string group = hex_digits(get16(bytes, 2 * i), 4);
        group.erase(0, std::min(group.find_first_not_of('0'), std::size_t{3}));
        out += group;
    }
    return out;
}

std::string bytes_text(std::size_t count) {
    return std::to_string(count) + (count == 1 ? " byte" : " bytes");
}

// `covered` contains the checksum field at `offset`.
std::string checksum_text(ByteView covered, std::size_t offset, ByteView pseudo = {}) {
    const std::uint16_t written = get16(covered, offset);
    Bytes zeroed(pseudo.begin(), pseudo.end());
    put(zeroed, covered);
    set16(zeroed, pseudo.size() + offset, 0);
    const std::uint16_t right = internet_checksum(zeroed);
    const std::string text = "checksum " + hex(written);
    // 0 and 0xffff are the same number in one's complement.
    if (written % 0xffff == right % 0xffff) return text + " ok";
    return text + " WRONG, should be " + hex(right);
}

// The IP header in front of a transport header.
struct Carrier {
    ByteView source;
    ByteView destination;
    bool fragment = false;

    Bytes pseudo(std::uint8_t protocol, std::size_t length) const {
        return source.empty() ? Bytes{} : pseudo_header(source, destination, protocol, length);
    }
};

class Decoder {
public:
    explicit Decoder(ByteView all) : all_(all) {}

    void decode(ByteView view, Start start) {
        switch (start) {
            case Start::Ethernet:
                return ethernet(view);
            case Start::Vlan:
                return vlan(view, kEtherTypeVlan);
            case Start::Arp:
                return arp(view);
            case Start::Ipv4:
                return ipv4(view);
            case Start::Ipv6:
                return ipv6(view);
            case Start::Ipv6Destination:
                return ip_payload(view, kProtocolIpv6Destination, {});
            case Start::Ipv6Fragment:
                return ip_payload(view, kProtocolIpv6Fragment, {});
            case Start::Gre:
                return ip_payload(view, kProtocolGre, {});
            case Start::Udp:
                return ip_payload(view, kProtocolUdp, {});
            case Start::Tcp:
                return ip_payload(view, kProtocolTcp, {});
            case Start::Icmp:
                return ip_payload(view, kProtocolIcmp, {});
            case Start::Icmpv6:
                return ip_payload(view, kProtocolIcmpv6, {});
            case Start::Data:
                return data(view);
        }
    }

    std::vector<DecodedLayer> take() && { return std::move(layers_); }

private:
    void line(ByteView view, std::string text) {
        layers_.push_back({static_cast<std::size_t>(view.data() - all_.data()), std::move(text)});
    }

    // Whether `view` holds a header of `size` bytes; says so if not.
    bool holds(ByteView view, std::size_t size, const std::string& name) {
        if (view.size() >= size) return true;
        line(view, name + " cut off: " + std::to_string(view.size()) + " of " + bytes_text(size));
        return false;
    }

    void data(ByteView view) {
        if (!view.empty()) line(view, "Data " + bytes_text(view.size()));
    }

    void padding(ByteView view) {
        if (!view.empty()) line(view, "Padding " + bytes_text(view.size()));
    }

    void ethernet(ByteView view) {
        if (!holds(view, 14, "Ethernet")) return;
        const std::uint16_t type = get16(view, 12);
        line(view, "Ethernet " + mac_text(view.subspan(6)) + " > " + mac_text(view) + ", type " +
                       hex(type));
        by_ethertype(view.subspan(14), type);
    }

    void by_ethertype(ByteView view, std::uint16_t type) {
        switch (type) {
            case kEtherTypeVlan:
            case kEtherTypeServiceVlan:
                return vlan(view, type);
            case kEtherTypeArp:
                return arp(view);
            case kEtherTypeIpv4:
                return ipv4(view);
            case kEtherTypeIpv6:
                return ipv6(view);
            case kEtherTypeTransparentBridging:
                return ethernet(view);
            default:
                return data(view);
        }
    }

    void vlan(ByteView view, std::uint16_t tpid) {
        if (!holds(view, 4, "VLAN")) return;
        const std::uint16_t tci = get16(view, 0);
        const std::uint16_t type = get16(view, 2);
        line(view, "VLAN " + std::to_string(tci & 0xfff) + ", pcp " + std::to_string(tci >> 13) +
                       ((tci & 0x1000) != 0 ? ", DEI" : "") + ", tpid " + hex(tpid) + ", type " +
                       hex(type));
        by_ethertype(view.subspan(4), type);
    }

    void arp(ByteView view) {
        if (!holds(view, 28, "ARP")) return;
        const std::uint16_t operation = get16(view, 6);
        const std::string sender =
            ipv4_text(view.subspan(14)) + " (" + mac_text(view.subspan(8)) + ")";
        const std::string target =
            ipv4_text(view.subspan(24)) + " (" + mac_text(view.subspan(18)) + ")";
        line(view, "ARP " +
                       (operation == 1   ? std::string("request")
                        : operation == 2 ? std::string("reply")
                                         : "operation " + std::to_string(operation)) +
                       ", sender " + sender + ", target " + target);
        padding(view.subspan(28));
    }

    void ipv4(ByteView view) {
        if (!holds(view, 20, "IPv4")) return;
        const std::size_t header = (view[0] & 0xfu) * 4u;
        const std::size_t total = get16(view, 2);
        const std::uint16_t fragment = get16(view, 6);
        const std::uint16_t offset = fragment & 0x1fff;
        const bool more = (fragment & 0x2000) != 0;
        std::string text = "IPv4 " + ipv4_text(view.subspan(12)) + " > " +
                           ipv4_text(view.subspan(16)) + ", length " + std::to_string(total);
        if (total > view.size()) text += " BUT ONLY " + std::to_string(view.size());
        if (view[0] >> 4 != 4) text += ", VERSION " + std::to_string(view[0] >> 4);
        text += ", ttl " + std::to_string(view[8]) + ", tos " + hex(view[1], 2) + ", id " +
                std::to_string(get16(view, 4)) +
                ((fragment & 0x8000) != 0 ? ", RESERVED BIT" : "") +
                ((fragment & 0x4000) != 0 ? ", DF" : "") + (more ? ", MF" : "") +
                (offset != 0 ? ", fragment offset " + std::to_string(offset * 8) : "") +
                ", protocol " + std::to_string(view[9]);
        if (header < 20 || header > view.size()) {
            line(view, text + ", BAD header length " + std::to_string(header));
            return data(view.subspan(20));
        }
        text += ", " + checksum_text(view.first(header), 10);
        if (header > 20) text += ", options " + bytes_text(header - 20);
        line(view, text);
        const std::size_t end = std::clamp(total, header, view.size());
        const ByteView body = view.subspan(header, end - header);
        if (offset != 0) {
            data(body);
        } else {
            ip_payload(body, view[9], {view.subspan(12, 4), view.subspan(16, 4), more});
        }
        padding(view.subspan(end));
    }

    void ipv6(ByteView view) {
        if (!holds(view, 40, "IPv6")) return;
        const std::uint32_t first = get32(view, 0);
        const std::size_t length = get16(view, 4);
        std::string text = "IPv6 " + ipv6_text(view.subspan(8)) + " > " +
                           ipv6_text(view.subspan(24)) + ", payload " + std::to_string(length);
        if (40 + length > view.size()) text += " BUT ONLY " + std::to_string(view.size() - 40);
        if (first >> 28 != 6) text += ", VERSION " + std::to_string(first >> 28);
        text += ", hop limit " + std::to_string(view[7]) + ", class " + hex(first >> 20 & 0xff, 2) +
                ", flow " + hex(first & 0xfffff, 5) + ", next " + std::to_string(view[6]);
        line(view, text);
        const std::size_t end = std::min(40 + length, view.size());
        ip_payload(view.subspan(40, end - 40), view[6],
                   {view.subspan(8, 16), view.subspan(24, 16)});
        padding(view.subspan(end));
    }

    void ip_payload(ByteView view, std::uint8_t protocol, const Carrier& carrier) {
        switch (protocol) {
            case kProtocolIpv4:
                return ipv4(view);
            case kProtocolIpv6:
                return ipv6(view);
            case kProtocolIpv6Destination:
                return ipv6_destination(view, carrier);
            case kProtocolIpv6Fragment:
                return ipv6_fragment(view, carrier);
            case kProtocolGre:
                return gre(view, carrier);
            case kProtocolUdp:
                return udp(view, carrier);
            case kProtocolTcp:
                return tcp(view, carrier);
            case kProtocolIcmp:
                return icmp(view, "ICMP", {}, carrier.fragment);
            case kProtocolIcmpv6:
                return icmp(view, "ICMPv6", carrier.pseudo(kProtocolIcmpv6, view.size()),
                            carrier.fragment);
            case kProtocolEthernet:
                return ethernet(view);
            default:
                return data(view);
        }
    }

    void ipv6_destination(ByteView view, const Carrier& carrier) {
        const std::string name = "IPv6 destination options";
        if (!holds(view, 8, name)) return;
        const std::size_t size = (view[1] + 1u) * 8u;
        if (!holds(view, size, name)) return;
        std::string text = name + ", " + bytes_text(size);
        if (view[2] == 4 && view[3] == 1) text += ", encap limit " + std::to_string(view[4]);
        line(view, text + ", next " + std::to_string(view[0]));
        ip_payload(view.subspan(size), view[0], carrier);
    }

    void ipv6_fragment(ByteView view, Carrier carrier) {
        if (!holds(view, 8, "IPv6 fragment")) return;
        const std::uint16_t fragment = get16(view, 2);
        const bool more = (fragment & 1) != 0;
        line(view, "IPv6 fragment, offset " + std::to_string(fragment & 0xfff8) +
                       (more ? ", more" : "") + ", id " + std::to_string(get32(view, 4)) +
                       ", next " + std::to_string(view[0]));
        if ((fragment & 0xfff8) != 0) return data(view.subspan(8));
        carrier.fragment = more;
        ip_payload(view.subspan(8), view[0], carrier);
    }

    void gre(ByteView view, const Carrier& carrier) {
        if (!holds(view, 4, "GRE")) return;
        const std::uint16_t flags = get16(view, 0);
        const std::uint16_t type = get16(view, 2);
        const bool has_checksum = (flags & kGreChecksumBit) != 0;
        const bool has_key = (flags & kGreKeyBit) != 0;
        const bool has_sequence = (flags & kGreSequenceBit) != 0;
        const std::size_t header =
            4u + (has_checksum ? 4u : 0u) + (has_key ? 4u : 0u) + (has_sequence ? 4u : 0u);
        if (!holds(view, header, "GRE (flags " + hex(flags) + ")")) return;

        std::string text = "GRE";
        std::size_t at = 4;
        if (has_checksum) {
            text += carrier.fragment ? " checksum " + hex(get16(view, at)) + " (fragment)"
                                     : " " + checksum_text(view, at);
            if (get16(view, at + 2) != 0) text += ", reserved1 " + hex(get16(view, at + 2));
            text += ",";
            at += 4;
        }
        if (has_key) {
            text += " key " + std::to_string(get32(view, at)) + ",";
            at += 4;
        }
        if (has_sequence) text += " sequence " + std::to_string(get32(view, at)) + ",";
        const std::uint16_t known =
            kGreChecksumBit | kGreKeyBit | kGreSequenceBit | kGreVersionMask;
        if ((flags & ~known) != 0) text += " EXTRA FLAGS " + hex(flags & ~known & 0xffffu) + ",";
        if ((flags & kGreVersionMask) != 0) {
            text += " VERSION " + std::to_string(flags & kGreVersionMask) + ",";
        }
        line(view, text + " type " + hex(type));
        if ((flags & (kGreRoutingBit | kGreVersionMask)) != 0) return data(view.subspan(header));
        by_ethertype(view.subspan(header), type);
    }

    void udp(ByteView view, const Carrier& carrier) {
        if (!holds(view, 8, "UDP")) return;
        const std::size_t length = get16(view, 4);
        std::string text = "UDP " + std::to_string(get16(view, 0)) + " > " +
                           std::to_string(get16(view, 2)) + ", length " + std::to_string(length);
        if (carrier.fragment) {
            text += ", checksum " + hex(get16(view, 6)) + " (fragment)";
        } else if (length < 8 || length > view.size()) {
            text += " BUT " + std::to_string(view.size());
        } else if (get16(view, 6) == 0) {
            text += ", no checksum";
        } else {
            text +=
                ", " + checksum_text(view.first(length), 6, carrier.pseudo(kProtocolUdp, length));
        }
        line(view, text);
        data(view.subspan(8));
    }

    void tcp(ByteView view, const Carrier& carrier) {
        if (!holds(view, 20, "TCP")) return;
        const std::size_t header = (view[12] >> 4) * 4u;
        std::string flags;
        constexpr std::array names{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
        for (std::size_t i = 0; i < names.size(); ++i) {
            if ((view[13] >> i & 1) != 0)
                flags += (flags.empty() ? "" : "+") + std::string(names[i]);
        }
        std::string text =
            "TCP " + std::to_string(get16(view, 0)) + " > " + std::to_string(get16(view, 2)) +
            ", " + (flags.empty() ? "no flags" : flags) + ", seq " +
            std::to_string(get32(view, 4)) + ", ack " + std::to_string(get32(view, 8)) +
            ", window " + std::to_string(get16(view, 14)) + ", ";
        text += carrier.fragment
                    ? "checksum " + hex(get16(view, 16)) + " (fragment)"
                    : checksum_text(view, 16, carrier.pseudo(kProtocolTcp, view.size()));
        if (header < 20 || header > view.size()) {
            line(view, text + ", BAD header length " + std::to_string(header));
            return data(view.subspan(20));
        }
        if (header > 20) text += ", options " + bytes_text(header - 20);
        if (header >= 24 && view[20] == 2 && view[21] == 4) {
            text += ", mss " + std::to_string(get16(view, 22));
        }
        line(view, text);
        data(view.subspan(header));
    }

    void icmp(ByteView view, const std::string& name, ByteView pseudo, bool fragment) {
        if (!holds(view, 8, name)) return;
        line(view, name + " type " + std::to_string(view[0]) + " code " + std::to_string(view[1]) +
                       ", rest " + hex(get32(view, 4), 8) + ", " +
                       (fragment ? "checksum " + hex(get16(view, 2)) + " (fragment)"
                                 : checksum_text(view, 2, pseudo)));
        data(view.subspan(8));
    }

    ByteView all_;
    std::vector<DecodedLayer> layers_;
};

std::string dump_line(ByteView bytes, std::size_t line) {
    std::string out = "  " + hex_digits(static_cast<std::uint32_t>(line), 4) + " ";
    for (std::size_t i = line; i < std::min(line + 16, bytes.size()); ++i) {
        out += ' ';
        out += hex_digits(bytes[i], 2);
    }
    return out + "\n";
}

std::string mark_line(std::size_t column) {
    return std::string(8 + 3 * column, ' ') + "^^\n";
}

std::string decoded_with_mark(const Packet& packet, std::size_t mark) {
    const auto layers = decode_layers(packet.bytes(), packet.start());
    std::string out;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const std::size_t end = i + 1 < layers.size() ? layers[i + 1].offset : packet.size();
        const bool marked = layers[i].offset <= mark && mark < end;
        out += (marked ? "> " : "  ") + layers[i].text + "\n";
    }
    if (mark >= packet.size()) out += "> (ends here)\n";
    return out;
}

}  // namespace

std::vector<DecodedLayer> decode_layers(ByteView bytes, Start start) {
    Decoder decoder{bytes};
    decoder.decode(bytes, start);
    return std::move(decoder).take();
}

std::string decode(ByteView bytes, Start start) {
    std::string out;
    for (const DecodedLayer& layer : decode_layers(bytes, start))
        out += layer.text + "\n";
    return out;
}

std::string decode(const Packet& packet) {
    return decode(packet.bytes(), packet.start());
}

std::string hex_dump(ByteView bytes) {
    return hex_dump(bytes, SIZE_MAX);
}

std::string hex_dump(ByteView bytes, std::size_t mark) {
    // A mark one past the end may start a line of its own.
    const std::size_t end = mark == SIZE_MAX ? bytes.size() : std::max(bytes.size(), mark + 1);
    std::string out;
    for (std::size_t line = 0; line < end; line += 16) {
        out += dump_line(bytes, line);
        if (line <= mark && mark < line + 16) out += mark_line(mark - line);
    }
    return out;
}

std::string difference(const Packet& actual, const Packet& expected) {
    if (actual == expected) return {};
    const Bytes& a = actual.bytes();
    const Bytes& e = expected.bytes();
    const auto first = static_cast<std::size_t>(
        std::mismatch(a.begin(), a.end(), e.begin(), e.end()).first - a.begin());
    const auto byte_text = [first](const Bytes& bytes) {
        return first < bytes.size() ? hex(bytes[first], 2) : std::string("the end");
    };
    return "packets differ at offset " + std::to_string(first) + " (" +
           hex(static_cast<std::uint32_t>(first)) + "): actual " + byte_text(a) + ", expected " +
           byte_text(e) + "\nactual, " + bytes_text(a.size()) + ":\n" +
           decoded_with_mark(actual, first) + "expected, " + bytes_text(e.size()) + ":\n" +
           decoded_with_mark(expected, first) + "actual bytes:\n" + hex_dump(a, first) +
           "expected bytes:\n" + hex_dump(e, first);
}

}  // namespace xgre::test
