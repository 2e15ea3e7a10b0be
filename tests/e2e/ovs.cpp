// SPDX-License-Identifier: GPL-2.0-only
#include "tests/e2e/ovs.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <ranges>
#include <stdexcept>

#include <fmt/format.h>

#include "loader/process.h"

namespace xgre::test {
namespace {

constexpr std::uint32_t kInnerMtu = 1500 - 50;

std::string make_directory() {
    std::string path = std::filesystem::temp_directory_path() / "xgre-ovs-XXXXXX";
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error{"no temporary directory"};
    return path;
}

}  // namespace

OvsHost::OvsHost(Lab& lab) : directory_{make_directory()}, netns_{"host-o"} {
    lab.plug_in(netns_, Lab::wire_of('o'), "off");
    lab.middle().ip(fmt::format("link set {} master br0", Lab::wire_of('o')));
    // It reads packets, not what GRO made of them.
    netns_.offloads("uplink0", "gro off");

    netns_.run(fmt::format("ovsdb-tool create {}/conf.db /usr/share/openvswitch/vswitch.ovsschema",
                           directory_));
    start({"ovsdb-server", directory_ + "/conf.db", fmt::format("--remote=punix:{}/db", directory_),
           fmt::format("--unixctl={}/db.ctl", directory_)});
    if (!eventually([&] { return std::filesystem::exists(directory_ + "/db"); }))
        throw std::runtime_error{"ovsdb-server does not listen"};
    start({"ovs-vswitchd", fmt::format("unix:{}/db", directory_), "--disable-system",
           fmt::format("--unixctl={}/switch.ctl", directory_)});
    // Tunnel packets leave and arrive by the bridge that has the address and the wire.
    vsctl("add-br phy -- set bridge phy datapath_type=netdev -- add-port phy uplink0");
    vsctl("add-br lan -- set bridge lan datapath_type=netdev");
    netns_.ip(fmt::format("address add {}/24 dev phy", address()));
    netns_.ip("link set phy up");
}

OvsHost::~OvsHost() {
    for (const pid_t daemon : daemons_ | std::views::reverse) {
        kill(daemon, SIGTERM);
        waitpid(daemon, nullptr, 0);
    }
    vms_.clear();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
}

void OvsHost::start(std::vector<std::string> words) {
    words.insert(words.begin(), {"env", "OVS_RUNDIR=" + directory_, "OVS_LOGDIR=" + directory_,
                                 "OVS_DBDIR=" + directory_, "OVS_SYSCONFDIR=" + directory_});
    daemons_.push_back(
        xgre::start({std::move(words), &netns_.fd()}, std::chrono::milliseconds{50}));
}

void OvsHost::vsctl(std::string_view words) const {
    netns_.run(fmt::format("ovs-vsctl --timeout=15 --db=unix:{}/db {}", directory_, words));
}

void OvsHost::add_tunnel(Ip4Addr remote, std::string_view options) const {
    vsctl(
        fmt::format("add-port lan gre{0} -- set interface gre{0} type=gre "
                    "options:remote_ip={1} {2}",
                    remote.bytes()[3], remote, options));
}

const Netns& OvsHost::add_vm(std::string_view role, const Station& station, bool with_address) {
    vms_.push_back(std::make_unique<Netns>(fmt::format("vm-{}", role)));
    const Netns& vm = *vms_.back();
    netns_.ip(fmt::format("link add {} type veth peer name eth0 netns {} address {}", role,
                          vm.name(), Mac{station.mac.bytes}));
    // Both ends: it neither segments nor fills in checksums.
    vm.offloads("eth0", "tx off gro off txvlan off tx-vlan-stag-hw-insert off");
    netns_.offloads(role, "tx off gro off txvlan off tx-vlan-stag-hw-insert off");
    vm.ip(fmt::format("link set eth0 mtu {} up", kInnerMtu));
    if (with_address) vm.ip(fmt::format("address add {}/24 dev eth0", value_of(station.ip)));
    netns_.ip(fmt::format("link set {} up", role));
    vsctl(fmt::format("add-port lan {}", role));
    return vm;
}

std::string OvsHost::describe() const {
    std::string text;
    for (const std::string_view words : {"fdb/show lan", "tnl/ports/show -v"}) {
        const Ended ended = xgre::run(
            {{"sh", "-c", fmt::format("ovs-appctl -t {}/switch.ctl {} >&2", directory_, words)},
             &netns_.fd()},
            std::chrono::seconds{5});
        text += ended.diagnostics + '\n';
    }
    return text;
}

}  // namespace xgre::test
