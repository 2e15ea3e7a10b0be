// SPDX-License-Identifier: GPL-2.0-only
#include "loader/loopback.h"

#include <unistd.h>

#include <fstream>

#include "xgre/error.h"

namespace xgre {
namespace {

struct Setting {
    const char* name;
    const char* loopback;  // files
    const char* host;
};

constexpr Setting kIp4{"net.ipv4.conf.lo.forwarding", "/proc/sys/net/ipv4/conf/lo/forwarding",
                       "/proc/sys/net/ipv4/ip_forward"};
constexpr Setting kIp6{"net.ipv6.conf.lo.forwarding", "/proc/sys/net/ipv6/conf/lo/forwarding",
                       "/proc/sys/net/ipv6/conf/all/forwarding"};

bool is_on(const char* path) {
    std::ifstream file{path};
    int value = 0;
    return file >> value && value != 0;
}

void write(const Setting& setting, const char* value) {
    std::ofstream file{setting.loopback};
    file << value << std::flush;
    if (!file)
        throw Error{setting.name, "cannot be written", "run as root with /proc/sys writable"};
}

// A kernel may be without IPv6.
bool exists(const Setting& setting) {
    return ::access(setting.loopback, F_OK) == 0;
}

}  // namespace

bool forwards_on_loopback() {
    return is_on(kIp4.loopback) && (!exists(kIp6) || is_on(kIp6.loopback));
}

bool enable_loopback_forwarding() {
    if (forwards_on_loopback()) return false;
    for (const Setting& setting : {kIp4, kIp6})
        if (exists(setting) && !is_on(setting.loopback)) write(setting, "1");
    return true;
}

void disable_loopback_forwarding() {
    for (const Setting& setting : {kIp4, kIp6})
        if (!is_on(setting.host) && is_on(setting.loopback)) write(setting, "0");
}

}  // namespace xgre
