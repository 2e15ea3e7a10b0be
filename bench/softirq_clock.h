// SPDX-License-Identifier: GPL-2.0-only
// The time of the thread to which the kernel leaves what network devices have to do, when there is
// much of it.
#pragma once

#include <sys/types.h>

#include <optional>

namespace xgre::bench {

class SoftirqClock {
public:
    // Of one processor.
    explicit SoftirqClock(int processor);

    // Nanoseconds that it has run; it stands still where the thread cannot be seen, as in a
    // container.
    double now() const;

private:
    std::optional<clockid_t> clock_;
};

}  // namespace xgre::bench
