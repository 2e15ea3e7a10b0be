// SPDX-License-Identifier: GPL-2.0-only
// The maps of an instance, in maps of a copy of its programs.
#pragma once

#include <cstdint>
#include <string>

#include "loader/datapath.h"

namespace xgre {

class MapCopy {
public:
    // With `fragments`, also halves of packets that are on their way.
    explicit MapCopy(bool fragments) : fragments_{fragments} {}

    // Makes what `to` decides by the same as what `from` has; of the rest, which counts, or
    // remembers for one CPU, `to` keeps its own. Again and again: what is the same already, is not
    // written. Throws Error.
    void update(const Datapath& from, const Datapath& to);

    // How many ports' slots, and peers' ids, have been in use so far.
    std::uint32_t slots() const { return slots_; }
    std::uint32_t peers() const { return peers_; }

private:
    void size_up(const Datapath& from);
    std::uint32_t room_of(const std::string& map) const;

    bool fragments_;
    std::uint32_t slots_ = 1;
    std::uint32_t peers_ = 1;
};

}  // namespace xgre
