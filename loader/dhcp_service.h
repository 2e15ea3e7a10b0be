// SPDX-License-Identifier: GPL-2.0-only
// DHCP servers for who has the instance open already, and with it the lock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "loader/dhcp_config.h"
#include "loader/dhcp_leases.h"
#include "xgre/dhcp.h"
#include "xgre/instance.h"
#include "xgre/session.h"

namespace xgre {

// As those of xgre/dhcp.h.
DhcpStarted start_dhcp(const Session& session, Instance& instance, const DhcpSpec& spec);
Change stop_dhcp(const Session& session, Instance& instance, const std::string& network);

// What a server is, and what stopping it would take away.
struct DhcpKept {
    std::string network;
    std::optional<DhcpConfig> config;  // none: there is no server
    LeaseFile leases;                  // also those that a reboot left without one
};
DhcpKept keep_dhcp(const Session& session, const std::string& network);
// As start_dhcp() of a server that was stopped meanwhile: with the gateway's MAC, and its leases.
void start_dhcp_again(const Session& session, Instance& instance, const DhcpKept& kept,
                      const DhcpSpec& spec);
// Where there is no server, the leases that were there without one.
void put_back_leases(const Session& session, const DhcpKept& kept);

struct DhcpAsked {
    DhcpSpec spec;                    // with nothing left open
    std::string port;                 // the device that the server made
    std::vector<std::string> faults;  // what of it is broken
};
// What the instance's servers were asked to be.
std::vector<DhcpAsked> asked_dhcp(const Session& session, Instance& instance);

}  // namespace xgre
