// SPDX-License-Identifier: GPL-2.0-only
#include "loader/config_fields.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "loader/dhcp_config.h"
#include "loader/instance_state.h"
#include "xgre/abi.h"
#include "xgre/syntax.h"

namespace xgre {
namespace {

// ---- Values as text: what their Syntax reads --------------------------------------------------

template <typename T>
std::string text_of(const T& value) {
    return value.format();
}

std::string text_of(const std::string& text) {
    return text;
}

std::string text_of(std::uint32_t number) {
    return fmt::format("{}", number);
}

std::string text_of(bool is_on) {
    return is_on ? "on" : "off";
}

std::string text_of(const std::chrono::seconds& time) {
    return fmt::format("{}", time.count());
}

std::string text_of(XdpUse use) {
    if (use == XdpUse::automatic) return "auto";
    return use == XdpUse::on ? "on" : "off";
}

std::string text_of(TcHook hook) {
    if (hook == TcHook::automatic) return "auto";
    return hook == TcHook::tcx ? "tcx" : "clsact";
}

std::string text_of(const Spread& spread) {
    if (spread.mode == SpreadMode::list) return spread.cpus.format();
    if (spread.mode == SpreadMode::off) return "off";
    return spread.mode == SpreadMode::all ? "all" : "auto";
}

std::string text_of(NetworkMode mode) {
    return mode == NetworkMode::gre ? "gre" : "nvgre";
}

std::string text_of(DontFragment df) {
    if (df == DontFragment::inherit) return "inherit";
    return df == DontFragment::set ? "set" : "unset";
}

std::string text_of(const DhcpHost& host) {
    return fmt::format("{}={}", host.mac, host.address);
}

// ---- How a setting is kept --------------------------------------------------------------------

template <typename Spec>
using Fallback = std::function<Texts(const Config&, const Spec&)>;

template <typename Spec>
Fallback<Spec> always(const std::string& text) {
    return [text](const Config&, const Spec&) { return Texts{text}; };
}

template <typename Spec>
Fallback<Spec> nothing() {
    return [](const Config&, const Spec&) { return Texts{}; };
}

// `write` puts a value into the spec, `texts` gets what is there.
template <typename Spec, typename T, typename Write>
Setting<Spec> make(std::string name, ConfigKind kind, const Syntax<T>& syntax, Write write,
                   std::function<Texts(const Spec&)> texts, Fallback<Spec> fallback) {
    const auto read = [parse = syntax.parse, write](
                          Spec& spec, const Texts& given) -> std::optional<std::size_t> {
        std::vector<T> values;
        for (std::size_t i = 0; i < given.size(); ++i) {
            auto value = parse(given[i]);
            if (!value) return i;
            values.push_back(std::move(*value));
        }
        write(spec, std::move(values));
        return std::nullopt;
    };
    return {std::move(name),    kind, syntax.is_a, syntax.give, read, std::move(texts),
            std::move(fallback)};
}

template <typename Spec, typename T>
Setting<Spec> one(
    std::string name, ConfigKind kind, std::optional<T> Spec::* member, const Syntax<T>& syntax,
    Fallback<Spec> fallback,
    std::function<std::string(const T&)> format = [](const T& value) { return text_of(value); }) {
    return make<Spec, T>(
        std::move(name), kind, syntax,
        [member](Spec& spec, std::vector<T> values) {
            if (!values.empty()) spec.*member = std::move(values.front());
        },
        [member, format](const Spec& spec) {
            return spec.*member ? Texts{format(*(spec.*member))} : Texts{};
        },
        std::move(fallback));
}

// A setting that may also be a word.
template <typename Spec, typename T>
Setting<Spec> one_or(const std::string& word, std::string name,
                     std::optional<OrNone<T>> Spec::* member, const Syntax<OrNone<T>>& syntax,
                     Fallback<Spec> fallback) {
    return one<Spec, OrNone<T>>(std::move(name), ConfigKind::number, member, syntax,
                                std::move(fallback), [word](const OrNone<T>& wanted) {
                                    return wanted.value ? fmt::format("{}", *wanted.value) : word;
                                });
}

template <typename Spec>
Setting<Spec> toggle(std::string name, std::optional<bool> Spec::* member, bool by_default) {
    return one<Spec, bool>(std::move(name), ConfigKind::on_or_off, member, switch_syntax(),
                           always<Spec>(text_of(by_default)));
}

// One that a spec always has; its default is that of a fresh spec.
template <typename Spec, typename T>
Setting<Spec> plain(std::string name, ConfigKind kind, T Spec::* member, const Syntax<T>& syntax) {
    return make<Spec, T>(
        std::move(name), kind, syntax,
        [member](Spec& spec, std::vector<T> values) {
            if (!values.empty()) spec.*member = std::move(values.front());
        },
        [member](const Spec& spec) { return Texts{text_of(spec.*member)}; },
        always<Spec>(text_of(Spec{}.*member)));
}

template <typename Spec, typename T>
Texts texts_of(const std::vector<T>& values) {
    Texts texts;
    for (const T& value : values)
        texts.push_back(text_of(value));
    return texts;
}

// `sort`: where the order does not matter.
template <typename Spec, typename T>
Setting<Spec> several(std::string name, std::vector<T> Spec::* member, const Syntax<T>& syntax,
                      const std::function<void(std::vector<T>&)>& sort) {
    return make<Spec, T>(
        std::move(name), ConfigKind::list, syntax,
        [member, sort](Spec& spec, std::vector<T> values) {
            sort(values);
            spec.*member = std::move(values);
        },
        [member](const Spec& spec) { return texts_of<Spec, T>(spec.*member); }, nothing<Spec>());
}

template <typename Spec>
Setting<Spec> required(Setting<Spec> setting) {
    setting.is_required = true;
    setting.fallback = nothing<Spec>();
    return setting;
}

// Required, and in the entry's name.
template <typename Spec>
Setting<Spec> naming(Setting<Spec> setting) {
    setting = required(std::move(setting));
    setting.is_name = true;
    return setting;
}

template <typename Spec>
Setting<Spec> fixed(Setting<Spec> setting) {
    setting.is_fixed = true;
    return setting;
}

// ---- Those that are kept in their own way -----------------------------------------------------

Setting<AttachSpec> locals_setting() {
    return make<AttachSpec, IpAddr>(
        "local", ConfigKind::list, address_syntax(),
        [](AttachSpec& spec, const std::vector<IpAddr>& addresses) {
            for (const IpAddr& address : addresses) {
                if (address.is_v6())
                    spec.local6 = address.v6();
                else
                    spec.local = address.v4();
            }
        },
        [](const AttachSpec& spec) {
            Texts texts;
            if (spec.local) texts.push_back(spec.local->format());
            if (spec.local6) texts.push_back(spec.local6->format());
            return texts;
        },
        nothing<AttachSpec>());
}

Setting<PortSpec> addresses_setting() {
    return make<PortSpec, std::optional<IpAddr>>(
        "address", ConfigKind::list, vm_address_syntax(),
        [](PortSpec& spec, const std::vector<std::optional<IpAddr>>& addresses) {
            spec.addresses.emplace();
            for (const auto& address : addresses)
                if (address) spec.addresses->push_back(*address);
            std::ranges::sort(*spec.addresses);
        },
        [](const PortSpec& spec) {
            return texts_of<PortSpec, IpAddr>(spec.addresses.value_or(std::vector<IpAddr>{}));
        },
        nothing<PortSpec>());
}

// What a server gets that is asked for as `spec`; nullopt when it cannot be.
std::optional<DhcpConfig> resolved(const DhcpSpec& spec) {
    try {
        return resolve_dhcp(spec, std::nullopt);
    } catch (const Error&) {
        return std::nullopt;  // told where specs are checked
    }
}

Setting<DhcpSpec> range_setting() {
    const auto text = [](Ip4Addr first, Ip4Addr last) {
        return Texts{fmt::format("{}-{}", first, last)};
    };
    return make<DhcpSpec, AddressRange>(
        "range", ConfigKind::text, range_syntax(),
        [](DhcpSpec& spec, const std::vector<AddressRange>& ranges) {
            if (ranges.empty()) return;
            spec.range_first = ranges.front().first;
            spec.range_last = ranges.front().last;
        },
        [text](const DhcpSpec& spec) {
            if (!spec.range_first || !spec.range_last) return Texts{};
            return text(*spec.range_first, *spec.range_last);
        },
        [text](const Config&, DhcpSpec spec) {
            spec.range_first.reset();
            spec.range_last.reset();
            const auto config = resolved(spec);
            return config ? text(config->range_first, config->range_last) : Texts{};
        });
}

Texts default_gateway(const Config& /*config*/, const DhcpSpec& spec) {
    DhcpSpec bare;
    bare.network = spec.network;
    bare.subnet = spec.subnet;
    const auto config = resolved(bare);
    return config ? Texts{config->gateway.format()} : Texts{};
}

// ---- Defaults that depend on others -----------------------------------------------------------

const NetworkSpec* network_of(const Config& config, const PeerSpec& peer) {
    return find_entry(config, network_noun(), peer.network);
}

Texts key_of_network(const Config& config, const PeerSpec& peer) {
    const NetworkSpec* network = network_of(config, peer);
    if (network == nullptr || network->mode == NetworkMode::nvgre) return {};
    return {network->key ? network->key->format() : "none"};
}

Texts half_of_fdb(const Config& config, const PeerSpec& /*peer*/) {
    const auto size = config.uplink ? config.uplink->fdb_entries : std::nullopt;
    return {text_of(std::max(size.value_or(XGRE_FDB_DEFAULT) / 2, 1U))};
}

Fallback<PeerSpec> of_ip4(const std::string& text) {
    return [text](const Config&, const PeerSpec& peer) {
        return peer.address.is_v6() ? Texts{} : Texts{text};
    };
}

Fallback<PeerSpec> of_ip6(const std::string& text) {
    return [text](const Config&, const PeerSpec& peer) {
        return peer.address.is_v6() ? Texts{text} : Texts{};
    };
}

template <typename Spec>
void complete(const Config& config, const Noun<Spec>& noun, Spec& spec) {
    for (const Setting<Spec>& setting : noun.settings)
        if (setting.texts(spec).empty()) setting.read(spec, setting.fallback(config, spec));
}

const auto kByValue = [](auto& values) { std::ranges::sort(values); };

}  // namespace

const Noun<AttachSpec>& uplink_noun() {
    using S = AttachSpec;
    using enum ConfigKind;
    static const Noun<S> noun{
        "uplink",
        nullptr,
        [](const S& spec) { return spec.uplink; },
        {
            naming(plain("device", text, &S::uplink, device_syntax())),
            fixed(required(locals_setting())),
            fixed(one("fdb-size", number, &S::fdb_entries, fdb_size_syntax(),
                      always<S>(text_of(std::uint32_t{XGRE_FDB_DEFAULT})))),
            one("xdp", text, &S::xdp, xdp_syntax(), always<S>("auto")),
            fixed(plain("tc", text, &S::tc_hook, tc_syntax())),
            one("spread", text, &S::spread, spread_syntax(), always<S>("auto")),
        }};
    return noun;
}

const Noun<NetworkSpec>& network_noun() {
    using S = NetworkSpec;
    using enum ConfigKind;
    static const Noun<S> noun{
        "network",
        &Config::networks,
        [](const S& spec) { return spec.name; },
        {
            naming(plain("name", text, &S::name, network_syntax())),
            fixed(one("key", number, &S::key, key_syntax(), nothing<S>())),
            fixed(one("mode", text, &S::mode, mode_syntax(), always<S>("gre"))),
            one<S, std::uint32_t>(
                "mtu", number, &S::mtu, mtu_syntax(), always<S>("auto"),
                [](const std::uint32_t& mtu) { return mtu == 0 ? "auto" : text_of(mtu); }),
            one("ageing", number, &S::ageing, ageing_syntax(), always<S>(text_of(kDefaultAgeing))),
        }};
    return noun;
}

const Noun<PeerSpec>& peer_noun() {
    using S = PeerSpec;
    using enum ConfigKind;
    static const Noun<S> noun{
        "peer",
        &Config::peers,
        [](const S& spec) { return fmt::format("{} of network {}", spec.address, spec.network); },
        {
            naming(plain("address", text, &S::address, address_syntax())),
            naming(plain("network", text, &S::network, network_syntax())),
            one_or("none", "ikey", &S::ikey, key_or_none_syntax(), {key_of_network}),
            one_or("none", "okey", &S::okey, key_or_none_syntax(), {key_of_network}),
            toggle("icsum", &S::icsum, false),
            toggle("iseq", &S::iseq, false),
            toggle("ocsum", &S::ocsum, false),
            toggle("oseq", &S::oseq, false),
            toggle("rp-filter", &S::rp_filter, false),
            one<S, std::uint32_t>("mac-limit", number, &S::mac_limit, number_syntax(0, UINT32_MAX),
                                  half_of_fdb),
            one_or("inherit", "ttl", &S::ttl, byte_or_syntax("inherit"),
                   always<S>(text_of(std::uint32_t{PeerOptions{}.ttl.value_or(0)}))),
            one_or("inherit", "tos", &S::tos, byte_or_syntax("inherit"), always<S>("0")),
            one("df", text, &S::df, df_syntax(), of_ip4("set")),
            one_or("none", "encap-limit", &S::encap_limit, byte_or_syntax("none"), of_ip6("none")),
            one_or("inherit", "flow-label", &S::flow_label, flow_label_syntax(), of_ip6("inherit")),
        }};
    return noun;
}

const Noun<DhcpSpec>& dhcp_noun() {
    using S = DhcpSpec;
    using enum ConfigKind;
    static const Noun<S> noun{
        "dhcp",
        &Config::dhcp,
        [](const S& spec) { return "of network " + spec.network; },
        {
            naming(plain("network", text, &S::network, network_syntax())),
            required(one("subnet", text, &S::subnet, subnet_syntax(), nothing<S>())),
            one<S, Ip4Addr>("gateway", text, &S::gateway, ip4_syntax(), default_gateway),
            range_setting(),
            several<S, Ip4Addr>("dns", &S::dns, ip4_syntax(), [](auto&) {}),
            several<S, DhcpHost>("host", &S::hosts, host_syntax(),
                                 [](auto& hosts) { std::ranges::sort(hosts, {}, &DhcpHost::mac); }),
            one("router", text, &S::router, netns_syntax(), nothing<S>()),
            one("lease-time", number, &S::lease_time, lease_time_syntax(), always<S>("3600")),
        }};
    return noun;
}

const Noun<PortSpec>& port_noun() {
    using S = PortSpec;
    using enum ConfigKind;
    static const Noun<S> noun{
        "port",
        &Config::ports,
        [](const S& spec) { return spec.device; },
        {
            naming(plain("device", text, &S::device, device_syntax())),
            fixed(required(one("network", text, &S::network, network_syntax(), nothing<S>()))),
            one("mac-limit", number, &S::mac_limit, number_syntax(0, UINT32_MAX), always<S>("0")),
            one("broadcast-limit", number, &S::broadcast_limit, limit_syntax(), always<S>("0")),
            one("unknown-limit", number, &S::unknown_limit, limit_syntax(), always<S>("0")),
            several<S, Mac>("static", &S::static_macs, mac_syntax(), kByValue),
            toggle("isolated", &S::isolated, false),
            toggle("locked", &S::locked, false),
            toggle("direct", &S::direct, false),
            toggle("dhcp-guard", &S::dhcp_guard, false),
            toggle("ra-guard", &S::ra_guard, false),
            toggle("lease-bound", &S::lease_bound, false),
            addresses_setting(),
            toggle("learning", &S::learning, true),
            toggle("flood", &S::flood, true),
        }};
    return noun;
}

const Noun<FdbSpec>& fdb_noun() {
    using S = FdbSpec;
    using enum ConfigKind;
    static const Noun<S> noun{
        "fdb",
        &Config::fdb,
        [](const S& spec) {
            const std::string vlan = spec.vlan == Vlan{} ? "" : fmt::format(", VLAN {}", spec.vlan);
            return fmt::format("{} of network {}{}", spec.mac, spec.network, vlan);
        },
        {
            naming(plain("mac", text, &S::mac, mac_syntax())),
            naming(plain("network", text, &S::network, network_syntax())),
            [] {
                auto vlan = plain("vlan", number, &S::vlan, vlan_syntax());
                vlan.is_name = true;
                return vlan;
            }(),
            one("port", text, &S::port, device_syntax(), nothing<S>()),
            one("peer", text, &S::peer, address_syntax(), nothing<S>()),
        }};
    return noun;
}

void complete(Config& config) {
    for_each_noun([&](const auto& noun) {
        for_each_entry(config, noun, [&](auto& spec) { complete(config, noun, spec); });
    });
}

}  // namespace xgre
