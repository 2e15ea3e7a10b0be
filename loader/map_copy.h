// SPDX-License-Identifier: GPL-2.0-only
// The maps of an instance, in maps of a copy of its programs.
#pragma once

#include <map>
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

private:
    bool fragments_;
};

}  // namespace xgre
