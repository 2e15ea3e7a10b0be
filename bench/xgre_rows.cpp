// SPDX-License-Identifier: GPL-2.0-only
#include "bench/xgre_rows.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include <fmt/format.h>

#include "bench/fd.h"
#include "xgre/abi.h"
#include "xgre/error.h"
#include "xgre/instance.h"

namespace xgre::bench {
namespace {

class PinnedMap {
public:
    PinnedMap(const Session& session, const char* name)
        : path_{fmt::format("/sys/fs/bpf/xgre/{}/maps/{}", session.instance, name)},
          map_{bpf_obj_get(path_.c_str())} {
        if (!map_.is_open()) throw Error::from_errno(path_, "cannot open it", errno, "report this");
    }

    template <typename Value>
    Value get(std::uint32_t key) const {
        Value value{};
        if (bpf_map_lookup_elem(map_.get(), &key, &value) != 0)
            throw Error::from_errno(path_, "cannot read it", errno, "report this");
        return value;
    }

    template <typename Key, typename Value>
    void put(const Key& key, const Value& value) const {
        if (bpf_map_update_elem(map_.get(), &key, &value, BPF_ANY) != 0)
            throw Error::from_errno(path_, "cannot write a row", errno,
                                    "see how many rows there can be: docs/concepts.md");
    }

private:
    std::string path_;
    Fd map_;
};

template <std::size_t size>
void copy_name(char (&field)[size], const std::string& name) {
    std::memset(field, 0, size);
    std::memcpy(field, name.data(), std::min(name.size(), size - 1));
}

// The header's sum without length and checksum, as struct xgre_peer has it.
std::uint16_t sum_of(const xgre_peer& peer) {
    std::uint16_t words[10];
    std::memcpy(words, peer.outer, sizeof(words));
    std::uint32_t sum = 0;
    for (const std::uint16_t word : words)
        sum += word;
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>((sum & 0xffff) + (sum >> 16));
}

// As `sample`, which the library made, but for whom it goes to and in which network.
xgre_peer peer_like(const xgre_peer& sample, std::uint32_t network, std::uint32_t key,
                    Ip4Addr address) {
    constexpr std::size_t kDestinationWord = 4;
    constexpr std::size_t kKeyWord = 6;
    xgre_peer peer = sample;
    peer.network = network;
    peer.remote.word[0] = address.network_order();
    peer.outer[kDestinationWord] = peer.remote.word[0];
    peer.outer[kKeyWord] = htonl(key);
    peer.ikey = htonl(key);
    peer.ip_sum = sum_of(peer);
    return peer;
}

std::uint32_t id_of(std::size_t segment) {
    return static_cast<std::uint32_t>(segment) + 1;
}

xgre_fdb_key fdb_key(std::uint32_t network, const Mac& mac) {
    xgre_fdb_key key{};
    key.network = network;
    std::ranges::copy(mac.bytes(), std::begin(key.mac));
    return key;
}

xgre_fdb_entry static_entry(std::uint32_t ifindex, std::uint32_t slot) {
    xgre_fdb_entry entry{};
    entry.owner = XGRE_OWNER_PORT | XGRE_OWNER_STATIC |
                  static_cast<xgre_owner>(slot) << XGRE_OWNER_SLOT_SHIFT | ifindex;
    return entry;
}

// The first network and its first peer, by commands; their rows are the pattern.
void add_sample(const Session& session, const Segment& segment) {
    Instance instance = Instance::open(session);
    NetworkSpec network;
    network.name = network_name(segment);
    network.key = GreKey{segment.key};
    instance.add_network(network);
    instance.add_peer({.address = segment.remotes.at(0).address, .network = network.name});
}

}  // namespace

std::string network_name(const Segment& segment) {
    return fmt::format("lan{}", segment.key);
}

void write_networks(const Session& session, const Site& site) {
    add_sample(session, site.segments.at(0));
    const PinnedMap networks{session, "networks"};
    const PinnedMap peers{session, "peers"};
    const auto network_sample = networks.get<xgre_network>(1);
    const auto peer_sample = peers.get<xgre_peer>(1);
    std::uint32_t peer_id = 1;
    for (std::size_t i = 0; i < site.segments.size(); ++i) {
        const Segment& segment = site.segments[i];
        xgre_network network = network_sample;
        network.key = htonl(segment.key);
        copy_name(network.name, network_name(segment));
        networks.put(id_of(i), network);
        for (const Remote& remote : segment.remotes) {
            peers.put(peer_id++, peer_like(peer_sample, id_of(i), segment.key, remote.address));
        }
    }
}

void write_ports(const Session& session, const Site& site) {
    const PinnedMap ports{session, "ports"};
    const PinnedMap redirect{session, "redirect"};
    const PinnedMap fdb{session, "fdb"};
    const NetnsScope scope{site.host.netns};  // where `redirect` looks for devices
    std::uint32_t slot = 0;
    for (std::size_t i = 0; i < site.segments.size(); ++i) {
        for (const Vm* vm : site.segments[i].vms) {
            const auto ifindex = static_cast<std::uint32_t>(vm->port.index);
            xgre_port port{};
            port.network = id_of(i);
            port.flags = XGRE_PORT_XDP_XMIT;
            port.slot = slot++;
            copy_name(port.name, vm->port.device);
            redirect.put(ifindex, std::uint64_t{ifindex});
            ports.put(ifindex, port);
            fdb.put(fdb_key(port.network, vm->mac), static_entry(ifindex, port.slot));
        }
    }
}

}  // namespace xgre::bench
