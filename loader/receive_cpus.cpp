// SPDX-License-Identifier: GPL-2.0-only
#include "loader/receive_cpus.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

#include "loader/fd.h"
#include "xgre/error.h"

namespace xgre {
namespace {

constexpr std::uint32_t kWord = 32;  // bits

[[noreturn]] void fail(const std::string& device, const char* what) {
    throw Error::from_errno("device " + device, fmt::format("{} the CPUs that receive", what),
                            errno, "see that the kernel has RPS and sysfs");
}

// /sys shows the devices of the namespace that it was mounted in, which may be another one: this
// is one of our own, which nobody else sees.
Fd open_sysfs(const std::string& device) {
    const Fd context{fsopen("sysfs", FSOPEN_CLOEXEC)};
    if (!context.is_open() ||
        fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
        fail(device, "cannot look at");
    Fd mount{fsmount(context.get(), FSMOUNT_CLOEXEC, 0)};
    if (!mount.is_open()) fail(device, "cannot look at");
    return mount;
}

Fd open_mask(const std::string& device, int flags) {
    const Fd sysfs = open_sysfs(device);
    const std::string path = fmt::format("class/net/{}/queues/rx-0/rps_cpus", device);
    Fd file{openat(sysfs.get(), path.c_str(), flags | O_CLOEXEC)};
    if (!file.is_open()) fail(device, "cannot look at");
    return file;
}

}  // namespace

std::string mask_of(const CpuSet& cpus) {
    std::string mask;
    for (std::uint32_t word = (CpuSet::kMax + 1) / kWord; word-- > 0;) {
        std::uint32_t bits = 0;
        for (std::uint32_t bit = 0; bit < kWord; ++bit)
            if (cpus.contains(word * kWord + bit)) bits |= 1U << bit;
        if (!mask.empty())
            mask += fmt::format(",{:08x}", bits);
        else if (bits != 0 || word == 0)
            mask = fmt::format("{:x}", bits);
    }
    return mask;
}

CpuSet cpus_of_mask(const std::string& mask) {
    CpuSet cpus;
    std::uint32_t cpu = 0;
    for (auto digit = mask.rbegin(); digit != mask.rend(); ++digit) {
        const std::string one{*digit};
        if (one.find_first_of("0123456789abcdef") == std::string::npos) continue;  // , and newline
        const unsigned long bits = std::stoul(one, nullptr, 16);
        for (std::uint32_t bit = 0; bit < 4; ++bit, ++cpu)
            if ((bits >> bit & 1) != 0 && cpu <= CpuSet::kMax) cpus.add(cpu);
    }
    return cpus;
}

CpuSet receive_cpus(const std::string& device) {
    const Fd file = open_mask(device, O_RDONLY);
    std::array<char, 4096> text{};  // a page, the most that a file of sysfs has
    const ssize_t got = read(file.get(), text.data(), text.size());
    if (got < 0) fail(device, "cannot read");
    return cpus_of_mask({text.data(), static_cast<std::size_t>(got)});
}

void set_receive_cpus(const std::string& device, const CpuSet& cpus) {
    const Fd file = open_mask(device, O_WRONLY);
    const std::string mask = mask_of(cpus);
    if (write(file.get(), mask.data(), mask.size()) < 0) fail(device, "cannot set");
}

}  // namespace xgre
