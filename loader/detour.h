// SPDX-License-Identifier: GPL-2.0-only
// The veth pair of an instance that frames take a detour by, to be made complete: see
// bpf/detour.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "loader/netlink.h"

namespace xgre {

class Detour {
public:
    // Where frames go in, and where the program takes them.
    struct Ends {
        LinkInfo in;
        LinkInfo out;
    };

    // `cookie` is the instance's, which its devices are named by. In the current network namespace.
    explicit Detour(std::uint32_t cookie);

    // nullopt: not there, or not as it is to be.
    std::optional<Ends> find(NlSocket& netlink) const;
    // Makes it, in the place of what is not as it is to be. Throws Error.
    Ends make(NlSocket& netlink) const;
    void remove(NlSocket& netlink) const;

    // Is it one of the two ends, of any instance's?
    static bool is_end(const LinkInfo& link);

private:
    std::string in_;
    std::string out_;
};

}  // namespace xgre
