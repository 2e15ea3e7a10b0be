// SPDX-License-Identifier: GPL-2.0-only
// A host that runs Open vSwitch's user-space datapath: one with no xgre on it. Its daemons, their
// database and their sockets are this host's own, in a directory that goes with it.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "tests/e2e/lab.h"

namespace xgre::test {

class OvsHost {
public:
    // At the lab's switch, as 198.18.0.9; a bridge with no tunnel and no VM yet.
    explicit OvsHost(Lab& lab);
    OvsHost(const OvsHost&) = delete;
    OvsHost& operator=(const OvsHost&) = delete;
    ~OvsHost();

    Ip4Addr address() const { return Ip4Addr{{198, 18, 0, 9}}; }
    const std::string& directory() const { return directory_; }
    // A `type=gre` port towards `remote`; `options` as "options:key=7 options:csum=true".
    void add_tunnel(Ip4Addr remote, std::string_view options) const;
    // A VM's eth0, with the station's address.
    const Netns& add_vm(std::string_view role, const Station& station, bool with_address = true);
    // Which packets Open vSwitch has in its tunnel and MAC tables; for messages.
    std::string describe() const;

private:
    void start(std::vector<std::string> words);
    void vsctl(std::string_view words) const;

    std::string directory_;
    Netns netns_;
    std::vector<pid_t> daemons_;
    std::vector<std::unique_ptr<Netns>> vms_;
};

}  // namespace xgre::test
