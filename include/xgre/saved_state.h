// SPDX-License-Identifier: GPL-2.0-only
// What an instance has learned, over a reboot: entries of the FDB, and the leases of its DHCP
// servers. A text of lines, one an entry, so that millions need no memory; see
// docs/configuration.md.
#pragma once

#include <cstdint>
#include <functional>
#include <istream>
#include <string>
#include <string_view>
#include <vector>

#include "xgre/session.h"

namespace xgre {

// Line by line, without the newline. Learned entries only, as static ones are configuration.
void save_state(const Session& session, const std::function<void(std::string_view line)>& write);

struct RestoredState {
    std::uint64_t entries = 0;   // of the FDB
    std::uint64_t expired = 0;   // too old by now
    std::uint64_t known = 0;     // the instance knows better, or has no room
    std::uint64_t homeless = 0;  // their network, port or peer is not here
    std::uint64_t leases = 0;
};

// Leases of these networks, where they have none on this host. Before their DHCP servers are
// started. `name` is what errors call the text. The whole text is checked before anything is
// changed. Throws Error.
RestoredState restore_leases(const Session& session, const std::vector<std::string>& networks,
                             std::istream& text, const std::string& name);
// Entries of the FDB, older by the time that has passed. Of an attached instance.
RestoredState restore_fdb(const Session& session, std::istream& text, const std::string& name);

}  // namespace xgre
