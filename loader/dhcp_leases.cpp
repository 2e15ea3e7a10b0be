// SPDX-License-Identifier: GPL-2.0-only
#include "loader/dhcp_leases.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <set>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "xgre/number.h"

namespace xgre {
namespace {

using std::chrono::system_clock;

constexpr std::size_t kFields = 5;
constexpr std::size_t kLongestClientId = 255 * 3;  // a DHCP option's bytes, in hexadecimal
constexpr std::size_t kLongestName = 255;

bool is_name(std::string_view text) {
    return text.size() <= kLongestName && std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_' || c == '.';
           });
}

// `xx:xx:...`, also of no byte.
bool is_bytes(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool separator = i % 3 == 2;
        if (separator ? text[i] != ':' : !parse_hex_digit(text[i])) return false;
    }
    return text.size() % 3 != 1 && !text.ends_with(':');
}

// Other hardware than Ethernet has its number in front: `06-00:53:...`. The client says what it
// has, so any of it may be in the file.
bool is_hardware_address(std::string_view text) {
    if (text.size() >= 3 && text[2] == '-') {
        return parse_hex_digit(text[0]) && parse_hex_digit(text[1]) && is_bytes(text.substr(3));
    }
    return !text.empty() && is_bytes(text);
}

// Seconds since 1970; 0 is a lease without end.
std::optional<system_clock::time_point> parse_expiry(std::string_view text) {
    constexpr auto latest = std::chrono::floor<std::chrono::seconds>(
        system_clock::time_point::max().time_since_epoch());
    std::int64_t seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (seconds < 0 || seconds > latest.count()) return std::nullopt;
    if (seconds == 0) return system_clock::time_point::max();
    return system_clock::time_point{std::chrono::seconds{seconds}};
}

std::optional<std::array<std::string_view, kFields>> fields_of(std::string_view line) {
    std::array<std::string_view, kFields> fields;
    for (std::size_t i = 0; i < kFields; ++i) {
        const bool last = i + 1 == kFields;
        const std::size_t space = line.find(' ');
        if (last != (space == std::string_view::npos)) return std::nullopt;
        fields.at(i) = line.substr(0, space);
        if (fields.at(i).empty()) return std::nullopt;
        if (!last) line.remove_prefix(space + 1);
    }
    return fields;
}

std::optional<LeaseLine> parse_line(std::string_view line) {
    const auto fields = fields_of(line);
    if (!fields) return std::nullopt;
    const auto& [expiry_text, hardware, address_text, name, client_id] = *fields;
    const auto expiry = parse_expiry(expiry_text);
    const auto address = Ip4Addr::parse(address_text);
    const bool well_formed =
        expiry && address && is_hardware_address(hardware) && (name == "*" || is_name(name)) &&
        (client_id == "*" || (client_id.size() <= kLongestClientId && is_bytes(client_id)));
    if (!well_formed) return std::nullopt;
    return LeaseLine{std::string{line}, *expiry, Mac::parse(hardware), *address,
                     name == "*" ? std::string{} : std::string{name}};
}

// A line whose newline is missing may have lost the end of the field that it ends in, but what a
// space follows is whole. Expiry, MAC and address are a lease: without its client id it is found
// by the MAC.
std::optional<LeaseLine> parse_cut_line(std::string_view line) {
    const std::size_t last_space = line.rfind(' ');
    if (last_space == std::string_view::npos) return std::nullopt;
    const std::string_view whole = line.substr(0, last_space);
    const auto fields = std::ranges::count(whole, ' ') + 1;
    return parse_line(fmt::format("{}{}", whole, fields == 3 ? " * *" : " *"));
}

}  // namespace

std::string LeaseFile::text() const {
    std::string all;
    for (const LeaseLine& lease : leases) {
        all += lease.text;
        all += '\n';
    }
    return all;
}

LeaseFile parse_leases(std::string_view text) {
    LeaseFile file;
    std::set<Ip4Addr> addresses;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const bool cut = end == std::string_view::npos;
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(cut ? text.size() : end + 1);
        auto lease = cut ? parse_cut_line(line) : parse_line(line);
        const bool kept = lease && addresses.insert(lease->address).second;
        if (cut || !kept) ++file.damaged;
        if (kept) file.leases.push_back(std::move(*lease));
    }
    return file;
}

}  // namespace xgre
