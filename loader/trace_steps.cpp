// SPDX-License-Identifier: GPL-2.0-only
#include "loader/trace_steps.h"

#include <linux/if_ether.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "loader/abi_text.h"
#include "loader/clock.h"
#include "loader/drop_texts.h"
#include "loader/frame_words.h"
#include "loader/outer_header.h"

namespace xgre {
namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr const char* kNone = "none";
constexpr const char* kNoneHelp = "the kernel dropped the frame before a program could decide";
constexpr const char* kHeldHelp =
    "a first fragment of a tunnel packet: held until the second one comes";

xgre_owner kind_of(xgre_owner owner) {
    return owner & XGRE_OWNER_KIND_MASK;
}

std::uint32_t id_of(xgre_owner owner) {
    return static_cast<std::uint32_t>(owner);
}

std::string verdict_name(xgre_verdict verdict) {
    return std::string{kVerdictTexts.at(verdict).name};
}

std::string program_name(xgre_program program) {
    return std::string{kProgramTexts.at(program).name};
}

bool is_xdp(xgre_program program) {
    return program == XGRE_PROGRAM_UPLINK_XDP || program == XGRE_PROGRAM_PORT_XDP;
}

std::string bytes_text(std::size_t bytes) {
    return fmt::format("{} bytes", bytes);
}

class Composer {
public:
    Composer(const Instance::State& live, const Rehearsal& rehearsal, const Ingress& ingress,
             Bytes frame, const Rehearsed& played)
        : live_{live},
          stand_in_{rehearsal.stand_in()},
          ingress_{ingress},
          frame_{frame},
          played_{played},
          decision_{decision_of(played)},
          networks_{live.networks()},
          ports_{live.ports()},
          peers_{live.peers()} {}

    Trace compose() {
        trace_.instance = live_.session.instance;
        trace_.device = ingress_.device;
        trace_.is_uplink = ingress_.is_uplink;
        trace_.size = frame_.size();
        trace_.other_build = is_other_build(live_, stand_in_.datapath(), ingress_);
        trace_.by_detour = played_.detours != 0;
        find_origin();
        tell_origin();
        for (const Layer& layer : layers_of(frame_))
            step(layer.name, layer.text);
        if (ingress_.is_uplink) tell_tunnel();
        tell_addresses();
        tell_next_hops();
        tell_programs();
        tell_verdict();
        tell_notes();
        add_departures();
        tell_losses();
        return std::move(trace_);
    }

private:
    void step(std::string name, std::string text) {
        trace_.steps.push_back({std::move(name), std::move(text)});
    }

    // ---- Names ----

    std::string network_name(std::uint32_t id) const {
        const auto network = networks_.find(id);
        return network == networks_.end() ? "" : text_of(network->second.name);
    }

    std::string port_name(std::uint32_t ifindex) const {
        const auto port = ports_.find(ifindex);
        return port == ports_.end() ? fmt::format("device {}", ifindex)
                                    : text_of(port->second.name);
    }

    std::string owner_text(xgre_owner owner) const {
        if (kind_of(owner) == XGRE_OWNER_PORT) return "port " + port_name(id_of(owner));
        const auto peer = peers_.find(id_of(owner));
        return peer == peers_.end() ? std::string{"a peer that is no more"}
                                    : "peer " + remote_of(peer->second).format();
    }

    // ---- Where it came from ----

    void find_origin() {
        inner_ = frame_;
        if (ingress_.is_uplink) {
            tunnel_ = tunnel_of(frame_);
            inner_ = tunnel_ && tunnel_->inner <= frame_.size() ? frame_.subspan(tunnel_->inner)
                                                                : Bytes{};
            if (played_.from_peer && peers_.contains(*played_.from_peer)) {
                const xgre_peer& peer = peers_.at(*played_.from_peer);
                network_ = peer.network;
                trace_.from_peer = remote_of(peer);
            }
        } else {
            network_ = ports_.at(ingress_.ifindex).network;
        }
        head_ = ethernet_of(inner_);
        // Only of a frame that has a network is it a VLAN of that.
        if (head_ && network_ != 0) trace_.vlan = head_->vlan;
        trace_.network = network_name(network_);
    }

    void tell_origin() {
        std::string text =
            fmt::format("{} {}", ingress_.is_uplink ? "uplink" : "port", ingress_.device);
        if (!ingress_.is_uplink) {
            text += trace_.network.empty() ? ", in no network" : ", network " + trace_.network;
            if (trace_.vlan != 0) text += fmt::format(", VLAN {}", trace_.vlan);
        }
        if (!stand_in_.is_ready_outside(ingress_.ifindex))
            text += "; the device is down or has no carrier: nothing comes in by it now";
        if (frame_.size() > ingress_.longest) text += "; larger than the device's MTU lets in";
        step("from", std::move(text));
    }

    void tell_tunnel() {
        if (trace_.from_peer) {
            std::string text =
                fmt::format("of peer {} in network {}", *trace_.from_peer, trace_.network);
            if (trace_.vlan != 0) text += fmt::format(", VLAN {}", trace_.vlan);
            return step("tunnel", std::move(text));
        }
        if (!tunnel_) return step("tunnel", "no Ethernet frame in GRE: not a tunnel packet");
        if (decision_.verdict == XGRE_UNKNOWN_PEER)
            return step("tunnel", fmt::format("no peer {} with {}", tunnel_->source,
                                              tunnel_->key ? fmt::format("key {}", *tunnel_->key)
                                                           : std::string{"no key"}));
        const auto locals = locals_of(live_.uplink);
        if (std::ranges::find(locals, tunnel_->destination) == locals.end())
            return step("tunnel", fmt::format("to {}, which is no address of this instance's",
                                              tunnel_->destination));
        step("tunnel", fmt::format("from {}: dropped or passed on before its peer was asked for",
                                   tunnel_->source));
    }

    // ---- The FDB ----

    xgre_fdb_key key_of(const Mac& mac) const {
        xgre_fdb_key key{};
        key.network = network_;
        key.vlan = trace_.vlan;
        std::ranges::copy(mac.bytes(), key.mac);
        return key;
    }

    std::optional<xgre_fdb_entry> find(const Datapath& datapath, const Mac& mac) const {
        const auto entry = datapath.fdb().find(key_of(mac));
        return entry && kind_of(entry->owner) != XGRE_OWNER_DEAD ? entry : std::nullopt;
    }

    bool is_expired(const xgre_fdb_entry& entry) const {
        const auto network = networks_.find(network_);
        return (entry.owner & XGRE_OWNER_STATIC) == 0 && network != networks_.end() &&
               nanoseconds_since(entry.last_seen, monotonic_ns()) > network->second.ageing_ns;
    }

    std::string entry_text(const xgre_fdb_entry& entry) const {
        const bool is_static = (entry.owner & XGRE_OWNER_STATIC) != 0;
        const double age =
            static_cast<double>(nanoseconds_since(entry.last_seen, monotonic_ns())) / 1e9;
        return fmt::format(
            "behind {}, {}{}", owner_text(entry.owner),
            is_static ? std::string{"static"} : fmt::format("learned, last seen {:.1f} s ago", age),
            is_expired(entry) ? ", expired: not used" : "");
    }

    void tell_addresses() {
        if (!head_ || network_ == 0) return;
        const EthernetHead& head = *head_;
        tell_source(head.source);
        if (head.destination.is_group())
            return step("destination",
                        fmt::format("{}: for every port and peer of the network",
                                    head.destination.is_broadcast() ? "broadcast" : "multicast"));
        to_ = find(live_.datapath, head.destination);
        step("destination",
             fmt::format("{}: {}", head.destination,
                         to_ ? entry_text(*to_) : "not in the FDB: unknown unicast"));
    }

    void tell_source(const Mac& mac) {
        const auto before = find(live_.datapath, mac);
        const auto after = find(stand_in_.datapath(), mac);
        std::string text =
            fmt::format("{}: {}", mac, before ? entry_text(*before) : "not in the FDB");
        if (after && (!before || is_expired(*before)))
            text += ", would be learned behind " + owner_text(after->owner);
        else if (before && after && before->owner != after->owner)
            text += ", would move to " + owner_text(after->owner);
        step("source", std::move(text));
    }

    // ---- Next hops ----

    void tell_next_hops() {
        std::set<std::uint32_t> ids;
        if (to_ && kind_of(to_->owner) == XGRE_OWNER_PEER && !is_expired(*to_) &&
            !ingress_.is_uplink)
            ids.insert(id_of(to_->owner));
        for (const auto& [id, frames] : played_.to_peers)
            ids.insert(id);
        for (const std::uint32_t id : ids)
            if (const auto peer = peers_.find(id); peer != peers_.end())
                step("next-hop", next_hop_text(id, peer->second));
    }

    std::string next_hop_text(std::uint32_t id, const xgre_peer& peer) const {
        const IpAddr address = remote_of(peer);
        const auto way = stand_in_.way_to(address);
        const std::string uplink = text_of(live_.uplink.name);
        if (!way) return fmt::format("{}: no route by {}", address, uplink);
        std::string text = fmt::format("{}: ", address);
        text += way->gateway ? fmt::format("via {} by {}", *way->gateway, uplink)
                             : "on the link of " + uplink;
        text += way->mac ? fmt::format(", MAC {}", *way->mac)
                         : ", MAC not known: the kernel asks for it first, and the frame waits";
        return text + mtu_text(id, peer, *way);
    }

    std::string mtu_text(std::uint32_t id, const xgre_peer& peer, const StandIn::Way& way) const {
        std::uint32_t mtu = stand_in_.mtu_of(live_.uplink.ifindex);
        std::string whose = "the uplink's MTU";
        if (way.mtu != 0 && way.mtu < mtu) {
            mtu = way.mtu;
            whose = "the route's MTU";
        }
        const auto state = live_.datapath.peer_states().find(id).value_or(xgre_peer_state{});
        if (state.path_mtu != 0 && state.path_mtu < mtu && state.path_until > monotonic_ns()) {
            mtu = state.path_mtu;
            whose = "the path's MTU, as a router said";
        }
        const std::uint32_t outer = overhead(peer);
        return fmt::format(", {} bytes at most ({}), {} of them inside", mtu, whose,
                           mtu > outer ? mtu - outer : 0);
    }

    // ---- Programs ----

    void tell_programs() {
        const bool by_xdp = decision_.program && is_xdp(*decision_.program);
        if (!ingress_.has_xdp) {
            step("xdp", "does not run: " + why_no_xdp());
        } else if (by_xdp) {
            step("xdp", fmt::format("{} decides: {}", program_name(*decision_.program),
                                    verdict_name(decision_.verdict)));
        } else {
            const std::string why = why_left();
            step("xdp", fmt::format("{} leaves it to TC{}{}", program_name(ingress_.xdp),
                                    why.empty() ? "" : ": ", why));
        }
        if (!by_xdp) tell_tc();
        if (trace_.by_detour)
            step("detour",
                 fmt::format("{} by the veth pair, where the kernel completes it and detour_tc "
                             "cuts, numbers or sums it, or tells its sender",
                             played_.detours == 1 ? std::string{"it goes"}
                                                  : fmt::format("{} frames go", played_.detours)));
    }

    void tell_tc() {
        const std::string tc = program_name(ingress_.tc);
        if (decision_.program == ingress_.tc)
            return step("tc", fmt::format("{} decides: {}", tc, verdict_name(decision_.verdict)));
        if (trace_.by_detour) return step("tc", tc + " sends it by the detour");
        if (played_.held) return step("tc", tc + " holds it until its other half comes");
        step("tc", ingress_.is_uplink ? tc + " passes it on to the host's stack"
                                      : tc + " did not get it");
    }

    std::string why_no_xdp() const {
        const auto scope = live_.enter();
        const auto link = NlSocket::open().find_link(static_cast<int>(ingress_.ifindex));
        const HookInfo hook = live_.hook_info(link ? &*link : nullptr, ingress_.is_uplink);
        return hook.reason.empty() ? std::string{"it is not attached"} : hook.reason;
    }

    bool is_flooded() const {
        return decision_.verdict == XGRE_FLOODED || decision_.verdict == XGRE_NO_TARGET ||
               decision_.verdict == XGRE_BROADCAST_LIMIT || decision_.verdict == XGRE_UNKNOWN_LIMIT;
    }

    // As far as it can be told from outside.
    std::string why_left() const {
        if (!decision_.program && !played_.held && ingress_.is_uplink)
            return "not a tunnel packet to this instance";
        if (played_.held || (tunnel_ && tunnel_->fragment)) return "it is a fragment";
        if (!ingress_.is_uplink) {
            const xgre_port& port = ports_.at(ingress_.ifindex);
            if ((port.flags & XGRE_PORT_GUARDS) != 0) return "the port has guards, which TC does";
        }
        if (is_flooded()) return "copies are made by TC";
        if (is_syn(inner_)) return "TC looks at the segment size of a SYN";
        if (trace_.by_detour) return "it has to be completed, cut or refused: by the detour";
        return ingress_.is_uplink ? why_uplink_left() : why_port_left();
    }

    std::string why_uplink_left() const {
        if (tunnel_ && tunnel_->checksum) return "TC verifies GRE checksums";
        if (played_.from_peer && peers_.contains(*played_.from_peer) &&
            (peers_.at(*played_.from_peer).flags & XGRE_PEER_CHECKED) != 0)
            return "the peer's checksums or sequence numbers are checked by TC";
        for (const auto& [ifindex, port] : ports_) {
            if (!played_.to_ports.contains(port.slot)) continue;
            if ((port.flags & XGRE_PORT_OFFLOADS) != 0)
                return fmt::format("{} takes large segments: TCP is merged by GRO first",
                                   text_of(port.name));
            if ((port.flags & XGRE_PORT_LEASE_BOUND) != 0)
                return fmt::format("{} is bound to its leases, which TC watches",
                                   text_of(port.name));
            if ((port.flags & XGRE_PORT_XDP_XMIT) == 0)
                return fmt::format("XDP may not send into {}", text_of(port.name));
        }
        return decision_.verdict == XGRE_TOO_LARGE ? "it is too large for the device" : "";
    }

    std::string why_port_left() const {
        if (to_ && kind_of(to_->owner) == XGRE_OWNER_PORT && ports_.contains(id_of(to_->owner)) &&
            (ports_.at(id_of(to_->owner)).flags & XGRE_PORT_XDP_XMIT) == 0)
            return fmt::format("XDP may not send into {}", port_name(id_of(to_->owner)));
        if (!to_ || kind_of(to_->owner) != XGRE_OWNER_PEER || !peers_.contains(id_of(to_->owner)))
            return "";
        const xgre_peer& peer = peers_.at(id_of(to_->owner));
        if ((peer.flags & XGRE_PEER_BY_TC) != 0)
            return "what the peer's outer headers are to have, only TC can do";
        const auto way = stand_in_.way_to(remote_of(peer));
        if (!way || !way->mac) return "the next hop's MAC is not known";
        if (monotonic_ns() > peer.asked + XGRE_ASK_NS)
            return "the kernel is asked for the next hop every few seconds, by TC";
        if ((live_.uplink.flags & XGRE_UPLINK_XDP_XMIT) == 0)
            return "XDP may not send into the uplink";
        return "";
    }

    // ---- What became of it ----

    void tell_verdict() {
        if (!decision_.program && !played_.held && !ingress_.is_uplink) {
            trace_.verdict = kNone;
            trace_.help = kNoneHelp;
            trace_.drop = true;
        } else {
            const VerdictText& text = kVerdictTexts.at(decision_.verdict);
            trace_.verdict = text.name;
            trace_.help = played_.held ? kHeldHelp : text.help;
            trace_.drop = text.drop;
            trace_.way_out = way_out_of_drop(text.name);
        }
        if (decision_.program) trace_.program = program_name(*decision_.program);
        step("verdict", fmt::format("{}: {}", trace_.verdict, trace_.help));
        if (!trace_.way_out.empty()) step("way-out", trace_.way_out);
    }

    void tell_notes() {
        for (const auto& [which, count] : played_.notes) {
            if (which == XGRE_NOTE_AGED) continue;
            const AbiText& text = kNoteTexts.at(which);
            trace_.notes.emplace_back(text.name);
            step("note", fmt::format("{} ({}): {}", text.name, count, text.help));
        }
    }

    // ---- What leaves ----

    void add_departures() {
        for (const auto& [ifindex, port] : ports_) {
            const auto left = played_.left.find(ifindex);
            if (left != played_.left.end())
                for (const TraceFrame& frame : left->second)
                    add_to_port(ifindex, port, frame);
            else if (played_.to_ports.contains(port.slot))
                add_lost(text_of(port.name), network_name(port.network));
        }
        const auto left = played_.left.find(live_.uplink.ifindex);
        if (left != played_.left.end())
            for (const TraceFrame& frame : left->second)
                add_to_peer(frame);
        else if (!played_.to_peers.empty())
            add_lost(text_of(live_.uplink.name), "");
        if (trace_.leaves.empty()) step("leaves", "nothing");
    }

    void add_lost(const std::string& device, const std::string& network) {
        TraceDeparture lost;
        lost.device = device;
        lost.is_uplink = network.empty();
        lost.network = network;
        lost.lost = true;
        step("leaves", device + ": lost there, as it is down, has no carrier, or nobody reads it");
        trace_.leaves.push_back(std::move(lost));
    }

    void add(TraceDeparture departure, const std::string& where) {
        const auto layers = layers_of(departure.frame);
        for (const Layer& layer : layers)
            departure.layers.push_back(layer.text);
        step("leaves",
             fmt::format("{}: {}: {}", where, bytes_text(departure.frame.size()), line_of(layers)));
        trace_.leaves.push_back(std::move(departure));
    }

    void add_to_port(std::uint32_t ifindex, const xgre_port& port, const TraceFrame& frame) {
        TraceDeparture departure;
        departure.device = text_of(port.name);
        departure.network = network_name(port.network);
        departure.frame = frame;
        const std::string where = "port " + departure.device;
        add(std::move(departure), ifindex == ingress_.ifindex ? where + ", to the sender" : where);
    }

    void add_to_peer(const TraceFrame& frame) {
        TraceDeparture departure;
        departure.device = text_of(live_.uplink.name);
        departure.is_uplink = true;
        departure.frame = frame;
        std::string where = "uplink " + departure.device;
        if (const auto tunnel = tunnel_of(frame)) {
            departure.peer = tunnel->destination;
            where += fmt::format(", peer {}", tunnel->destination);
            const auto way = stand_in_.way_to(tunnel->destination);
            departure.waits = way && !way->mac;
            if (departure.waits) where += ", once its next hop's MAC is known";
        }
        add(std::move(departure), where);
    }

    void tell_losses() {
        for (const Rehearsed::Verdict& verdict : played_.verdicts) {
            const VerdictText& text = kVerdictTexts.at(verdict.verdict);
            if (verdict.copies == 0 || !text.drop) continue;
            TraceLoss loss{std::string{text.name}, std::string{text.help},
                           std::string{way_out_of_drop(text.name)}, verdict.copies};
            step("lost",
                 fmt::format("{} {}, {}: {}; {}", loss.copies, loss.copies == 1 ? "copy" : "copies",
                             loss.verdict, loss.help, loss.way_out));
            trace_.lost.push_back(std::move(loss));
        }
    }

    const Instance::State& live_;
    const StandIn& stand_in_;
    const Ingress& ingress_;
    Bytes frame_;
    const Rehearsed& played_;
    Decision decision_;
    Rows<xgre_network> networks_;
    Rows<xgre_port> ports_;
    Rows<xgre_peer> peers_;
    Bytes inner_;
    std::optional<TunnelHead> tunnel_;
    std::optional<EthernetHead> head_;  // of the frame inside
    std::uint32_t network_ = 0;         // 0: not known
    std::optional<xgre_fdb_entry> to_;
    Trace trace_;
};

}  // namespace

Decision decision_of(const Rehearsed& played) {
    if (played.held) return {.verdict = XGRE_PUNT, .program = std::nullopt};
    const Rehearsed::Verdict* chosen = nullptr;
    // What else may be counted is about fragments that came before.
    const auto rank = [](const Rehearsed::Verdict& verdict) {
        const bool is_other =
            verdict.verdict == XGRE_FRAGMENT_TIMEOUT || verdict.verdict == XGRE_FRAGMENT_STORE_FULL;
        return std::pair{!is_other, verdict.packets};
    };
    for (const Rehearsed::Verdict& verdict : played.verdicts)
        if (verdict.packets != 0 && (chosen == nullptr || rank(verdict) > rank(*chosen)))
            chosen = &verdict;
    if (chosen == nullptr) return {};
    return {.verdict = chosen->verdict, .program = chosen->program};
}

Trace compose_trace(const Instance::State& live, const Rehearsal& rehearsal, const Ingress& ingress,
                    Bytes frame, const Rehearsed& played) {
    return Composer{live, rehearsal, ingress, frame, played}.compose();
}

}  // namespace xgre
