// SPDX-License-Identifier: GPL-2.0-only
// How fields of maps are shown. What is not in this table is shown by its type alone.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace xgre {

enum class Show : std::uint8_t {
    // Of numbers; of an array of them, a list.
    number,
    signed_number,
    yes_no,
    hex,
    device,    // an ifindex as the device's name
    network,   // an id as the network's name
    peer,      // an id as the peer's address
    port,      // a slot as the device's name
    gre_key,   // `by` & `mask`: there is one
    word,      // an enum: its name
    flags,     // the names of the bits
    age,       // CLOCK_MONOTONIC, ns, of something that was: seconds since
    left,      // ... of something that will be: seconds until
    duration,  // ns as seconds
    owner_kind,
    owner_name,
    owner_slot,
    owner_static,
    learned_kind,     // an index of `learned`
    learned_name,     // likewise
    counter_program,  // an index of `counters`
    counter_verdict,  // likewise
    flow_target,      // `by`: the verdict
    // Of bytes.
    text,     // up to its zero
    bytes,    // hexadecimal; `by`: so many of them
    mac,      //
    ip4,      //
    ip6,      //
    address,  // `by` & `mask`: of IPv6. Without `by`: it is of IPv4 when the rest is zero
    cpu_set,
    kernels_own,  // what user space is not let read
};

// Is a number shown as this, or an array of numbers as a list of it?
constexpr bool is_of_numbers(Show show) {
    return show < Show::text;
}

// Is it written as a number, or as nothing?
bool is_written_as_number(Show show);

struct NumberName {
    std::uint64_t number;
    std::string_view name;
};
using NumberNames = std::span<const NumberName>;

// A row of the table: a field may have several, and is shown once for each.
struct Shown {
    std::string_view type;   // of BTF; or the map's name, when key or value is no struct
    std::string_view field;  // then "key" or "value"
    std::string_view name;   // what it is called
    Show show;
    std::string_view by = {};  // another field of the struct: of `port` in `flood`, how many
    std::uint64_t mask = 0;
    std::string_view names = {};  // of `word` and `flags`: an enum's name in abi.h
};

std::span<const Shown> all_shown();
std::vector<Shown> find_shown(std::string_view type, std::string_view field);

// Of an enum of abi.h, by its name there; none when it has no texts.
NumberNames names_of_enum(std::string_view name);

}  // namespace xgre
