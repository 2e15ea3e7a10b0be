// SPDX-License-Identifier: GPL-2.0-only
#include "loader/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "loader/fd.h"
#include "xgre/error.h"

namespace xgre::ethtool {
namespace {

// `argument` is the command's own structure; it begins with the command's number.
template <typename Argument>
void ask(const std::string& device, std::string_view what, Argument& argument) {
    const std::string object = fmt::format("device {}", device);
    ifreq request{};
    if (device.empty() || device.size() >= sizeof(request.ifr_name)) {
        throw Error{object, "that is no name for a device",
                    "see `ip link` for the devices there are"};
    }
    device.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_data = reinterpret_cast<char*>(&argument);
    const Fd any{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!any.is_open()) {
        throw Error::from_errno(object, "cannot open a socket", errno,
                                "check the limit on open files");
    }
    if (ioctl(any.get(), SIOCETHTOOL, &request) == 0) return;
    switch (errno) {
        case ENODEV:
            throw Error{object, "there is no such device",
                        "see `ip link` for the devices there are"};
        case EPERM:
            throw Error::from_errno(object, what, EPERM, "run as root");
        default:
            throw Error::from_errno(object, what, errno,
                                    fmt::format("see `ethtool -k {}`", device));
    }
}

bool get(const std::string& device, std::uint32_t command, std::string_view setting) {
    ethtool_value value{command, 0};
    ask(device, fmt::format("cannot read {}", setting), value);
    return value.data != 0;
}

void set(const std::string& device, std::uint32_t command, std::uint32_t read_command,
         std::string_view setting, bool on) {
    ethtool_value value{command, on ? 1U : 0U};
    ask(device, fmt::format("cannot switch {} {}", setting, on ? "on" : "off"), value);
    // The kernel answers with success also when another setting forbids this one.
    if (get(device, read_command, setting) != on) {
        throw Error{fmt::format("device {}", device),
                    fmt::format("{} stayed {}", setting, on ? "off" : "on"),
                    fmt::format("see in `ethtool -k {}` what it depends on", device)};
    }
}

constexpr std::string_view kTxChecksum = "tx checksum offload";
constexpr std::string_view kGro = "GRO";

}  // namespace

bool tx_checksum(const std::string& device) {
    return get(device, ETHTOOL_GTXCSUM, kTxChecksum);
}

void set_tx_checksum(const std::string& device, bool on) {
    set(device, ETHTOOL_STXCSUM, ETHTOOL_GTXCSUM, kTxChecksum, on);
}

bool gro(const std::string& device) {
    return get(device, ETHTOOL_GGRO, kGro);
}

void set_gro(const std::string& device, bool on) {
    set(device, ETHTOOL_SGRO, ETHTOOL_GGRO, kGro, on);
}

bool tso(const std::string& device) {
    return get(device, ETHTOOL_GTSO, "TSO");
}

std::string driver(const std::string& device) {
    ethtool_drvinfo info{};
    info.cmd = ETHTOOL_GDRVINFO;
    ask(device, "cannot tell its driver", info);
    return {info.driver, strnlen(info.driver, sizeof(info.driver))};
}

}  // namespace xgre::ethtool
