// SPDX-License-Identifier: GPL-2.0-only
// Where an instance's pins are in the BPF file system.
//
//   /sys/fs/bpf/xgre/<instance>/maps/<map>             one file a map
//   /sys/fs/bpf/xgre/<instance>/programs/<program>     one file a program
//   /sys/fs/bpf/xgre/<instance>/links/tcx-<ifindex>    a link, which keeps its program attached
//   /sys/fs/bpf/xgre/<instance>/links/xdp-<ifindex>    likewise
//   /sys/fs/bpf/xgre/<instance>/links/clsact-<ifindex> a program: marks a filter we made
//   /sys/fs/bpf/xgre/<instance>+new                    an instance in the making
//   /sys/fs/bpf/xgre/<instance>+old                    one that is being removed
//   .../<name>+new                                     a pin that is to replace another
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace xgre::pins {

std::string root();                                  // /sys/fs/bpf/xgre
std::string directory(const std::string& instance);  // of a whole instance
std::string staging(const std::string& instance);    // while it is being made
std::string removed(const std::string& instance);    // while it is being removed
std::string links(const std::string& instance);

bool exists(const std::string& path);
// Throws Error, except when it is there already.
void make_directory(const std::string& path);
// File names, sorted; empty when there is no such directory.
std::vector<std::string> list(const std::string& directory);
// Pins a map, a program or a link, in place of what is pinned there: the name is never missing.
// Throws Error.
void put(int fd, const std::string& path);
// A pin; absence is no error. Throws Error.
void remove(const std::string& path);
// A directory of pins with everything in it, `links` first; absence is no error. Throws Error.
void remove_tree(const std::string& directory);
// Pins under `directory` that were to replace others; how many. Throws Error.
std::size_t remove_unfinished(const std::string& directory);
// Whether this may be an instance's name: 1..15 of [A-Za-z0-9_-].
bool is_instance_name(std::string_view name);
// Throws Error when it may not.
void check_instance_name(const std::string& name);

}  // namespace xgre::pins
