// SPDX-License-Identifier: GPL-2.0-only
// The pinned maps of an instance, and what is in them in xgre's own terms. Reads only: nothing is
// counted, changed or locked.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "xgre/instance.h"
#include "xgre/session.h"

namespace xgre {

struct MapDescription {
    MapInfo map;                   // name, room and memory, as Instance::show() has them
    std::uint32_t id = 0;          // the kernel's number
    std::string type;              // as bpftool calls it: "hash", "percpu_array"
    std::string key;               // name of its type; empty: the map does not tell
    std::string value;             // likewise
    std::uint32_t key_size = 0;    // bytes
    std::uint32_t value_size = 0;  // bytes, of one CPU
    // Entries; of an array those that are not all zero. None: not counted, or not to be read.
    std::optional<std::uint64_t> used;
    std::vector<std::string> flags;  // "no-prealloc"
};

// All maps, by name. Counts what is in them. Throws Error when there is no such instance, when it
// is of another version, and without privilege.
std::vector<MapDescription> describe_maps(const Session& session);

// Entries whose field is shown as what the shell pattern matches, in either case.
struct MapFilter {
    std::string field;
    std::string pattern;
};

enum class MapFormat : std::uint8_t {
    text,  // as tables have it; of nothing "-"
    json,  // JSON values
};

struct MapQuery {
    std::vector<MapFilter> filters;  // all of them have to match
    bool all = false;                // of arrays, also entries that are all zero
    bool per_cpu = false;            // of counters, an entry for each CPU and not the sum
    bool raw = false;                // key and value as hexadecimal bytes
    MapFormat format = MapFormat::text;
};

// Valid only while the visitor runs.
struct MapField {
    std::string_view name;
    std::string_view value;  // in the query's format
    bool is_number = false;  // or nothing, in a field of numbers
};

// Called once for each entry; the fields are always the same ones, in the same order.
using MapVisitor = std::function<void(std::span<const MapField> fields)>;

// Reads the map once from its beginning to its end, and holds a few hundred entries at a time. Of a
// map that changes meanwhile, what stays comes exactly once; what comes, goes or moves may or may
// not be there, and is no error. Ages are as of the beginning. Throws Error as describe_maps(), for
// a name that is no map's and for a field that is not there, each with the names there are.
void for_each_entry(const Session& session, const std::string& map, const MapQuery& query,
                    const MapVisitor& visit);

}  // namespace xgre
