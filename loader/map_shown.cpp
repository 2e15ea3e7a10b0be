// SPDX-License-Identifier: GPL-2.0-only
#include "loader/map_shown.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "loader/abi_text.h"
#include "xgre/abi.h"

namespace xgre {
namespace {

// ---- Enums ----------------------------------------------------------------------------------

constexpr auto kUplinkFlags = std::to_array<NumberName>({
    {XGRE_UPLINK_XDP_XMIT, "xdp-xmit"},
    {XGRE_UPLINK_NO_XDP, "no-xdp"},
    {XGRE_UPLINK_ANY_XDP, "any-xdp"},
    {XGRE_UPLINK_SPREAD, "spread"},
    {XGRE_UPLINK_CAPTURED, "captured"},
    {XGRE_UPLINK_MONITORED, "monitored"},
});
constexpr auto kSpreadMode = std::to_array<NumberName>({
    {XGRE_SPREAD_AUTO, "auto"},
    {XGRE_SPREAD_OFF, "off"},
    {XGRE_SPREAD_ALL, "all"},
    {XGRE_SPREAD_LIST, "list"},
});
constexpr auto kTcHook = std::to_array<NumberName>({
    {XGRE_TC_HOOK_NONE, "none"},
    {XGRE_TC_HOOK_TCX, "tcx"},
    {XGRE_TC_HOOK_CLSACT, "clsact"},
});
constexpr auto kNetworkFlags = std::to_array<NumberName>({
    {XGRE_NETWORK_USED, "used"},
    {XGRE_NETWORK_KEYED, "keyed"},
    {XGRE_NETWORK_NVGRE, "nvgre"},
});
constexpr auto kPortFlags = std::to_array<NumberName>({
    {XGRE_PORT_NO_LEARNING, "no-learning"},
    {XGRE_PORT_NO_FLOOD, "no-flood"},
    {XGRE_PORT_ISOLATED, "isolated"},
    {XGRE_PORT_LOCKED, "locked"},
    {XGRE_PORT_XDP_XMIT, "xdp-xmit"},
    {XGRE_PORT_OFFLOADS, "offloads"},
    {XGRE_PORT_DIRECT, "direct"},
    {XGRE_PORT_FAR_END, "far-end"},
    {XGRE_PORT_DHCP_GUARD, "dhcp-guard"},
    {XGRE_PORT_RA_GUARD, "ra-guard"},
    {XGRE_PORT_LEASE_BOUND, "lease-bound"},
});
constexpr auto kKeyKind = std::to_array<NumberName>({
    {XGRE_KEY_NONE, "none"},
    {XGRE_KEY_WHOLE, "whole"},
    {XGRE_KEY_VSID, "vsid"},
});
constexpr auto kPeerFlags = std::to_array<NumberName>({
    {XGRE_PEER_IP6, "ip6"},
    {XGRE_PEER_IKEYED, "ikeyed"},
    {XGRE_PEER_OKEYED, "okeyed"},
    {XGRE_PEER_VSID, "vsid"},
    {XGRE_PEER_FLOW_LABEL, "flow-label"},
    {XGRE_PEER_ICSUM, "icsum"},
    {XGRE_PEER_ISEQ, "iseq"},
    {XGRE_PEER_OCSUM, "ocsum"},
    {XGRE_PEER_OSEQ, "oseq"},
    {XGRE_PEER_TTL_INHERIT, "ttl-inherit"},
    {XGRE_PEER_TOS_INHERIT, "tos-inherit"},
    {XGRE_PEER_DF_UNSET, "df-unset"},
    {XGRE_PEER_DF_INHERIT, "df-inherit"},
    {XGRE_PEER_ENCAP_LIMIT, "encap-limit"},
    {XGRE_PEER_RP_FILTER, "rp-filter"},
});
constexpr auto kProbePath = std::to_array<NumberName>({
    {XGRE_PROBE_XDP_THERE, "xdp-there"},
    {XGRE_PROBE_XDP_BACK, "xdp-back"},
});
constexpr auto kFragmentState = std::to_array<NumberName>({
    {XGRE_FRAGMENT_BUSY, "busy"},
    {XGRE_FRAGMENT_HELD, "held"},
    {XGRE_FRAGMENT_DONE, "done"},
});
constexpr auto kSpreadFlags = std::to_array<NumberName>({
    {XGRE_SPREAD_TCP, "tcp"},
});

template <typename Texts>
constexpr auto numbered(const Texts& texts) {
    std::array<NumberName, std::tuple_size_v<Texts>> names{};
    for (std::size_t i = 0; i < names.size(); ++i)
        names.at(i) = {i, texts.at(i).name};
    return names;
}
constexpr auto kVerdicts = numbered(kVerdictTexts);
constexpr auto kNotes = numbered(kNoteTexts);
constexpr auto kPrograms = numbered(kProgramTexts);

struct Enum {
    std::string_view name;
    NumberNames names;
};
constexpr auto kEnums = std::to_array<Enum>({
    {"xgre_uplink_flags", kUplinkFlags},
    {"xgre_spread_mode", kSpreadMode},
    {"xgre_tc_hook", kTcHook},
    {"xgre_network_flags", kNetworkFlags},
    {"xgre_port_flags", kPortFlags},
    {"xgre_key_kind", kKeyKind},
    {"xgre_peer_flags", kPeerFlags},
    {"xgre_probe_path", kProbePath},
    {"xgre_fragment_state", kFragmentState},
    {"xgre_spread_flags", kSpreadFlags},
    {"xgre_verdict", kVerdicts},
    {"xgre_note", kNotes},
    {"xgre_program", kPrograms},
});

// ---- Fields ---------------------------------------------------------------------------------

constexpr auto kShown = std::to_array<Shown>({
    {"xgre_uplink", "ifindex", "ifindex", Show::number},
    {"xgre_uplink", "ifindex", "device", Show::device},
    {"xgre_uplink", "local", "local", Show::ip4},
    {"xgre_uplink", "flags", "flags", Show::flags, {}, 0, "xgre_uplink_flags"},
    {"xgre_uplink", "mac", "mac", Show::mac},
    {"xgre_uplink", "tc_hook", "tc_hook", Show::word, {}, 0, "xgre_tc_hook"},
    {"xgre_uplink", "spread", "spread", Show::word, {}, 0, "xgre_spread_mode"},
    {"xgre_uplink", "cookie", "cookie", Show::hex},
    {"xgre_uplink", "detour", "detour", Show::device},
    {"xgre_uplink", "local6", "local6", Show::ip6},
    {"xgre_uplink", "spread_cpus", "spread_cpus", Show::cpu_set},

    {"networks", "key", "id", Show::number},
    {"xgre_network", "flags", "flags", Show::flags, {}, 0, "xgre_network_flags"},
    {"xgre_network", "key", "key", Show::gre_key, "flags", XGRE_NETWORK_KEYED},
    {"xgre_network", "ageing_ns", "ageing", Show::duration},

    {"ports", "key", "ifindex", Show::number},
    {"ports", "key", "device", Show::device},
    {"xgre_port", "network", "network", Show::network},
    {"xgre_port", "flags", "flags", Show::flags, {}, 0, "xgre_port_flags"},
    {"xgre_port", "far_end", "far_end", Show::mac},

    {"buckets", "key", "slot", Show::number},
    {"buckets", "key", "port", Show::port},
    {"xgre_buckets", "broadcast", "broadcast_left", Show::left},
    {"xgre_buckets", "unknown", "unknown_left", Show::left},
    {"xgre_buckets", "told", "told_left", Show::left},

    {"xgre_binding_key", "port", "port", Show::device},
    {"xgre_binding_key", "address", "address", Show::ip4},
    {"xgre_binding_key", "mac", "mac", Show::mac},
    {"xgre_binding", "until", "left", Show::left},
    {"bound", "key", "slot", Show::number},
    {"bound", "key", "port", Show::port},
    {"bound", "value", "leases", Show::number},
    {"xgre_address", "slot", "slot", Show::number},
    {"xgre_address", "slot", "port", Show::port},
    {"xgre_address", "address", "address", Show::address, "family", 2},  // which is 4 or 6
    {"detour_ports", "key", "slot", Show::number},
    {"detour_ports", "key", "port", Show::port},
    {"detour_ports", "value", "device", Show::device},

    {"xgre_tunnel_key", "source", "source", Show::ip4},
    {"xgre_tunnel_key", "local", "local", Show::ip4},
    {"xgre_tunnel_key", "key", "key", Show::gre_key, "keyed", XGRE_KEY_WHOLE | XGRE_KEY_VSID},
    {"xgre_tunnel_key", "keyed", "keyed", Show::word, {}, 0, "xgre_key_kind"},
    {"xgre_tunnel6_key", "source", "source", Show::ip6},
    {"xgre_tunnel6_key", "key", "key", Show::gre_key, "keyed", XGRE_KEY_WHOLE | XGRE_KEY_VSID},
    {"xgre_tunnel6_key", "keyed", "keyed", Show::word, {}, 0, "xgre_key_kind"},
    {"xgre_outbound_key", "key", "key", Show::gre_key, "keyed", XGRE_KEY_WHOLE | XGRE_KEY_VSID},
    {"xgre_outbound_key", "keyed", "keyed", Show::word, {}, 0, "xgre_key_kind"},
    {"xgre_tunnel", "network", "network", Show::network},
    {"xgre_tunnel", "peer", "peer", Show::peer},

    {"peers", "key", "id", Show::number},
    {"xgre_peer", "network", "network", Show::network},
    {"xgre_peer", "flags", "flags", Show::flags, {}, 0, "xgre_peer_flags"},
    {"xgre_peer", "ikey", "ikey", Show::gre_key, "flags", XGRE_PEER_IKEYED},
    {"xgre_peer", "outer", "outer", Show::bytes, "outer_len"},
    {"xgre_peer", "remote", "remote", Show::address, "flags", XGRE_PEER_IP6},
    {"xgre_peer", "local", "local", Show::address, "flags", XGRE_PEER_IP6},
    {"xgre_peer", "asked", "asked_age", Show::age},
    {"peer_states", "key", "id", Show::number},
    {"peer_states", "key", "peer", Show::peer},
    {"xgre_peer_state", "told", "told_left", Show::left},
    {"xgre_peer_state", "path_until", "path_left", Show::left},
    {"liveness", "key", "id", Show::number},
    {"liveness", "key", "peer", Show::peer},
    {"xgre_liveness", "nonce", "nonce", Show::hex},
    {"xgre_liveness", "asked", "asked_age", Show::age},
    {"xgre_liveness", "answered", "answered_age", Show::age},
    {"xgre_liveness", "heard", "heard_age", Show::age},
    {"xgre_liveness", "paid", "paid_left", Show::left},
    {"xgre_liveness", "path", "path", Show::flags, {}, 0, "xgre_probe_path"},
    {"learned", "key", "owner_kind", Show::learned_kind},
    {"learned", "key", "owner", Show::learned_name},
    {"learned", "value", "entries", Show::number},

    {"xgre_fragment", "state", "state", Show::word, {}, 0, "xgre_fragment_state"},
    {"xgre_fragment", "peer", "peer", Show::peer},
    {"xgre_fragment", "came", "age", Show::age},
    {"xgre_fragment", "bytes", "bytes", Show::bytes, "len"},

    {"xgre_fdb_key", "network", "network", Show::network},
    {"xgre_fdb_key", "mac", "mac", Show::mac},
    {"xgre_fdb_entry", "owner", "owner_kind", Show::owner_kind},
    {"xgre_fdb_entry", "owner", "owner", Show::owner_name},
    {"xgre_fdb_entry", "owner", "slot", Show::owner_slot},
    {"xgre_fdb_entry", "owner", "static", Show::owner_static},
    {"xgre_fdb_entry", "last_seen", "age", Show::age},

    {"xgre_hop", "dst", "dst", Show::mac},
    {"xgre_hop", "src", "src", Show::mac},
    {"xgre_flow", "key", "key", Show::hex},
    {"xgre_flow", "until", "until_jiffies", Show::number},
    {"xgre_flow", "target", "target", Show::flow_target, "verdict"},
    {"xgre_flow", "network", "network", Show::network},
    {"xgre_flow", "verdict", "verdict", Show::word, {}, 0, "xgre_verdict"},
    {"xgre_flow", "flags", "flags", Show::flags, {}, 0, "xgre_port_flags"},
    {"xgre_flow", "rest", "rest", Show::hex},
    {"generation", "value", "generation", Show::number},

    {"xgre_spread", "flags", "flags", Show::flags, {}, 0, "xgre_spread_flags"},
    {"xgre_spread", "cpu", "cpu", Show::number, "count"},
    {"flood", "key", "network", Show::network},
    {"xgre_flood", "peer_flags", "peer_flags", Show::flags, {}, 0, "xgre_peer_flags"},
    {"xgre_flood", "port", "port", Show::device, "ports"},
    {"xgre_flood", "peer", "peer", Show::peer, "peers"},

    {"counters", "key", "program", Show::counter_program},
    {"counters", "key", "verdict", Show::counter_verdict},
    {"notes", "key", "note", Show::word, {}, 0, "xgre_note"},
    {"notes", "value", "count", Show::number},
    {"port_counters", "key", "slot", Show::number},
    {"port_counters", "key", "port", Show::port},
    {"peer_counters", "key", "id", Show::number},
    {"peer_counters", "key", "peer", Show::peer},

    {"redirect", "key", "ifindex", Show::number},
    {"redirect", "key", "device", Show::device},
    {"redirect", "ifindex", "to", Show::device},
    {"cpus", "key", "cpu", Show::number},
    {"sweeper", "interval_ns", "interval", Show::duration},

    // Of a type, wherever it is.
    {"xgre_addr", "", "", Show::address},
    {"bpf_timer", "", "", Show::kernels_own},
    {"bpf_spin_lock", "", "", Show::kernels_own},
});

}  // namespace

bool is_written_as_number(Show show) {
    constexpr auto numbers =
        std::to_array<Show>({Show::number, Show::signed_number, Show::gre_key, Show::age,
                             Show::left, Show::duration, Show::owner_slot});
    return std::ranges::find(numbers, show) != numbers.end();
}

std::span<const Shown> all_shown() {
    return kShown;
}

std::vector<Shown> find_shown(std::string_view type, std::string_view field) {
    std::vector<Shown> rows;
    std::ranges::copy_if(kShown, std::back_inserter(rows),
                         [&](const Shown& row) { return row.type == type && row.field == field; });
    return rows;
}

NumberNames names_of_enum(std::string_view name) {
    const auto* const found = std::ranges::find(kEnums, name, &Enum::name);
    return found == kEnums.end() ? NumberNames{} : found->names;
}

}  // namespace xgre
