// SPDX-License-Identifier: GPL-2.0-only
// The data path looks the next hop up as if a packet came from the loopback device, and the kernel
// wants forwarding enabled there; see bpf/encap.h. It changes nothing for anything else.
#pragma once

namespace xgre {

// All in the current network namespace.
bool forwards_on_loopback();
// False: it was enabled already. Throws Error.
bool enable_loopback_forwarding();
// Unless the host forwards anyway. Throws Error.
void disable_loopback_forwarding();

}  // namespace xgre
