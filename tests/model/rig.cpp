// SPDX-License-Identifier: GPL-2.0-only
#include "tests/model/rig.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "tests/model/rows.h"
#include "tests/packet/decode.h"

namespace xgre::test::model {
namespace {

constexpr std::uint64_t kNever = 1ULL << 60;  // ns: later than any clock
constexpr std::uint64_t kLongAgo = 1;
// The model has no clock; what runs between two looks at it is far shorter than these differences.
constexpr auto kAgeing = 300s;
constexpr auto kOld = 100s;
constexpr auto kExpired = 400s;

std::uint64_t now() {
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
           static_cast<std::uint64_t>(time.tv_nsec);
}

std::chrono::nanoseconds ago(Age age) {
    return age == Age::expired ? kExpired : age == Age::old ? kOld : 0s;
}

Age age_of(const xgre_fdb_entry& entry) {
    const std::chrono::nanoseconds age{static_cast<std::int64_t>(now() - entry.last_seen)};
    return age > kAgeing ? Age::expired : age > kOld / 2 ? Age::old : Age::fresh;
}

std::uint32_t port_flags(const Port& port, bool xdp_transmit, bool offloads) {
    return (port.learns ? 0u : unsigned{XGRE_PORT_NO_LEARNING}) |
           (port.takes_floods ? 0u : unsigned{XGRE_PORT_NO_FLOOD}) |
           (port.isolated ? unsigned{XGRE_PORT_ISOLATED} : 0u) |
           (port.locked ? unsigned{XGRE_PORT_LOCKED} : 0u) |
           (xdp_transmit ? unsigned{XGRE_PORT_XDP_XMIT} : 0u) |
           (offloads ? unsigned{XGRE_PORT_OFFLOADS} : 0u);
}

bool is_like(const Outgoing& wanted, const Packet& got) {
    Bytes bytes = got.bytes();
    if (bytes.size() != wanted.packet.size()) return false;
    for (const Free& part : wanted.free)
        bytes[part.offset] = static_cast<std::uint8_t>((bytes[part.offset] & ~part.mask) |
                                                       (wanted.packet[part.offset] & part.mask));
    if (bytes != wanted.packet.bytes()) return false;
    return get16(bytes, 12) != kEtherTypeIpv4 || wanted.free.empty() ||
           internet_checksum(ByteView{got.bytes()}.subspan(14, 20)) == 0;
}

Bytes choice_of(const Outgoing& wanted, const Packet& got) {
    Bytes choice;
    for (const Free& part : wanted.free)
        if (part.of_flow) choice.push_back(got[part.offset] & part.mask);
    return choice;
}

std::string device_name(std::size_t device) {
    return device == kWire ? "the wire" : fmt::format("port {}", device);
}

}  // namespace

Rig::Rig(Hooks hooks) {
    for (std::uint32_t network = 1; network < kNetworks; ++network)
        host_.network(network);
    std::string lines = fmt::format("link set dev uplink mtu {}\n", kUplinkMtu);
    for (std::size_t i = 0; i < kPortMtus.size(); ++i) {
        const std::string name = fmt::format("p{}", i);
        ports_.push_back(&host_.port(name, 1));
        lines += fmt::format("link set dev {} mtu {}\n", name, kPortMtus.at(i));
    }
    host_.ip(lines);
    host_.use_ipv6();
    host_.attach(hooks);
}

Rig::~Rig() {
    tracer_.reset();
    if (!instance_.empty()) Host::unpin(instance_);
}

const Tap& Rig::tap_of(std::size_t device) const {
    return device == kWire ? host_.wire() : ports_.at(device)->tap;
}

std::string Rig::differences(const Scenario& scenario, bool patient) {
    set_up(scenario);
    const Counters before = counters();
    Model model{scenario.state};
    for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
        const Step& step = scenario.steps[i];
        if (!tap_of(step.device).send(step.packet))
            return fmt::format("frame {}: not taken by the kernel\n", i);
        const std::vector<Sent> wanted = model.receive(step.device, step.packet.bytes());
        const std::string sent = compare_sent(wanted, patient);
        if (!sent.empty())
            return fmt::format("frame {}, in the model {}:\n{}", i,
                               kVerdictTexts.at(model.last_verdict()).name, sent);
    }
    return compare_counters(model.totals(), before) + compare_fdb(model.state());
}

std::string Rig::trace_differences(const Scenario& scenario) {
    set_up(scenario);
    if (!tracer_) {
        instance_ = fmt::format("model-{}", getpid());
        host_.pin(instance_);
        tracer_.emplace(Session{.instance = instance_, .netns = std::nullopt});
    }
    const Counters before = counters();
    Model model{scenario.state};
    for (std::size_t i = 0; i < scenario.steps.size(); ++i) {
        const auto& [device, packet] = scenario.steps[i];
        keep_fragments_young();
        // By a port that is gone nothing can be said to come.
        std::optional<Trace> trace;
        if (device == kWire || scenario.state.ports.at(device).is_there)
            trace = tracer_->trace(packet.bytes(), tap_of(device).name());
        const Counters before_frame = counters();
        if (!tap_of(device).send(packet))
            return fmt::format("frame {}: not taken by the kernel\n", i);
        const std::vector<Sent> wanted = model.receive(device, packet.bytes());
        std::string difference = compare_sent(wanted, true);
        if (trace && difference.empty())
            difference = compare_trace(*trace, wanted, model.last_verdict()) +
                         compare_verdict(*trace, before_frame);
        if (!difference.empty())
            return fmt::format("frame {} at {}, in the model {}:\n{}{}", i, device_name(device),
                               kVerdictTexts.at(model.last_verdict()).name, difference,
                               decode(packet));
    }
    return compare_counters(model.totals(), before) + compare_fdb(model.state());
}

std::uint64_t Rig::taken_by_xdp() const {
    std::uint64_t sum = 0;
    for (const auto program : {XGRE_PROGRAM_UPLINK_XDP, XGRE_PROGRAM_PORT_XDP})
        for (const xgre_count& count :
             host_.datapath().counters().sums(XGRE_COUNTER(program, 0), XGRE_VERDICT_MAX))
            sum += count.packets;
    return sum;
}

// ---- Setting up ---------------------------------------------------------------------------------

void Rig::set_up(const Scenario& scenario) {
    const State& state = scenario.state;
    choices_.clear();
    for (const auto& [id, network] : state.networks)
        host_.network(id, {.key = network.key, .ageing = kAgeing});
    set_up_ports(scenario);
    set_up_peers(state);
    set_up_floods(state);
    set_up_fdb(state);
    for (const auto& [key, fragment] : host_.datapath().fragments().entries())
        host_.datapath().fragments().erase(key);
    host_.datapath().forget_flows();
    for (const auto* port : ports_)
        static_cast<void>(port->tap.received());
    static_cast<void>(host_.wire().received());
}

void Rig::set_up_ports(const Scenario& scenario) const {
    for (std::size_t i = 0; i < ports_.size(); ++i) {
        const Port& port = scenario.state.ports[i];
        const std::uint32_t index = ports_[i]->index();
        xgre_port row = host_.datapath().ports().find(index).value();
        row.network = port.network;
        row.mac_limit = static_cast<std::uint32_t>(port.mac_limit);
        row.flags = port_flags(port, scenario.xdp_transmit[i], scenario.offloads[i]);
        host_.datapath().ports().put(index, row);
        if (port.is_there)
            host_.datapath().redirect().put(index, index);
        else
            host_.datapath().redirect().erase(index);
    }
}

void Rig::set_up_peers(const State& state) const {
    const Datapath& datapath = host_.datapath();
    for (const auto& [key, tunnel] : datapath.tunnels().entries())
        datapath.tunnels().erase(key);
    for (const auto& [key, tunnel] : datapath.tunnels6().entries())
        datapath.tunnels6().erase(key);
    for (std::uint32_t id = 1; id <= kPeers; ++id) {
        datapath.peer_states().put(id, {});
        const auto found = state.peers.find(id);
        if (found == state.peers.end()) {
            host_.remove_peer(id);
            continue;
        }
        put_peer(datapath, id, found->second);
        xgre_peer row = datapath.peers().find(id).value();
        row.asked = found->second.route == Route::to_confirm ? kLongAgo : kNever;
        datapath.peers().put(id, row);
    }
}

// As the loader writes them: those with the shortest outer headers first.
void Rig::set_up_floods(const State& state) const {
    for (const auto& [network, from] : state.flood) {
        xgre_flood list{};
        for (const std::size_t port : from.ports)
            list.port[list.ports++] = ports_.at(port)->index();
        std::vector<std::pair<std::uint32_t, std::uint32_t>> peers;
        for (const std::uint32_t id : from.peers) {
            const xgre_peer row = host_.datapath().peers().find(id).value();
            if (row.network != 0) list.peer_flags |= row.flags;
            peers.emplace_back(row.network == network ? row.outer_len : 0xffffu, id);
        }
        std::ranges::sort(peers);
        for (const auto& [len, id] : peers)
            list.peer[list.peers++] = id;
        if (!peers.empty()) list.outer_len = std::min(peers.front().first, 24u + 24u);
        host_.datapath().flood().put(network, list);
    }
}

void Rig::set_up_fdb(const State& state) const {
    host_.datapath().fdb_flush({});
    for (const auto* port : ports_)
        host_.datapath().learned().put(XGRE_LEARNED_BY_PORT(port->slot), 0);
    for (std::uint32_t id = 1; id <= kPeers; ++id)
        host_.datapath().learned().put(XGRE_LEARNED_BY_PEER(id), 0);
    for (const auto& [key, entry] : state.fdb) {
        const xgre_owner of = owner(entry.owner);
        host_.learn(key.network, MacAddress{key.mac}, entry.is_static ? as_static(of) : of,
                    key.vlan, ago(entry.age));
    }
}

xgre_owner Rig::owner(const Owner& of) const {
    return of.is_port ? ports_.at(of.id)->owner() : peer_owner(of.id);
}

// ---- Comparing ----------------------------------------------------------------------------------

std::string Rig::compare_sent(const std::vector<Sent>& wanted, bool patient) {
    const auto deadline =
        std::chrono::steady_clock::now() + (patient ? std::chrono::milliseconds{1000} : 50ms);
    std::vector<Sent> missing = wanted;
    std::vector<Bytes> choices;
    std::string extra;
    for (;;) {
        for (std::size_t i = 0; i <= ports_.size(); ++i) {
            const std::size_t device = i == ports_.size() ? kWire : i;
            for (const Packet& packet : tap_of(device).received()) {
                if (device == kWire && !is_tunnel_packet(packet)) continue;
                const auto found = std::ranges::find_if(missing, [&](const Sent& sent) {
                    return sent.device == device && is_like(sent.what, packet);
                });
                if (found != missing.end()) choices.push_back(choice_of(found->what, packet));
                if (found == missing.end())
                    extra +=
                        fmt::format("too much at {}:\n{}", device_name(device), decode(packet));
                else
                    missing.erase(found);
            }
        }
        if (missing.empty() || std::chrono::steady_clock::now() > deadline) break;
        std::this_thread::yield();
    }
    std::ranges::sort(choices);  // flooded copies may overtake each other
    std::ranges::move(choices, std::back_inserter(choices_));
    for (const Sent& sent : missing)
        extra +=
            fmt::format("missing at {}:\n{}", device_name(sent.device), decode(sent.what.packet));
    return extra;
}

// The model has no clock, and tracing takes its time: none of them is to get too old meanwhile.
void Rig::keep_fragments_young() const {
    const auto fragments = host_.datapath().fragments();
    timespec time{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
    std::vector<std::pair<xgre_fragment_key, xgre_fragment>> all;
    fragments.for_each_of_few([&all](const xgre_fragment_key& key, const xgre_fragment& fragment) {
        all.emplace_back(key, fragment);
    });
    for (auto& [key, fragment] : all) {
        fragment.came = static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000u +
                        static_cast<std::uint64_t>(time.tv_nsec);
        fragments.put(key, fragment);
    }
}

std::string Rig::compare_trace(const Trace& trace, const std::vector<Sent>& wanted,
                               xgre_verdict verdict) const {
    std::string all;
    if (trace.verdict != kVerdictTexts.at(verdict).name)
        all += fmt::format("the trace says {}\n", trace.verdict);
    std::vector<TraceDeparture> left = trace.leaves;
    // In the model, nothing leaves for a next hop that does not answer.
    std::erase_if(left, [](const TraceDeparture& departure) { return departure.waits; });
    for (const Sent& sent : wanted) {
        const auto found = std::ranges::find_if(left, [&](const TraceDeparture& departure) {
            return departure.device == tap_of(sent.device).name() &&
                   is_like(sent.what, Packet::from_bytes(departure.frame));
        });
        if (found != left.end())
            left.erase(found);
        else
            all += fmt::format("not in the trace, at {}:\n{}", device_name(sent.device),
                               decode(sent.what.packet));
    }
    for (const TraceDeparture& departure : left)
        all += fmt::format("only in the trace, at {}:\n{}", departure.device,
                           decode(Packet::from_bytes(departure.frame)));
    return all;
}

// Beside what the host has counted for the frame.
std::string Rig::compare_verdict(const Trace& trace, const Counters& before) {
    const Counters after = counters();
    bool is_counted = false;
    bool is_same = false;
    for (std::size_t cell = 0; cell < after.verdicts.size(); ++cell) {
        if (after.verdicts[cell].packets == before.verdicts[cell].packets) continue;
        is_counted = true;
        if (kVerdictTexts.at(cell % XGRE_VERDICT_ROOM).name != trace.verdict) continue;
        is_same = true;
        if (kProgramTexts.at(cell / XGRE_VERDICT_ROOM).name == trace.program) ++same_program_;
    }
    ++traced_;
    if (!is_counted && trace.program.empty()) ++same_program_;
    if (is_same || (!is_counted && trace.program.empty()) || trace.verdict == "punt") return "";
    return fmt::format("the trace says {} by {}, which the host did not count\n", trace.verdict,
                       trace.program);
}

Rig::Counters Rig::counters() const {
    const Datapath& from = host_.datapath();
    return {.verdicts = from.counters().sums(0, XGRE_COUNTERS),
            .notes = from.notes().sums(0, XGRE_NOTE_MAX),
            .ports = from.port_counters().sums(0, kPortMtus.size()),
            .peers = from.peer_counters().sums(0, kPeers + 1)};
}

std::string Rig::compare_counters(const Totals& wanted, const Counters& before) const {
    const Counters after = counters();
    std::string all;
    const auto compare = [&all](std::string_view name, std::uint64_t got, std::uint64_t want) {
        if (got != want) all += fmt::format("{}: {}, in the model {}\n", name, got, want);
    };
    for (std::size_t verdict = 0; verdict < XGRE_VERDICT_MAX; ++verdict) {
        Count sum;
        for (std::uint32_t program = 0; program < XGRE_PROGRAM_MAX; ++program) {
            const std::size_t cell = XGRE_COUNTER(program, verdict);
            sum.packets += after.verdicts[cell].packets - before.verdicts[cell].packets;
            sum.bytes += after.verdicts[cell].bytes - before.verdicts[cell].bytes;
            sum.copies += after.verdicts[cell].copies - before.verdicts[cell].copies;
        }
        const Count& want = wanted.verdicts.at(verdict);
        compare(fmt::format("{} packets", kVerdictTexts.at(verdict).name), sum.packets,
                want.packets);
        compare(fmt::format("{} bytes", kVerdictTexts.at(verdict).name), sum.bytes, want.bytes);
        compare(fmt::format("{} copies", kVerdictTexts.at(verdict).name), sum.copies, want.copies);
    }
    for (std::size_t note = 0; note < XGRE_NOTE_MAX; ++note)
        compare(fmt::format("note {}", kNoteTexts.at(note).name),
                after.notes[note] - before.notes[note], wanted.notes.at(note));

    const auto compare_traffic = [&compare](const std::string& whose, const xgre_traffic& now_is,
                                            const xgre_traffic& was, const Traffic& want) {
        compare(whose + " rx packets", now_is.rx_packets - was.rx_packets, want.rx_packets);
        compare(whose + " rx bytes", now_is.rx_bytes - was.rx_bytes, want.rx_bytes);
        compare(whose + " tx packets", now_is.tx_packets - was.tx_packets, want.tx_packets);
        compare(whose + " tx bytes", now_is.tx_bytes - was.tx_bytes, want.tx_bytes);
    };
    const auto of = [](const auto& all_of, auto key) {
        const auto found = all_of.find(key);
        return found == all_of.end() ? Traffic{} : found->second;
    };
    for (std::size_t port = 0; port < after.ports.size(); ++port)  // its slot is its number
        compare_traffic(fmt::format("port {}", port), after.ports[port], before.ports[port],
                        of(wanted.ports, port));
    for (std::uint32_t peer = 1; peer <= kPeers; ++peer)
        compare_traffic(fmt::format("peer {}", peer), after.peers[peer], before.peers[peer],
                        of(wanted.peers, peer));
    return all;
}

std::string Rig::compare_fdb(const State& wanted) const {
    std::string all;
    std::map<FdbKey, xgre_fdb_entry> got;
    for (const auto& [key, entry] : host_.datapath().fdb().entries())
        got[{key.network, key.vlan, std::to_array(key.mac)}] = entry;
    for (const auto& [key, entry] : wanted.fdb) {
        const auto found = got.find(key);
        const std::string name = fmt::format("fdb network {} vlan {} {:02x}", key.network, key.vlan,
                                             fmt::join(key.mac, ":"));
        if (found == got.end()) {
            all += name + ": not there\n";
            continue;
        }
        const xgre_owner want =
            entry.is_static ? as_static(owner(entry.owner)) : owner(entry.owner);
        if (found->second.owner != want)
            all += fmt::format("{}: owner {:#x}, in the model {:#x}\n", name, found->second.owner,
                               want);
        if (!entry.is_static && age_of(found->second) != entry.age)
            all += name + ": of another age\n";
        got.erase(found);
    }
    for (const auto& [key, entry] : got)
        all += fmt::format("fdb network {} vlan {} {:02x}: owner {:#x}, not in the model\n",
                           key.network, key.vlan, fmt::join(key.mac, ":"), entry.owner);
    return all;
}

}  // namespace xgre::test::model
