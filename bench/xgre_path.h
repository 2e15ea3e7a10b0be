// SPDX-License-Identifier: GPL-2.0-only
// xgre itself, by its library.
#pragma once

#include <memory>

#include "bench/peers.h"

namespace xgre::bench {

std::unique_ptr<DataPath> join_xgre(const Site& site);
std::unique_ptr<DataPath> join_xgre_without_xdp(const Site& site);

// An instance on the host, without networks. The caller detaches it.
Session attach_xgre(const Site& site, bool xdp);
// Gives it the site's networks, peers, ports, and the addresses behind them.
void configure_xgre(const Session& session, const Site& site);

}  // namespace xgre::bench
