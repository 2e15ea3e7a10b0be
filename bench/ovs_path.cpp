// SPDX-License-Identifier: GPL-2.0-only
#include "bench/ovs_path.h"

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "bench/process.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;  // with a daemon that starts
constexpr const char* kSchema = "/usr/share/openvswitch/vswitch.ovsschema";

class TemporaryDirectory {
public:
    TemporaryDirectory()
        : path_{std::filesystem::temp_directory_path() / (run_name() + "-ovs-XXXXXX")} {
        if (mkdtemp(path_.data()) == nullptr)
            throw Error::from_errno(path_, "cannot make a directory", errno, "see what is free");
    }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    ~TemporaryDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    std::string file(const char* name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

class OvsPath : public DataPath {
public:
    explicit OvsPath(const Site& site) {
        const NetnsScope scope{site.host.netns};
        run({"ovsdb-tool", "create", directory_.file("conf.db"), kSchema});
        start(database_,
              {"ovsdb-server", directory_.file("conf.db"),
               "--remote=punix:" + directory_.file("db"), "--unixctl=" + directory_.file("db.ctl")},
              "db", processors());
        // A generator has the other processor to itself.
        const bool is_fed = site.far.vms.empty();
        start(switch_,
              {"ovs-vswitchd", "unix:" + directory_.file("db"), "--disable-system",
               "--unixctl=" + directory_.file("switch.ctl")},
              "switch.ctl", is_fed ? std::vector{processors().front()} : processors());
        if (!is_fed) switch_gro_off(site);
        make_bridges(site);
    }

private:
    void start(std::optional<Daemon>& daemon, std::vector<std::string> words, const char* socket,
               const std::vector<int>& where) {
        std::vector<std::string> all{"env"};
        for (const char* variable : {"OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"})
            all.push_back(fmt::format("{}={}", variable, directory_.path()));
        all.insert(all.end(), words.begin(), words.end());
        daemon.emplace(all, where);
        const auto end = std::chrono::steady_clock::now() + kPatience;
        while (!std::filesystem::exists(directory_.file(socket))) {
            daemon->check();
            check_interrupt();
            if (std::chrono::steady_clock::now() > end)
                throw Error{words[0], "does not start", "see how busy the machine is"};
            std::this_thread::sleep_for(5ms);
        }
    }

    // It reads packets, not what GRO made of them. A generator needs GRO's poller, and makes
    // nothing that could be merged.
    static void switch_gro_off(const Site& site) {
        run({"ethtool", "-K", site.host.uplink, "gro", "off"});
        for (const Vm& vm : site.host.vms)
            run({"ethtool", "-K", vm.port.device, "gro", "off"});
    }

    // Of `ovs-vsctl`, as one transaction; each command in words.
    void configure(const std::vector<std::vector<std::string>>& commands) const {
        std::vector<std::string> words{"ovs-vsctl", "--timeout=15",
                                       "--db=unix:" + directory_.file("db")};
        for (const auto& command : commands) {
            words.emplace_back("--");
            words.insert(words.end(), command.begin(), command.end());
        }
        run(words);
    }

    void tell(std::vector<std::string> words) const {
        words.insert(words.begin(), {"ovs-appctl", "-t", directory_.file("switch.ctl")});
        run(words);
    }

    // Tunnel packets leave and arrive by the bridge that has the address and the wire.
    void make_bridges(const Site& site) const {
        const Host& host = site.host;
        const Segment& segment = site.segments[0];
        std::vector<std::vector<std::string>> commands{
            {"add-br", "phy"},
            {"set", "bridge", "phy", "datapath_type=netdev",
             fmt::format("other-config:hwaddr=\"{}\"", host.mac)},
            {"add-port", "phy", host.uplink},
            {"add-br", "lan"},
            {"set", "bridge", "lan", "datapath_type=netdev"}};
        for (const Vm* vm : segment.vms)
            commands.push_back({"add-port", "lan", vm->port.device});
        for (std::size_t i = 0; i < segment.remotes.size(); ++i) {
            commands.push_back({"add-port", "lan", tunnel(i)});
            commands.push_back({"set", "interface", tunnel(i), "type=gre",
                                fmt::format("options:remote_ip={}", segment.remotes[i].address),
                                fmt::format("options:key={}", segment.key)});
        }
        configure(commands);
        run({"ip", "address", "flush", "dev", host.uplink});
        run({"ip", "address", "add", host.address.format() + "/24", "dev", "phy"});
        run({"ip", "link", "set", "dev", "phy", "up"});
        tell({"tnl/neigh/set", "phy", site.far.address.format(), site.far.mac.format()});
        for (const Vm* vm : segment.vms)
            tell({"fdb/add", "lan", vm->port.device, "0", vm->mac.format()});
        for (std::size_t i = 0; i < segment.remotes.size(); ++i) {
            for (const Mac& mac : segment.remotes[i].macs)
                tell({"fdb/add", "lan", tunnel(i), "0", mac.format()});
        }
    }

    static std::string tunnel(std::size_t number) { return fmt::format("gre{}", number); }

    TemporaryDirectory directory_;
    std::optional<Daemon> database_;
    std::optional<Daemon> switch_;
};

}  // namespace

std::unique_ptr<DataPath> join_ovs(const Site& site) {
    return std::make_unique<OvsPath>(site);
}

}  // namespace xgre::bench
