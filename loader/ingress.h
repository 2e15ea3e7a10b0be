// SPDX-License-Identifier: GPL-2.0-only
// Where frames come into an instance: its uplink, or a port.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "loader/instance_state.h"
#include "xgre/abi.h"

namespace xgre {

struct Ingress {
    std::string device;
    std::uint32_t ifindex = 0;
    bool is_uplink = false;
    bool has_xdp = false;
    std::size_t longest = 0;  // frame that its MTU lets in, in bytes
    xgre_program xdp = XGRE_PROGRAM_UPLINK_XDP;
    xgre_program tc = XGRE_PROGRAM_UPLINK_TC;

    // The uplink without `device`. Throws Error for what is neither, and for one that is gone.
    static Ingress of(const Instance::State& state, const std::optional<std::string>& device);
};

// Are the programs that run not those of `datapath`, which this tool has loaded?
bool is_other_build(const Instance::State& state, const Datapath& datapath, const Ingress& ingress);

}  // namespace xgre
