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
    std::vector<Spec> Config::* list = nullptr;  // null: there is only one, in a place of its own
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

// The entries of a noun, which the visitor may change unless `config` is const.
template <typename AConfig, typename Spec, typename Visit>
void for_each_entry(AConfig& config, const Noun<Spec>& noun, const Visit& visit) {
    if constexpr (std::is_same_v<Spec, AttachSpec>) {
        if (config.uplink) visit(*config.uplink);
    } else {
        for (auto& spec : config.*noun.list)
            visit(spec);
    }
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
