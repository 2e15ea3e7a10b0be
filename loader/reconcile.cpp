// SPDX-License-Identifier: GPL-2.0-only
// Instance::State::reconcile: from the rows to everything that follows from them.
#include <bpf/bpf.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <set>

#include <fmt/format.h>

#include "loader/detour.h"
#include "loader/device_probe.h"
#include "loader/ethtool.h"
#include "loader/instance_state.h"
#include "loader/loopback.h"
#include "loader/outer_header.h"
#include "loader/pins.h"
#include "loader/receive_cpus.h"
#include "loader/spread.h"
#include "loader/watcher.h"

namespace xgre {
namespace {

struct ByteOrder {
    template <typename Key>
    bool operator()(const Key& a, const Key& b) const {
        return std::memcmp(&a, &b, sizeof(a)) < 0;
    }
};
template <typename Key>
using Tunnels = std::map<Key, xgre_tunnel, ByteOrder>;

IpAddr source_of(const xgre_tunnel_key& key) {
    return Ip4Addr::from_network_order(key.source);
}

IpAddr source_of(const xgre_tunnel6_key& key) {
    return from_row(key.source, true);
}

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
        drop_addresses_without_port();
        find_live_devices();
        adopt_returned();
        if (enable_loopback_forwarding()) did("enabled forwarding at the loopback device");
        // New devices get TC before they get XDP; old ones lose XDP before TC.
        make_detour();
        hook_devices();
        unhook_others();
        set_tunnels();
        set_flood();
        datapath_.forget_flows();
        return std::move(done_);
    }

private:
    void did(std::string what) { done_.push_back(std::move(what)); }

    // Takes out the FDB entries of ports, peers and networks whose rows are gone, before what shows
    // that they are goes too: killed in between, the next command does so again.
    void sweep() {
        if (!swept_) datapath_.fdb_sweep();
        swept_ = true;
    }

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
        }
        for (auto peer = peers_.begin(); peer != peers_.end();) {
            if (networks_.contains(peer->second.network)) {
                ++peer;
                continue;
            }
            did(fmt::format("removed peer {} of a network that is no more",
                            remote_of(peer->second)));
            datapath_.peers().put(peer->first, xgre_peer{});
            peer = peers_.erase(peer);
        }
    }

    // By slot, which a port keeps when its device goes and comes back.
    void drop_addresses_without_port() {
        std::set<std::uint32_t> slots;
        for (const auto& [ifindex, port] : ports_)
            slots.insert(port.slot);
        std::size_t count = 0;
        for (const auto& [address, unused] : datapath_.addresses().entries()) {
            if (slots.contains(address.slot)) continue;
            datapath_.addresses().erase(address);
            ++count;
        }
        if (count != 0) did(fmt::format("removed {} addresses of a port that is no more", count));
    }

    void find_live_devices() {
        NlSocket netlink = NlSocket::open();
        uplink_ = state_.find_uplink(netlink);
        for (auto port = ports_.begin(); port != ports_.end();) {
            // A device that went had this index before the uplink got it.
            if (uplink_ && port->first == state_.uplink.ifindex) {
                did(fmt::format("forgot port {}, whose device number the uplink has now",
                                text_of(port->second.name)));
                datapath_.ports().erase(port->first);
                port = ports_.erase(port);
                sweep();
                continue;
            }
            const auto device = netlink.find_link(static_cast<int>(port->first));
            // The kernel takes a vanished device out of `redirect`: an index alone proves nothing.
            if (device && state_.is_live(port->first)) {
                follow_name(port->first, port->second, *device);
                live_.emplace(port->first, *device);
            }
            ++port;
        }
    }

    void follow_name(std::uint32_t ifindex, xgre_port& port, const LinkInfo& device) {
        const std::string before = text_of(port.name);
        if (device.name == before) return;
        set_name(port.name, device.name, "port");
        datapath_.ports().put(ifindex, port);
        did(fmt::format("port {} is called {} now", before, device.name));
    }

    // A device is back under another index, and `port add` has made a row for that: what the old
    // row still has is the new one's.
    void adopt_returned() {
        for (const auto& [ifindex, device] : live_) {
            const xgre_port& port = ports_.at(ifindex);
            for (auto old = ports_.begin(); old != ports_.end();) {
                if (live_.contains(old->first) || text_of(old->second.name) != text_of(port.name)) {
                    ++old;
                    continue;
                }
                state_.move_statics(old->first, ifindex, port.slot);
                datapath_.ports().erase(old->first);
                did(fmt::format("gave port {} what its device had before", text_of(port.name)));
                old = ports_.erase(old);
                sweep();
            }
        }
    }

    // Before any program is attached that may send into it. Without it, large frames are dropped,
    // and peers that want complete ones get none: no reason to have nothing at all.
    void make_detour() {
        NlSocket netlink = NlSocket::open();
        const Detour detour{state_.uplink.cookie};
        try {
            detour_ = detour.find(netlink);
            if (!detour_) {
                detour_ = detour.make(netlink);
                did("made the devices of the detour");
            }
        } catch (const Error& error) {
            detour_.reset();
            if (state_.uplink.detour != 0) did(fmt::format("has no detour now: {}", error.what()));
            return;
        }
        const auto in = static_cast<std::uint32_t>(detour_->in.index);
        if (!state_.is_live(in)) datapath_.redirect().put(in, in);
        hook_tc(detour_->out, "detour_tc");
        keep_order(detour_->out.name);
    }

    // Sequence numbers are to be in the order in which packets leave: one CPU writes them all.
    void keep_order(const std::string& detour) {
        const bool numbers = std::ranges::any_of(
            peers_, [](const auto& peer) { return (peer.second.flags & XGRE_PEER_OSEQ) != 0; });
        try {
            CpuSet wanted;
            if (numbers) wanted.add(system_cpus("online").list().front());
            if (receive_cpus(detour) == wanted) return;
            set_receive_cpus(detour, wanted);
            did(numbers ? "had one CPU number the packets of peers with --oseq"
                        : "let every CPU work off the detour");
        } catch (const Error& error) {
            if (numbers)
                did(fmt::format("packets to peers with --oseq may be out of order: {}",
                                error.what()));
        }
    }

    void hook_devices() {
        if (uplink_) {
            if (!state_.is_live(state_.uplink.ifindex)) {
                datapath_.redirect().put(state_.uplink.ifindex, state_.uplink.ifindex);
                did(fmt::format("let the data path send to uplink {}", uplink_->name));
            }
            const DeviceFitness fitness = probe_device(*uplink_);
            hook(*uplink_, fitness, "uplink_tc", "uplink_xdp");
            spread(*uplink_, fitness);
        }
        for (const auto& [ifindex, device] : live_) {
            const DeviceFitness fitness = probe_device(device);
            hook(device, fitness, "port_tc", "port_xdp");
            set_port_flags(ifindex, device, fitness);
        }
    }

    void hook_tc(const LinkInfo& device, const char* tc) {
        if (state_.hooks.tc(device.index) == kernel_id_of_program(datapath_.program(tc))) return;
        state_.hooks.set_tc(device, datapath_.program(tc));
        did(fmt::format("attached {} to {}", tc, device.name));
    }

    void hook(const LinkInfo& device, const DeviceFitness& fitness, const char* tc,
              const char* xdp) {
        hook_tc(device, tc);
        if (!wants_xdp(state_.uplink.flags, device) || !fitness.xdp.ok) {
            if (state_.hooks.xdp(device.index)) {
                state_.hooks.clear_xdp(device.index);
                did(fmt::format("took {} off {}", xdp, device.name));
            }
            return;
        }
        if (state_.hooks.xdp(device.index) == kernel_id_of_program(datapath_.program(xdp))) return;
        if (state_.hooks.set_xdp(device, datapath_.program(xdp)))
            did(fmt::format("attached {} to {}", xdp, device.name));
    }

    // A CPU can take frames before it is to get some, and until it gets none any more.
    void spread(const LinkInfo& uplink, const DeviceFitness& fitness) {
        const Spreader spreader{datapath_, pins::links(state_.session.instance)};
        const bool has_xdp = state_.hooks.xdp(uplink.index).has_value();
        const CpuSet cpus = plan_spread(spread_of(state_.uplink), has_xdp).cpus;
        std::ranges::move(spreader.make(cpus), std::back_inserter(done_));
        set_uplink_flags(uplink, fitness, !cpus.empty());
        std::ranges::move(spreader.remove_all_but(cpus), std::back_inserter(done_));
    }

    void set_uplink_flags(const LinkInfo& uplink, const DeviceFitness& fitness, bool spreads) {
        xgre_uplink wanted = state_.uplink;
        wanted.flags &= ~static_cast<__u32>(XGRE_UPLINK_XDP_XMIT | XGRE_UPLINK_SPREAD);
        if ((wanted.flags & XGRE_UPLINK_WATCHED) != 0)
            wanted.flags &= ~stale_watch_flags(state_.session.instance);
        if (spreads) wanted.flags |= XGRE_UPLINK_SPREAD;
        if (fitness.transmit.ok) wanted.flags |= XGRE_UPLINK_XDP_XMIT;
        std::memcpy(wanted.mac, uplink.mac.bytes().data(), sizeof(wanted.mac));
        set_name(wanted.name, uplink.name, "device");
        wanted.detour = detour_ ? static_cast<__u32>(detour_->in.index) : 0;
        const auto now = datapath_.uplink().find(0);
        if (now && same_bytes(*now, wanted)) return;
        datapath_.uplink().put(0, wanted);
        did(fmt::format("noted what changed at uplink {}", uplink.name));
    }

    void set_port_flags(std::uint32_t ifindex, const LinkInfo& device,
                        const DeviceFitness& fitness) {
        xgre_port& port = ports_.at(ifindex);
        xgre_port wanted = port;
        wanted.flags &=
            ~static_cast<__u32>(XGRE_PORT_XDP_XMIT | XGRE_PORT_OFFLOADS | XGRE_PORT_FAR_END);
        if (fitness.transmit.ok) wanted.flags |= XGRE_PORT_XDP_XMIT;
        const bool direct = (wanted.flags & XGRE_PORT_DIRECT) != 0 && fitness.far_end;
        if (direct) wanted.flags |= XGRE_PORT_FAR_END;
        const Mac far_end = direct ? *fitness.far_end : Mac{};
        std::memcpy(wanted.far_end, far_end.bytes().data(), sizeof(wanted.far_end));
        const bool offloads =
            device.kind == "tun" ? device.tun_vnet_hdr.value_or(false) : ethtool::tso(device.name);
        if (offloads) wanted.flags |= XGRE_PORT_OFFLOADS;
        if (same_bytes(port, wanted)) return;
        datapath_.ports().put(ifindex, wanted);
        port = wanted;
        did(fmt::format("noted what changed at port {}", device.name));
    }

    bool is_in_use(std::uint32_t ifindex) const {
        if (detour_ && (static_cast<int>(ifindex) == detour_->in.index ||
                        static_cast<int>(ifindex) == detour_->out.index))
            return true;
        return live_.contains(ifindex) || (uplink_ && ifindex == state_.uplink.ifindex);
    }

    void unhook_others() {
        std::vector<int> others;
        for (const int ifindex : state_.hooks.devices()) {
            const auto index = static_cast<std::uint32_t>(ifindex);
            if (is_in_use(index)) continue;
            others.push_back(ifindex);
            // Gone devices are routine; only programs that still ran are worth a word.
            if (ports_.contains(index)) continue;
            did(fmt::format("detached from device number {}, which is no port", ifindex));
            sweep();
        }
        state_.hooks.clear(others);
        // A frame under way may have learned after the first sweep.
        if (!others.empty()) datapath_.fdb_sweep();
        std::uint32_t key = 0;
        std::vector<std::uint32_t> unwanted;
        const int redirect = datapath_.redirect().fd();
        for (const std::uint32_t* from = nullptr;
             bpf_map_get_next_key(redirect, from, &key) == 0;) {
            if (!is_in_use(key)) unwanted.push_back(key);
            last_key_ = key;
            from = &last_key_;
        }
        for (const std::uint32_t ifindex : unwanted) {
            sweep();
            datapath_.redirect().erase(ifindex);
            did(fmt::format("stopped sending to device number {}, which is no port", ifindex));
        }
    }

    void set_tunnels() {
        Tunnels<xgre_tunnel_key> wanted;
        Tunnels<xgre_tunnel6_key> wanted6;
        for (const auto& [id, peer] : peers_) {
            const xgre_tunnel tunnel{.network = peer.network, .peer = id};
            if ((peer.flags & XGRE_PEER_IP6) != 0)
                wanted6.emplace(tunnel6_key_of(peer), tunnel);
            else
                wanted.emplace(tunnel_key_of(peer), tunnel);
        }
        set_tunnels(datapath_.tunnels(), std::move(wanted));
        set_tunnels(datapath_.tunnels6(), std::move(wanted6));
        set_outbound();
    }

    // Makes the entries those that are wanted. `erase` takes one out; `put_in` is told of each that
    // is new, or another.
    template <typename Key, typename Erase, typename PutIn>
    void replace(const Map<Key, xgre_tunnel>& map, Tunnels<Key> wanted, const Erase& erase,
                 const PutIn& put_in) {
        for (const auto& [key, tunnel] : map.entries()) {
            const auto same = wanted.find(key);
            if (same == wanted.end())
                erase(key);
            else if (same_bytes(same->second, tunnel))
                wanted.erase(same);
        }
        for (const auto& [key, tunnel] : wanted) {
            map.put(key, tunnel);
            put_in(key, tunnel);
        }
    }

    template <typename Key>
    void set_tunnels(const Map<Key, xgre_tunnel>& map, Tunnels<Key> wanted) {
        const auto erase = [&](const Key& key) {
            sweep();
            map.erase(key);
            did(fmt::format("stopped taking packets from {}, which is no peer", source_of(key)));
        };
        replace(map, std::move(wanted), erase, [this](const Key& key, const xgre_tunnel&) {
            did(fmt::format("took up peer {}", source_of(key)));
        });
    }

    // Who is told apart by the key that it is sent: of several with one key, the first.
    void set_outbound() {
        Tunnels<xgre_outbound_key> wanted;
        for (const auto& [id, peer] : peers_)
            wanted.emplace(outbound_key_of(peer), xgre_tunnel{peer.network, id});
        const auto map = datapath_.outbound();
        const auto erase = [&map](const xgre_outbound_key& key) { map.erase(key); };
        replace(map, std::move(wanted), erase,
                [this](const xgre_outbound_key&, const xgre_tunnel& tunnel) {
                    did(fmt::format("listens to routers about peer {}",
                                    remote_of(peers_.at(tunnel.peer))));
                });
    }

    // Those with the shortest outer headers first: see bpf/flood.h.
    std::vector<std::uint32_t> peers_by_length() const {
        std::vector<std::uint32_t> ids;
        for (const auto& [id, peer] : peers_)
            ids.push_back(id);
        std::ranges::sort(
            ids, {}, [this](std::uint32_t id) { return std::pair{peers_.at(id).outer_len, id}; });
        return ids;
    }

    void set_flood() {
        std::map<std::uint32_t, xgre_flood> wanted;
        for (const auto& [id, network] : networks_)
            wanted.emplace(id, xgre_flood{});
        for (const auto& [ifindex, device] : live_) {
            xgre_flood& list = wanted.at(ports_.at(ifindex).network);
            if (list.ports < XGRE_FLOOD_PORTS) list.port[list.ports++] = ifindex;
        }
        for (const std::uint32_t id : peers_by_length()) {
            const xgre_peer& peer = peers_.at(id);
            xgre_flood& list = wanted.at(peer.network);
            if (list.peers == XGRE_FLOOD_PEERS) continue;
            if (list.outer_len == 0 && (peer.flags & XGRE_PEER_DETOUR) == 0)
                list.outer_len = peer.outer_len;
            list.peer_flags |= peer.flags;
            list.peer[list.peers++] = id;
        }
        for (const auto& [id, list] : datapath_.flood().entries()) {
            const auto same = wanted.find(id);
            if (same == wanted.end()) {
                sweep();
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
    std::optional<Detour::Ends> detour_;
    std::map<std::uint32_t, LinkInfo> live_;
    std::vector<std::string> done_;
    std::uint32_t last_key_ = 0;
    bool swept_ = false;
};

}  // namespace

std::vector<std::string> Instance::State::reconcile() const {
    const auto scope = enter();
    const bool unfinished = pins::remove_unfinished(pins::directory(session.instance)) != 0;
    auto done = Reconciliation{*this}.run();
    if (unfinished) done.emplace_back("removed what an upgrade that was cut off had left");
    return done;
}

}  // namespace xgre
