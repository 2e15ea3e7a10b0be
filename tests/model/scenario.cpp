// SPDX-License-Identifier: GPL-2.0-only
#include "tests/model/scenario.h"

#include <algorithm>
#include <random>
#include <ranges>

#include <fmt/format.h>

#include "tests/packet/decode.h"

namespace xgre::test::model {
namespace {

constexpr std::uint32_t kVms = 10;

MacAddress vm(std::uint32_t number) {
    return mac(2, 0, 0, 0, 0x0a, static_cast<std::uint8_t>(number));
}

class Generator {
public:
    explicit Generator(std::uint64_t seed) : random_{seed} {}

    Scenario scenario(std::size_t frames) {
        Scenario made;
        State& state = made.state;
        state.self = kHostA;
        state.mtu = kUplinkMtu;
        state.networks[1] = {.key = one_in(8) ? 0 : 7};
        state.networks[2] = {};
        state.networks[3] = {.key = 0x00abcd00, .nvgre = true};
        for (const std::size_t mtu : kPortMtus) {
            state.ports.push_back(port(mtu));
            made.xdp_transmit.push_back(!one_in(5));
            made.offloads.push_back(one_in(3));
        }
        for (std::uint32_t id = 1; id <= kPeers; ++id)
            if (!one_in(4)) add_peer(state, id);
        for (std::uint32_t network = 1; network < kNetworks; ++network)
            state.flood[network] = flood_list(state, network);
        for (std::size_t entries = below(25); entries > 0; --entries)
            add_entry(state);
        for (std::size_t i = 0; i < frames; ++i) {
            repeats_ = i > 0 && one_in(3);  // of a flow that was there before
            const std::size_t from = repeats_ ? last_from_ : below(2 * kPortMtus.size());
            last_from_ = from;
            if (from < kPortMtus.size())
                made.steps.push_back({from, from_vm()});
            else
                for (const Packet& packet : in_pieces(outer(state)))
                    made.steps.push_back({kWire, packet});
        }
        return made;
    }

private:
    std::size_t below(std::size_t limit) { return random_() % limit; }
    bool one_in(std::size_t n) { return below(n) == 0; }
    std::uint32_t number_below(std::size_t limit) {
        return static_cast<std::uint32_t>(below(limit));
    }

    // ---- State ----

    Port port(std::size_t mtu) {
        return {.network = one_in(20) ? kNetworks : network(),
                .learns = !one_in(6),
                .takes_floods = !one_in(5),
                .isolated = one_in(3),
                .locked = one_in(8),
                .mac_limit = one_in(4) ? 1 + below(3) : 0,
                .is_there = !one_in(20),
                .mtu = mtu};
    }

    std::uint32_t network() { return one_in(3) ? 2 + number_below(kNetworks - 2) : 1; }

    // A tunnel is of one peer, and an address of a network, too.
    void add_peer(State& state, std::uint32_t id) {
        const Place& place = kPlaces.at(one_in(4) ? below(kPlaces.size()) : below(3));
        Peer made{.network = network(), .station = place.station, .over_ip6 = one_in(3)};
        made.route = place.route;
        if (made.route == Route::resolved && one_in(6)) made.route = Route::to_confirm;
        const Network& of = state.networks.at(made.network);
        made.ikey = made.okey = of.key;
        made.nvgre = of.nvgre;
        if (one_in(2)) add_options(made);
        for (const auto& [other, peer] : state.peers)
            if (peer.over_ip6 == made.over_ip6 && peer.station.ip == made.station.ip &&
                (peer.ikey == made.ikey || peer.network == made.network))
                return;
        state.peers[id] = made;
    }

    std::uint8_t byte() { return static_cast<std::uint8_t>(below(256)); }

    void add_options(Peer& peer) {
        peer.rp_filter = one_in(3);
        if (one_in(3)) peer.mac_limit = 1 + below(3);
        if (!peer.nvgre) {
            if (one_in(4)) peer.ikey = number_below(3);
            if (one_in(4)) peer.okey = one_in(2) ? std::optional{number_below(3)} : std::nullopt;
            peer.icsum = one_in(6);
            peer.iseq = one_in(4);
        }
        if (one_in(3))
            peer.ttl = one_in(2) ? std::optional{std::uint8_t(1 + below(255))} : std::nullopt;
        if (one_in(3))
            peer.tos = one_in(2) ? std::optional{std::uint8_t(byte() & 0xfc)} : std::nullopt;
        if (!peer.over_ip6) {
            if (one_in(3)) peer.df = one_in(2) ? DontFragment::unset : DontFragment::inherit;
            return;
        }
        if (one_in(4)) peer.encap_limit = byte();
        if (one_in(3)) peer.flow_label = number_below(1u << 20);
    }

    // What is in a list may have left the network, or be no more.
    FloodList flood_list(const State& state, std::uint32_t network) {
        FloodList list;
        for (std::size_t i = 0; i < state.ports.size(); ++i)
            if (state.ports[i].network == network || one_in(10)) list.ports.push_back(i);
        for (std::uint32_t id = 1; id <= kPeers; ++id) {
            const auto peer = state.peers.find(id);
            const bool is_of_it = peer != state.peers.end() && peer->second.network == network;
            if (is_of_it ? !one_in(10) : one_in(10)) list.peers.push_back(id);
        }
        return list;
    }

    void add_entry(State& state) {
        const FdbKey key{network(), vlan_id(), vm(number_below(kVms)).bytes};
        FdbEntry entry{};
        entry.owner.is_port = !one_in(3);
        entry.owner.id =
            entry.owner.is_port ? number_below(kPortMtus.size()) : 1 + number_below(kPeers);
        entry.is_static = one_in(4);
        entry.age = one_in(4) ? Age::expired : one_in(3) ? Age::old : Age::fresh;
        state.fdb[key] = entry;
    }

    // ---- Frames ----

    std::uint16_t vlan_id() { return one_in(4) ? 5 : 0; }

    MacAddress address(bool source) {
        if (one_in(source ? 40 : 8)) return one_in(2) ? kBroadcast : kMulticast;
        if (source && one_in(40)) return kAllZero;
        return vm(number_below(kVms));
    }

    // Bytes behind the headers. Around the MTUs, where the outer headers are counted and where not.
    std::size_t size() {
        if (!one_in(6)) return 2 + below(100);
        if (one_in(4)) return 2 + below(1900);
        if (one_in(4)) return 2 + below(5000);  // XDP has more than a page in fragments
        constexpr std::array<std::size_t, 5> edges{1300, 1500, 1600, 5000, kUplinkMtu - 14 - 28};
        return edges.at(below(edges.size())) - 44 + below(50);
    }

    // One in four says more than fits a tunnel, somewhere among its options.
    TcpOptions syn_or_data() {
        if (!one_in(4)) return {};
        TcpOptions options{.flags = one_in(2) ? kSyn : std::uint8_t{kSyn | kAck}};
        for (std::size_t nops = below(4); nops > 0; --nops)
            options.options.push_back(1);
        options.options.insert(options.options.end(), {2, 4, 5, byte()});
        return options;
    }

    // With `whole`, what says that it is IP has all of that header.
    Packet inner(bool whole = false) {
        if (!repeats_) last_ = eth(address(true), address(false));
        Packet front = last_;
        for (std::size_t tags = one_in(4) ? 1 + below(one_in(4) ? 6 : 2) : 0; tags > 0; --tags)
            front = front / vlan(one_in(2) ? vlan_id() : std::uint16_t{5},
                                 {.pcp = static_cast<std::uint8_t>(below(8)),
                                  .tpid = one_in(3) ? kEtherTypeServiceVlan : kEtherTypeVlan});
        switch (below(whole ? 6 : 8)) {
            case 0:
                return front / ipv4(kVmA, kVmB) / udp(1, 2) / payload(size());
            case 1:
            case 2:
                return front / ipv4(kVmA, kVmB, {.ttl = byte(), .tos = byte(), .df = one_in(2)}) /
                       tcp(40000, 80, syn_or_data()) / payload(size());
            case 3:
                return front / ipv6(kVmA, kVmB, {.hop_limit = byte(), .traffic_class = byte()}) /
                       tcp(40000, 80, {.flags = one_in(3) ? kSyn : kAck, .mss = 1400}) /
                       payload(size());
            case 4:
                return front / ipv4(kVmA, kVmB, {.tos = byte(), .df = false, .frag_offset = 3}) /
                       payload(size());
            case 5:
                return front / arp_request(kVmA, kVmA, kVmB);
            case 6:
                return front / cut(ipv4(kVmA, kVmB) / payload(40), 2 + below(30));
            default:
                return front / payload(size());
        }
    }

    // A frame that ends within two bytes of its tag, the kernel drops before TC, which takes the
    // tag out.
    Packet from_vm() {
        const Packet frame = inner();
        const bool tagged = frame[12] == 0x81 || frame[12] == 0x88;
        const std::size_t least = tagged ? 20 : 14;
        return one_in(12) && frame.size() > least
                   ? cut(frame, least + below(std::min<std::size_t>(frame.size() - least, 60)))
                   : frame;
    }

    // Of a peer of the state, mostly.
    Peer sender(const State& state) {
        if (repeats_ && last_sender_) return *last_sender_;
        if (!state.peers.empty() && !one_in(6)) {
            auto peer = state.peers.begin();
            std::advance(peer, below(state.peers.size()));
            return peer->second;
        }
        return {.station = kPlaces.at(below(kPlaces.size())).station,
                .over_ip6 = one_in(3),
                .ikey = state.networks.at(1).key};
    }

    // A sequence number is one more than the last, late, far behind or far ahead.
    std::uint32_t sequence() {
        if (one_in(8)) return sequence_ - 1 - number_below(one_in(2) ? 4 : 2000);
        if (one_in(8)) sequence_ += number_below(one_in(2) ? 4 : 2000);
        return sequence_++;
    }

    Packet gre_header(const Peer& from) {
        GreOptions header{.key = from.ikey};
        if (from.nvgre && header.key) *header.key |= byte();
        if (from.icsum || one_in(12)) header.checksum = true;
        if (from.iseq || one_in(12)) header.sequence = sequence();
        if (one_in(20)) header.key.reset();
        if (one_in(20)) header.checksum = false;
        if (one_in(20)) header.sequence.reset();
        if (one_in(12)) header.flags_extra = static_cast<std::uint16_t>(1u << below(16) & 0x4ff8);
        if (one_in(40)) header.version = static_cast<std::uint8_t>(1 + below(7));
        if (one_in(30)) header.key = number_below(9);
        if (one_in(60)) header.protocol = one_in(2) ? kEtherTypeIpv4 : std::uint16_t{0x88be};
        if (one_in(40)) header.checksum = 0x4242;
        return gre(header);
    }

    Packet over_ipv4(const Peer& from, std::size_t inner_size) {
        Ipv4Options ip;
        if (one_in(20)) ip.options = Bytes(4 * (1 + below(10)), 1);
        if (one_in(60)) ip.more_fragments = true;
        if (one_in(60)) ip.frag_offset = static_cast<std::uint16_t>(1 + below(100));
        if (one_in(40)) ip.checksum = 0x4242;
        if (one_in(30)) ip.total_length = static_cast<std::uint16_t>(below(28));
        if (one_in(60)) ip.total_length = static_cast<std::uint16_t>(inner_size + 100);
        if (one_in(60)) ip.protocol = kProtocolUdp;
        ip.tos = one_in(3) ? byte() : 0;
        ip.ttl = one_in(4) ? byte() : 64;
        return ipv4(from.station, one_in(60) ? kHostC.ip : kHostA.ip, ip);
    }

    Packet over_ipv6(const Peer& from, std::size_t inner_size) {
        Ipv6Options ip;
        if (one_in(30)) ip.payload_length = static_cast<std::uint16_t>(below(12));
        if (one_in(60)) ip.payload_length = static_cast<std::uint16_t>(inner_size + 100);
        if (one_in(60)) ip.next_header = byte();
        ip.traffic_class = one_in(3) ? byte() : 0;
        ip.flow_label = number_below(1u << 20);
        ip.hop_limit = one_in(4) ? byte() : 64;
        Packet made = ipv6(from.station, one_in(60) ? kHostC.ip6 : kHostA.ip6, ip);
        for (std::size_t i = one_in(4) ? 1 + below(one_in(4) ? 9 : 2) : 0; i > 0; --i)
            made = one_in(4) ? made / ipv6_fragment({.frag_offset = one_in(3) ? std::uint16_t{7}
                                                                              : std::uint16_t{0},
                                                     .more_fragments = one_in(3)})
                             : made / ipv6_encap_limit();
        return made;
    }

    Packet outer(const State& state) {
        const Peer from = sender(state);
        last_sender_ = from;
        // Where the IP packet ends before the frame, the kernel does not cut off what it takes for
        // a transport header: an inner IP header that goes on in the padding. See strip_outer.
        const bool padded = one_in(10);
        const Packet frame = padded && one_in(2)
                                 ? eth(address(true), address(false)) / payload(size())
                                 : inner(padded);
        const Packet ip =
            from.over_ip6 ? over_ipv6(from, frame.size()) : over_ipv4(from, frame.size());
        Packet packet =
            eth(from.station, one_in(40) ? kHostC : kHostA) / ip / gre_header(from) / frame;
        if (padded) packet = concat(packet, payload(1 + below(20), 0xaa));
        if (one_in(12))
            packet = cut(packet, 14 + below(std::min<std::size_t>(packet.size() - 14, 120)));
        if (one_in(60) && packet.size() > 14) packet = with_byte(packet, 14, byte());
        return packet;
    }

    // Mostly as it is. Else in two fragments, which may be of the wrong size, order or mark, or
    // three.
    std::vector<Packet> in_pieces(const Packet& packet) {
        const std::size_t front = 14 + (packet[12] == 0x86 ? 48 : 60);
        if (!one_in(5) || packet.size() < front + 16 || !is_ip(packet)) return {packet};
        const std::size_t first = 8 * (1 + below((packet.size() - front) / 8));
        CutOptions options{.id = number_below(one_in(2) ? 4 : 1000)};
        std::vector<Packet> pieces{fragment_of(packet, 0, one_in(20) ? first + 1 : first, options)};
        if (one_in(12)) options.id ^= one_in(2) ? 8 : 1;
        if (one_in(4)) options.ds = byte();
        if (one_in(10)) options.place = 8 * below(1 + packet.size() / 8);
        pieces.push_back(
            fragment_of(packet, first, one_in(10) ? 1 + below(16) : packet.size(), options));
        if (one_in(10)) pieces.push_back(pieces[below(2)]);
        if (one_in(10)) std::swap(pieces[0], pieces[1]);
        if (one_in(10)) pieces.pop_back();
        if (one_in(10)) pieces.back() = padded(pieces.back(), pieces.back().size() + 20);
        return pieces;
    }
    static bool is_ip(const Packet& packet) {
        if (get16(packet.bytes(), 12) == kEtherTypeIpv6) return packet[14] >> 4 == 6;
        return get16(packet.bytes(), 12) == kEtherTypeIpv4 && packet[14] >> 4 == 4 &&
               (packet[14] & 15) >= 5;
    }

    std::uint32_t sequence_ = 1000;
    bool repeats_ = false;
    std::size_t last_from_ = 0;
    Packet last_;
    std::optional<Peer> last_sender_;
    std::mt19937_64 random_;
};

// ---- As text ------------------------------------------------------------------------------------

std::string text(const Peer& peer) {
    return peer.over_ip6 ? fmt::format("2001:db8:..:{:x}", peer.station.ip6.bytes.back())
                         : fmt::format("{}", fmt::join(peer.station.ip.bytes, "."));
}

std::string show_peer(const Peer& peer) {
    std::string line = fmt::format("network {} {}", peer.network, text(peer));
    const auto add = [&line](bool has, std::string_view name) {
        if (has) line.append(" ").append(name);
    };
    const auto key = [](const std::optional<std::uint32_t>& value) {
        return value ? fmt::format("{:#x}", *value) : "none";
    };
    line += fmt::format(" ikey {} okey {}", key(peer.ikey), key(peer.okey));
    add(peer.nvgre, "nvgre");
    add(peer.icsum, "icsum");
    add(peer.iseq, "iseq");
    add(peer.rp_filter, "rp-filter");
    if (peer.mac_limit != 0) line += fmt::format(" mac-limit {}", peer.mac_limit);
    if (peer.ttl != 64) line += " ttl " + (peer.ttl ? fmt::format("{}", *peer.ttl) : "inherit");
    if (peer.tos != 0) line += " tos " + (peer.tos ? fmt::format("{:#x}", *peer.tos) : "inherit");
    add(peer.df == DontFragment::unset, "df unset");
    add(peer.df == DontFragment::inherit, "df inherit");
    if (peer.encap_limit) line += fmt::format(" encap-limit {}", *peer.encap_limit);
    if (peer.flow_label) line += fmt::format(" flow-label {:#x}", *peer.flow_label);
    return line;
}

std::string text(const Owner& owner) {
    return fmt::format("{} {}", owner.is_port ? "port" : "peer", owner.id);
}

const char* text(Route route) {
    constexpr std::array<const char*, 4> names{"no route", "unresolved", "resolved", "to confirm"};
    return names.at(static_cast<std::size_t>(route));
}

std::string show_port(const Port& port, bool xdp_transmit, bool offloads) {
    std::string line = fmt::format("network {} mtu {}", port.network, port.mtu);
    const auto flag = [&line](bool has, std::string_view name) {
        if (has) line.append(" ").append(name);
    };
    flag(!port.learns, "no-learning");
    flag(!port.takes_floods, "no-flood");
    flag(port.isolated, "isolated");
    flag(port.locked, "locked");
    flag(!port.is_there, "gone");
    flag(!xdp_transmit, "no-xdp-tx");
    flag(offloads, "offloads");
    if (port.mac_limit != 0) line += fmt::format(" mac-limit {}", port.mac_limit);
    return line;
}

// ---- Smaller ------------------------------------------------------------------------------------

using Fails = std::function<bool(const Scenario&)>;

bool keep_if_failing(Scenario& scenario, Scenario candidate, const Fails& fails) {
    if (!fails(candidate)) return false;
    scenario = std::move(candidate);
    return true;
}

void drop_steps(Scenario& scenario, const Fails& fails) {
    for (std::size_t chunk = scenario.steps.size(); chunk > 0; chunk /= 2) {
        for (std::size_t at = 0; at < scenario.steps.size();) {
            Scenario candidate = scenario;
            const auto first = candidate.steps.begin() + static_cast<std::ptrdiff_t>(at);
            const std::size_t n = std::min(chunk, candidate.steps.size() - at);
            candidate.steps.erase(first, first + static_cast<std::ptrdiff_t>(n));
            if (!keep_if_failing(scenario, std::move(candidate), fails)) at += chunk;
        }
    }
}

template <typename Entries>
void drop_entries(Scenario& scenario, Entries entries, const Fails& fails) {
    const auto keys = std::views::keys(entries(scenario));
    for (const auto& key : std::vector(keys.begin(), keys.end())) {
        Scenario candidate = scenario;
        entries(candidate).erase(key);
        keep_if_failing(scenario, std::move(candidate), fails);
    }
}

void simplify_ports(Scenario& scenario, const Fails& fails) {
    for (std::size_t i = 0; i < scenario.state.ports.size(); ++i) {
        const auto try_with = [&](const std::function<void(Port&)>& change) {
            Scenario candidate = scenario;
            change(candidate.state.ports[i]);
            keep_if_failing(scenario, std::move(candidate), fails);
        };
        try_with([](Port& port) { port.learns = true; });
        try_with([](Port& port) { port.takes_floods = true; });
        try_with([](Port& port) { port.isolated = false; });
        try_with([](Port& port) { port.locked = false; });
        try_with([](Port& port) { port.mac_limit = 0; });
        try_with([](Port& port) { port.is_there = true; });
        for (const auto flags : {&Scenario::offloads, &Scenario::xdp_transmit}) {
            Scenario candidate = scenario;
            (candidate.*flags)[i] = flags == &Scenario::xdp_transmit;
            keep_if_failing(scenario, std::move(candidate), fails);
        }
    }
}

void simplify_peers(Scenario& scenario, const Fails& fails) {
    const auto keys = std::views::keys(scenario.state.peers);
    for (const std::uint32_t id : std::vector(keys.begin(), keys.end())) {
        const auto try_with = [&](const std::function<void(Peer&)>& change) {
            Scenario candidate = scenario;
            change(candidate.state.peers.at(id));
            keep_if_failing(scenario, std::move(candidate), fails);
        };
        try_with([](Peer& peer) { peer.ttl = 64; });
        try_with([](Peer& peer) { peer.tos = 0; });
        try_with([](Peer& peer) { peer.df = DontFragment::set; });
        try_with([](Peer& peer) { peer.icsum = false; });
        try_with([](Peer& peer) { peer.iseq = false; });
        try_with([](Peer& peer) { peer.rp_filter = false; });
        try_with([](Peer& peer) { peer.mac_limit = 0; });
        try_with([](Peer& peer) { peer.encap_limit.reset(); });
        try_with([](Peer& peer) { peer.flow_label = 0; });
    }
}

void shorten_lists(Scenario& scenario, const Fails& fails) {
    for (std::uint32_t network = 1; network < kNetworks; ++network) {
        const FloodList list = scenario.state.flood[network];
        for (const std::size_t port : list.ports) {
            Scenario candidate = scenario;
            std::erase(candidate.state.flood[network].ports, port);
            keep_if_failing(scenario, std::move(candidate), fails);
        }
        for (const std::uint32_t peer : list.peers) {
            Scenario candidate = scenario;
            std::erase(candidate.state.flood[network].peers, peer);
            keep_if_failing(scenario, std::move(candidate), fails);
        }
    }
}

}  // namespace

Scenario make_scenario(std::uint64_t seed, std::size_t frames) {
    return Generator{seed}.scenario(frames);
}

std::string show(const Scenario& scenario) {
    const State& state = scenario.state;
    std::string out;
    for (const auto& [id, network] : state.networks)
        out += fmt::format("network {}: {}\n", id,
                           network.key ? fmt::format("key {:#x}", *network.key) : "no key");
    for (std::size_t i = 0; i < state.ports.size(); ++i)
        out +=
            fmt::format("port {}: {}\n", i,
                        show_port(state.ports[i], scenario.xdp_transmit[i], scenario.offloads[i]));
    for (const auto& [id, peer] : state.peers)
        out += fmt::format("peer {}: {} {}\n", id, show_peer(peer), text(peer.route));
    for (const auto& [network, list] : state.flood)
        out += fmt::format("flood network {}: ports [{}] peers [{}]\n", network,
                           fmt::join(list.ports, " "), fmt::join(list.peers, " "));
    for (const auto& [key, entry] : state.fdb)
        out += fmt::format("fdb network {} vlan {} {:02x}: {}{}{}\n", key.network, key.vlan,
                           fmt::join(key.mac, ":"), text(entry.owner),
                           entry.is_static ? " static" : "",
                           entry.age == Age::expired ? " expired"
                           : entry.age == Age::old   ? " old"
                                                     : "");
    for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
        const Step& step = scenario.steps[i];
        out += fmt::format("frame {} at {}, {} bytes:\n{}", i,
                           step.device == kWire ? "the wire" : fmt::format("port {}", step.device),
                           step.packet.size(), decode(step.packet));
    }
    return out;
}

Scenario shrunk(Scenario scenario, const Fails& fails) {
    drop_steps(scenario, fails);
    drop_entries(scenario, [](Scenario& from) -> auto& { return from.state.fdb; }, fails);
    drop_entries(scenario, [](Scenario& from) -> auto& { return from.state.peers; }, fails);
    simplify_ports(scenario, fails);
    simplify_peers(scenario, fails);
    shorten_lists(scenario, fails);
    drop_steps(scenario, fails);
    return scenario;
}

}  // namespace xgre::test::model
