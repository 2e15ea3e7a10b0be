// SPDX-License-Identifier: GPL-2.0-only
#include "bench/bridge_paths.h"

#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "bench/process.h"

namespace xgre::bench {
namespace {

// Devices go with their namespace.
class BridgedPath : public DataPath {
public:
    void forget() override {
        const NetnsScope scope{netns_};
        for (const std::string& bridge : bridges_)
            run({"ip", "link", "set", "dev", bridge, "type", "bridge", "fdb_flush"});
    }

    std::uint64_t learned() const override {
        const NetnsScope scope{netns_};
        std::uint64_t count = 0;
        for (const std::string& bridge : bridges_)
            count += count_lines({"bridge", "fdb", "show", "br", bridge, "dynamic"});
        return count;
    }

protected:
    explicit BridgedPath(const Site& site) : netns_{site.host.netns} {
        for (std::size_t i = 0; i < site.segments.size(); ++i) {
            const std::string& bridge = bridges_.emplace_back(fmt::format("br{}", i));
            links_.push_back(
                fmt::format("link add name {} type bridge stp_state 0 mcast_snooping 0", bridge));
            links_.push_back(fmt::format("link set dev {} up", bridge));
            for (const Vm* vm : site.segments[i].vms) {
                enslave(vm->port.device, bridge);
                put_behind(vm->port.device, vm->mac);
            }
        }
    }

    void enslave(const std::string& device, const std::string& bridge) {
        links_.push_back(fmt::format("link set dev {} master {} up", device, bridge));
    }
    void put_behind(const std::string& device, const Mac& mac) {
        entries_.push_back(fmt::format("fdb replace {} dev {} master static", mac, device));
    }
    void commit() const {
        const NetnsScope scope{netns_};
        run_batch("ip", links_);
        run_batch("bridge", entries_);
    }

    std::string netns_;
    std::vector<std::string> bridges_;
    std::vector<std::string> links_;
    std::vector<std::string> entries_;
};

class PlainPath : public BridgedPath {
public:
    explicit PlainPath(const Site& site) : BridgedPath{site} {
        enslave(site.host.uplink, bridges_[0]);
        for (const Remote& remote : site.segments[0].remotes) {
            for (const Mac& mac : remote.macs)
                put_behind(site.host.uplink, mac);
        }
        commit();
    }
};

class VxlanPath : public BridgedPath {
public:
    explicit VxlanPath(const Site& site) : BridgedPath{site} {
        for (std::size_t i = 0; i < site.segments.size(); ++i)
            add_tunnels(site, site.segments[i], bridges_[i], fmt::format("vxlan{}", i));
        commit();
    }

    void forget() override {
        BridgedPath::forget();
        const NetnsScope scope{netns_};
        for (const std::string& tunnel : tunnels_)
            run({"bridge", "fdb", "flush", "dev", tunnel, "self"});
    }

private:
    void add_tunnels(const Site& site, const Segment& segment, const std::string& bridge,
                     const std::string& device) {
        std::string link =
            fmt::format("link add name {} type vxlan id {} dstport 4789 local {} dev {}", device,
                        segment.key, site.host.address, site.host.uplink);
        const bool has_one = segment.remotes.size() == 1;
        if (has_one) link += fmt::format(" remote {}", segment.remotes[0].address);
        links_.push_back(std::move(link));
        enslave(device, bridge);
        tunnels_.push_back(device);
        for (const Remote& remote : segment.remotes) {
            if (!has_one) {
                entries_.push_back(fmt::format("fdb append 00:00:00:00:00:00 dev {} dst {} self",
                                               device, remote.address));
            }
            for (const Mac& mac : remote.macs) {
                put_behind(device, mac);
                entries_.push_back(fmt::format("fdb replace {} dev {} dst {} self static", mac,
                                               device, remote.address));
            }
        }
    }

    std::vector<std::string> tunnels_;
};

}  // namespace

std::unique_ptr<DataPath> join_bridge(const Site& site) {
    return std::make_unique<PlainPath>(site);
}

std::unique_ptr<DataPath> join_vxlan(const Site& site) {
    return std::make_unique<VxlanPath>(site);
}

}  // namespace xgre::bench
