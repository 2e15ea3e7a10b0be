// SPDX-License-Identifier: GPL-2.0-only
// Looks for a scenario in which the programs and the model differ.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "tests/model/rig.h"

namespace xgre::test::model {

class Search {
public:
    static constexpr std::size_t kFrames = 100;  // of a scenario

    // Plays the scenario of this seed on TC alone and on XDP with TC. Says what differed and shows
    // the smallest such scenario; nullopt: nothing did.
    std::optional<std::string> play(std::uint64_t seed);
    // So many frames in scenarios of `seed`, as far as the first difference.
    std::optional<std::string> play_many(std::uint64_t seed, std::uint64_t frames);

    // Of all frames so far, those that XDP took to their end: else nothing is compared but TC.
    std::uint64_t taken_by_xdp() const { return fast_.taken_by_xdp(); }
    std::uint64_t frames() const { return frames_; }

private:
    std::string differences(const Scenario& scenario, bool patient);

    Rig slow_{Hooks::tc};
    Rig fast_{Hooks::native_xdp};
    std::uint64_t frames_ = 0;
};

// The same, of what `xgre trace` says and what then happens, on one host.
class TraceSearch {
public:
    explicit TraceSearch(Hooks hooks) : rig_{hooks} {}

    std::optional<std::string> play(std::uint64_t seed);
    std::optional<std::string> play_many(std::uint64_t seed, std::uint64_t frames);
    const Rig& rig() const { return rig_; }

private:
    Rig rig_;
};

}  // namespace xgre::test::model
