// SPDX-License-Identifier: GPL-2.0-only
// Hosts, VMs and the wire between them: what all peers are measured on.
//
//   vm-a1 --+                                  +-- vm-b1
//           host a --uplink0== wire ==uplink0-- host b
//   vm-a2 --+
//
// Host b is a whole host, or the bare end of the wire where frames are made and counted.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "bench/system.h"
#include "xgre/ip_addr.h"
#include "xgre/mac.h"

namespace xgre::bench {

struct Port {
    std::string device;  // on the host
    int index = 0;
};

struct Vm {
    std::string netns;
    int index = 0;  // of its interface
    Mac mac;
    Ip4Addr address;
    Port port;
};

struct Host {
    std::string netns;  // and the name of its instance
    std::string uplink;
    int uplink_index = 0;
    Mac mac;  // the uplink's
    Ip4Addr address;
    std::vector<Vm> vms;
};

struct Shape {
    std::size_t vms_on_a = 1;
    std::size_t vms_on_b = 0;  // none: b is bare
    bool offloads = false;     // VMs leave checksums and segmentation to the host
};

class World {
public:
    // `name` tells it from other worlds of this run; one character, since an instance's name,
    // made of it, has no room for more.
    World(const std::string& name, const Shape& shape);

    const Host& a() const { return a_; }
    const Host& b() const { return b_; }
    const Shape& shape() const { return shape_; }

private:
    void make_host(Host& host, std::size_t number);
    void make_wire();
    void make_vm(Host& host, std::size_t number);

    Shape shape_;
    std::deque<Netns> netns_;  // a deque moves none
    Host a_;
    Host b_;
};

// The largest IP packet of a VM: what fits VXLAN on the wire, and so every peer.
constexpr int kVmMtu = 1450;

// The VM on the other host of the 64-byte rows, where host b is bare.
constexpr Mac kRemoteMac{{0x02, 0, 0, 0, 0x0b, 1}};
constexpr Ip4Addr kRemoteAddress{{192, 0, 2, 21}};

}  // namespace xgre::bench
