// SPDX-License-Identifier: GPL-2.0-only
#include "bench/life_cycle.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "bench/fdb_size.h"
#include "bench/process.h"
#include "bench/stand.h"
#include "bench/xgre_path.h"
#include "xgre/instance.h"

namespace xgre::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kAddresses = 1'000'000;
constexpr double kMebibyte = 1024.0 * 1024.0;

double memory_of(const Session& session) {
    return static_cast<double>(Instance::view(session).show().memory) / kMebibyte;
}

// The tool itself, which is built beside us.
std::string tool() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "xgre";
}

class LifeCycle : public Probe {
public:
    LifeCycle(const std::string& name, const Peer& peer)
        : empty_{name + "e", Shape{}},
          full_{name + "f", peer, Shape{.vms_on_a = 2, .fdb_entries = room_for(kAddresses)}} {
        teach_addresses(full_, kAddresses);
    }

    std::vector<double> measure(std::chrono::nanoseconds) override {
        const auto [set_up, memory] = set_up_and_detach();
        return {set_up, memory, memory_of(*full_.path().session()), dump()};
    }

private:
    // Milliseconds, and mebibytes.
    std::pair<double, double> set_up_and_detach() const {
        const Host& host = empty_.a();
        const Site site{host, empty_.b(), empty_.shape(), empty_.segments_of(host)};
        const auto begin = Clock::now();
        const auto path = join_xgre(site);
        const std::chrono::duration<double, std::milli> took = Clock::now() - begin;
        return {took.count(), memory_of(*path->session())};
    }

    // Seconds.
    double dump() const {
        const Session& session = *full_.path().session();
        const auto begin = Clock::now();
        const std::size_t lines = count_lines({tool(), "--instance", session.instance, "--netns",
                                               full_.world().a().netns, "fdb", "show"});
        const std::chrono::duration<double> took = Clock::now() - begin;
        if (lines < kAddresses) throw Void{fmt::format("{} lines were printed", lines)};
        return took.count();
    }

    World empty_;
    Stand full_;
};

}  // namespace

std::vector<Metric> life_cycle_metrics() {
    return {{"set-up", "ms", false},
            {"memory", "MiB", false},
            {"memory with 1 000 000 addresses", "MiB", false},
            {"dump of 1 000 000 addresses", "s", false}};
}

std::unique_ptr<Probe> make_life_cycle(const std::string& name, const Peer& peer) {
    return std::make_unique<LifeCycle>(name, peer);
}

}  // namespace xgre::bench
