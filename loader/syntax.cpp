// SPDX-License-Identifier: GPL-2.0-only
#include "xgre/syntax.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "xgre/abi.h"
#include "xgre/number.h"

namespace xgre {
namespace {

constexpr std::size_t kLongestName = XGRE_NAME_LEN - 1;
constexpr std::size_t kLongestFileName = 255;
constexpr std::uint32_t kLeastMtu = 68;  // RFC 791
constexpr std::uint32_t kMostMtu = 65535;
constexpr std::uint32_t kLongestAgeing = 1000000;
constexpr std::uint32_t kShortestLease = 120;            // dnsmasq takes no less
constexpr std::uint32_t kLongestLease = UINT32_MAX - 1;  // all ones is "for ever"

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// 1..longest of letters, digits and `others`.
bool is_name(std::string_view text, std::size_t longest, std::string_view others) {
    return !text.empty() && text.size() <= longest &&
           std::all_of(text.begin(), text.end(), [others](char c) {
               return is_letter_or_digit(c) || others.find(c) != std::string_view::npos;
           });
}

// As the kernel takes a device's name: dev_valid_name() of net/core/dev.c.
bool is_device_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName && text != "." && text != ".." &&
           std::none_of(text.begin(), text.end(), [](char c) {
               return c == '/' || c == ':' || c == ' ' || (c >= '\t' && c <= '\r');
           });
}

bool is_file_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestFileName && text != "." && text != ".." &&
           text.find('/') == std::string_view::npos;
}

// The two sides of the first `separator`; nullopt without one.
std::optional<std::pair<std::string_view, std::string_view>> split(std::string_view text,
                                                                   char separator) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) return std::nullopt;
    return std::pair{text.substr(0, at), text.substr(at + 1)};
}

std::optional<AddressRange> parse_range(std::string_view text) {
    const auto sides = split(text, '-');
    if (!sides) return std::nullopt;
    const auto first = Ip4Addr::parse(sides->first);
    const auto last = Ip4Addr::parse(sides->second);
    if (!first || !last || *last < *first) return std::nullopt;
    return AddressRange{*first, *last};
}

std::optional<DhcpHost> parse_host(std::string_view text) {
    const auto sides = split(text, '=');
    if (!sides) return std::nullopt;
    const auto mac = Mac::parse(sides->first);
    const auto address = Ip4Addr::parse(sides->second);
    if (!mac || !address) return std::nullopt;
    return DhcpHost{*mac, *address};
}

std::optional<TcHook> parse_tc_hook(std::string_view text) {
    if (text == "auto") return TcHook::automatic;
    if (text == "tcx") return TcHook::tcx;
    if (text == "clsact") return TcHook::clsact;
    return std::nullopt;
}

std::optional<XdpUse> parse_xdp(std::string_view text) {
    if (text == "auto") return XdpUse::automatic;
    if (text == "on") return XdpUse::on;
    if (text == "off") return XdpUse::off;
    return std::nullopt;
}

std::optional<Spread> parse_spread(std::string_view text) {
    if (text == "auto") return Spread{SpreadMode::automatic, {}};
    if (text == "off") return Spread{SpreadMode::off, {}};
    if (text == "all") return Spread{SpreadMode::all, {}};
    const auto cpus = CpuSet::parse(text);
    if (!cpus) return std::nullopt;
    return Spread{SpreadMode::list, *cpus};
}

std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t least,
                                          std::uint32_t most) {
    const auto number = parse_decimal(text, most);
    if (!number || *number < least) return std::nullopt;
    return number;
}

std::optional<std::chrono::milliseconds> parse_interval(std::string_view text) {
    constexpr double kLeast = 0.1;
    constexpr double kMost = 86400;
    double seconds = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, seconds, std::chars_format::fixed);
    if (error != std::errc{} || rest != end) return std::nullopt;
    if (seconds >= kLeast && seconds <= kMost) {  // a NaN is not
        return std::chrono::milliseconds{static_cast<std::int64_t>(seconds * 1000)};
    }
    return std::nullopt;
}

template <typename Parse>
auto parse_or(std::string_view word, std::string_view text, Parse parse)
    -> std::optional<OrNone<typename decltype(parse(text))::value_type>> {
    using Value = OrNone<typename decltype(parse(text))::value_type>;
    if (text == word) return Value{};
    const auto value = parse(text);
    if (!value) return std::nullopt;
    return Value{value};
}

std::optional<std::uint8_t> parse_byte(std::string_view text) {
    const auto number = parse_decimal(text, UINT8_MAX);
    if (!number) return std::nullopt;
    return static_cast<std::uint8_t>(*number);
}

// RFC 8200 section 3.
std::optional<std::uint32_t> parse_flow_label(std::string_view text) {
    constexpr std::uint32_t kMost = 0xfffff;
    const auto number = parse_decimal(text, kMost);
    return number ? number : parse_prefixed_hex(text, kMost);
}

std::optional<DontFragment> parse_df(std::string_view text) {
    if (text == "set") return DontFragment::set;
    if (text == "unset") return DontFragment::unset;
    if (text == "inherit") return DontFragment::inherit;
    return std::nullopt;
}

std::optional<NetworkMode> parse_mode(std::string_view text) {
    if (text == "gre") return NetworkMode::gre;
    if (text == "nvgre") return NetworkMode::nvgre;
    return std::nullopt;
}

Syntax<std::string> name_syntax(std::string is_a, std::string give, std::string offers,
                                std::function<bool(std::string_view)> accepts) {
    return {"NAME", std::move(is_a), std::move(give),
            [accepts = std::move(accepts)](std::string_view text) -> std::optional<std::string> {
                if (!accepts(text)) return std::nullopt;
                return std::string{text};
            },
            std::move(offers)};
}

}  // namespace

Syntax<Mac> mac_syntax() {
    return {"MAC", "a MAC address", "six bytes in hexadecimal, like 02:00:00:00:00:01", Mac::parse,
            "<mac>"};
}

Syntax<IpAddr> address_syntax() {
    return {"ADDR", "an IP address", "one like 198.18.0.1 or 2001:db8:1::1", IpAddr::parse,
            "<peer>"};
}

Syntax<OrNone<GreKey>> key_or_none_syntax() {
    return {"N|none", "a GRE key", "0..4294967295, decimal or hexadecimal after 0x, or none",
            [](std::string_view text) { return parse_or("none", text, GreKey::parse); }, "none"};
}

Syntax<OrNone<std::uint8_t>> byte_or_syntax(const std::string& word) {
    return {"N|" + word, "a number from 0 to 255", "a decimal number in that range, or " + word,
            [word](std::string_view text) { return parse_or(word, text, parse_byte); }, word};
}

Syntax<OrNone<std::uint32_t>> flow_label_syntax() {
    return {"N|inherit", "a flow label",
            "a number up to 1048575, 0x in front of hexadecimal, or inherit",
            [](std::string_view text) { return parse_or("inherit", text, parse_flow_label); },
            "inherit"};
}

Syntax<DontFragment> df_syntax() {
    return {"HOW", "a way to set \"don't fragment\"", "set, unset or inherit", parse_df,
            "set|unset|inherit"};
}

Syntax<NetworkMode> mode_syntax() {
    return {"MODE", "a mode of a network", "gre or nvgre", parse_mode, "gre|nvgre"};
}

Syntax<Ip4Addr> ip4_syntax() {
    return {"ADDR", "an IPv4 address", "one like 198.18.0.1", Ip4Addr::parse};
}

Syntax<Subnet> subnet_syntax() {
    return {"CIDR", "an IPv4 subnet", "one like 192.0.2.0/24, with no bit set behind the prefix",
            Subnet::parse};
}

Syntax<GreKey> key_syntax() {
    return {"N", "a GRE key", "0..4294967295, decimal or hexadecimal after 0x", GreKey::parse};
}

Syntax<Vlan> vlan_syntax() {
    return {"N", "a VLAN", "0..4094, where 0 is untagged", Vlan::parse};
}

Syntax<AddressRange> range_syntax() {
    return {"A-B", "a range of addresses", "the lowest and the highest, like 192.0.2.10-192.0.2.99",
            parse_range};
}

Syntax<DhcpHost> host_syntax() {
    return {"MAC=ADDR", "a host's address", "a pair like 02:00:00:00:00:01=192.0.2.7", parse_host};
}

Syntax<TcHook> tc_syntax() {
    return {"HOOK", "a TC hook", "tcx, clsact or auto", parse_tc_hook, "auto|tcx|clsact"};
}

Syntax<XdpUse> xdp_syntax() {
    return {"USE", "a use of XDP", "auto, on or off", parse_xdp, "auto|on|off"};
}

Syntax<Spread> spread_syntax() {
    return {"CPUS", "a way to spread frames",
            fmt::format("off, auto, all, or CPUs as 0-3,5, up to {}", CpuSet::kMax), parse_spread,
            "auto|off|all"};
}

Syntax<std::optional<IpAddr>> vm_address_syntax() {
    return {"ADDR", "an address that a VM can have", "one like 192.0.2.7 or 2001:db8:2::7, or none",
            [](std::string_view text) -> std::optional<std::optional<IpAddr>> {
                if (text == "none") return std::optional<IpAddr>{};
                const auto address = parse_vm_address(text);
                if (!address) return std::nullopt;
                return address;
            },
            "none"};
}

Syntax<std::string> network_syntax() {
    return name_syntax("a network's name", "1..15 letters, digits, '_', '-' or '.'", "<network>",
                       [](std::string_view text) { return is_name(text, kLongestName, "_-."); });
}

Syntax<std::string> device_syntax() {
    return name_syntax("a device's name", "1..15 characters, none of them '/', ':' or a blank",
                       "<device>", is_device_name);
}

Syntax<std::string> instance_syntax() {
    return name_syntax("an instance's name", "1..15 letters, digits, '_' or '-'", "<instance>",
                       [](std::string_view text) { return is_name(text, kLongestName, "_-"); });
}

Syntax<std::string> netns_syntax() {
    return name_syntax("a namespace's name", "a name that `ip netns list` shows", "<netns>",
                       is_file_name);
}

Syntax<std::uint32_t> number_syntax(std::uint32_t least, std::uint32_t most) {
    return {"N", fmt::format("a number from {} to {}", least, most),
            "a decimal number in that range",
            [least, most](std::string_view text) { return parse_number(text, least, most); }};
}

Syntax<std::uint32_t> limit_syntax() {
    return {"N", fmt::format("a number of frames a second up to {}", XGRE_LIMIT_MOST),
            "a decimal number in that range, or none",
            [](std::string_view text) -> std::optional<std::uint32_t> {
                if (text == "none") return 0;
                return parse_number(text, 0, XGRE_LIMIT_MOST);
            },
            "none"};
}

Syntax<std::uint32_t> mtu_syntax() {
    return {"N|auto", fmt::format("a number from {} to {}", kLeastMtu, kMostMtu),
            "a decimal number in that range, or auto",
            [](std::string_view text) -> std::optional<std::uint32_t> {
                if (text == "auto") return 0;
                return parse_number(text, kLeastMtu, kMostMtu);
            },
            "auto"};
}

Syntax<std::uint32_t> fdb_size_syntax() {
    return number_syntax(1, XGRE_FDB_LIMIT);
}

Syntax<std::chrono::seconds> ageing_syntax() {
    return seconds_syntax(1, kLongestAgeing);
}

Syntax<std::chrono::seconds> lease_time_syntax() {
    return seconds_syntax(kShortestLease, kLongestLease);
}

Syntax<bool> switch_syntax() {
    return {"[on|off]", "on or off", "one of the two",
            [](std::string_view text) -> std::optional<bool> {
                if (text == "on" || text == "true") return true;  // true: an option alone
                if (text == "off" || text == "false") return false;
                return std::nullopt;
            },
            "on|off"};
}

Syntax<std::chrono::seconds> seconds_syntax(std::uint32_t least, std::uint32_t most) {
    return {"SECONDS", fmt::format("a number of seconds from {} to {}", least, most),
            "a decimal number in that range",
            [least, most](std::string_view text) -> std::optional<std::chrono::seconds> {
                const auto number = parse_number(text, least, most);
                if (!number) return std::nullopt;
                return std::chrono::seconds{*number};
            }};
}

Syntax<std::chrono::milliseconds> interval_syntax() {
    return {"[SECONDS]", "a time from 0.1 to 86400 seconds", "seconds, like 1 or 0.5",
            parse_interval};
}

Syntax<std::chrono::milliseconds> duration_syntax() {
    return {"SECONDS", "a time from 0.1 to 86400 seconds", "seconds, like 1 or 0.5",
            parse_interval};
}

}  // namespace xgre
