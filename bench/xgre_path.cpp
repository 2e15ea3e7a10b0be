// SPDX-License-Identifier: GPL-2.0-only
#include "bench/xgre_path.h"

#include <cstdint>
#include <cstdio>
#include <string>

#include <fmt/format.h>

#include "bench/xgre_rows.h"
#include "xgre/error.h"
#include "xgre/instance.h"

namespace xgre::bench {
namespace {

constexpr std::size_t kMostByCommands = 20;  // networks and peers; ports

struct Size {
    std::size_t rows = 0;  // networks and peers
    std::size_t ports = 0;
};

Size size_of(const Site& site) {
    Size size;
    for (const Segment& segment : site.segments) {
        size.rows += 1 + segment.remotes.size();
        size.ports += segment.vms.size();
    }
    return size;
}

void add_network(Instance& instance, const Segment& segment) {
    NetworkSpec network;
    network.name = network_name(segment);
    network.key = GreKey{segment.key};
    instance.add_network(network);
    for (const Remote& remote : segment.remotes)
        instance.add_peer({.address = remote.address, .network = network.name});
}

void add_ports(Instance& instance, const Segment& segment) {
    for (const Vm* vm : segment.vms) {
        PortSpec port;
        port.device = vm->port.device;
        port.network = network_name(segment);
        port.static_macs = {vm->mac};
        instance.add_port(port);
    }
}

void add_addresses_behind_peers(Instance& instance, const Segment& segment) {
    FdbSpec entry;
    entry.network = network_name(segment);
    for (const Remote& remote : segment.remotes) {
        entry.peer = remote.address;
        for (const Mac& mac : remote.macs) {
            entry.mac = mac;
            instance.add_fdb(entry);
        }
    }
}

class XgrePath : public DataPath {
public:
    XgrePath(const Site& site, bool xdp)
        : session_{attach_xgre(site, xdp)}, has_many_ports_{size_of(site).ports > kMostByCommands} {
        try {
            configure_xgre(session_, site);
        } catch (...) {
            detach();
            throw;
        }
    }
    XgrePath(const XgrePath&) = delete;
    XgrePath& operator=(const XgrePath&) = delete;
    ~XgrePath() override { detach(); }

    void forget() override { Instance::open(session_).flush_fdb({}); }
    std::uint64_t learned() const override {
        std::uint64_t count = 0;
        Instance::view(session_).fdb({}, [&](const FdbInfo& entry) {
            if (!entry.is_static) ++count;
        });
        return count;
    }
    // Not where ports were written as rows: they would all get their hooks.
    void look_again() override {
        if (!has_many_ports_) Instance::open(session_);
    }
    const Session* session() const override { return &session_; }

private:
    void detach() noexcept {
        try {
            Instance::detach(session_, true);
        } catch (const Error& error) {
            fmt::print(stderr, "xgre-bench: {}\n", error.what());
        }
    }

    Session session_;
    bool has_many_ports_;
};

}  // namespace

Session attach_xgre(const Site& site, bool xdp) {
    Session session{.instance = site.host.netns, .netns = site.host.netns};
    AttachSpec attach;
    attach.uplink = site.host.uplink;
    attach.local = site.host.address;
    attach.xdp = xdp ? XdpUse::on : XdpUse::off;
    if (site.shape.fdb_entries != 0) attach.fdb_entries = site.shape.fdb_entries;
    Instance::attach(session, attach);
    return session;
}

void configure_xgre(const Session& session, const Site& site) {
    const Size size = size_of(site);
    if (size.rows > kMostByCommands) write_networks(session, site);
    Instance instance = Instance::open(session);  // which makes what follows from the rows
    for (const Segment& segment : site.segments) {
        if (size.rows <= kMostByCommands) add_network(instance, segment);
        if (size.ports <= kMostByCommands) add_ports(instance, segment);
        add_addresses_behind_peers(instance, segment);
    }
    if (size.ports > kMostByCommands) write_ports(session, site);
}

std::unique_ptr<DataPath> join_xgre(const Site& site) {
    return std::make_unique<XgrePath>(site, true);
}

std::unique_ptr<DataPath> join_xgre_without_xdp(const Site& site) {
    return std::make_unique<XgrePath>(site, false);
}

}  // namespace xgre::bench
