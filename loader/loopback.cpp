// SPDX-License-Identifier: GPL-2.0-only
#include "loader/loopback.h"

#include <fstream>

#include "xgre/error.h"

namespace xgre {
namespace {

constexpr const char* kLoopbackForwarding = "/proc/sys/net/ipv4/conf/lo/forwarding";
constexpr const char* kHostForwarding = "/proc/sys/net/ipv4/ip_forward";

bool is_on(const char* path) {
    std::ifstream file{path};
    int value = 0;
    return file >> value && value != 0;
}

void write(const char* value) {
    std::ofstream file{kLoopbackForwarding};
    file << value << std::flush;
    if (!file)
        throw Error{"net.ipv4.conf.lo.forwarding", "cannot be written",
                    "run as root with /proc/sys writable"};
}

}  // namespace

bool forwards_on_loopback() {
    return is_on(kLoopbackForwarding);
}

bool enable_loopback_forwarding() {
    if (forwards_on_loopback()) return false;
    write("1");
    return true;
}

void disable_loopback_forwarding() {
    if (!is_on(kHostForwarding) && is_on(kLoopbackForwarding)) write("0");
}

}  // namespace xgre
