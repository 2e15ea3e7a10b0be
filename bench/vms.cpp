// SPDX-License-Identifier: GPL-2.0-only
#include "bench/vms.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "bench/process.h"
#include "bench/tap.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

constexpr const char* kVmDevice = "eth0";

// Not by ethtool: there may be a thousand of them.
void switch_gro_on(const std::string& device) {
    const Fd any{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ethtool_value on{.cmd = ETHTOOL_SGRO, .data = 1};
    ifreq request{};
    device.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_data = reinterpret_cast<char*>(&on);
    if (ioctl(any.get(), SIOCETHTOOL, &request) != 0) {
        throw Error::from_errno(device, "cannot switch GRO on", errno, "run as root");
    }
}

Mac vm_mac(std::uint8_t mark, std::size_t number) {
    return Mac{{0x02, 0, 0, mark, static_cast<std::uint8_t>(number >> 8),
                static_cast<std::uint8_t>(number)}};
}

Ip4Addr vm_address(std::uint8_t mark, std::size_t number) {
    const std::size_t first = mark == 0x0a ? 10 : 20;
    return Ip4Addr{{192, 0, 2, static_cast<std::uint8_t>(first + number % 10)}};
}

void make_veth(const Host& host, Vm& vm, const Shape& shape, std::deque<Netns>& netns) {
    vm.netns = netns.emplace_back(host.netns + std::to_string(host.vms.size() + 1)).name();
    const std::string mtu = std::to_string(shape.vm_mtu);
    {
        const NetnsScope scope{host.netns};
        run({"ip", "link", "add", "name", vm.port.device, "type", "veth", "peer", "name", kVmDevice,
             "address", vm.mac.format(), "mtu", mtu, "netns", vm.netns});
        start_veth(vm.port.device);
        vm.port.index = index_of(vm.port.device);
    }
    const NetnsScope scope{vm.netns};
    quieten_current_netns();
    start_veth(kVmDevice);
    if (shape.vms != VmKind::offloads) finish_frames(kVmDevice);
    run({"ip", "address", "add", vm.address.format() + "/24", "dev", kVmDevice});
    vm.index = index_of(kVmDevice);
}

void make_tap(const Host& host, Vm& vm) {
    const NetnsScope scope{host.netns};
    vm.tap = open_tap(vm.port.device);
    run({"ip", "link", "set", "dev", vm.port.device, "up"});
    vm.port.index = index_of(vm.port.device);
}

// All veths of a host at once, with their far ends in one namespace.
void make_bare(Host& host, const Shape& shape, std::deque<Netns>& netns) {
    const std::string& shared = netns.emplace_back(host.netns + "v").name();
    const auto far_device = [](const Vm& vm) { return "far-" + vm.port.device; };
    std::vector<std::string> near;
    std::vector<std::string> far;
    for (const Vm& vm : host.vms) {
        near.push_back(
            fmt::format("link add name {} type veth peer name {} address {} mtu {} netns {}",
                        vm.port.device, far_device(vm), vm.mac, shape.vm_mtu, shared));
        near.push_back(fmt::format("link set dev {} up", vm.port.device));
        far.push_back(fmt::format("link set dev {} up", far_device(vm)));
    }
    {
        const NetnsScope scope{shared};
        quieten_current_netns();
    }
    {
        const NetnsScope scope{host.netns};
        run_batch("ip", near);
        for (Vm& vm : host.vms)
            vm.port.index = index_of(vm.port.device);
    }
    const NetnsScope scope{shared};
    run_batch("ip", far);
    for (Vm& vm : host.vms) {
        vm.netns = shared;
        vm.index = index_of(far_device(vm));
        switch_gro_on(far_device(vm));
    }
}

}  // namespace

void start_veth(const std::string& device) {
    run({"ip", "link", "set", "dev", device, "up"});
    switch_gro_on(device);
}

void finish_frames(const std::string& device) {
    for (const char* feature : {"tx", "txvlan", "tx-vlan-stag-hw-insert"})
        run({"ethtool", "-K", device, feature, "off"});
}

void make_vms(Host& host, std::uint8_t mark, std::size_t count, const Shape& shape,
              std::deque<Netns>& netns) {
    for (std::size_t number = 1; number <= count; ++number) {
        Vm vm;
        vm.mac = vm_mac(mark, number);
        vm.address = vm_address(mark, number);
        vm.port.device = fmt::format("vm{}", number);
        if (shape.vms == VmKind::tap) {
            make_tap(host, vm);
        } else if (shape.vms != VmKind::bare) {
            make_veth(host, vm, shape, netns);
        }
        host.vms.push_back(std::move(vm));
    }
    if (shape.vms == VmKind::bare && count != 0) make_bare(host, shape, netns);
}

void introduce(const Host& host, const Host& other, const Shape& shape) {
    if (shape.vms == VmKind::tap || shape.vms == VmKind::bare) return;
    for (const Vm& vm : host.vms) {
        std::vector<std::string> neighbours;
        for (const Host* there : {&host, &other}) {
            for (const Vm& far : there->vms) {
                if (&far == &vm) continue;
                neighbours.push_back(fmt::format("neigh add {} lladdr {} dev {} nud permanent",
                                                 far.address, far.mac, kVmDevice));
            }
        }
        const NetnsScope scope{vm.netns};
        run_batch("ip", neighbours);
    }
}

}  // namespace xgre::bench
