// SPDX-License-Identifier: GPL-2.0-only
#include "bench/tcp_streams.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <deque>
#include <thread>
#include <utility>

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

// One connection, whose bytes are checked where they arrive.
class Stream {
public:
    Stream(const Vm& near, const Vm& far, const std::vector<std::uint8_t>& bytes,
           const std::atomic<bool>& done)
        : sockets_{connect(near, far, Transport::tcp)},
          pattern_{bytes},
          done_{done},
          receiver_{[this] { receive(); }},
          sender_{[this] { send(); }} {}

    std::uint64_t received() const { return received_; }

    // After `done`. Throws Void.
    void join() {
        sender_.join();
        receiver_.join();
        if (sent_ != received_) {
            throw Void{fmt::format("{} bytes were sent, {} arrived", sent_, received_.load())};
        }
    }

private:
    void send() {
        pin_to(processors().back());
        while (!done_) {
            const std::size_t at = sent_ % kPeriod;
            const ssize_t got = ::send(sockets_.near.get(), pattern_.data() + at, kChunk - at, 0);
            if (got < 0 && errno == EINTR) break;
            if (got < 0) socket_failed("send");
            sent_ += static_cast<std::uint64_t>(got);
        }
        shutdown(sockets_.near.get(), SHUT_WR);
    }

    void receive() {
        pin_to(processors().front());
        std::vector<std::uint8_t> piece(256 * 1024);
        while (true) {
            const ssize_t got = recv(sockets_.far.get(), piece.data(), piece.size(), 0);
            if (got == 0) return;
            if (got < 0 && errno == EINTR) continue;
            if (got < 0) socket_failed("recv");
            const auto length = static_cast<std::size_t>(got);
            if (std::memcmp(piece.data(), pattern_.data() + received_ % kPeriod,
                            std::min(length, kCompared)) != 0) {
                throw Void{
                    fmt::format("other bytes arrived than were sent, at {}", received_.load())};
            }
            received_ += length;
        }
    }

    SocketPair sockets_;
    const std::vector<std::uint8_t>& pattern_;
    const std::atomic<bool>& done_;
    std::atomic<std::uint64_t> received_ = 0;
    std::uint64_t sent_ = 0;
    Worker receiver_;  // they use the others
    Worker sender_;
};

// Sets a flag when it goes, however that happens.
class SetAtEnd {
public:
    explicit SetAtEnd(std::atomic<bool>& flag) : flag_{flag} {}
    SetAtEnd(const SetAtEnd&) = delete;
    SetAtEnd& operator=(const SetAtEnd&) = delete;
    ~SetAtEnd() { flag_ = true; }

private:
    std::atomic<bool>& flag_;
};

class TcpStreams : public Probe {
public:
    TcpStreams(std::unique_ptr<Stand> stand, std::size_t count)
        : stand_{std::move(stand)}, count_{count}, pattern_{pattern()} {}

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        const World& world = stand_->world();
        std::atomic<bool> done = false;
        std::deque<Stream> streams;  // it moves none
        const SetAtEnd stop{done};   // ends before them
        for (std::size_t i = 0; i < count_; ++i)
            streams.emplace_back(world.a().vms.at(0), world.b().vms.at(0), pattern_, done);

        std::this_thread::sleep_for(slice / 4);  // slow start
        const std::uint64_t before = received(streams);
        const auto begin = std::chrono::steady_clock::now();
        std::this_thread::sleep_for(slice);
        const std::uint64_t bytes = received(streams) - before;
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        done = true;
        for (Stream& stream : streams)
            stream.join();
        check_interrupt();
        return {static_cast<double>(bytes) * 8 / took.count() / 1e9};
    }

private:
    static std::uint64_t received(const std::deque<Stream>& streams) {
        std::uint64_t sum = 0;
        for (const Stream& stream : streams)
            sum += stream.received();
        return sum;
    }

    std::unique_ptr<Stand> stand_;
    std::size_t count_;
    std::vector<std::uint8_t> pattern_;
};

}  // namespace

std::unique_ptr<Probe> make_tcp_streams(const std::string& name, const Peer& peer, VmKind vms,
                                        std::size_t count) {
    const Shape shape{.vms_on_a = 1, .vms_on_b = 1, .vms = vms};
    return make_tcp_streams(std::make_unique<Stand>(name, peer, shape), count);
}

std::unique_ptr<Probe> make_tcp_streams(std::unique_ptr<Stand> stand, std::size_t count) {
    return std::make_unique<TcpStreams>(std::move(stand), count);
}

}  // namespace xgre::bench
