// SPDX-License-Identifier: GPL-2.0-only
#include "tests/model/model.h"

#include <algorithm>

namespace xgre::test::model {
namespace {

constexpr std::size_t kEthernet = 14;
constexpr std::size_t kTag = 4;
constexpr std::size_t kMaxTags = 4;

bool is_tag(std::uint16_t type) {
    return type == kEtherTypeVlan || type == kEtherTypeServiceVlan;
}

bool is_group(MacAddress mac) {
    return (mac.bytes[0] & 1) != 0;
}

MacAddress mac_at(ByteView bytes, std::size_t offset) {
    MacAddress mac{};
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), 6, mac.bytes.begin());
    return mac;
}

}  // namespace

// ---- A frame of a VM ----------------------------------------------------------------------------

struct Model::Frame {
    explicit Frame(ByteView all) : bytes{all}, dst{mac_at(all, 0)}, src{mac_at(all, 6)} {
        std::size_t type = 12;
        while (tags <= kMaxTags && type + 2 <= all.size() && is_tag(get16(all, type))) {
            if (tags == 0 && type + 4 <= all.size()) vlan = get16(all, type + 2) & 0x0fff;
            ++tags;
            type += kTag;
        }
        const std::size_t whole_tags = (all.size() - kEthernet) / kTag;
        ends_in_tag = tags > whole_tags;
        ends_in_first_tag = tags > 0 && whole_tags == 0;
    }
    // A device allows for one tag on top of its MTU.
    bool fits(std::size_t mtu) const {
        return bytes.size() <= mtu + kEthernet + (tags > 0 ? kTag : 0);
    }
    // Tags are taken out of the bytes and put back, and the kernel takes out no half tag.
    std::optional<xgre_verdict> refused_by_tunnels() const {
        if (ends_in_tag) return XGRE_REWRITE_FAILED;
        if (tags > kMaxTags) return XGRE_TOO_MANY_TAGS;
        return {};
    }

    ByteView bytes;
    MacAddress dst, src;
    std::uint16_t vlan = 0;
    std::size_t tags = 0;
    bool ends_in_tag = false;
    bool ends_in_first_tag = false;
};

std::vector<Sent> Model::receive(std::size_t device, ByteView frame) {
    sent_.clear();
    std::size_t bytes = frame.size();
    if (device == kWire) {
        Incoming in;
        std::optional<std::uint32_t> peer;
        verdict_ = from_wire(frame, in, peer);
        if (verdict_ == XGRE_PASS || verdict_ == XGRE_PUNT) return {};
        if (!in.inner.empty()) bytes = in.inner.size();
        count(verdict_, peer, bytes);
    } else {
        verdict_ = from_port(device, Frame{frame});
        if (verdict_ != XGRE_TRUNCATED) {
            Traffic& traffic = totals_.ports[device];
            ++traffic.rx_packets;
            traffic.rx_bytes += bytes;
        }
        count(verdict_, {}, bytes);
    }
    return std::move(sent_);
}

void Model::count(xgre_verdict verdict, std::optional<std::uint32_t> peer, std::size_t bytes) {
    Count& cell = totals_.verdicts.at(verdict);
    ++cell.packets;
    cell.bytes += bytes;
    if (!peer) return;
    Traffic& traffic = totals_.peers[*peer];
    ++traffic.rx_packets;
    traffic.rx_bytes += bytes;
}

xgre_verdict Model::from_port(std::size_t number, const Frame& frame) {
    const Port& port = state_.ports.at(number);
    const Owner self{.is_port = true, .id = static_cast<std::uint32_t>(number)};
    // A tag is given to TC beside the bytes, and the second is the first that is in them.
    if (frame.ends_in_first_tag || (frame.ends_in_tag && frame.tags == 2)) return XGRE_TRUNCATED;
    if (!state_.networks.contains(port.network)) return XGRE_NO_NETWORK;
    if (is_group(frame.src) || frame.src == kAllZero) return XGRE_BAD_SOURCE;
    if (port.locked && find(port.network, frame.vlan, frame.src) != self) return XGRE_LOCKED;
    if (port.learns) learn(port.network, frame, self);

    const std::optional<Owner> to = destination(port.network, frame);
    if (!to) return flood(port.network, number, frame);
    if (!to->is_port) {
        const Bytes bytes = with_mss(frame.bytes, room_to_peers({to->id}));
        return send_to_peer(to->id, Frame{bytes}, false);
    }
    if (*to == self) return XGRE_SAME_PORT;
    if (port.isolated && state_.ports.at(to->id).isolated) return XGRE_ISOLATED;
    return send_to_port(to->id, frame);
}

// ---- A packet from the wire ---------------------------------------------------------------------

std::optional<std::uint32_t> Model::find_peer(const Incoming& in) const {
    for (const bool nvgre : {false, true})
        for (const auto& [id, peer] : state_.peers)
            if (peer.nvgre == nvgre && is_from(peer, in)) return id;
    return {};
}

// RFC 2890 section 2.2. One that is far behind is of a peer that has started anew.
xgre_verdict Model::check_peer(Peer& peer, const Incoming& in) {
    constexpr std::int32_t window = 1024;
    if (peer.icsum && !in.has_sum) return XGRE_GRE_NO_CHECKSUM;
    if (!peer.iseq) return XGRE_GO;
    if (!in.sequence) return XGRE_GRE_SEQUENCE;
    if (peer.expected) {
        const auto ahead = static_cast<std::int32_t>(*in.sequence - *peer.expected);
        if (ahead < 0 && ahead >= -window) return XGRE_GRE_SEQUENCE;
    }
    peer.expected = *in.sequence + 1;
    return XGRE_GO;
}

xgre_verdict Model::from_wire(ByteView packet, Incoming& in, std::optional<std::uint32_t>& peer) {
    if (const auto verdict = reassemble(packet, in, peer)) {
        if (*verdict != XGRE_GO) return *verdict;
        packet = whole_;
        in = {};
    }
    if (const xgre_verdict verdict = take_apart(state_.self, packet, in); verdict != XGRE_GO)
        return verdict;
    peer = find_peer(in);
    if (!peer) return XGRE_UNKNOWN_PEER;
    if (in.is_fragment) return hold(packet, in, *peer);
    if (Frame{in.inner}.ends_in_first_tag) return XGRE_TRUNCATED;
    if (!in.sum_is_right) return XGRE_GRE_CHECKSUM;
    if (state_.peers.at(*peer).rp_filter && state_.peers.at(*peer).route == Route::none)
        return XGRE_RP_FILTER;
    if (const xgre_verdict verdict = check_peer(state_.peers.at(*peer), in); verdict != XGRE_GO)
        return verdict;
    return from_peer(*peer, in);
}

std::optional<xgre_verdict> Model::reassemble(ByteView packet, Incoming& in,
                                              std::optional<std::uint32_t>& peer) {
    const auto second = read_fragment(state_.self, packet);
    if (!second || second->place == 0) return {};
    auto first = fragments_.take(*second);
    if (!first) return {};
    peer = first->peer;
    const xgre_verdict verdict = join(*first, *second, packet);
    whole_.assign(first->inner_len + second->end - second->payload, 0);
    in.inner = whole_;
    if (verdict == XGRE_GO) whole_ = std::move(first->packet);
    return verdict;
}

xgre_verdict Model::hold(ByteView packet, const Incoming& in, std::uint32_t peer) {
    const auto fragment = read_fragment(state_.self, packet);
    if (!fragment) return XGRE_FRAGMENT;
    const ByteView all = packet.first(fragment->end);
    const auto [verdict, pushed_out] = fragments_.hold({.as = *fragment,
                                                        .packet = {all.begin(), all.end()},
                                                        .peer = peer,
                                                        .inner_len = in.inner.size()});
    if (pushed_out) count(XGRE_FRAGMENT_STORE_FULL, pushed_out->peer, pushed_out->inner_len);
    return verdict;
}

xgre_verdict Model::from_peer(std::uint32_t id, const Incoming& in) {
    const std::uint32_t network = state_.peers.at(id).network;
    const Owner self{.is_port = false, .id = id};
    Bytes bytes{in.inner.begin(), in.inner.end()};
    const Frame frame{bytes};
    if (is_group(frame.src) || frame.src == kAllZero) return XGRE_BAD_SOURCE;
    const std::optional<Owner> to = destination(network, frame);
    if (to && !to->is_port) return XGRE_SPLIT_HORIZON;
    if (to && !frame.fits(state_.ports.at(to->id).mtu)) return XGRE_TOO_LARGE;
    if (const xgre_verdict verdict = take_ecn(in.ecn, bytes); verdict != XGRE_GO) return verdict;
    learn(network, frame, self);
    bytes = with_mss(bytes, room_to_peers({id}));
    return to ? send_to_port(to->id, Frame{bytes}) : flood(network, {}, Frame{bytes});
}

// ---- The FDB ------------------------------------------------------------------------------------

std::optional<Owner> Model::find(std::uint32_t network, std::uint16_t vlan, MacAddress mac) const {
    const auto found = state_.fdb.find({network, vlan, mac.bytes});
    if (found == state_.fdb.end()) return {};
    const FdbEntry& entry = found->second;
    if (entry.age == Age::expired && !entry.is_static) return {};
    return entry.owner;
}

std::optional<Owner> Model::destination(std::uint32_t network, const Frame& frame) const {
    if (is_group(frame.dst)) return {};
    const std::optional<Owner> owner = find(network, frame.vlan, frame.dst);
    if (!owner) return {};
    // Stale entries are as good as none.
    if (owner->is_port) {
        const Port& port = state_.ports.at(owner->id);
        if (!port.is_there || port.network != network) return {};
    } else {
        const auto peer = state_.peers.find(owner->id);
        if (peer == state_.peers.end() || peer->second.network != network) return {};
    }
    return owner;
}

void Model::learn(std::uint32_t network, const Frame& frame, Owner from) {
    const FdbKey key{network, frame.vlan, frame.src.bytes};
    const auto found = state_.fdb.find(key);
    const bool is_new = found == state_.fdb.end();
    if (!is_new && found->second.is_static) return;
    const bool was_expired = !is_new && found->second.age == Age::expired;
    if (is_new || found->second.owner != from) {
        const std::size_t limit =
            from.is_port ? state_.ports.at(from.id).mac_limit : state_.peers.at(from.id).mac_limit;
        const auto has = std::ranges::count_if(state_.fdb, [&from](const auto& entry) {
            return entry.second.owner == from && !entry.second.is_static;
        });
        if (limit != 0 && static_cast<std::size_t>(has) >= limit) {
            ++totals_.notes[XGRE_NOTE_MAC_LIMIT];
            return;
        }
        ++totals_.notes.at(is_new || was_expired ? XGRE_NOTE_LEARNED : XGRE_NOTE_MOVED);
    } else if (was_expired) {
        ++totals_.notes[XGRE_NOTE_LEARNED];
    }
    state_.fdb[key] = {.owner = from};
}

// ---- Sending ------------------------------------------------------------------------------------

xgre_verdict Model::send_to_port(std::size_t number, const Frame& frame) {
    if (!frame.fits(state_.ports.at(number).mtu)) return XGRE_TOO_LARGE;
    Traffic& traffic = totals_.ports[number];
    ++traffic.tx_packets;
    traffic.tx_bytes += frame.bytes.size();
    sent_.push_back({number, {Packet::from_bytes(frame.bytes)}});
    return XGRE_TO_PORT;
}

// Bytes of a frame that each of them can be sent.
std::size_t Model::room_to_peers(const std::vector<std::uint32_t>& ids) const {
    std::size_t room = state_.mtu;
    for (const std::uint32_t id : ids)
        if (const auto peer = state_.peers.find(id); peer != state_.peers.end())
            room = std::min(room, state_.mtu - outer_size(peer->second));
    return room;
}

xgre_verdict Model::send_to_peer(std::uint32_t id, const Frame& frame, bool as_copy) {
    Peer& peer = state_.peers.at(id);
    if (const auto refused = frame.refused_by_tunnels()) return *refused;
    if (peer.route == Route::none) return XGRE_NO_ROUTE;
    if (outer_size(peer) + frame.bytes.size() > state_.mtu) return XGRE_TOO_LARGE;
    if (as_copy && peer.route != Route::resolved) ++totals_.notes[XGRE_NOTE_RESOLVE];
    if (peer.route != Route::unresolved)
        sent_.push_back({kWire, encapsulate(state_.self, peer, frame.bytes)});
    if (peer.route == Route::to_confirm) peer.route = Route::resolved;
    Traffic& traffic = totals_.peers[id];
    ++traffic.tx_packets;
    traffic.tx_bytes += frame.bytes.size();
    return XGRE_TO_PEER;
}

xgre_verdict Model::flood(std::uint32_t network, std::optional<std::size_t> from,
                          const Frame& frame) {
    const FloodList& list = state_.flood[network];
    const bool isolated = from && state_.ports.at(*from).isolated;
    bool has_target = false;
    const auto count = [this, &has_target](xgre_verdict verdict) {
        const bool is_sent = verdict == XGRE_TO_PORT || verdict == XGRE_TO_PEER;
        ++totals_.verdicts.at(is_sent ? XGRE_FLOODED : verdict).copies;
        has_target = true;
    };
    for (const std::size_t number : list.ports) {
        const Port& port = state_.ports.at(number);
        if (number == from || !port.is_there || port.network != network) continue;
        if (!port.takes_floods && !is_group(frame.dst)) continue;
        if (isolated && port.isolated) continue;
        count(send_to_port(number, frame));
    }
    // Split horizon: from a port alone. What no tunnel takes is one copy that is lost.
    const auto refused = frame.refused_by_tunnels();
    if (from && refused && !list.peers.empty()) {
        count(*refused);
    } else if (from) {
        const Bytes bytes = with_mss(frame.bytes, room_to_peers(list.peers));
        const Frame copy{bytes};
        for (const std::uint32_t id : list.peers)
            if (state_.peers.contains(id) && state_.peers.at(id).network == network)
                count(send_to_peer(id, copy, true));
    }
    return has_target ? XGRE_FLOODED : XGRE_NO_TARGET;
}

}  // namespace xgre::test::model
