// SPDX-License-Identifier: GPL-2.0-only
// Frames made of words, for `trace`: addresses are those that documentation has (RFC 5737, 3849).
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "loader/internet_sum.h"
#include "xgre/error.h"
#include "xgre/trace.h"

namespace xgre {
namespace {

constexpr std::array<std::uint8_t, 4> kSource{192, 0, 2, 1};
constexpr std::array<std::uint8_t, 4> kDestination{192, 0, 2, 2};
constexpr std::array<std::uint8_t, 16> kSource6{0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0,
                                                0,    0,    0,    0,    0, 0, 0, 1};
constexpr std::array<std::uint8_t, 16> kDestination6{0x20, 0x01, 0x0d, 0xb8, 0, 2, 0, 0,
                                                     0,    0,    0,    0,    0, 0, 0, 2};
constexpr std::uint16_t kFromPort = 40000;
constexpr std::uint16_t kDiscard = 9;
constexpr std::uint16_t kHttp = 80;
constexpr std::uint8_t kEchoRequest = 8;
constexpr std::uint8_t kEchoRequest6 = 128;

class Maker {
public:
    explicit Maker(const FrameSpec& spec) : spec_{spec} {}

    TraceFrame make() {
        put(spec_.destination.bytes());
        put(spec_.source.bytes());
        if (spec_.vlan) {
            put(std::uint16_t{ETH_P_8021Q});
            put(spec_.vlan->id());
        }
        put(spec_.type);
        switch (spec_.type) {
            case ETH_P_ARP:
                put_arp();
                break;
            case ETH_P_IP:
                put_ip4();
                break;
            case ETH_P_IPV6:
                put_ip6();
                break;
            default:
                break;
        }
        pad_to(spec_.size.value_or(kSmallest));
        return std::move(frame_);
    }

private:
    static constexpr std::size_t kSmallest = 60;  // as a wire has it

    void put(std::uint16_t word) {
        frame_.push_back(static_cast<std::uint8_t>(word >> 8));
        frame_.push_back(static_cast<std::uint8_t>(word));
    }
    void put(std::span<const std::uint8_t> bytes) {
        frame_.insert(frame_.end(), bytes.begin(), bytes.end());
    }
    void put(const Mac::Bytes& bytes) { put(std::span{bytes}); }
    void put_at(std::size_t at, std::uint16_t word) {
        frame_[at] = static_cast<std::uint8_t>(word >> 8);
        frame_[at + 1] = static_cast<std::uint8_t>(word);
    }

    void pad_to(std::size_t size) {
        if (spec_.size && frame_.size() > size)
            throw Error{fmt::format("size {}", size),
                        fmt::format("the frame's headers alone are {} bytes", frame_.size()),
                        "give a larger --size"};
        frame_.resize(std::max(frame_.size(), size));
    }

    void put_arp() {
        put(std::uint16_t{ARPHRD_ETHER});
        put(std::uint16_t{ETH_P_IP});
        put(std::uint16_t{Mac::kSize << 8 | 4});
        put(std::uint16_t{ARPOP_REQUEST});
        put(spec_.source.bytes());
        put(std::span{kSource});
        put(Mac{}.bytes());
        put(std::span{kDestination});
    }

    std::uint8_t protocol(bool is_v6) const {
        switch (spec_.protocol.value_or(FrameProtocol::udp)) {
            case FrameProtocol::tcp:
                return IPPROTO_TCP;
            case FrameProtocol::icmp:
                return is_v6 ? std::uint8_t{IPPROTO_ICMPV6} : std::uint8_t{IPPROTO_ICMP};
            case FrameProtocol::udp:
                break;
        }
        return IPPROTO_UDP;
    }

    // Of the packet's bytes, its header's `header` left out.
    std::size_t payload_size(std::size_t header) const {
        const std::size_t least = spec_.protocol == FrameProtocol::tcp ? 20 : 8;
        const std::size_t size = spec_.size.value_or(kSmallest);
        const std::size_t front = frame_.size() + header;
        return size > front + least ? size - front : least;
    }

    void put_ip4() {
        constexpr std::size_t kHeader = 20;
        const std::size_t start = frame_.size();
        const std::size_t payload = payload_size(kHeader);
        put(std::uint16_t{0x4500});
        put(static_cast<std::uint16_t>(kHeader + payload));
        put(std::uint16_t{1});
        put(std::uint16_t{0x4000});  // DF
        put(static_cast<std::uint16_t>(64 << 8 | protocol(false)));
        put(std::uint16_t{0});
        put(std::span{kSource});
        put(std::span{kDestination});
        InternetSum sum;
        sum.add(std::span{frame_}.subspan(start));
        put_at(start + 10, sum.value());
        put_payload(payload, std::span{kSource}, std::span{kDestination}, false);
    }

    void put_ip6() {
        constexpr std::size_t kHeader = 40;
        const std::size_t payload = payload_size(kHeader);
        put(std::uint16_t{0x6000});
        put(std::uint16_t{0});
        put(static_cast<std::uint16_t>(payload));
        put(static_cast<std::uint16_t>(protocol(true) << 8 | 64));
        put(std::span{kSource6});
        put(std::span{kDestination6});
        put_payload(payload, std::span{kSource6}, std::span{kDestination6}, true);
    }

    // With its checksum.
    void put_payload(std::size_t size, std::span<const std::uint8_t> source,
                     std::span<const std::uint8_t> destination, bool is_v6) {
        const std::size_t start = frame_.size();
        const std::uint8_t number = protocol(is_v6);
        frame_.resize(start + size);
        std::size_t sum_at = start + 6;
        if (number == IPPROTO_UDP || number == IPPROTO_TCP) {
            put_at(start, kFromPort);
            put_at(start + 2, spec_.port.value_or(number == IPPROTO_UDP ? kDiscard : kHttp));
        }
        if (number == IPPROTO_UDP) put_at(start + 4, static_cast<std::uint16_t>(size));
        if (number == IPPROTO_TCP) {
            put_at(start + 12, 0x5010);  // 20 bytes, ACK
            put_at(start + 14, 0xffff);
            sum_at = start + 16;
        }
        if (number == IPPROTO_ICMP || number == IPPROTO_ICMPV6) {
            frame_[start] = spec_.icmp_type.value_or(is_v6 ? kEchoRequest6 : kEchoRequest);
            sum_at = start + 2;
        }
        InternetSum sum;
        if (number != IPPROTO_ICMP) {
            sum.add(source);
            sum.add(destination);
            sum.add(std::uint16_t{number});
            sum.add(static_cast<std::uint16_t>(size));
        }
        sum.add(std::span{frame_}.subspan(start));
        const std::uint16_t value = sum.value();
        put_at(sum_at, value == 0 && number == IPPROTO_UDP ? std::uint16_t{0xffff} : value);
    }

    const FrameSpec& spec_;
    TraceFrame frame_;
};

}  // namespace

TraceFrame make_frame(const FrameSpec& spec) {
    return Maker{spec}.make();
}

}  // namespace xgre
