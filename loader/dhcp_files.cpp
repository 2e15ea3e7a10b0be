// SPDX-License-Identifier: GPL-2.0-only
#include "loader/dhcp_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>
#include <system_error>
#include <thread>

#include <fmt/format.h>

#include "loader/fd.h"
#include "loader/pins.h"
#include "xgre/abi.h"
#include "xgre/error.h"

namespace xgre {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRunRoot = "/run/xgre";        // gone with the next boot
constexpr std::string_view kStateRoot = "/var/lib/xgre";  // stays
constexpr std::string_view kLeasesSuffix = ".leases";

std::string servers_of(const std::string& instance) {
    return fmt::format("{}/{}/dhcp", kRunRoot, instance);
}
std::string leases_of(const std::string& instance) {
    return fmt::format("{}/{}", kStateRoot, instance);
}

[[noreturn]] void fail(const std::string& path, std::string_view what, int error) {
    throw Error::from_errno(path, what, error, "run as root, and check the file system");
}

bool is_network_name(std::string_view name) {
    return !name.empty() && name.size() < XGRE_NAME_LEN && name != "." && name != ".." &&
           std::ranges::all_of(
               name,
               [](char c) {
                   return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
               });
}

bool exists(const std::string& path) {
    struct stat inode{};
    return lstat(path.c_str(), &inode) == 0;
}

void make_directories(const std::string& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error) fail(path, "cannot make the directory", error.value());
}

// The directory and those above it that are empty then, up to `root`.
void remove_empty(fs::path path, const fs::path& root) {
    for (;; path = path.parent_path()) {
        if (rmdir(path.c_str()) != 0 && errno != ENOENT) {
            if (errno == ENOTEMPTY || errno == EEXIST || errno == EBUSY) return;
            fail(path, "cannot remove the directory", errno);
        }
        if (path == root) return;
    }
}

bool remove_file(const std::string& path) {
    if (unlink(path.c_str()) == 0) return true;
    if (errno == ENOENT) return false;
    fail(path, "cannot remove it", errno);
}

std::vector<std::string> list(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator entry{directory, error}, end; !error && entry != end;
         entry.increment(error)) {
        names.push_back(entry->path().filename());
    }
    if (error && error != std::errc::no_such_file_or_directory) {
        fail(directory, "cannot list it", error.value());
    }
    return names;
}

std::optional<std::string> read_file(const std::string& path) {
    const Fd file{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file.is_open()) {
        if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
        fail(path, "cannot open it", errno);
    }
    std::string text;
    std::array<char, 65536> buffer{};
    for (;;) {
        const ssize_t length = read(file.get(), buffer.data(), buffer.size());
        if (length == 0) return text;
        if (length < 0) {
            if (errno == EINTR) continue;
            fail(path, "cannot read it", errno);
        }
        text.append(buffer.data(), static_cast<std::size_t>(length));
    }
}

// All of it or the old file: never a part, whenever the process or the machine stops.
void write_file(const std::string& path, std::string_view text) {
    make_directories(fs::path{path}.parent_path());
    const std::string fresh = path + ".new";
    {
        const Fd file{open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
        if (!file.is_open()) fail(fresh, "cannot create it", errno);
        while (!text.empty()) {
            const ssize_t length = write(file.get(), text.data(), text.size());
            if (length < 0) {
                if (errno == EINTR) continue;
                fail(fresh, "cannot write it", errno);
            }
            text.remove_prefix(static_cast<std::size_t>(length));
        }
        if (fsync(file.get()) != 0) fail(fresh, "cannot write it", errno);
    }
    if (rename(fresh.c_str(), path.c_str()) != 0) fail(path, "cannot replace it", errno);
}

}  // namespace

void check_dhcp_name(const std::string& noun, const std::string& name) {
    if (is_network_name(name)) return;
    throw Error{fmt::format("{} {}", noun, name), "not a name that DHCP can serve",
                "use 1 to 15 letters, digits, `_`, `-` or `.`, but not `.` or `..`"};
}

DhcpFiles::DhcpFiles(const std::string& instance, const std::string& network)
    : directory_{fmt::format("{}/{}", servers_of(instance), network)},
      lease_file_{fmt::format("{}/{}{}", leases_of(instance), network, kLeasesSuffix)} {
    pins::check_instance_name(instance);
    check_dhcp_name("network", network);
}

std::vector<std::string> DhcpFiles::networks(const std::string& instance) {
    std::set<std::string> names;
    for (const std::string& name : list(servers_of(instance))) {
        if (is_network_name(name)) names.insert(name);
    }
    for (const std::string& file : list(leases_of(instance))) {
        const std::size_t suffix = file.rfind(kLeasesSuffix);
        const std::string name = file.substr(0, std::min(suffix, file.size()));
        if (suffix != std::string::npos && is_network_name(name)) names.insert(name);
    }
    return {names.begin(), names.end()};
}

void DhcpFiles::tidy(const std::string& instance) {
    remove_empty(servers_of(instance), kRunRoot);
    remove_empty(leases_of(instance), kStateRoot);
}

std::vector<std::string> DhcpFiles::instances() {
    std::vector<std::string> names;
    for (const std::string& name : list(std::string{kRunRoot})) {
        if (pins::is_instance_name(name) && exists(servers_of(name))) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
}

bool DhcpFiles::exist() const {
    return exists(directory_) || exists(lease_file_) || exists(damaged_lease_file());
}

std::optional<DhcpConfig> DhcpFiles::config() const {
    const auto text = read_file(config_file());
    if (!text) return std::nullopt;
    return parse_dhcp_config(*text);
}

bool DhcpFiles::has_config() const {
    return exists(config_file());
}

void DhcpFiles::write_config(const DhcpConfig& config) const {
    write_file(config_file(), format_dhcp_config(config));
}

LeaseFile DhcpFiles::leases() const {
    // dnsmasq rewrites the file in place, in less than a millisecond: what looks damaged is so
    // when it stays as it is.
    constexpr std::chrono::milliseconds stays{20};
    std::string text = read_file(lease_file_).value_or("");
    LeaseFile file = parse_leases(text);
    while (file.damaged > 0) {
        std::this_thread::sleep_for(stays);
        std::string again = read_file(lease_file_).value_or("");
        if (again == text) break;
        text = std::move(again);
        file = parse_leases(text);
    }
    return file;
}

std::optional<std::string> DhcpFiles::lease_fault() const {
    const std::size_t damaged = leases().damaged;
    if (damaged == 0) return std::nullopt;
    return fmt::format("{}: {} of its lines {} damaged", lease_file_, damaged,
                       damaged == 1 ? "is" : "are");
}

void DhcpFiles::mend_leases(const LeaseFile& leases) const {
    // First the copy: a link, so that no moment is without the original.
    remove_file(damaged_lease_file());
    if (link(lease_file_.c_str(), damaged_lease_file().c_str()) != 0) {
        fail(damaged_lease_file(), "cannot put the damaged lease file aside", errno);
    }
    write_file(lease_file_, leases.text());
}

void DhcpFiles::write_leases(const LeaseFile& leases) const {
    if (!leases.leases.empty()) write_file(lease_file_, leases.text());
}

void DhcpFiles::make_lease_directory() const {
    make_directories(fs::path{lease_file_}.parent_path());
}

bool DhcpFiles::remove() const {
    bool any = exist();
    for (const std::string& file : {lease_file_ + ".new", damaged_lease_file(), lease_file_}) {
        any = remove_file(file) || any;
    }
    remove_empty(fs::path{lease_file_}.parent_path(), kStateRoot);
    // The configuration comes last: as long as anything is there, it says what.
    for (const std::string& name : list(directory_)) {
        const std::string file = fmt::format("{}/{}", directory_, name);
        if (file != config_file()) remove_file(file);
    }
    remove_file(config_file());
    remove_empty(directory_, kRunRoot);
    return any;
}

}  // namespace xgre
