// SPDX-License-Identifier: GPL-2.0-only
#include "loader/ethtool.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
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
constexpr std::array<std::string_view, 2> kTxVlan{"tx-vlan-hw-insert", "tx-vlan-stag-hw-insert"};
constexpr std::array<std::string_view, 2> kRxVlan{"rx-vlan-hw-parse", "rx-vlan-stag-hw-parse"};

// The kernel's features have names, and numbers that differ from kernel to kernel.
constexpr std::uint32_t kFeaturesMax = 256;
constexpr std::uint32_t kBlockBits = 32;
constexpr std::uint32_t kBlocksMax = kFeaturesMax / kBlockBits;

// ethtool_gstrings, _gfeatures and _sfeatures of uapi/linux/ethtool.h, with room for their arrays.
struct FeatureNames {
    std::uint32_t cmd, string_set, len;
    std::array<std::array<char, ETH_GSTRING_LEN>, kFeaturesMax> names;
};
struct FeatureCount {
    std::uint32_t cmd, reserved;
    std::uint64_t sets;
    std::uint32_t count;
};
struct FeatureState {
    std::uint32_t cmd, size;
    std::array<ethtool_get_features_block, kBlocksMax> blocks;
};
struct FeatureChange {
    std::uint32_t cmd, size;
    std::array<ethtool_set_features_block, kBlocksMax> blocks;
};

std::uint32_t count_features(const std::string& device) {
    FeatureCount count{};
    count.cmd = ETHTOOL_GSSET_INFO;
    count.sets = 1ULL << ETH_SS_FEATURES;
    ask(device, "cannot count its features", count);
    return std::min<std::uint32_t>(count.count, kFeaturesMax);
}

// nullopt: this kernel has no such feature.
std::optional<std::size_t> feature_number(const std::string& device, std::string_view name) {
    FeatureNames all{};
    all.cmd = ETHTOOL_GSTRINGS;
    all.string_set = ETH_SS_FEATURES;
    all.len = count_features(device);
    ask(device, "cannot list its features", all);
    for (std::size_t i = 0; i < all.len && i < kFeaturesMax; ++i)
        if (std::string_view{all.names.at(i).data(),
                             strnlen(all.names.at(i).data(), ETH_GSTRING_LEN)} == name)
            return i;
    return std::nullopt;
}

bool feature(const std::string& device, std::string_view name) {
    const auto number = feature_number(device, name);
    if (!number) return false;
    FeatureState state{};
    state.cmd = ETHTOOL_GFEATURES;
    state.size = kBlocksMax;
    ask(device, "cannot read its features", state);
    return (state.blocks.at(*number / kBlockBits).active >> (*number % kBlockBits) & 1U) != 0;
}

void set_feature(const std::string& device, std::string_view name, bool on) {
    const auto number = feature_number(device, name);
    if (!number || feature(device, name) == on) return;
    FeatureChange change{};
    change.cmd = ETHTOOL_SFEATURES;
    change.size = (count_features(device) + kBlockBits - 1) / kBlockBits;
    ethtool_set_features_block& block = change.blocks.at(*number / kBlockBits);
    block.valid = 1U << (*number % kBlockBits);
    block.requested = on ? block.valid : 0;
    ask(device, fmt::format("cannot switch {}", name), change);
    if (feature(device, name) != on)
        throw Error{fmt::format("device {}", device),
                    fmt::format("{} stayed {}", name, on ? "off" : "on"),
                    fmt::format("see in `ethtool -k {}` what it depends on", device)};
}

}  // namespace

bool tx_vlan(const std::string& device) {
    return std::ranges::any_of(kTxVlan, [&](auto name) { return feature(device, name); });
}

bool rx_vlan(const std::string& device) {
    return std::ranges::any_of(kRxVlan, [&](auto name) { return feature(device, name); });
}

void set_tx_vlan(const std::string& device, bool on) {
    for (const std::string_view name : kTxVlan)
        set_feature(device, name, on);
}

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
