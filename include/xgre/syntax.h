// SPDX-License-Identifier: GPL-2.0-only
// What options of commands and fields of a configuration file take: how their text is read, and
// what was expected where it cannot be.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "xgre/dhcp.h"
#include "xgre/gre_key.h"
#include "xgre/instance.h"
#include "xgre/ip_addr.h"
#include "xgre/mac.h"
#include "xgre/vlan.h"

namespace xgre {

template <typename T>
struct Syntax {
    std::string placeholder;  // in help: MAC
    std::string is_a;         // "a MAC address", after "'...' is not"
    std::string give;         // "six bytes like 02:00:00:00:00:01", after "give"
    std::function<std::optional<T>(std::string_view)> parse;
    // What completion offers: words, and names that there are as <kind> of names.h: "none|<peer>".
    std::string offers = {};
};

struct AddressRange {
    Ip4Addr first;
    Ip4Addr last;
};

Syntax<Mac> mac_syntax();
Syntax<Ip4Addr> ip4_syntax();
Syntax<IpAddr> address_syntax();
Syntax<OrNone<GreKey>> key_or_none_syntax();
Syntax<OrNone<std::uint8_t>> byte_or_syntax(const std::string& word);  // 0..255, or the word
Syntax<OrNone<std::uint32_t>> flow_label_syntax();                     // 20 bits, or inherit
Syntax<DontFragment> df_syntax();
Syntax<NetworkMode> mode_syntax();
Syntax<Subnet> subnet_syntax();
Syntax<GreKey> key_syntax();
Syntax<Vlan> vlan_syntax();
Syntax<AddressRange> range_syntax();  // A-B, A not above B
Syntax<DhcpHost> host_syntax();       // MAC=ADDR
Syntax<TcHook> tc_syntax();
Syntax<XdpUse> xdp_syntax();
Syntax<Spread> spread_syntax();
Syntax<std::optional<IpAddr>> vm_address_syntax();  // nullopt: `none`
Syntax<std::string> network_syntax();
Syntax<std::string> device_syntax();
Syntax<std::string> instance_syntax();
Syntax<std::string> netns_syntax();
Syntax<std::uint32_t> number_syntax(std::uint32_t least, std::uint32_t most);
Syntax<std::uint32_t> limit_syntax();  // frames a second; 0, also written `none`: no limit
Syntax<std::chrono::seconds> seconds_syntax(std::uint32_t least, std::uint32_t most);
Syntax<std::uint32_t> mtu_syntax();  // bytes; 0, written `auto`: what fits the uplink
Syntax<std::uint32_t> fdb_size_syntax();
Syntax<std::chrono::seconds> ageing_syntax();
Syntax<std::chrono::seconds> lease_time_syntax();
Syntax<bool> switch_syntax();                         // on or off
Syntax<std::chrono::milliseconds> interval_syntax();  // seconds, also fractions, or nothing
Syntax<std::chrono::milliseconds> duration_syntax();  // seconds, also fractions

}  // namespace xgre
