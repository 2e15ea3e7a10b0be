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
            made.steps.push_back(from < kPortMtus.size() ? Step{from, from_vm()}
                                                         : Step{kWire, outer(state)});
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
        return {.network = one_in(20) ? 3 : 1 + (one_in(4) ? 1u : 0u),
                .learns = !one_in(6),
                .takes_floods = !one_in(5),
                .isolated = one_in(3),
                .locked = one_in(8),
                .mac_limit = one_in(4) ? 1 + below(3) : 0,
                .is_there = !one_in(20),
                .mtu = mtu};
    }

    // A tunnel is of one peer.
    void add_peer(State& state, std::uint32_t id) {
        const Place& place = kPlaces.at(one_in(4) ? below(kPlaces.size()) : below(3));
        const Peer made{
            .network = 1 + (one_in(3) ? 1u : 0u),
            .address = place.station.ip,
            .route = place.route == Route::resolved && one_in(6) ? Route::to_confirm : place.route,
            .next_hop = place.station.mac};
        for (const auto& [other, peer] : state.peers)
            if (peer.network == made.network && peer.address == made.address) return;
        state.peers[id] = made;
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
        const FdbKey key{1 + (one_in(4) ? 1u : 0u), vlan_id(), vm(number_below(kVms)).bytes};
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
                return front / ipv4(kVmA, kVmB, {.ttl = 3, .tos = 1}) / tcp(40000, 80) /
                       payload(size());
            case 3:
                return front / ipv6(kVmA, kVmB) / tcp(40000, 80, {.mss = 1400}) / payload(size());
            case 4:
                return front / ipv4(kVmA, kVmB, {.df = false, .frag_offset = 3}) / payload(size());
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

    Station sender() { return kPlaces.at(one_in(6) ? below(kPlaces.size()) : below(3)).station; }

    Packet outer(const State& state) {
        const Station from = repeats_ && last_sender_ ? *last_sender_ : sender();
        last_sender_ = from;
        GreOptions header{.key = state.networks.at(1).key};
        Ipv4Options ip;
        if (one_in(4)) header.key.reset();
        if (one_in(12)) header.sequence = number_below(1000);
        if (one_in(12)) header.flags_extra = static_cast<std::uint16_t>(1u << below(16) & 0x4ff8);
        if (one_in(40)) header.version = static_cast<std::uint8_t>(1 + below(7));
        if (one_in(30)) header.key = number_below(9);
        if (one_in(60)) header.protocol = one_in(2) ? kEtherTypeIpv4 : std::uint16_t{0x88be};
        if (one_in(12)) header.checksum = true;
        if (one_in(40)) header.checksum = 0x4242;
        if (one_in(20)) ip.options = Bytes(4 * (1 + below(10)), 1);
        if (one_in(60)) ip.more_fragments = true;
        if (one_in(60)) ip.frag_offset = static_cast<std::uint16_t>(1 + below(100));
        if (one_in(40)) ip.checksum = 0x4242;
        // Where the IP packet ends before the frame, the kernel does not cut off what it takes for
        // a transport header: an inner IP header that goes on in the padding. See strip_outer.
        const bool padded = one_in(10);
        const Packet frame = padded && one_in(2)
                                 ? eth(address(true), address(false)) / payload(size())
                                 : inner(padded);
        if (one_in(30)) ip.total_length = static_cast<std::uint16_t>(below(28));
        if (one_in(60)) ip.total_length = static_cast<std::uint16_t>(frame.size() + 100);
        if (one_in(60)) ip.protocol = kProtocolUdp;
        ip.tos = static_cast<std::uint8_t>(one_in(4) ? below(256) : 0);
        ip.ttl = static_cast<std::uint8_t>(one_in(4) ? below(256) : 64);
        const Station& to = one_in(40) ? kHostC : kHostA;
        Packet packet = eth(from, to) / ipv4(from, one_in(60) ? kHostC.ip : kHostA.ip, ip) /
                        gre(header) / frame;
        if (padded) packet = concat(packet, payload(1 + below(20), 0xaa));
        if (one_in(12))
            packet = cut(packet, 14 + below(std::min<std::size_t>(packet.size() - 14, 120)));
        if (one_in(60) && packet.size() > 14)
            packet = with_byte(packet, 14, static_cast<std::uint8_t>(below(256)));
        return packet;
    }

    bool repeats_ = false;
    std::size_t last_from_ = 0;
    Packet last_;
    std::optional<Station> last_sender_;
    std::mt19937_64 random_;
};

// ---- As text ------------------------------------------------------------------------------------

std::string text(Ipv4Address address) {
    return fmt::format("{}", fmt::join(address.bytes, "."));
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
                           network.key ? fmt::format("key {}", *network.key) : "no key");
    for (std::size_t i = 0; i < state.ports.size(); ++i)
        out +=
            fmt::format("port {}: {}\n", i,
                        show_port(state.ports[i], scenario.xdp_transmit[i], scenario.offloads[i]));
    for (const auto& [id, peer] : state.peers)
        out += fmt::format("peer {}: network {} {} {}\n", id, peer.network, text(peer.address),
                           text(peer.route));
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
    shorten_lists(scenario, fails);
    drop_steps(scenario, fails);
    return scenario;
}

}  // namespace xgre::test::model
