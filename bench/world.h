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
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "bench/fd.h"
#include "bench/system.h"
#include "xgre/ip_addr.h"
#include "xgre/mac.h"

namespace xgre::bench {

// The largest IP packet of a VM: what fits VXLAN on a wire of 1500, and so every peer.
constexpr int kVmMtu = 1450;

enum class VmKind : std::uint8_t {
    stack,     // a veth into a namespace with a TCP/IP stack, which finishes its frames
    offloads,  // the same; checksums and segmentation are left to the host
    bare,      // a veth without addresses; all VMs of a host share a namespace
    tap,       // a tap with vnet_hdr and offloads, which we hold the other end of
};

struct Shape {
    std::size_t vms_on_a = 1;
    std::size_t vms_on_b = 0;  // none: b is bare
    VmKind vms = VmKind::stack;
    int vm_mtu = kVmMtu;
    int wire_mtu = 1500;
    std::size_t networks = 1;       // VMs take turns in them
    std::size_t remotes = 0;        // of each network, behind b as a router; 0: b itself
    std::uint32_t fdb_entries = 0;  // room that xgre is asked for; 0: what it takes by itself
    std::uint32_t addresses = 0;    // the limit looks up each destination among so many; 0: none
};

struct Port {
    std::string device;  // on the host
    int index = 0;
};

struct Vm {
    std::string netns;  // empty for a tap
    int index = 0;      // of its interface
    Mac mac;
    Ip4Addr address;
    Port port;
    Fd tap;
};

struct Host {
    std::string netns;  // and the name of its instance
    std::string uplink;
    int uplink_index = 0;
    Mac mac;  // the uplink's
    Ip4Addr address;
    std::vector<Vm> vms;
};

// An endpoint at the other end of the wire, with the VMs that are behind it from the start.
struct Remote {
    Ip4Addr address;
    std::vector<Mac> macs;
};

// A network as one host sees it.
struct Segment {
    std::uint32_t key = 0;
    std::vector<const Vm*> vms;
    std::vector<Remote> remotes;
};

class World {
public:
    // `name` tells it from other worlds of this run; two characters at the most, since an
    // instance's name, made of it, has no room for more.
    World(const std::string& name, const Shape& shape);

    const Host& a() const { return a_; }
    const Host& b() const { return b_; }
    const Shape& shape() const { return shape_; }
    std::vector<Segment> segments_of(const Host& host) const;

private:
    void make_host(Host& host, std::size_t number);
    void make_wire();

    Shape shape_;
    std::deque<Netns> netns_;  // a deque moves none
    Host a_;
    Host b_;
};

// The VM behind the other host where host b is bare.
constexpr Mac kRemoteMac{{0x02, 0, 0, 0x0b, 0, 1}};
constexpr Ip4Addr kRemoteAddress{{192, 0, 2, 21}};

// Endpoints behind b: this one and those that follow.
constexpr Ip4Addr kFirstRemote{{198, 19, 0, 1}};

}  // namespace xgre::bench
