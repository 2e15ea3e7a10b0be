// SPDX-License-Identifier: GPL-2.0-only
// Which maps there are, and what is in one.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "loader/instance_state.h"
#include "loader/map_plan.h"
#include "loader/map_text.h"
#include "loader/map_walk.h"
#include "loader/nearest.h"
#include "xgre/error.h"
#include "xgre/map.h"

namespace xgre {
namespace {

constexpr auto kMapFlags = std::to_array<NumberName>({
    {BPF_F_NO_PREALLOC, "no-prealloc"},
    {BPF_F_NO_COMMON_LRU, "no-common-lru"},
    {BPF_F_NUMA_NODE, "numa-node"},
    {BPF_F_RDONLY, "rdonly"},
    {BPF_F_WRONLY, "wronly"},
    {BPF_F_ZERO_SEED, "zero-seed"},
    {BPF_F_RDONLY_PROG, "rdonly-prog"},
    {BPF_F_WRONLY_PROG, "wronly-prog"},
    {BPF_F_MMAPABLE, "mmapable"},
});

bool is_zero(const std::byte* bytes, std::size_t length) {
    return std::all_of(bytes, bytes + length, [](std::byte byte) { return byte == std::byte{}; });
}

[[noreturn]] void throw_unknown(const std::string& object, const std::string& whose,
                                std::string_view word, const std::vector<std::string>& names) {
    std::string cause = whose + " of this name";
    if (const auto meant = nearest(word, names)) cause += fmt::format(", `{}` is near", *meant);
    throw Error{object, cause, fmt::format("name one of {}", fmt::join(names, ", "))};
}

// ---- The maps -------------------------------------------------------------------------------

std::optional<std::uint64_t> count_used(const MapWalk& walk, const MapPlan& plan) {
    if (walk.is_per_cpu() || walk.is_stream() || plan.has_hidden) return std::nullopt;
    std::uint64_t used = 0;
    walk.for_each([&](const std::byte*, const std::byte* value) {
        if (!walk.is_array() || !is_zero(value, walk.value_stride())) ++used;
    });
    return used;
}

MapDescription describe(const MapView& map) {
    const MapWalk walk{map};
    const bpf_map_info& info = walk.info();
    const MapPlan plan = plan_map(map.name(), info, load_types(info, map.name()));
    MapDescription description;
    description.map = map_info(map);
    description.id = info.id;
    const char* const type = libbpf_bpf_map_type_str(static_cast<bpf_map_type>(info.type));
    description.type = type == nullptr ? fmt::format("#{}", info.type) : type;
    description.key = name_of_type(plan.types.get(), info.btf_key_type_id);
    description.value = name_of_type(plan.types.get(), info.btf_value_type_id);
    description.key_size = info.key_size;
    description.value_size = info.value_size;
    description.used = count_used(walk, plan);
    for (const NumberName& flag : kMapFlags)
        if ((info.map_flags & flag.number) != 0) description.flags.emplace_back(flag.name);
    return description;
}

MapView find_map(const Datapath& datapath, const std::string& name) {
    const auto found = datapath.maps().find(name);
    if (found != datapath.maps().end()) return MapView{found->second.get(), name};
    std::vector<std::string> names;
    for (const auto& [known, fd] : datapath.maps())
        names.push_back(known);
    throw_unknown("map " + name, "the instance has none", name, names);
}

// ---- Its entries ----------------------------------------------------------------------------

class EntryReader {
public:
    EntryReader(const Instance::State& state, const MapView& map, const MapQuery& query,
                const MapVisitor& visit)
        : walk_{map},
          plan_{plan_map(map.name(), walk_.info(), load_types(walk_.info(), map.name()))},
          names_{MapNames::of(state)},
          visit_{visit},
          skips_zeros_{walk_.is_array() && !plan_.has_hidden && !query.all},
          adds_up_{walk_.is_per_cpu() && plan_.only_counters && !query.per_cpu},
          text_{names_, query.format, values_},
          filter_text_{names_, MapFormat::text, words_} {
        if (query.per_cpu && !walk_.is_per_cpu())
            throw Error{"map " + map.name(), "it has no values for each CPU",
                        "leave --per-cpu away"};
        if (walk_.is_per_cpu() && !adds_up_) add_cpu(plan_.fields);
        set_filters(map.name(), query.filters);
        fields_ = plan_.fields;
        if (query.raw) {
            fields_ = plan_raw(walk_.info());
            if (walk_.is_per_cpu() && !adds_up_) add_cpu(fields_);
        }
        for (const PlannedField& field : fields_)
            shown_.push_back({field.name, {}, is_written_as_number(field.show) && !field.is_list});
        ends_.resize(fields_.size());
    }

    void read() {
        walk_.for_each([this](const std::byte* key, const std::byte* value) { take(key, value); });
    }

private:
    struct Filter {
        PlannedField field;
        std::string pattern;
    };

    // Behind the key.
    static void add_cpu(std::vector<PlannedField>& fields) {
        const auto value = std::ranges::find(fields, Part::value, &PlannedField::part);
        fields.insert(value, cpu_field());
    }

    void set_filters(const std::string& map, const std::vector<MapFilter>& filters) {
        for (const MapFilter& filter : filters) {
            const auto found = std::ranges::find(plan_.fields, filter.field, &PlannedField::name);
            if (found == plan_.fields.end()) {
                std::vector<std::string> names;
                for (const PlannedField& field : plan_.fields)
                    names.push_back(field.name);
                throw_unknown("field " + filter.field, "map " + map + " has none", filter.field,
                              names);
            }
            filters_.push_back({*found, filter.pattern});
        }
    }

    void take(const std::byte* key, const std::byte* value) {
        if (!walk_.is_per_cpu()) return show(key, value, 0);
        const std::size_t stride = walk_.value_stride();
        if (adds_up_) return show(key, add_up(value), 0);
        for (std::uint32_t cpu = 0; cpu < walk_.cpus(); ++cpu)
            show(key, value + cpu * stride, cpu);
    }

    // Over all CPUs. The value consists of 64-bit numbers.
    const std::byte* add_up(const std::byte* values) {
        const std::size_t words = walk_.value_stride() / sizeof(std::uint64_t);
        sums_.assign(words, 0);
        for (std::size_t i = 0; i < words * walk_.cpus(); ++i) {
            std::uint64_t word = 0;
            std::memcpy(&word, values + i * sizeof(word), sizeof(word));
            sums_[i % words] += word;
        }
        return reinterpret_cast<const std::byte*>(sums_.data());
    }

    void show(const std::byte* key, const std::byte* value, std::uint32_t cpu) {
        if (skips_zeros_ && is_zero(value, walk_.value_stride())) return;
        const Parts parts{key, value, reinterpret_cast<const std::byte*>(&cpu)};
        if (!matches(parts)) return;
        values_.clear();
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            text_.write(fields_[i], parts);
            ends_[i] = values_.size();
        }
        std::size_t begin = 0;
        for (std::size_t i = 0; i < fields_.size(); ++i) {
            shown_[i].value = {values_.data() + begin, ends_[i] - begin};
            begin = ends_[i];
        }
        visit_(shown_);
    }

    bool matches(const Parts& parts) {
        return std::ranges::all_of(filters_, [&](const Filter& filter) {
            words_.clear();
            filter_text_.write(filter.field, parts);
            words_.push_back('\0');
            return ::fnmatch(filter.pattern.c_str(), words_.data(), FNM_CASEFOLD) == 0;
        });
    }

    MapWalk walk_;
    MapPlan plan_;
    MapNames names_;
    const MapVisitor& visit_;
    bool skips_zeros_;
    bool adds_up_;
    fmt::memory_buffer values_;
    fmt::memory_buffer words_;
    MapText text_;
    MapText filter_text_;
    std::vector<Filter> filters_;
    std::vector<PlannedField> fields_;
    std::vector<MapField> shown_;
    std::vector<std::size_t> ends_;  // of the values in values_
    std::vector<std::uint64_t> sums_;
};

}  // namespace

std::vector<MapDescription> describe_maps(const Session& session) {
    const Instance::State state{session, std::nullopt};
    std::vector<MapDescription> descriptions;
    for (const auto& [name, fd] : state.datapath.maps())
        descriptions.push_back(describe(MapView{fd.get(), name}));
    return descriptions;
}

void for_each_entry(const Session& session, const std::string& map, const MapQuery& query,
                    const MapVisitor& visit) {
    const Instance::State state{session, std::nullopt};
    const MapView view = find_map(state.datapath, map);
    EntryReader{state, view, query, visit}.read();
}

}  // namespace xgre
