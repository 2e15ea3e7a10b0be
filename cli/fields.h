// SPDX-License-Identifier: GPL-2.0-only
// How each type of the library looks, in tables and in JSON.
#pragma once

#include "cli/print.h"
#include "xgre/dhcp.h"
#include "xgre/instance.h"
#include "xgre/map.h"

namespace xgre::cli {

const Fields<HookInfo>& hook_fields();
const Fields<Traffic>& traffic_fields();
const Fields<NetworkInfo>& network_fields();
const Fields<PortInfo>& port_fields();
const Fields<PeerInfo>& peer_fields();
const Fields<FdbInfo>& fdb_fields();
const Fields<MapInfo>& map_fields();
const Fields<MapDescription>& map_description_fields();
const Fields<InstanceInfo>& instance_fields();
const Fields<VerdictCount>& verdict_fields();
const Fields<NoteCount>& note_fields();
const Fields<DhcpInfo>& dhcp_fields();
const Fields<DhcpLease>& lease_fields();

// Of a STATE.
bool is_gone(const Json& state);

// Seconds, to the millisecond.
Json seconds_of(std::chrono::milliseconds time);
// Milliseconds, to the nanosecond.
Json milliseconds_of(std::chrono::nanoseconds time);

}  // namespace xgre::cli
