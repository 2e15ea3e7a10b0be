// SPDX-License-Identifier: GPL-2.0-only
#include "bench/peers.h"

#include <array>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "bench/live_frames.h"
#include "xgre/error.h"
#include "xgre/instance.h"

namespace xgre::bench {
namespace {

// With one VM between it and the wire, with two between them.
class RedirectPath : public DataPath {
public:
    explicit RedirectPath(const Site& site)
        : redirector_{
              site.host.netns, site.host.vms.at(0).port.index,
              site.host.vms.size() > 1 ? site.host.vms[1].port.index : site.host.uplink_index} {}

private:
    Redirector redirector_;
};

void bridge_fdb(const Mac& mac, const std::string& device) {
    run({"bridge", "fdb", "replace", mac.format(), "dev", device, "master", "static"});
}

void bridge_vms(const Site& site) {
    run({"ip", "link", "add", "name", "br0", "type", "bridge", "stp_state", "0", "mcast_snooping",
         "0"});
    run({"ip", "link", "set", "dev", "br0", "up"});
    for (const Vm& vm : site.host.vms) {
        run({"ip", "link", "set", "dev", vm.port.device, "master", "br0"});
        bridge_fdb(vm.mac, vm.port.device);
    }
}

// Its devices go with the namespace.
class BridgePath : public DataPath {
public:
    explicit BridgePath(const Site& site) {
        const NetnsScope scope{site.host.netns};
        bridge_vms(site);
        run({"ip", "link", "set", "dev", site.host.uplink, "master", "br0"});
        for (const Mac& mac : site.remote)
            bridge_fdb(mac, site.host.uplink);
    }
};

// As `ip link` makes it, without flags.
class VxlanPath : public DataPath {
public:
    explicit VxlanPath(const Site& site) {
        const NetnsScope scope{site.host.netns};
        const std::string far = site.far.address.format();
        bridge_vms(site);
        run({"ip", "link", "add", "name", "vxlan0", "type", "vxlan", "id",
             std::to_string(kNetworkKey), "dstport", "4789", "local", site.host.address.format(),
             "remote", far, "dev", site.host.uplink});
        run({"ip", "link", "set", "dev", "vxlan0", "master", "br0", "up"});
        for (const Mac& mac : site.remote) {
            bridge_fdb(mac, "vxlan0");
            run({"bridge", "fdb", "replace", mac.format(), "dev", "vxlan0", "dst", far, "self",
                 "static"});
        }
    }
};

class XgrePath : public DataPath {
public:
    XgrePath(const Site& site, bool xdp)
        : session_{.instance = site.host.netns, .netns = site.host.netns} {
        AttachSpec attach;
        attach.uplink = site.host.uplink;
        attach.local = site.host.address;
        attach.xdp = xdp;
        Instance::attach(session_, attach);
        try {
            configure(site);
        } catch (...) {
            detach();
            throw;
        }
    }
    XgrePath(const XgrePath&) = delete;
    XgrePath& operator=(const XgrePath&) = delete;
    ~XgrePath() override { detach(); }

private:
    void configure(const Site& site) {
        Instance instance = Instance::open(session_);
        NetworkSpec network;
        network.name = "lan";
        network.key = GreKey{kNetworkKey};
        instance.add_network(network);
        instance.add_peer({.address = site.far.address, .network = "lan"});
        for (const Vm& vm : site.host.vms) {
            PortSpec port;
            port.device = vm.port.device;
            port.network = "lan";
            instance.add_port(port);
            FdbSpec behind_port;
            behind_port.mac = vm.mac;
            behind_port.network = "lan";
            behind_port.port = vm.port.device;
            instance.add_fdb(behind_port);
        }
        for (const Mac& mac : site.remote) {
            FdbSpec behind_peer;
            behind_peer.mac = mac;
            behind_peer.network = "lan";
            behind_peer.peer = site.far.address;
            instance.add_fdb(behind_peer);
        }
    }

    void detach() noexcept {
        try {
            Instance::detach(session_, true);
        } catch (const Error& error) {
            fmt::print(stderr, "xgre-bench: {}\n", error.what());
        }
    }

    Session session_;
};

template <typename Path>
std::unique_ptr<DataPath> join(const Site& site) {
    return std::make_unique<Path>(site);
}

template <bool xdp>
std::unique_ptr<DataPath> join_xgre(const Site& site) {
    return std::make_unique<XgrePath>(site, xdp);
}

constexpr std::array kPeers{
    Peer{kLimit, "XDP redirect, no tunnel", Encap::none, false, join<RedirectPath>},
    Peer{kBridge, "Linux bridge, no tunnel", Encap::none, true, join<BridgePath>},
    Peer{kVxlan, "Linux bridge + VXLAN", Encap::vxlan, true, join<VxlanPath>},
    Peer{"xgre-tc", "xgre, TC only", Encap::gre, true, join_xgre<false>},
    Peer{"xgre", "xgre", Encap::gre, true, join_xgre<true>},
};

}  // namespace

std::span<const Peer> all_peers() {
    return kPeers;
}

}  // namespace xgre::bench
