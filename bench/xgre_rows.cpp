// SPDX-License-Identifier: GPL-2.0-only
#include "bench/xgre_rows.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <cerrno>
#include <cstring>

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

    template <typename Value>
    void put(std::uint32_t key, const Value& value) const {
        if (bpf_map_update_elem(map_.get(), &key, &value, BPF_ANY) != 0)
            throw Error::from_errno(path_, fmt::format("cannot write row {}", key), errno,
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
    peer.remote = address.network_order();
    peer.outer[kDestinationWord] = peer.remote;
    peer.outer[kKeyWord] = htonl(key);
    peer.ip_sum = sum_of(peer);
    return peer;
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

void write_rows(const Session& session, const Site& site) {
    add_sample(session, site.segments.at(0));
    const PinnedMap networks{session, "networks"};
    const PinnedMap peers{session, "peers"};
    const PinnedMap ports{session, "ports"};
    const PinnedMap redirect{session, "redirect"};
    const NetnsScope scope{site.host.netns};  // where `redirect` looks for devices

    const auto network_sample = networks.get<xgre_network>(1);
    const auto peer_sample = peers.get<xgre_peer>(1);
    std::uint32_t peer_id = 1;
    std::uint32_t slot = 0;
    for (std::uint32_t i = 0; i < site.segments.size(); ++i) {
        const Segment& segment = site.segments[i];
        const std::uint32_t id = i + 1;
        xgre_network network = network_sample;
        network.key = htonl(segment.key);
        copy_name(network.name, network_name(segment));
        networks.put(id, network);
        for (const Remote& remote : segment.remotes)
            peers.put(peer_id++, peer_like(peer_sample, id, segment.key, remote.address));
        for (const Vm* vm : segment.vms) {
            const auto ifindex = static_cast<std::uint32_t>(vm->port.index);
            xgre_port port{};
            port.network = id;
            port.slot = slot++;
            copy_name(port.name, vm->port.device);
            redirect.put(ifindex, std::uint64_t{ifindex});  // before its port: that makes it live
            ports.put(ifindex, port);
        }
    }
}

}  // namespace xgre::bench
