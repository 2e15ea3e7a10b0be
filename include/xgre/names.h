// SPDX-License-Identifier: GPL-2.0-only
// The names that there are now: for who completes a command line, or lets a user choose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xgre/session.h"

namespace xgre {

enum class NameKind : std::uint8_t {
    instance,  // with pins on this machine
    netns,     // network namespaces, as `ip netns list` has them
    device,    // Ethernet devices of the host
    address,   // of the host's devices, without link-local ones
    network,
    port,
    peer,
    mac,      // of the FDB, at most a thousand
    map,      // pinned by the instance
    verdict,  // what may become of a frame
    drop,     // those of them that are drops
};

// "instance", "netns", ... as above; nullopt for another word.
std::optional<NameKind> parse_name_kind(std::string_view word);

struct Name {
    std::string name;
    std::string about;  // which one that is, in a few words; may be empty
};

// Sorted, each once. Reads only, and locks nothing. Throws Error as the shows of Instance do.
std::vector<Name> names_of(const Session& session, NameKind kind);

}  // namespace xgre
