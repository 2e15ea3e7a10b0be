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

#include "bench/row.h"

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

void be_patient(const Fd& socket) {
    timeval patience{};
    patience.tv_sec = 2;
    setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
}

Fd made(Transport transport) {
    const int type = transport == Transport::tcp ? SOCK_STREAM : SOCK_DGRAM;
    Fd made{socket(AF_INET, type | SOCK_CLOEXEC, 0)};
    if (!made.is_open()) socket_failed("socket");
    be_patient(made);
    if (transport == Transport::tcp) set(made, IPPROTO_TCP, TCP_NODELAY);
    return made;
}

Fd bound(const Vm& vm, Transport transport, std::uint16_t port) {
    const NetnsScope scope{vm.netns};
    Fd bound = made(transport);
    set(bound, SOL_SOCKET, SO_REUSEADDR);
    const sockaddr_in address = address_of(vm, port);
    if (bind(bound.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
        socket_failed("bind");
    }
    return bound;
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
    const Fd listener = listen_at(far);
    const NetnsScope scope{near.netns};
    Fd caller = call(far);
    return {std::move(caller), accept_from(listener)};
}

Fd listen_at(const Vm& far) {
    Fd listener = bound(far, Transport::tcp, kPort);
    if (listen(listener.get(), 1) != 0) socket_failed("listen");
    return listener;
}

Fd call(const Vm& far) {
    Fd caller = made(Transport::tcp);
    connect_to(caller, far, kPort);
    return caller;
}

Fd accept_from(const Fd& listener) {
    Fd called{accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!called.is_open()) socket_failed("accept");
    be_patient(called);
    set(called, IPPROTO_TCP, TCP_NODELAY);
    return called;
}

}  // namespace xgre::bench
