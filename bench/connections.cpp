// SPDX-License-Identifier: GPL-2.0-only
#include "bench/connections.h"

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "bench/sockets.h"
#include "bench/stand.h"

namespace xgre::bench {
namespace {

using Message = std::array<std::uint8_t, 64>;

bool send(const Fd& socket, const Message& message) {
    return ::send(socket.get(), message.data(), message.size(), 0) ==
           static_cast<ssize_t>(message.size());
}

bool receive(const Fd& socket, Message& message) {
    return recv(socket.get(), message.data(), message.size(), MSG_WAITALL) ==
           static_cast<ssize_t>(message.size());
}

// Each connection leaves its port behind for a minute: here are ports for more of them than a
// row makes, and those that are used up may be used again after a second.
void make_room_for_connections(const Vm& vm) {
    const NetnsScope scope{vm.netns};
    write_file("/proc/sys/net/ipv4/ip_local_port_range", "1024 65535");
    write_file("/proc/sys/net/ipv4/tcp_tw_reuse", "1");
}

class Connections : public Probe {
public:
    explicit Connections(std::unique_ptr<Stand> stand) : stand_{std::move(stand)} {
        make_room_for_connections(near());
    }

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        const Fd listener = listen_at(far());
        Worker server{[&] { serve(listener); }};
        double rate = 0;
        Worker client{[&] { rate = call_for(slice); }};
        client.join();
        server.join();
        check_interrupt();
        return {rate};
    }

private:
    const Vm& near() const { return stand_->world().a().vms.at(0); }
    const Vm& far() const { return stand_->world().b().vms.at(0); }

    // Until a connection is closed without a request.
    static void serve(const Fd& listener) {
        pin_to(processors().back());
        while (true) {
            const Fd called = accept_from(listener);
            Message message{};
            if (!receive(called, message)) return;
            if (!send(called, message)) socket_failed("send");
        }
    }

    // Thousands a second. Throws Void.
    double call_for(std::chrono::nanoseconds slice) const {
        pin_to(processors().back());
        const NetnsScope scope{near().netns};
        Message request{};
        Message response{};
        std::uint64_t count = 0;
        const auto begin = std::chrono::steady_clock::now();
        auto now = begin;
        while (now < begin + slice) {
            request.fill(static_cast<std::uint8_t>(++count));
            {
                const Fd caller = call(far());
                if (!send(caller, request)) socket_failed("send");
                if (!receive(caller, response)) socket_failed("recv");
            }
            if (response != request) throw Void{"a response is not what was asked for"};
            now = std::chrono::steady_clock::now();
        }
        call(far());
        const std::chrono::duration<double, std::milli> took = now - begin;
        return static_cast<double>(count) / took.count();
    }

    std::unique_ptr<Stand> stand_;
};

}  // namespace

std::unique_ptr<Probe> make_connections(const std::string& name, const Peer& peer) {
    const Shape shape{.vms_on_a = 1, .vms_on_b = 1, .vms = VmKind::offloads};
    return std::make_unique<Connections>(std::make_unique<Stand>(name, peer, shape));
}

}  // namespace xgre::bench
