// SPDX-License-Identifier: GPL-2.0-only
#include "bench/instructions/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <string>
#include <thread>

#include <fmt/format.h>

#include "bench/instructions/guest_vms.h"
#include "bench/row.h"
#include "bench/system.h"
#include "xgre/error.h"

namespace xgre::bench {
namespace {

constexpr std::uint64_t kWarmUp = 8U << 20;  // bytes: slow start, and the receiver's window grows
constexpr std::size_t kPeriod = 65521;       // bytes; a prime, so that no length divides it
constexpr std::size_t kPiece = 2 * kPeriod;
constexpr std::size_t kCompared = 64;  // bytes of each piece that arrives

std::vector<std::uint8_t> pattern() {
    std::vector<std::uint8_t> bytes(kPiece + kPeriod + kCompared);
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        state = state * 1664525 + 1013904223;
        bytes[i] = i < kPeriod ? static_cast<std::uint8_t>(state >> 24) : bytes[i - kPeriod];
    }
    return bytes;
}

std::chrono::nanoseconds read_clock(clockid_t clock) {
    timespec now{};
    if (clock_gettime(clock, &now) != 0) {
        throw Error::from_errno("clock", "cannot read it", errno, "report this");
    }
    return std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec};
}

// Takes the processor when nobody else wants it, and so knows how long that was. The kernel's
// own count of idle time is in hundredths of a second.
class IdleTime {
public:
    IdleTime() : thread_{[this] { spin(); }} {
        const sched_param none{};
        int error = pthread_setschedparam(thread_.native_handle(), SCHED_IDLE, &none);
        if (error == 0) error = pthread_getcpuclockid(thread_.native_handle(), &clock_);
        if (error != 0) {
            stop();
            throw Error::from_errno("thread", "cannot be made to run when idle", error, "report");
        }
    }
    IdleTime(const IdleTime&) = delete;
    IdleTime& operator=(const IdleTime&) = delete;
    ~IdleTime() { stop(); }

    std::chrono::nanoseconds so_far() const { return read_clock(clock_); }

private:
    void spin() const {
        while (!done_) {
        }
    }
    void stop() {
        done_ = true;
        thread_.join();
    }

    std::atomic<bool> done_ = false;
    clockid_t clock_{};
    std::thread thread_;  // last: it uses the others
};

std::uint32_t retransmitted(const Fd& socket) {
    tcp_info info{};
    socklen_t length = sizeof(info);
    if (getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) {
        socket_failed("TCP_INFO");
    }
    return info.tcpi_total_retrans;
}

class Stream {
public:
    Stream() : sockets_{connect_guest_vms(Transport::tcp)} {}

    StreamResult measure(std::uint64_t slice_bytes, std::size_t slices) {
        std::atomic<bool> done = false;
        Worker sender{[&] { send(done); }};
        StreamResult result;
        try {
            receive(kWarmUp);
            for (std::size_t i = 0; i < slices; ++i)
                result.slices.push_back(slice(slice_bytes));
        } catch (...) {
            finish(done);
            throw;
        }
        result.retransmitted = retransmitted(sockets_.near);
        finish(done);
        sender.join();
        return result;
    }

private:
    Slice slice(std::uint64_t bytes) {
        const auto idle = idle_.so_far();
        const auto begin = read_clock(CLOCK_MONOTONIC);
        receive(bytes);
        return {read_clock(CLOCK_MONOTONIC) - begin, idle_.so_far() - idle};
    }

    // Wakes a sender that waits for room, too.
    void finish(std::atomic<bool>& done) {
        done = true;
        shutdown(sockets_.near.get(), SHUT_RDWR);
    }

    void send(const std::atomic<bool>& done) {
        std::uint64_t sent = 0;
        while (!done) {
            const ssize_t got =
                ::send(sockets_.near.get(), pattern_.data() + sent % kPeriod, kPiece, MSG_NOSIGNAL);
            if (got < 0 && !done) socket_failed("send");
            if (got > 0) sent += static_cast<std::uint64_t>(got);
        }
    }

    void receive(std::uint64_t bytes) {
        const std::uint64_t end = received_ + bytes;
        while (received_ < end) {
            const ssize_t got = recv(sockets_.far.get(), piece_.data(),
                                     std::min<std::uint64_t>(piece_.size(), end - received_), 0);
            if (got == 0) throw Void{"the stream has ended"};
            if (got < 0) socket_failed("recv");
            const auto length = static_cast<std::size_t>(got);
            if (std::memcmp(piece_.data(), pattern_.data() + received_ % kPeriod,
                            std::min(length, kCompared)) != 0) {
                throw Void{fmt::format("other bytes arrived than were sent, at {}", received_)};
            }
            received_ += length;
        }
    }

    SocketPair sockets_;
    std::vector<std::uint8_t> pattern_ = pattern();
    std::vector<std::uint8_t> piece_ = std::vector<std::uint8_t>(kPiece);
    std::uint64_t received_ = 0;
    IdleTime idle_;
};

}  // namespace

StreamResult measure_stream(std::uint64_t slice_bytes, std::size_t slices) {
    return Stream{}.measure(slice_bytes, slices);
}

}  // namespace xgre::bench
