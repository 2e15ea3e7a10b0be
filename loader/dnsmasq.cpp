// SPDX-License-Identifier: GPL-2.0-only
#include "loader/dnsmasq.h"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <fmt/format.h>

#include "loader/process.h"
#include "xgre/error.h"
#include "xgre/number.h"

namespace xgre {
namespace {

constexpr const char* kProgram = "dnsmasq";
constexpr const char* kUser = "dnsmasq";
constexpr std::uint32_t kMaxPid = 1U << 22;  // the kernel's own limit
constexpr std::chrono::seconds kPatience{10};

bool is_in(pid_t pid, const Fd& netns) {
    struct stat its{};
    struct stat wanted{};
    return stat(fmt::format("/proc/{}/ns/net", pid).c_str(), &its) == 0 &&
           fstat(netns.get(), &wanted) == 0 && its.st_dev == wanted.st_dev &&
           its.st_ino == wanted.st_ino;
}

}  // namespace

Dnsmasq::Account Dnsmasq::account() {
    std::array<char, 4096> buffer{};
    passwd user{};
    passwd* found_user = nullptr;
    getpwnam_r(kUser, &user, buffer.data(), buffer.size(), &found_user);
    if (found_user == nullptr) {
        throw Error{fmt::format("user {}", kUser), "there is no such user for dnsmasq to run as",
                    "install dnsmasq (Debian: `apt install dnsmasq-base`)"};
    }
    std::array<char, 65536> group_buffer{};
    group its_group{};
    group* found_group = nullptr;
    getgrgid_r(user.pw_gid, &its_group, group_buffer.data(), group_buffer.size(), &found_group);
    if (found_group == nullptr) {
        throw Error{fmt::format("group {}", user.pw_gid),
                    fmt::format("user {} is in it, and it has no name", kUser),
                    "add it to /etc/group"};
    }
    return {user.pw_name, its_group.gr_name};
}

std::optional<pid_t> Dnsmasq::pid() const {
    std::ifstream file{pid_file_};
    std::string text;
    std::getline(file, text);
    const auto number = parse_decimal(text, kMaxPid);
    if (!number) return std::nullopt;
    const auto candidate = static_cast<pid_t>(*number);
    if (!is_running(candidate, {kProgram, argument()})) return std::nullopt;
    return candidate;
}

bool Dnsmasq::is_as_asked(pid_t pid, const std::vector<std::string>& arguments, const Fd& netns) {
    return arguments_of(pid) == arguments && is_in(pid, netns);
}

void Dnsmasq::start(const std::vector<std::string>& arguments, const Fd& netns) const {
    // It puts itself in the background when its socket is open and its pid file written.
    const Ended ended = run({arguments, &netns}, kPatience);
    if (ended.status != 0 || !pid()) {
        throw Error{kProgram,
                    fmt::format("it ended with status {}{}{}", ended.status,
                                ended.diagnostics.empty() ? "" : ": ", ended.diagnostics),
                    "see the system's log for more of its words"};
    }
}

bool Dnsmasq::stop() const {
    bool any = false;
    // Again, as long as there is one: it may just have been starting, and forking.
    for (auto pids = all(); !pids.empty(); pids = all()) {
        for (const pid_t pid : pids)
            xgre::stop(pid, {kProgram, argument()});
        any = true;
    }
    return any;
}

std::vector<pid_t> Dnsmasq::all() const {
    std::vector<pid_t> pids;
    std::error_code error;
    for (std::filesystem::directory_iterator entry{"/proc", error}, end; !error && entry != end;
         entry.increment(error)) {
        const auto number = parse_decimal(entry->path().filename().string(), kMaxPid);
        if (number && is_running(static_cast<pid_t>(*number), {kProgram, argument()})) {
            pids.push_back(static_cast<pid_t>(*number));
        }
    }
    if (error) {
        throw Error::from_errno("/proc", "cannot list it", error.value(),
                                "check that /proc is mounted");
    }
    return pids;
}

}  // namespace xgre
