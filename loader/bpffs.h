// SPDX-License-Identifier: GPL-2.0-only
// The BPF file system, where all state of xgre is pinned.
#pragma once

#include <string>
#include <string_view>

namespace xgre {

inline constexpr const char* kBpffsRoot = "/sys/fs/bpf";

// Whether `directory` is on a BPF file system; false also when there is no such directory.
bool is_bpffs(const std::string& directory);

// Mounts the BPF file system at kBpffsRoot unless it is there. Throws Error, which says what
// to run, when that fails.
void ensure_bpffs();

// Whether the kernel takes `name` for a pin or a directory of pins: it refuses dots (EPERM).
bool is_pin_name(std::string_view name);

}  // namespace xgre
