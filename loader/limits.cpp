// SPDX-License-Identifier: GPL-2.0-only
#include "loader/limits.h"

#include <fmt/format.h>

namespace xgre {
namespace {

std::string way_out(const Limit& limit) {
    return fmt::format("`xgre {} del` one that is no longer needed", limit.noun);
}

}  // namespace

Error no_room(const Limit& limit) {
    return {fmt::format("{}s", limit.noun), fmt::format("all {} are in use", limit.most),
            way_out(limit)};
}

Error no_room(const Limit& limit, const std::string& network) {
    return {"network " + network,
            fmt::format("it has {} {}s, the most there can be", limit.most, limit.noun),
            way_out(limit)};
}

Error fdb_is_full(std::uint32_t entries) {
    return {"fdb", fmt::format("full ({} entries)", entries),
            "run `xgre fdb flush`, or attach with a larger --fdb-size"};
}

}  // namespace xgre
