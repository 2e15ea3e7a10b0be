// SPDX-License-Identifier: GPL-2.0-only
#include "loader/map_walk.h"

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

namespace xgre {
namespace {

constexpr int kNoBatches = 524;  // the kernel's ENOTSUPP, which no header of ours has
constexpr std::size_t kBatchBytes = std::size_t{256} * 1024;
constexpr std::size_t kWord = 8;  // values of one CPU begin at a multiple of it

// Keys and values of one batch.
struct Batch {
    Batch(std::size_t key_bytes, std::size_t value_bytes)
        : key_size{key_bytes},
          value_size{value_bytes},
          position(std::max(key_bytes, sizeof(std::uint64_t))) {
        resize(std::clamp<std::size_t>(kBatchBytes / (key_bytes + value_bytes), 16, 4096));
    }

    void resize(std::size_t entries) {
        capacity = static_cast<std::uint32_t>(entries);
        keys.resize(entries * key_size);
        values.resize(entries * value_size);
    }

    std::size_t key_size;
    std::size_t value_size;
    std::uint32_t capacity = 0;
    std::vector<std::byte> keys;
    std::vector<std::byte> values;
    std::vector<std::byte> position;  // opaque; a key, or a number of a bucket
};

}  // namespace

MapWalk::MapWalk(const MapView& map) : map_{map}, info_{map.info()} {
    if (!is_per_cpu()) return;
    const int count = libbpf_num_possible_cpus();
    if (count < 0) map_.fail("number of CPUs", -count);
    cpus_ = static_cast<std::size_t>(count);
}

bool MapWalk::is_array() const {
    return info_.type == BPF_MAP_TYPE_ARRAY || info_.type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

bool MapWalk::is_stream() const {
    return info_.type == BPF_MAP_TYPE_RINGBUF || info_.type == BPF_MAP_TYPE_PERF_EVENT_ARRAY;
}

bool MapWalk::is_per_cpu() const {
    return info_.type == BPF_MAP_TYPE_PERCPU_ARRAY || info_.type == BPF_MAP_TYPE_PERCPU_HASH ||
           info_.type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

std::size_t MapWalk::value_stride() const {
    return is_per_cpu() ? (info_.value_size + kWord - 1) / kWord * kWord : info_.value_size;
}

void MapWalk::for_each(const Visit& visit) const {
    if (is_stream()) return;
    if (!by_batches(visit)) by_keys(visit);
}

bool MapWalk::by_batches(const Visit& visit) const {
    Batch batch{info_.key_size, value_stride() * cpus_};
    for (bool first = true;;) {
        std::uint32_t count = batch.capacity;
        const int result = bpf_map_lookup_batch(map_.fd(), first ? nullptr : batch.position.data(),
                                                batch.position.data(), batch.keys.data(),
                                                batch.values.data(), &count, nullptr);
        const int error = result == 0 ? 0 : errno;
        if (first && (error == kNoBatches || error == EOPNOTSUPP || error == EINVAL)) return false;
        if (error == ENOSPC) {  // one hash bucket holds more than fits: nothing was read
            batch.resize(std::size_t{batch.capacity} * 2);
            continue;
        }
        if (error != 0 && error != ENOENT) map_.fail("dump", error);
        for (std::size_t i = 0; i < count; ++i)
            visit(batch.keys.data() + i * batch.key_size,
                  batch.values.data() + i * batch.value_size);
        if (error == ENOENT) return true;
        first = false;
    }
}

void MapWalk::by_keys(const Visit& visit) const {
    std::vector<std::byte> key(info_.key_size);
    std::vector<std::byte> next(info_.key_size);
    std::vector<std::byte> value(value_stride() * cpus_);
    std::unordered_set<std::string> seen;
    const void* before = nullptr;
    std::uint64_t again = 0;
    while (bpf_map_get_next_key(map_.fd(), before, next.data()) == 0) {
        key.swap(next);
        before = key.data();
        // When the key before it has gone, the kernel begins anew.
        if (!seen.emplace(reinterpret_cast<const char*>(key.data()), key.size()).second) {
            if (++again > std::uint64_t{16} * info_.max_entries)
                throw Error{"map " + map_.name(), "changes faster than it can be read",
                            "try again"};
            continue;
        }
        if (bpf_map_lookup_elem(map_.fd(), key.data(), value.data()) == 0)
            visit(key.data(), value.data());
        else if (errno != ENOENT)  // that it went is no error
            map_.fail("look-up", errno);
    }
    if (errno != ENOENT) map_.fail("next key", errno);
}

}  // namespace xgre
