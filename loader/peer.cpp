// SPDX-License-Identifier: GPL-2.0-only
// Instance: peers.
#include <algorithm>
#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "loader/clock.h"
#include "loader/instance_state.h"
#include "loader/limits.h"
#include "loader/liveness.h"
#include "loader/outer_header.h"
#include "loader/spec_checks.h"
#include "xgre/error.h"

namespace xgre {
namespace {

IpAddr local_for(const Instance::State& state, const IpAddr& remote) {
    for (const IpAddr& local : locals_of(state.uplink))
        if (local.is_v6() == remote.is_v6()) return local;
    const std::string uplink = text_of(state.uplink.name);
    throw Error{"peer " + remote.format(),
                fmt::format("the uplink {} has no {} address for tunnels", uplink,
                            remote.is_v6() ? "IPv6" : "IPv4"),
                fmt::format("`xgre attach {} --local ADDR` adds one", uplink)};
}

template <typename Address>
bool is_of_one_host(const Address& address) {
    return !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
}

template <typename T, typename Target>
void apply(const std::optional<T>& wanted, Target& target) {
    if (wanted) target = *wanted;
}

template <typename T>
void apply(const std::optional<OrNone<T>>& wanted, std::optional<T>& target) {
    if (wanted) target = wanted->value;
}

PeerOptions with_wishes(PeerOptions options, const PeerSpec& spec) {
    apply(spec.ikey, options.ikey);
    apply(spec.okey, options.okey);
    apply(spec.icsum, options.icsum);
    apply(spec.iseq, options.iseq);
    apply(spec.ocsum, options.ocsum);
    apply(spec.oseq, options.oseq);
    apply(spec.rp_filter, options.rp_filter);
    apply(spec.mac_limit, options.mac_limit);
    apply(spec.ttl, options.ttl);
    apply(spec.tos, options.tos);
    apply(spec.df, options.df);
    apply(spec.encap_limit, options.encap_limit);
    apply(spec.flow_label, options.flow_label);
    return options;
}

// Only frames that are complete have a checksum or a number.
void check_detour(const Instance::State& state, const IpAddr& address, const PeerOptions& options) {
    const xgre_uplink now = state.datapath.uplink().find(0).value_or(xgre_uplink{});
    if (now.detour != 0 || (!options.ocsum && !options.oseq)) return;
    throw Error{"peer " + address.format(),
                "the veth pair that frames are completed by cannot be made",
                "see why with `ip link add type veth`, or leave --ocsum and --oseq out"};
}

// Floods ask the peer and the list of its network, which do not change at once: until
// reconciliation makes the list fit, it has to do for the peer as it is and as it will be.
void ready_flood_list(const Instance::State& state, const xgre_peer& changed) {
    auto list = state.datapath.flood().find(changed.network);
    if (!list) return;
    list->peer_flags |= changed.flags;
    if ((changed.flags & XGRE_PEER_DETOUR) == 0 &&
        (list->outer_len == 0 || changed.outer_len < list->outer_len))
        list->outer_len = changed.outer_len;
    state.datapath.flood().put(changed.network, *list);
}

// What routers said was about packets that looked otherwise.
void forget_path(const Instance::State& state, std::uint32_t id) {
    auto now = state.datapath.peer_states().find(id);
    if (!now || now->path_mtu == 0) return;
    now->path_mtu = 0;
    now->path_until = 0;
    state.datapath.peer_states().put(id, *now);
}

// Two peers that send the same could not be told apart.
void check_tunnel(const Instance::State& state, std::uint32_t id, const xgre_peer& wanted) {
    for (const auto& [other_id, other] : state.peers()) {
        if (other_id == id || remote_of(other) != remote_of(wanted) ||
            !collide(wire_key_of(other), wire_key_of(wanted)))
            continue;
        const auto networks = state.networks();
        const auto network = networks.find(other.network);
        throw not_told_apart(remote_of(wanted), network == networks.end()
                                                    ? std::string{"?"}
                                                    : text_of(network->second.name));
    }
}

// The next above the highest in use, then from the bottom: a stale id seldom means another peer.
std::uint32_t free_id(const Rows<xgre_peer>& peers) {
    const std::uint32_t last = peers.empty() ? 0 : peers.rbegin()->first;
    for (std::uint32_t step = 0; step < kPeers.most; ++step) {
        const std::uint32_t id = (last + step) % kPeers.most + 1;
        if (!peers.contains(id)) return id;
    }
    throw no_room(kPeers);
}

// How long what a router said about the path to a peer still holds; 0: nobody said anything.
std::chrono::nanoseconds path_left(const xgre_peer_state& state) {
    const auto left = std::chrono::nanoseconds{state.path_until} - monotonic_time();
    return state.path_mtu != 0 ? std::max(left, std::chrono::nanoseconds{0})
                               : std::chrono::nanoseconds{0};
}

// `uplink`: its MTU. In the uplink's network namespace.
void fill_in_mtu(PeerInfo& info, const xgre_peer& peer, const xgre_peer_state& state,
                 std::uint32_t uplink, NlSocket& netlink) {
    std::uint32_t mtu = uplink;
    const auto route = netlink.route_to(info.address);
    if (route && route->mtu != 0 && route->mtu < mtu) {
        mtu = route->mtu;
        info.mtu_from = MtuSource::route;
    }
    const auto left = path_left(state);
    if (left.count() != 0 && state.path_mtu < mtu) {
        mtu = state.path_mtu;
        info.mtu_from = MtuSource::path;
        info.mtu_left = std::chrono::ceil<std::chrono::seconds>(left);
    }
    info.mtu = mtu > overhead(peer) ? mtu - overhead(peer) : 0;
}

}  // namespace

void check_peer_address(const IpAddr& address) {
    const std::string object = "peer " + address.format();
    const bool is_one = address.is_v6()
                            ? is_of_one_host(address.v6()) && !address.v6().is_v4_mapped() &&
                                  !address.v6().is_link_local()
                            : is_of_one_host(address.v4()) && !address.v4().is_broadcast();
    if (!is_one)
        throw Error{object, "not the address of one other host",
                    "name the peer's own unicast address"};
    for (const AddressInfo& own : NlSocket::open().list_addresses()) {
        if (IpAddr{own.address} == address)
            throw Error{object, "is an address of this host", "name the other host's address"};
        const auto subnet = Subnet::around(own.address, own.prefix_length);
        if (!address.is_v6() && subnet && own.prefix_length < 31 &&
            (subnet->broadcast() == address.v4() || subnet->network() == address.v4()))
            throw Error{object, fmt::format("is the broadcast or network address of {}", *subnet),
                        "name the peer's own unicast address"};
    }
    for (const AddressInfo6& own : NlSocket::open().list_addresses6())
        if (IpAddr{own.address} == address)
            throw Error{object, "is an address of this host", "name the other host's address"};
}

Error not_told_apart(const IpAddr& address, const std::string& network) {
    return {"peer " + address.format(),
            fmt::format("its packets could not be told from those of network {}", network),
            "give it another --ikey, and its other end that as --okey"};
}

WireKey wire_key_of(const PeerSpec& spec, const NetworkSpec& network) {
    if (network.mode == NetworkMode::nvgre || !spec.ikey) return wire_key_of(network);
    if (!spec.ikey->value) return {};
    return {XGRE_KEY_WHOLE, spec.ikey->value->value()};
}

void check_peer_spec(const PeerSpec& spec, NetworkMode mode) {
    const std::string object = "peer " + spec.address.format();
    if (mode == NetworkMode::nvgre) {
        if (spec.ikey || spec.okey)
            throw Error{object, "NVGRE has the network's VSID in the key of every packet",
                        "leave --ikey and --okey out"};
        for (const auto& wanted : {spec.icsum, spec.iseq, spec.ocsum, spec.oseq})
            if (wanted.value_or(false))
                throw Error{object, "NVGRE has neither checksums nor sequence numbers",
                            "leave --icsum, --iseq, --ocsum and --oseq out"};
    }
    if (spec.address.is_v6() && spec.df)
        throw Error{object, "IPv6 has no \"don't fragment\" bit: no router cuts its packets",
                    "leave --df out"};
    if (!spec.address.is_v6() && (spec.encap_limit || spec.flow_label))
        throw Error{object, "IPv4 has neither encapsulation limit nor flow label",
                    "leave --encap-limit and --flow-label out"};
    if (const std::uint8_t tos = spec.tos.value_or(OrNone<std::uint8_t>{}).value.value_or(0);
        (tos & 3) != 0)
        throw Error{
            object,
            fmt::format("TOS {}: its last two bits are ECN's, which follows the packet inside",
                        tos),
            "give a multiple of 4"};
    if (spec.ttl && spec.ttl->value == 0)
        throw Error{object, "with a TTL of 0 no packet gets anywhere", "give 1 to 255, or inherit"};
}

Change Instance::add_peer(const PeerSpec& spec) {
    const auto [network_id, network] = state_->network(spec.network);
    {
        const auto scope = state_->enter();
        check_peer_address(spec.address);
    }
    check_peer_spec(spec, mode_of(network));
    const IpAddr local = local_for(*state_, spec.address);
    const auto peers = state_->peers();
    std::uint32_t count = 0;
    for (const auto& [id, peer] : peers) {
        if (peer.network != network_id) continue;
        ++count;
        if (remote_of(peer) == spec.address) return change_peer(id, spec);
    }
    if (count >= kPeersOfNetwork.most) throw no_room(kPeersOfNetwork, spec.network);
    const std::uint32_t id = free_id(peers);
    PeerOptions options = default_options(network);
    // So that no one peer can leave the others, and the ports, without room.
    options.mac_limit = std::max(state_->datapath.fdb().max_entries() / 2, 1U);
    options = with_wishes(options, spec);
    const xgre_peer fresh = make_peer(network_id, network, local, spec.address, options);
    check_tunnel(*state_, id, fresh);
    check_detour(*state_, spec.address, options);
    state_->datapath.fdb_sweep();  // what is left of who had the id before
    state_->datapath.peer_counters().reset(id);
    state_->datapath.peer_states().put(id, xgre_peer_state{});
    state_->datapath.liveness().put(id, xgre_liveness{});
    state_->datapath.learned().put(XGRE_LEARNED_BY_PEER(id), 0);
    state_->datapath.peers().put(id, fresh);
    state_->reconcile();
    return Change::made;
}

Change Instance::change_peer(std::uint32_t id, const PeerSpec& spec) {
    const xgre_peer before = state_->peers().at(id);
    const auto [network_id, network] = state_->network(spec.network);
    const PeerOptions now = options_of(before, network);
    const PeerOptions wanted = with_wishes(now, spec);
    if (wanted == now) return Change::unchanged;
    const xgre_peer changed =
        make_peer(network_id, network, local_for(*state_, spec.address), spec.address, wanted);
    check_tunnel(*state_, id, changed);
    check_detour(*state_, spec.address, wanted);
    ready_flood_list(*state_, changed);
    state_->datapath.peers().put(id, changed);
    forget_path(*state_, id);
    state_->reconcile();
    return Change::made;
}

Change Instance::delete_peer(const PeerSpec& spec) {
    const auto [network_id, network] = state_->network(spec.network);
    for (const auto& [id, peer] : state_->peers()) {
        if (peer.network != network_id || remote_of(peer) != spec.address) continue;
        state_->datapath.peers().put(id, xgre_peer{});
        state_->reconcile();
        return Change::made;
    }
    return Change::unchanged;
}

std::vector<PeerInfo> Instance::peers() const {
    std::vector<PeerInfo> all;
    const auto networks = state_->networks();
    const std::uint32_t mtu = state_->mtu_behind(0);  // of the uplink
    const auto scope = state_->enter();
    NlSocket netlink = NlSocket::open();
    for (const auto& [id, peer] : state_->peers()) {
        PeerInfo info;
        info.id = id;
        info.address = remote_of(peer);
        if (const auto network = networks.find(peer.network); network != networks.end()) {
            info.network = text_of(network->second.name);
            info.options = options_of(peer, network->second);
            // As it is called: of NVGRE, the VSID, which is the network's.
            if (mode_of(network->second) == NetworkMode::nvgre)
                info.options.ikey = info.options.okey = key_of(network->second);
        }
        fill_in_mtu(info, peer, state_->datapath.peer_states().find(id).value_or(xgre_peer_state{}),
                    mtu, netlink);
        info.learned = state_->datapath.learned().find(XGRE_LEARNED_BY_PEER(id)).value_or(0);
        info.liveness = liveness_of(state_->datapath, id);
        const xgre_traffic traffic = state_->datapath.peer_counters().sum(id);
        info.traffic = {traffic.rx_packets, traffic.rx_bytes, traffic.tx_packets, traffic.tx_bytes};
        all.push_back(std::move(info));
    }
    return all;
}

}  // namespace xgre
