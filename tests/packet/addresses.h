// SPDX-License-Identifier: GPL-2.0-only
// Who is who in packet tests.
//
// A Station stands for its MAC in eth() and arp_*(), for its IPv4 address in ipv4(), for
// its IPv6 address in ipv6(); its members `mac`, `ip` and `ip6` are the values themselves.
#pragma once

#include "tests/packet/address_types.h"

namespace xgre::test {

// The underlay: 198.18.0.0/24 and 2001:db8:1::/64.
inline constexpr Station kHostA{mac(0x02, 0, 0, 0, 0, 0x01), ip(198, 18, 0, 1),
                                ip6({0x2001, 0xdb8, 1, 0, 0, 0, 0, 1})};
inline constexpr Station kHostB{mac(0x02, 0, 0, 0, 0, 0x02), ip(198, 18, 0, 2),
                                ip6({0x2001, 0xdb8, 1, 0, 0, 0, 0, 2})};
inline constexpr Station kHostC{mac(0x02, 0, 0, 0, 0, 0x03), ip(198, 18, 0, 3),
                                ip6({0x2001, 0xdb8, 1, 0, 0, 0, 0, 3})};
// No network's peer.
inline constexpr Station kStranger{mac(0x02, 0, 0, 0, 0, 0x66), ip(198, 18, 0, 66),
                                   ip6({0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x66})};
inline constexpr Station kGateway{mac(0x02, 0, 0, 0, 0, 0xfe), ip(198, 18, 0, 254),
                                  ip6({0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfe})};

// The VMs: 192.0.2.0/24 and 2001:db8:2::/64.
inline constexpr Station kVmA{mac(0x02, 0, 0, 0, 0x0a, 0x01), ip(192, 0, 2, 11),
                              ip6({0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x11})};
inline constexpr Station kVmB{mac(0x02, 0, 0, 0, 0x0a, 0x02), ip(192, 0, 2, 12),
                              ip6({0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x12})};
inline constexpr Station kVmC{mac(0x02, 0, 0, 0, 0x0a, 0x03), ip(192, 0, 2, 13),
                              ip6({0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x13})};
inline constexpr Station kVmD{mac(0x02, 0, 0, 0, 0x0a, 0x04), ip(192, 0, 2, 14),
                              ip6({0x2001, 0xdb8, 2, 0, 0, 0, 0, 0x14})};

inline constexpr Ipv4Address kHostAIp = kHostA.ip;
inline constexpr Ipv4Address kHostBIp = kHostB.ip;
inline constexpr Ipv4Address kHostCIp = kHostC.ip;
inline constexpr Ipv4Address kStrangerIp = kStranger.ip;
inline constexpr Ipv4Address kGatewayIp = kGateway.ip;
inline constexpr Ipv4Address kVmAIp = kVmA.ip;
inline constexpr Ipv4Address kVmBIp = kVmB.ip;
inline constexpr Ipv4Address kVmCIp = kVmC.ip;
inline constexpr Ipv4Address kVmDIp = kVmD.ip;

inline constexpr Ipv6Address kHostAIp6 = kHostA.ip6;
inline constexpr Ipv6Address kHostBIp6 = kHostB.ip6;
inline constexpr Ipv6Address kHostCIp6 = kHostC.ip6;
inline constexpr Ipv6Address kStrangerIp6 = kStranger.ip6;
inline constexpr Ipv6Address kGatewayIp6 = kGateway.ip6;
inline constexpr Ipv6Address kVmAIp6 = kVmA.ip6;
inline constexpr Ipv6Address kVmBIp6 = kVmB.ip6;
inline constexpr Ipv6Address kVmCIp6 = kVmC.ip6;
inline constexpr Ipv6Address kVmDIp6 = kVmD.ip6;

inline constexpr MacAddress kBroadcast = mac(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
inline constexpr MacAddress kMulticast = mac(0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb);  // mDNS's
inline constexpr MacAddress kAllZero = mac(0, 0, 0, 0, 0, 0);
inline constexpr MacAddress kLinkLocalGroup = mac(0x01, 0x80, 0xc2, 0x00, 0x00, 0x00);  // STP's
inline constexpr Ipv4Address kIpBroadcast = ip(255, 255, 255, 255);

static_assert(kVmA.mac.bytes[5] == 0x01 && kVmA.mac.bytes[4] == 0x0a);
static_assert(kHostAIp6.bytes[0] == 0x20 && kHostAIp6.bytes[15] == 1);

}  // namespace xgre::test
