// SPDX-License-Identifier: GPL-2.0-only
// BPF maps with their types. A view: it does not own the descriptor.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "xgre/error.h"

namespace xgre {

// What every map view has. Functions throw Error when the kernel refuses; absence is no error.
class MapView {
public:
    // `name` is what errors call it. `fd` must stay open while the view is used.
    MapView(int fd, std::string name) : fd_{fd}, name_{std::move(name)} {}

    int fd() const noexcept { return fd_; }
    const std::string& name() const noexcept { return name_; }

    // Memory that the map has pinned, bytes, as the kernel accounts it (fdinfo "memlock").
    std::uint64_t memory() const;
    std::uint32_t max_entries() const;
    // The kernel's number of the map, as in `bpftool map`.
    std::uint32_t id() const;
    // What the kernel says of the map.
    bpf_map_info info() const;

    // Throws the Error of a system call that failed.
    [[noreturn]] void fail(const char* what, int error) const {
        if (error == E2BIG || error == ENOSPC)
            throw Error{"map " + name_, "full", "delete entries that are no longer needed"};
        throw Error::from_errno("map " + name_, what, error,
                                "run as root, and see `xgre show` for the state of the instance");
    }

private:
    int fd_;
    std::string name_;
};

template <typename K, typename V>
class Map : public MapView {
public:
    using MapView::MapView;

    std::optional<V> find(const K& key) const {
        V value{};
        if (bpf_map_lookup_elem(fd(), &key, &value) == 0) return value;
        if (errno == ENOENT) return std::nullopt;
        fail("look-up", errno);
    }

    void put(const K& key, const V& value) const {
        if (bpf_map_update_elem(fd(), &key, &value, BPF_ANY) != 0) fail("update", errno);
    }

    // False: there was no such entry.
    bool erase(const K& key) const {
        if (bpf_map_delete_elem(fd(), &key) == 0) return true;
        if (errno == ENOENT) return false;
        fail("delete", errno);
    }

    // All entries. What changes meanwhile may or may not be among them; none comes twice.
    std::vector<std::pair<K, V>> entries() const {
        std::vector<std::pair<K, V>> all;
        for_each([&all](const K& key, const V& value) { all.emplace_back(key, value); });
        return all;
    }

    // As entries(), one by one: for few and large ones.
    template <typename Visit>
    void for_each_of_few(Visit visit) const {
        K key{};
        for (const K* before = nullptr; bpf_map_get_next_key(fd(), before, &key) == 0;
             before = &key)
            if (const auto value = find(key)) visit(key, *value);
    }

    // As entries(), without holding them all: a table may have millions.
    template <typename Visit>
    void for_each(Visit visit) const {
        std::uint32_t capacity = 1024;
        std::vector<K> keys(capacity);
        std::vector<V> values(capacity);
        std::uint64_t position = 0;  // opaque to us; large enough for every map type in use
        bool first = true;
        for (;;) {
            std::uint32_t count = capacity;
            const int result = bpf_map_lookup_batch(fd(), first ? nullptr : &position, &position,
                                                    keys.data(), values.data(), &count, nullptr);
            const int error = result == 0 ? 0 : errno;
            if (error == ENOSPC) {  // one hash bucket holds more than fits: nothing was read
                capacity *= 2;
                keys.resize(capacity);
                values.resize(capacity);
                continue;
            }
            if (error != 0 && error != ENOENT) fail("dump", error);
            for (std::uint32_t i = 0; i < count; ++i)
                visit(keys[i], values[i]);
            if (error == ENOENT) return;
            first = false;
        }
    }
};

// A per-CPU array whose values consist of 64-bit counters only.
template <typename V>
class PerCpuMap : public MapView {
public:
    static_assert(sizeof(V) % sizeof(std::uint64_t) == 0);
    using MapView::MapView;

    // The sum over all CPUs.
    V sum(std::uint32_t index) const {
        std::vector<V> values(cpus());
        if (bpf_map_lookup_elem(fd(), &index, values.data()) != 0) fail("look-up", errno);
        return added_up(values.data());
    }

    // Every value of every CPU in few system calls, so at nearly one moment: those of one index
    // are together, as many as cpus().
    std::vector<V> all() const { return range(0, max_entries()); }

    // As sum(), of `count` indexes from `first` on, in few system calls.
    std::vector<V> sums(std::uint32_t first, std::uint32_t count) const {
        const std::vector<V> values = range(first, count);
        std::vector<V> sums(count);
        for (std::size_t i = 0; i < count; ++i)
            sums[i] = added_up(values.data() + i * cpus());
        return sums;
    }

    void reset(std::uint32_t index) const {
        const std::vector<V> zeros(cpus());
        if (bpf_map_update_elem(fd(), &index, zeros.data(), BPF_ANY) != 0) fail("update", errno);
    }

    // CPUs that there may be, online or not.
    std::size_t cpus() const {
        const int count = libbpf_num_possible_cpus();
        if (count < 0) fail("number of CPUs", -count);
        return static_cast<std::size_t>(count);
    }

private:
    // The values of all CPUs of one index.
    V added_up(const V* values) const {
        constexpr std::size_t word_bytes = 8;
        constexpr std::size_t words = sizeof(V) / word_bytes;
        std::array<std::uint64_t, words> sums{};
        for (std::size_t cpu = 0; cpu < cpus(); ++cpu) {
            std::array<std::uint64_t, words> cells{};
            std::memcpy(cells.data(), values + cpu, sizeof(V));
            for (std::size_t i = 0; i < words; ++i)
                sums[i] += cells[i];
        }
        V total{};
        std::memcpy(&total, sums.data(), sizeof(total));
        return total;
    }

    std::vector<V> range(std::uint32_t first, std::uint32_t wanted) const {
        std::vector<V> values(wanted * cpus());
        std::vector<std::uint32_t> keys(wanted);
        std::uint32_t position = first - 1;  // the index before the next one to be read
        for (std::uint32_t done = 0; done < wanted;) {
            std::uint32_t count = wanted - done;
            const bool from_the_start = first + done == 0;
            const int result = bpf_map_lookup_batch(fd(), from_the_start ? nullptr : &position,
                                                    &position, keys.data() + done,
                                                    values.data() + done * cpus(), &count, nullptr);
            if (result != 0 && errno != ENOENT) fail("dump", errno);
            if (count == 0) break;
            done += count;
        }
        return values;
    }
};

}  // namespace xgre
