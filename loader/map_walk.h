// SPDX-License-Identifier: GPL-2.0-only
// The entries of a map of any type, as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "loader/map.h"

namespace xgre {

class MapWalk {
public:
    // Valid only during the call. The value of a per-CPU map is one of each CPU, value_stride()
    // bytes apart.
    using Visit = std::function<void(const std::byte* key, const std::byte* value)>;

    // `map` must live as long.
    explicit MapWalk(const MapView& map);

    // By batches, or key by key where the kernel has none for the type; of a stream, nothing. Of a
    // map that changes meanwhile, what stays is visited exactly once.
    void for_each(const Visit& visit) const;
    // False: the kernel has no batches for the type, and nothing was visited.
    bool by_batches(const Visit& visit) const;
    // Remembers every key: for small maps.
    void by_keys(const Visit& visit) const;

    const bpf_map_info& info() const { return info_; }
    bool is_array() const;
    // It has no entries, but hands on what it is told: a ring buffer, or perf's.
    bool is_stream() const;
    bool is_per_cpu() const;
    // Values that one entry has: 1, or as many as there may be CPUs.
    std::size_t cpus() const { return cpus_; }
    std::size_t value_stride() const;

private:
    const MapView& map_;
    bpf_map_info info_;
    std::size_t cpus_ = 1;
};

}  // namespace xgre
