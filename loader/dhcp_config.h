// SPDX-License-Identifier: GPL-2.0-only
// What a network's DHCP server is to be, and the dnsmasq arguments that make it so.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "xgre/dhcp.h"
#include "xgre/ip_addr.h"
#include "xgre/mac.h"

namespace xgre {

// A DhcpSpec with nothing left open, and the names and addresses that its kernel objects have.
// Kept in a file from before the first of those is made until after the last is gone: whatever a
// killed command leaves is found again by it.
struct DhcpConfig {
    std::string network;
    Subnet subnet;
    Ip4Addr gateway;
    Ip4Addr range_first;
    Ip4Addr range_last;
    std::vector<Ip4Addr> dns;     // in the order of preference
    std::vector<DhcpHost> hosts;  // sorted by MAC
    std::chrono::seconds lease_time{0};

    std::string netns;          // of the router
    bool netns_is_ours = true;  // false: somebody else made it, and it stays
    std::string port;           // the veth's end on the host
    std::string device;         // its end in the router
    Mac port_mac;
    Mac device_mac;
};

// Fills in everything of the first group but nothing of the second. Without a subnet the rest,
// too, is as in `saved` where `spec` is silent. Throws Error for what cannot be served.
DhcpConfig resolve_dhcp(const DhcpSpec& spec, const std::optional<DhcpConfig>& saved);

// As JSON. Equal texts are equal configurations.
std::string format_dhcp_config(const DhcpConfig& config);
// nullopt: this is no such text.
std::optional<DhcpConfig> parse_dhcp_config(std::string_view text);

// What dnsmasq needs to know beside the configuration.
struct DnsmasqSurroundings {
    std::string user;
    std::string group;
    std::string pid_file;
    std::string lease_file;
    std::uint32_t mtu = 0;  // of the network, bytes
};

std::vector<std::string> dnsmasq_arguments(const DhcpConfig& config,
                                           const DnsmasqSurroundings& surroundings);

}  // namespace xgre
