// SPDX-License-Identifier: GPL-2.0-only
#include "bench/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "bench/rows.h"

namespace xgre::bench {
namespace {

constexpr std::uint16_t kPort = 5001;

sockaddr_in address_of(const Vm& vm, std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = vm.address.network_order();
    return address;
}

void set(const Fd& socket, int level, int option) {
    const int on = 1;
    if (setsockopt(socket.get(), level, option, &on, sizeof(on)) != 0) socket_failed("setsockopt");
}

Fd bound(const Vm& vm, Transport transport, std::uint16_t port) {
    const NetnsScope scope{vm.netns};
    const int type = transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM;
    Fd made{socket(AF_INET, type | SOCK_CLOEXEC, 0)};
    if (!made.is_open()) socket_failed("socket");
    set(made, SOL_SOCKET, SO_REUSEADDR);
    const sockaddr_in address = address_of(vm, port);
    if (bind(made.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        socket_failed("bind");
    }
    timeval patience{};
    patience.tv_sec = 2;
    setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (transport == Transport::tcp) set(made, IPPROTO_TCP, TCP_NODELAY);
    return made;
}

void connect_to(const Fd& socket, const Vm& vm, std::uint16_t port) {
    const sockaddr_in address = address_of(vm, port);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
        0) {
        socket_failed("connect");
    }
}

}  // namespace

void socket_failed(const std::string& what) {
    throw Void{fmt::format("{}: {}", what, std::strerror(errno))};
}

SocketPair connect(const Vm& near, const Vm& far, Transport transport) {
    if (transport == Transport::udp) {
        SocketPair pair{bound(near, transport, kPort), bound(far, transport, kPort)};
        connect_to(pair.near, far, kPort);
        connect_to(pair.far, near, kPort);
        return pair;
    }
    const Fd listener = bound(far, transport, kPort);
    if (listen(listener.get(), 1) != 0) socket_failed("listen");
    Fd caller = bound(near, transport, 0);
    connect_to(caller, far, kPort);
    Fd called{accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!called.is_open()) socket_failed("accept");
    timeval patience{};
    patience.tv_sec = 2;
    setsockopt(called.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    set(called, IPPROTO_TCP, TCP_NODELAY);
    return {std::move(caller), std::move(called)};
}

}  // namespace xgre::bench
