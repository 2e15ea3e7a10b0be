// SPDX-License-Identifier: GPL-2.0-only
// What the model says of peers, in the maps.
#pragma once

#include <cstdint>

#include "loader/datapath.h"
#include "tests/bpf/datapath_fixture.h"
#include "tests/model/outer.h"

namespace xgre::test::model {

// Its row and its tunnel. It is in no flood list yet.
void put_peer(const Datapath& datapath, std::uint32_t id, const Peer& peer);

// A host speaks for itself, too: it asks for neighbours, and answers what is not ours.
bool is_tunnel_packet(const Packet& packet);

}  // namespace xgre::test::model
