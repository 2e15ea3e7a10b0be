// SPDX-License-Identifier: GPL-2.0-only
// A set of CPUs, written as the kernel writes it: "0-3,5".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "xgre/number.h"

namespace xgre {

class CpuSet {
public:
    static constexpr std::uint32_t kMax = 1023;  // the highest CPU number
    using Words = std::array<std::uint64_t, (kMax + 1) / 64>;

    constexpr CpuSet() = default;
    // Bit n % 64 of word n / 64 is CPU n.
    constexpr explicit CpuSet(const Words& words) : words_{words} {}

    // Numbers and ranges of them, with commas between; nullopt for all else, also for the empty
    // text, for a range that runs backwards and for a number above `most`. CPUs above kMax are
    // left out.
    static constexpr std::optional<CpuSet> parse(std::string_view text, std::uint32_t most = kMax) {
        CpuSet set;
        for (;;) {
            const std::size_t comma = text.find(',');
            const std::string_view part = text.substr(0, comma);
            const std::size_t dash = part.find('-');
            const auto first = parse_decimal(part.substr(0, dash), most);
            const auto last =
                dash == std::string_view::npos ? first : parse_decimal(part.substr(dash + 1), most);
            if (!first || !last || *first > *last) return std::nullopt;
            for (std::uint32_t cpu = *first; cpu <= *last && cpu <= kMax; ++cpu)
                set.add(cpu);
            if (comma == std::string_view::npos) return set;
            text.remove_prefix(comma + 1);
        }
    }

    constexpr void add(std::uint32_t cpu) { words_.at(cpu / 64) |= 1ULL << cpu % 64; }

    constexpr bool contains(std::uint32_t cpu) const {
        return cpu <= kMax && (words_.at(cpu / 64) >> cpu % 64 & 1) != 0;
    }

    constexpr bool empty() const { return *this == CpuSet{}; }

    constexpr const Words& words() const { return words_; }

    // In ascending order.
    std::vector<std::uint32_t> list() const {
        std::vector<std::uint32_t> cpus;
        for (std::uint32_t cpu = 0; cpu <= kMax; ++cpu)
            if (contains(cpu)) cpus.push_back(cpu);
        return cpus;
    }

    std::string format() const {
        std::string text;
        for (std::uint32_t cpu = 0; cpu <= kMax; ++cpu) {
            if (!contains(cpu)) continue;
            const std::uint32_t first = cpu;
            while (contains(cpu + 1))
                ++cpu;
            if (!text.empty()) text += ',';
            text += first == cpu ? fmt::format("{}", cpu) : fmt::format("{}-{}", first, cpu);
        }
        return text;
    }

    // What is in both.
    friend constexpr CpuSet operator&(const CpuSet& a, const CpuSet& b) {
        CpuSet both;
        for (std::size_t i = 0; i < a.words_.size(); ++i)
            both.words_.at(i) = a.words_.at(i) & b.words_.at(i);
        return both;
    }

    // What `a` has and `b` has not.
    friend constexpr CpuSet operator-(const CpuSet& a, const CpuSet& b) {
        CpuSet rest;
        for (std::size_t i = 0; i < a.words_.size(); ++i)
            rest.words_.at(i) = a.words_.at(i) & ~b.words_.at(i);
        return rest;
    }

    constexpr bool operator==(const CpuSet&) const = default;

private:
    Words words_{};
};

static_assert(CpuSet::parse("0-2,5") == CpuSet::parse("5,2,1,0"));
static_assert(CpuSet::parse("1023")->contains(1023) && !CpuSet::parse("1024"));
static_assert(CpuSet::parse("1000-2047,4095", 8191) == CpuSet::parse("1000-1023"));
static_assert(!CpuSet::parse("0-8192", 8191));
static_assert(!CpuSet::parse("") && !CpuSet::parse("1,") && !CpuSet::parse(",1"));
static_assert(!CpuSet::parse("3-1") && !CpuSet::parse("1-") && !CpuSet::parse("-1"));
static_assert(!CpuSet::parse("1 ") && !CpuSet::parse("a") && !CpuSet::parse("1-2-3"));

}  // namespace xgre
