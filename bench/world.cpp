// SPDX-License-Identifier: GPL-2.0-only
#include "bench/world.h"

#include <filesystem>

#include <fmt/format.h>

namespace xgre::bench {
namespace {

constexpr const char* kUplink = "uplink0";
constexpr const char* kVmDevice = "eth0";

void set_offload(const std::string& device, const char* feature, bool on) {
    run({"ethtool", "-K", device, feature, on ? "on" : "off"});
}

// GRO gives a veth the poller without which it loses what XDP sends to it. The kernel only notes
// it for the other end when the device is up.
void start(const std::string& device) {
    run({"ip", "link", "set", "dev", device, "up"});
    set_offload(device, "gro", true);
}

// What leaves by it is finished: checksums are filled in and segments are cut.
void finish_frames(const std::string& device) {
    set_offload(device, "tx", false);
    set_offload(device, "txvlan", false);
    set_offload(device, "tx-vlan-stag-hw-insert", false);
}

// Bridged frames are not to run through netfilter.
void switch_off_bridge_netfilter() {
    for (const char* table : {"iptables", "ip6tables", "arptables"}) {
        const std::string path = fmt::format("/proc/sys/net/bridge/bridge-nf-call-{}", table);
        if (std::filesystem::exists(path)) write_file(path, "0");
    }
}

}  // namespace

World::World(const std::string& name, const Shape& shape) : shape_{shape} {
    for (Host* host : {&a_, &b_}) {
        host->netns = fmt::format("{}-{}{}", run_name(), name, host == &a_ ? "a" : "b");
    }
    make_host(a_, 1);
    make_host(b_, 2);
    make_wire();
    for (std::size_t i = 1; i <= shape.vms_on_a; ++i)
        make_vm(a_, i);
    for (std::size_t i = 1; i <= shape.vms_on_b; ++i)
        make_vm(b_, i);
    for (const Host* host : {&a_, &b_}) {
        for (const Vm& vm : host->vms) {
            const NetnsScope scope{vm.netns};
            for (const Host* other : {&a_, &b_}) {
                for (const Vm& far : other->vms) {
                    if (&far == &vm) continue;
                    run({"ip", "neigh", "add", far.address.format(), "lladdr", far.mac.format(),
                         "dev", kVmDevice, "nud", "permanent"});
                }
            }
        }
    }
}

void World::make_host(Host& host, std::size_t number) {
    netns_.emplace_back(host.netns);
    const NetnsScope scope{host.netns};
    quieten_current_netns();
    switch_off_bridge_netfilter();
    const auto last = static_cast<std::uint8_t>(number);
    host.uplink = kUplink;
    host.mac = Mac{{0x02, 0, 0, 0, 0xff, last}};
    host.address = Ip4Addr{{198, 18, 0, last}};
}

void World::make_wire() {
    {
        const NetnsScope scope{a_.netns};
        run({"ip", "link", "add", "name", kUplink, "address", a_.mac.format(), "type", "veth",
             "peer", "name", kUplink, "address", b_.mac.format(), "netns", b_.netns});
    }
    for (Host* host : {&a_, &b_}) {
        const Host& other = host == &a_ ? b_ : a_;
        const NetnsScope scope{host->netns};
        start(kUplink);
        finish_frames(kUplink);
        run({"ip", "address", "add", host->address.format() + "/24", "dev", kUplink});
        run({"ip", "neigh", "add", other.address.format(), "lladdr", other.mac.format(), "dev",
             kUplink, "nud", "permanent"});
        host->uplink_index = index_of(kUplink);
    }
}

void World::make_vm(Host& host, std::size_t number) {
    const bool on_a = &host == &a_;
    const auto last = static_cast<std::uint8_t>(number);
    Vm vm;
    vm.netns = fmt::format("{}{}", host.netns, number);
    vm.mac = Mac{{0x02, 0, 0, 0, static_cast<std::uint8_t>(on_a ? 0x0a : 0x0b), last}};
    vm.address = Ip4Addr{{192, 0, 2, static_cast<std::uint8_t>((on_a ? 10 : 20) + last)}};
    vm.port.device = fmt::format("vm{}", number);
    netns_.emplace_back(vm.netns);
    {
        const NetnsScope scope{host.netns};
        run({"ip", "link", "add", "name", vm.port.device, "type", "veth", "peer", "name", kVmDevice,
             "address", vm.mac.format(), "netns", vm.netns});
        start(vm.port.device);
        vm.port.index = index_of(vm.port.device);
    }
    const NetnsScope scope{vm.netns};
    quieten_current_netns();
    run({"ip", "link", "set", "dev", kVmDevice, "mtu", std::to_string(kVmMtu)});
    start(kVmDevice);
    if (!shape_.offloads) finish_frames(kVmDevice);
    run({"ip", "address", "add", vm.address.format() + "/24", "dev", kVmDevice});
    vm.index = index_of(kVmDevice);
    host.vms.push_back(vm);
}

}  // namespace xgre::bench
