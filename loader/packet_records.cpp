// SPDX-License-Identifier: GPL-2.0-only
#include "loader/packet_records.h"

#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <exception>

#include "xgre/error.h"

namespace xgre {
namespace {

struct FreeBuffer {
    void operator()(perf_buffer* buffer) const noexcept { perf_buffer__free(buffer); }
};

// Of each CPU. All CPUs together have 64 MiB, if that is not too little for one.
std::size_t bytes_per_cpu() {
    constexpr std::size_t kTogether = 64UL << 20;
    constexpr std::size_t kLeast = 1UL << 20;
    constexpr std::size_t kMost = 16UL << 20;
    const auto cpus = static_cast<std::size_t>(std::max(libbpf_num_possible_cpus(), 1));
    return std::bit_floor(std::clamp(kTogether / cpus, kLeast, kMost));
}

perf_event_attr attributes() {
    perf_event_attr attr{};
    attr.size = sizeof(attr);
    attr.type = PERF_TYPE_SOFTWARE;
    attr.config = PERF_COUNT_SW_BPF_OUTPUT;
    attr.sample_type = PERF_SAMPLE_RAW;
    attr.sample_period = 1;
    // To be woken for each record would take longer than the record.
    attr.watermark = 1;
    attr.wakeup_watermark = static_cast<std::uint32_t>(bytes_per_cpu() / 4);
    return attr;
}

}  // namespace

class PacketRecords::Buffers {
public:
    explicit Buffers(const Datapath& datapath) {
        perf_event_attr attr = attributes();
        const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
        buffers_.reset(perf_buffer__new_raw(datapath.map_fd("packets"), bytes_per_cpu() / page,
                                            &attr, take, this, nullptr));
        if (!buffers_)
            throw Error::from_errno("map packets", "make buffers for it", errno,
                                    "run as root, with some 64 MiB of memory free");
    }

    void read(std::chrono::milliseconds time, const Visit& visit) {
        visit_ = &visit;
        failure_ = nullptr;
        const int result = perf_buffer__poll(buffers_.get(), static_cast<int>(time.count()));
        if (result < 0 && result != -EINTR && !failure_)
            throw Error::from_errno("map packets", "read", -result, "try again");
        // Below the watermark nobody is woken.
        if (!failure_) perf_buffer__consume(buffers_.get());
        if (failure_) std::rethrow_exception(failure_);
    }

private:
    // libbpf calls it, and knows no exceptions.
    static bpf_perf_event_ret take(void* self, int cpu, perf_event_header* event) {
        auto* buffers = static_cast<Buffers*>(self);
        if (event->type != PERF_RECORD_SAMPLE) return LIBBPF_PERF_EVENT_CONT;
        try {
            buffers->take_sample(cpu, *event);
            return LIBBPF_PERF_EVENT_CONT;
        } catch (...) {
            buffers->failure_ = std::current_exception();
            return LIBBPF_PERF_EVENT_ERROR;
        }
    }

    // perf_event_open(2): with PERF_SAMPLE_RAW, a size of 32 bits and as many bytes.
    void take_sample(int cpu, const perf_event_header& event) const {
        constexpr std::size_t kBegin = sizeof(event) + sizeof(std::uint32_t);
        constexpr std::size_t kFrame = kBegin + sizeof(xgre_sighting);
        if (event.size < kFrame) return;
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(&event);
        xgre_sighting sighting{};
        std::memcpy(&sighting, bytes + kBegin, sizeof(sighting));
        (*visit_)(cpu, sighting,
                  {bytes + kFrame, std::min<std::size_t>(sighting.bytes, event.size - kFrame)});
    }

    std::unique_ptr<perf_buffer, FreeBuffer> buffers_;
    const Visit* visit_ = nullptr;
    std::exception_ptr failure_;
};

PacketRecords::PacketRecords(std::unique_ptr<Buffers> buffers) : buffers_{std::move(buffers)} {}
PacketRecords::PacketRecords(PacketRecords&&) noexcept = default;
PacketRecords& PacketRecords::operator=(PacketRecords&&) noexcept = default;
PacketRecords::~PacketRecords() = default;

PacketRecords PacketRecords::open(const Datapath& datapath) {
    return PacketRecords{std::make_unique<Buffers>(datapath)};
}

void PacketRecords::read(std::chrono::milliseconds time, const Visit& visit) {
    buffers_->read(time, visit);
}

}  // namespace xgre
