// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/names.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <utility>

#include "loader/abi_text.h"
#include "loader/instance_state.h"
#include "loader/netlink.h"
#include "loader/netns.h"
#include "xgre/instance.h"
#include "xgre/map.h"

namespace xgre {
namespace {

constexpr std::size_t kMostMacs = 1000;

constexpr std::array<std::pair<std::string_view, NameKind>, 11> kKinds{{
    {"instance", NameKind::instance},
    {"netns", NameKind::netns},
    {"device", NameKind::device},
    {"address", NameKind::address},
    {"network", NameKind::network},
    {"port", NameKind::port},
    {"peer", NameKind::peer},
    {"mac", NameKind::mac},
    {"map", NameKind::map},
    {"verdict", NameKind::verdict},
    {"drop", NameKind::drop},
}};

std::vector<Name> without_words(const std::vector<std::string>& texts) {
    std::vector<Name> names;
    for (const std::string& text : texts)
        names.push_back({text, ""});
    return names;
}

// Calls `use` with a socket of the session's host.
template <typename Use>
void on_host(const Session& session, Use use) {
    const NetnsScope scope = enter(session);
    NlSocket socket = NlSocket::open();
    use(socket);
}

std::vector<Name> devices(const Session& session) {
    std::vector<Name> names;
    on_host(session, [&](NlSocket& socket) {
        for (const LinkInfo& link : socket.list_links())
            if (link.ethernet) names.push_back({link.name, link.kind});
    });
    return names;
}

std::vector<Name> addresses(const Session& session) {
    std::vector<Name> names;
    on_host(session, [&](NlSocket& socket) {
        const auto add = [&](const std::string& address, int ifindex) {
            const auto link = socket.find_link(ifindex);
            if (link && link->ethernet) names.push_back({address, link->name});
        };
        for (const AddressInfo& info : socket.list_addresses())
            add(info.address.format(), info.ifindex);
        for (const AddressInfo6& info : socket.list_addresses6()) {
            const std::string address = info.address.format();
            if (!address.starts_with("fe80:")) add(address, info.ifindex);
        }
    });
    return names;
}

std::vector<Name> networks(const Session& session) {
    std::vector<Name> names;
    for (const NetworkInfo& network : Instance::view(session).networks())
        names.push_back({network.name, network.key ? "key " + network.key->format() : "no key"});
    return names;
}

std::vector<Name> ports(const Session& session) {
    std::vector<Name> names;
    for (const PortInfo& port : Instance::view(session).ports())
        names.push_back({port.device, "port of " + port.network});
    return names;
}

std::vector<Name> peers(const Session& session) {
    std::vector<Name> names;
    for (const PeerInfo& peer : Instance::view(session).peers())
        names.push_back({peer.address.format(), "peer of " + peer.network});
    return names;
}

std::vector<Name> macs(const Session& session) {
    std::vector<Name> names;
    Instance::view(session).fdb({}, [&names](const FdbInfo& entry) {
        if (names.size() == kMostMacs) return;
        const std::string where = entry.peer ? entry.peer->format() : entry.port;
        names.push_back({entry.mac.format(), entry.network + ", behind " + where});
    });
    return names;
}

std::vector<Name> maps(const Session& session) {
    std::vector<Name> names;
    for (const MapInfo& map : Instance::view(session).show().maps)
        names.push_back({map.name, ""});
    return names;
}

std::vector<Name> verdicts(bool only_drops) {
    std::vector<Name> names;
    for (const VerdictText& text : kVerdictTexts) {
        if (only_drops && !text.drop) continue;
        names.push_back({std::string{text.name}, std::string{text.help}});
    }
    return names;
}

std::vector<Name> unsorted(const Session& session, NameKind kind) {
    switch (kind) {
        case NameKind::instance:
            return without_words(Instance::list());
        case NameKind::netns:
            return without_words(list_netns());
        case NameKind::device:
            return devices(session);
        case NameKind::address:
            return addresses(session);
        case NameKind::network:
            return networks(session);
        case NameKind::port:
            return ports(session);
        case NameKind::peer:
            return peers(session);
        case NameKind::mac:
            return macs(session);
        case NameKind::map:
            return maps(session);
        case NameKind::verdict:
            return verdicts(false);
        case NameKind::drop:
            return verdicts(true);
    }
    return {};
}

}  // namespace

std::optional<NameKind> parse_name_kind(std::string_view word) {
    const auto* const found =
        std::ranges::find(kKinds, word, &std::pair<std::string_view, NameKind>::first);
    if (found == kKinds.end()) return std::nullopt;
    return found->second;
}

std::vector<Name> names_of(const Session& session, NameKind kind) {
    std::map<std::string, Name> sorted;  // the first of a name
    for (Name& name : unsorted(session, kind))
        sorted.emplace(name.name, std::move(name));
    std::vector<Name> names;
    for (auto& [key, name] : sorted)
        names.push_back(std::move(name));
    return names;
}

}  // namespace xgre
