// SPDX-License-Identifier: GPL-2.0-only
#include "bench/round_trips.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>

#include "bench/stand.h"
#include "bench/statistics.h"

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
    RoundTrips(std::unique_ptr<Stand> stand, Transport transport)
        : stand_{std::move(stand)}, transport_{transport} {}

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        const World& world = stand_->world();
        const SocketPair sockets = connect(world.a().vms.at(0), world.b().vms.at(0), transport_);
        Worker server{[&] { answer(sockets.far); }};
        std::vector<double> times;
        Worker client{[&] { times = ask(sockets.near, slice); }};
        client.join();
        server.join();
        check_interrupt();
        if (times.empty()) throw Void{"no request was answered"};
        std::ranges::sort(times);
        return {quantile(times, 0.5), quantile(times, 0.99), quantile(times, 0.999)};
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

    std::unique_ptr<Stand> stand_;
    Transport transport_;
};

}  // namespace

std::unique_ptr<Probe> make_round_trips(const std::string& name, const Peer& peer,
                                        Transport transport) {
    const Shape shape{.vms_on_a = 1, .vms_on_b = 1, .vms = VmKind::offloads};
    return std::make_unique<RoundTrips>(std::make_unique<Stand>(name, peer, shape), transport);
}

}  // namespace xgre::bench
