// SPDX-License-Identifier: GPL-2.0-only
// dnsmasq processes, each known by the pid file that it was started with.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "loader/fd.h"

namespace xgre {

class Dnsmasq {
public:
    // `pid_file` is that of one server: of whatever runs, only what has been started with this
    // very path is meant.
    explicit Dnsmasq(std::string pid_file) : pid_file_{std::move(pid_file)} {}

    // The unprivileged account that it runs as. Throws Error when it was not set up.
    struct Account {
        std::string user;
        std::string group;
    };
    static Account account();

    // The one that the pid file names; nullopt when that is not running.
    std::optional<pid_t> pid() const;
    // Whether `pid` runs with exactly these arguments, in this network namespace.
    static bool is_as_asked(pid_t pid, const std::vector<std::string>& arguments, const Fd& netns);

    // Returns when it answers. Throws Error with its own words when it cannot.
    void start(const std::vector<std::string>& arguments, const Fd& netns) const;
    // Ends it, also where it has lost its pid file; false: none was running. Throws Error.
    bool stop() const;

private:
    std::string argument() const { return "--pid-file=" + pid_file_; }
    std::vector<pid_t> all() const;

    std::string pid_file_;
};

}  // namespace xgre
