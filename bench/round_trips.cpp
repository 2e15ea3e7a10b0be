// SPDX-License-Identifier: GPL-2.0-only
#include "bench/round_trips.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

namespace xgre::bench {
namespace {

struct Message {
    std::uint64_t number;  // the last one has none: zero
    std::array<std::uint8_t, 56> filler;
};

bool send(const Fd& socket, const Message& message) {
    return ::send(socket.get(), &message, sizeof(message), 0) == sizeof(message);
}

// False when a signal came, or the sender is gone. Throws Void.
bool receive(const Fd& socket, Message& message) {
    const ssize_t got = recv(socket.get(), &message, sizeof(message), MSG_WAITALL);
    if (got == sizeof(message)) return true;
    if (got == 0 || (got < 0 && errno == EINTR)) return false;
    if (got > 0) throw Void{"a message arrived in part"};
    socket_failed("recv");
}

class RoundTrips : public Probe {
public:
    RoundTrips(const World& world, Transport transport)
        : near_{world.a().vms.at(0)}, far_{world.b().vms.at(0)}, transport_{transport} {}

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        const SocketPair sockets = connect(near_, far_, transport_);
        Worker server{[&] { answer(sockets.far); }};
        std::vector<double> times;
        Worker client{[&] { times = ask(sockets.near, slice); }};
        client.join();
        server.join();
        check_interrupt();
        if (times.empty()) throw Void{"no request was answered"};
        return {percentile(times, 50), percentile(times, 99)};
    }

private:
    static void answer(const Fd& socket) {
        pin_to(processors().back());
        Message message{};
        while (receive(socket, message) && message.number != 0) {
            if (!send(socket, message)) socket_failed("send");
        }
    }

    // Microseconds of each trip. Throws Void.
    static std::vector<double> ask(const Fd& socket, std::chrono::nanoseconds slice) {
        pin_to(processors().back());
        std::vector<double> times;
        Message request{}, response{};
        request.filler.fill(0x5a);
        const auto begin = std::chrono::steady_clock::now();
        auto now = begin;
        while (now < begin + slice) {
            ++request.number;
            if (!send(socket, request)) socket_failed("send");
            if (!receive(socket, response)) break;
            const auto arrived = std::chrono::steady_clock::now();
            if (response.number != request.number || response.filler != request.filler) {
                throw Void{"a response is not what was asked for"};
            }
            times.push_back(std::chrono::duration<double, std::micro>(arrived - now).count());
            now = arrived;
        }
        send(socket, Message{});
        return times;
    }

    static double percentile(std::vector<double>& times, std::size_t percent) {
        const auto at =
            times.begin() + static_cast<std::ptrdiff_t>((times.size() - 1) * percent / 100);
        std::ranges::nth_element(times, at);
        return *at;
    }

    const Vm& near_;
    const Vm& far_;
    Transport transport_;
};

}  // namespace

std::unique_ptr<Probe> make_round_trips(const World& world, Transport transport) {
    return std::make_unique<RoundTrips>(world, transport);
}

}  // namespace xgre::bench
