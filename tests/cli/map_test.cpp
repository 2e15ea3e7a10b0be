// SPDX-License-Identifier: GPL-2.0-only
// `xgre map`: every map, and every entry of one in words.
#include <bpf/bpf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <net/if.h>

#include "loader/fd.h"
#include "loader/map.h"
#include "loader/netns.h"
#include "tests/cli/host.h"
#include "xgre/abi.h"

namespace xgre::test {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class MapCommand : public Host {
protected:
    // The pinned map itself.
    Fd pinned(const std::string& name) const {
        Fd map{bpf_obj_get(fmt::format("/sys/fs/bpf/xgre/{}/maps/{}", instance, name).c_str())};
        EXPECT_TRUE(map.is_open()) << name;
        return map;
    }
    template <typename K, typename V>
    void put(const std::string& name, const K& key, const V& value) const {
        EXPECT_EQ(bpf_map_update_elem(pinned(name).get(), &key, &value, BPF_ANY), 0) << name;
    }
    std::uint32_t ifindex(const char* device) const {
        const NetnsScope scope = NetnsScope::enter(netns);
        return if_nametoindex(device);
    }
    // The only entry of a list.
    Json only(std::string_view words) const {
        const Json list = json(words);
        EXPECT_EQ(list.size(), 1U) << words << ": " << list;
        return list.empty() ? Json::object() : list.front();
    }
    Json description(const std::string& name) const {
        for (const Json& map : json("map"))
            if (map.at("name") == name) return map;
        ADD_FAILURE() << "no map " << name;
        return nullptr;
    }
    std::vector<std::string> macs(std::string_view words) const {
        std::vector<std::string> all;
        for (const Json& entry : json(words))
            all.push_back(entry.at("mac"));
        std::ranges::sort(all);
        return all;
    }
};

// ---- The maps -------------------------------------------------------------------------------

TEST_F(MapCommand, ListsTheMapsThatShowHasWithTheSameMemory) {
    set_up_lan();
    const Json maps = json("map");
    const Json shown = json("show").at("maps");
    ASSERT_EQ(maps.size(), shown.size());
    for (std::size_t i = 0; i < maps.size(); ++i) {
        for (const char* field : {"name", "max_entries", "memory"})
            EXPECT_EQ(maps[i].at(field), shown[i].at(field));
    }
    const Outcome table = xgre("map");
    EXPECT_EQ(table.exit, 0) << table;
    EXPECT_THAT(table.out, StartsWith("MAP"));
    EXPECT_THAT(table.out, HasSubstr("xgre_fdb_key"));
}

TEST_F(MapCommand, TellsOfAMapWhatItIsMadeOfAndHowFullItIs) {
    set_up_lan();
    must("fdb add 02:00:00:00:00:01 --network lan --port tap0");
    const Json fdb = description("fdb");
    EXPECT_EQ(fdb.at("type"), "hash");
    EXPECT_EQ(fdb.at("key_type"), "xgre_fdb_key");
    EXPECT_EQ(fdb.at("value_type"), "xgre_fdb_entry");
    EXPECT_EQ(fdb.at("key_size"), 12);
    EXPECT_EQ(fdb.at("value_size"), 16);
    EXPECT_EQ(fdb.at("used"), 1);
    EXPECT_EQ(fdb.at("max_entries"), 65536);
    EXPECT_EQ(fdb.at("flags"), Json::array({"no-prealloc"}));
    EXPECT_EQ(description("networks").at("used"), 2);
    EXPECT_EQ(description("counters").at("used"), nullptr);
    EXPECT_EQ(description("sweeper").at("used"), nullptr);
    EXPECT_EQ(description("redirect").at("type"), "devmap_hash");
    EXPECT_EQ(description("redirect").at("key_type"), nullptr);
}

// ---- Entries --------------------------------------------------------------------------------

TEST_F(MapCommand, ShowsRowsInWords) {
    set_up_lan();
    must("port add tap1 --network two --isolated --mac-limit 9");
    const Json uplink = only("map uplink");
    EXPECT_EQ(uplink.at("abi_version"), XGRE_ABI_VERSION);
    EXPECT_EQ(uplink.at("ifindex"), ifindex("uplink0"));
    EXPECT_EQ(uplink.at("device"), "uplink0");
    EXPECT_EQ(uplink.at("local"), "198.18.0.1");
    EXPECT_EQ(uplink.at("local6"), nullptr);
    EXPECT_EQ(uplink.at("spread"), "auto");

    const Json lan = only("map networks name lan");
    EXPECT_EQ(lan.at("key"), 7);
    EXPECT_EQ(lan.at("flags"), Json::array({"used", "keyed"}));
    EXPECT_EQ(lan.at("ageing"), 300.0);

    const Json port = only("map ports device tap1");
    EXPECT_EQ(port.at("ifindex"), ifindex("tap1"));
    EXPECT_EQ(port.at("network"), "two");
    EXPECT_THAT(port.at("flags").dump(), HasSubstr("\"isolated\""));
    EXPECT_EQ(port.at("mac_limit"), 9);
    EXPECT_EQ(port.at("far_end"), nullptr);

    const Json peer = only("map peers");
    EXPECT_EQ(peer.at("network"), "lan");
    EXPECT_EQ(peer.at("remote"), "198.18.0.2");
    EXPECT_EQ(peer.at("local"), "198.18.0.1");
    EXPECT_EQ(peer.at("ikey"), 7);
    // IPv4, GRE with a key, Ethernet inside, key 7.
    const std::string outer = peer.at("outer");
    EXPECT_EQ(outer.size(), 2U * 28);
    EXPECT_THAT(outer, StartsWith("45"));
    EXPECT_EQ(outer.substr(40), "2000655800000007");

    const Json tunnel = only("map tunnels");
    EXPECT_EQ(tunnel, Json({{"source", "198.18.0.2"},
                            {"local", "198.18.0.1"},
                            {"key", 7},
                            {"keyed", "whole"},
                            {"network", "lan"},
                            {"peer", "198.18.0.2"}}));
    const Json flood = only("map flood network lan");
    EXPECT_EQ(flood.at("port"), Json::array({"tap0"}));
    EXPECT_EQ(flood.at("peer"), Json::array({"198.18.0.2"}));
    const Json redirect = only("map redirect device tap0");
    EXPECT_EQ(redirect.at("ifindex"), ifindex("tap0"));
    EXPECT_EQ(redirect.at("to"), "tap0");
    EXPECT_EQ(only("map sweeper").at("timer"), "the kernel's own");
}

TEST_F(MapCommand, TellsAKeyOfZeroFromNone) {
    must("attach uplink0 --local 198.18.0.1");
    must("network add zero --key 0");
    must("network add none");
    EXPECT_EQ(only("map networks name zero").at("key"), 0);
    EXPECT_EQ(only("map networks name none").at("key"), nullptr);
}

TEST_F(MapCommand, ShowsWhoAMacIsBehindAndSinceWhenItIsSilent) {
    set_up_lan();
    must("fdb add 02:00:00:00:00:01 --network lan --port tap0");
    must("fdb add 02:00:00:00:00:02 --network lan --vlan 5 --peer 198.18.0.2");
    const Json port = only("map fdb mac 02:00:00:00:00:01");
    EXPECT_EQ(port.at("network"), "lan");
    EXPECT_EQ(port.at("vlan"), 0);
    EXPECT_EQ(port.at("owner_kind"), "port");
    EXPECT_EQ(port.at("owner"), "tap0");
    EXPECT_EQ(port.at("slot"), 0);
    EXPECT_EQ(port.at("static"), true);
    EXPECT_GE(port.at("age"), 0.0);
    EXPECT_LT(port.at("age"), 60.0);
    const Json peer = only("map fdb vlan 5");
    EXPECT_EQ(peer.at("owner_kind"), "peer");
    EXPECT_EQ(peer.at("owner"), "198.18.0.2");
    EXPECT_EQ(peer.at("slot"), nullptr);
}

TEST_F(MapCommand, ShowsAddressesOfIpv6) {
    ip("link set lo up");
    must("attach uplink0 --local 198.18.0.1");
    must("network add lan");
    xgre_outbound_key key{};
    key.remote.word[0] = 0xb80d0120;  // 2001:db8::2 in network order
    key.remote.word[3] = 0x02000000;
    put("outbound", key, xgre_tunnel{1, 9});
    const Json entry = only("map outbound");
    EXPECT_EQ(entry.at("remote"), "2001:db8::2");
    EXPECT_EQ(entry.at("key"), nullptr);
    EXPECT_EQ(entry.at("network"), "lan");
    EXPECT_EQ(entry.at("peer"), "#9");  // there is none of this number
}

TEST_F(MapCommand, ShowsNamesOfDevicesWhateverIsInThem) {
    must("attach uplink0 --local 198.18.0.1");
    const std::string odd = "q\"\\\x1b\xff";
    const Outcome made =
        run({"ip", "-n", netns, "link", "add", odd, "type", "veth", "peer", "name", "other"});
    ASSERT_EQ(made.exit, 0) << made;
    put("detour_ports", std::uint32_t{3}, ifindex(odd.c_str()));
    EXPECT_EQ(only("map detour_ports").at("device"), "q\"\\\x1b\xef\xbf\xbd");
    EXPECT_THAT(xgre("map detour_ports").out, HasSubstr("q\"\\\\x1b"));
}

TEST_F(MapCommand, AddsCountersUpOrShowsThemOfEachCpu) {
    set_up_lan();
    const Fd map = pinned("counters");
    const std::size_t cpus = PerCpuMap<xgre_count>{map.get(), "counters"}.cpus();
    std::vector<xgre_count> values(cpus);
    for (std::size_t cpu = 0; cpu < cpus; ++cpu)
        values[cpu] = {cpu + 1, 100 * (cpu + 1), 0};
    const std::uint32_t index = XGRE_COUNTER(XGRE_PROGRAM_PORT_TC, XGRE_NO_TARGET);
    ASSERT_EQ(bpf_map_update_elem(map.get(), &index, values.data(), BPF_ANY), 0);
    const std::string words = "map counters program port_tc verdict no-target";
    const std::uint64_t sum = cpus * (cpus + 1) / 2;
    EXPECT_EQ(only(words), Json({{"program", "port_tc"},
                                 {"verdict", "no-target"},
                                 {"packets", sum},
                                 {"bytes", 100 * sum},
                                 {"copies", 0}}));
    const Json each = json(words + " --per-cpu");
    ASSERT_EQ(each.size(), cpus);
    EXPECT_EQ(each.back().at("cpu"), cpus - 1);
    EXPECT_EQ(each.back().at("packets"), cpus);
    EXPECT_EQ(json(words + " cpu 0 --per-cpu").size(), 1U);
}

TEST_F(MapCommand, ShowsOnlyFlowsThatAreInUseAndOnWhichCpu) {
    set_up_lan();
    const Fd map = pinned("flows");
    const std::size_t cpus = PerCpuMap<xgre_flow>{map.get(), "flows"}.cpus();
    std::vector<xgre_flow> values(cpus);
    xgre_flow& flow = values.back();
    flow.key[0] = 0xabc;
    flow.target = 1;
    flow.verdict = XGRE_TO_PEER;
    flow.network = 1;
    flow.hop = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}};
    const std::uint32_t index = 77;
    ASSERT_EQ(bpf_map_update_elem(map.get(), &index, values.data(), BPF_ANY), 0);
    const Json shown = only("map flows index 77");
    EXPECT_EQ(shown.at("cpu"), cpus - 1);
    EXPECT_EQ(shown.at("key").front(), "0x0000000000000abc");
    EXPECT_EQ(shown.at("target"), "198.18.0.2");
    EXPECT_EQ(shown.at("verdict"), "to-peer");
    EXPECT_EQ(shown.at("hop.dst"), "02:00:00:00:00:01");
    EXPECT_EQ(json("map flows index 77 --all").size(), cpus);
}

TEST_F(MapCommand, ShowsRawBytes) {
    set_up_lan();
    must("fdb add 02:00:00:00:00:01 --network lan --vlan 5 --port tap0");
    const Json entry = only("map fdb --raw");
    EXPECT_EQ(entry.size(), 2U);
    EXPECT_EQ(entry.at("key"), "010000000500020000000001");
    EXPECT_EQ(entry.at("value").get<std::string>().size(), 2U * 16);
    // Filters are of the fields all the same.
    EXPECT_EQ(json("map fdb vlan 6 --raw").size(), 0U);
}

TEST_F(MapCommand, LeavesOutZerosOfArraysUnlessAsked) {
    set_up_lan();
    EXPECT_EQ(json("map networks").size(), 2U);
    EXPECT_EQ(json("map networks --all").size(), 1024U);
    EXPECT_EQ(json("map notes").size(), 0U);
    EXPECT_EQ(xgre("map notes").out, "");
    EXPECT_EQ(json("map notes --all").front().at("note"), "learned");
}

TEST_F(MapCommand, ReadsEveryMapInEveryFormAndChangesNothing) {
    set_up_lan();
    must("fdb add 02:00:00:00:00:01 --network lan --port tap0");
    const auto bytes = [this] {
        Json all;
        for (const char* map :
             {"uplink", "ports", "peers", "fdb", "counters", "notes", "port_counters", "learned"})
            all[map] = json(fmt::format("map {} --raw", map));
        return all;
    };
    const Json before = bytes();
    for (const Json& map : json("map")) {
        const auto name = map.at("name").get<std::string>();
        const Json entries = json("map " + name);
        EXPECT_EQ(json("map " + name + " --raw").size(), entries.size()) << name;
        if (!map.at("used").is_null()) {
            EXPECT_EQ(map.at("used"), entries.size()) << name;
        }
        const Outcome table = xgre("map " + name);
        EXPECT_EQ(table.exit, 0) << table;
        const auto lines = std::ranges::count(table.out, '\n');
        EXPECT_EQ(static_cast<std::size_t>(lines), entries.empty() ? 0 : entries.size() + 1)
            << name;
    }
    EXPECT_EQ(bytes(), before);
}

// ---- Filters --------------------------------------------------------------------------------

TEST_F(MapCommand, FiltersByPatternsInEitherCase) {
    set_up_lan();
    for (const char* entry : {"02:00:00:00:00:01 --network lan --port tap0",
                              "02:00:00:00:00:02 --network lan --vlan 5 --peer 198.18.0.2",
                              "06:00:00:00:00:0a --network lan --vlan 5 --port tap0"})
        must(fmt::format("fdb add {}", entry));
    using Macs = std::vector<std::string>;
    EXPECT_EQ(macs("map fdb mac 02:*"), (Macs{"02:00:00:00:00:01", "02:00:00:00:00:02"}));
    EXPECT_EQ(macs("map fdb network LAN vlan 5"), (Macs{"02:00:00:00:00:02", "06:00:00:00:00:0a"}));
    EXPECT_EQ(macs("map fdb vlan 5 owner tap?"), (Macs{"06:00:00:00:00:0a"}));
    EXPECT_EQ(macs("map fdb mac *0A"), (Macs{"06:00:00:00:00:0a"}));
    EXPECT_EQ(macs("map fdb slot -"), (Macs{"02:00:00:00:00:02"}));
    EXPECT_EQ(macs("map fdb network l"), Macs{});
    const Outcome table = xgre("map fdb mac 06:*");
    EXPECT_THAT(table.out, HasSubstr("06:00:00:00:00:0a"));
    EXPECT_EQ(std::ranges::count(table.out, '\n'), 2);
}

// ---- A large one ----------------------------------------------------------------------------

// What became of a command whose output is only looked through.
struct Streamed {
    int exit = 0;
    std::uint64_t lines = 0;
    std::uint64_t whole = 0;  // lines that are JSON, of every thousandth
    std::string last;
    std::chrono::milliseconds time{0};  // on the wall; others share the machine
    std::chrono::milliseconds cpu{0};
    long peak_kib = 0;
};

class ALargeFdb : public MapCommand {
protected:
    static constexpr std::uint32_t kEntries = 1'000'000;

    void fill() const {
        constexpr std::uint32_t kBatch = 10'000;  // so that this process stays small
        const Fd map = pinned("fdb");
        std::vector<xgre_fdb_key> keys(kBatch);
        std::vector<xgre_fdb_entry> values(kBatch, {XGRE_OWNER_PEER | 1, 1});
        for (std::uint32_t i = 0; i < kEntries;) {
            for (xgre_fdb_key& key : keys) {
                key = {1, static_cast<std::uint16_t>(i % 4000), {2, 0, 0, 0, 0, 0}};
                for (int byte = 0; byte < 4; ++byte)
                    key.mac[5 - byte] = static_cast<std::uint8_t>(i >> 8 * byte);
                ++i;
            }
            std::uint32_t count = kBatch;
            ASSERT_EQ(bpf_map_update_batch(map.get(), keys.data(), values.data(), &count, nullptr),
                      0);
        }
    }

    Streamed stream(const std::string& words) const {
        std::array<int, 2> ends{};
        EXPECT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
        const Fd out{ends[0]};
        const auto begin = std::chrono::steady_clock::now();
        const pid_t pid = start(words, Fd{ends[1]});
        Streamed streamed = look_through(out);
        int status = 0;
        rusage usage{};
        EXPECT_EQ(wait4(pid, &status, 0, &usage), pid);
        streamed.time = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - begin);
        streamed.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
        streamed.cpu = milliseconds_of(usage.ru_utime) + milliseconds_of(usage.ru_stime);
        streamed.peak_kib = usage.ru_maxrss;
        return streamed;
    }

    static void expect_little(const Streamed& streamed) {
        EXPECT_EQ(streamed.exit, 0);
        EXPECT_LT(streamed.cpu.count(), 3'000);
        EXPECT_LT(streamed.time.count(), 30'000);
        EXPECT_LT(streamed.peak_kib, 64 * 1024);
    }

private:
    static std::chrono::milliseconds milliseconds_of(const timeval& time) {
        return std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::seconds{time.tv_sec} + std::chrono::microseconds{time.tv_usec});
    }

    pid_t start(const std::string& words, Fd out) const {
        const std::string line =
            fmt::format("exec {} --instance {} --netns {} {}", XGRE_BINARY, instance, netns, words);
        std::vector<const char*> argv{"sh", "-c", line.c_str(), nullptr};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, out.get(), STDOUT_FILENO);
        pid_t pid = -1;
        EXPECT_EQ(posix_spawnp(&pid, "sh", &actions, nullptr, const_cast<char* const*>(argv.data()),
                               environ),
                  0);
        posix_spawn_file_actions_destroy(&actions);
        return pid;
    }

    static Streamed look_through(const Fd& out) {
        Streamed streamed;
        std::vector<char> chunk(1 << 16);
        std::string line;
        for (ssize_t got = 0; (got = read(out.get(), chunk.data(), chunk.size())) > 0;) {
            const char* at = chunk.data();
            const char* const end = at + got;
            while (const char* const stop = static_cast<const char*>(
                       std::memchr(at, '\n', static_cast<std::size_t>(end - at)))) {
                line.append(at, stop);
                take(line, streamed);
                line.clear();
                at = stop + 1;
            }
            line.append(at, end);
        }
        return streamed;
    }

    static void take(std::string& line, Streamed& streamed) {
        if (streamed.lines++ % 1000 == 1) {
            if (line.ends_with(',')) line.pop_back();
            const Json entry = Json::parse(line, nullptr, false);
            if (entry.is_object() && entry.at("owner") == "198.18.0.2") ++streamed.whole;
        }
        streamed.last = line;
    }
};

TEST_F(ALargeFdb, IsReadInLittleTimeAndMemory) {
    must(fmt::format("attach uplink0 --local 198.18.0.1 --fdb-size {}", kEntries));
    must("network add lan --key 7 --ageing 1000000");
    must("peer add 198.18.0.2 --network lan");
    fill();

    const Streamed as_json = stream("map fdb --json");
    expect_little(as_json);
    EXPECT_EQ(as_json.lines, kEntries + 2);
    EXPECT_EQ(as_json.whole, kEntries / 1000);
    EXPECT_EQ(as_json.last, "]");

    const Streamed as_table = stream("map fdb");
    expect_little(as_table);
    EXPECT_EQ(as_table.lines, kEntries + 1);

    const Streamed filtered = stream("map fdb mac 02:00:00:0f:42:3f");
    EXPECT_EQ(filtered.lines, 2U);
    EXPECT_EQ(description("fdb").at("used"), kEntries);
}

}  // namespace
}  // namespace xgre::test
