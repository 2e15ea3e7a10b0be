// SPDX-License-Identifier: GPL-2.0-only
// An instance beside an instance, to run its programs without touching it: the same programs on
// maps of their own with the same content, in a namespace of its own, where a tap stands for each
// device.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "loader/datapath.h"
#include "loader/instance_state.h"

namespace xgre {

// The calling thread is in the stand-in's network namespace while this lives. Everything goes with
// it, however the process ends.
class StandIn {
public:
    // Throws Error.
    static StandIn of(const Instance::State& state);

    const Datapath& datapath() const { return datapath_; }

    // Throws away what was sent to the devices: their queues are not without end.
    void drain() const;

private:
    // What a device is like, and how the kernel sends to peers by it.
    struct Device {
        std::uint32_t ifindex = 0;
        Mac mac;
        std::uint32_t mtu = 0;
    };
    struct Way {
        IpAddr peer;
        std::optional<IpAddr> gateway;
        std::optional<Mac> mac;  // of the next hop
    };
    struct Plan {
        std::vector<Device> devices;
        std::vector<Way> ways;
        std::uint32_t uplink = 0;
        bool forwards_on_loopback = false;
    };

    StandIn(const Instance::State& state, const Plan& plan);

    static Plan plan(const Instance::State& state);
    static std::string name_of(std::uint32_t ifindex);
    void make_devices(const Plan& plan);
    void make_ways(const Plan& plan) const;

    NetnsScope netns_;
    std::map<std::uint32_t, Fd> taps_;  // by ifindex
    Datapath datapath_;
};

}  // namespace xgre
