// SPDX-License-Identifier: GPL-2.0-only
#include "loader/perf_sampler.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include "loader/cpu_load.h"
#include "loader/fd.h"
#include "xgre/error.h"

namespace xgre {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kRingPages = 128;                   // data; a power of two
constexpr std::chrono::milliseconds kDrainInterval{100};  // a ring holds about a second
constexpr std::size_t kMostChains = 200'000;              // and then they count as lost

Error refused(int error) {
    if (error == EACCES || error == EPERM)
        return Error::from_errno("perf", "sample the kernel", error,
                                 "run as root, on a kernel that is not locked down");
    if (error == ENOENT || error == ENOSYS || error == EOPNOTSUPP)
        return Error::from_errno("perf", "sample the kernel", error,
                                 "use a kernel with CONFIG_PERF_EVENTS");
    return Error::from_errno("perf", "sample the kernel", error, "see the kernel's log");
}

// Of the kernel on one CPU, or (cpu -1) of the calling thread on all.
Fd open_event(int cpu, std::uint64_t period_ns) {
    perf_event_attr attributes{};
    attributes.size = sizeof(attributes);
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_CPU_CLOCK;
    attributes.sample_period = period_ns;
    attributes.sample_type = PERF_SAMPLE_CALLCHAIN;
    attributes.exclude_user = 1;
    attributes.exclude_callchain_user = 1;
    Fd event{static_cast<int>(syscall(SYS_perf_event_open, &attributes, cpu < 0 ? 0 : -1, cpu, -1,
                                      PERF_FLAG_FD_CLOEXEC))};
    if (!event.is_open()) throw refused(errno);
    return event;
}

// What the kernel writes records into.
class Ring {
public:
    explicit Ring(const Fd& event)
        : page_{static_cast<std::size_t>(sysconf(_SC_PAGESIZE))}, size_{kRingPages * page_} {
        void* memory =
            mmap(nullptr, page_ + size_, PROT_READ | PROT_WRITE, MAP_SHARED, event.get(), 0);
        if (memory == MAP_FAILED)
            throw Error::from_errno("perf", "get memory for samples", errno,
                                    "raise `ulimit -l`, or run as root");
        memory_ = static_cast<std::byte*>(memory);
    }
    Ring(Ring&& other) noexcept
        : page_{other.page_}, size_{other.size_}, memory_{std::exchange(other.memory_, nullptr)} {}
    Ring& operator=(Ring&&) = delete;
    Ring(const Ring&) = delete;
    Ring& operator=(const Ring&) = delete;
    ~Ring() {
        if (memory_ != nullptr) munmap(memory_, page_ + size_);
    }

    // Hands each record to `visit`, as one piece.
    template <typename Visit>
    void drain(Visit visit) {
        auto& control = *reinterpret_cast<perf_event_mmap_page*>(memory_);
        const std::uint64_t head =
            std::atomic_ref{control.data_head}.load(std::memory_order_acquire);
        std::uint64_t tail = control.data_tail;
        while (tail < head) {
            perf_event_header header{};
            copy(tail, &header, sizeof(header));
            record_.resize(header.size);
            copy(tail, record_.data(), header.size);
            visit(header, std::span<const std::byte>{record_}.subspan(sizeof(header)));
            tail += header.size;
        }
        std::atomic_ref{control.data_tail}.store(tail, std::memory_order_release);
    }

private:
    // A record may go on at the ring's beginning.
    void copy(std::uint64_t at, void* to, std::size_t size) const {
        const std::byte* const data = memory_ + page_;
        const std::size_t begin = at % size_;
        const std::size_t first = std::min(size, size_ - begin);
        std::memcpy(to, data + begin, first);
        std::memcpy(static_cast<std::byte*>(to) + first, data, size - first);
    }

    std::size_t page_;
    std::size_t size_;
    std::byte* memory_ = nullptr;
    std::vector<std::byte> record_;
};

template <typename Value>
std::optional<Value> take_front(std::span<const std::byte>& bytes) {
    if (bytes.size() < sizeof(Value)) return std::nullopt;
    Value value{};
    std::memcpy(&value, bytes.data(), sizeof(value));
    bytes = bytes.subspan(sizeof(value));
    return value;
}

// As open_event() asked for: the number of addresses, and these. Empty when it makes no sense.
CallChain parse_sample(std::span<const std::byte> bytes) {
    CallChain chain;
    const std::uint64_t count = take_front<std::uint64_t>(bytes).value_or(0);
    for (std::uint64_t i = 0; i < count; ++i) {
        const auto address = take_front<std::uint64_t>(bytes);
        if (!address) return {};
        // Markers of what follows are addresses that there are none at.
        if (*address < static_cast<std::uint64_t>(PERF_CONTEXT_MAX)) chain.push_back(*address);
    }
    return chain;
}

}  // namespace

class PerfSampler::Running {
public:
    explicit Running(std::uint32_t rate) : began_{Clock::now()} {
        constexpr std::uint64_t kSecond = 1'000'000'000;
        collected_.rate = rate;
        for (const auto& [cpu, times] : read_cpu_times()) {
            events_.push_back(open_event(static_cast<int>(cpu), kSecond / rate));
            rings_.emplace_back(events_.back());
        }
        collected_.cpus = static_cast<std::uint32_t>(events_.size());
        if (events_.empty()) throw Error{"/proc/stat", "names no CPU", "mount /proc"};
        thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
    }

    Samples take() {
        const std::scoped_lock lock{mutex_};
        drain();
        const auto now = Clock::now();
        Samples taken = std::move(collected_);
        taken.seconds = std::chrono::duration<double>(now - began_).count();
        collected_ = {};
        collected_.rate = taken.rate;
        collected_.cpus = taken.cpus;
        began_ = now;
        return taken;
    }

private:
    void run(const std::stop_token& stop) {
        std::unique_lock lock{mutex_};
        while (!stop.stop_requested()) {
            wake_.wait_for(lock, stop, kDrainInterval, [] { return false; });
            drain();
        }
    }

    void drain() {
        for (Ring& ring : rings_)
            ring.drain([this](const perf_event_header& header, std::span<const std::byte> body) {
                if (header.type == PERF_RECORD_SAMPLE) add(parse_sample(body));
                if (header.type == PERF_RECORD_LOST) add_lost(body);
            });
    }

    void add(CallChain chain) {
        if (chain.empty()) return;
        auto& chains = collected_.chains;
        const auto found = chains.find(chain);
        if (found != chains.end()) {
            ++found->second;
        } else if (chains.size() < kMostChains) {
            chains.emplace(std::move(chain), 1);
        } else {
            ++collected_.lost;
        }
    }

    void add_lost(std::span<const std::byte> body) {
        take_front<std::uint64_t>(body);  // whose
        collected_.lost += take_front<std::uint64_t>(body).value_or(0);
    }

    Clock::time_point began_;
    std::vector<Fd> events_;
    std::vector<Ring> rings_;
    std::mutex mutex_;  // over `collected_`, `began_` and the rings
    std::condition_variable_any wake_;
    Samples collected_;
    std::jthread thread_;  // last: it ends before what it uses
};

PerfSampler::PerfSampler(std::unique_ptr<Running> running) : running_{std::move(running)} {}
PerfSampler::PerfSampler(PerfSampler&&) noexcept = default;
PerfSampler& PerfSampler::operator=(PerfSampler&&) noexcept = default;
PerfSampler::~PerfSampler() = default;

PerfSampler PerfSampler::start(std::uint32_t rate) {
    return PerfSampler{std::make_unique<Running>(rate)};
}

Samples PerfSampler::take() {
    return running_->take();
}

// ---- Its own cost ---------------------------------------------------------------------------

namespace {

// Counts to a thousand, all by immediate values (BPF_K, which is 0). It touches nothing.
Fd load_idle_program() {
    constexpr int kRounds = 1000;
    const std::array<bpf_insn, 4> code{{
        {.code = BPF_ALU64 | BPF_MOV, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
        {.code = BPF_ALU64 | BPF_ADD, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 1},
        {.code = BPF_JMP | BPF_JLT, .dst_reg = 0, .src_reg = 0, .off = -2, .imm = kRounds},
        {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
    }};
    Fd program{bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "xgre_idle", "GPL", code.data(), code.size(),
                             nullptr)};
    if (!program.is_open()) throw Error::from_errno("BPF program", "load", errno, "run as root");
    return program;
}

// Nanoseconds a run: the least of some tries, which is the one that the fewest others disturbed.
double time_of_run(const Fd& program) {
    constexpr int kTries = 20;
    constexpr int kRuns = 2000;
    std::array<std::byte, 64> frame{};
    double least = 0;
    for (int i = 0; i < kTries; ++i) {
        bpf_test_run_opts options{};
        options.sz = sizeof(options);
        options.data_in = frame.data();
        options.data_size_in = frame.size();
        options.repeat = kRuns;
        if (bpf_prog_test_run_opts(program.get(), &options) != 0)
            throw Error::from_errno("BPF program", "test run", errno, "run as root");
        const double time = options.duration;
        if (i == 0 || time < least) least = time;
    }
    return least;
}

}  // namespace

std::optional<double> measure_sample_cost() {
    constexpr std::uint64_t kPeriod = 20'000;  // ns: often enough to be seen
    const Fd program = load_idle_program();
    const double without = time_of_run(program);
    const Fd event = open_event(-1, kPeriod);
    const Ring ring{event};
    const double with = time_of_run(program);
    if (with <= without) return std::nullopt;
    return static_cast<double>(kPeriod) * (with - without) / with;
}

}  // namespace xgre
