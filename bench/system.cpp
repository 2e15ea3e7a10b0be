// SPDX-License-Identifier: GPL-2.0-only
#include "bench/system.h"

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "bench/process.h"
#include "xgre/error.h"
#include "xgre/instance.h"

namespace xgre::bench {
namespace {

constexpr const char* kPrefix = "xgb";
constexpr const char* kNetnsDirectory = "/run/netns";

// A handler has no other way. NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
volatile sig_atomic_t interrupted = 0;

void note_interrupt(int) {
    interrupted = 1;
}

// Of what run: the pid in `xgb<pid>-...`, 0 for a name of another form.
pid_t owner_of(const std::string& name) {
    if (!name.starts_with(kPrefix)) return 0;
    return static_cast<pid_t>(std::strtol(name.c_str() + std::string{kPrefix}.size(), nullptr, 10));
}

bool is_leftover(const std::string& name) {
    const pid_t owner = owner_of(name);
    return owner > 0 && kill(owner, 0) != 0 && errno == ESRCH;
}

std::vector<std::string> leftovers_in(const std::filesystem::path& directory) {
    std::vector<std::string> names;
    if (!std::filesystem::exists(directory)) return names;
    for (const auto& file : std::filesystem::directory_iterator{directory}) {
        const std::string name = file.path().filename();
        if (is_leftover(name)) names.push_back(name);
    }
    return names;
}

}  // namespace

void catch_interrupts() {
    struct sigaction action{};
    action.sa_handler = note_interrupt;
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        sigaction(signal, &action, nullptr);
    }
    signal(SIGPIPE, SIG_IGN);
}

void check_interrupt() {
    if (interrupted != 0) throw Interrupted{};
}

NetnsScope::NetnsScope(const std::string& name)
    : origin_{open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)} {
    const std::string path = fmt::format("{}/{}", kNetnsDirectory, name);
    const Fd netns{open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!origin_.is_open() || !netns.is_open() || setns(netns.get(), CLONE_NEWNET) != 0) {
        throw Error::from_errno("namespace " + name, "cannot enter it", errno, "run as root");
    }
}

NetnsScope::~NetnsScope() {
    if (setns(origin_.get(), CLONE_NEWNET) == 0) return;
    std::perror("xgre-bench: cannot leave a network namespace");
    std::abort();
}

Netns::Netns(std::string name) : name_{std::move(name)} {
    run({"ip", "netns", "add", name_});
}

Netns::~Netns() {
    try {
        run({"ip", "netns", "del", name_});
    } catch (const Error& error) {
        fmt::print(stderr, "xgre-bench: {}\n", error.what());
    }
}

void quieten_current_netns() {
    run({"ip", "link", "set", "dev", "lo", "up"});
    for (const char* devices : {"default", "all"}) {
        const std::string path = fmt::format("/proc/sys/net/ipv6/conf/{}/disable_ipv6", devices);
        if (std::filesystem::exists(path)) write_file(path, "1");
    }
}

void remove_leftovers() {
    for (const std::string& instance : Instance::list()) {
        if (!is_leftover(instance)) continue;
        try {
            Instance::detach(Session{.instance = instance, .netns = instance}, true);
        } catch (const Error& error) {
            fmt::print(stderr, "xgre-bench: left by a killed run: {}\n", error.what());
        }
    }
    for (const std::string& netns : leftovers_in(kNetnsDirectory))
        run({"ip", "netns", "del", netns});
    const std::filesystem::path directory = std::filesystem::temp_directory_path();
    for (const std::string& file : leftovers_in(directory))
        std::filesystem::remove_all(directory / file);
}

std::string run_name() {
    return fmt::format("{}{}", kPrefix, getpid());
}

int index_of(const std::string& device) {
    const unsigned index = if_nametoindex(device.c_str());
    if (index == 0) throw Error::from_errno(device, "no such device", errno, "report this");
    return static_cast<int>(index);
}

void write_file(const std::string& path, const std::string& text) {
    std::ofstream file{path};
    file << text << std::flush;
    if (!file) throw Error{path, "cannot write it", "run as root"};
}

std::vector<int> processors() {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    std::vector<int> result;
    for (int i = 0; i < CPU_SETSIZE; ++i) {
        if (CPU_ISSET(i, &set)) result.push_back(i);
    }
    return result;
}

void pin_to(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0) {
        throw Error::from_errno(fmt::format("processor {}", processor), "cannot use it", errno,
                                "see `taskset -p`");
    }
}

}  // namespace xgre::bench
