// SPDX-License-Identifier: GPL-2.0-only
// An instance beside an instance, to run its programs without touching it: the same programs on
// maps of their own with the same content, in a namespace of its own, where a tap stands for each
// device.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "loader/datapath.h"
#include "loader/detour.h"
#include "loader/instance_state.h"
#include "loader/map_copy.h"

namespace xgre {

class StandIn {
public:
    using Frame = std::vector<std::uint8_t>;

    // What it is for. Test runs: of programs, as if each device were there and ready. Frames: TC
    // programs are attached, the detour is there, and devices are no more ready than those that
    // they stand for, so that frames go as they would.
    enum class Use { test_runs, frames };

    // How the kernel sends to peers by the uplink.
    struct Way {
        IpAddr peer;
        std::optional<IpAddr> gateway;
        std::optional<Mac> mac;  // of the next hop
        std::uint32_t mtu = 0;   // as in RouteInfo

        IpAddr hop() const { return gateway.value_or(peer); }
        bool operator==(const Way&) const = default;
    };

    // Everything goes with it, however the process ends. Throws Error.
    static StandIn of(const Instance::State& state, Use use = Use::test_runs);

    // Makes it what the instance is by now: devices, ways and maps. Throws Error.
    void follow(const Instance::State& state);

    // The calling thread is in its network namespace for as long as the result lives.
    NetnsScope enter() const;

    const Datapath& datapath() const { return datapath_; }
    const MapCopy& copy() const { return copy_; }
    // Throws away what was sent to the devices: their queues are not without end.
    void drain() const;

    // ---- With Use::frames ----
    // By the device's own number. One that is down is set up for it, until it next follows.
    void send(std::uint32_t ifindex, std::span<const std::uint8_t> frame);
    // What has left by a device since the last call.
    std::vector<Frame> received(std::uint32_t ifindex) const;
    // Is it there, up and with a carrier? Else what is sent to it is lost.
    bool is_ready(std::uint32_t ifindex) const;
    // Likewise of the device that it stands for.
    bool is_ready_outside(std::uint32_t ifindex) const;
    // nullopt: no route to it by the uplink.
    std::optional<Way> way_to(const IpAddr& peer) const;
    std::uint32_t mtu_of(std::uint32_t ifindex) const { return devices_.at(ifindex).mtu; }
    bool is_known(std::uint32_t ifindex) const { return taps_.contains(ifindex); }
    // With XDP at it, or, as at first, without. Throws Error.
    void set_xdp(std::uint32_t ifindex, bool on);
    // Frames that went into the detour so far.
    std::uint64_t detours();
    // Gives next hops without a MAC this one, so that what waits for them leaves; and takes it
    // back.
    void answer_for_silent_hops(const Mac& mac);
    void be_silent_again();

private:
    // What a device is like.
    struct Device {
        std::uint32_t ifindex = 0;
        Mac mac;
        std::uint32_t mtu = 0;
        bool up = true;
        bool running = true;

        bool operator==(const Device&) const = default;
    };
    struct Plan {
        std::vector<Device> devices;
        std::vector<Way> ways;
        std::uint32_t uplink = 0;
        bool forwards_on_loopback = false;
        bool has_detour = false;
    };

    StandIn(const Instance::State& state, const Plan& plan, Use use);

    static Plan plan(const Instance::State& state);
    static std::string name_of(std::uint32_t ifindex);
    void apply(const Instance::State& state, const Plan& plan);
    void set_up(const Device& device);
    void make_tap(const Device& device);
    void set_ways(const std::vector<Way>& ways);
    void set_neighbours();
    void make_detour();
    void remove_detour();
    void adapt_rows() const;
    int program_of(std::uint32_t ifindex, bool is_xdp) const;

    Use use_;
    Fd netns_;
    Datapath datapath_;
    NlSocket netlink_;
    MapCopy copy_;
    std::uint32_t uplink_;
    xgre_tc_hook tc_hook_;
    std::map<std::uint32_t, Device> devices_;
    std::map<std::uint32_t, bool> ready_outside_;
    std::map<std::uint32_t, Fd> taps_;  // by ifindex
    std::map<IpAddr, Way> ways_;        // by peer
    std::map<IpAddr, std::optional<Mac>> hops_;
    std::vector<Fd> tc_links_;
    std::map<std::uint32_t, Fd> xdp_links_;
    std::optional<Detour::Ends> detour_;  // nullopt: not made yet
    bool has_detour_ = false;             // the instance has one, too
};

}  // namespace xgre
