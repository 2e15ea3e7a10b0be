// SPDX-License-Identifier: GPL-2.0-only
// A state and the frames that come to it: made up from a number, shown, made smaller.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/model/model.h"

namespace xgre::test::model {

struct Step {
    std::size_t device = kWire;  // or a port
    Packet packet;
};

struct Scenario {
    State state;
    std::vector<bool> xdp_transmit;  // by port: what XDP may do, and has to make no difference
    std::vector<bool> offloads;
    std::vector<Step> steps;
};

// Devices are made once for all scenarios, so these are the same in each.
constexpr std::array<std::size_t, 5> kPortMtus{1500, 1300, 1600, 1500, 5000};
constexpr std::size_t kUplinkMtu = 1600;
// Who a peer may be, and what the host's routes and neighbours say of it.
struct Place {
    Station station;
    Route route = Route::none;
};
constexpr std::array<Place, 5> kPlaces{{
    {kHostB, Route::resolved},
    {kHostC, Route::resolved},
    {kGateway, Route::resolved},
    {kStranger, Route::unresolved},
    {{{}, ip(203, 0, 113, 1), ip6({0x2001, 0xdb8, 2, 0, 0, 0, 0, 1})}, Route::none},
}};
constexpr std::uint32_t kPeers = 7;     // ids 1 to 7, as far as there are any
constexpr std::uint32_t kNetworks = 4;  // 1, 2, 3 and, which nobody has made, 4

// The same for the same seed, on every machine.
Scenario make_scenario(std::uint64_t seed, std::size_t frames);

std::string show(const Scenario& scenario);

// The smallest that `fails` still holds for, of those that were tried.
Scenario shrunk(Scenario scenario, const std::function<bool(const Scenario&)>& fails);

}  // namespace xgre::test::model
