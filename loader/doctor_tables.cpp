// SPDX-License-Identifier: GPL-2.0-only
// Checks of what an instance has in its tables, and of its DHCP servers.
#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "loader/abi_text.h"
#include "loader/doctor.h"

namespace xgre::doctor {
namespace {

constexpr double kNearlyFull = 0.9;
constexpr double kManyMoves = 1;    // a second, as in `xgre profile`
constexpr std::size_t kEnough = 4;  // examples

std::uint64_t note_of(const Reading& reading, xgre_note which) {
    for (const NoteCount& count : reading.notes)
        if (count.name == kNoteTexts.at(which).name) return count.count;
    return 0;
}

std::uint64_t grown(const InstanceFacts& facts, xgre_note which) {
    return note_of(facts.second, which) - note_of(facts.first, which);
}

std::string joined(const std::vector<std::string>& names) {
    if (names.size() <= kEnough) return fmt::format("{}", fmt::join(names, ", "));
    return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kEnough, ", "),
                       names.size() - kEnough);
}

void fdb_room(const InstanceFacts& facts, Report& report) {
    const std::size_t used = facts.second.macs.size();
    const std::uint32_t room = facts.info.fdb_entries;
    const std::string way_out =
        "detach, and attach with a larger --fdb-size; shorten the ageing time, or limit ports and "
        "peers by --mac-limit";
    const std::uint64_t refused = grown(facts, XGRE_NOTE_FDB_FULL);
    const std::string found = fmt::format("{} of {} entries are taken", used, room);
    if (refused != 0 || used >= room)
        report.problem("fdb",
                       found + ": new addresses are not learned, and what goes to them is flooded",
                       way_out);
    else if (static_cast<double>(used) >= kNearlyFull * room)
        report.warning("fdb", found, way_out);
    else if (const std::uint64_t before = note_of(facts.second, XGRE_NOTE_FDB_FULL); before != 0)
        report.note("fdb", fmt::format("{}; it was full before, for {} frames", found, before),
                    way_out);
    else
        report.fine("fdb", found);
}

void mac_limits(const InstanceFacts& facts, Report& report) {
    const auto look = [&](const std::string& object, std::uint64_t learned, std::uint32_t limit,
                          const std::string& way_out) {
        if (limit == 0) return;
        const std::string found = fmt::format("{} of {} addresses are learned", learned, limit);
        if (learned < limit) return report.fine(object, found);
        report.warning(object, found + ": what goes to others behind it is flooded", way_out);
    };
    constexpr std::string_view kElse =
        " raises it, if so many belong there; else look at who they "
        "are with `xgre fdb show`";
    for (const PortInfo& port : facts.info.ports)
        look("port " + port.device, port.learned, port.mac_limit,
             report.xgre(fmt::format("port add {} --mac-limit N", port.device)) +
                 std::string{kElse});
    for (const PeerInfo& peer : facts.info.peers)
        look(fmt::format("peer {} of network {}", peer.address.format(), peer.network),
             peer.learned, peer.options.mac_limit,
             report.xgre(fmt::format("peer add {} --network {} --mac-limit N",
                                     peer.address.format(), peer.network)) +
                 std::string{kElse});
}

// Those that were in one place at the first reading and in another at the second.
std::vector<std::string> moved(const InstanceFacts& facts) {
    std::vector<std::string> words;
    auto before = facts.first.macs.begin();
    for (const MacFacts& now : facts.second.macs) {
        while (before != facts.first.macs.end() && before->key() < now.key())
            ++before;
        if (before == facts.first.macs.end()) break;
        if (before->key() == now.key() && before->owner != now.owner)
            words.push_back(
                fmt::format("{} from {} to {}", now.mac.format(), before->owner, now.owner));
    }
    return words;
}

void moves(const InstanceFacts& facts, Report& report) {
    const std::uint64_t count = grown(facts, XGRE_NOTE_MOVED);
    if (facts.seconds <= 0) return;
    if (static_cast<double>(count) < kManyMoves * facts.seconds)
        return report.fine("fdb", "addresses stay where they are");
    const std::vector<std::string> seen = moved(facts);
    report.warning("fdb",
                   fmt::format("addresses moved to another port or peer {} times in {:.1f} s{}",
                               count, facts.seconds, seen.empty() ? "" : ": " + joined(seen)),
                   "two VMs have one MAC, or there is a loop beside the tunnel: " +
                       report.xgre("monitor --only fdb") + " tells which");
}

// One MAC in one network behind two owners, which only VLANs can tell apart.
void twins(const InstanceFacts& facts, Report& report) {
    std::map<std::pair<std::string, Mac>, std::set<std::string>> owners;
    for (const MacFacts& entry : facts.second.macs)
        if (!entry.expired) owners[{entry.network, entry.mac}].insert(entry.owner);
    bool any = false;
    for (const auto& [where, who] : owners) {
        if (who.size() < 2) continue;
        any = true;
        report.note("network " + where.first,
                    fmt::format("{} is in several places, in different VLANs: {}",
                                where.second.format(), fmt::join(who, ", ")),
                    "nothing if it is a router between them; else look for two VMs with one MAC: " +
                        report.xgre("fdb show --mac " + where.second.format()));
    }
    if (!any) report.fine("fdb", "no address is in two places");
}

// What belongs to the underlay has no business in a network.
void loop(const InstanceFacts& facts, Report& report) {
    std::map<Mac, std::string> underlay;
    if (const auto& uplink = facts.uplink().link) underlay[uplink->mac] = "the uplink";
    for (const PeerFacts& peer : facts.peers)
        if (peer.neighbour && peer.neighbour->mac)
            underlay[*peer.neighbour->mac] =
                peer.route && peer.route->gateway
                    ? "the gateway to peer " + peer.info.address.format()
                    : "peer " + peer.info.address.format();
    bool any = false;
    for (const MacFacts& entry : facts.second.macs) {
        const auto found = underlay.find(entry.mac);
        if (found == underlay.end() || entry.is_static) continue;
        any = true;
        report.warning(
            "network " + entry.network,
            fmt::format("the MAC of {}, {}, is learned behind {}: the hosts' own network "
                        "is bridged into it",
                        found->second, entry.mac.format(), entry.owner),
            fmt::format("take apart what joins them: {} is in a loop with the uplink",
                        entry.owner));
    }
    if (!any) report.fine("fdb", "no MAC of the underlay is in a network");
}

void networks(const InstanceFacts& facts, Report& report) {
    for (const NetworkInfo& network : facts.info.networks) {
        const std::string object = "network " + network.name;
        if (network.ports == 0)
            report.note(object, "no port is in it",
                        report.xgre(fmt::format("port add DEV --network {}", network.name)));
        if (network.peers == 0)
            report.note(object, "it has no peer",
                        report.xgre(fmt::format("peer add ADDR --network {}", network.name)));
        if (network.ports != 0 && network.peers != 0)
            report.fine(object, fmt::format("{} ports, {} peers", network.ports, network.peers));
    }
}

void dhcp(const InstanceFacts& facts, Report& report) {
    for (const DhcpInfo& server : facts.dhcp) {
        const std::string object = "dhcp of network " + server.network;
        for (const std::string& problem : server.problems) {
            const auto parts = problem.find("; run ");
            report.problem(object, problem.substr(0, parts),
                           parts == std::string::npos ? "" : problem.substr(parts + 6));
        }
        const auto port = std::ranges::find(facts.info.ports, server.device, &PortInfo::device);
        if (port != facts.info.ports.end() && port->dhcp_guard)
            report.problem(object,
                           fmt::format("port {}, behind which it is, may send no messages of "
                                       "servers (--dhcp-guard)",
                                       server.device),
                           report.xgre(fmt::format("port add {} --dhcp-guard off", server.device)));
        else if (server.problems.empty())
            report.fine(object, fmt::format("it runs, with {} leases", server.leases.size()));
    }
}

constexpr std::array<Check<InstanceFacts>, 7> kChecks{{
    {"fdb-room", fdb_room},
    {"mac-limit", mac_limits},
    {"moves", moves},
    {"twins", twins},
    {"loop", loop},
    {"networks", networks},
    {"dhcp", dhcp},
}};

}  // namespace

InstanceChecks table_checks() {
    return kChecks;
}

}  // namespace xgre::doctor
