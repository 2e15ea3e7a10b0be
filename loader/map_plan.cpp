// SPDX-License-Identifier: GPL-2.0-only
#include "loader/map_plan.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace xgre {
namespace {

// Arrays of structs with more elements are shown as bytes.
constexpr std::uint32_t kMostStructs = 16;

// A type without its typedefs and qualifiers.
struct Resolved {
    std::uint32_t id = 0;
    const btf_type* type = nullptr;
    bool big_endian = false;
};

Resolved resolve(const btf* types, std::uint32_t id) {
    Resolved resolved{id, btf__type_by_id(types, id), false};
    while (resolved.type != nullptr &&
           (btf_is_mod(resolved.type) || btf_is_typedef(resolved.type))) {
        const std::string_view name = btf__name_by_offset(types, resolved.type->name_off);
        if (name == "__be16" || name == "__be32" || name == "__be64") resolved.big_endian = true;
        resolved.id = resolved.type->type;
        resolved.type = btf__type_by_id(types, resolved.id);
    }
    return resolved;
}

std::uint32_t size_of(const btf* types, std::uint32_t id) {
    return static_cast<std::uint32_t>(std::max<std::int64_t>(btf__resolve_size(types, id), 0));
}

// ---- Without types --------------------------------------------------------------------------

struct Word {
    std::string_view field;
    Part part;
    std::uint32_t offset;
};

// The kernel takes no types for these: struct bpf_devmap_val and bpf_cpumap_val of linux/bpf.h.
std::vector<Word> words_of(const bpf_map_info& info) {
    if (info.key_size != sizeof(std::uint32_t) || info.value_size != sizeof(bpf_devmap_val))
        return {};
    constexpr auto program = static_cast<std::uint32_t>(offsetof(bpf_devmap_val, bpf_prog));
    switch (info.type) {
        case BPF_MAP_TYPE_DEVMAP:
        case BPF_MAP_TYPE_DEVMAP_HASH:
            return {{"key", Part::key, 0},
                    {"ifindex", Part::value, 0},
                    {"program", Part::value, program}};
        case BPF_MAP_TYPE_CPUMAP:
            return {{"key", Part::key, 0},
                    {"queue", Part::value, 0},
                    {"program", Part::value, program}};
        default:
            return {};
    }
}
static_assert(sizeof(bpf_devmap_val) == sizeof(bpf_cpumap_val));

// ---- With types -----------------------------------------------------------------------------

class Planner {
public:
    Planner(const btf* types, std::string map, std::vector<PlannedField>& fields)
        : types_{types}, map_{std::move(map)}, fields_{fields} {}

    // The key or the value: a struct, whose fields go by their names, or something else.
    void add_part(Part part, std::uint32_t id, bool is_array) {
        part_ = part;
        const Resolved top = resolve(types_, id);
        if (top.type != nullptr && btf_is_composite(top.type)) return add_members({}, top, 0);
        const char* const field = part == Part::key ? "key" : "value";
        add({map_, field, part == Part::key && is_array ? "index" : field, nullptr, 0}, id, 0);
    }

    bool has_hidden() const { return has_hidden_; }

private:
    // Where a type was met.
    struct Place {
        std::string_view owner;  // the struct, or the map
        std::string_view field;
        std::string path;
        const btf_type* within = nullptr;  // the struct
        std::uint32_t base = 0;            // where that begins
    };

    // What has no name of its own belongs to what it is in.
    void add_members(const Place& place, const Resolved& composite, std::uint32_t base) {
        const std::string_view own = btf__name_by_offset(types_, composite.type->name_off);
        const std::string_view owner = own.empty() ? place.owner : own;
        const std::string& prefix = place.path;
        const btf_member* const members = btf_members(composite.type);
        for (std::uint32_t i = 0; i < btf_vlen(composite.type); ++i) {
            const std::string_view name = btf__name_by_offset(types_, members[i].name_off);
            if (name.starts_with("pad")) continue;
            const std::uint32_t bit = btf_member_bit_offset(composite.type, i);
            const std::uint32_t bits = btf_member_bitfield_size(composite.type, i);
            const std::string path = prefix.empty() || name.empty()
                                         ? prefix + std::string{name}
                                         : fmt::format("{}.{}", prefix, name);
            if (bits != 0) {
                add_bits(path, base * 8 + bit, bits);
            } else {
                add({owner, name, path, composite.type, base}, members[i].type, base + bit / 8);
            }
        }
    }

    void add_bits(const std::string& path, std::uint32_t bit, std::uint32_t bits) {
        PlannedField field = field_of(path, bit / 8);
        field.shift = bit % 8;
        field.bits = bits;
        field.size = (field.shift + bits + 7) / 8;
        fields_.push_back(std::move(field));
    }

    void add(const Place& place, std::uint32_t id, std::uint32_t offset) {
        const Resolved here = resolve(types_, id);
        if (here.type == nullptr) return;
        const std::vector<Shown> rows = find_shown(place.owner, place.field);
        for (const Shown& row : rows)
            add_row(place, row, here, offset);
        if (rows.empty()) add_by_type(place, here, offset);
    }

    void add_row(const Place& place, const Shown& row, const Resolved& here, std::uint32_t offset) {
        const std::size_t dot = place.path.rfind('.');
        const std::string prefix = dot == std::string::npos ? "" : place.path.substr(0, dot + 1);
        PlannedField field = sized(field_of(prefix + std::string{row.name}, offset), here);
        field.show = row.show;
        field.is_list = is_of_numbers(row.show) && btf_is_array(here.type);
        field.by = find_beside(place, row.by);
        field.mask = row.mask;
        const NumberNames names = names_of_enum(row.names);
        field.names.assign(names.begin(), names.end());
        fields_.push_back(std::move(field));
    }

    void add_by_type(const Place& place, const Resolved& here, std::uint32_t offset) {
        const std::string_view name = btf__name_by_offset(types_, here.type->name_off);
        const std::vector<Shown> rows = find_shown(name, "");
        PlannedField field = sized(field_of(place.path, offset), here);
        if (!name.empty() && !rows.empty()) {
            field.show = rows.front().show;
            has_hidden_ = has_hidden_ || field.show == Show::kernels_own;
        } else if (btf_is_composite(here.type)) {
            return add_members(place, here, offset);
        } else if (btf_is_array(here.type)) {
            return add_array(place, here, std::move(field));
        } else {
            show_scalar(here, field);
        }
        fields_.push_back(std::move(field));
    }

    void add_array(const Place& place, const Resolved& here, PlannedField field) {
        const auto* const array = btf_array(here.type);
        const Resolved element = resolve(types_, array->type);
        if (element.type == nullptr) return;
        const bool is_composite = btf_is_composite(element.type);
        if (is_composite && array->nelems <= kMostStructs) {
            for (std::uint32_t i = 0; i < array->nelems; ++i)
                add({place.owner, "", fmt::format("{}[{}]", place.path, i)}, array->type,
                    field.offset + i * field.size);
            return;
        }
        const std::string_view name = btf__name_by_offset(types_, element.type->name_off);
        if (is_composite || btf_is_array(element.type) || (field.size == 1 && name != "char")) {
            field.show = Show::bytes;
        } else if (field.size == 1) {
            field.show = Show::text;
        } else {
            field.is_list = true;
            show_scalar(element, field);
        }
        fields_.push_back(std::move(field));
    }

    // Of a type that is one number, or none that is known.
    void show_scalar(const Resolved& here, PlannedField& field) const {
        const bool is_number = field.size >= 1 && field.size <= sizeof(std::uint64_t);
        field.show = is_number ? Show::number : Show::bytes;
        if (btf_is_int(here.type)) {
            const int encoding = btf_int_encoding(here.type);
            if (is_number && (encoding & BTF_INT_SIGNED) != 0) field.show = Show::signed_number;
            if (is_number && (encoding & BTF_INT_BOOL) != 0) field.show = Show::yes_no;
        } else if (btf_is_enum(here.type)) {
            field.show = Show::word;
            const auto* const values = btf_enum(here.type);
            for (std::uint32_t i = 0; i < btf_vlen(here.type); ++i)
                field.names.push_back({static_cast<std::uint32_t>(values[i].val),
                                       btf__name_by_offset(types_, values[i].name_off)});
        } else if (btf_is_ptr(here.type)) {
            field.show = Show::hex;
        }
    }

    PlannedField field_of(std::string path, std::uint32_t offset) const {
        PlannedField field;
        field.name = std::move(path);
        field.part = part_;
        field.offset = offset;
        return field;
    }

    PlannedField sized(PlannedField field, const Resolved& here) const {
        field.big_endian = here.big_endian;
        if (!btf_is_array(here.type)) {
            field.size = size_of(types_, here.id);
            return field;
        }
        const auto* const array = btf_array(here.type);
        field.size = size_of(types_, array->type);
        field.count = array->nelems;
        field.big_endian = resolve(types_, array->type).big_endian;
        return field;
    }

    std::optional<Beside> find_beside(const Place& place, std::string_view name) const {
        if (name.empty() || place.within == nullptr) return std::nullopt;
        const btf_member* const members = btf_members(place.within);
        for (std::uint32_t i = 0; i < btf_vlen(place.within); ++i) {
            if (name != btf__name_by_offset(types_, members[i].name_off)) continue;
            return Beside{place.base + btf_member_bit_offset(place.within, i) / 8,
                          size_of(types_, members[i].type)};
        }
        return std::nullopt;
    }

    const btf* types_;
    std::string map_;
    std::vector<PlannedField>& fields_;
    Part part_ = Part::key;
    bool has_hidden_ = false;
};

bool has_only_counters(const std::vector<PlannedField>& fields) {
    return std::ranges::all_of(fields, [](const PlannedField& field) {
        return field.part != Part::value ||
               (field.show == Show::number && field.size == sizeof(std::uint64_t) &&
                !field.big_endian && field.bits == 0);
    });
}

// A field of the value that is called as one of the key.
void tell_apart(std::vector<PlannedField>& fields) {
    for (PlannedField& field : fields) {
        const bool is_taken = std::ranges::any_of(fields, [&field](const PlannedField& other) {
            return other.part == Part::key && other.name == field.name;
        });
        if (field.part == Part::value && is_taken) field.name.insert(0, "value.");
    }
}

PlannedField bytes_of(std::string name, Part part, std::uint32_t size) {
    PlannedField field;
    field.name = std::move(name);
    field.part = part;
    field.show = Show::bytes;
    field.size = size;
    return field;
}

std::vector<PlannedField> plan_without_types(const std::string& map, const bpf_map_info& info) {
    std::vector<PlannedField> fields;
    for (const Word& word : words_of(info)) {
        PlannedField field = bytes_of(std::string{word.field}, word.part, sizeof(std::uint32_t));
        field.offset = word.offset;
        field.show = Show::number;
        const std::vector<Shown> rows = find_shown(map, word.field);
        if (rows.empty()) fields.push_back(field);
        for (const Shown& row : rows) {
            field.name = row.name;
            field.show = row.show;
            fields.push_back(field);
        }
    }
    return fields.empty() ? plan_raw(info) : fields;
}

}  // namespace

Types load_types(const bpf_map_info& info, const std::string& map) {
    if (info.btf_id == 0) return nullptr;
    Types types{btf__load_from_kernel_by_id(info.btf_id)};
    if (!types) throw Error::from_errno("map " + map, "read its types", errno, "run as root");
    return types;
}

std::string name_of_type(const btf* types, std::uint32_t id) {
    if (types == nullptr || id == 0) return "";
    const btf_type* const type = btf__type_by_id(types, id);
    return type == nullptr ? "" : btf__name_by_offset(types, type->name_off);
}

MapPlan plan_map(const std::string& map, const bpf_map_info& info, Types types) {
    MapPlan plan;
    plan.types = std::move(types);
    if (!plan.types || info.btf_key_type_id == 0 || info.btf_value_type_id == 0) {
        plan.fields = plan_without_types(map, info);
        return plan;
    }
    Planner planner{plan.types.get(), map, plan.fields};
    const bool is_array = info.type == BPF_MAP_TYPE_ARRAY || info.type == BPF_MAP_TYPE_PERCPU_ARRAY;
    planner.add_part(Part::key, info.btf_key_type_id, is_array);
    planner.add_part(Part::value, info.btf_value_type_id, is_array);
    plan.only_counters = has_only_counters(plan.fields);
    plan.has_hidden = planner.has_hidden();
    tell_apart(plan.fields);
    return plan;
}

std::vector<PlannedField> plan_raw(const bpf_map_info& info) {
    return {bytes_of("key", Part::key, info.key_size),
            bytes_of("value", Part::value, info.value_size)};
}

PlannedField cpu_field() {
    PlannedField field = bytes_of("cpu", Part::cpu, sizeof(std::uint32_t));
    field.show = Show::number;
    return field;
}

}  // namespace xgre
