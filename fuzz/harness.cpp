// SPDX-License-Identifier: GPL-2.0-only
#include "fuzz/harness.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "tests/model/rows.h"

namespace xgre::test::fuzz {
namespace {

constexpr std::uint64_t kNever = 1ULL << 60;  // ns: later than any clock

std::map<std::uint32_t, model::Peer> make_peers() {
    const std::optional<std::uint32_t> key = Bench::kKey;
    return {{1, {.network = 1, .station = kHostB, .ikey = key, .okey = key}},
            {2, {.network = 1, .station = kHostC, .ikey = key, .okey = key}},
            {3, {.network = 2, .station = kHostB}},
            {4,
             {.network = 1,
              .station = kGateway,
              .over_ip6 = true,
              .ikey = key,
              .okey = key,
              .flow_label = 0x12345}}};
}

// Base members before the references that need them.
Host& with_networks(Host& host) {
    host.network(1, {.key = Bench::kKey});
    host.network(2, {});
    host.use_ipv6();
    for (const auto& [id, peer] : make_peers()) {
        model::put_peer(host.datapath(), id, peer);
        // Nor does the clock decide: no frame is to go to the kernel to confirm a next hop.
        xgre_peer row = host.datapath().peers().find(id).value();
        row.asked = kNever;
        host.datapath().peers().put(id, row);
    }
    return host;
}

bool same(const unsigned char* mac, MacAddress other) {
    return std::equal(mac, mac + 6, other.bytes.begin());
}

bool is_known_vlan(const parsed_frame& frame) {
    return frame.vlan == 0 || frame.vlan == 5;
}

}  // namespace

parsed_frame Input::frame(std::size_t offset) const {
    return fuzz_frame(bytes.data() + offset, static_cast<unsigned>(bytes.size() - offset));
}

bool is_zero(const unsigned char* mac) {
    return std::all_of(mac, mac + 6, [](unsigned char byte) { return byte == 0; });
}

bool is_too_large(std::size_t size, const parsed_frame& frame) {
    return size > kMtu + 14 + (frame.len > 14 ? 4 : 0);
}

// Eight entries, and room for no more.
Bench::Bench()
    : Host{{.fdb_entries = 8}},
      a{with_networks(*this).port("a", 1, {.flags = XGRE_PORT_NO_LEARNING})},
      c{port("c", 1, {.flags = XGRE_PORT_OFFLOADS})},
      d{port("d", 2)},
      peers_{make_peers()} {
    flood(1, {a.index(), c.index()}, {1, 2, 4});  // the longest outer headers last
    flood(2, {d.index()}, {3});
    for (const std::uint16_t vlan : {std::uint16_t{0}, std::uint16_t{5}}) {
        datapath().fdb_put(fdb_key(1, kVmA.mac, vlan), as_static(a.owner()));
        datapath().fdb_put(fdb_key(1, kVmC.mac, vlan), as_static(c.owner()));
        datapath().fdb_put(fdb_key(1, kVmB.mac, vlan), as_static(peer_owner(1)));
        datapath().fdb_put(fdb_key(2, kVmD.mac, vlan), as_static(d.owner()));
    }
    for (std::uint32_t program = 0; program < XGRE_PROGRAM_MAX; ++program)
        counted_[program] = datapath().counters().sums(XGRE_COUNTER(program, 0), XGRE_VERDICT_ROOM);
}

Bench::~Bench() {
    std::string line = "fuzz: fates in the kernel:";
    for (const auto& [fate, n] : fates_)
        line += fmt::format(" {} {},", fate, n);
    line.back() = '\n';
    std::fputs(line.c_str(), stderr);
}

std::optional<Packet> Bench::tunneled(std::uint32_t peer, const Packet& frame) const {
    const model::Peer& to = peers_.at(peer);
    if (model::outer_size(to) + frame.size() > kMtu) return {};
    return model::encapsulate(kHostA, to, frame.bytes()).packet;
}

Packet Bench::with_mss(const Packet& frame, const std::vector<std::uint32_t>& peers) const {
    std::size_t room = kMtu;
    for (const std::uint32_t peer : peers)
        room = std::min(room, kMtu - model::outer_size(peers_.at(peer)));
    return Packet::from_bytes(model::with_mss(frame.bytes(), room));
}

const Port* Bench::port_of(std::uint32_t network, const parsed_frame& frame) const {
    if (!is_known_vlan(frame)) return nullptr;
    if (network == 2) return same(frame.dst, kVmD.mac) ? &d : nullptr;
    if (same(frame.dst, kVmA.mac)) return &a;
    return same(frame.dst, kVmC.mac) ? &c : nullptr;
}

bool Bench::is_behind_peer(std::uint32_t network, const parsed_frame& frame) const {
    return network == 1 && is_known_vlan(frame) && same(frame.dst, kVmB.mac);
}

void Bench::compare(const Input& input, const Port* ingress, const Expected& expected) {
    constexpr Program uplink_xdp{"uplink_xdp", XGRE_PROGRAM_UPLINK_XDP};
    constexpr Program uplink_tc{"uplink_tc", XGRE_PROGRAM_UPLINK_TC};
    constexpr Program port_xdp{"port_xdp", XGRE_PROGRAM_PORT_XDP};
    constexpr Program port_tc{"port_tc", XGRE_PROGRAM_PORT_TC};

    const std::uint32_t index = ingress == nullptr ? wire().index() : ingress->index();
    check(input, index, ingress == nullptr ? uplink_xdp : port_xdp, expected);
    check(input, index, ingress == nullptr ? uplink_tc : port_tc, expected);
    if (expected.verdict != XGRE_PUNT) return;
    for (const auto& [key, fragment] : datapath().fragments().entries())
        datapath().fragments().erase(key);  // the next input finds nothing held
}

void Bench::check(const Input& input, std::uint32_t ingress, const Program& program,
                  const Expected& expected) {
    const Packet packet = Packet::from_bytes(input.bytes);
    const bool is_xdp = std::string_view{program.name}.ends_with("xdp");
    const std::optional<Result> result = try_run(program.name, packet, ingress);
    if (!result) return;  // says IP and is shorter: the kernel makes no test run of it at TC

    auto now = datapath().counters().sums(XGRE_COUNTER(program.id, 0), XGRE_VERDICT_ROOM);
    auto& before = counted_[program.id];
    std::string counted;
    for (std::size_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict)
        if (now[verdict].packets != before[verdict].packets)
            counted += fmt::format("{} {}x {} bytes", kVerdictTexts.at(verdict).name,
                                   now[verdict].packets - before[verdict].packets,
                                   now[verdict].bytes - before[verdict].bytes);
    before = std::move(now);

    if (is_xdp && expected.xdp_may_punt && counted.empty()) {
        if (result->fate != Fate::passed) differ(input, program, "left to TC, and not passed on");
        if (!(result->packet == packet)) differ(input, program, "left to TC, but changed");
        ++fates_["punt"];
        return;
    }
    if (is_xdp && expected.handed_over != 0) {
        if (!counted.empty() || result->fate != Fate::passed || !result->metadata)
            differ(input, program, "not handed over to GRO; counted: " + counted);
        if (result->metadata->header_len != expected.handed_over)
            differ(input, program, "handed over with another length of headers");
        if (!(result->packet == expected.out))
            differ(input, program, difference(result->packet, expected.out));
        ++fates_["handover"];
        return;
    }

    const xgre_verdict verdict = expected.verdict;
    const std::string wanted =
        verdict == XGRE_PASS || verdict == XGRE_PUNT
            ? ""
            : fmt::format("{} 1x {} bytes", kVerdictTexts.at(verdict).name, expected.bytes);
    if (counted != wanted)
        differ(input, program, fmt::format("counted '{}', expected '{}'", counted, wanted));
    const bool sent = verdict == XGRE_TO_PORT || verdict == XGRE_TO_PEER;
    const Fate fate = verdict == XGRE_PASS ? Fate::passed : sent ? Fate::redirected : Fate::ended;
    if (result->fate != fate)
        differ(input, program, fmt::format("action {} for '{}'", result->action, wanted));
    if (sent && !(result->packet == expected.out))
        differ(input, program, difference(result->packet, expected.out));
    if (verdict == XGRE_PASS && !(result->packet == packet))
        differ(input, program, "not ours, but changed");
    if (verdict == XGRE_FLOODED) check_copies(input, expected);
    ++fates_[std::string{kVerdictTexts.at(verdict).name}];
}

void Bench::check_copies(const Input& input, const Expected& expected) const {
    const auto same_frames = [](std::vector<Packet> got, const std::vector<Packet>& wanted) {
        return std::ranges::is_permutation(got, wanted);
    };
    std::vector<Packet> at_ports;
    for (const Port* port : {&a, &c, &d})
        std::ranges::move(port->tap.received(), std::back_inserter(at_ports));
    if (!same_frames(at_ports, expected.at_ports))
        differ(input, {"port copies", XGRE_PROGRAM_MAX}, "not those expected");
    std::vector<Packet> on_wire = wire().received();
    std::erase_if(on_wire, [](const Packet& packet) { return !model::is_tunnel_packet(packet); });
    if (!same_frames(on_wire, expected.on_wire))
        differ(input, {"wire copies", XGRE_PROGRAM_MAX}, "not those expected");
}

void Bench::differ(const Input& input, const Program& program, std::string_view what) {
    fmt::print(stderr, "fuzz: {}: {}\n{}", program.name, what, decode(input.bytes));
    std::abort();  // libFuzzer keeps the input
}

void write_seeds_if_asked(int argc, char** argv, const std::vector<Packet>& seeds) {
    if (argc != 3 || std::string_view{argv[1]} != "--seeds") return;
    std::size_t number = 0;
    for (const Packet& seed : seeds) {
        std::ofstream file{fmt::format("{}/seed-{}", argv[2], number++), std::ios::binary};
        for (const std::uint8_t byte : seed.bytes())
            file.put(static_cast<char>(byte));
    }
    std::exit(0);
}

std::vector<Packet> frames() {
    std::vector<Packet> all;
    for (const MacAddress to : {kVmA.mac, kVmB.mac, kVmC.mac, kVmD.mac, kBroadcast}) {
        const Packet plain = eth(kVmA, to);
        all.push_back(plain / payload(46));
        all.push_back(plain / vlan(5) / ipv4(kVmA, kVmB) / tcp(40000, 80) / payload(20));
        all.push_back(plain / ipv4(kVmA, kVmB) / udp(53, 53) / payload(20));
        all.push_back(plain / ipv4(kVmA, kVmB, {.options = Bytes(8, 1)}) / tcp(40000, 80));
        all.push_back(plain / ipv6(kVmA, kVmB) / tcp(40000, 80, {.mss = 1400}) / payload(20));
        all.push_back(plain / ipv6(kVmA, kVmB) / tcp(40000, 80, {.flags = kSyn, .mss = 1460}));
        all.push_back(plain / vlan(5) / ipv4(kVmA, kVmB) /
                      tcp(40000, 80, {.flags = kSyn, .options = {1, 2, 4, 6, 0, 3, 3, 7}}));
    }
    const Packet front = eth(kVmA, kVmB);
    all.push_back(front / vlan(5) / vlan(6) / vlan(7) / vlan(8) / vlan(9) / payload(46));
    all.push_back(front / ipv4(kVmA, kVmB, {.df = false, .frag_offset = 3}) / payload(40));
    all.push_back(front / arp_request(kVmA, kVmA, kVmB));
    all.push_back(front / payload(1458));
    all.push_back(front / payload(1600));
    all.push_back(eth(kAllZero, kVmB) / payload(46));
    all.push_back(eth(kMulticast, kVmB) / payload(46));
    return all;
}

}  // namespace xgre::test::fuzz
