// SPDX-License-Identifier: GPL-2.0-only
#include "loader/map_text.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include <nlohmann/json.hpp>

#include "loader/abi_text.h"
#include "loader/clock.h"
#include "loader/outer_header.h"
#include "loader/row_address.h"
#include "xgre/cpu_set.h"

namespace xgre {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kMillisecond = 1'000'000;

template <typename T>
T load(const std::byte* at) {
    T value{};
    std::memcpy(&value, at, sizeof(value));
    return value;
}

std::uint64_t load_number(const std::byte* at, std::uint32_t size, bool big_endian) {
    std::array<std::uint8_t, sizeof(std::uint64_t)> bytes{};
    const std::size_t length = std::min<std::size_t>(size, bytes.size());
    std::memcpy(bytes.data(), at, length);
    if ((std::endian::native == std::endian::big) != big_endian)
        std::reverse(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
    return load<std::uint64_t>(reinterpret_cast<const std::byte*>(bytes.data()));
}

std::uint64_t load_beside(const PlannedField& field, const std::byte* part) {
    return field.by ? load_number(part + field.by->offset, field.by->size, false) : 0;
}

std::int64_t with_sign(std::uint64_t number, std::uint32_t size) {
    const std::uint32_t unused = 64 - 8 * std::clamp(size, 1U, 8U);
    return static_cast<std::int64_t>(number << unused) >> unused;
}

char hex_digit(unsigned int digit) {
    return "0123456789abcdef"[digit & 0xf];
}

}  // namespace

std::string json_string(std::string_view text) {
    return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// ---- Names ----------------------------------------------------------------------------------

MapNames::Name MapNames::named(const std::string& text) {
    return {text, json_string(text)};
}

MapNames MapNames::of(const Instance::State& state) {
    MapNames names;
    names.now = monotonic_ns();
    for (const auto& [id, network] : state.networks())
        names.networks.emplace(id, named(text_of(network.name)));
    for (const auto& [id, peer] : state.peers())
        names.peers.emplace(id, named(remote_of(peer).format()));
    for (const auto& [ifindex, port] : state.ports()) {
        names.ports.emplace(ifindex, named(text_of(port.name)));
        names.slots.emplace(port.slot, named(text_of(port.name)));
    }
    // As the kernel calls them now; those that are gone, as their rows do.
    const auto scope = state.enter();
    for (const LinkInfo& link : NlSocket::open().list_links())
        names.devices.emplace(static_cast<std::uint32_t>(link.index), named(link.name));
    names.devices.emplace(state.uplink.ifindex, named(text_of(state.uplink.name)));
    names.devices.insert(names.ports.begin(), names.ports.end());
    return names;
}

// ---- Values ---------------------------------------------------------------------------------

void MapText::write(const PlannedField& field, const Parts& parts) {
    const std::byte* const part = parts.at(static_cast<std::size_t>(field.part));
    if (field.is_list) return write_list(field, part);
    if (!is_of_numbers(field.show)) return write_bytes(field, part);
    std::uint64_t number = load_number(part + field.offset, field.size, field.big_endian);
    if (field.bits != 0 && field.bits < 64)
        number = number >> field.shift & ((std::uint64_t{1} << field.bits) - 1);
    write_number(field, part, number);
}

void MapText::write_list(const PlannedField& field, const std::byte* part) {
    const std::uint64_t count =
        field.by ? std::min<std::uint64_t>(field.count, load_beside(field, part)) : field.count;
    if (json_) append("[");
    bool first = true;
    for (std::uint64_t i = 0; i < count; ++i) {
        next_element(first);
        write_number(
            field, part,
            load_number(part + field.offset + i * field.size, field.size, field.big_endian));
    }
    if (json_) return append("]");
    if (first) nothing();
}

void MapText::write_number(const PlannedField& field, const std::byte* part, std::uint64_t value) {
    switch (field.show) {
        case Show::number:
            return number(value);
        case Show::signed_number: {
            const std::int64_t signed_value = with_sign(value, field.size);
            if (signed_value < 0) append("-");
            return number(signed_value < 0 ? 0 - static_cast<std::uint64_t>(signed_value)
                                           : static_cast<std::uint64_t>(signed_value));
        }
        case Show::yes_no:
            return yes_no(value != 0);
        case Show::hex:
            return hex(value, field.size * 2);
        case Show::device:
            return name_or_number(names_.devices, value);
        case Show::network:
            return name_or_number(names_.networks, value);
        case Show::peer:
            return name_or_number(names_.peers, value);
        case Show::port: {
            const auto found = names_.slots.find(static_cast<std::uint32_t>(value));
            if (found == names_.slots.end()) return nothing();
            return append(json_ ? found->second.json : found->second.text);
        }
        case Show::gre_key:
            return (load_beside(field, part) & field.mask) == 0 ? nothing() : number(value);
        case Show::word:
            return write_word(field.names, value);
        case Show::flags:
            return write_flags(field, value);
        case Show::age:
            if (value == 0) return nothing();
            return seconds(names_.now > value ? names_.now - value : 0);
        case Show::left:
            if (value == 0) return nothing();
            return value < names_.now ? seconds(names_.now - value, true)
                                      : seconds(value - names_.now);
        case Show::duration:
            return seconds(value);
        case Show::learned_kind:
        case Show::learned_name:
            if (value < XGRE_MAX_PORTS) {
                if (field.show == Show::learned_kind) return quoted("port");
                return name_or_number(names_.slots, value);
            }
            if (field.show == Show::learned_kind) return quoted("peer");
            return name_or_number(names_.peers, value - XGRE_MAX_PORTS);
        case Show::counter_program:
            return write_word(names_of_enum("xgre_program"), value / XGRE_VERDICT_ROOM);
        case Show::counter_verdict:
            return write_word(names_of_enum("xgre_verdict"), value % XGRE_VERDICT_ROOM);
        case Show::flow_target:
            return name_or_number(
                load_beside(field, part) == XGRE_TO_PORT ? names_.devices : names_.peers, value);
        default:
            return write_owner(field.show, value);
    }
}

void MapText::write_owner(Show show, std::uint64_t owner) {
    const std::uint64_t kind = owner & XGRE_OWNER_KIND_MASK;
    const bool is_port = kind == XGRE_OWNER_PORT;
    switch (show) {
        case Show::owner_kind:
            if (kind == XGRE_OWNER_DEAD) return quoted("dead");
            if (kind == XGRE_OWNER_PEER) return quoted("peer");
            return is_port ? quoted("port") : nothing();
        case Show::owner_name:
            if (kind == XGRE_OWNER_PEER) return name_or_number(names_.peers, owner & UINT32_MAX);
            return is_port ? name_or_number(names_.ports, owner & UINT32_MAX) : nothing();
        case Show::owner_slot:
            return is_port ? number(owner >> XGRE_OWNER_SLOT_SHIFT & UINT16_MAX) : nothing();
        default:
            return yes_no((owner & XGRE_OWNER_STATIC) != 0);
    }
}

void MapText::write_flags(const PlannedField& field, std::uint64_t flags) {
    bool first = true;
    if (json_) append("[");
    for (const NumberName& name : field.names) {
        if ((flags & name.number) == 0) continue;
        next_element(first);
        quoted(name.name);
        flags &= ~name.number;
    }
    if (flags != 0) {  // of a newer tool
        next_element(first);
        hex(flags, 1);
    }
    if (json_) return append("]");
    if (first) nothing();
}

void MapText::write_word(const NumberNames& names, std::uint64_t value) {
    const auto found = std::ranges::find(names, value, &NumberName::number);
    if (found == names.end()) return quoted(fmt::format("#{}", value));
    any_text(found->name);
}

void MapText::write_bytes(const PlannedField& field, const std::byte* part) {
    const std::byte* const at = part + field.offset;
    const std::uint32_t most = field.bytes();
    switch (field.show) {
        case Show::text: {
            const auto* const text = reinterpret_cast<const char*>(at);
            return any_text({text, ::strnlen(text, most)});
        }
        case Show::mac: {
            if (std::all_of(at, at + most, [](std::byte byte) { return byte == std::byte{}; }))
                return nothing();
            std::string_view quote = json_ ? "\"" : "";
            append(quote);
            for (std::uint32_t i = 0; i < most; ++i) {
                if (i != 0) out_.push_back(':');
                out_.push_back(hex_digit(std::to_integer<unsigned int>(at[i]) >> 4));
                out_.push_back(hex_digit(std::to_integer<unsigned int>(at[i])));
            }
            return append(quote);
        }
        case Show::ip4:
        case Show::ip6:
        case Show::address:
            return write_address(field, part);
        case Show::cpu_set: {
            if (most != sizeof(CpuSet::Words)) return nothing();
            const std::string text = CpuSet{load<CpuSet::Words>(at)}.format();
            return text.empty() ? nothing() : quoted(text);
        }
        case Show::kernels_own:
            return quoted("the kernel's own");
        default:
            break;
    }
    const std::uint64_t length =
        field.by ? std::min<std::uint64_t>(most, load_beside(field, part)) : most;
    if (length == 0) return nothing();
    const std::string_view quote = json_ ? "\"" : "";
    append(quote);
    for (std::uint64_t i = 0; i < length; ++i) {
        out_.push_back(hex_digit(std::to_integer<unsigned int>(at[i]) >> 4));
        out_.push_back(hex_digit(std::to_integer<unsigned int>(at[i])));
    }
    append(quote);
}

void MapText::write_address(const PlannedField& field, const std::byte* part) {
    const std::byte* const at = part + field.offset;
    xgre_addr row{};
    std::memcpy(&row, at, std::min<std::size_t>(sizeof(row), field.bytes()));
    const bool has_rest = (row.word[1] | row.word[2] | row.word[3]) != 0;
    if (row.word[0] == 0 && !has_rest) return nothing();
    bool ip6 = field.show == Show::ip6;
    if (field.show == Show::address)
        ip6 = field.by ? (load_beside(field, part) & field.mask) != 0 : has_rest;
    quoted(from_row(row, ip6).format());
}

// ---- Text and JSON --------------------------------------------------------------------------

void MapText::number(std::uint64_t number) {
    const fmt::format_int digits{number};
    out_.append(digits.data(), digits.data() + digits.size());
}

void MapText::seconds(std::uint64_t ns, bool negative) {
    if (negative) out_.push_back('-');
    number(ns / kSecond);
    const auto rest = static_cast<unsigned int>(ns % kSecond / kMillisecond);
    out_.push_back('.');
    out_.push_back(static_cast<char>('0' + rest / 100));
    out_.push_back(static_cast<char>('0' + rest / 10 % 10));
    out_.push_back(static_cast<char>('0' + rest % 10));
}

void MapText::hex(std::uint64_t number, std::uint32_t digits) {
    const std::string_view quote = json_ ? "\"" : "";
    fmt::format_to(fmt::appender{out_}, "{}0x{:0{}x}{}", quote, number, digits, quote);
}

void MapText::yes_no(bool yes) {
    if (json_) return append(yes ? "true" : "false");
    append(yes ? "on" : "off");
}

void MapText::quoted(std::string_view text) {
    if (!json_) return append(text);
    out_.push_back('"');
    append(text);
    out_.push_back('"');
}

void MapText::any_text(std::string_view text) {
    if (json_) return append(json_string(text));
    text.empty() ? nothing() : append(text);
}

void MapText::name_or_number(const MapNames::Table& table, std::uint64_t number) {
    const auto found = table.find(static_cast<std::uint32_t>(number));
    if (found != table.end()) return append(json_ ? found->second.json : found->second.text);
    if (number == 0) return nothing();
    quoted(fmt::format("#{}", number));
}

void MapText::next_element(bool& first) {
    if (!first) append(",");
    first = false;
}

}  // namespace xgre
