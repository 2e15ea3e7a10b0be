// SPDX-License-Identifier: GPL-2.0-only
#include "loader/map_copy.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::string_view kFragments = "fragments";
// A timer, which must not run twice; and when flows were forgotten, which are each one's own.
constexpr std::array<std::string_view, 2> kOwn{"sweeper", "generation"};

bpf_map_info information(int map, const std::string& name) {
    bpf_map_info info{};
    std::uint32_t len = sizeof(info);
    if (bpf_obj_get_info_by_fd(map, &info, &len) != 0)
        throw Error::from_errno("map " + name, "information", errno, "run as root");
    return info;
}

// Entries of any map, side by side.
struct Entries {
    std::size_t key_size;
    std::size_t value_size;
    std::vector<char> keys = {};
    std::vector<char> values = {};

    std::size_t size() const { return keys.size() / key_size; }
    std::string_view key(std::size_t i) const { return {&keys[i * key_size], key_size}; }
    std::string_view value(std::size_t i) const { return {&values[i * value_size], value_size}; }
    void add(std::string_view key, std::string_view value) {
        keys.insert(keys.end(), key.begin(), key.end());
        values.insert(values.end(), value.begin(), value.end());
    }
};

// A map of one data path.
class AnyMap {
public:
    // Of an array, the first `most` only.
    AnyMap(const Datapath& of, const std::string& name, std::uint32_t most)
        : fd_{of.map_fd(name)}, name_{name}, info_{information(fd_, name)} {
        info_.max_entries = std::min(info_.max_entries, most);
    }

    bool is_array() const { return info_.type == BPF_MAP_TYPE_ARRAY; }
    bool is_devices() const { return info_.type == BPF_MAP_TYPE_DEVMAP_HASH; }
    bool is_copied() const { return is_array() || is_devices() || info_.type == BPF_MAP_TYPE_HASH; }

    Entries entries() const {
        constexpr std::uint32_t kLarge = 1024;  // bytes: room for a batch would cost more
        return is_devices() || info_.value_size > kLarge ? one_by_one() : in_batches();
    }

    void put(const Entries& entries) const {
        auto count = static_cast<std::uint32_t>(entries.size());
        if (count == 0) return;
        if (is_devices()) return put_devices(entries);
        if (bpf_map_update_batch(fd_, entries.keys.data(), entries.values.data(), &count,
                                 nullptr) != 0)
            fail("copy", errno);
    }

    void erase(std::string_view key) const { bpf_map_delete_elem(fd_, key.data()); }

private:
    [[noreturn]] void fail(const char* what, int error) const {
        throw Error::from_errno("map " + name_, what, error,
                                "try again: the instance has changed meanwhile");
    }

    Entries one_by_one() const {
        Entries all{info_.key_size, info_.value_size};
        std::vector<char> key(info_.key_size);
        std::vector<char> value(info_.value_size);
        for (const void* before = nullptr; bpf_map_get_next_key(fd_, before, key.data()) == 0;) {
            before = key.data();
            if (bpf_map_lookup_elem(fd_, key.data(), value.data()) == 0)
                all.add({key.data(), key.size()}, {value.data(), value.size()});
        }
        return all;
    }

    Entries in_batches() const {
        Entries all{info_.key_size, info_.value_size};
        std::size_t capacity = is_array() ? info_.max_entries : 256;
        std::uint64_t position = 0;  // opaque, of any type of map that is copied
        for (std::size_t done = 0;;) {
            all.keys.resize((done + capacity) * all.key_size);
            all.values.resize((done + capacity) * all.value_size);
            auto count = static_cast<std::uint32_t>(capacity);
            const int result = bpf_map_lookup_batch(
                fd_, done == 0 ? nullptr : &position, &position, &all.keys[done * all.key_size],
                &all.values[done * all.value_size], &count, nullptr);
            const int error = result == 0 ? 0 : errno;
            if (error == ENOSPC) {  // one bucket of a hash has more: nothing was read
                capacity *= 2;
                continue;
            }
            if (error != 0 && error != ENOENT) fail("read", error);
            done += count;
            const bool is_end = error == ENOENT || (is_array() && done == info_.max_entries);
            if (!is_end) continue;
            all.keys.resize(done * all.key_size);
            all.values.resize(done * all.value_size);
            return all;
        }
    }

    // A device that is neither uplink nor port: the next change takes it out.
    void put_devices(const Entries& entries) const {
        for (std::size_t i = 0; i < entries.size(); ++i)
            bpf_map_update_elem(fd_, entries.key(i).data(), entries.value(i).data(), BPF_ANY);
    }

    int fd_;
    std::string name_;
    bpf_map_info info_;
};

void update_array(const AnyMap& from, const AnyMap& to) {
    const Entries wanted = from.entries();
    const Entries got = to.entries();
    Entries different{wanted.key_size, wanted.value_size};
    for (std::size_t i = 0; i < wanted.size(); ++i)
        if (i >= got.size() || wanted.value(i) != got.value(i))
            different.add(wanted.key(i), wanted.value(i));
    to.put(different);
}

void update_hash(const AnyMap& from, const AnyMap& to) {
    const Entries wanted = from.entries();
    const Entries got = to.entries();
    if (got.size() == 0) return to.put(wanted);
    std::unordered_map<std::string_view, std::size_t> left;
    for (std::size_t i = 0; i < got.size(); ++i)
        left.emplace(got.key(i), i);
    Entries different{wanted.key_size, wanted.value_size};
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto found = left.find(wanted.key(i));
        const bool is_there = found != left.end();
        if (!is_there || got.value(found->second) != wanted.value(i))
            different.add(wanted.key(i), wanted.value(i));
        if (is_there) left.erase(found);
    }
    for (const auto& [key, i] : left)
        to.erase(key);
    to.put(different);
}

}  // namespace

void MapCopy::size_up(const Datapath& from) {
    from.ports().for_each(
        [this](std::uint32_t, const xgre_port& port) { slots_ = std::max(slots_, port.slot + 1); });
    from.peers().for_each([this](std::uint32_t id, const xgre_peer& peer) {
        if (peer.network != 0) peers_ = std::max(peers_, id + 1);
    });
}

// Entries that anything may be in: most arrays are nearly empty.
std::uint32_t MapCopy::room_of(const std::string& map) const {
    if (map == "buckets" || map == "bound" || map == "detour_ports") return slots_;
    if (map == "peers" || map == "peer_states" || map == "liveness") return peers_;
    if (map == "learned") return XGRE_LEARNED_BY_PEER(peers_);
    return UINT32_MAX;
}

void MapCopy::update(const Datapath& from, const Datapath& to) {
    size_up(from);
    for (const auto& [name, fd] : from.maps()) {
        if (std::ranges::find(kOwn, name) != kOwn.end() || (name == kFragments && !fragments_))
            continue;
        const AnyMap wanted{from, name, room_of(name)};
        if (!wanted.is_copied()) continue;
        const AnyMap copy{to, name, room_of(name)};
        wanted.is_array() ? update_array(wanted, copy) : update_hash(wanted, copy);
    }
    to.forget_flows();
}

}  // namespace xgre
