// SPDX-License-Identifier: GPL-2.0-only
// One xgre command at a time changes the state.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "loader/bpffs.h"
#include "loader/fd.h"

namespace xgre {

// The process that holds a flock(2) on the file; nullopt when it is not to be found out, as for a
// holder in another pid namespace.
std::optional<long> holder_of(const Fd& file);

// Held while it lives; the kernel drops it when the process dies, however it dies, and nothing
// is left in the file system.
class InstanceLock {
public:
    // Waits for another holder up to `patience`, then throws Error naming the holder.
    // `directory` exists: the root of the BPF file system, which all instances share.
    static InstanceLock acquire(const std::string& directory = kBpffsRoot,
                                std::chrono::milliseconds patience = std::chrono::seconds{10});

private:
    explicit InstanceLock(Fd directory) : directory_{std::move(directory)} {}

    Fd directory_;
};

}  // namespace xgre
