// SPDX-License-Identifier: GPL-2.0-only
#include "bench/tap_transfer.h"

#include <poll.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "bench/frame.h"
#include "bench/stand.h"
#include "bench/tap.h"

namespace xgre::bench {
namespace {

constexpr std::size_t kSegmentSize = kVmMtu - 40;    // IPv4 and TCP without options
constexpr std::size_t kPayload = 46 * kSegmentSize;  // in one write; IP allows 64 KiB
constexpr std::size_t kCompared = 64;                // bytes at both ends of what arrives
constexpr int kPatience = 100;                       // milliseconds

Frame payload() {
    Frame bytes(kPayload);
    std::uint32_t state = 1;
    for (std::uint8_t& byte : bytes) {
        state = state * 1664525 + 1013904223;
        byte = static_cast<std::uint8_t>(state >> 24);
    }
    return bytes;
}

Frame segment_between(const Vm& from, const Vm& to, const Frame& bytes) {
    return large_segment(
        {.source = from.mac, .destination = to.mac, .from = from.address, .to = to.address}, bytes);
}

class TapTransfer : public Probe {
public:
    explicit TapTransfer(std::unique_ptr<Stand> stand)
        : stand_{std::move(stand)},
          from_{stand_->world().a().vms.at(0)},
          to_{stand_->world().b().vms.at(0)},
          payload_{payload()},
          segment_{segment_between(from_, to_, payload_)},
          buffer_(65536 + kTcpHeaders) {}

    std::vector<double> measure(std::chrono::nanoseconds slice) override {
        pin_to(processors().back());
        const auto begin = std::chrono::steady_clock::now();
        const std::uint64_t before = sent_;
        const std::uint64_t frames_before = frames_;
        auto now = begin;
        while (now < begin + slice) {
            send();
            while (received_ < sent_)
                receive();
            check_interrupt();
            now = std::chrono::steady_clock::now();
        }
        const std::chrono::duration<double, std::nano> took = now - begin;
        const auto bytes = static_cast<double>(sent_ - before);
        return {bytes * 8 / took.count(),
                bytes / 1e3 / static_cast<double>(frames_ - frames_before)};
    }

private:
    void send() {
        set_sequence(segment_, static_cast<std::uint32_t>(sent_));
        Offload offload;
        offload.flags = Offload::kFillInChecksum;
        offload.gso_type = Offload::kTcp4;
        offload.header_len = kTcpHeaders;
        offload.gso_size = kSegmentSize;
        offload.checksum_start = kTcpHeaders - 20;
        offload.checksum_offset = 16;
        const std::array<iovec, 2> parts{
            {{&offload, sizeof(offload)}, {segment_.data(), segment_.size()}}};
        if (writev(from_.tap.get(), parts.data(), parts.size()) < 0)
            throw Void{fmt::format("write to the tap: {}", std::strerror(errno))};
        sent_ += kPayload;
    }

    // One frame; other ones than ours are none.
    void receive() {
        Offload offload;
        const std::array<iovec, 2> parts{
            {{&offload, sizeof(offload)}, {buffer_.data(), buffer_.size()}}};
        const ssize_t got = readv(to_.tap.get(), parts.data(), parts.size());
        if (got < 0) {
            pollfd more{.fd = to_.tap.get(), .events = POLLIN, .revents = 0};
            if (errno == EAGAIN && poll(&more, 1, kPatience) == 1) return;
            throw Void{fmt::format("{} of {} bytes were lost", sent_ - received_, kPayload)};
        }
        const std::span<const std::uint8_t> frame{buffer_.data(),
                                                  static_cast<std::size_t>(got) - sizeof(offload)};
        if (frame.size() < 6 || !std::ranges::equal(frame.first(6), to_.mac.bytes())) return;
        const bool finished = (offload.flags & (Offload::kFillInChecksum | Offload::kChecked)) == 0;
        const auto sequence = static_cast<std::uint32_t>(received_);
        if (const auto fault = fault_of_segment(frame, sequence, finished)) throw Void{*fault};
        take(frame.subspan(kTcpHeaders));
    }

    void take(std::span<const std::uint8_t> bytes) {
        const std::size_t at = received_ % kPayload;
        const std::size_t compared = std::min(kCompared, bytes.size());
        if (bytes.size() > kPayload - at ||
            !std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(compared),
                        payload_.begin() + static_cast<std::ptrdiff_t>(at)) ||
            !std::equal(
                bytes.end() - static_cast<std::ptrdiff_t>(compared), bytes.end(),
                payload_.begin() + static_cast<std::ptrdiff_t>(at + bytes.size() - compared))) {
            throw Void{fmt::format("other bytes arrived than were sent, at {}", received_)};
        }
        received_ += bytes.size();
        ++frames_;
    }

    std::unique_ptr<Stand> stand_;
    const Vm& from_;
    const Vm& to_;
    Frame payload_;
    Frame segment_;
    std::vector<std::uint8_t> buffer_;
    std::uint64_t sent_ = 0;  // bytes of the stream
    std::uint64_t received_ = 0;
    std::uint64_t frames_ = 0;  // received
};

}  // namespace

std::unique_ptr<Probe> make_tap_transfer(const std::string& name, const Peer& peer) {
    const Shape shape{.vms_on_a = 1, .vms_on_b = 1, .vms = VmKind::tap};
    return std::make_unique<TapTransfer>(std::make_unique<Stand>(name, peer, shape));
}

}  // namespace xgre::bench
