// SPDX-License-Identifier: GPL-2.0-only
// Where in a map's entries each field is, and how it is shown: worked out once for a map, from the
// types that it was made with (BTF).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <bpf/btf.h>

#include "loader/map.h"
#include "loader/map_shown.h"

namespace xgre {

struct FreeTypes {
    void operator()(btf* types) const noexcept { btf__free(types); }
};
using Types = std::unique_ptr<btf, FreeTypes>;

// The types that a map was made with; none when it has none. Throws Error.
Types load_types(const bpf_map_info& info, const std::string& map);
// Of a key or a value. Empty: there are no types, or this one has no name.
std::string name_of_type(const btf* types, std::uint32_t id);

// What an entry consists of.
enum class Part : std::uint8_t { key, value, cpu };
using Parts = std::array<const std::byte*, 3>;  // by Part

// An unsigned number beside the field.
struct Beside {
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
};

struct PlannedField {
    std::string name;
    Part part = Part::value;
    Show show = Show::number;
    std::uint32_t offset = 0;  // bytes into the part
    std::uint32_t size = 0;    // bytes, of one element
    std::uint32_t count = 1;   // elements
    bool is_list = false;
    bool big_endian = false;
    std::uint32_t shift = 0;  // of a bit field
    std::uint32_t bits = 0;   // likewise; 0: it is none
    std::optional<Beside> by;
    std::uint64_t mask = 0;
    std::vector<NumberName> names;  // they live as long as the plan's types

    std::uint32_t bytes() const { return size * count; }
};

struct MapPlan {
    Types types;
    std::vector<PlannedField> fields;  // of the key, then of the value
    bool only_counters = false;        // the value consists of unsigned 64-bit numbers
    bool has_hidden = false;           // user space is not let read all of it
};

MapPlan plan_map(const std::string& map, const bpf_map_info& info, Types types);
// The bytes of an entry as they are.
std::vector<PlannedField> plan_raw(const bpf_map_info& info);
// The number of a CPU in Part::cpu.
PlannedField cpu_field();

}  // namespace xgre
