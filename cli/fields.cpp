// SPDX-License-Identifier: GPL-2.0-only
#include "cli/fields.h"

#include <chrono>

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace xgre::cli {
namespace {

// A value type as text; null for none.
template <typename T>
Json text_of(const std::optional<T>& value) {
    if (!value) return nullptr;
    return value->format();
}

Json text_or_null(const std::string& text) {
    if (text.empty()) return nullptr;
    return text;
}

template <typename T>
Json texts_of(const std::vector<T>& values) {
    Json list = Json::array();
    for (const T& value : values)
        list.push_back(value.format());
    return list;
}

Json key_of(const std::optional<GreKey>& key) {
    if (!key) return nullptr;
    return key->value();
}

template <typename T>
Json value_or(const char* word, const std::optional<T>& value) {
    if (!value) return word;
    return *value;
}

Json df_of(const PeerInfo& peer) {
    if (peer.address.is_v6()) return nullptr;
    switch (peer.options.df) {
        case DontFragment::unset:
            return "unset";
        case DontFragment::inherit:
            return "inherit";
        default:
            return "set";
    }
}

std::string name_of(MtuSource source) {
    switch (source) {
        case MtuSource::uplink:
            return "uplink";
        case MtuSource::route:
            return "route";
        case MtuSource::path:
            return "path";
    }
    return "";
}

Json age_or_null(const std::optional<std::chrono::milliseconds>& age) {
    return age ? seconds_of(*age) : nullptr;
}

// The later of the two things that show a peer alive.
Json last_seen(const PeerInfo& peer) {
    const Liveness& live = peer.liveness;
    if (!live.answered || !live.heard)
        return age_or_null(live.answered ? live.answered : live.heard);
    return seconds_of(std::min(*live.answered, *live.heard));
}

Json mtu_from(const PeerInfo& peer) {
    if (!peer.mtu_left) return name_of(peer.mtu_from);
    return fmt::format("{} ({} s)", name_of(peer.mtu_from), peer.mtu_left->count());
}

// Those that have no column, where they are not the default.
Json more_options(const PeerInfo& peer) {
    std::vector<std::string> words;
    const PeerOptions& options = peer.options;
    if (options.icsum) words.emplace_back("icsum");
    if (options.iseq) words.emplace_back("iseq");
    if (options.ocsum) words.emplace_back("ocsum");
    if (options.oseq) words.emplace_back("oseq");
    if (options.rp_filter) words.emplace_back("rp-filter");
    if (options.df != DontFragment::set) words.push_back("df " + df_of(peer).get<std::string>());
    if (options.encap_limit) words.push_back(fmt::format("encap-limit {}", *options.encap_limit));
    if (options.flow_label) words.push_back(fmt::format("flow-label {}", *options.flow_label));
    if (words.empty()) return nullptr;
    return fmt::format("{}", fmt::join(words, ", "));
}

std::string asked_text(const Spread& spread) {
    switch (spread.mode) {
        case SpreadMode::off:
            return "off";
        case SpreadMode::all:
            return "all";
        case SpreadMode::list:
            return spread.cpus.format();
        default:
            return "auto";
    }
}

std::string spread_text(const InstanceInfo& info) {
    CpuSet cpus;
    for (const std::uint32_t cpu : info.spread_cpus)
        cpus.add(cpu);
    std::string text = cpus.empty() ? "off" : "over CPUs " + cpus.format();
    if (info.spread.mode == SpreadMode::automatic) text = "auto: " + text;
    for (const std::string& note : info.spread_notes)
        text += "; " + note;
    return text;
}

std::string yes_or_no(const Json& value) {
    return value.get<bool>() ? "yes" : "no";
}

std::string no_limit(const Json& value) {
    return value.get<std::uint64_t>() == 0 ? "none" : plain(value);
}

Json leases_of(const PortInfo& port) {
    Json list = Json::array();
    for (const PortLease& lease : port.leases) {
        list.push_back({{"mac", lease.mac.format()},
                        {"address", lease.address.format()},
                        {"expires_in", lease.left.count()}});
    }
    return list;
}

// What the port is kept from, in one column.
Json guards_of(const PortInfo& port) {
    Json list = Json::array();
    if (port.broadcast_limit != 0)
        list.push_back(fmt::format("broadcast:{}", port.broadcast_limit));
    if (port.unknown_limit != 0) list.push_back(fmt::format("unknown:{}", port.unknown_limit));
    if (port.dhcp_guard) list.push_back("dhcp");
    if (port.ra_guard) list.push_back("ra");
    if (port.lease_bound) list.push_back("lease");
    return list;
}

std::chrono::milliseconds time_left(const DhcpLease& lease) {
    const auto left = lease.expiry - std::chrono::system_clock::now();
    return std::chrono::duration_cast<std::chrono::milliseconds>(left);
}

// dnsmasq writes 0 for a lease that never ends.
bool never_ends(const DhcpLease& lease) {
    return lease.expiry == std::chrono::system_clock::time_point{};
}

Json expiry_of(const DhcpLease& lease) {
    if (never_ends(lease)) return nullptr;
    const auto time = std::chrono::system_clock::to_time_t(lease.expiry);
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

}  // namespace

Json milliseconds_of(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>{time}.count();
}

Json seconds_of(std::chrono::milliseconds time) {
    return static_cast<double>(time.count()) / 1000;
}

bool is_gone(const Json& state) {
    return state == "gone";
}

const Fields<HookInfo>& hook_fields() {
    static const Fields<HookInfo> fields{
        {"tc", "TC", [](const HookInfo& h) { return h.tc; }},
        {"xdp", "XDP", [](const HookInfo& h) { return h.xdp; }},
        {"xdp_reason", "", [](const HookInfo& h) { return text_or_null(h.reason); }},
        {"xdp_remedy", "", [](const HookInfo& h) { return text_or_null(h.remedy); }},
        {"xdp_pays", "", [](const HookInfo& h) { return h.xdp_pays; }},
        {"xdp_transmit", "XDP-TX", [](const HookInfo& h) { return h.xdp_transmit; }, yes_or_no},
        {"xdp_transmit_reason", "",
         [](const HookInfo& h) { return text_or_null(h.transmit_reason); }},
        {"xdp_transmit_remedy", "",
         [](const HookInfo& h) { return text_or_null(h.transmit_remedy); }},
    };
    return fields;
}

const Fields<Traffic>& traffic_fields() {
    static const Fields<Traffic> fields{
        {"rx_packets", "RX-PACKETS", [](const Traffic& t) { return t.rx_packets; }, plain,
         kTraffic},
        {"rx_bytes", "RX-BYTES", [](const Traffic& t) { return t.rx_bytes; }, plain, kTraffic},
        {"tx_packets", "TX-PACKETS", [](const Traffic& t) { return t.tx_packets; }, plain,
         kTraffic},
        {"tx_bytes", "TX-BYTES", [](const Traffic& t) { return t.tx_bytes; }, plain, kTraffic},
    };
    return fields;
}

const Fields<NetworkInfo>& network_fields() {
    static const Fields<NetworkInfo> fields{
        {"network", "NETWORK", [](const NetworkInfo& n) { return n.name; }},
        {"id", "", [](const NetworkInfo& n) { return n.id; }},
        {"key", "KEY", [](const NetworkInfo& n) { return key_of(n.key); }},
        {"mode", "MODE",
         [](const NetworkInfo& n) { return n.mode == NetworkMode::nvgre ? "nvgre" : "gre"; }},
        {"mtu", "MTU", [](const NetworkInfo& n) { return n.mtu; }},
        {"mtu_is_set", "", [](const NetworkInfo& n) { return n.mtu_is_set; }},
        {"ageing", "AGEING", [](const NetworkInfo& n) { return n.ageing.count(); }, seconds},
        {"ports", "PORTS", [](const NetworkInfo& n) { return n.ports; }},
        {"peers", "PEERS", [](const NetworkInfo& n) { return n.peers; }},
    };
    return fields;
}

const Fields<PortInfo>& port_fields() {
    static const Fields<PortInfo> fields = [] {
        Fields<PortInfo> list{
            {"device", "PORT", [](const PortInfo& p) { return p.device; }, plain, kBoth},
            {"network", "NETWORK", [](const PortInfo& p) { return p.network; }, plain, kBoth},
            {"ifindex", "", [](const PortInfo& p) { return p.ifindex; }},
            {"gone", "", [](const PortInfo& p) { return p.gone; }},
            {"", "STATE", [](const PortInfo& p) { return p.gone ? "gone" : "live"; }, plain, kSetup,
             is_gone},
        };
        append<PortInfo, HookInfo>(list, hook_fields(),
                                   [](const PortInfo& p) -> const HookInfo& { return p.hook; });
        const Fields<PortInfo> settings{
            {"learned", "LEARNED", [](const PortInfo& p) { return p.learned; }},
            {"mac_limit", "LIMIT", [](const PortInfo& p) { return p.mac_limit; }, no_limit},
            {"isolated", "ISOLATED", [](const PortInfo& p) { return p.isolated; }},
            {"direct", "", [](const PortInfo& p) { return p.direct; }},
            {"locked", "LOCKED", [](const PortInfo& p) { return p.locked; }},
            {"learning", "LEARNING", [](const PortInfo& p) { return p.learning; }},
            {"flood", "FLOOD", [](const PortInfo& p) { return p.flood; }},
            {"broadcast_limit", "", [](const PortInfo& p) { return p.broadcast_limit; }},
            {"unknown_limit", "", [](const PortInfo& p) { return p.unknown_limit; }},
            {"dhcp_guard", "", [](const PortInfo& p) { return p.dhcp_guard; }},
            {"ra_guard", "", [](const PortInfo& p) { return p.ra_guard; }},
            {"lease_bound", "", [](const PortInfo& p) { return p.lease_bound; }},
            {"addresses", "", [](const PortInfo& p) { return texts_of(p.addresses); }},
            {"leases", "", leases_of},
            {"", "GUARDS", guards_of},
            {"static_macs", "STATIC", [](const PortInfo& p) { return texts_of(p.static_macs); }},
        };
        list.insert(list.end(), settings.begin(), settings.end());
        append<PortInfo, Traffic>(list, traffic_fields(),
                                  [](const PortInfo& p) -> const Traffic& { return p.traffic; });
        return list;
    }();
    return fields;
}

const Fields<PeerInfo>& peer_fields() {
    static const Fields<PeerInfo> fields = [] {
        Fields<PeerInfo> list{
            {"address", "PEER", [](const PeerInfo& p) { return p.address.format(); }, plain, kBoth},
            {"network", "NETWORK", [](const PeerInfo& p) { return p.network; }, plain, kBoth},
            {"id", "", [](const PeerInfo& p) { return p.id; }},
            {"ikey", "KEY-IN", [](const PeerInfo& p) { return key_of(p.options.ikey); }},
            {"okey", "KEY-OUT", [](const PeerInfo& p) { return key_of(p.options.okey); }},
            {"icsum", "", [](const PeerInfo& p) { return p.options.icsum; }},
            {"iseq", "", [](const PeerInfo& p) { return p.options.iseq; }},
            {"ocsum", "", [](const PeerInfo& p) { return p.options.ocsum; }},
            {"oseq", "", [](const PeerInfo& p) { return p.options.oseq; }},
            {"rp_filter", "", [](const PeerInfo& p) { return p.options.rp_filter; }},
            {"state", "STATE", [](const PeerInfo& p) { return name_of(p.liveness.state); }},
            {"last_seen", "SEEN", last_seen, seconds},
            {"rtt_ms", "",
             [](const PeerInfo& p) {
                 return p.liveness.rtt ? milliseconds_of(*p.liveness.rtt) : nullptr;
             }},
            {"answered", "", [](const PeerInfo& p) { return age_or_null(p.liveness.answered); }},
            {"heard", "", [](const PeerInfo& p) { return age_or_null(p.liveness.heard); }},
            {"unanswered", "", [](const PeerInfo& p) { return p.liveness.unanswered; }},
            {"learned", "LEARNED", [](const PeerInfo& p) { return p.learned; }},
            {"mac_limit", "LIMIT", [](const PeerInfo& p) { return p.options.mac_limit; }, no_limit},
            {"ttl", "TTL", [](const PeerInfo& p) { return value_or("inherit", p.options.ttl); }},
            {"tos", "TOS", [](const PeerInfo& p) { return value_or("inherit", p.options.tos); }},
            {"df", "", [](const PeerInfo& p) { return df_of(p); }},
            {"encap_limit", "",
             [](const PeerInfo& p) {
                 return p.address.is_v6() ? value_or("none", p.options.encap_limit) : nullptr;
             }},
            {"flow_label", "",
             [](const PeerInfo& p) {
                 return p.address.is_v6() ? value_or("inherit", p.options.flow_label) : nullptr;
             }},
            {"mtu", "MTU", [](const PeerInfo& p) { return p.mtu; }},
            {"mtu_from", "", [](const PeerInfo& p) { return name_of(p.mtu_from); }},
            {"mtu_left", "",
             [](const PeerInfo& p) { return p.mtu_left ? Json(p.mtu_left->count()) : nullptr; }},
            {"", "MTU-FROM", mtu_from},
            {"", "OPTIONS", more_options},
        };
        append<PeerInfo, Traffic>(list, traffic_fields(),
                                  [](const PeerInfo& p) -> const Traffic& { return p.traffic; });
        return list;
    }();
    return fields;
}

const Fields<FdbInfo>& fdb_fields() {
    static const Fields<FdbInfo> fields{
        {"mac", "MAC", [](const FdbInfo& e) { return e.mac.format(); }},
        {"network", "NETWORK", [](const FdbInfo& e) { return e.network; }},
        {"vlan", "VLAN", [](const FdbInfo& e) { return e.vlan; }},
        {"port", "PORT", [](const FdbInfo& e) { return text_or_null(e.port); }},
        {"peer", "PEER", [](const FdbInfo& e) { return text_of(e.peer); }},
        {"static", "", [](const FdbInfo& e) { return e.is_static; }},
        {"expired", "", [](const FdbInfo& e) { return e.expired; }},
        {"", "STATE",
         [](const FdbInfo& e) {
             if (e.is_static) return "static";
             return e.expired ? "expired" : "learned";
         }},
        {"age", "AGE",
         [](const FdbInfo& e) -> Json {
             if (e.is_static) return nullptr;  // it does not age
             return seconds_of(e.age);
         },
         seconds},
    };
    return fields;
}

const Fields<MapInfo>& map_fields() {
    static const Fields<MapInfo> fields{
        {"name", "MAP", [](const MapInfo& m) { return m.name; }},
        {"max_entries", "ENTRIES", [](const MapInfo& m) { return m.max_entries; }},
        {"memory", "MEMORY", [](const MapInfo& m) { return m.memory; }, size},
    };
    return fields;
}

const Fields<MapDescription>& map_description_fields() {
    using D = MapDescription;
    static const Fields<D> fields{
        {"name", "MAP", [](const D& d) { return d.map.name; }},
        {"id", "", [](const D& d) { return d.id; }},
        {"type", "TYPE", [](const D& d) { return d.type; }},
        {"key_type", "KEY", [](const D& d) { return text_or_null(d.key); }},
        {"key_size", "BYTES", [](const D& d) { return d.key_size; }},
        {"value_type", "VALUE", [](const D& d) { return text_or_null(d.value); }},
        {"value_size", "BYTES", [](const D& d) { return d.value_size; }},
        {"used", "USED", [](const D& d) { return json_or_null(d.used); }},
        {"max_entries", "ENTRIES", [](const D& d) { return d.map.max_entries; }},
        {"memory", "MEMORY", [](const D& d) { return d.map.memory; }, size},
        {"flags", "FLAGS", [](const D& d) { return d.flags; }},
    };
    return fields;
}

const Fields<InstanceInfo>& instance_fields() {
    static const Fields<InstanceInfo> fields = [] {
        Fields<InstanceInfo> list{
            {"instance", "instance", [](const InstanceInfo& i) { return i.instance; }},
            {"uplink", "uplink", [](const InstanceInfo& i) { return i.uplink; }},
            {"ifindex", "", [](const InstanceInfo& i) { return i.ifindex; }},
            {"uplink_gone", "", [](const InstanceInfo& i) { return i.uplink_gone; }},
            {"local", "local",
             [](const InstanceInfo& i) { return fmt::format("{}", fmt::join(i.locals, ", ")); }},
            {"locals", "", [](const InstanceInfo& i) { return texts_of(i.locals); }},
        };
        // The table of devices has them in columns.
        for (const Field<HookInfo>& field : hook_fields()) {
            list.push_back(
                {field.name, "", [get = field.get](const InstanceInfo& i) { return get(i.hook); }});
        }
        const Fields<InstanceInfo> rest{
            {"spread", "", [](const InstanceInfo& i) { return asked_text(i.spread); }},
            {"spread_cpus", "", [](const InstanceInfo& i) { return Json(i.spread_cpus); }},
            {"spread_notes", "", [](const InstanceInfo& i) { return Json(i.spread_notes); }},
            {"", "spread", spread_text},
            {"fdb_entries", "room in the fdb", [](const InstanceInfo& i) { return i.fdb_entries; }},
            {"memory", "memory pinned", [](const InstanceInfo& i) { return i.memory; }, size},
            {"abi_version", "abi version", [](const InstanceInfo& i) { return i.abi_version; }},
            {"networks", "",
             [](const InstanceInfo& i) { return to_json(network_fields(), i.networks); }},
            {"ports", "", [](const InstanceInfo& i) { return to_json(port_fields(), i.ports); }},
            {"peers", "", [](const InstanceInfo& i) { return to_json(peer_fields(), i.peers); }},
            {"maps", "", [](const InstanceInfo& i) { return to_json(map_fields(), i.maps); }},
        };
        list.insert(list.end(), rest.begin(), rest.end());
        return list;
    }();
    return fields;
}

const Fields<VerdictCount>& verdict_fields() {
    static const Fields<VerdictCount> fields{
        {"program", "PROGRAM", [](const VerdictCount& v) { return v.program; }, plain, kTraffic},
        {"verdict", "VERDICT", [](const VerdictCount& v) { return v.verdict; }, plain, kTraffic},
        {"drop", "", [](const VerdictCount& v) { return v.drop; }},
        {"packets", "PACKETS", [](const VerdictCount& v) { return v.packets; }, plain, kTraffic},
        {"bytes", "BYTES", [](const VerdictCount& v) { return v.bytes; }, plain, kTraffic},
        {"copies", "COPIES", [](const VerdictCount& v) { return v.copies; }, plain, kTraffic},
        {"help", "", [](const VerdictCount& v) { return v.help; }},
        {"", "MEANING", [](const VerdictCount& v) { return v.drop ? "drop: " + v.help : v.help; },
         plain, kTraffic},
    };
    return fields;
}

const Fields<NoteCount>& note_fields() {
    static const Fields<NoteCount> fields{
        {"name", "NOTE", [](const NoteCount& n) { return n.name; }, plain, kTraffic},
        {"count", "COUNT", [](const NoteCount& n) { return n.count; }, plain, kTraffic},
        {"help", "MEANING", [](const NoteCount& n) { return n.help; }, plain, kTraffic},
    };
    return fields;
}

const Fields<DhcpLease>& lease_fields() {
    static const Fields<DhcpLease> fields{
        {"mac", "MAC", [](const DhcpLease& l) { return l.mac.format(); }},
        {"address", "ADDRESS", [](const DhcpLease& l) { return l.address.format(); }},
        {"name", "NAME", [](const DhcpLease& l) { return text_or_null(l.name); }},
        {"expiry", "", expiry_of},
        {"expires_in", "EXPIRES-IN",
         [](const DhcpLease& l) -> Json {
             if (never_ends(l)) return nullptr;
             return seconds_of(time_left(l));
         },
         seconds},
        {"port", "PORT", [](const DhcpLease& l) { return text_or_null(l.port); }},
        {"peer", "PEER", [](const DhcpLease& l) { return text_of(l.peer); }},
    };
    return fields;
}

const Fields<DhcpInfo>& dhcp_fields() {
    static const Fields<DhcpInfo> fields{
        {"network", "NETWORK", [](const DhcpInfo& d) { return d.network; }},
        {"running", "", [](const DhcpInfo& d) { return d.running; }},
        {"", "STATE", [](const DhcpInfo& d) { return d.running ? "running" : "stopped"; }, plain,
         kSetup, [](const Json& state) { return state == "stopped"; }},
        {"subnet", "SUBNET", [](const DhcpInfo& d) { return d.subnet.format(); }},
        {"", "RANGE",
         [](const DhcpInfo& d) { return fmt::format("{}-{}", d.range_first, d.range_last); }},
        {"range_first", "", [](const DhcpInfo& d) { return d.range_first.format(); }},
        {"range_last", "", [](const DhcpInfo& d) { return d.range_last.format(); }},
        {"gateway", "GATEWAY", [](const DhcpInfo& d) { return d.gateway.format(); }},
        {"mtu", "MTU", [](const DhcpInfo& d) { return d.mtu; }},
        {"dns", "DNS", [](const DhcpInfo& d) { return texts_of(d.dns); }},
        {"hosts", "",
         [](const DhcpInfo& d) {
             Json list = Json::array();
             for (const DhcpHost& host : d.hosts) {
                 list.push_back({{"mac", host.mac.format()}, {"address", host.address.format()}});
             }
             return list;
         }},
        {"netns", "NETNS", [](const DhcpInfo& d) { return d.netns; }},
        {"device", "PORT", [](const DhcpInfo& d) { return d.device; }},
        {"pid", "PID", [](const DhcpInfo& d) { return json_or_null(d.pid); }},
        {"problems", "", [](const DhcpInfo& d) { return Json(d.problems); }},
        {"leases", "", [](const DhcpInfo& d) { return to_json(lease_fields(), d.leases); }},
    };
    return fields;
}

}  // namespace xgre::cli
