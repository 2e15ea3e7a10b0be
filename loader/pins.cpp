// SPDX-License-Identifier: GPL-2.0-only
#include "loader/pins.h"

#include <bpf/bpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "loader/bpffs.h"
#include "xgre/error.h"

namespace xgre::pins {
namespace {

constexpr std::size_t kNameMax = 15;
constexpr const char* kWayOut = "run as root";

}  // namespace

std::string root() {
    return std::string{kBpffsRoot} + "/xgre";
}

std::string directory(const std::string& instance) {
    return root() + "/" + instance;
}

std::string staging(const std::string& instance) {
    return directory(instance) + "+new";
}

std::string removed(const std::string& instance) {
    return directory(instance) + "+old";
}

std::string links(const std::string& instance) {
    return directory(instance) + "/links";
}

bool exists(const std::string& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0;
}

void make_directory(const std::string& path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        throw Error::from_errno(path, "create", errno, kWayOut);
}

std::vector<std::string> list(const std::string& directory) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{directory, error})
        names.push_back(entry.path().filename());
    if (error && error != std::errc::no_such_file_or_directory)
        throw Error::from_errno(directory, "list", error.value(), kWayOut);
    std::ranges::sort(names);
    return names;
}

void put(int fd, const std::string& path) {
    if (bpf_obj_pin(fd, path.c_str()) == 0) return;
    if (errno != EEXIST) throw Error::from_errno(path, "pin", errno, kWayOut);
    const std::string fresh = path + "+new";
    remove(fresh);
    if (bpf_obj_pin(fd, fresh.c_str()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0)
        throw Error::from_errno(path, "replace pin", errno, kWayOut);
}

void remove(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT)
        throw Error::from_errno(path, "remove", errno, kWayOut);
}

void remove_tree(const std::string& directory) {
    // Links first: a program that still runs shall find its maps pinned.
    for (const char* part : {"links", "programs", "maps"}) {
        const std::string path = directory + "/" + part;
        for (const std::string& name : list(path))
            remove(path + "/" + name);
        if (::rmdir(path.c_str()) != 0 && errno != ENOENT)
            throw Error::from_errno(path, "remove", errno, kWayOut);
    }
    if (::rmdir(directory.c_str()) != 0 && errno != ENOENT)
        throw Error::from_errno(directory, "remove", errno, kWayOut);
}

std::size_t remove_unfinished(const std::string& directory) {
    std::size_t count = 0;
    for (const char* part : {"links", "programs", "maps"}) {
        const std::string path = directory + "/" + part;
        for (const std::string& name : list(path)) {
            if (!name.ends_with("+new")) continue;
            remove(path + "/" + name);
            ++count;
        }
    }
    return count;
}

bool is_instance_name(std::string_view name) {
    return !name.empty() && name.size() <= kNameMax && std::ranges::all_of(name, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
    });
}

void check_instance_name(const std::string& name) {
    if (is_instance_name(name)) return;
    throw Error{"instance " + name, "not a name for an instance",
                "use 1 to 15 letters, digits, `_` or `-`"};
}

}  // namespace xgre::pins
