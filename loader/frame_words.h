// SPDX-License-Identifier: GPL-2.0-only
// A frame in words: one line a layer. Reads what is there, of any bytes; decides nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "xgre/ip_addr.h"
#include "xgre/mac.h"

namespace xgre {

struct Layer {
    std::string name;  // "ethernet", "vlan", "arp", "ipv4", "ipv6", "gre", "tcp", ...
    std::string text;
};

// The outermost first. Of GRE with an Ethernet frame inside, with the layers of that.
std::vector<Layer> layers_of(std::span<const std::uint8_t> frame);
// In one line.
std::string line_of(const std::vector<Layer>& layers);

// How an Ethernet frame begins; nullopt where it is shorter.
struct EthernetHead {
    Mac destination;
    Mac source;
    std::uint16_t vlan = 0;  // of the outermost tag; 0: untagged or priority-tagged
    bool tagged = false;
    std::uint16_t type = 0;  // behind all tags
    std::size_t size = 0;    // bytes, with the tags
};
std::optional<EthernetHead> ethernet_of(std::span<const std::uint8_t> frame);

// An Ethernet frame in GRE in IP, as far as its headers can be read; nullopt for all else.
struct TunnelHead {
    IpAddr source;
    IpAddr destination;
    std::optional<std::uint32_t> key;
    bool checksum = false;
    bool sequence = false;
    bool fragment = false;  // a part of an IP packet
    std::size_t inner = 0;  // where the frame inside begins; of a later fragment, its end
};
std::optional<TunnelHead> tunnel_of(std::span<const std::uint8_t> packet);

// A TCP segment with SYN, in an untagged or tagged frame.
bool is_syn(std::span<const std::uint8_t> frame);

}  // namespace xgre
