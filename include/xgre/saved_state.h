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

struct RestoredFdb {
    std::uint64_t entries = 0;
    std::uint64_t expired = 0;   // too old by now
    std::uint64_t known = 0;     // the instance knows better, or has no room
    std::uint64_t homeless = 0;  // their network, port or peer is not here
};

// A text that save_state() has written.
class SavedState {
public:
    // Reads all of it, so that nothing is changed by one that is broken further down. `name` is
    // what errors call it. `text` must outlive this and be one that can be read again, as a file.
    // Throws Error.
    SavedState(std::istream& text, std::string name);

    // Leases of these networks, where they have none on this host; how many. Before their DHCP
    // servers are started. Throws Error.
    std::uint64_t restore_leases(const Session& session, const std::vector<std::string>& networks);
    // Entries of the FDB, older by the time that has passed. Of an attached instance. Throws Error.
    RestoredFdb restore_fdb(const Session& session);

private:
    void begin_again();

    std::istream& text_;
    std::string name_;
    std::istream::pos_type start_;
};

}  // namespace xgre
