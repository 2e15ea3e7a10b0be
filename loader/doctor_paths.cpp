// SPDX-License-Identifier: GPL-2.0-only
// Checks of the way to each peer, and of what fits it.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "loader/abi_text.h"
#include "loader/doctor.h"

namespace xgre::doctor {
namespace {

constexpr std::uint32_t kIp6Mtu = 1280;       // RFC 8200 section 5
constexpr std::uint64_t kEnoughPackets = 20;  // that an answer is to be expected

std::string object_of(const PeerFacts& peer) {
    return fmt::format("peer {} of network {}", peer.info.address.format(), peer.info.network);
}

std::string hop_of(const PeerFacts& peer) {
    if (!peer.route || !peer.route->gateway) return "it";
    return "the gateway to it, " + peer.route->gateway->format() + ",";
}

bool leads_out(const InstanceFacts& facts, const PeerFacts& peer) {
    const auto& uplink = facts.uplink().link;
    return peer.route && uplink && peer.route->ifindex == uplink->index;
}

void route(const InstanceFacts& facts, Report& report) {
    if (!facts.uplink().link) return;
    const std::string& uplink = facts.uplink().name;
    for (const PeerFacts& peer : facts.peers) {
        const std::string way_out =
            report.run(fmt::format("ip route add {} dev {}", peer.info.address.format(), uplink)) +
            ", with `via GATEWAY` where it is not on the link";
        if (!peer.route)
            report.problem(object_of(peer), "the host has no route to it", way_out);
        else if (!leads_out(facts, peer))
            report.problem(object_of(peer),
                           fmt::format("the route to it leads out by {}, not by the uplink {}{}",
                                       peer.route_device, uplink,
                                       peer.info.options.rp_filter
                                           ? "; with --rp-filter, nothing is taken from it either"
                                           : ""),
                           way_out);
        else
            report.fine(object_of(peer), "the route to it leads out by the uplink");
    }
}

void neighbour(const InstanceFacts& facts, Report& report) {
    for (const PeerFacts& peer : facts.peers) {
        if (!leads_out(facts, peer)) continue;
        const std::string who = peer.info.address.is_v6() ? "neighbour solicitation" : "ARP";
        if (!peer.neighbour) {
            report.fine(object_of(peer), "nobody has sent to it lately");
        } else if (peer.neighbour->failed) {
            report.problem(object_of(peer),
                           fmt::format("{} does not answer to {} on {}", hop_of(peer), who,
                                       facts.uplink().name),
                           "see that it is up and on this link, and that no firewall here or "
                           "there drops ARP: " +
                               report.run("ping " + peer.info.address.format()));
        } else if (peer.neighbour->asked) {
            report.warning(object_of(peer),
                           fmt::format("{} has not answered yet to {} on {}", hop_of(peer), who,
                                       facts.uplink().name),
                           "look again in a few seconds");
        } else {
            report.fine(object_of(peer), fmt::format("the MAC of {} is known", hop_of(peer)));
        }
    }
}

// Its counters, once or twice.
std::uint64_t grown(const InstanceFacts& facts, std::uint32_t peer, std::uint64_t Traffic::* what) {
    const auto then = facts.first.peers.find(peer);
    const auto now = facts.second.peers.find(peer);
    if (then == facts.first.peers.end() || now == facts.second.peers.end()) return 0;
    return now->second.*what - then->second.*what;
}

std::uint64_t from_strangers(const Reading& reading) {
    std::uint64_t packets = 0;
    for (const VerdictCount& count : reading.verdicts)
        if (count.verdict == kVerdictTexts[XGRE_UNKNOWN_PEER].name) packets += count.packets;
    return packets;
}

std::string last_asked(const Liveness& live) {
    if (!live.asked) return "";
    return fmt::format(", the last of them {} s ago,",
                       std::chrono::duration_cast<std::chrono::seconds>(*live.asked).count());
}

// What is known of it by probes that somebody has sent.
void probes(const InstanceFacts& facts, Report& report) {
    for (const PeerFacts& peer : facts.peers) {
        const Liveness& live = peer.info.liveness;
        const std::string object = object_of(peer);
        if (live.state == PeerState::down)
            report.problem(object,
                           fmt::format("the last {} probes{} were not answered, and nothing has "
                                       "come from it since",
                                       live.unanswered, last_asked(live)),
                           report.xgre("peer probe " + peer.info.address.format()) +
                               " asks again, and whether its host answers pings");
        else if (live.state == PeerState::one_way)
            report.problem(
                object,
                fmt::format("its frames come, and the last {} probes{} were not answered",
                            live.unanswered, last_asked(live)),
                report.xgre("peer probe " + peer.info.address.format()) +
                    " asks again; compare what is sent with what it expects (`xgre peer "
                    "show` at both ends), and see there what is dropped (`xgre doctor`)");
        else
            report.fine(object, "probes: " + name_of(live.state));
    }
}

// Packets go to it, and none comes: since the beginning, or while it was looked at. The latter may
// be right, as of a stream that nobody answers.
struct Silence {
    bool ever = false;
    std::uint64_t sent = 0;
    std::uint64_t from_strangers = 0;  // that came instead, and may be its own
};

std::optional<Silence> silence_of(const InstanceFacts& facts, std::uint32_t peer) {
    const auto all = facts.second.peers.find(peer);
    if (all == facts.second.peers.end()) return std::nullopt;
    if (all->second.rx_packets == 0 && all->second.tx_packets >= kEnoughPackets)
        return Silence{true, all->second.tx_packets, from_strangers(facts.second)};
    const std::uint64_t sent = grown(facts, peer, &Traffic::tx_packets);
    if (grown(facts, peer, &Traffic::rx_packets) != 0 || sent < kEnoughPackets) return std::nullopt;
    return Silence{false, sent, from_strangers(facts.second) - from_strangers(facts.first)};
}

void answers(const InstanceFacts& facts, Report& report) {
    for (const PeerFacts& peer : facts.peers) {
        const auto silence = silence_of(facts, peer.info.id);
        if (!silence) {
            report.fine(object_of(peer),
                        fmt::format("{} packets came from it", peer.info.traffic.rx_packets));
            continue;
        }
        const std::string found =
            silence->ever
                ? fmt::format("{} packets were sent to it, and none ever came", silence->sent)
                : fmt::format("{} packets were sent to it in {:.1f} s, and none came",
                              silence->sent, facts.seconds);
        if (silence->from_strangers != 0)
            report.problem(
                object_of(peer),
                fmt::format("{}; {} came that are of no peer", found, silence->from_strangers),
                "compare the keys of both ends (`xgre peer show`), and the address that each sends "
                "from with the one that the other knows: " +
                    report.xgre("capture --drop unknown-peer -c 5 -w - | tcpdump -nr -") +
                    " shows them");
        else
            report.add(silence->ever ? Severity::warning : Severity::note, object_of(peer), found,
                       "see what becomes of them there (`xgre doctor`, `xgre stats`), and that "
                       "firewalls on the way let IP protocol 47 (GRE) through both ways");
    }
}

void path_mtu(const InstanceFacts& facts, Report& report) {
    for (const PeerFacts& peer : facts.peers) {
        const PeerInfo& info = peer.info;
        const std::string way_out = fmt::format(
            "raise the MTU on the way, or have VMs send no more: {}, and that at VMs",
            report.xgre(fmt::format("network add {} --mtu {}", info.network, info.mtu)));
        if (info.mtu_from == MtuSource::path)
            report.warning(object_of(peer),
                           fmt::format("a router on the way said that inner packets of no more "
                                       "than {} bytes get through",
                                       info.mtu),
                           info.mtu < kIp6Mtu ? "raise the MTU on the way" : way_out);
        else if (info.mtu_from == MtuSource::route)
            report.note(
                object_of(peer),
                fmt::format("the route to it has an MTU by which {} bytes fit inside", info.mtu),
                info.mtu < kIp6Mtu ? "raise the route's MTU" : way_out);
        else
            report.fine(
                object_of(peer),
                fmt::format("inner packets of {} bytes fit, as the uplink has it", info.mtu));
        if (info.mtu != 0 && info.mtu < kIp6Mtu)
            report.warning(
                object_of(peer),
                fmt::format("{} bytes fit inside, and IPv6 of VMs needs {}", info.mtu, kIp6Mtu),
                "raise the MTU of the uplink, and of all on the way");
    }
}

// What the network says that fits, and what does.
void network_mtu(const InstanceFacts& facts, Report& report) {
    const auto& uplink = facts.uplink().link;
    if (!uplink) return;
    for (const NetworkInfo& network : facts.info.networks) {
        std::uint32_t fits = UINT32_MAX;
        for (const PeerFacts& peer : facts.peers)
            if (peer.info.network == network.name && peer.info.mtu_from == MtuSource::uplink)
                fits = std::min(fits, peer.info.mtu);
        const std::string object = "network " + network.name;
        if (network.mtu <= fits) {
            report.fine(object, fmt::format("its MTU of {} fits the uplink", network.mtu));
            continue;
        }
        report.warning(
            object,
            fmt::format("its MTU is {}, and {} fit through uplink {}, whose MTU is {}", network.mtu,
                        fits, uplink->name, uplink->mtu),
            fmt::format("{}, or {}",
                        report.run(fmt::format("ip link set {} mtu {}", uplink->name,
                                               uplink->mtu + network.mtu - fits)),
                        report.xgre(fmt::format("network add {} --mtu {}", network.name, fits))));
    }
}

const NetworkInfo* network_of(const InstanceFacts& facts, const DeviceFacts& device) {
    const auto found = std::ranges::find(facts.info.networks, device.network, &NetworkInfo::name);
    return found == facts.info.networks.end() ? nullptr : &*found;
}

void port_mtu(const InstanceFacts& facts, Report& report) {
    std::map<std::string, std::vector<std::string>> larger;
    for (const DeviceFacts& device : facts.devices) {
        const NetworkInfo* network = network_of(facts, device);
        if (device.is_uplink || !device.link || network == nullptr) continue;
        if (device.link->mtu > network->mtu) larger[network->name].push_back(device.name);
        if (device.link->mtu >= network->mtu) continue;
        report.warning("port " + device.name,
                       fmt::format("its MTU is {}, and packets of {} may come from its network: "
                                   "larger ones are dropped",
                                   device.link->mtu, network->mtu),
                       report.run(fmt::format("ip link set {} mtu {}", device.name, network->mtu)));
    }
    for (const auto& [name, devices] : larger) {
        const auto network = std::ranges::find(facts.info.networks, name, &NetworkInfo::name);
        report.note("network " + name,
                    fmt::format("devices of {} have a larger MTU than its {}: TCP adapts, other "
                                "senders are told by ICMP",
                                fmt::join(devices, ", "), network->mtu),
                    fmt::format("give their VMs an MTU of {}, as `xgre dhcp` does", network->mtu));
    }
}

constexpr std::array<Check<InstanceFacts>, 7> kChecks{{
    {"route", route},
    {"neighbour", neighbour},
    {"probes", probes},
    {"answers", answers},
    {"path-mtu", path_mtu},
    {"network-mtu", network_mtu},
    {"port-mtu", port_mtu},
}};

}  // namespace

InstanceChecks path_checks() {
    return kChecks;
}

}  // namespace xgre::doctor
