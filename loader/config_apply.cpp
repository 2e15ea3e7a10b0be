// SPDX-License-Identifier: GPL-2.0-only
// From what runs to what is wanted, and back when that fails.
#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "loader/config_fields.h"
#include "loader/config_problems.h"
#include "loader/config_running.h"
#include "loader/dhcp_service.h"
#include "loader/dnsmasq.h"
#include "loader/hooks.h"
#include "loader/instance_state.h"
#include "loader/instances.h"
#include "loader/pins.h"
#include "loader/spec_checks.h"
#include "loader/undo.h"

namespace xgre {
namespace {

using Kind = Difference::Kind;

// ---- Before anything is changed ---------------------------------------------------------------

// What names the same thing on this kernel is the same.
Config settled(Config wanted, const Config& running) {
    if (running.uplink && wanted.uplink && wanted.uplink->tc_hook == running.automatic_tc)
        wanted.uplink->tc_hook = TcHook::automatic;
    return wanted;
}

// What is chosen when an instance is made, and differs.
void check_uplink(const AttachSpec& now, TcHook automatic, const AttachSpec& then,
                  Problems& problems) {
    const auto say = [&](const std::string& field, const std::string& cause) {
        problems.add("uplink", then.uplink, field, cause,
                     "it is chosen once: `xgre detach --all` first, or name another --instance");
    };
    if (now.uplink != then.uplink) say("device", "the instance's is " + now.uplink);
    if (now.local && now.local != then.local)
        say("local", fmt::format("the instance has {}", *now.local));
    if (now.local6 && now.local6 != then.local6)
        say("local", fmt::format("the instance has {}", *now.local6));
    if (now.fdb_entries != then.fdb_entries)
        say("fdb-size",
            fmt::format("the instance has room for {} entries", now.fdb_entries.value_or(0)));
    if (now.tc_hook != then.tc_hook) {
        const bool is_tcx =
            (now.tc_hook == TcHook::automatic ? automatic : now.tc_hook) == TcHook::tcx;
        say("tc", fmt::format("the instance's programs are at {}", is_tcx ? "tcx" : "clsact"));
    }
}

bool is_of(const Difference& found, const std::string& noun) {
    return found.noun == noun && found.kind != Kind::removed;
}

void check_port(const Session& session, const AttachSpec& uplink, std::uint32_t uplink_ifindex,
                const Difference& found) {
    const LinkInfo device = check_port_device(session.instance, uplink_ifindex, found.name);
    if (found.kind != Kind::added) return;
    // One of ours is what a command that was killed has left.
    const Hooks hooks{pins::links(session.instance), XGRE_TC_HOOK_TCX};
    if (!hooks.xdp(device.index))
        check_foreign_xdp(xdp_flags(uplink.xdp.value_or(XdpUse::automatic)), device);
}

// In the host's network namespace. `uplink` is the one that is wanted.
void check_host(const Session& session, const Config& running, const Config& wanted,
                const AttachSpec& uplink, Problems& problems) {
    const auto device = NlSocket::open().find_link(uplink.uplink);
    const auto ifindex = device ? static_cast<std::uint32_t>(device->index) : 0;
    for (const Difference& found : difference(running, wanted)) {
        if (is_of(found, "uplink"))
            problems.take("uplink", uplink.uplink, "device",
                          [&] { check_attach_spec(session, uplink, !running.uplink); });
        if (is_of(found, "network"))
            problems.take("network", found.name, "mtu", [&] {
                check_network_mtu(*find_entry(wanted, network_noun(), found.name),
                                  device ? device->mtu : 0, !uplink.local);
            });
        if (is_of(found, "port") && found.name != uplink.uplink)
            problems.take("port", found.name, "device",
                          [&] { check_port(session, uplink, ifindex, found); });
        if (is_of(found, "peer"))
            problems.take("peer", found.name, "address", [&] {
                check_peer_address(find_entry(wanted, peer_noun(), found.name)->address);
            });
        if (is_of(found, "dhcp")) problems.take("dhcp", found.name, "", [] { Dnsmasq::account(); });
    }
}

void check(const Session& session, const Config& running, const Config& wanted) {
    if (!wanted.uplink)
        throw Error{"configuration", "it has no uplink", "describe the whole instance"};
    const AttachSpec& uplink = *wanted.uplink;
    Problems problems{wanted};
    const NetnsScope scope = enter(session);
    if (running.uplink) check_uplink(*running.uplink, running.automatic_tc, uplink, problems);
    if (problems.list().empty()) check_host(session, running, wanted, uplink, problems);
    problems.finish();
}

// ---- The change -------------------------------------------------------------------------------

using Kept = std::map<std::string, DhcpKept>;  // by network

// Everything but the uplink, from one configuration to another. Each step is whole or not at all.
class Conversion {
public:
    Conversion(const Session& session, Instance& instance, const Config& from, const Config& to,
               const Kept& kept)
        : session_{session}, instance_{instance}, from_{from}, to_{to}, kept_{kept} {
        for (Difference& found : difference(from, to))
            differences_.emplace(found.noun + " " + found.name, std::move(found));
    }

    // What is in others goes before them and comes after them. Peers and DHCP servers come before
    // ports, which may be bound to what they lease.
    void run() {
        stop_servers(true);
        remove_statics();
        remove_ports_and_peers();
        for (const NetworkSpec& network : from_.networks)
            if (goes(network.name)) instance_.delete_network(network.name);
        for (const NetworkSpec& network : to_.networks)
            if (comes(network_noun(), network, "")) instance_.add_network(network);
        for (const PeerSpec& peer : to_.peers)
            if (comes(peer_noun(), peer, peer.network)) instance_.add_peer(peer);
        start_servers();
        for (const PortSpec& port : to_.ports)
            if (comes(port_noun(), port, port.network.value_or(""))) instance_.add_port(port);
        for (const FdbSpec& entry : to_.fdb)
            if (comes(entry)) instance_.add_fdb(entry);
        stop_servers(false);
    }

private:
    const Difference* find(const std::string& noun, const std::string& name) const {
        const auto found = differences_.find(noun + " " + name);
        return found == differences_.end() ? nullptr : &found->second;
    }

    // Is it removed, be it to be made again?
    bool goes(const std::string& noun, const std::string& name) const {
        const Difference* found = find(noun, name);
        return found != nullptr && (found->kind == Kind::removed || found->again);
    }
    bool goes(const std::string& network) const { return goes("network", network); }

    // Is it added or changed, or did it go with its network?
    template <typename Spec>
    bool comes(const Noun<Spec>& noun, const Spec& spec, const std::string& network) const {
        return find(noun.noun, noun.name(spec)) != nullptr || goes(network);
    }

    // Also what went with its port or peer, which is made again.
    bool comes(const FdbSpec& entry) const {
        if (comes(fdb_noun(), entry, entry.network)) return true;
        if (entry.port) return goes("port", *entry.port);
        if (!entry.peer) return false;
        return goes("peer", peer_noun().name({.address = *entry.peer, .network = entry.network}));
    }

    void remove_statics() {
        for (const FdbSpec& entry : from_.fdb)
            if (!goes(entry.network) && goes("fdb", fdb_noun().name(entry)))
                instance_.delete_fdb(entry);
        for (const PortSpec& port : from_.ports) {
            const PortSpec* then = find_entry(to_, port_noun(), port.device);
            const std::string network = port.network.value_or("");
            if (then == nullptr || then->network != network || goes(network)) continue;
            for (const Mac& mac : port.static_macs) {
                if (std::ranges::count(then->static_macs, mac) != 0) continue;
                FdbSpec entry;
                entry.mac = mac;
                entry.network = network;
                instance_.delete_fdb(entry);
            }
        }
    }

    void remove_ports_and_peers() {
        for (const PortSpec& port : from_.ports)
            if (goes(port.network.value_or("")) || goes("port", port.device))
                instance_.delete_port(port.device);
        for (const PeerSpec& peer : from_.peers)
            if (goes(peer.network) || goes("peer", peer_noun().name(peer)))
                instance_.delete_peer(peer);
    }

    // Those that are in the way of what is to be changed, or those that are not.
    void stop_servers(bool in_the_way) {
        for (const DhcpSpec& server : from_.dhcp)
            if (goes(server.network) == in_the_way &&
                (in_the_way || goes("dhcp", dhcp_noun().name(server))))
                stop_dhcp(session_, instance_, server.network);
    }

    void start_servers() {
        for (const DhcpSpec& server : to_.dhcp) {
            // They announce the network's MTU.
            const bool is_touched = find("network", server.network) != nullptr;
            if (!is_touched && !comes(dhcp_noun(), server, server.network)) continue;
            const auto kept = kept_.find(server.network);
            if (kept == kept_.end())
                start_dhcp(session_, instance_, server);
            else
                start_dhcp_again(session_, instance_, kept->second, server);
        }
    }

    const Session& session_;
    Instance& instance_;
    const Config& from_;
    const Config& to_;
    const Kept& kept_;
    std::map<std::string, Difference> differences_;
};

Kept keep_all_dhcp(const Session& session, const Config& a, const Config& b) {
    Kept kept;
    for (const Config* config : {&a, &b})
        for (const DhcpSpec& server : config->dhcp)
            kept.emplace(server.network, keep_dhcp(session, server.network));
    return kept;
}

void change_uplink(const Session& session, const Config& running, const Config& wanted,
                   Undo& undo) {
    const AttachSpec uplink = wanted.uplink.value_or(AttachSpec{});
    const auto row = uplink_of(session.instance);
    if (!running.uplink) {
        Instance::attach(session, uplink);
        undo.add([&session] { Instance::detach(session, true); });
        return;
    }
    const auto differences = difference(running, wanted);
    if (std::ranges::none_of(differences, [](const Difference& d) { return d.noun == "uplink"; }))
        return;
    Instance::attach(session, uplink);
    undo.add([&session, row] {
        if (row) put_back_uplink(session, *row);
    });
}

Applied change(const Session& session, const Config& running, const Config& wanted,
               const Undo::Report& report) {
    Applied applied;
    const Kept kept = keep_all_dhcp(session, running, wanted);
    Undo uplink{report};
    uplink.add([&] {
        for (const auto& [network, server] : kept)
            put_back_leases(session, server);
    });
    change_uplink(session, running, wanted, uplink);
    Instance instance = Instance::open(session);  // and until the end, no other command
    applied.repairs = instance.repairs();
    const Config before = running_config(session, instance);
    Undo rows{report};
    rows.add([&] {
        const Config now = running_config(session, instance);
        Conversion{session, instance, now, before, kept}.run();
    });
    Conversion{session, instance, before, wanted, kept}.run();
    applied.differences = difference(running, wanted);
    rows.commit();
    uplink.commit();
    return applied;
}

}  // namespace

std::vector<Difference> check_config(const Session& session, const Config& wanted) {
    const Config running = running_config(session);
    const Config then = settled(wanted, running);
    check(session, running, then);
    return difference(running, then);
}

Applied apply_config(const Session& session, const Config& wanted) {
    const Config running = running_config(session);
    const Config then = settled(wanted, running);
    check(session, running, then);
    std::string not_undone;
    try {
        return change(session, running, then, [&](const std::exception& error) {
            if (not_undone.empty()) not_undone = error.what();
        });
    } catch (const Error& error) {
        const std::string outcome =
            not_undone.empty() ? "what was done before is taken back"
                               : "and what was done before cannot be taken back: " + not_undone;
        throw Error{error.object(), fmt::format("{} ({})", error.cause(), outcome),
                    error.way_out()};
    }
}

}  // namespace xgre
