// SPDX-License-Identifier: GPL-2.0-only
// The files of a network's DHCP server.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "loader/dhcp_config.h"
#include "loader/dhcp_leases.h"

namespace xgre {

// Throws Error when a name cannot be a part of paths; `noun`: network or router.
void check_dhcp_name(const std::string& noun, const std::string& name);

// Reading what is not there is no error, and neither is removing it; everything else that fails
// throws Error. Directories are made as files need them, and are gone with their last file.
class DhcpFiles {
public:
    // The names are checked: throws Error.
    DhcpFiles(const std::string& instance, const std::string& network);

    // Networks of the instance that have any file here, sorted.
    static std::vector<std::string> networks(const std::string& instance);
    // Removes directories of the instance that a killed command left empty.
    static void tidy(const std::string& instance);
    // Instances that have any, sorted.
    static std::vector<std::string> instances();

    std::string config_file() const { return directory_ + "/config.json"; }
    std::string pid_file() const { return directory_ + "/dnsmasq.pid"; }
    const std::string& lease_file() const { return lease_file_; }
    // Where the original of a damaged lease file is.
    std::string damaged_lease_file() const { return lease_file_ + ".damaged"; }

    bool exist() const;  // any of them
    // nullopt: there is none, or none that can be read, which has_config() tells apart.
    std::optional<DhcpConfig> config() const;
    bool has_config() const;
    void write_config(const DhcpConfig& config) const;

    // The lease file as dnsmasq left it, not as it is half-way through rewriting it.
    LeaseFile leases() const;
    // What is wrong with it, in a sentence without a full stop.
    std::optional<std::string> lease_fault() const;
    // Writes the leases that can be read, having put the original aside. Not while dnsmasq runs.
    void mend_leases(const LeaseFile& leases) const;
    // Not while dnsmasq runs.
    void write_leases(const LeaseFile& leases) const;
    // dnsmasq makes the file, but not its directory.
    void make_lease_directory() const;

    bool remove() const;  // all of them; false: there was none

private:
    std::string directory_;   // /run/xgre/<instance>/dhcp/<network>
    std::string lease_file_;  // /var/lib/xgre/<instance>/<network>.leases
};

}  // namespace xgre
