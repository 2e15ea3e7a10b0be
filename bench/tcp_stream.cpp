// SPDX-License-Identifier: GPL-2.0-only
#include "bench/tcp_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fmt/format.h>

#include "bench/sockets.h"

namespace xgre::bench {
namespace {

constexpr std::size_t kPeriod = 65521;  // bytes; a prime, so that no length of segments divides it
constexpr std::size_t kChunk = 4 * kPeriod;
constexpr std::size_t kCompared = 64;  // bytes of each piece that arrives

std::vector<std::uint8_t> pattern() {
    std::vector<std::uint8_t> bytes(kChunk + kCompared);
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < kPeriod; ++i) {
        state = state * 1664525 + 1013904223;
        bytes[i] = static_cast<std::uint8_t>(state >> 24);
    }
    for (std::size_t i = kPeriod; i < bytes.size(); ++i) {
        bytes[i] = bytes[i - kPeriod];
    }
    return bytes;
}

class TcpStream : public Probe {
public:
    explicit TcpStream(const World& world)
        : near_{world.a().vms.at(0)}, far_{world.b().vms.at(0)}, pattern_{pattern()} {}

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        const SocketPair sockets = connect(near_, far_, Transport::tcp);
        std::atomic<bool> done = false;
        std::atomic<std::uint64_t> received = 0;
        std::uint64_t sent = 0;
        Worker receiver{[&] { receive(sockets.far, received); }};
        Worker sender{[&] { sent = send(sockets.near, done); }};

        std::this_thread::sleep_for(slice / 4);  // slow start
        const std::uint64_t before = received;
        const auto begin = std::chrono::steady_clock::now();
        std::this_thread::sleep_for(slice);
        const std::uint64_t bytes = received - before;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        done = true;
        sender.join();
        receiver.join();
        if (sent != received) {
            throw Void{fmt::format("{} bytes were sent, {} arrived", sent, received.load())};
        }
        check_interrupt();
        return {static_cast<double>(bytes) * 8 / took.count() / 1e9};
    }

private:
    std::uint64_t send(const Fd& socket, const std::atomic<bool>& done) const {
        pin_to(processors().back());
        std::uint64_t sent = 0;
        while (!done) {
            const std::size_t at = sent % kPeriod;
            const ssize_t got = ::send(socket.get(), pattern_.data() + at, kChunk - at, 0);
            if (got < 0 && errno == EINTR) break;
            if (got < 0) socket_failed("send");
            sent += static_cast<std::uint64_t>(got);
        }
        shutdown(socket.get(), SHUT_WR);
        return sent;
    }

    void receive(const Fd& socket, std::atomic<std::uint64_t>& received) const {
        pin_to(processors().front());
        std::vector<std::uint8_t> piece(256 * 1024);
        while (true) {
            const ssize_t got = recv(socket.get(), piece.data(), piece.size(), 0);
            if (got == 0) return;
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) socket_failed("recv");
            const auto length = static_cast<std::size_t>(got);
            if (std::memcmp(piece.data(), pattern_.data() + received % kPeriod,
                            std::min(length, kCompared)) != 0) {
                throw Void{
                    fmt::format("other bytes arrived than were sent, at {}", received.load())};
            }
            received += length;
        }
    }

    const Vm& near_;
    const Vm& far_;
    std::vector<std::uint8_t> pattern_;
};

}  // namespace

std::unique_ptr<Probe> make_tcp_stream(const World& world) {
    return std::make_unique<TcpStream>(world);
}

}  // namespace xgre::bench
