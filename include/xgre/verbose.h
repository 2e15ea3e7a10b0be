// SPDX-License-Identifier: GPL-2.0-only
// What libbpf has to say.
#pragma once

namespace xgre {

// Whether libbpf's warnings, the verifier's log among them, go to stderr. For the whole process.
// A program that never calls this gets libbpf's own default, which prints them.
void set_verbose(bool verbose);

}  // namespace xgre
