// SPDX-License-Identifier: GPL-2.0-only
// Content between VMs, by their own sockets.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <stdexcept>
#include <thread>

#include <fmt/format.h>

#include "tests/e2e/lab.h"
#include "tests/packet/wire.h"

namespace xgre::test {
namespace {

class Hash {  // FNV-1a
public:
    void add(ByteView bytes) {
        for (const std::uint8_t byte : bytes)
            value_ = (value_ ^ byte) * 1099511628211U;
        size_ += bytes.size();
    }
    std::string text() const { return fmt::format("{} bytes, hash {:016x}", size_, value_); }

private:
    std::uint64_t value_ = 14695981039346656037U;
    std::size_t size_ = 0;
};

std::runtime_error system_error(std::string_view what) {
    return std::runtime_error{fmt::format("{}: {}", what, std::strerror(errno))};
}

// A socket address of either family; its port is the kernel's choice at first.
class SocketAddress {
public:
    explicit SocketAddress(const IpAddr& address) {
        if (address.is_v6()) {
            auto& v6 = reinterpret_cast<sockaddr_in6&>(storage_);
            v6.sin6_family = AF_INET6;
            std::memcpy(&v6.sin6_addr, address.v6().bytes().data(), sizeof(v6.sin6_addr));
            size_ = sizeof(v6);
        } else {
            auto& v4 = reinterpret_cast<sockaddr_in&>(storage_);
            v4.sin_family = AF_INET;
            std::memcpy(&v4.sin_addr, address.v4().bytes().data(), sizeof(v4.sin_addr));
            size_ = sizeof(v4);
        }
    }
    Fd socket_in(const Netns& netns, int type) const {
        const NetnsScope scope = netns.enter();
        Fd made{socket(storage_.ss_family, type | SOCK_CLOEXEC, 0)};
        const timeval patience{10, 0};
        const int room = 8 << 20;
        if (!made.is_open() ||
            setsockopt(made.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) != 0 ||
            setsockopt(made.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) != 0 ||
            (type == SOCK_DGRAM &&
             setsockopt(made.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0))
            throw system_error("socket");
        return made;
    }
    // Afterwards it has the socket's port.
    void bind(const Fd& socket) {
        if (::bind(socket.get(), get(), size_) != 0 ||
            getsockname(socket.get(), reinterpret_cast<sockaddr*>(&storage_), &size_) != 0)
            throw system_error("bind");
    }
    bool connect(const Fd& socket) const { return ::connect(socket.get(), get(), size_) == 0; }

private:
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }

    sockaddr_storage storage_{};
    socklen_t size_ = 0;
};

// Bytes that repeat with no period of a segment's or a page's size.
Bytes chunk_at(std::size_t offset, std::size_t size) {
    Bytes chunk(size);
    std::uint64_t state = offset * 6364136223846793005U + 1442695040888963407U;
    for (std::uint8_t& byte : chunk) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        byte = static_cast<std::uint8_t>(state >> 56);
    }
    return chunk;
}

std::string send_all(const Fd& stream, std::size_t size) {
    Hash hash;
    for (std::size_t sent = 0; sent < size;) {
        const Bytes chunk = chunk_at(sent, std::min<std::size_t>(size - sent, 65536));
        hash.add(chunk);
        for (std::size_t done = 0; done < chunk.size();) {
            const ssize_t now =
                ::send(stream.get(), chunk.data() + done, chunk.size() - done, MSG_NOSIGNAL);
            if (now <= 0) return fmt::format("send: {}", std::strerror(errno));
            done += static_cast<std::size_t>(now);
        }
        sent += chunk.size();
    }
    shutdown(stream.get(), SHUT_WR);
    return hash.text();
}

std::string receive_all(const Fd& stream) {
    Hash hash;
    Bytes chunk(65536);
    for (;;) {
        const ssize_t now = recv(stream.get(), chunk.data(), chunk.size(), 0);
        if (now == 0) return hash.text();
        if (now < 0) return fmt::format("receive: {} after {}", std::strerror(errno), hash.text());
        hash.add(ByteView{chunk}.first(static_cast<std::size_t>(now)));
    }
}

// ---- UDP ----

// It begins with its number.
Bytes datagram_of(std::size_t number, std::size_t size) {
    Bytes bytes;
    put32(bytes, static_cast<std::uint32_t>(number));
    put(bytes, chunk_at(number, size - bytes.size()));
    return bytes;
}

void send_datagrams(const Fd& sender, const Datagrams& datagrams,
                    const std::set<std::size_t>& came) {
    for (std::size_t i = 0; i < datagrams.number; i += datagrams.at_once) {
        Bytes bytes;
        bool is_wanted = false;
        for (std::size_t j = i; j < std::min(i + datagrams.at_once, datagrams.number); ++j) {
            put(bytes, datagram_of(j, datagrams.size));
            is_wanted |= !came.contains(j);
        }
        // It may be refused, as when what fits has just been found out: the next time, then.
        if (is_wanted) ::send(sender.get(), bytes.data(), bytes.size(), 0);
    }
}

// Until all have come, or nothing comes any more. False: one is not what was sent.
bool receive_datagrams(const Fd& receiver, const Datagrams& datagrams,
                       std::set<std::size_t>& came) {
    Bytes got(65536);
    while (came.size() < datagrams.number) {
        pollfd ready{receiver.get(), POLLIN, 0};
        if (poll(&ready, 1, 200) <= 0) return true;
        const ssize_t size = recv(receiver.get(), got.data(), got.size(), 0);
        if (size < 4) return false;
        const ByteView bytes = ByteView{got}.first(static_cast<std::size_t>(size));
        const std::size_t number = get32(bytes, 0);
        if (number >= datagrams.number ||
            !std::ranges::equal(bytes, datagram_of(number, datagrams.size)))
            return false;
        came.insert(number);
    }
    return true;
}

}  // namespace

testing::AssertionResult tcp_arrives_intact(const Netns& from, const Netns& to,
                                            const IpAddr& address, std::size_t size) {
    SocketAddress where{address};
    const Fd listener = where.socket_in(to, SOCK_STREAM);
    const Fd client = where.socket_in(from, SOCK_STREAM);
    where.bind(listener);
    if (listen(listener.get(), 1) != 0) throw system_error("listen");
    if (!where.connect(client))
        return testing::AssertionFailure() << "connect: " << std::strerror(errno);
    const Fd server{accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!server.is_open()) return testing::AssertionFailure() << "accept: " << std::strerror(errno);
    std::string sent;
    std::thread sender{[&] { sent = send_all(client, size); }};
    const std::string received = receive_all(server);
    sender.join();
    if (sent == received) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "sent " << sent << ", received " << received;
}

testing::AssertionResult tcp_arrives_intact(const Netns& from, const Netns& to, Ipv4Address address,
                                            std::size_t size) {
    return tcp_arrives_intact(from, to, IpAddr{value_of(address)}, size);
}

testing::AssertionResult udp_arrives_intact(const Netns& from, const Netns& to,
                                            const IpAddr& address, const Datagrams& datagrams) {
    SocketAddress where{address};
    const Fd receiver = where.socket_in(to, SOCK_DGRAM);
    const Fd sender = where.socket_in(from, SOCK_DGRAM);
    where.bind(receiver);
    const int segment = static_cast<int>(datagrams.size);
    if (!where.connect(sender) ||
        (datagrams.at_once > 1 &&
         setsockopt(sender.get(), SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment)) != 0))
        throw system_error("UDP socket");
    std::set<std::size_t> came;
    for (int round = 0; round < 4 && came.size() < datagrams.number; ++round) {
        send_datagrams(sender, datagrams, came);
        if (!receive_datagrams(receiver, datagrams, came))
            return testing::AssertionFailure() << "a datagram is not what was sent";
    }
    if (came.size() == datagrams.number) return testing::AssertionSuccess();
    return testing::AssertionFailure() << came.size() << " of " << datagrams.number
                                       << " datagrams of " << datagrams.size << " bytes arrived";
}

}  // namespace xgre::test
