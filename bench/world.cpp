// SPDX-License-Identifier: GPL-2.0-only
#include "bench/world.h"

#include <filesystem>

#include <fmt/format.h>

#include "bench/frame.h"
#include "bench/process.h"
#include "bench/vms.h"

namespace xgre::bench {
namespace {

constexpr const char* kUplink = "uplink0";

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
    make_vms(a_, 0x0a, shape.vms_on_a, shape, netns_);
    make_vms(b_, 0x0b, shape.vms_on_b, shape, netns_);
    introduce(a_, b_, shape);
    introduce(b_, a_, shape);
}

std::vector<Segment> World::segments_of(const Host& host) const {
    const Host& other = &host == &a_ ? b_ : a_;
    std::vector<Segment> segments(shape_.networks);
    for (std::size_t i = 0; i < segments.size(); ++i) {
        segments[i].key = kNetworkKey + static_cast<std::uint32_t>(i);
        for (std::size_t vm = i; vm < host.vms.size(); vm += segments.size())
            segments[i].vms.push_back(&host.vms[vm]);
        for (std::uint32_t remote = 0; remote < shape_.remotes; ++remote) {
            const std::uint32_t first = kFirstRemote.host_order();
            segments[i].remotes.push_back({Ip4Addr::from_host_order(first + remote), {}});
        }
    }
    if (shape_.remotes != 0) return segments;
    for (Segment& segment : segments)
        segment.remotes.push_back({other.address, {}});
    std::vector<Mac>& macs = segments[0].remotes[0].macs;
    for (const Vm& vm : other.vms)
        macs.push_back(vm.mac);
    if (macs.empty()) macs.push_back(kRemoteMac);
    return segments;
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
        run({"ip",
             "link",
             "add",
             "name",
             kUplink,
             "mtu",
             std::to_string(shape_.wire_mtu),
             "address",
             a_.mac.format(),
             "type",
             "veth",
             "peer",
             "name",
             kUplink,
             "mtu",
             std::to_string(shape_.wire_mtu),
             "address",
             b_.mac.format(),
             "netns",
             b_.netns});
    }
    for (Host* host : {&a_, &b_}) {
        const Host& other = host == &a_ ? b_ : a_;
        const NetnsScope scope{host->netns};
        start_veth(kUplink);
        finish_frames(kUplink);
        run({"ip", "address", "add", host->address.format() + "/24", "dev", kUplink});
        run({"ip", "neigh", "add", other.address.format(), "lladdr", other.mac.format(), "dev",
             kUplink, "nud", "permanent"});
        host->uplink_index = index_of(kUplink);
    }
    if (shape_.remotes == 0) return;
    const NetnsScope scope{a_.netns};
    run({"ip", "route", "add", "198.19.0.0/16", "via", b_.address.format()});
}

}  // namespace xgre::bench
