// SPDX-License-Identifier: GPL-2.0-only
// DHCP for a network: a namespace that is its router, with dnsmasq inside.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "xgre/instance.h"
#include "xgre/ip_addr.h"
#include "xgre/mac.h"
#include "xgre/session.h"

namespace xgre {

struct DhcpHost {
    Mac mac;
    Ip4Addr address;
};

struct DhcpSpec {
    std::string network;
    std::optional<Subnet> subnet;        // without: as it was started before
    std::optional<Ip4Addr> range_first;  // without: all of the subnet but the gateway
    std::optional<Ip4Addr> range_last;
    std::optional<Ip4Addr> gateway;  // without: the subnet's first address
    std::vector<Ip4Addr> dns;
    std::vector<DhcpHost> hosts;
    std::optional<std::string> router;  // namespace shared with another network; without: its own
    std::optional<std::chrono::seconds> lease_time;  // 120..; an hour without
};

struct DhcpLease {
    Mac mac;
    Ip4Addr address;
    std::string name;                              // empty when the client gave none
    std::chrono::system_clock::time_point expiry;  // max(): never
    std::string port;  // behind which the MAC is now; empty: a peer, or not known
    std::optional<IpAddr> peer;
};

struct DhcpInfo {
    std::string network;
    Subnet subnet;
    Ip4Addr range_first;
    Ip4Addr range_last;
    Ip4Addr gateway;
    std::vector<Ip4Addr> dns;
    std::vector<DhcpHost> hosts;
    std::uint32_t mtu = 0;
    std::string netns;   // of the router
    std::string device;  // the port
    bool running = false;
    std::optional<int> pid;
    std::vector<std::string>
        problems;  // what is wrong, a sentence each, with the command to mend it
    std::vector<DhcpLease> leases;
};

struct DhcpStarted {
    Change change = Change::made;
    std::vector<std::string> repairs;
};

// Makes the namespace, the port and dnsmasq, or repairs what of it is missing. Whole or not at
// all. Throws Error.
DhcpStarted start_dhcp(const Session& session, const DhcpSpec& spec);
// Removes all of it, leases included. `unchanged`: there was nothing.
Change stop_dhcp(const Session& session, const std::string& network);
// Everything that `detach --all` has to stop.
void stop_all_dhcp(const Session& session);
std::vector<DhcpInfo> show_dhcp(const Session& session, const std::optional<std::string>& network);

}  // namespace xgre
