// SPDX-License-Identifier: GPL-2.0-only
// What an instance calls what its frames show: devices, networks, peers. As it was at one moment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "loader/instance_state.h"

namespace xgre {

class CaptureNames {
public:
    explicit CaptureNames(const Instance::State& state);

    const std::string& uplink() const { return uplink_; }
    // The name that it was added with; "device 7" for one that is not of the instance.
    std::string device(std::uint32_t ifindex) const;
    // nullopt, and empty: there is none.
    std::string network(std::uint32_t id) const;
    std::uint32_t network_of_port(std::uint32_t ifindex) const;
    std::optional<IpAddr> peer(std::uint32_t id) const;

    bool is_peer(const IpAddr& address) const;
    bool has_port(std::uint32_t network, const std::string& device) const;
    bool has_peer(std::uint32_t network, const IpAddr& address) const;

private:
    template <typename Name>
    struct Member {
        Name name;
        std::uint32_t network = 0;

        bool operator==(const Member&) const = default;
    };

    std::string uplink_;
    std::uint32_t uplink_index_ = 0;
    std::uint32_t detour_ = 0;
    std::map<std::uint32_t, std::string> networks_;
    std::map<std::uint32_t, Member<std::string>> ports_;  // by ifindex
    std::map<std::uint32_t, Member<IpAddr>> peers_;       // by id
};

}  // namespace xgre
