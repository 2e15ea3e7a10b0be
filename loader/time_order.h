// SPDX-License-Identifier: GPL-2.0-only
// Puts in order what several CPUs tell, each in its own order, in rounds of reading.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace xgre {

// What happened before a round of reading began was read in that round, whichever CPU told it; what
// is younger waits, as an older one may still come. One that was under way then comes a round
// later: so the limit is the beginning of the round before.
template <typename Item>
class TimeOrder {
public:
    // `most` is how many bytes wait at most: then the oldest do not wait any more.
    explicit TimeOrder(std::size_t most) : most_{most} {}

    void add(std::uint64_t time, std::size_t bytes, Item item) {
        // Behind those of the same time.
        waiting_.emplace_hint(waiting_.end(), time, Waiting{bytes, std::move(item)});
        bytes_ += bytes;
    }

    // A round of reading begins, which has what happened until `now`.
    void begin_round(std::uint64_t now) { limit_ = std::exchange(round_, now); }

    // In the order of time, what need not wait.
    std::vector<Item> take() { return take_before(limit_); }
    std::vector<Item> take_all() { return take_before(std::numeric_limits<std::uint64_t>::max()); }

private:
    struct Waiting {
        std::size_t bytes;
        Item item;
    };

    std::vector<Item> take_before(std::uint64_t limit) {
        std::vector<Item> taken;
        auto next = waiting_.begin();
        for (; next != waiting_.end() && (next->first < limit || bytes_ > most_); ++next) {
            bytes_ -= next->second.bytes;
            taken.push_back(std::move(next->second.item));
        }
        waiting_.erase(waiting_.begin(), next);
        return taken;
    }

    std::size_t most_;
    std::size_t bytes_ = 0;
    std::uint64_t limit_ = 0;
    std::uint64_t round_ = 0;
    std::multimap<std::uint64_t, Waiting> waiting_;  // by time, ns
};

}  // namespace xgre
