// SPDX-License-Identifier: GPL-2.0-only
// `xgre test`: what the programs do to frames, beside what they should.
#include "xgre/self_test.h"

#include <linux/if_ether.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "loader/instance_state.h"
#include "loader/outer_header.h"
#include "loader/rehearsal.h"
#include "loader/trace_steps.h"
#include "loader/tunnel_packet.h"
#include "xgre/error.h"
#include "xgre/probe.h"
#include "xgre/trace.h"

namespace xgre {
namespace {

using Clock = std::chrono::steady_clock;
using Frame = StandIn::Frame;
using GoesOn = std::function<bool()>;

constexpr std::uint16_t kTagged = 5;   // VLAN of frames with a tag
constexpr std::size_t kEthernet = 14;  // bytes of its header
constexpr std::uint32_t kWrongKey = 0x5a5a5a;
constexpr const char* kNoUplink = "the uplink is not ready";

// ---- Frames ---------------------------------------------------------------------------------

struct Kind {
    std::string_view name;
    std::uint16_t type = ETH_P_IP;
    FrameProtocol protocol = FrameProtocol::udp;
    std::optional<std::uint16_t> port = {};
    std::optional<std::uint8_t> icmp_type = {};
    bool tagged = false;
    bool largest = false;  // as large as fits
};
constexpr auto kKinds = std::to_array<Kind>({
    {.name = "UDP over IPv4"},
    {.name = "the largest UDP over IPv4", .largest = true},
    {.name = "TCP over IPv4", .protocol = FrameProtocol::tcp},
    {.name = "UDP over IPv6", .type = ETH_P_IPV6},
    {.name = "ARP", .type = ETH_P_ARP},
    {.name = "UDP over IPv4 with a VLAN tag", .tagged = true},
});
constexpr Kind kSmall = kKinds[0];

// What a guard of a port is there to refuse.
struct Guarded {
    std::uint32_t flag;
    Kind kind;
    xgre_verdict verdict;
};
constexpr auto kGuarded = std::to_array<Guarded>({
    {XGRE_PORT_DHCP_GUARD, {.name = "a DHCP server's message", .port = 68}, XGRE_DHCP_GUARD},
    {XGRE_PORT_DHCP_GUARD,
     {.name = "a DHCPv6 server's message", .type = ETH_P_IPV6, .port = 546},
     XGRE_DHCP_GUARD},
    {XGRE_PORT_RA_GUARD,
     {.name = "a router advertisement",
      .type = ETH_P_IPV6,
      .protocol = FrameProtocol::icmp,
      .icmp_type = 134},
     XGRE_RA_GUARD},
    {XGRE_PORT_RA_GUARD,
     {.name = "a redirect", .type = ETH_P_IPV6, .protocol = FrameProtocol::icmp, .icmp_type = 137},
     XGRE_RA_GUARD},
});

Mac made_up(std::uint8_t kind, std::uint32_t number) {
    return Mac{{0x02, 'x', 't', kind, static_cast<std::uint8_t>(number >> 8),
                static_cast<std::uint8_t>(number)}};
}

Frame frame_of(const Kind& kind, const Mac& from, const Mac& to, std::uint32_t mtu) {
    FrameSpec spec;
    spec.source = from;
    spec.destination = to;
    spec.type = kind.type;
    spec.protocol = kind.protocol;
    spec.port = kind.port;
    spec.icmp_type = kind.icmp_type;
    if (kind.tagged) spec.vlan = Vlan::from(kTagged);
    if (kind.largest) spec.size = mtu + kEthernet;
    return make_frame(spec);
}

// The same each time it is asked for.
std::function<Frame()> again_and_again(const Frame& frame) {
    return [copy = frame] { return Frame{copy}; };
}

// ---- What is there --------------------------------------------------------------------------

struct Port {
    std::uint32_t ifindex = 0;
    xgre_port row{};
    std::string name;
    std::uint32_t mtu = 0;
    bool is_ready = false;  // else what is sent to it gets lost

    Mac mac() const { return made_up(1, row.slot); }
    xgre_owner owner() const { return owner_of_port(ifindex, row.slot); }
    bool has(std::uint32_t flag) const { return (row.flags & flag) != 0; }
};

struct Peer {
    PeerInfo info;
    std::uint32_t network = 0;
    TunnelEnds ends;          // to it
    bool is_reached = false;  // there is a route to it by the uplink

    Mac mac() const { return made_up(2, info.id); }
    std::string name() const { return fmt::format("peer {}", info.address); }
    TunnelEnds back() const { return {.from = ends.to, .to = ends.from, .mode = ends.mode}; }
};

// What a frame did, against what it should do. Empty: that.
using Judge = std::function<std::string(const Rehearsed& played)>;

std::string verdict_name(xgre_verdict verdict) {
    return std::string{kVerdictTexts.at(verdict).name};
}

class SelfTest {
public:
    SelfTest(const Session& session, const SelfCheckVisit& visit, const GoesOn& goes_on)
        : live_{session, std::nullopt},
          rehearsal_{live_},
          visit_{visit},
          goes_on_{goes_on},
          uplink_{Ingress::of(live_, std::nullopt)} {
        rehearsal_.follow(live_);
        take_ports();
        take_peers(Instance::view(session));
    }

    void run() {
        if (!has_uplink())
            tell({.object = "uplink " + uplink_.device,
                  .name = "ready to send",
                  .result = CheckResult::failed,
                  .program = {},
                  .expected = "up, with a carrier",
                  .found = "it is down or has none: nothing reaches a peer",
                  .time = {}});
        for (const Port& port : ports_)
            if (goes_on_()) test_port(port);
        for (const Peer& peer : peers_)
            if (goes_on_()) test_peer(peer);
    }

private:
    const StandIn& stand_in() const { return rehearsal_.stand_in(); }
    // Else what is sent by it gets lost.
    bool has_uplink() const { return stand_in().is_ready_outside(uplink_.ifindex); }

    void take_ports() {
        for (const auto& [ifindex, row] : live_.ports()) {
            if (!live_.is_live(ifindex) || !stand_in().is_known(ifindex)) continue;
            ports_.push_back({.ifindex = ifindex,
                              .row = row,
                              .name = text_of(row.name),
                              .mtu = stand_in().mtu_of(ifindex),
                              .is_ready = stand_in().is_ready_outside(ifindex)});
        }
    }

    void take_peers(const Instance& instance) {
        const auto rows = live_.peers();
        const auto networks = live_.networks();
        for (PeerInfo& info : instance.peers()) {
            const auto row = rows.find(info.id);
            if (row == rows.end() || !networks.contains(row->second.network)) continue;
            Peer peer;
            peer.network = row->second.network;
            peer.ends.to = info.address;
            peer.ends.mode = mode_of(networks.at(peer.network));
            for (const IpAddr& local : locals_of(live_.uplink))
                if (local.is_v6() == info.address.is_v6()) peer.ends.from = local;
            peer.is_reached = stand_in().way_to(info.address).has_value();
            peer.info = std::move(info);
            peers_.push_back(std::move(peer));
        }
    }

    // Who else is in the network.
    const Peer* peer_in(std::uint32_t network, const Peer* but = nullptr) const {
        for (const Peer& peer : peers_)
            if (peer.network == network && &peer != but) return &peer;
        return nullptr;
    }
    // For frames of no host in particular: not one that is bound to its leases, if there is
    // another.
    const Port* port_in(std::uint32_t network, const Port* but = nullptr) const {
        const Port* found = nullptr;
        for (const Port& port : ports_) {
            if (port.row.network != network || &port == but) continue;
            if (!port.has(XGRE_PORT_LEASE_BOUND)) return &port;
            if (found == nullptr) found = &port;
        }
        return found;
    }

    // ---- Playing ----------------------------------------------------------------------------

    // In the copy, the address is behind the owner.
    void know(std::uint32_t network, const Mac& mac, xgre_owner owner) const {
        for (const std::uint16_t vlan : {std::uint16_t{0}, kTagged}) {
            xgre_fdb_key key{};
            key.network = network;
            key.vlan = vlan;
            std::ranges::copy(mac.bytes(), std::begin(key.mac));
            try {
                stand_in().datapath().fdb_put(key, owner | XGRE_OWNER_STATIC);
            } catch (const Error&) {  // it is full: the copy has no need of what was learned
                xgre_fdb_flush_args all{};
                all.match = XGRE_MATCH_LEARNED;
                stand_in().datapath().fdb_flush(all);
                stand_in().datapath().fdb_put(key, owner | XGRE_OWNER_STATIC);
            }
        }
    }
    void know(const Port& port) const { know(port.row.network, port.mac(), port.owner()); }
    void know(const Peer& peer) const {
        know(peer.network, peer.mac(), owner_of_peer(peer.info.id));
    }

    void tell(SelfCheck check) const {
        if (check.result == CheckResult::passed) check.expected.clear();
        visit_(check);
    }

    void skip(const std::string& object, const std::string& name, const std::string& why) const {
        tell({.object = object,
              .name = name,
              .result = CheckResult::skipped,
              .program = {},
              .expected = {},
              .found = why,
              .time = {}});
    }

    // By XDP, where it runs, and by TC alone: both have to do the same. `make` is asked for the
    // frame anew, since a sequence number is used once.
    void check(const std::string& object, const std::string& name, const Ingress& at,
               const std::function<Frame()>& make, const std::string& expected,
               const Judge& judge) {
        for (const bool with_xdp : {true, false}) {
            if ((with_xdp && !at.has_xdp) || !goes_on_()) continue;
            const auto begin = Clock::now();
            const Rehearsed played = rehearsal_.play(at, with_xdp, make());
            const std::string fault = judge(played);
            const Decision decision = decision_of(played);
            SelfCheck result;
            result.object = object;
            result.name = at.has_xdp && !with_xdp ? name + ", TC alone" : name;
            result.result = fault.empty() ? CheckResult::passed : CheckResult::failed;
            if (decision.program)
                result.program = std::string{kProgramTexts.at(*decision.program).name};
            result.expected = expected;
            result.found = fault;
            result.time = Clock::now() - begin;
            tell(std::move(result));
        }
    }

    // ---- Judging ----------------------------------------------------------------------------

    static std::string verdict_fault(const Rehearsed& played, xgre_verdict wanted) {
        const Decision decision = decision_of(played);
        if (decision.verdict == wanted) return {};
        return fmt::format("{}: {}", verdict_name(decision.verdict),
                           kVerdictTexts.at(decision.verdict).help);
    }

    static const std::vector<Frame>& left_by(const Rehearsed& played, std::uint32_t ifindex) {
        static const std::vector<Frame> none;
        const auto found = played.left.find(ifindex);
        return found == played.left.end() ? none : found->second;
    }

    static Judge is_dropped(xgre_verdict verdict) {
        return [verdict](const Rehearsed& played) {
            const std::string fault = verdict_fault(played, verdict);
            return !fault.empty() || played.left.empty() ? fault
                                                         : "it was dropped, and yet a frame left";
        };
    }

    Judge is_sent_to(const Peer& peer, const Frame& inner) const {
        return [this, &peer, inner](const Rehearsed& played) -> std::string {
            if (std::string fault = verdict_fault(played, XGRE_TO_PEER); !fault.empty())
                return fault;
            const auto& frames = left_by(played, uplink_.ifindex);
            if (frames.size() != 1)
                return fmt::format("{} packets left by the uplink", frames.size());
            return fault_of_packet(peer.ends, peer.info.options, frames.front(), inner)
                .value_or("");
        };
    }

    static Judge is_delivered_to(const Port& port, const Frame& inner) {
        return [&port, inner](const Rehearsed& played) -> std::string {
            if (std::string fault = verdict_fault(played, XGRE_TO_PORT); !fault.empty())
                return fault;
            const auto& frames = left_by(played, port.ifindex);
            if (frames.size() != 1)
                return fmt::format("{} frames came to {}", frames.size(), port.name);
            return frames.front() == inner ? "" : "what came is not what was sent";
        };
    }

    // One of these copies is for the peer, and right.
    static std::string fault_of_copies(const Peer& peer, const std::vector<Frame>& copies,
                                       const Frame& inner) {
        std::string last = "it got none";
        for (const Frame& copy : copies) {
            const auto fault = fault_of_packet(peer.ends, peer.info.options, copy, inner);
            if (!fault) return {};
            if (fault->find("outer addresses") == std::string::npos) last = *fault;
        }
        return fmt::format("{}: {}", peer.name(), last);
    }

    bool takes_flood(const Port& port, std::uint32_t network, const Port* from) const {
        const bool are_apart =
            from != nullptr && from->has(XGRE_PORT_ISOLATED) && port.has(XGRE_PORT_ISOLATED);
        return port.row.network == network && &port != from && port.is_ready && !are_apart;
    }

    Judge is_flooded(std::uint32_t network, const Port* from, const Frame& inner) const {
        return [this, network, from, inner](const Rehearsed& played) -> std::string {
            std::size_t wanted = 0;
            for (const Port& port : ports_) {
                if (!takes_flood(port, network, from)) continue;
                ++wanted;
                const auto& frames = left_by(played, port.ifindex);
                if (frames.size() != 1 || frames.front() != inner)
                    return fmt::format("{} frames came to {}", frames.size(), port.name);
            }
            for (const Peer& peer : peers_) {
                if (from == nullptr || peer.network != network || !peer.is_reached || !has_uplink())
                    continue;
                ++wanted;
                std::string fault = fault_of_copies(peer, left_by(played, uplink_.ifindex), inner);
                if (!fault.empty()) return fault;
            }
            if (from == nullptr && !left_by(played, uplink_.ifindex).empty())
                return "what came from a peer went to a peer";
            return wanted == 0 ? "" : verdict_fault(played, XGRE_FLOODED);
        };
    }

    // ---- Ports ------------------------------------------------------------------------------

    void refuse(const Port& port, const Ingress& at, const Kind& kind, const Mac& from,
                xgre_verdict verdict) {
        const Frame frame = frame_of(kind, from, made_up(3, 0), port.mtu);
        check("port " + port.name, std::string{kind.name}, at, again_and_again(frame),
              verdict_name(verdict) + ", and nothing leaves", is_dropped(verdict));
    }

    // What the VM may not send.
    void refuse_from_port(const Port& port, const Ingress& at) {
        know(port);
        for (const Guarded& guarded : kGuarded)
            if (port.has(guarded.flag)) refuse(port, at, guarded.kind, port.mac(), guarded.verdict);
        if (port.has(XGRE_PORT_LEASE_BOUND))
            refuse(port, at, {.name = "an IPv4 address that it has no lease of"}, port.mac(),
                   XGRE_NOT_LEASED);
        else if (port.has(XGRE_PORT_LOCKED))
            refuse(port, at, {.name = "a MAC that is not its own"}, made_up(3, 1), XGRE_LOCKED);
    }

    void send_to_peer(const std::string& object, const Port& port, const Peer& peer,
                      const Ingress& at) {
        if (!has_uplink()) return skip(object, "to " + peer.name(), kNoUplink);
        know(port);
        know(peer);
        for (const Kind& kind : kKinds) {
            const Frame inner = frame_of(kind, port.mac(), peer.mac(), peer.info.mtu);
            check(object, fmt::format("{} from {} to {}", kind.name, port.name, peer.name()), at,
                  again_and_again(inner), "to-peer, one packet by the uplink",
                  is_sent_to(peer, inner));
        }
    }

    void send_to_port(const Port& port, const Port& other, const Ingress& at) {
        const std::string name = fmt::format("{} to port {}", kSmall.name, other.name);
        if (!other.is_ready)
            return skip("port " + port.name, name, fmt::format("{} is down", other.name));
        know(port);
        know(other);
        const Frame inner = frame_of(kSmall, port.mac(), other.mac(), port.mtu);
        const bool apart = port.has(XGRE_PORT_ISOLATED) && other.has(XGRE_PORT_ISOLATED);
        check("port " + port.name, name, at, again_and_again(inner),
              apart ? "isolated, and nothing leaves" : "to-port, the same frame",
              apart ? is_dropped(XGRE_ISOLATED) : is_delivered_to(other, inner));
    }

    void test_port(const Port& port) {
        const Ingress at = Ingress::of(live_, port.name);
        refuse_from_port(port, at);
        if (port.has(XGRE_PORT_LEASE_BOUND)) return;  // all else that is made up is refused, too
        if (const Peer* peer = peer_in(port.row.network))
            send_to_peer("port " + port.name, port, *peer, at);
        else
            skip("port " + port.name, "to a peer", "its network has none");
        if (const Port* other = port_in(port.row.network, &port)) send_to_port(port, *other, at);
        if (port.row.broadcast_limit != 0)
            return skip("port " + port.name, "broadcast", "it may send only so much of it");
        know(port);
        Kind arp{.name = "ARP", .type = ETH_P_ARP};
        const Frame inner = frame_of(arp, port.mac(), Mac::broadcast(), port.mtu);
        check("port " + port.name, "broadcast", at, again_and_again(inner),
              "a copy for every other port and every peer",
              is_flooded(port.row.network, &port, inner));
    }

    // ---- Peers ------------------------------------------------------------------------------

    Frame from_peer(const Peer& peer, const PeerOptions& options, const Frame& inner) const {
        const auto state = stand_in().datapath().peer_states().find(peer.info.id);
        const Mac to{std::to_array(live_.uplink.mac)};
        return packet_of_peer(peer.back(), options, state.value_or(xgre_peer_state{}).expected, to,
                              inner);
    }

    void arrive(const Peer& peer, const std::string& name, const PeerOptions& options,
                const Frame& inner, const std::string& expected, const Judge& judge) {
        check(
            object_of(peer), name, uplink_, [&] { return from_peer(peer, options, inner); },
            expected, judge);
    }

    void receive_from_peer(const Peer& peer, const Port& port) {
        know(peer);
        know(port);
        for (const Kind& kind : kKinds) {
            const Frame inner =
                frame_of(kind, peer.mac(), port.mac(), std::min(port.mtu, peer.info.mtu));
            arrive(peer, fmt::format("{} from it to {}", kind.name, port.name), peer.info.options,
                   inner, "to-port, the same frame", is_delivered_to(port, inner));
        }
        const Frame inner =
            frame_of({.name = "ARP", .type = ETH_P_ARP}, peer.mac(), Mac::broadcast(), port.mtu);
        arrive(peer, "broadcast from it", peer.info.options, inner,
               "a copy for every port, and none for a peer",
               is_flooded(peer.network, nullptr, inner));
    }

    // What nobody may send.
    void refuse_from_peer(const Peer& peer, const Port& port) {
        PeerOptions wrong = peer.info.options;
        wrong.ikey = GreKey{kWrongKey};
        const Frame inner = frame_of(kSmall, peer.mac(), port.mac(), port.mtu);
        const bool is_used = std::ranges::any_of(peers_, [&](const Peer& other) {
            return other.info.address == peer.info.address && other.info.options.ikey == wrong.ikey;
        });
        if (!is_used)
            arrive(peer, "another key", wrong, inner, "unknown-peer, and nothing leaves",
                   is_dropped(XGRE_UNKNOWN_PEER));
        if (const Peer* other = peer_in(peer.network, &peer)) {
            know(*other);
            const Frame back = frame_of(kSmall, peer.mac(), other->mac(), port.mtu);
            arrive(peer, fmt::format("from it to {}", other->name()), peer.info.options, back,
                   "split-horizon, and nothing leaves", is_dropped(XGRE_SPLIT_HORIZON));
        }
    }

    static std::string object_of(const Peer& peer) {
        return fmt::format("{} of network {}", peer.name(), peer.info.network);
    }

    void test_peer(const Peer& peer) {
        const Port* port = port_in(peer.network);
        if (port == nullptr) return skip(object_of(peer), "frames", "its network has no port here");
        if (!has_uplink()) return skip(object_of(peer), "frames", kNoUplink);
        if (!peer.is_reached && peer.info.options.rp_filter)
            return skip(object_of(peer), "frames", "there is no route to it, and rp-filter is on");
        // With the first peer, the ports were tested.
        if (&peer != peer_in(peer.network) && !port->has(XGRE_PORT_LEASE_BOUND))
            send_to_peer(object_of(peer), *port, peer, Ingress::of(live_, port->name));
        if (port->is_ready)
            receive_from_peer(peer, *port);
        else
            skip(object_of(peer), "frames from it", fmt::format("{} is down", port->name));
        refuse_from_peer(peer, *port);
    }

    Instance::State live_;
    Rehearsal rehearsal_;
    const SelfCheckVisit& visit_;
    const GoesOn& goes_on_;
    Ingress uplink_;
    std::vector<Port> ports_;
    std::vector<Peer> peers_;
};

// ---- Probes ---------------------------------------------------------------------------------

using std::chrono::milliseconds;

constexpr milliseconds kTimeout{500};
constexpr milliseconds kBetween{20};
constexpr std::uint32_t kLeastMtu = 46;

class ProbeTest {
public:
    ProbeTest(const Session& session, const SelfCheckVisit& visit, const GoesOn& goes_on)
        : session_{session}, visit_{visit}, goes_on_{goes_on} {}

    void run() {
        const auto peers = Instance::view(session_).peers();
        if (peers.empty()) return;
        const auto results =
            probe(session_, {.count = 3, .timeout = kTimeout, .interval = kBetween}, goes_on_);
        for (const ProbeResult& result : results) {
            tell_answer(result);
            const auto peer = std::ranges::find_if(peers, [&](const PeerInfo& info) {
                return info.address == result.address && info.network == result.network;
            });
            if (result.answered != 0 && peer != peers.end() && goes_on_()) test_mtu(*peer);
        }
    }

private:
    static SelfCheck begin(const IpAddr& address, const std::string& network,
                           const std::string& name) {
        SelfCheck check;
        check.object = fmt::format("peer {} of network {}", address, network);
        check.name = name;
        return check;
    }

    void tell_answer(const ProbeResult& result) const {
        SelfCheck check = begin(result.address, result.network, "a probe through the tunnel");
        check.time = result.mean;
        if (result.answered == result.sent && result.sent != 0) return visit_(check);
        check.expected = "an answer to each";
        check.found = fmt::format("{} of {} answered", result.answered, result.sent);
        // Frames come, and the host is up: what runs there is another implementation. Where nothing
        // ever came, it may as well be one of ours with another key.
        const bool is_foreign = result.answered == 0 && result.was_heard && !result.is_xgre &&
                                result.host_answers.value_or(false);
        check.result = is_foreign ? CheckResult::skipped : CheckResult::failed;
        if (is_foreign)
            check.found = "no xgre answers there, though the host is up";
        else if (result.host_answers)
            check.found += *result.host_answers ? "; the host answers pings"
                                                : "; the host does not answer pings either";
        visit_(check);
    }

    bool passes(const PeerInfo& peer, std::uint32_t mtu) const {
        const auto results = probe(session_,
                                   {.address = peer.address,
                                    .network = peer.network,
                                    .count = 2,
                                    .timeout = kTimeout,
                                    .interval = kBetween,
                                    .mtu = mtu},
                                   goes_on_);
        return !results.empty() && results.front().answered != 0;
    }

    // By halves, below what does not pass.
    std::uint32_t largest_below(const PeerInfo& peer, std::uint32_t mtu) const {
        std::uint32_t good = kLeastMtu;
        while (mtu - good > 1 && goes_on_()) {
            const std::uint32_t middle = good + (mtu - good) / 2;
            (passes(peer, middle) ? good : mtu) = middle;
        }
        return good;
    }

    void test_mtu(const PeerInfo& peer) const {
        if (peer.mtu <= kLeastMtu) return;
        SelfCheck check = begin(peer.address, peer.network,
                                fmt::format("a probe as large as its MTU, {}", peer.mtu));
        const auto start = Clock::now();
        if (!passes(peer, peer.mtu)) {
            check.result = CheckResult::failed;
            check.expected = "an answer: the way takes the size that `xgre peer show` says";
            check.found = fmt::format("the largest that passes both ways is {}",
                                      largest_below(peer, peer.mtu));
        }
        check.time = Clock::now() - start;
        visit_(check);
    }

    const Session& session_;
    const SelfCheckVisit& visit_;
    const GoesOn& goes_on_;
};

}  // namespace

std::string name_of(CheckResult result) {
    switch (result) {
        case CheckResult::passed:
            return "passed";
        case CheckResult::failed:
            return "failed";
        case CheckResult::skipped:
            return "skipped";
    }
    return "";
}

void self_test(const Session& session, const SelfTestSpec& spec, const SelfCheckVisit& visit,
               const GoesOn& goes_on) {
    if (spec.frames) SelfTest{session, visit, goes_on}.run();
    if (spec.probes && goes_on()) ProbeTest{session, visit, goes_on}.run();
}

}  // namespace xgre
