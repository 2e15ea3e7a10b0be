// SPDX-License-Identifier: GPL-2.0-only
// Any map: its entries as bytes, the plan from its types, and what becomes text of it.
#include <bpf/btf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cctype>
#include <cstring>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "loader/datapath.h"
#include "loader/map_plan.h"
#include "loader/map_shown.h"
#include "loader/map_text.h"
#include "loader/map_walk.h"
#include "loader/nearest.h"
#include "tests/loader/lab.h"
#include "xgre/map.h"

namespace xgre::test {
namespace {

using ::testing::ElementsAre;

// ---- Entries as bytes -----------------------------------------------------------------------

Fd make_map(bpf_map_type type, std::uint32_t value_size, std::uint32_t entries) {
    Fd map{bpf_map_create(type, "test", sizeof(std::uint32_t), value_size, entries, nullptr)};
    if (!map.is_open()) throw std::runtime_error{"tests need root"};
    return map;
}

std::uint32_t number_at(const std::byte* bytes) {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes, sizeof(number));
    return number;
}

// How often each key comes.
class Visits {
public:
    MapWalk::Visit visitor() {
        return [this](const std::byte* key, const std::byte*) { ++times_[number_at(key)]; };
    }
    std::size_t keys() const { return times_.size(); }
    int of(std::uint32_t key) const { return times_.contains(key) ? times_.at(key) : 0; }

private:
    std::map<std::uint32_t, int> times_;
};

class AMapWalk : public ::testing::TestWithParam<bpf_map_type> {};

TEST_P(AMapWalk, SeesTheSameByBatchesAndByKeys) {
    constexpr std::uint32_t kEntries = 10'000;  // more than fit a batch
    const Fd fd = make_map(GetParam(), sizeof(std::uint64_t), kEntries);
    const MapView map{fd.get(), "test"};
    const MapWalk walk{map};
    std::vector<std::uint64_t> values(walk.cpus());
    for (std::uint32_t key = 0; key < kEntries; ++key) {
        for (std::size_t cpu = 0; cpu < values.size(); ++cpu)
            values[cpu] = std::uint64_t{key} * 1000 + cpu;
        ASSERT_EQ(bpf_map_update_elem(fd.get(), &key, values.data(), BPF_ANY), 0);
    }
    std::map<std::uint32_t, std::vector<std::byte>> by_batches;
    std::map<std::uint32_t, std::vector<std::byte>> by_keys;
    const auto into = [&walk](auto& seen) {
        return [&](const std::byte* key, const std::byte* value) {
            const std::size_t length = walk.cpus() * walk.value_stride();
            EXPECT_TRUE(
                seen.emplace(number_at(key), std::vector<std::byte>(value, value + length)).second);
        };
    };
    ASSERT_TRUE(walk.by_batches(into(by_batches)));
    walk.by_keys(into(by_keys));
    EXPECT_EQ(by_batches.size(), kEntries);
    EXPECT_EQ(by_batches, by_keys);
}

INSTANTIATE_TEST_SUITE_P(OfEachKind, AMapWalk,
                         ::testing::Values(BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY,
                                           BPF_MAP_TYPE_PERCPU_ARRAY),
                         [](const auto& param) {
                             switch (param.param) {
                                 case BPF_MAP_TYPE_HASH:
                                     return "Hash";
                                 case BPF_MAP_TYPE_ARRAY:
                                     return "Array";
                                 default:
                                     return "PerCpuArray";
                             }
                         });

TEST(MapWalkOf, AMapWithoutBatchesGoesByKeys) {
    const FreshNetns netns;
    const Fd fd = make_map(BPF_MAP_TYPE_DEVMAP_HASH, sizeof(std::uint64_t), 8);
    const std::uint32_t key = 7;
    const std::uint64_t loopback = 1;
    ASSERT_EQ(bpf_map_update_elem(fd.get(), &key, &loopback, BPF_ANY), 0);
    const MapView map{fd.get(), "test"};
    const MapWalk walk{map};
    Visits visits;
    EXPECT_FALSE(walk.by_batches(visits.visitor()));
    EXPECT_EQ(visits.keys(), 0U);
    walk.for_each(visits.visitor());
    EXPECT_EQ(visits.of(7), 1);
}

// Keys below kStaying stay; those above come and go all the time.
class AMapThatChanges : public ::testing::Test {
protected:
    static constexpr std::uint32_t kStaying = 2000;

    AMapThatChanges() {
        for (std::uint32_t key = 0; key < kStaying; ++key)
            bpf_map_update_elem(fd.get(), &key, &value, BPF_ANY);
        change();
        changer = std::thread{[this] {
            while (!stop)
                change();
        }};
    }
    ~AMapThatChanges() override {
        stop = true;
        changer.join();
    }

    void change() const {
        for (std::uint32_t key = kStaying; key < kStaying + 500; ++key)
            bpf_map_update_elem(fd.get(), &key, &value, BPF_ANY);
        for (std::uint32_t key = kStaying; key < kStaying + 500; ++key)
            bpf_map_delete_elem(fd.get(), &key);
    }

    static void expect_whole(const Visits& visits) {
        for (std::uint32_t key = 0; key < kStaying; ++key)
            ASSERT_EQ(visits.of(key), 1) << key;
    }

    Fd fd = make_map(BPF_MAP_TYPE_HASH, sizeof(std::uint64_t), 4096);
    MapView map{fd.get(), "test"};
    MapWalk walk{map};
    std::uint64_t value = 1;
    std::atomic<bool> stop = false;
    std::thread changer;
};

TEST_F(AMapThatChanges, IsSeenWholeByBatches) {
    for (int round = 0; round < 20; ++round) {
        Visits visits;
        ASSERT_TRUE(walk.by_batches(visits.visitor()));
        expect_whole(visits);
    }
}

TEST_F(AMapThatChanges, IsSeenWholeByKeys) {
    for (int round = 0; round < 20; ++round) {
        Visits visits;
        walk.by_keys(visits.visitor());
        expect_whole(visits);
    }
}

// ---- Types that no table knows --------------------------------------------------------------

// A field that is added to xgre has no row in the table at first.
// libbpf adds members to the type that was made last.
class AnUnknownType : public ::testing::Test {
protected:
    AnUnknownType() {
        btf__add_enum_value(types.get(), "RED", 0);
        btf__add_enum_value(types.get(), "BLUE", 1);
    }

    int array_of(int type, std::uint32_t count) const {
        return btf__add_array(types.get(), u32, type, count);
    }
    int struct_of(const char* name, std::uint32_t size) const {
        return btf__add_struct(types.get(), name, size);
    }
    void member(const char* name, int type, std::uint32_t offset) const {
        ASSERT_EQ(btf__add_field(types.get(), name, type, offset * 8, 0), 0);
    }
    // The value's fields as `name=value`.
    std::vector<std::string> shown(int value_type, const std::vector<std::uint8_t>& value,
                                   MapFormat format = MapFormat::text) {
        bpf_map_info info{};
        info.type = BPF_MAP_TYPE_HASH;
        info.btf_key_type_id = static_cast<std::uint32_t>(u32);
        info.btf_value_type_id = static_cast<std::uint32_t>(value_type);
        const MapPlan plan = plan_map("new", info, std::move(types));
        const MapNames names;
        const std::uint32_t key = 0;
        const Parts parts{reinterpret_cast<const std::byte*>(&key),
                          reinterpret_cast<const std::byte*>(value.data()), nullptr};
        std::vector<std::string> all;
        for (const PlannedField& field : plan.fields) {
            if (field.part == Part::key) continue;
            fmt::memory_buffer text;
            MapText{names, format, text}.write(field, parts);
            all.push_back(field.name + "=" + fmt::to_string(text));
        }
        return all;
    }

    Types types{btf__new_empty()};
    int u8 = btf__add_int(types.get(), "unsigned char", 1, 0);
    int letter = btf__add_int(types.get(), "char", 1, BTF_INT_SIGNED);
    int u16 = btf__add_int(types.get(), "unsigned short", 2, 0);
    int s32 = btf__add_int(types.get(), "int", 4, BTF_INT_SIGNED);
    int u32 = btf__add_int(types.get(), "unsigned int", 4, 0);
    int yes_no = btf__add_int(types.get(), "_Bool", 1, BTF_INT_BOOL);
    int be16 = btf__add_typedef(types.get(), "__be16", u16);
    int be32 = btf__add_const(types.get(), btf__add_typedef(types.get(), "__be32", u32));
    int colour = btf__add_enum(types.get(), "colour", 4);  // the last: its values come next
};

TEST_F(AnUnknownType, IsShownByWhatItIs) {
    const int id = struct_of("new_row", 16);
    member("number", u32, 0);
    member("below", s32, 4);
    member("port", be16, 8);
    member("on", yes_no, 10);
    member("pad", u8, 11);
    member("colour", colour, 12);
    EXPECT_THAT(shown(id, {7, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 0x12, 0xb5, 1, 0, 1, 0, 0, 0}),
                ElementsAre("number=7", "below=-2", "port=4789", "on=on", "colour=BLUE"));
}

TEST_F(AnUnknownType, HasArraysAsTextListAndBytes) {
    const int letters = array_of(letter, 4);
    const int bytes = array_of(u8, 4);
    const int words = array_of(be32, 2);
    const int id = struct_of("new_row", 16);
    member("name", letters, 0);
    member("bytes", bytes, 4);
    member("list", words, 8);
    const std::vector<std::uint8_t> value{'a', '"', 0, 'x', 1, 0xab, 0, 255,
                                          0,   0,   0, 5,   0, 0,    1, 0};
    EXPECT_THAT(shown(id, value, MapFormat::json),
                ElementsAre(R"(name="a\"")", R"(bytes="01ab00ff")", "list=[5,256]"));
}

TEST_F(AnUnknownType, HasStructsInStructsByTheirPaths) {
    const int inner = struct_of("inner", 4);
    member("low", u16, 0);
    member("high", u16, 2);
    const int either = btf__add_union(types.get(), "", 4);
    ASSERT_EQ(btf__add_field(types.get(), "whole", u32, 0, 0), 0);
    ASSERT_EQ(btf__add_field(types.get(), "halves", inner, 0, 0), 0);
    const int pairs = array_of(inner, 2);
    const int id = struct_of("new_row", 12);
    member("", either, 0);
    member("pair", pairs, 4);
    EXPECT_THAT(shown(id, {1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0}),
                ElementsAre("whole=131073", "halves.low=1", "halves.high=2", "pair[0].low=3",
                            "pair[0].high=4", "pair[1].low=5", "pair[1].high=6"));
}

TEST_F(AnUnknownType, HasBitFields) {
    const int id = struct_of("new_row", 4);
    ASSERT_EQ(btf__add_field(types.get(), "low", u32, 0, 3), 0);
    ASSERT_EQ(btf__add_field(types.get(), "high", u32, 3, 7), 0);
    EXPECT_THAT(shown(id, {0b1011'1101, 0b10, 0, 0}), ElementsAre("low=5", "high=87"));
}

TEST_F(AnUnknownType, MayBeAPlainNumber) {
    EXPECT_THAT(shown(u16, {1, 2}), ElementsAre("value=513"));
}

TEST(AMapWithoutTypes, IsShownAsBytes) {
    bpf_map_info info{};
    info.type = BPF_MAP_TYPE_HASH;
    info.key_size = 2;
    info.value_size = 3;
    const MapPlan plan = plan_map("new", info, nullptr);
    ASSERT_EQ(plan.fields.size(), 2U);
    EXPECT_EQ(plan.fields[0].show, Show::bytes);
    EXPECT_EQ(plan.fields[1].bytes(), 3U);
}

TEST(JsonStrings, StayJsonWhateverIsInThem) {
    EXPECT_EQ(json_string("a\"\\\n\x01"), R"("a\"\\\n\u0001")");
    EXPECT_EQ(json_string("\xff"), "\"\xef\xbf\xbd\"");
}

// ---- The table ------------------------------------------------------------------------------

// Each enum of the header whose name the table knows: number by identifier.
std::map<std::string, std::map<std::string, std::uint64_t>> enums_of_the_header() {
    std::ifstream file{std::string{XGRE_SOURCE_DIR} + "/include/xgre/abi.h"};
    std::stringstream text;
    text << file.rdbuf();
    const std::string header = text.str();
    std::map<std::string, std::map<std::string, std::uint64_t>> enums;
    const std::regex whole{R"(enum (xgre_\w+) \{([^}]*)\};)"};
    const std::regex value{R"((XGRE_\w+) = (\d+))"};
    for (std::sregex_iterator it{header.begin(), header.end(), whole}, end; it != end; ++it) {
        const std::string body = (*it)[2];
        for (std::sregex_iterator v{body.begin(), body.end(), value}; v != end; ++v)
            enums[(*it)[1]][(*v)[1]] = std::stoull((*v)[2]);
    }
    return enums;
}

// XGRE_PORT_NO_FLOOD is no-flood.
std::string word_of(const std::string& identifier) {
    std::string word = std::regex_replace(identifier, std::regex{"^XGRE_(TC_HOOK|[A-Z]+)_"}, "");
    for (char& c : word)
        c = c == '_' ? '-' : static_cast<char>(std::tolower(c));
    return word;
}

TEST(TheTable, NamesEveryValueOfTheEnumsItKnows) {
    std::set<std::string> seen;
    for (const auto& [name, values] : enums_of_the_header()) {
        const NumberNames names = names_of_enum(name);
        if (names.empty()) continue;
        seen.insert(name);
        EXPECT_EQ(names.size(), values.size()) << name;
        for (const auto& [identifier, number] : values) {
            const auto* const found = std::ranges::find(names.data(), names.data() + names.size(),
                                                        number, &NumberName::number);
            ASSERT_NE(found, names.data() + names.size()) << identifier;
            EXPECT_EQ(found->name, word_of(identifier));
        }
    }
    EXPECT_EQ(seen.size(), 10U);  // verdicts, notes and programs are numbered in another way
}

// What it says of a field that was renamed would never be looked at.
TEST(TheTable, HasNoRowOfAFieldThatIsNotThere) {
    const FreshNetns netns;
    const Datapath datapath = Datapath::load({.fdb_entries = 16});
    std::map<std::string, std::set<std::string>> fields;
    const Types types = load_types(datapath.fdb().info(), "fdb");  // all maps have the same ones
    for (std::uint32_t id = 1; id < btf__type_cnt(types.get()); ++id) {
        const btf_type* type = btf__type_by_id(types.get(), id);
        if (!btf_is_composite(type)) continue;
        std::set<std::string>& of_type = fields[name_of_type(types.get(), id)];
        of_type.insert("");
        for (std::uint32_t i = 0; i < btf_vlen(type); ++i)
            of_type.insert(btf__name_by_offset(types.get(), btf_members(type)[i].name_off));
    }
    for (const auto& [name, fd] : datapath.maps())
        fields[name].insert({"key", "value", "ifindex", "program", "queue"});
    for (const Shown& row : all_shown()) {
        if (row.type == "bpf_spin_lock") continue;  // no map has one
        const auto type = fields.find(std::string{row.type});
        ASSERT_NE(type, fields.end()) << row.type;
        const std::string field{row.field};
        const bool is_there = type->second.contains(field) || fields[""].contains(field);  // unions
        EXPECT_TRUE(is_there) << row.type << "." << field;
        EXPECT_TRUE(row.by.empty() || type->second.contains(std::string{row.by}))
            << row.type << "." << row.by;
        EXPECT_TRUE(row.names.empty() || !names_of_enum(row.names).empty()) << row.names;
    }
}

TEST(TheNearest, IsTheOneWithTheFewestChangesOrNone) {
    const std::vector<std::string> names{"network", "vlan", "mac"};
    EXPECT_EQ(nearest("mak", names), "mac");
    EXPECT_EQ(nearest("netwrok", names), "network");
    EXPECT_EQ(nearest("lan", names), "vlan");
    EXPECT_EQ(nearest("owner", names), std::nullopt);
    EXPECT_EQ(nearest("owner", {}), std::nullopt);
}

}  // namespace
}  // namespace xgre::test
