// SPDX-License-Identifier: GPL-2.0-only
// The one table of what a configuration has: reading, writing and comparing all go by it.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "xgre/config.h"

namespace xgre {

using Texts = std::vector<std::string>;

template <typename Spec>
struct Setting {
    std::string name;
    ConfigKind kind = ConfigKind::text;
    std::string is_a;  // as in Syntax, of each text
    std::string give;
    // Sets it; the index of a text that is none, if any.
    std::function<std::optional<std::size_t>(Spec&, const Texts&)> read;
    std::function<Texts(const Spec&)> texts;  // none: it is not set
    // What it is when nothing is said; none: there is no such thing. Of a complete Config.
    std::function<Texts(const Config&, const Spec&)> fallback;
    bool is_required = false;
    bool is_fixed = false;
    bool is_name = false;
};

template <typename Spec>
struct Noun {
    std::string noun;
    bool is_one_of_many = true;
    std::function<std::string(const Spec&)> name;
    std::vector<Setting<Spec>> settings;  // those that are required first
};

const Noun<AttachSpec>& uplink_noun();
const Noun<NetworkSpec>& network_noun();
const Noun<PeerSpec>& peer_noun();
const Noun<DhcpSpec>& dhcp_noun();
const Noun<PortSpec>& port_noun();
const Noun<FdbSpec>& fdb_noun();

// In the order in which they have to be made.
template <typename Visit>
void for_each_noun(const Visit& visit) {
    visit(uplink_noun());
    visit(network_noun());
    visit(peer_noun());
    visit(dhcp_noun());
    visit(port_noun());
    visit(fdb_noun());
}

inline std::vector<NetworkSpec>& list_of(Config& config, const Noun<NetworkSpec>& /*noun*/) {
    return config.networks;
}
inline std::vector<PeerSpec>& list_of(Config& config, const Noun<PeerSpec>& /*noun*/) {
    return config.peers;
}
inline std::vector<DhcpSpec>& list_of(Config& config, const Noun<DhcpSpec>& /*noun*/) {
    return config.dhcp;
}
inline std::vector<PortSpec>& list_of(Config& config, const Noun<PortSpec>& /*noun*/) {
    return config.ports;
}
inline std::vector<FdbSpec>& list_of(Config& config, const Noun<FdbSpec>& /*noun*/) {
    return config.fdb;
}

// The entries of a noun, which the visitor may change.
template <typename Spec, typename Visit>
void for_each_entry(Config& config, const Noun<Spec>& noun, const Visit& visit) {
    if constexpr (std::is_same_v<Spec, AttachSpec>) {
        if (config.uplink) visit(*config.uplink);
    } else {
        for (Spec& spec : list_of(config, noun))
            visit(spec);
    }
}
template <typename Spec, typename Visit>
void for_each_entry(const Config& config, const Noun<Spec>& noun, const Visit& visit) {
    for_each_entry(const_cast<Config&>(config), noun, [&](const Spec& spec) { visit(spec); });
}

// The entry of this name; null when there is none.
template <typename Spec>
const Spec* find_entry(const Config& config, const Noun<Spec>& noun, const std::string& name) {
    const Spec* found = nullptr;
    for_each_entry(config, noun, [&](const Spec& spec) {
        if (found == nullptr && noun.name(spec) == name) found = &spec;
    });
    return found;
}

// Gives everything that is not set its default. `for_each_noun` goes by what defaults need.
void complete(Config& config);

}  // namespace xgre
