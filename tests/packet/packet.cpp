// SPDX-License-Identifier: GPL-2.0-only
#include "tests/packet/packet.h"

#include <algorithm>
#include <ostream>
#include <stdexcept>
#include <utility>

#include "tests/packet/decode.h"
#include "tests/packet/layer.h"

namespace xgre::test {
namespace {

using Layers = std::vector<std::shared_ptr<const Layer>>;

// Finished bytes which the layer in front sees as the layer they begin with.
class Frozen final : public Layer {
public:
    Frozen(Bytes bytes, Start start, std::optional<std::uint16_t> ethertype,
           std::optional<std::uint8_t> ip_protocol)
        : bytes_(std::move(bytes)),
          start_(start),
          ethertype_(ethertype),
          ip_protocol_(ip_protocol) {}

    Start start() const override { return start_; }
    std::optional<std::uint16_t> ethertype() const override { return ethertype_; }
    std::optional<std::uint8_t> ip_protocol() const override { return ip_protocol_; }
    Bytes header(const Surroundings&) const override { return bytes_; }

private:
    Bytes bytes_;
    Start start_;
    std::optional<std::uint16_t> ethertype_;
    std::optional<std::uint8_t> ip_protocol_;
};

const Layer* carrier_of(const Layers& layers, std::size_t index) {
    while (index > 0) {
        const Layer* before = layers[--index].get();
        if (!before->source().empty()) return before;
        if (!before->is_ip_extension()) return nullptr;
    }
    return nullptr;
}

// From the last layer to the first: a header depends on all that follows it.
Bytes assemble(const Layers& layers) {
    Bytes body;
    for (std::size_t i = layers.size(); i-- > 0;) {
        const Layer* next = i + 1 < layers.size() ? layers[i + 1].get() : nullptr;
        Bytes bytes = layers[i]->header({carrier_of(layers, i), next, body});
        put(bytes, body);
        body = std::move(bytes);
    }
    return body;
}

}  // namespace

Packet::Packet(std::shared_ptr<const Layer> layer) : layers_{std::move(layer)} {
    bytes_ = assemble(layers_);
}

Packet Packet::from_bytes(ByteView bytes) {
    return Packet{std::make_shared<Frozen>(Bytes(bytes.begin(), bytes.end()), Start::Ethernet,
                                           kEtherTypeTransparentBridging, kProtocolEthernet)};
}

Start Packet::start() const {
    return layers_.empty() ? Start::Data : layers_.front()->start();
}

Packet Packet::with_bytes(Bytes bytes) const {
    if (layers_.empty()) return raw(std::move(bytes));
    const Layer& first = *layers_.front();
    return Packet{std::make_shared<Frozen>(std::move(bytes), first.start(), first.ethertype(),
                                           first.ip_protocol())};
}

Packet operator/(const Packet& outer, const Packet& inner) {
    Packet both;
    both.layers_ = outer.layers_;
    both.layers_.insert(both.layers_.end(), inner.layers_.begin(), inner.layers_.end());
    both.bytes_ = assemble(both.layers_);
    return both;
}

void PrintTo(const Packet& packet, std::ostream* out) {
    *out << packet.size() << " bytes\n" << decode(packet) << hex_dump(packet.bytes());
}

Packet cut(const Packet& packet, std::size_t size) {
    if (size > packet.size()) throw std::out_of_range("cut: the packet is shorter than that");
    Bytes bytes = packet.bytes();
    bytes.resize(size);
    return packet.with_bytes(std::move(bytes));
}

Packet frame_at(const Packet& packet, std::size_t offset) {
    if (offset > packet.size())
        throw std::out_of_range("frame_at: the packet is shorter than that");
    return Packet::from_bytes(ByteView{packet.bytes()}.subspan(offset));
}

namespace {

constexpr std::size_t kIp = 14;  // offset

Bytes ipv4_of_fragment(ByteView frame, std::size_t place, bool more, std::size_t size,
                       const CutOptions& options) {
    Bytes out{frame.begin(), frame.end()};
    if (options.ds) out.at(kIp + 1) = *options.ds;
    set16(out, kIp + 2, static_cast<std::uint16_t>(frame.size() - kIp + size));
    set16(out, kIp + 4, static_cast<std::uint16_t>(options.id));
    set16(out, kIp + 6, static_cast<std::uint16_t>(place / 8 | (more ? 0x2000 : 0)));
    set16(out, kIp + 10, 0);
    set16(out, kIp + 10, internet_checksum(ByteView{out}.subspan(kIp)));
    return out;
}

Bytes ipv6_of_fragment(ByteView frame, std::size_t place, bool more, std::size_t size,
                       const CutOptions& options) {
    Bytes out{frame.begin(), frame.end()};
    const std::size_t next = frame.size() == kIp + 40 ? kIp + 6 : kIp + 40;
    if (options.ds)
        set16(out, kIp, static_cast<std::uint16_t>((get16(out, kIp) & 0xf00f) | *options.ds << 4));
    set16(out, kIp + 4, static_cast<std::uint16_t>(frame.size() - kIp - 40 + 8 + size));
    put8(out, out.at(next));
    put8(out, 0);
    put16(out, static_cast<std::uint16_t>(place | (more ? 1 : 0)));
    put32(out, options.id);
    out.at(next) = kProtocolIpv6Fragment;
    return out;
}

}  // namespace

Packet fragment_of(const Packet& whole, std::size_t begin, std::size_t size,
                   const CutOptions& options) {
    const ByteView all{whole.bytes()};
    const bool is_v6 = get16(all, 12) == kEtherTypeIpv6;
    const std::size_t limit = is_v6 && all[kIp + 6] == kProtocolIpv6Destination ? 8 : 0;
    const std::size_t front = kIp + (is_v6 ? 40 + limit : std::size_t{all[kIp] & 0x0fu} * 4);
    const ByteView piece = all.subspan(front + begin);
    const bool more = options.more.value_or(size < piece.size());
    size = std::min(size, piece.size());
    const std::size_t place = options.place.value_or(begin);
    Bytes out = is_v6 ? ipv6_of_fragment(all.first(front), place, more, size, options)
                      : ipv4_of_fragment(all.first(front), place, more, size, options);
    put(out, piece.first(size));
    return Packet::from_bytes(out);
}

Packet with_byte(const Packet& packet, std::size_t offset, std::uint8_t value) {
    Bytes bytes = packet.bytes();
    bytes.at(offset) = value;
    return packet.with_bytes(std::move(bytes));
}

Packet concat(const Packet& head, const Packet& tail) {
    Bytes bytes = head.bytes();
    put(bytes, tail.bytes());
    return head.empty() ? tail.with_bytes(std::move(bytes)) : head.with_bytes(std::move(bytes));
}

Packet padded(const Packet& packet, std::size_t size) {
    Bytes bytes = packet.bytes();
    bytes.resize(std::max(size, bytes.size()));
    return packet.with_bytes(std::move(bytes));
}

}  // namespace xgre::test
