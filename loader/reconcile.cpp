// SPDX-License-Identifier: GPL-2.0-only
// Instance::State::reconcile: from the rows to everything that follows from them.
#include <bpf/bpf.h>

#include <algorithm>
#include <cstring>
#include <set>

#include <fmt/format.h>

#include "loader/device_probe.h"
#include "loader/ethtool.h"
#include "loader/instance_state.h"

namespace xgre {
namespace {

struct TunnelOrder {
    bool operator()(const xgre_tunnel_key& a, const xgre_tunnel_key& b) const {
        return std::memcmp(&a, &b, sizeof(a)) < 0;
    }
};
using Tunnels = std::map<xgre_tunnel_key, xgre_tunnel, TunnelOrder>;

template <typename T>
bool same_bytes(const T& a, const T& b) {
    return std::memcmp(&a, &b, sizeof(a)) == 0;
}

class Reconciliation {
public:
    explicit Reconciliation(const Instance::State& state)
        : state_{state},
          datapath_{state.datapath},
          networks_{state.networks()},
          ports_{state.ports()},
          peers_{state.peers()} {}

    std::vector<std::string> run() {
        drop_rows_without_network();
        find_live_devices();
        // New devices get TC before they get XDP; old ones lose XDP before TC.
        hook_devices();
        unhook_others();
        set_tunnels();
        set_flood();
        if (orphans_) datapath_.fdb_sweep();
        return std::move(done_);
    }

private:
    void did(std::string what) { done_.push_back(std::move(what)); }

    void drop_rows_without_network() {
        for (auto port = ports_.begin(); port != ports_.end();) {
            if (networks_.contains(port->second.network)) {
                ++port;
                continue;
            }
            did(fmt::format("removed port {} of a network that is no more",
                            text_of(port->second.name)));
            datapath_.ports().erase(port->first);
            port = ports_.erase(port);
            orphans_ = true;
        }
        for (auto peer = peers_.begin(); peer != peers_.end();) {
            if (networks_.contains(peer->second.network)) {
                ++peer;
                continue;
            }
            did(fmt::format("removed peer {} of a network that is no more",
                            Ip4Addr::from_network_order(peer->second.remote)));
            datapath_.peers().put(peer->first, xgre_peer{});
            peer = peers_.erase(peer);
            orphans_ = true;
        }
    }

    void find_live_devices() {
        NlSocket netlink = NlSocket::open();
        const auto uplink = netlink.find_link(static_cast<int>(state_.uplink.ifindex));
        if (uplink && uplink->name == text_of(state_.uplink.name)) uplink_ = uplink;
        for (const auto& [ifindex, port] : ports_) {
            const auto device = netlink.find_link(static_cast<int>(ifindex));
            // The kernel takes a vanished device out of `redirect`: an index alone proves nothing.
            if (device && state_.is_live(ifindex)) live_.emplace(ifindex, *device);
        }
    }

    void hook_devices() {
        if (uplink_) {
            if (!state_.is_live(state_.uplink.ifindex)) {
                datapath_.redirect().put(state_.uplink.ifindex, state_.uplink.ifindex);
                did(fmt::format("let the data path send to uplink {}", uplink_->name));
            }
            hook(*uplink_, "uplink_tc", "uplink_xdp");
            set_uplink_flags();
        }
        for (const auto& [ifindex, device] : live_) {
            hook(device, "port_tc", "port_xdp");
            set_port_flags(ifindex, device);
        }
    }

    void hook(const LinkInfo& device, const char* tc, const char* xdp) {
        if (state_.hooks.tc(device.index) != kernel_id_of_program(datapath_.program(tc))) {
            state_.hooks.set_tc(device, datapath_.program(tc));
            did(fmt::format("attached {} to {}", tc, device.name));
        }
        if ((state_.uplink.flags & XGRE_UPLINK_NO_XDP) != 0 || !port_xdp(device).ok) {
            if (state_.hooks.xdp(device.index)) {
                state_.hooks.clear_xdp(device.index);
                did(fmt::format("took {} off {}: its frames may carry offloads now", xdp,
                                device.name));
            }
            return;
        }
        if (state_.hooks.xdp(device.index) == kernel_id_of_program(datapath_.program(xdp))) return;
        if (state_.hooks.set_xdp(device, datapath_.program(xdp)))
            did(fmt::format("attached {} to {}", xdp, device.name));
    }

    void set_uplink_flags() {
        xgre_uplink wanted = state_.uplink;
        wanted.flags &= ~static_cast<__u32>(XGRE_UPLINK_XDP_XMIT);
        if (xdp_transmit(*uplink_).ok) wanted.flags |= XGRE_UPLINK_XDP_XMIT;
        std::memcpy(wanted.mac, uplink_->mac.bytes().data(), sizeof(wanted.mac));
        const auto now = datapath_.uplink().find(0);
        if (now && same_bytes(*now, wanted)) return;
        datapath_.uplink().put(0, wanted);
        did(fmt::format("noted what changed at uplink {}", uplink_->name));
    }

    void set_port_flags(std::uint32_t ifindex, const LinkInfo& device) {
        xgre_port& port = ports_.at(ifindex);
        xgre_port wanted = port;
        wanted.flags &= ~static_cast<__u32>(XGRE_PORT_XDP_XMIT | XGRE_PORT_OFFLOADS);
        if (xdp_transmit(device).ok) wanted.flags |= XGRE_PORT_XDP_XMIT;
        const bool offloads =
            device.kind == "tun" ? device.tun_vnet_hdr.value_or(false) : ethtool::tso(device.name);
        if (offloads) wanted.flags |= XGRE_PORT_OFFLOADS;
        if (same_bytes(port, wanted)) return;
        datapath_.ports().put(ifindex, wanted);
        port = wanted;
        did(fmt::format("noted what changed at port {}", device.name));
    }

    void unhook_others() {
        for (const int ifindex : state_.hooks.devices()) {
            const auto index = static_cast<std::uint32_t>(ifindex);
            if (live_.contains(index) || (uplink_ && uplink_->index == ifindex)) continue;
            state_.hooks.clear(ifindex);
            // Gone devices are routine; only programs that still ran are worth a word.
            if (!ports_.contains(index))
                did(fmt::format("detached from device number {}, which is no port", ifindex));
        }
        std::uint32_t key = 0;
        std::vector<std::uint32_t> unwanted;
        const int redirect = datapath_.redirect().fd();
        for (const std::uint32_t* from = nullptr;
             bpf_map_get_next_key(redirect, from, &key) == 0;) {
            if (!live_.contains(key) && !(uplink_ && key == state_.uplink.ifindex))
                unwanted.push_back(key);
            last_key_ = key;
            from = &last_key_;
        }
        for (const std::uint32_t ifindex : unwanted) {
            datapath_.redirect().erase(ifindex);
            did(fmt::format("stopped sending to device number {}, which is no port", ifindex));
        }
    }

    void set_tunnels() {
        Tunnels wanted;
        for (const auto& [id, peer] : peers_) {
            const xgre_network& network = networks_.at(peer.network);
            const xgre_tunnel_key key{
                .source = peer.remote,
                .local = peer.local,
                .key = network.key,
                .keyed = (network.flags & XGRE_NETWORK_KEYED) != 0 ? 1U : 0U,
            };
            wanted.emplace(key, xgre_tunnel{.network = peer.network, .peer = id});
        }
        for (const auto& [key, tunnel] : datapath_.tunnels().entries()) {
            const auto same = wanted.find(key);
            if (same != wanted.end() && same_bytes(same->second, tunnel)) {
                wanted.erase(same);
            } else if (same == wanted.end()) {
                datapath_.tunnels().erase(key);
                did(fmt::format("stopped taking packets from {}, which is no peer",
                                Ip4Addr::from_network_order(key.source)));
            }
        }
        for (const auto& [key, tunnel] : wanted) {
            datapath_.tunnels().put(key, tunnel);
            did(fmt::format("took up peer {}", Ip4Addr::from_network_order(key.source)));
        }
    }

    void set_flood() {
        std::map<std::uint32_t, xgre_flood> wanted;
        for (const auto& [id, network] : networks_)
            wanted.emplace(id, xgre_flood{});
        for (const auto& [ifindex, device] : live_) {
            xgre_flood& list = wanted.at(ports_.at(ifindex).network);
            if (list.ports < XGRE_FLOOD_PORTS) list.port[list.ports++] = ifindex;
        }
        for (const auto& [id, peer] : peers_) {
            xgre_flood& list = wanted.at(peer.network);
            if (list.peers < XGRE_FLOOD_PEERS) list.peer[list.peers++] = id;
        }
        for (const auto& [id, list] : datapath_.flood().entries()) {
            const auto same = wanted.find(id);
            if (same == wanted.end()) {
                datapath_.flood().erase(id);
                did(fmt::format("removed the flood list of network number {}", id));
            } else if (same_bytes(same->second, list)) {
                wanted.erase(same);
            }
        }
        for (const auto& [id, list] : wanted) {
            datapath_.flood().put(id, list);
            if (list.ports + list.peers != 0)
                did(fmt::format("brought the flood list of network {} up to date",
                                text_of(networks_.at(id).name)));
        }
    }

    const Instance::State& state_;
    const Datapath& datapath_;
    Rows<xgre_network> networks_;
    Rows<xgre_port> ports_;
    Rows<xgre_peer> peers_;
    std::optional<LinkInfo> uplink_;
    std::map<std::uint32_t, LinkInfo> live_;
    std::vector<std::string> done_;
    std::uint32_t last_key_ = 0;
    bool orphans_ = false;
};

}  // namespace

std::vector<std::string> Instance::State::reconcile() const {
    const auto scope = enter();
    return Reconciliation{*this}.run();
}

}  // namespace xgre
