// SPDX-License-Identifier: GPL-2.0-only
// Hosts with xgre instances, and VMs that ask for leases, for the tests of DHCP.
#pragma once

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "loader/ethtool.h"
#include "loader/process.h"
#include "tests/loader/lab.h"
#include "xgre/dhcp.h"
#include "xgre/instance.h"

namespace xgre::test {

inline Ip4Addr ip(std::string_view text) {
    return Ip4Addr::parse(text).value();
}

// Two ends of a wire. A wire between hosts carries no unfinished checksums.
inline void connect(const std::string& netns, const std::string& device,
                    const std::string& other_netns, const std::string& other_device, bool wire) {
    {
        const auto scope = NetnsScope::enter(netns);
        NlSocket::open().create_veth(device, other_device, open_netns(other_netns));
    }
    for (const auto& [where, name] : {std::pair{netns, device}, {other_netns, other_device}}) {
        const auto scope = NetnsScope::enter(where);
        if (wire) ethtool::set_tx_checksum(name, false);
        if (wire) ethtool::set_tx_vlan(name, false);
        NlSocket::open().set_link_up(name);
    }
}

// A host with an instance of its own; its uplink is `up0`.
class Host {
public:
    explicit Host(std::string_view role) : netns_{fmt::format("host-{}", role)} {
        session_.instance = fmt::format("t{}{}", getpid(), role);
        session_.netns = netns_.name();
    }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host() {
        try {
            Instance::detach(session_, true);
        } catch (const Error& error) {
            ADD_FAILURE() << error.what();
        }
    }

    const Session& session() const { return session_; }
    const std::string& netns() const { return netns_.name(); }
    std::string router_of(std::string_view network) const {
        return fmt::format("xgre-{}-{}", session_.instance, network);
    }
    std::string run_directory(std::string_view network) const {
        return fmt::format("/run/xgre/{}/dhcp/{}", session_.instance, network);
    }
    std::string lease_file(std::string_view network) const {
        return fmt::format("/var/lib/xgre/{}/{}.leases", session_.instance, network);
    }

    void attach(std::string_view address) const {
        {
            const auto scope = netns_.enter();
            NlSocket::open().add_address("up0", ip(address), 24);
        }
        AttachSpec spec;
        spec.uplink = "up0";
        spec.local = ip(address);
        Instance::attach(session_, spec);
    }
    void add_network(const std::string& name, std::uint32_t key) const {
        NetworkSpec spec;
        spec.name = name;
        spec.key = GreKey::parse(std::to_string(key));
        Instance::open(session_).add_network(spec);
    }
    void add_peer(std::string_view address, const std::string& network) const {
        Instance::open(session_).add_peer({ip(address), network});
    }

private:
    NamedNetns netns_;
    Session session_;
};

// What a VM was leased.
struct Lease {
    std::string address;
    std::string mask;
    std::string router;
    std::string mtu;
    std::string dns;
    std::string server;
};

// A VM behind a port of a host, with `eth0` inside.
class Vm {
public:
    Vm(const Host& host, const std::string& name, const std::string& network)
        : host_{host.netns()}, netns_{name}, port_{fmt::format("vm-{}", name)} {
        connect(host.netns(), port_, netns_.name(), "eth0", false);
        PortSpec spec;
        spec.device = port_;
        spec.network = network;
        Instance::open(host.session()).add_port(spec);
    }

    Vm(const Vm&) = delete;
    Vm& operator=(const Vm&) = delete;
    // Its namespace would take the port along only some time later, and the name is wanted again.
    ~Vm() {
        try {
            const auto scope = NetnsScope::enter(host_);
            NlSocket::open().delete_link(port_);
        } catch (const Error& error) {
            ADD_FAILURE() << error.what();
        }
    }

    const std::string& port() const { return port_; }
    Mac mac() const {
        const auto scope = netns_.enter();
        return NlSocket::open().get_link("eth0").mac;
    }
    void set_mac(const Mac& mac) const {
        const auto scope = netns_.enter();
        NlSocket::open().set_mac("eth0", mac);
    }
    NetnsScope enter() const { return netns_.enter(); }

    // Asks with a plain client; nullopt: nobody answered.
    std::optional<Lease> ask(int tries = 8) const {
        const std::filesystem::path work =
            std::filesystem::temp_directory_path() / fmt::format("{}-udhcpc", netns_.name());
        std::filesystem::create_directories(work);
        const auto script = work / "script";
        const auto answer = work / "answer";
        std::ofstream{script} << "#!/bin/sh\n"
                              << "[ \"$1\" = bound ] || exit 0\n"
                              << "printf '%s\\n' \"$ip\" \"$subnet\" \"$router\" \"$mtu\" \"$dns\" "
                                 "\"$serverid\" >"
                              << answer << '\n';
        std::filesystem::permissions(script, std::filesystem::perms::owner_all);
        const Fd where = open_netns(netns_.name());
        const Ended ended = run({{"busybox", "udhcpc", "-i", "eth0", "-f", "-q", "-n", "-t",
                                  std::to_string(tries), "-T", "1", "-s", script.string()},
                                 &where},
                                std::chrono::seconds{30});
        std::optional<Lease> lease;
        if (ended.status == 0) {
            lease.emplace();
            std::ifstream lines{answer};
            for (std::string* field : {&lease->address, &lease->mask, &lease->router, &lease->mtu,
                                       &lease->dns, &lease->server}) {
                std::getline(lines, *field);
            }
        }
        std::filesystem::remove_all(work);
        return lease;
    }

private:
    std::string host_;
    NamedNetns netns_;
    std::string port_;
};

// What reaches a VM from now on, as it is on its wire.
class Capture {
public:
    explicit Capture(const Vm& vm) {
        const auto scope = vm.enter();
        socket_ = Fd{::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
        const int on = 1;
        setsockopt(socket_.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof(on));
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = htons(ETH_P_ALL);
        address.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
        if (bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
            throw std::runtime_error{"cannot capture"};
        }
    }

    struct Frame {
        std::vector<std::uint8_t> bytes;
        bool checksum_is_missing = false;  // left to hardware
        bool from_vm = false;
    };

    std::optional<Frame> next() {
        Frame frame;
        frame.bytes.resize(65536);
        alignas(cmsghdr) std::array<std::uint8_t, 256> control{};
        sockaddr_ll from{};
        iovec bytes{frame.bytes.data(), frame.bytes.size()};
        msghdr message{};
        message.msg_name = &from;
        message.msg_namelen = sizeof(from);
        message.msg_iov = &bytes;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t length = recvmsg(socket_.get(), &message, 0);
        if (length < 0) return std::nullopt;
        frame.bytes.resize(static_cast<std::size_t>(length));
        frame.from_vm = from.sll_pkttype == PACKET_OUTGOING;
        for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
             part = CMSG_NXTHDR(&message, part)) {
            if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
            tpacket_auxdata aux{};
            std::copy_n(CMSG_DATA(part), sizeof(aux), reinterpret_cast<std::uint8_t*>(&aux));
            frame.checksum_is_missing = (aux.tp_status & TP_STATUS_CSUMNOTREADY) != 0;
        }
        return frame;
    }

private:
    Fd socket_;
};

}  // namespace xgre::test
